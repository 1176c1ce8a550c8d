"""Scale and shift that no compiler can change."""

from typing import Any

from oneseed.stream.arrays import Array, Arrays

LOW_BITS = {"float32": ("uint32", 12), "float64": ("uint64", 27)}
"""For each working dtype its integers, and how many bits the low half of a significand has."""


def affine(x: Array, scale: Any, offset: Any, arrays: Arrays, dtype: str) -> Array:
    """Return ``x*scale + offset``, the same bits with and without fused multiply-add.

    With both factors split in halves every product is exact, so rounding it before the addition,
    or not at all, gives the same sum.

    Parameters
    ----------
    x : array of `dtype`
        The values.
    scale, offset : scalars of `dtype`
        The factor, and what is added; None in place of `offset` for nothing.
    arrays : Arrays
        The framework's operations.
    dtype : {"float32", "float64"}
        The working dtype.

    Returns
    -------
    array of `dtype`
        The result.
    """
    if offset is None:
        return x * scale
    integers, low = LOW_BITS[dtype]

    def split(value: Array) -> tuple[Array, Array]:
        # Shifts, not a mask: JAX takes no Python integer above 2**63.
        high = arrays.bits(arrays.bits(value, integers) >> low << low, dtype)
        return high, value - high

    (xh, xl), (sh, sl) = split(x), split(scale)
    return ((offset + sh * xh) + sh * xl) + sl * xh
