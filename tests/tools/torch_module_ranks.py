"""Initialize sharded modules on several ranks, and compare the whole with a module that is not sharded.

Called with the number of ranks; prints their exit codes. Nothing but gloo on the CPU is needed.
"""

import sys

import pytest
import torch
import torch.distributed as dist
from ranks import start
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor.debug import CommDebugMode

from oneseed import Rule, Scheme
from oneseed.initializers import RandomNormal
from oneseed_torch import initialize_

SCHEME = Scheme(
    [
        Rule("*bias", "zeros"),
        Rule("0.weight", "he_normal"),
        Rule("2.weight", "orthogonal"),
        Rule("*.weight", "glorot_uniform"),
    ]
)

SCHEME_OF_ONE = Scheme([Rule("weight", "he_normal")])
SIDE, ALLOWED = 8192, 64 * 2**20


def model():
    """Layers of sizes that no number of ranks divides."""
    return nn.Sequential(nn.Linear(10, 13), nn.ReLU(), nn.Linear(13, 9), nn.Sequential(nn.Linear(9, 3)))


def sharded(meta):
    with torch.device("meta" if meta else "cpu"):
        made = model()
    fully_shard(made[3])
    fully_shard(made)
    return made


def resident(field):
    """Return the memory of this process in bytes: "VmRSS" is that of now, "VmHWM" the largest."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def check_memory(count):
    """A rank takes the memory of its own part, and little more: less than the whole from two ranks on."""
    if not sys.platform.startswith("linux"):
        return
    RandomNormal(seed=1)((2**22,))  # has the kernels loaded, which stay
    before = resident("VmRSS")
    with torch.device("meta"):
        large = nn.Linear(SIDE, SIDE, bias=False)
    fully_shard(large)
    initialize_(large, SCHEME_OF_ONE, seed=7)
    taken = resident("VmHWM") - before
    assert taken <= 4 * SIDE**2 / count + ALLOWED, (taken - 4 * SIDE**2 / count) / 2**20


def check_wrappers(expected):
    """DDP and the older FullyShardedDataParallel: the bare module's weights, or an error instead of pieces."""
    wrapped = nn.parallel.DistributedDataParallel(model())
    initialize_(wrapped, SCHEME, seed=7)
    assert all(map(torch.equal, wrapped.parameters(), expected.parameters()))
    pieces = FullyShardedDataParallel(model(), use_orig_params=True, device_id=torch.device("cpu"))
    if dist.get_world_size() > 1:
        with pytest.raises(ValueError, match="summon_full_params"):
            initialize_(pieces, SCHEME, seed=7)


def rank_main(rank, count, file):
    """What each process does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{file}", rank=rank, world_size=count)
    expected = initialize_(model(), SCHEME, seed=7)
    for meta in (False, True):
        made = sharded(meta)
        with CommDebugMode() as communication:
            initialize_(made, SCHEME, seed=7)
        assert communication.get_total_counts() == 0
        for (name, found), wanted in zip(made.named_parameters(), expected.parameters(), strict=True):
            assert found.to_local().device.type == "cpu"
            assert torch.equal(found.full_tensor(), wanted), (meta, name)
        optimizer = torch.optim.SGD(made.parameters(), 0.1)
        x = torch.linspace(-1, 1, 40).reshape(4, 10)
        assert torch.allclose(made(x), expected(x), atol=1e-6)
        made(x).square().sum().backward()
        optimizer.step()
        assert not torch.equal(made[0].weight.full_tensor(), expected[0].weight)
    check_wrappers(expected)
    check_memory(count)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    start(rank_main)
