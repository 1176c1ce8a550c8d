"""Scale and shift that no compiler can change."""

from typing import Any

import numpy as np

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
    scale, offset : float, or array of `dtype` without axes
        The factor, and what is added; None in place of `offset` for nothing. A float is exact in `dtype`.
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

    (xh, xl), (sh, sl) = split(x), _split_float(scale, dtype) if isinstance(scale, float) else split(scale)
    return ((xh * sh + offset) + xl * sh) + xh * sl


def _split_float(value: float, dtype: str) -> tuple[float, float]:
    """Return the upper and the lower half of a number's significand, without the framework."""
    integers, low = LOW_BITS[dtype]
    whole = np.array(value, dtype)
    high = (whole.view(integers) >> low << low).view(dtype)
    return high.item(), (whole - high).item()
