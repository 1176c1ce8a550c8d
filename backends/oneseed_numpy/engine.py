"""Draws into host memory, a tile at a time: in NumPy, and where Numba is installed with compiled kernels and threads.

The block is cut into tiles that fit the cache. In each tile the elements fall into runs of consecutive
indices; the words of a run come from consecutive Philox counters, four from each.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise, product
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.stream.arrays import NumpyArrays
from oneseed.stream.philox import words_of_blocks
from oneseed.stream.sample import Recipe, sample
from oneseed_numpy.threads import in_threads

TILE = {32: 1 << 16, 64: 1 << 15}
"""Elements of 32 or 64 bits made at once: enough to hide the cost of a call, few enough for the cache."""

FAST_TILES = 1 << 16, 1 << 19
"""The fewest and the most elements that a compiled kernel makes in one call, the unit of work for threads."""

RUN = 512
"""The longest row of a tile, in elements, where rows lie across memory."""

LOAD_KERNELS = 1 << 22
"""Elements drawn in all from which on Numba and the kernels are loaded, which takes as long as drawing many more."""

# One large array, freed at once: glibc takes its size for the size from which on freed memory goes back to the
# system. The arrays of a tile stay below it, and the next tile gets their memory back; fresh pages for each would
# take longer than the arithmetic.
np.empty(1 << 24, np.uint8)

Array = NDArray[Any]
_ARRAYS = NumpyArrays()
_drawn = 0


def fill(draw: Draw, out: Array) -> None:
    """Write the block of a random draw into an array.

    Parameters
    ----------
    draw : Draw
        The draw; its distribution is one that is sampled.
    out : ndarray
        An array of shape ``draw.block`` and of the draw's dtype, with any strides. All of it is written.
    """
    fill_all([(draw, out)])


def fill_all(parts: Sequence[tuple[Draw, Array]]) -> None:
    """Write the blocks of several draws into arrays, as `fill` does; threads done with one go on with the next."""
    fast = kernels(sum(out.size for _, out in parts))
    if fast is None:
        for draw, out in parts:
            _fill(draw, out)
        return
    pieces = [piece for draw, out in parts for piece in _pieces(fast, draw, out)]
    if pieces:
        in_threads(lambda piece: piece(), pieces, min(fast.threads(), len(pieces)))


def _fill(draw: Draw, out: Array) -> None:
    """Write a block with NumPy."""
    made = recipe(draw.distribution, draw.dtype)
    if out.size == 0:
        return
    view, steps = coalesced(out, draw.strides)
    for tile in tiles(view.shape, TILE[made.bits], longest(view)):
        part = view[tile]
        values = _values(made, runs(tile, steps, draw.first), part.shape[-1], draw.seed or 0, draw.stream)
        part[...] = values.reshape(part.shape)


def _pieces(fast: ModuleType, draw: Draw, out: Array) -> Iterable[Callable[[], None]]:
    """Return the pieces of work in which compiled kernels write a block."""
    made = recipe(draw.distribution, draw.dtype)
    if out.size == 0:
        return ()
    view, steps = coalesced(out, draw.strides)
    law, address = fast.law(made), np.array([draw.seed or 0, draw.stream], np.uint64)
    written = fast.written(made)
    direct = flat(view, written)

    def write(tile: tuple[slice, ...]) -> None:
        part = view[tile]
        starts, length = runs(tile, steps, draw.first), part.shape[-1]
        if direct is not None:
            places = runs(tile, direct.steps, direct.first).view(np.int64)
            fast.rows(direct.memory, places, direct.steps[-1], length, starts, address, law)
            return
        own = np.empty(part.size, written)
        fast.rows(own, np.arange(0, part.size, length), 1, length, starts, address, law)
        part[...] = own.reshape(part.shape)

    least, most = FAST_TILES
    # What is not written directly takes memory of its own: as little as it can be.
    limit = least if direct is None else min(max(least, out.size // (4 * fast.threads())), most)
    return (partial(write, tile) for tile in tiles(view.shape, limit, longest(view)))


def longest(view: Array) -> int:
    """Return the longest row of a tile: where rows lie across memory, they fill lines of it together with others."""
    return RUN if view.strides[-1] != view.itemsize else view.shape[-1]


class Flat(NamedTuple):
    """All the memory of an array in one axis, and where its elements are there."""

    memory: Array
    first: int
    steps: tuple[int, ...]


def flat(view: Array, written: np.dtype[Any]) -> Flat | None:
    """Return the memory of an array for kernels that write a dtype; None where they cannot write into it."""
    size = view.itemsize
    if size != written.itemsize or any(step % size for step in view.strides):
        return None
    steps = tuple(step // size for step in view.strides)
    reach = [(extent - 1) * step for extent, step in zip(view.shape, steps, strict=True)]
    lowest = view[tuple(slice(-1, None) if step < 0 else slice(0, 1) for step in steps)]
    span = 1 + sum(map(abs, reach))
    memory = np.lib.stride_tricks.as_strided(lowest.view(f"u{size}"), (span,), (size,)).view(written)
    return Flat(memory, -sum(step for step in reach if step < 0), steps)


def _values(made: Recipe, starts: Array, length: int, seed: int, stream: int) -> Array:
    u = words(starts, length, seed, stream)
    if made.bits == 64:
        low = words(starts, length, seed, stream, plane=1)
        u = u.astype(np.uint64) << 32 | low
    with np.errstate(all="ignore"):  # what the caller set is for arithmetic of his own
        values: Array = sample(made, u, _ARRAYS)
    return values


def kernels(size: int) -> ModuleType | None:
    """Return the compiled kernels for a draw of `size` elements; None where they do not pay or Numba is missing."""
    global _drawn  # noqa: PLW0603 - a count that may miss a draw of another thread, which does no harm
    if "oneseed_numpy.kernels" not in sys.modules:
        _drawn += size
        if _drawn < LOAD_KERNELS:
            return None
    return _kernels()


@cache
def _kernels() -> ModuleType | None:
    if find_spec("numba") is None:
        return None
    try:
        return import_module("oneseed_numpy.kernels")
    except ImportError as error:
        warnings.warn(
            f"Numba is installed but cannot be used ({error}); oneseed draws with NumPy, the same bits more slowly.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


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
    made = np.empty((counters.size, 4), np.uint32)
    for lane, word in enumerate(words_of_blocks(counters, seed, stream, plane)):
        made[:, lane] = word
    rows = made.reshape(len(starts), 4 * count)
    lane = int(lanes[0])
    if (lanes == lane).all():
        return rows[:, lane : lane + length]
    return np.take_along_axis(rows, lanes[:, None] + np.arange(length), axis=1)
