"""The host engine's inner loops, compiled by Numba.

They make what `oneseed.stream` defines, to the bit, in chunks that fit the first-level cache: one simple loop for each
step, which LLVM turns into vector code.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

from oneseed.dtypes import numpy_dtype
from oneseed.stream.quantile import table
from oneseed.stream.sample import Recipe
from oneseed_numpy.lanes import (
    BLOCKS,
    GROUP,
    LANES,
    SIDE,
    bits32,
    bits64,
    blocks,
    cubics,
    prefetch,
    real32,
    real64,
    septics,
    transposed,
    widest,
)
from oneseed_numpy.pages import aligned

Array = NDArray[Any]

CHUNK = 2048
"""Values made at once."""

FRONT = LANES
"""Where a chunk's words begin: before it there is room for those of the first one's block."""

ROWS = 64
"""Rows that are made before they are written to their places."""

SHORT = 192
"""The longest row that is made together with others."""

u32, u64, i32, i64, f32, f64 = np.uint32, np.uint64, np.int32, np.int64, np.float32, np.float64
MASK, HALF = u64(0xFFFFFFFF), u64(32)

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function, and keep it on disk where there is a folder that can be written."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder for a cache: each process compiles for itself
        return njit(**_OPTIONS)(function)


@compiled
def words(first, count, plane, address, made, at, out, place):  # type: ignore[no-untyped-def]
    """Write the words of `count` values from `first` on, the first one at `at`; up to 3 before and 31 after them, too.

    Meanwhile the memory of `out` from `place` on is fetched, to which the values are going to be written.
    """
    lane, block, seed, stream = i64(first & u64(3)), first >> u64(2), address[0], address[1]
    to = made.ctypes.data + u64(4 * (at - lane))
    for group in range((lane + count + GROUP - 1) // GROUP):
        blocks(block + u64(BLOCKS * group), plane, seed, stream, to + u64(4 * GROUP * group))
        prefetch(out, place + GROUP * group)


@compiled
def normal32(u, first, width, table, offsets, x, z):  # type: ignore[no-untyped-def]
    """Write the size of normal samples with 28 fraction bits, of all of the distribution or, with a `width`, of a part.

    The sign is the highest bit of `u`, which becomes the word within the part.
    """
    widest()
    if width:
        for i in range(u.size):
            u[i] = u32(((u64(u[i]) * width) >> HALF) + first)
    for i in range(u.size):
        tail = bits32(f32(i32((u[i] ^ u32(i32(u[i]) >> i32(31))) | u32(1))))
        offsets[i] = ((tail >> u32(15)) & u32(0xFFFFFFF0)) - u32(2032 * 16)
        x[i] = ~(tail << u32(13))
    # The last step may take words beyond the samples: what an earlier step left there, or zeros.
    for i in range(0, u.size, LANES):
        at = u64(4 * i)
        cubics(table.ctypes.data, offsets.ctypes.data + at, x.ctypes.data + at, z.ctypes.data + at)


@compiled
def mulhi(a, b):  # type: ignore[no-untyped-def]
    """Return the high 64 bits of a product."""
    a0, a1, b0, b1 = a & MASK, a >> HALF, b & MASK, b >> HALF
    middle = a1 * b0 + (a0 * b0 >> HALF)
    return a1 * b1 + (middle >> HALF) + (((middle & MASK) + a0 * b1) >> HALF)


@compiled
def normal64(u, first, width, table, scratch, z):  # type: ignore[no-untyped-def]
    """Write the size of normal samples with 59 fraction bits, of all of the distribution or, with a `width`, of a part.

    The sign is the highest bit of `u`, which becomes the word within the part.
    """
    widest()
    if width:
        for i in range(u.size):
            u[i] = mulhi(u[i], width) + first
    offsets, low, high = scratch[2], scratch[3], scratch[1]
    for i in range(u.size):
        tail = bits64(f64(i64((u[i] ^ u64(i64(u[i]) >> i64(63))) | u64(1))))
        x = ~(tail << u64(17))
        offsets[i] = u32((tail >> u64(47)) - u64(32736)) * u32(64)
        low[i], high[i] = u32(x), u32(x >> HALF)
    for i in range(0, u.size, LANES // 2):
        at = u64(4 * i)
        septics(
            table.ctypes.data,
            offsets.ctypes.data + at,
            low.ctypes.data + at,
            high.ctypes.data + at,
            z.ctypes.data + u64(2) * at,
        )


@compiled
def finished32(x, scale, offset, low, high, shift, clamp):  # type: ignore[no-untyped-def]
    """Return a scaled, shifted and clamped value."""
    value = x * scale
    if shift:  # both factors split, so that every product is exact
        head, scale_head = real32(bits32(x) >> u32(12) << u32(12)), real32(bits32(scale) >> u32(12) << u32(12))
        value = offset + scale_head * head
        value = value + scale_head * (x - head)
        value = value + (scale - scale_head) * head
    return max(low, min(value, high)) if clamp else value


@compiled
def finish32(u, z, uniform, numbers, shift, clamp, out):  # type: ignore[no-untyped-def]
    """Write signed, scaled, shifted and clamped values; `numbers` are scale, offset and the two bounds."""
    widest()
    scale, offset, low, high = numbers[0], numbers[1], numbers[2], numbers[3]
    for i in range(out.size):
        # To Numba a difference has 64 bits, in which a vector holds half as many; its lower half is what is meant.
        if uniform:
            x = f32(i32(i32((u[i] >> u32(7)) | u32(1)) - i32(16777216)))
        else:
            sign = u32(i32(u[i]) >> i32(31))
            x = f32(i32(sign - (z[i] ^ sign)))
        out[i] = finished32(x, scale, offset, low, high, shift, clamp)


@compiled
def finish64(u, z, uniform, numbers, shift, clamp, out):  # type: ignore[no-untyped-def]
    """Write signed, scaled, shifted and clamped values; `numbers` are scale, offset and the two bounds."""
    widest()
    scale, offset, low, high = numbers[0], numbers[1], numbers[2], numbers[3]
    scale_head = real64(bits64(scale) >> u64(27) << u64(27))
    scale_rest = scale - scale_head
    for i in range(out.size):
        if uniform:
            x = f64(i64((u[i] >> u64(10)) | u64(1)) - i64(9007199254740992))
        else:
            sign = u64(i64(u[i]) >> i64(63))
            x = f64(i64(sign - (z[i] ^ sign)))
        if shift:
            head = real64(bits64(x) >> u64(27) << u64(27))
            value = offset + scale_head * head
            value = value + scale_head * (x - head)
            value = value + scale_rest * head
        else:
            value = x * scale
        out[i] = max(low, min(value, high)) if clamp else value


@compiled
def values32(part, law, scratch, wide):  # type: ignore[no-untyped-def]
    """Write float32 values."""
    uniform, numbers, shift, clamp, window, table, _brain = law
    u, z = scratch[0, FRONT : FRONT + part.size], scratch[1]
    if not uniform:
        normal32(u, window[0], window[1], table, scratch[2], scratch[3], z)
    finish32(u, z, uniform, numbers, shift, clamp, part)


@compiled
def narrowed(value, brain):  # type: ignore[no-untyped-def]
    """Return the bits of a finite float32 rounded to bfloat16, or else to float16, to nearest even."""
    bits = bits32(value)
    if brain:
        return (bits + u32(0x7FFF) + ((bits >> u32(16)) & u32(1))) >> u32(16)
    size = bits & u32(0x7FFFFFFF)
    # Below the normal range an addition rounds at the fixed place where the least bit of a float16 is.
    small = bits32(real32(size) + f32(0.5)) - u32(0x3F000000)
    normal = (size - u32(0x38000000) + u32(0xFFF) + ((size >> u32(13)) & u32(1))) >> u32(13)
    return (small if size < u32(0x38800000) else normal) | (bits >> u32(16) & u32(0x8000))


@compiled
def values16(part, law, scratch, wide):  # type: ignore[no-untyped-def]
    """Write bfloat16 or float16 values, as uint16."""
    widest()
    values = wide[0].view(f32)[: part.size]
    values32(values, law, scratch, wide)
    for i in range(part.size):
        part[i] = narrowed(values[i], law[6])


@compiled
def values64(part, law, scratch, wide):  # type: ignore[no-untyped-def]
    """Write float64 values."""
    widest()
    uniform, numbers, shift, clamp, window, table, _brain = law
    high, low = scratch[0, FRONT:], scratch[1, FRONT:]
    u, z = wide[0][: part.size], wide[1]
    for i in range(part.size):
        u[i] = u64(high[i]) << HALF | u64(low[i])
    if not uniform:
        normal64(u, window[0], window[1], table, scratch, z)
    finish64(u, z, uniform, numbers, shift, clamp, part)


@compiled
def integers(part, law, scratch, wide):  # type: ignore[no-untyped-def]
    """Write integers, of the dtype of `part`."""
    least, width = law
    u = scratch[0, FRONT:]
    for i in range(part.size):
        part[i] = ((u64(u[i]) * width) >> HALF) + least


def values(part: Any, law: Any, scratch: Any, wide: Any) -> None:
    """Write at most `CHUNK` values, given their words, by the function for their dtype."""
    raise NotImplementedError


@overload(values)
def _values_of(part, law, scratch, wide):  # type: ignore[no-untyped-def]
    if len(law) == 2:
        return integers.py_func
    return {types.uint16: values16, types.float32: values32, types.float64: values64}[part.dtype].py_func


@compiled
def turn(block, length, out, places, apart):  # type: ignore[no-untyped-def]
    """Write the rows of a block to memory: each begins at its place, and its elements lie `apart`."""
    count = places.size
    if apart == 1:
        for row in range(count):
            for column in range(length):
                out[places[row] + column] = block[row, column]
        return
    # Squares that fill runs of memory are turned in registers.
    whole = np.empty(count // SIDE, np.bool_)
    for square in range(whole.size):
        whole[square] = True
        for row in range(SIDE * square, SIDE * square + SIDE - 1):
            whole[square] &= places[row + 1] == places[row] + 1
    for left in range(0, length, SIDE):
        for top in range(0, count, SIDE):
            if left + SIDE <= length and top + SIDE <= count and whole[top // SIDE]:
                transposed(block, block.shape[1] * top + left, block.shape[1], out, places[top] + left * apart, apart)
            else:
                for column in range(left, min(left + SIDE, length)):
                    for row in range(top, min(top + SIDE, count)):
                        out[places[row] + column * apart] = block[row, column]


@compiled
def rows(out, places, apart, length, starts, address, law):  # type: ignore[no-untyped-def]
    """Write rows of values.

    Parameters
    ----------
    out : ndarray, one axis
        The memory to write: of floats, of uint16 for bfloat16 and float16, or of the integers of the law.
    places : ndarray of int64, shape (rows,)
        Where in `out` each row begins.
    apart : int
        From each element of a row to the next one in `out`.
    length : int
        The elements of a row; at most `CHUNK` where they lie apart.
    starts : ndarray of uint64, shape (rows,)
        The index of the first element of each row.
    address : ndarray of uint64, shape (2,)
        Seed and stream.
    law : tuple
        What to draw, as `law` gives it.
    """
    # Row 2 of `scratch` is for offsets into the table alone: the look-ups read a few beyond those of the values.
    scratch, wide = np.zeros((4, CHUNK + 4 * GROUP), u32), np.zeros((2, CHUNK + LANES), u64)
    planes = 2 if len(law) > 2 and out.itemsize == 8 else 1
    if apart == 1 and (length > SHORT or starts.size == 1):
        for row in range(starts.size):
            for done in range(0, length, CHUNK):
                first, place, count = starts[row] + u64(done), places[row] + done, min(CHUNK, length - done)
                for plane in range(planes):
                    words(first, count, u64(plane), address, scratch[plane], FRONT, out, place)
                values(out[place : place + count], law, scratch, wide)
        return
    # Between rows there is room for the words before the first. The number is odd, as rows a power of two apart would
    # share the same few sets of the cache.
    pitch = (length + 3) | 1
    block, together = np.empty(ROWS * pitch, out.dtype), max(1, CHUNK // pitch)
    for top in range(0, starts.size, ROWS):
        these = places[top : top + ROWS]
        for row in range(0, these.size, together):
            count = min(together, these.size - row)
            for k in range(count):
                target, place = (out, these[row + k]) if apart == 1 else (block, (row + k) * pitch)
                for plane in range(planes):
                    first, at = starts[top + row + k], FRONT + k * pitch
                    words(first, length, u64(plane), address, scratch[plane], at, target, place)
            values(block[row * pitch : (row + count - 1) * pitch + length], law, scratch, wide)
        turn(block.reshape(ROWS, pitch), length, out, these, apart)


@cache
def coefficients(bits: int) -> Array:
    """Return the quantile's table, in memory where each row lies within a line of the cache."""
    rows = table(bits)
    memory = aligned(rows.shape, rows.dtype)
    memory[:] = rows
    return memory


def law(made: Recipe) -> tuple[Any, ...]:
    """Return what to draw, as `rows` takes it."""
    if made.kind == "integers":
        return u64(made.first), u64(made.width)
    clamp = made.kind != "normal"
    zero = made.scale * 0
    numbers = np.array([made.scale, made.offset or zero, made.low if clamp else zero, made.high if clamp else zero])
    window = np.array([made.first, made.width], np.uint64)
    shift, brain = made.offset is not None, made.dtype == "bfloat16"
    return made.kind == "uniform", numbers, shift, clamp, window, coefficients(made.bits), brain


def written(made: Recipe) -> np.dtype[Any]:
    """Return the dtype in which `rows` writes; what has another size is for the caller to round."""
    return np.dtype(np.uint16) if made.dtype in ("bfloat16", "float16") else numpy_dtype(made.working)


def threads() -> int:
    """Return how many threads draw together: ``NUMBA_NUM_THREADS``, by default all cores."""
    return int(numba.config.NUMBA_NUM_THREADS)
