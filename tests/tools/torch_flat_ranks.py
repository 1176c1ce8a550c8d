"""Fill the parameters of FullyShardedDataParallel, and unshard those of fully_shard after a draw, on several ranks.

Called with the number of ranks; prints one line for each rank, or fails. Nothing but gloo on the CPU is needed.
"""

import pytest
import torch
import torch.distributed as dist
from ranks import start
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
from torch.distributed.fsdp import fully_shard

import oneseed_torch
from oneseed import Rule, Scheme
from oneseed_torch import init

SCHEME = Scheme([Rule("*bias", "ones"), Rule("*", "he_normal")])


def refused(function, *arguments, **options):
    """Make a call that must be refused, by the name of the wrapper."""
    with pytest.raises(ValueError, match="FullyShardedDataParallel has flattened"):
        function(*arguments, **options)


def check_flat(original):
    """Pieces and flat parameters are refused before a write; what is summoned is filled as a whole."""
    module = FSDP(nn.Linear(64, 64), use_orig_params=original, device_id=torch.device("cpu"))
    with FSDP.summon_full_params(module):
        before = [parameter.detach().clone() for parameter in module.module.parameters()]
    for parameter in module.parameters():
        refused(init.normal_, parameter, seed=7)
        refused(init.zeros_, parameter)
    refused(oneseed_torch.initialize_, module, SCHEME, seed=7, names=lambda name: name.rpartition(".")[2])
    with FSDP.summon_full_params(module):
        for one, other in zip(before, module.module.parameters(), strict=True):
            assert torch.equal(one, other)
        init.normal_(module.module.weight, seed=7)
        init.ones_(module.module.bias)
    with FSDP.summon_full_params(module):
        assert torch.equal(module.module.weight, init.normal_(torch.empty(64, 64), seed=7))
        assert (module.module.bias == 1).all()
    module(torch.ones(2, 64)).sum().backward()


def check_sharded():
    """What a draw wrote into can be gathered, resized and freed by fully_shard."""
    module = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 16))
    for layer in module:
        fully_shard(layer)
    fully_shard(module)
    for parameter in module.parameters():
        init.normal_(parameter, seed=7)
    for layer in module:
        layer.unshard()
        assert torch.equal(layer.weight, init.normal_(torch.empty(16, 16), seed=7))
        init.normal_(layer.weight, seed=7)
        layer.reshard()
    module(torch.ones(2, 16)).sum().backward()


def rank_main(rank, count, file):
    """What each process does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{file}", rank=rank, world_size=count)
    for original in (True, False):
        check_flat(original)
    check_sharded()
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    start(rank_main)
