"""The inverse of the normal distribution function, by table, in fixed point.

Only integer arithmetic and one conversion of an integer to a float, which IEEE 754 defines exactly: no
compiler and no processor can change a bit. The rows of the tables are polynomials in the position
within one sixteenth (32 bits) or one thirty-second (64 bits) of an octave of the tail probability.
"""

from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.stream.arrays import Array, Arrays
from oneseed.stream.philox import MASK

FRACTION_BITS = {32: 28, 64: 59}


@cache
def table(bits: int) -> NDArray[Any]:
    """Return the table of coefficients for samples of 32 or 64 bits."""
    from importlib.resources import files

    with (files("oneseed.stream") / "data" / f"quantile{bits}.npy").open("rb") as file:
        loaded: NDArray[Any] = np.load(file)
    loaded.flags.writeable = False
    return loaded


def bounds(bits: int) -> list[int]:
    """Return what no row's polynomial exceeds after each coefficient, from the last one to the first."""
    return list(accumulate(int(column.max()) for column in reversed(table(bits).T)))


def mulhi64(a: Array, b: Array) -> Array:
    """Return the high 64 bits of the product of two uint64 arrays."""
    return mulhi64_halves(a, b & MASK, b >> 32)


def mulhi64_halves(a: Array, b0: Array, b1: Array) -> Array:
    """Return the high 64 bits of the product of an uint64 array and another, given its lower and its upper words."""
    a0, a1 = a & MASK, a >> 32
    middle = a1 * b0 + (a0 * b0 >> 32)
    return a1 * b1 + (middle >> 32) + (((middle & MASK) + a0 * b1) >> 32)


def quantile32(u: Array, arrays: Arrays) -> Array:
    """Return normal samples as int32 with 28 fraction bits.

    Parameters
    ----------
    u : array of uint32
        The words; ``2**31`` is the median.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of int32
        The samples. The largest error is 2.2e-8 for the table, 6.7e-8 with the rounding of the tail to a float.
    """
    sign = arrays.bits(arrays.bits(u, "int32") >> 31, "uint32")
    tail = arrays.bits((u ^ sign) | 1, "int32")
    w = arrays.bits(arrays.cast(tail, "float32"), "uint32")
    c0, c1, c2, c3 = arrays.columns(table(32), (w >> 19) - (127 << 4))
    x, z = arrays.lane(~(w << 13)), arrays.lane(c3)
    for c in (c2, c1, c0):
        z = arrays.high(z, x) + c
    z = arrays.cast(z, "uint32")
    return arrays.bits(sign - (z ^ sign), "int32")


def quantile64(u: Array, arrays: Arrays) -> Array:
    """Return normal samples as int64 with 59 fraction bits.

    Parameters
    ----------
    u : array of uint64
        The words; ``2**63`` is the median.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of int64
        The samples. The largest error is 1.6e-16 for the table, 2.3e-16 with the rounding of the tail to a float.
    """
    sign = arrays.bits(arrays.bits(u, "int64") >> 63, "uint64")
    tail = arrays.bits((u ^ sign) | 1, "int64")
    w = arrays.bits(arrays.cast(tail, "float64"), "uint64")
    *coefficients, z = arrays.columns(table(64), (w >> 47) - (1023 << 5))
    x = ~(w << 17)
    halves = x & MASK, x >> 32
    for c in reversed(coefficients):
        z = mulhi64_halves(z, *halves) + c
    return arrays.bits(sign - (z ^ sign), "int64")
