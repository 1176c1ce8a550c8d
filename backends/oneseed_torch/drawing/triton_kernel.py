"""Stream v1 as a Triton kernel: one pass from counters to the final dtype in the tensor's own memory.

A tensor is seen as rows in which the element index grows by one. A program makes a tile of `ROWS` by four times
`GROUPS` elements: one Philox counter for each four, of which every word is used. Rows follow each other as they lie in
memory, so that stores of transposed layouts run along the rows. Numbers that would not fit 32 bits, and floats, come as
int64 arguments, floats as their bits. Of what decides a value, only the kind of distribution is a constant of the
compiled kernel.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# Triton reads the annotations of a kernel in a language of its own.

import triton
import triton.language as tl

from oneseed.stream import philox
from oneseed.stream.quantile import bounds
from oneseed.stream.sample import UNIFORM_BITS

M0 = tl.constexpr(philox.PHILOX_M4x32_0)
M1 = tl.constexpr(philox.PHILOX_M4x32_1)
W0 = tl.constexpr(philox.PHILOX_W32_0)
W1 = tl.constexpr(philox.PHILOX_W32_1)
ROUNDS = tl.constexpr(philox.ROUNDS)
UNIT_32 = tl.constexpr(2 ** UNIFORM_BITS[32])
UNIT_64 = tl.constexpr(2 ** UNIFORM_BITS[64])
SHORT = tl.constexpr(sum(bound <= philox.MASK for bound in bounds(64)[:-1]))
"""How many of the products in a polynomial of 64 bits are of a number below ``2**32``: the first ones."""


@triton.jit
def product(a, b, PTX: tl.constexpr):
    """Return the high and the low 32 bits of products of uint32."""
    if PTX:
        # The compiler would fuse a high half and a sum into one instruction, which takes two moves to prepare.
        return tl.inline_asm_elementwise(
            "{ .reg .b64 p; mul.wide.u32 p, $2, $3; mov.b64 {$1, $0}, p; }",
            "=r,=r,r,r",
            [a, b],
            dtype=(tl.uint32, tl.uint32),
            is_pure=True,
            pack=1,
        )
    else:
        return tl.umulhi(a, b), a * b


@triton.jit
def words(counter, plane: tl.constexpr, number, seed, PTX: tl.constexpr):
    """Return the four words of each counter, an int64, in uint32."""
    c0 = counter.to(tl.uint32)
    c1 = (counter >> 32).to(tl.uint32) | (plane << 29)
    c2 = (c0 & 0) | number.to(tl.uint32)
    c3 = (c0 & 0) | (number.to(tl.int64) >> 32).to(tl.uint32)
    k0 = seed.to(tl.uint32)
    k1 = (seed.to(tl.int64) >> 32).to(tl.uint32)
    for _ in tl.static_range(ROUNDS):
        high0, low0 = product(c0, (c0 & 0) | M0, PTX)
        high1, low1 = product(c2, (c0 & 0) | M1, PTX)
        c0 = high1 ^ c1 ^ k0
        c2 = high0 ^ c3 ^ k1
        c1 = low1
        c3 = low0
        k0 += W0
        k1 += W1
    return c0, c1, c2, c3


@triton.jit
def side_by_side(a, b, c, d):
    """Return the values of each counter's four words next to each other."""
    return tl.reshape(tl.join(tl.join(a, c), tl.join(b, d)), (a.shape[0], 4 * a.shape[1]))


@triton.jit
def coefficients(table, row, PTX: tl.constexpr):
    """Return the four uint32 of each row of a table, which comes as two int64 a row."""
    if PTX:
        # One load of 16 bytes: what limits the kernel is the cache's work for addresses in no order.
        return tl.inline_asm_elementwise(
            "ld.global.nc.v4.b32 {$0, $1, $2, $3}, [$4];",
            "=r,=r,=r,=r,l",
            [table.to(tl.int64) + row.to(tl.int64) * 16],
            dtype=(tl.uint32, tl.uint32, tl.uint32, tl.uint32),
            is_pure=True,
            pack=1,
        )
    else:
        c01 = tl.load(table + row * 2)
        c23 = tl.load(table + row * 2 + 1)
        return c01.to(tl.uint32), (c01 >> 32).to(tl.uint32), c23.to(tl.uint32), (c23 >> 32).to(tl.uint32)


@triton.jit
def normal32(u, table, PTX: tl.constexpr):
    """Return the quantiles of uint32 words as int32 with 28 fraction bits."""
    sign = u.to(tl.int32, bitcast=True) >> 31
    tail = (u.to(tl.int32, bitcast=True) ^ sign) | 1
    w = tail.to(tl.float32).to(tl.uint32, bitcast=True)
    c0, c1, c2, c3 = coefficients(table, (w >> 19).to(tl.int32) - (127 << 4), PTX)
    x = (w << 13) ^ 0xFFFFFFFF
    z = product(c3, x, PTX)[0] + c2
    z = product(z, x, PTX)[0] + c1
    z = product(z, x, PTX)[0] + c0
    return sign - (z.to(tl.int32, bitcast=True) ^ sign)


@triton.jit
def pair(table, row, number: tl.constexpr, PTX: tl.constexpr):
    """Return two coefficients of each row of a table with eight, as uint64."""
    if PTX:
        return tl.inline_asm_elementwise(
            "ld.global.nc.v2.b64 {$0, $1}, [$2];",
            "=l,=l,l",
            [table.to(tl.int64) + (row.to(tl.int64) * 64 + 16 * number)],
            dtype=(tl.uint64, tl.uint64),
            is_pure=True,
            pack=1,
        )
    else:
        at = table + row * 8 + 2 * number
        return tl.load(at).to(tl.uint64, bitcast=True), tl.load(at + 1).to(tl.uint64, bitcast=True)


@triton.jit
def high64(a, b, NARROW: tl.constexpr):
    """Return the high 64 bits of products; with `NARROW` of one number below ``2**32``, in fewer instructions."""
    if NARROW:
        word = a.to(tl.uint32).to(tl.uint64)
        return (word * (b >> 32) + (word * b.to(tl.uint32).to(tl.uint64) >> 32)) >> 32
    else:
        return tl.umulhi(a, b)


@triton.jit
def normal64(u, table, PTX: tl.constexpr):
    """Return the quantiles of uint64 words as int64 with 59 fraction bits."""
    sign = u.to(tl.int64, bitcast=True) >> 63
    tail = (u.to(tl.int64, bitcast=True) ^ sign) | 1
    w = tail.to(tl.float64).to(tl.uint64, bitcast=True)
    row = (w >> 47).to(tl.int32) - (1023 << 5)
    x = (w << 17) ^ 0xFFFFFFFFFFFFFFFF
    c, z = pair(table, row, 3, PTX)
    z = high64(z, x, SHORT > 0) + c
    for step in tl.static_range(1, 7, 2):
        even, odd = pair(table, row, (5 - step) // 2, PTX)
        z = high64(z, x, step < SHORT) + odd
        z = high64(z, x, step + 1 < SHORT) + even
    return sign - (z.to(tl.int64, bitcast=True) ^ sign)


@triton.jit
def real(bits, dtype: tl.constexpr):
    """Return a float whose bits came as an int64."""
    if dtype == tl.float64:
        return bits.to(tl.int64).to(tl.float64, bitcast=True)
    else:
        return bits.to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def high_half(x):
    """Return a float with the low bits of its significand cleared."""
    if x.dtype == tl.float64:
        return (x.to(tl.uint64, bitcast=True) >> 27 << 27).to(tl.float64, bitcast=True)
    else:
        return (x.to(tl.uint32, bitcast=True) >> 12 << 12).to(tl.float32, bitcast=True)


@triton.jit
def affine(x, scale, offset, SHIFTED: tl.constexpr):
    """Return ``x * scale + offset``, the same bits with and without fused multiply-add."""
    if SHIFTED:
        xh = high_half(x)
        sh = high_half(scale)
        return ((offset + sh * xh) + sh * (x - xh)) + (scale - sh) * xh
    else:
        return x * scale


@triton.jit
def sample(
    u,
    table,
    scale,
    offset,
    low,
    high,
    window,
    width,
    KIND: tl.constexpr,
    WIDE: tl.constexpr,
    SHIFTED: tl.constexpr,
    PTX: tl.constexpr,
):
    """Turn random bits into values of the working dtype, or into integers of 64 bits."""
    if KIND == "integers":
        return ((u.to(tl.uint64) * width.to(tl.uint64)) >> 32) + window.to(tl.uint64)
    else:
        working: tl.constexpr = tl.float64 if WIDE else tl.float32
        if KIND == "uniform":
            if WIDE:
                whole = ((u >> 10) | 1).to(tl.int64, bitcast=True) - UNIT_64
            else:
                whole = ((u >> 7) | 1).to(tl.int32, bitcast=True) - UNIT_32
        else:
            if KIND == "truncated_normal":
                if WIDE:
                    u = tl.umulhi(u, (u & 0) | width.to(tl.uint64)) + window.to(tl.uint64)
                else:
                    u = ((u.to(tl.uint64) * width.to(tl.uint64)) >> 32).to(tl.uint32) + window.to(tl.uint32)
            whole = normal64(u, table, PTX) if WIDE else normal32(u, table, PTX)
        value = affine(whole.to(working), real(scale, working), real(offset, working), SHIFTED)
        if KIND != "normal":
            value = tl.maximum(tl.minimum(value, real(high, working)), real(low, working))
        return value


@triton.jit
def place(row, sizes, steps, RANK: tl.constexpr):
    """Return how far rows are from the first, given their axes, innermost first; the last needs no size."""
    far = row * 0
    for axis in tl.static_range(RANK - 1):
        far += row % sizes[axis] * steps[axis]
        row = row // sizes[axis]
    return far + row * steps[RANK - 1]


NUMBERS = [
    *("seed", "number", "first", "length", "rows", "stride", "tiles", "start", "turns"),
    *("size0", "size1", "size2", "step0", "step1", "step2", "step3"),
    *("stored0", "stored1", "stored2", "stride0", "stride1", "stride2", "stride3"),
    *("scale", "offset", "low", "high", "window", "width"),
]
"""The arguments for whose values nothing is compiled again."""


@triton.jit(do_not_specialize=NUMBERS)
def fill_kernel(
    out,
    table,
    seed: tl.int64,
    number: tl.int64,
    first: tl.int64,
    length: tl.int64,
    rows: tl.int64,
    stride: tl.int64,
    tiles: tl.int64,
    start: tl.int64,
    turns: tl.int64,
    size0: tl.int64,
    size1: tl.int64,
    size2: tl.int64,
    step0: tl.int64,
    step1: tl.int64,
    step2: tl.int64,
    step3: tl.int64,
    stored0: tl.int64,
    stored1: tl.int64,
    stored2: tl.int64,
    stride0: tl.int64,
    stride1: tl.int64,
    stride2: tl.int64,
    stride3: tl.int64,
    scale: tl.int64,
    offset: tl.int64,
    low: tl.int64,
    high: tl.int64,
    window: tl.int64,
    width: tl.int64,
    KIND: tl.constexpr,
    WIDE: tl.constexpr,
    SHIFTED: tl.constexpr,
    PTX: tl.constexpr,
    ALIGNED: tl.constexpr,
    DENSE: tl.constexpr,
    QUADS: tl.constexpr,
    ACROSS: tl.constexpr,
    AXES: tl.constexpr,
    STORED: tl.constexpr,
    ROWS: tl.constexpr,
    GROUPS: tl.constexpr,
):
    """Make some tiles, one after the other; `oneseed_torch.drawing.triton_launch` has what the arguments are."""
    for turn in range(turns):
        program = start.to(tl.int64) + tl.program_id(0).to(tl.int64) * turns + turn
        if AXES == 0:
            group = program * GROUPS
            begin = first
        else:
            group = program % tiles * GROUPS
            row = program // tiles * ROWS + tl.expand_dims(tl.arange(0, ROWS), 1)
            begin = first + place(row, (size0, size1, size2), (step0, step1, step2, step3), AXES)
        counter = (begin >> 2) + (group + tl.expand_dims(tl.arange(0, GROUPS), 0))

        u0, u1, u2, u3 = words(counter, 0, number, seed, PTX)
        if WIDE:
            low0, low1, low2, low3 = words(counter, 1, number, seed, PTX)
            u0 = (u0.to(tl.uint64) << 32) | low0
            u1 = (u1.to(tl.uint64) << 32) | low1
            u2 = (u2.to(tl.uint64) << 32) | low2
            u3 = (u3.to(tl.uint64) << 32) | low3
        # Values become neighbours when they are made, so that each thread has the four that it stores, as one.
        dtype: tl.constexpr = out.dtype.element_ty
        value = side_by_side(
            sample(u0, table, scale, offset, low, high, window, width, KIND, WIDE, SHIFTED, PTX).to(dtype),
            sample(u1, table, scale, offset, low, high, window, width, KIND, WIDE, SHIFTED, PTX).to(dtype),
            sample(u2, table, scale, offset, low, high, window, width, KIND, WIDE, SHIFTED, PTX).to(dtype),
            sample(u3, table, scale, offset, low, high, window, width, KIND, WIDE, SHIFTED, PTX).to(dtype),
        )

        at = group * 4 + tl.expand_dims(tl.arange(0, 4 * GROUPS), 0)
        inside = (group + GROUPS) * 4 <= length
        if not ALIGNED:
            at = at - (begin & 3)
        # A thread has four values of each counter; to store more at once it would have to exchange them with others.
        to = out + (tl.max_contiguous(at, (1, 4)) if DENSE else at * stride)
        if AXES > 0:
            # What is known to be 1 tells the compiler to store along the rows.
            innermost = 1 if ACROSS else stride0
            far = place(row, (stored0, stored1, stored2), (innermost, stride1, stride2, stride3), STORED)
            # Strides that come in fours tell the compiler that stores of four are aligned.
            to += far * 4 if QUADS else far
            inside = inside & ((program // tiles + 1) * ROWS <= rows)
        if ALIGNED and inside:
            tl.store(to, value)  # without a mask stores are wide, whatever the sizes
        else:
            mask = (at >= 0) & (at < length)
            if AXES > 0:
                mask = mask & (row < rows)
            tl.store(to, value, mask=mask)
