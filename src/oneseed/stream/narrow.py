"""Rounding to eight bits by integer arithmetic: some compilers round to float8 by way of float16, and so twice."""

import math

from oneseed.stream.arrays import Array, Arrays

FORMATS = {"float8_e4m3fn": (3, -6), "float8_e5m2": (2, -14)}
"""The fraction bits of each format, and the exponent of its least normal number."""

SIGN = -(2**31)
"""The sign's bit in an int32."""


def nearest_float8(x: Array, dtype: str, arrays: Arrays) -> Array:
    """Return the float8 nearest to each float32, ties to even, still as float32.

    Parameters
    ----------
    x : array of float32
        Numbers that do not round to more than the largest float8.
    dtype : {"float8_e4m3fn", "float8_e5m2"}
        The format.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of float32
        Numbers that the format holds, so that a conversion to it has nothing left to round.
    """
    fraction, least = FORMATS[dtype]
    drop, tiny = 23 - fraction, 2.0**least
    bits = arrays.bits(x, "int32")
    size = arrays.bits(bits & ~SIGN, "float32")
    # From `tiny` on, the low bits of the significand go. A carry reaches the exponent, as it should.
    normal = arrays.bits(arrays.clamp(size, tiny, math.inf), "int32")
    normal = (normal + (2 ** (drop - 1) - 1) + ((normal >> drop) & 1)) >> drop << drop
    # Up to `tiny`, numbers are multiples of the least one; 24 bits more are enough to tell where halves are.
    whole = arrays.cast(arrays.clamp(size, 0.0, tiny) * 2.0 ** (fraction - least + 24), "int32")
    whole = (whole + (2**23 - 1) + ((whole >> 24) & 1)) >> 24
    small = arrays.bits(arrays.cast(whole, "float32") * 2.0 ** (least - fraction), "int32")
    # One of the two is `tiny`, whose bits are taken off.
    return arrays.bits((normal + small - ((127 + least) << 23)) | (bits & SIGN), "float32")
