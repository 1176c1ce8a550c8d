"""Which part of a distributed tensor lies on this rank, without asking the others."""

import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch

from oneseed.checks import Shape

Tensor = Any
Run = tuple[int, int]


def is_distributed(tensor: Tensor) -> bool:
    """Tell whether a tensor is a DTensor; there is none where its module has not been imported."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def local_parts(tensor: Tensor) -> Iterator[tuple[Tensor, Shape]]:
    """Give the tensors to write, each with the coordinates of its first element in the whole.

    Parameters
    ----------
    tensor : torch.Tensor
        A tensor, which is its own only part, or a DTensor.

    Yields
    ------
    tuple
        A tensor of this process, with the memory of `tensor`, and where it begins.

    Raises
    ------
    ValueError
        If a placement of a DTensor is not Shard or Replicate.
    """
    if not is_distributed(tensor):
        yield tensor, (0,) * tensor.ndim
        return
    mesh, placements = tensor.device_mesh, tensor.placements
    if unknown := [placement for placement in placements if not _is_known(placement)]:
        raise ValueError(
            "`tensor` must be placed by Shard and Replicate alone: elsewhere an element is not the value that one rank "
            f"holds. Received: a DTensor with the placement {unknown[0]}"
        )
    coordinate = mesh.get_coordinate()
    if coordinate is None:  # a rank outside the mesh holds nothing
        return
    with torch.no_grad():  # under which the local tensor is not a node of a graph
        local = tensor.to_local()
    axes = []
    for axis, size in enumerate(tensor.shape):
        held = [(0, size)]
        for placement, count, at in zip(placements, mesh.shape, coordinate, strict=True):
            if not placement.is_replicate() and placement.dim == axis:
                held = _shard(held, getattr(placement, "split_factor", 1), count, at)
        axes.append(held)
    shape = tuple(sum(stop - start for start, stop in held) for held in axes)
    if shape != tuple(local.shape):
        raise ValueError(
            f"`tensor` must hold {shape} on this rank, by its placements {placements}. "
            f"Received: a DTensor with a local tensor of shape {tuple(local.shape)}"
        )
    for runs in product(*map(_numbered, axes)):
        cuts = tuple(slice(at, at + stop - start) for at, (start, stop) in runs)
        yield local[cuts], tuple(start for _, (start, _) in runs)


def count_change(tensor: Tensor) -> None:
    """Tell PyTorch that the parts of a DTensor were written, as it knows of other tensors by itself.

    It then refuses a backward pass that saved the old values.
    """
    if is_distributed(tensor) and not tensor.is_inference():
        torch.autograd.graph.increment_version(tensor)


def _is_known(placement: Any) -> bool:
    """Tell whether each element lies whole on the ranks that hold it; a strided shard may not call itself a shard."""
    return bool(placement.is_replicate() or placement.is_shard() or hasattr(placement, "split_factor"))


def _shard(held: list[Run], pieces: int, count: int, at: int) -> list[Run]:
    """Cut what is held into `pieces`, each of them among `count` ranks, and keep what falls to rank `at`.

    One piece is the usual shard. More are made by a strided shard, as of a tensor that was cut along the same axis by a
    later axis of the mesh first.
    """
    length = sum(stop - start for start, stop in held)
    kept = []
    for piece in range(pieces):
        start, stop = _chunk(length, pieces, piece)
        first, last = _chunk(stop - start, count, at)
        kept += _between(held, start + first, start + last)
    return kept


def _chunk(length: int, count: int, at: int) -> Run:
    """Return where a chunk begins and ends, as `torch.chunk` cuts: all but the last ones are of equal length."""
    each = -(-length // count)
    return min(each * at, length), min(each * (at + 1), length)


def _between(held: list[Run], start: int, stop: int) -> list[Run]:
    """Return the runs of what lies from position `start` to `stop` of what is held."""
    found, passed = [], 0
    for first, last in held:
        low, high = max(start - passed, 0), min(stop - passed, last - first)
        if low < high:
            found.append((first + low, first + high))
        passed += last - first
    return found


def _numbered(held: list[Run]) -> list[tuple[int, Run]]:
    """Put the position at which it begins in the local tensor before each run."""
    numbered, passed = [], 0
    for start, stop in held:
        numbered.append((passed, (start, stop)))
        passed += stop - start
    return numbered
