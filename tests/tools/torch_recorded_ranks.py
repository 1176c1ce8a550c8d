"""Initialize sharded modules by a recorded scheme on several ranks, and compare them with one that is not sharded.

Called with the number of ranks; prints their exit codes. Nothing but gloo on the CPU is needed.
"""

import math

import torch
import torch.distributed as dist
from ranks import start
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import SplitPoint, pipeline
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn import init

from oneseed import Scheme
from oneseed_torch import initialize_, recorded_scheme


class Block(nn.Module):
    """A normal, an orthogonal, a truncated and a uniform weight; a program; a table."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(12, 24), nn.Linear(24, 12)
        init.orthogonal_(self.up.weight)
        init.trunc_normal_(self.down.weight, std=0.5, a=-0.7, b=0.7)
        rate = torch.exp(torch.rand(12) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
        self.rate = nn.Parameter(rate + torch.log(-torch.expm1(-rate)))
        self.register_buffer("table", torch.arange(12.0).cos())

    def forward(self, x):
        return x + self.down(torch.relu(self.up(x * self.table))) * self.rate


class Model(nn.Module):
    """An embedding with a row for padding, blocks, of which the second is a copy of the first, and a tied head."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 12, padding_idx=3)
        self.first, self.second = Block(), Block()
        self.second.load_state_dict(self.first.state_dict())
        self.norm, self.head = nn.LayerNorm(12), nn.Linear(12, 50, bias=False)
        init.normal_(self.embed.weight, std=0.1)
        with torch.no_grad():
            self.embed.weight[3].zero_()

    def forward(self, tokens):
        return self.head(self.norm(self.second(self.first(self.embed(tokens)))))


class Tied(Model):
    def __init__(self):
        super().__init__()
        self.head.weight = self.embed.weight


def on_meta(build):
    with torch.device("meta"):
        return build()


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def compare(made, expected, how):
    """Every parameter and buffer has the bits of the module that is not sharded, and the forward works."""
    wanted = dict(expected.state_dict())
    for name, tensor in made.state_dict().items():
        assert torch.equal(whole(tensor), wanted[name]), (how, name)
    tokens = torch.tensor([[1, 2, 3, 4]])
    out = made(tokens)
    assert torch.allclose(whole(out), expected(tokens), atol=1e-5), how


PLAN = {
    f"{block}.{layer}": style()
    for block in ("first", "second")
    for layer, style in (("up", ColwiseParallel), ("down", RowwiseParallel))
}


def rank_main(rank, count, file):
    """What each process does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{file}", rank=rank, world_size=count)
    for build in (Model, Tied):
        scheme = Scheme.from_json(recorded_scheme(build).to_json())
        expected = initialize_(build(), scheme, seed=7)
        for make in (on_meta, lambda build: build()):
            sharded = make(build)
            for layer in (sharded.first, sharded.second, sharded):
                fully_shard(layer)
            compare(initialize_(sharded, scheme, seed=7, device="cpu"), expected, "fully_shard")
        mesh = init_device_mesh("cpu", (count,), mesh_dim_names=("model",))
        parallel = parallelize_module(on_meta(build), mesh, PLAN)
        compare(initialize_(parallel, scheme, seed=7, device="cpu"), expected, "tensor parallel")
        if count == 4:
            mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "model"))
            both = parallelize_module(on_meta(build), mesh["model"], PLAN)
            for layer in (both.first, both.second, both):
                fully_shard(layer, mesh=mesh["data"])
            compare(initialize_(both, scheme, seed=7, device="cpu"), expected, "both")
        split = {"second": SplitPoint.BEGINNING}
        stages = pipeline(
            on_meta(build), mb_args=(on_meta(lambda: torch.zeros(1, 4, dtype=torch.long)),), split_spec=split
        )
        stage = initialize_(stages.get_stage_module(rank % 2), scheme, seed=7, device="cpu")
        assert len(stage.state_dict()) > 3
        for name, tensor in stage.state_dict().items():
            assert torch.equal(tensor, expected.state_dict()[name]), ("stage", name)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    start(rank_main)
