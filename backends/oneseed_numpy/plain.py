"""The host engine in NumPy, a tile at a time: what draws where the kernels were not built.

Each tile of a block fits the cache. Its elements form runs of consecutive indices, whose words come from consecutive
Philox counters, four words from each.
"""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.stream.arrays import NumpyArrays
from oneseed.stream.philox import words_of_blocks
from oneseed.stream.sample import Recipe, sample

TILE = {32: 1 << 16, 64: 1 << 15}
"""Elements of 32 or 64 bits made at once: enough to hide the cost of a call, few enough for the cache."""

RUN = 512
"""The longest row of a tile, in elements, where rows lie across memory."""

# One large array, freed at once: glibc takes its size for the size from which on freed memory goes back to the
# system. The arrays of a tile stay below it, and the next tile gets their memory back; fresh pages for each would
# take longer than the arithmetic.
np.empty(1 << 24, np.uint8)

Array = NDArray[Any]
_ARRAYS = NumpyArrays()


def fill(draw: Draw, out: Array) -> None:
    """Write the block of a random draw into an array of any strides."""
    prepared = recipe(draw.distribution, draw.dtype)
    if out.size == 0:
        return
    view, steps = coalesced(out, draw.strides)
    longest = RUN if view.strides[-1] != view.itemsize else view.shape[-1]
    for tile in tiles(view.shape, TILE[prepared.bits], longest):
        part = view[tile]
        values = _values(prepared, runs(tile, steps, draw.first), part.shape[-1], draw.seed or 0, draw.stream)
        part[...] = values.reshape(part.shape)


def _values(spec: Recipe, starts: Array, length: int, seed: int, stream: int) -> Array:
    u = words(starts, length, seed, stream)
    if spec.bits == 64:
        low = words(starts, length, seed, stream, plane=1)
        u = u.astype(np.uint64) << 32 | low
    with np.errstate(all="ignore"):  # what the caller set is for arithmetic of his own
        values: Array = sample(spec, u, _ARRAYS)
    return values


def coalesced(out: Array, strides: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """Join the axes that run on into each other, and sort the others as they lie in memory, the one of step 1 last.

    Parameters
    ----------
    out : ndarray
        The memory to write.
    strides : tuple of int
        The step of the element index along each of its axes.

    Returns
    -------
    tuple
        A view of `out` with as few axes as its elements' order allows, and the steps of its axes. Along the last the
        index grows by one; the rows along it come in the order of memory.
    """
    axes = sorted((axis for axis in range(out.ndim) if out.shape[axis] > 1), key=lambda a: -strides[a])
    sizes: list[int] = []
    memory: list[int] = []
    steps: list[int] = []
    for axis in axes:
        size, apart, step = out.shape[axis], out.strides[axis], strides[axis]
        if steps and steps[-1] == step * size and memory[-1] == apart * size:
            sizes[-1] *= size
            memory[-1], steps[-1] = apart, step
        else:
            sizes.append(size)
            memory.append(apart)
            steps.append(step)
    if sizes == [out.size] and steps == [1] and out.flags.c_contiguous:
        return out.reshape(-1), (1,)
    if not sizes or steps[-1] != 1:
        sizes.append(1)
        memory.append(out.itemsize)
        steps.append(1)
    # As integers: NumPy's function does not know every dtype.
    integers = out.view(f"u{out.itemsize}")
    view = np.lib.stride_tricks.as_strided(integers, sizes, memory).view(out.dtype)
    order = *sorted(range(view.ndim - 1), key=lambda axis: -abs(memory[axis])), view.ndim - 1
    return view.transpose(order), tuple(steps[axis] for axis in order)


def tiles(shape: Shape, limit: int, longest: int) -> Iterator[tuple[slice, ...]]:
    """Cut a shape evenly into tiles of at most `limit` elements: as many rows as there may be, `longest` at most."""
    size = 1
    cuts: list[list[slice]] = []
    for extent in reversed(shape):
        each = max(1, limit // size) if cuts else min(limit, longest)
        pieces = -(-extent // each)
        edges = [extent * k // pieces for k in range(pieces + 1)]
        cuts.append([slice(a, b) for a, b in pairwise(edges)])
        size *= min(extent, each)
    return product(*reversed(cuts))


def runs(tile: tuple[slice, ...], steps: tuple[int, ...], first: int) -> Array:
    """Return where each row of a tile starts, in elements; what is below zero wraps around in 64 bits."""
    starts = np.full((1,), first + tile[-1].start * steps[-1], np.uint64)
    for cut, step in zip(tile[:-1], steps[:-1], strict=True):
        along = np.arange(cut.start, cut.stop, dtype=np.uint64) * np.uint64(step & 0xFFFFFFFFFFFFFFFF)
        starts = (starts[:, None] + along).reshape(-1)
    return starts


def words(starts: Array, length: int, seed: int, stream: int, plane: int = 0) -> Array:
    """Return the words of runs of elements.

    Parameters
    ----------
    starts : ndarray of uint64, shape (rows,)
        The index of the first element of each run.
    length : int
        The elements of a run.
    seed, stream, plane : int
        The address.

    Returns
    -------
    ndarray of uint32, shape (rows, length)
        The words.
    """
    lanes = (starts & 3).astype(np.intp)
    blocks = starts >> 2
    count = (int(lanes.max()) + length + 3) // 4
    counters = (blocks[:, None] + np.arange(count, dtype=np.uint64)).reshape(-1)
    words = np.empty((counters.size, 4), np.uint32)
    for lane, word in enumerate(words_of_blocks(counters, seed, stream, plane)):
        words[:, lane] = word
    rows = words.reshape(len(starts), 4 * count)
    lane = int(lanes[0])
    if (lanes == lane).all():
        return rows[:, lane : lane + length]
    return np.take_along_axis(rows, lanes[:, None] + np.arange(length), axis=1)


def words64(seed: int, stream: int, first: int, count: int) -> Array:
    """Return random words of 64 bits of a stream, from one on."""
    blocks = np.arange(first // 4, -(-(first + count) // 4), dtype=np.uint64)
    planes = np.stack([words_of_blocks(blocks, seed, stream, np.uint64(plane)) for plane in (0, 1)])
    high, low = planes.transpose(0, 2, 1).reshape(2, -1)
    found: Array = (high << np.uint64(32) | low)[first % 4 :][:count]
    return found
