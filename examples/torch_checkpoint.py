"""The start of a run with torch.distributed.checkpoint, and no seed checkpoint.

A model on the meta device is sharded over ranks, each rank draws its own shards from the seed, and the ranks save.
Another number of ranks, or tensor parallelism, loads what they saved, or draws the same weights itself: one seed gives
one model on any topology. Run it with ``python examples/torch_checkpoint.py``; it starts its ranks on the CPU.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file
from torch import multiprocessing, nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

import oneseed
import oneseed_torch
from oneseed import Rule, Scheme
from oneseed.testing import assert_same_model

SCHEME = Scheme([Rule("*bias", "zeros"), Rule("*norm.weight", "ones"), Rule("*.weight", "he_normal")])
SEED = 7


class Block(nn.Module):
    """A feed-forward layer, added to what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)


def build() -> nn.Module:
    """Return the model with no values."""
    with torch.device("meta"):
        return nn.Sequential(*(Block(64) for _ in range(3)), nn.Linear(64, 100, bias=False))


def by_fsdp(ranks: int) -> nn.Module:
    """Shard the parameters over all ranks."""
    model = build()
    mesh = init_device_mesh("cpu", (ranks,))
    for layer in model:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def by_tensor_parallelism(ranks: int) -> nn.Module:
    """Cut the feed-forward layers along their inner axis."""
    model = build()
    mesh = init_device_mesh("cpu", (ranks,))
    for layer in list(model)[:-1]:
        parallelize_module(layer, mesh, {"up": ColwiseParallel(), "down": RowwiseParallel()})
    return model


def save(rank: int, ranks: int, folder: str) -> None:
    """Draw the shards of this rank, and save: for torch.distributed.checkpoint, and for Hugging Face's libraries."""
    model = oneseed_torch.initialize_(by_fsdp(ranks), SCHEME, seed=SEED)
    state = get_model_state_dict(model)
    dcp.save({"model": state}, checkpoint_id=f"{folder}/dcp")
    writer = dcp.HuggingFaceStorageWriter(f"{folder}/hf", save_distributed=True, enable_consolidation=True)
    dcp.save(state, storage_writer=writer)


def load(rank: int, ranks: int, folder: str) -> None:
    """Load what other ranks have saved, on another topology, and compare with what this one draws itself."""
    for shard in (by_fsdp, by_tensor_parallelism):
        model = shard(ranks)
        model.to_empty(device="cpu")
        state = get_model_state_dict(model)
        dcp.load({"model": state}, checkpoint_id=f"{folder}/dcp")
        set_model_state_dict(model, state)
        drawn = oneseed_torch.initialize_(shard(ranks), SCHEME, seed=SEED)
        assert_same_model(whole(model), whole(drawn))
        if rank == 0:
            print(f"{ranks} ranks, {shard.__name__}: loaded and drawn are equal")


def whole(model: nn.Module) -> dict[str, torch.Tensor]:
    """Gather the parameters."""
    return {
        name: tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor.detach()
        for name, tensor in model.named_parameters()
    }


def on_ranks(work: Callable[[int, int, str], None], ranks: int, folder: str) -> None:
    """Run a function on some ranks."""
    multiprocessing.spawn(_rank, (work, ranks, folder, f"{folder}/{work.__name__}"), ranks)


def _rank(rank: int, work: Callable[[int, int, str], None], ranks: int, folder: str, meeting: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=ranks)
    work(rank, ranks, folder)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Save on two ranks, load on four, and compare with a model of one process."""
    with tempfile.TemporaryDirectory() as folder:
        on_ranks(save, 2, folder)
        on_ranks(load, 4, folder)
        one = oneseed_torch.initialize_(build(), SCHEME, seed=SEED, device="cpu")
        found = {}
        for file in Path(folder, "hf").glob("*.safetensors"):
            found |= load_file(file)
        assert_same_model(dict(one.named_parameters()), found)
        print("one process, and the files for Hugging Face:", oneseed.fingerprint(one[0].up.weight))


if __name__ == "__main__":
    main()
