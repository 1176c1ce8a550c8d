"""Which part of the random integers falls between two quantiles of the normal distribution."""

import math
from functools import cache

PM2 = {32: (97711073, 4099545150), 64: (419665861691185127, 17607412350327181362)}
"""The windows of +-2 standard deviations, by far the most used, known beforehand."""


@cache
def window(lower: float, upper: float, bits: int) -> tuple[int, int]:
    """Return the first integer and the width of the window between two quantiles.

    Parameters
    ----------
    lower, upper : float
        Bounds in standard deviations; either may be infinite.
    bits : {32, 64}
        The width of the random integers.

    Returns
    -------
    tuple of int
        ``first = ceil(Phi(lower) * 2**bits)`` and ``width = floor(Phi(upper) * 2**bits) - first``; the width is
        0 or less where the bounds are too close to draw between them.

    Examples
    --------
    >>> window(-2.0, 2.0, 32)
    (97711073, 4099545150)
    """
    if (lower, upper) == (-2.0, 2.0):
        return PM2[bits]
    from oneseed.exact.fixed_point import normal_cdf

    first = math.ceil(normal_cdf(lower) * 2**bits)
    return first, math.floor(normal_cdf(upper) * 2**bits) - first
