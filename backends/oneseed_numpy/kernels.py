"""The host engine's inner loops, compiled by Numba.

They make what `oneseed.stream` defines, to the bit, in chunks that fit the first-level cache: one simple loop for each
step, which LLVM turns into vector code. Words are held in 64 bits and masked to 32, so that the fast multiply for such
lanes is used.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import njit
from numpy.typing import NDArray

from oneseed.stream.philox import PHILOX_W32_0, PHILOX_W32_1, PHILOX_M4x32_0, PHILOX_M4x32_1
from oneseed.stream.quantile import table
from oneseed.stream.sample import Recipe
from oneseed_numpy.lanes import LANES, bits32, bits64, cubics, real32, real64

Array = NDArray[Any]

CHUNK = 2048
"""Words made at once."""

u32, u64, i32, i64, f32, f64 = np.uint32, np.uint64, np.int32, np.int64, np.float32, np.float64
M0, M1, W0, W1 = u64(PHILOX_M4x32_0), u64(PHILOX_M4x32_1), u64(PHILOX_W32_0), u64(PHILOX_W32_1)
MASK, HALF = u64(0xFFFFFFFF), u64(32)

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, and keep it on disk where there is a folder that can be written."""
    try:
        made: Callable[..., Any] = njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder for a cache: each process compiles for itself
        made = njit(**_OPTIONS)(function)
    return made


@compiled
def words(first, count, plane, seed, stream, out):  # type: ignore[no-untyped-def]
    """Write the words of `count` elements from `first` on, after those of their block before them; return how many."""
    lane = i64(first & u64(3))
    block = first >> u64(2)
    low, high = stream & MASK, stream >> HALF
    for i in range((lane + count + 3) // 4):
        at = block + u64(i)
        c0, c1, c2, c3 = at & MASK, (at >> HALF) | (plane << u64(29)), low, high
        k0, k1 = seed & MASK, seed >> HALF
        for _ in range(10):
            p0, p1 = c0 * M0, c2 * M1
            c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & MASK, (p0 >> HALF) ^ c3 ^ k1, p0 & MASK
            k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
        out[4 * i], out[4 * i + 1], out[4 * i + 2], out[4 * i + 3] = u32(c0), u32(c1), u32(c2), u32(c3)
    return lane


@compiled
def normal32(u, first, width, table, offsets, x, z):  # type: ignore[no-untyped-def]
    """Write the size of normal samples with 28 fraction bits, of all of the distribution or, with a `width`, of a part.

    The sign is the highest bit of `u`, which becomes the word within the part.
    """
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
def normal64(u, first, width, columns, z):  # type: ignore[no-untyped-def]
    """Write the size of normal samples with 59 fraction bits, of all of the distribution or, with a `width`, of a part.

    The sign is the highest bit of `u`, which becomes the word within the part.
    """
    if width:
        for i in range(u.size):
            u[i] = mulhi(u[i], width) + first
    for i in range(u.size):
        tail = bits64(f64(i64((u[i] ^ u64(i64(u[i]) >> i64(63))) | u64(1))))
        row = (tail >> u64(47)) - u64(32736)
        x = ~(tail << u64(17))
        value = columns[7, row]
        for j in range(6, -1, -1):
            value = mulhi(value, x) + columns[j, row]
        z[i] = value


@compiled
def finish32(u, z, uniform, numbers, shift, clamp, out):  # type: ignore[no-untyped-def]
    """Write signed, scaled, shifted and clamped values; `numbers` are scale, offset and the two bounds."""
    scale, offset, low, high = numbers[0], numbers[1], numbers[2], numbers[3]
    scale_head = real32(bits32(scale) >> u32(12) << u32(12))
    scale_rest = scale - scale_head
    for i in range(out.size):
        if uniform:
            x = f32(i32((u[i] >> u32(7)) | u32(1)) - i32(16777216))
        else:
            sign = u32(i32(u[i]) >> i32(31))
            x = f32(i32(sign - (z[i] ^ sign)))
        if shift:  # both factors split, so that every product is exact
            head = real32(bits32(x) >> u32(12) << u32(12))
            value = offset + scale_head * head
            value = value + scale_head * (x - head)
            value = value + scale_rest * head
        else:
            value = x * scale
        out[i] = max(low, min(value, high)) if clamp else value


@compiled
def finish64(u, z, uniform, numbers, shift, clamp, out):  # type: ignore[no-untyped-def]
    """Write signed, scaled, shifted and clamped values; `numbers` are scale, offset and the two bounds."""
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
def values32(first, address, uniform, numbers, shift, clamp, window, table, scratch, out):  # type: ignore[no-untyped-def]
    """Write the float32 values of at most `CHUNK - 4` elements from `first` on."""
    made, z = scratch[0], scratch[1]
    lane = words(first, out.size, u64(0), address[0], address[1], made)
    u = made[lane : lane + out.size]
    if not uniform:
        normal32(u, window[0], window[1], table, scratch[2], scratch[3], z)
    finish32(u, z, uniform, numbers, shift, clamp, out)


@compiled
def rows32(out, starts, address, uniform, numbers, shift, clamp, window, table):  # type: ignore[no-untyped-def]
    """Write rows of float32 values; `starts` has the index of the first element of each."""
    scratch = np.zeros((4, CHUNK), u32)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            part = out[row, done : done + CHUNK - 4]
            values32(starts[row] + u64(done), address, uniform, numbers, shift, clamp, window, table, scratch, part)


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
def rows16(out, starts, address, uniform, numbers, shift, clamp, window, table, brain):  # type: ignore[no-untyped-def]
    """Write rows of bfloat16 or float16 values, as uint16; `starts` has the index of the first element of each."""
    scratch, values = np.zeros((4, CHUNK), u32), np.empty(CHUNK, f32)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            part = out[row, done : done + CHUNK - 4]
            wide = values[: part.size]
            values32(starts[row] + u64(done), address, uniform, numbers, shift, clamp, window, table, scratch, wide)
            for i in range(part.size):
                part[i] = narrowed(wide[i], brain)


@compiled
def rows64(out, starts, address, uniform, numbers, shift, clamp, window, columns):  # type: ignore[no-untyped-def]
    """Write rows of float64 values; `starts` has the index of the first element of each."""
    made, whole, z = np.empty(CHUNK, u32), np.empty(CHUNK, u64), np.empty(CHUNK, u64)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            part = out[row, done : done + CHUNK - 4]
            u = whole[: part.size]
            lane = words(starts[row] + u64(done), part.size, u64(0), address[0], address[1], made)
            half = made[lane : lane + part.size]
            for i in range(part.size):
                u[i] = u64(half[i]) << HALF
            words(starts[row] + u64(done), part.size, u64(1), address[0], address[1], made)
            for i in range(part.size):
                u[i] |= u64(half[i])
            if not uniform:
                normal64(u, window[0], window[1], columns, z)
            finish64(u, z, uniform, numbers, shift, clamp, part)


@compiled
def integer_rows(out, starts, address, first, width):  # type: ignore[no-untyped-def]
    """Write rows of integers, of the dtype of `out`."""
    made = np.empty(CHUNK, u32)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            part = out[row, done : done + CHUNK - 4]
            lane = words(starts[row] + u64(done), part.size, u64(0), address[0], address[1], made)
            u = made[lane : lane + part.size]
            for i in range(part.size):
                part[i] = ((u64(u[i]) * width) >> HALF) + first


@cache
def coefficients(bits: int) -> Array:
    """Return the quantile's table as the kernels read it: rows for 32 bits, columns for 64."""
    return np.ascontiguousarray(table(bits) if bits == 32 else table(bits).T)


def rows(made: Recipe, starts: Array, address: Array, out: Array) -> None:
    """Write rows of values.

    Parameters
    ----------
    made : Recipe
        What to draw.
    starts : ndarray of uint64, shape (rows,)
        The index of the first element of each row.
    address : ndarray of uint64, shape (2,)
        Seed and stream.
    out : ndarray, shape (rows, length)
        Where to write: in the working dtype, in float16 or bfloat16, or in the integer dtype of the recipe.
    """
    if made.kind == "integers":
        integer_rows(out, starts, address, u64(made.first), u64(made.width))
        return
    clamp = made.kind != "normal"
    zero = made.scale * 0
    numbers = np.array([made.scale, made.offset or zero, made.low if clamp else zero, made.high if clamp else zero])
    window = np.array([made.first, made.width], np.uint64)
    what = made.kind == "uniform", numbers, made.offset is not None, clamp, window, coefficients(made.bits)
    if out.itemsize == 2:
        rows16(out.view(np.uint16), starts, address, *what, made.dtype == "bfloat16")
    else:
        (rows32 if made.bits == 32 else rows64)(out, starts, address, *what)


def threads() -> int:
    """Return how many threads draw together: ``NUMBA_NUM_THREADS``, by default all cores."""
    return int(numba.config.NUMBA_NUM_THREADS)
