"""Draws into host memory, a tile at a time: in NumPy, and where Numba is installed with compiled kernels and threads.

The block is cut into tiles that fit the cache. In each tile the elements fall into runs of consecutive
indices; the words of a run come from consecutive Philox counters, four from each.
"""

import sys
import warnings
from collections import deque
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise, product
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.stream.arrays import NumpyArrays
from oneseed.stream.philox import words_of_blocks
from oneseed.stream.sample import Recipe, recipe, sample
from oneseed_numpy.threads import in_threads

TILE = {32: 1 << 16, 64: 1 << 15}
"""Elements of 32 or 64 bits made at once: enough to hide the cost of a call, few enough for the cache."""

FAST_TILES = 1 << 16, 1 << 19
"""The fewest and the most elements that a compiled kernel makes in one call, the unit of work for threads."""

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
    made = recipe(draw.distribution, draw.dtype)
    if out.size == 0:
        return
    view, steps = coalesced(out, draw.strides)
    origin, seed, stream = draw.first, draw.seed or 0, draw.stream
    fast = kernels(out.size)
    address = np.array([seed, stream], np.uint64)
    written = out.dtype if out.itemsize == 2 else numpy_dtype(made.working)

    def write(tile: tuple[slice, ...]) -> None:
        part = view[tile]
        first = origin + sum(cut.start * step for cut, step in zip(tile, steps, strict=True))
        starts, length = runs(part.shape, steps, first)
        if fast is None:
            part[...] = _values(made, starts, length, seed, stream).reshape(part.shape)
            return
        direct = direct_in(part, written)
        rows = part.reshape(-1, length) if direct else np.empty((len(starts), length), written)
        fast.rows(made, starts, address, rows)
        if not direct:
            part[...] = rows.reshape(part.shape)

    if fast is None:
        deque(map(write, tiles(view.shape, TILE[made.bits])), maxlen=0)
        return
    threads = fast.threads()
    least, most = FAST_TILES
    # What is not written directly takes memory of its own: as little as it can be.
    limit = min(max(least, out.size // (4 * threads)), most) if direct_in(view, written) else least
    cuts = list(tiles(view.shape, limit))
    in_threads(write, cuts, min(threads, len(cuts)))


def direct_in(part: Array, written: np.dtype[Any]) -> bool:
    """Tell whether the kernels can write into a part of the result, without memory between."""
    return part.flags.c_contiguous and part.dtype == written


def _values(made: Recipe, starts: Array, length: int, seed: int, stream: int) -> Array:
    u = words(starts, length, seed, stream)
    if made.bits == 64:
        low = words(starts, length, seed, stream, plane=1)
        u = u.astype(np.uint64) << 32 | low
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
    """Sort the axes by the step of the element index, and join those that run on into each other.

    Parameters
    ----------
    out : ndarray
        The memory to write.
    strides : tuple of int
        The step of the element index along each of its axes.

    Returns
    -------
    tuple
        A view of `out` with as few axes as its elements' order allows, and the steps of its axes.
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
    if not sizes or steps[-1] != 1:  # let the last axis be the one along which the index grows by one
        sizes.append(1)
        memory.append(out.itemsize)
        steps.append(1)
    # As integers: NumPy's function does not know every dtype.
    integers = out.view(f"u{out.itemsize}")
    return np.lib.stride_tricks.as_strided(integers, sizes, memory).view(out.dtype), tuple(steps)


def tiles(shape: Shape, limit: int) -> Iterator[tuple[slice, ...]]:
    """Cut a shape into tiles of at most `limit` elements, whole along the last axes, one axis cut evenly."""
    size = 1
    cuts: list[list[slice]] = []
    for extent in reversed(shape):
        each = max(1, limit // size)
        pieces = -(-extent // each)
        edges = [extent * k // pieces for k in range(pieces + 1)]
        cuts.append([slice(a, b) for a, b in pairwise(edges)])
        size *= min(extent, each)
    return product(*reversed(cuts))


def runs(shape: Shape, steps: tuple[int, ...], first: int) -> tuple[Array, int]:
    """Return the index at which each row of a tile starts, and the length of the rows."""
    starts = np.full((1,), first, np.uint64)
    for extent, step in zip(shape[:-1], steps[:-1], strict=True):
        starts = (starts[:, None] + np.arange(extent, dtype=np.uint64) * np.uint64(step)).reshape(-1)
    return starts, shape[-1]


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
