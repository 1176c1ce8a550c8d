"""The first hour of a reader who knows PyTorch: a result, a proof, a sharded model, from the docs alone."""

import os

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard

import oneseed
import oneseed_torch
from oneseed.testing import assert_same_model
from oneseed_torch import init

for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}.items():
    os.environ.setdefault(name, value)
dist.init_process_group("gloo")


def say(*words):
    if dist.get_rank() == 0:
        print(*words)


# A first result: torch.md, for Keras's truncated He in PyTorch's layout.
kernel = torch.nn.Conv2d(3, 8, 3).weight
with torch.no_grad():
    kernel.copy_(oneseed.initializers.HeNormal(seed=7)((8, 3, 3, 3), axes="o i h w", backend="torch"))
say("first", oneseed.fingerprint(kernel, "o i h w"))
other = init.kaiming_uniform_(torch.empty(8, 3, 3, 3), nonlinearity="relu", seed=7)
assert torch.equal(other, oneseed.initializers.HeUniform(seed=7)((8, 3, 3, 3), axes="o i h w", backend="torch"))


# A proof: start/torch.md, and models.md for `names`.
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 12)


def build():
    with torch.device("meta"):
        return Net()


scheme = oneseed.Scheme([oneseed.Rule("*/bias", "zeros"), oneseed.Rule("*/kernel", "glorot_uniform")])
names = [(r"\.weight$", "/kernel"), (r"\.", "/")]
model = oneseed_torch.initialize_(build(), scheme, seed=7, names=names, device="cpu")
axes = oneseed_torch.axes_of(model)
for name, parameter in model.named_parameters():
    say(name.replace(".weight", "/kernel").replace(".", "/"), oneseed.fingerprint(parameter, axes.get(name)))

# A sharded model: start/torch.md.
sharded = fully_shard(build(), mesh=dist.init_device_mesh("cpu", (dist.get_world_size(),)))
oneseed_torch.initialize_(sharded, scheme, seed=7, names=names)
assert len(sharded.head.weight.to_local()) == 12 // dist.get_world_size()
whole = {name: parameter.full_tensor() for name, parameter in sharded.named_parameters()}
assert_same_model(dict(model.named_parameters()), whole)
dist.destroy_process_group()
