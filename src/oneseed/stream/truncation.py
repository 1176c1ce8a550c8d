"""Which part of the random integers falls between two quantiles of the normal distribution."""

from fractions import Fraction
from functools import cache
from math import isinf, isqrt

from oneseed.stream.fixed_point import exp_minus, pi

PM2 = {32: (97711073, 4099545150), 64: (419665861691185127, 17607412350327181362)}
"""The windows of +-2 standard deviations, by far the most used, known beforehand."""

_PRECISION = 512


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
        ``first = ceil(Phi(lower) * 2**bits)`` and ``width = floor(Phi(upper) * 2**bits) - first``.

    Examples
    --------
    >>> window(-2.0, 2.0, 32)
    (97711073, 4099545150)
    """
    if (lower, upper) == (-2.0, 2.0):
        return PM2[bits]
    first = -int(-_phi(lower) * 2**bits // 1)
    return first, int(_phi(upper) * 2**bits // 1) - first


def _phi(x: float) -> Fraction:
    """The normal distribution function, to more digits than any window can ask for."""
    if isinf(x):
        return Fraction(int(x > 0))
    if abs(x) > 40:  # closer to 0 or 1 than any window can tell, yet not equal
        return Fraction(int(x > 0)) - Fraction(1 if x > 0 else -1, 2**_PRECISION)
    one = 1 << _PRECISION
    # Phi(x) = 1/2 + exp(-x**2/2) / sqrt(2 pi) * sum over n of x**(2n+1) / (1*3*5*...*(2n+1)):
    # every term has the sign of x, so nothing cancels but the 1/2.
    square = Fraction(x) ** 2
    term = total = int(abs(Fraction(x)) * one)
    n = 0
    while term:
        n += 1
        term = int(term * square / (2 * n + 1))
        total += term
    half = total * exp_minus(square / 2, one) // isqrt(2 * pi(one) * one)
    return Fraction(1, 2) + Fraction(half if x > 0 else -half, one)
