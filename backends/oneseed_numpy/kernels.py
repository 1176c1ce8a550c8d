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
def normal32(u, count, first, width, pairs, tails, rows, z):  # type: ignore[no-untyped-def]
    """Write normal samples with 28 fraction bits, of all of the distribution or, with a `width`, of a part."""
    if width:
        for i in range(count):
            u[i] = u32(((u64(u[i]) * width) >> HALF) + first)
    for i in range(count):
        tails[i] = f32(i32((u[i] ^ u32(i32(u[i]) >> i32(31))) | u32(1)))
    bits = tails.view(u32)
    low, high = pairs[0], pairs[1]
    # The look-ups alone in a loop of their own: the loop of the arithmetic becomes vector code.
    for i in range(count):
        row = (bits[i] >> u32(19)) - u32(2032)
        rows[0, i], rows[1, i] = low[row], high[row]
    for i in range(count):
        x = ~(u64(bits[i]) << u64(13)) & MASK
        c01, c23 = rows[0, i], rows[1, i]
        value = ((c23 >> HALF) * x >> HALF) + (c23 & MASK)
        value = (value * x >> HALF) + (c01 >> HALF)
        value = (value * x >> HALF) + (c01 & MASK)
        sign = u32(i32(u[i]) >> i32(31))
        z[i] = i32(sign - (u32(value) ^ sign))


@compiled
def mulhi(a, b):  # type: ignore[no-untyped-def]
    """Return the high 64 bits of a product."""
    a0, a1, b0, b1 = a & MASK, a >> HALF, b & MASK, b >> HALF
    middle = a1 * b0 + (a0 * b0 >> HALF)
    return a1 * b1 + (middle >> HALF) + (((middle & MASK) + a0 * b1) >> HALF)


@compiled
def normal64(u, count, first, width, columns, tails, z):  # type: ignore[no-untyped-def]
    """Write normal samples with 59 fraction bits, of all of the distribution or, with a `width`, of a part."""
    if width:
        for i in range(count):
            u[i] = mulhi(u[i], width) + first
    for i in range(count):
        tails[i] = f64(i64((u[i] ^ u64(i64(u[i]) >> i64(63))) | u64(1)))
    bits = tails.view(u64)
    for i in range(count):
        row = (bits[i] >> u64(47)) - u64(32736)
        x = ~(bits[i] << u64(17))
        value = columns[7, row]
        for j in range(6, -1, -1):
            value = mulhi(value, x) + columns[j, row]
        sign = u64(i64(u[i]) >> i64(63))
        z[i] = i64(sign - (value ^ sign))


@compiled
def uniform32(u, count, z):  # type: ignore[no-untyped-def]
    """Write odd integers below 2**24."""
    for i in range(count):
        z[i] = i32((u[i] >> u32(7)) | u32(1)) - i32(16777216)


@compiled
def uniform64(u, count, z):  # type: ignore[no-untyped-def]
    """Write odd integers below 2**53."""
    for i in range(count):
        z[i] = i64((u[i] >> u64(10)) | u64(1)) - i64(9007199254740992)


@compiled
def shifted(z, count, scale, offset, low_bits, x, heads, out):  # type: ignore[no-untyped-def]
    """Write ``z * scale + offset``, both factors split so that every product is exact."""
    whole, half = x.view(low_bits.dtype), heads.view(low_bits.dtype)
    x[0] = scale
    half[0] = whole[0] >> low_bits[0] << low_bits[0]
    scale_head = heads[0]
    scale_rest = scale - scale_head
    for i in range(count):
        x[i] = z[i]
    for i in range(count):
        half[i] = whole[i] >> low_bits[0] << low_bits[0]
    for i in range(count):
        value = offset + scale_head * heads[i]
        value = value + scale_head * (x[i] - heads[i])
        out[i] = value + scale_rest * heads[i]


@compiled
def finish(z, count, numbers, shift, clamp, low_bits, x, heads, out):  # type: ignore[no-untyped-def]
    """Write scaled, shifted and clamped values; `numbers` are scale, offset and the two bounds."""
    if shift:
        shifted(z, count, numbers[0], numbers[1], low_bits, x, heads, out)
    else:
        for i in range(count):
            x[i] = z[i]
        for i in range(count):
            out[i] = x[i] * numbers[0]
    if clamp:
        for i in range(count):
            out[i] = max(numbers[2], min(out[i], numbers[3]))


@compiled
def rows32(out, starts, address, uniform, numbers, shift, clamp, window, pairs):  # type: ignore[no-untyped-def]
    """Write rows of float32 values; `starts` has the index of the first element of each."""
    made, z, rows = np.empty(CHUNK, u32), np.empty(CHUNK, i32), np.empty((2, CHUNK), u64)
    x, heads, low_bits = np.empty(CHUNK, f32), np.empty(CHUNK, f32), np.full(1, 12, u32)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            count = min(CHUNK - 4, out.shape[1] - done)
            lane = words(starts[row] + u64(done), count, u64(0), address[0], address[1], made)
            u = made[lane:]
            if uniform:
                uniform32(u, count, z)
            else:
                normal32(u, count, window[0], window[1], pairs, x, rows, z)
            finish(z, count, numbers, shift, clamp, low_bits, x, heads, out[row, done : done + count])


@compiled
def rows64(out, starts, address, uniform, numbers, shift, clamp, window, columns):  # type: ignore[no-untyped-def]
    """Write rows of float64 values; `starts` has the index of the first element of each."""
    made, u, z = np.empty(CHUNK, u32), np.empty(CHUNK, u64), np.empty(CHUNK, i64)
    x, heads, low_bits = np.empty(CHUNK, f64), np.empty(CHUNK, f64), np.full(1, 27, u64)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            count = min(CHUNK - 4, out.shape[1] - done)
            lane = words(starts[row] + u64(done), count, u64(0), address[0], address[1], made)
            for i in range(count):
                u[i] = u64(made[lane + i]) << HALF
            words(starts[row] + u64(done), count, u64(1), address[0], address[1], made)
            for i in range(count):
                u[i] |= u64(made[lane + i])
            if uniform:
                uniform64(u, count, z)
            else:
                normal64(u, count, window[0], window[1], columns, x, z)
            finish(z, count, numbers, shift, clamp, low_bits, x, heads, out[row, done : done + count])


@compiled
def integer_rows(out, starts, address, first, width):  # type: ignore[no-untyped-def]
    """Write rows of integers, of the dtype of `out`."""
    made = np.empty(CHUNK, u32)
    for row in range(out.shape[0]):
        for done in range(0, out.shape[1], CHUNK - 4):
            count = min(CHUNK - 4, out.shape[1] - done)
            lane = words(starts[row] + u64(done), count, u64(0), address[0], address[1], made)
            for i in range(count):
                out[row, done + i] = ((u64(made[lane + i]) * width) >> HALF) + first


@cache
def coefficients(bits: int) -> Array:
    """Return the quantile's table as the kernels read it: columns of 64 bits, for 32 bits two coefficients in each."""
    columns = table(bits).T.astype(np.uint64)
    packed = columns[::2] | columns[1::2] << 32 if bits == 32 else columns
    return np.ascontiguousarray(packed)


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
        Where to write, in the working dtype, or the integer dtype of the recipe.
    """
    if made.kind == "integers":
        integer_rows(out, starts, address, u64(made.first), u64(made.width))
        return
    clamp = made.kind != "normal"
    zero = made.scale * 0
    numbers = np.array([made.scale, made.offset or zero, made.low if clamp else zero, made.high if clamp else zero])
    window = np.array([made.first, made.width], np.uint64)
    (rows32 if made.bits == 32 else rows64)(
        out,
        starts,
        address,
        made.kind == "uniform",
        numbers,
        made.offset is not None,
        clamp,
        window,
        coefficients(made.bits),
    )


def threads() -> int:
    """Return how many threads draw together: ``NUMBA_NUM_THREADS``, by default all cores."""
    return int(numba.config.NUMBA_NUM_THREADS)
