"""Standard deviations of truncated normal distributions, before and after they are cut.

They decide values that are drawn, so they are computed in integers: the C library's own functions differ in their last
bit from one machine to the next, and far in a tail, or between close bounds, nearly all digits of a float would cancel.
"""

import math
import sys
from functools import lru_cache

STDDEV_OF_PM2 = 0.87962566103423975041
"""Standard deviation of a normal distribution truncated to two standard deviations on either side."""

FARTHEST = {32: 6.3, 64: 9.1}
"""No sample of the standard normal distribution, from 32 or 64 random bits, lies farther from 0."""


@lru_cache(maxsize=1024)
def stddev_after(lower: float, upper: float) -> float:
    """Return the standard deviation of the standard normal distribution, cut at `lower` and `upper`.

    With density phi, distribution function Phi and ``Z = Phi(b) - Phi(a)``, the mean is ``m = (phi(a) - phi(b)) / Z``
    and the variance ``1 + (a phi(a) - b phi(b)) / Z - m**2``.

    Parameters
    ----------
    lower, upper : float
        The bounds, ``lower < upper``; either may be infinite.

    Returns
    -------
    float
        The standard deviation, to the last bit but one.

    Raises
    ------
    ValueError
        If the bounds are so close, or so far in a tail, that nothing is drawn between them.

    Examples
    --------
    >>> stddev_after(-1.0, 1.0), stddev_after(6.0, 8.0)
    (0.539560093754897, 0.15487160297491517)
    """
    if (lower, upper) == (-2.0, 2.0):
        return STDDEV_OF_PM2
    if max(lower, -upper) > FARTHEST[64]:
        raise ValueError(
            f"`lower` and `upper` must leave something within {FARTHEST[64]} standard deviations of the mean. "
            f"Received: lower={lower!r}, upper={upper!r}"
        )
    from fractions import Fraction

    from oneseed.exact.fixed_point import FAR, PRECISION, normal_cdf, normal_density

    one = 1 << PRECISION
    # What lies farther out weighs less than 2**-100 of what is left.
    a, b = (Fraction(max(-FAR, min(bound, FAR))) for bound in (lower, upper))
    at_a, at_b = (normal_density(bound, one) if abs(bound) < FAR else 0 for bound in (lower, upper))
    mass = int((normal_cdf(upper) - normal_cdf(lower)) * one)
    if not mass:
        raise ValueError(
            "`lower` and `upper` must leave a part of the distribution between them. "
            f"Received: lower={lower!r}, upper={upper!r}"
        )
    mean = Fraction(at_a - at_b, mass)
    return math.sqrt(1 + (a * at_a - b * at_b) / mass - mean**2)


@lru_cache(maxsize=1024)
def stddev_before(stddev: float, lower: float, upper: float) -> float:
    """Return the standard deviation that a normal distribution has before it is cut, from that after.

    Parameters
    ----------
    stddev : float
        The standard deviation after truncation, above 0.
    lower, upper : float
        The bounds as distances from the mean, ``lower < upper``; either may be infinite.

    Returns
    -------
    float
        The standard deviation before truncation.

    Raises
    ------
    ValueError
        If there is none: no distribution between the bounds varies so much, or, where the mean lies outside of them,
        what is left of one that varies so little lies too far out in its tail.

    Examples
    --------
    >>> stddev_before(0.5, -1.0, 1.0)
    0.6889510620592407
    """

    def after(before: float) -> float:
        return before * stddev_after(lower / before, upper / before)

    def refused(reason: str) -> ValueError:
        return ValueError(
            f"`stddev` after truncation {reason}. Received: stddev={stddev!r}, with bounds at {lower!r} and {upper!r} "
            "from the mean"
        )

    # Truncation never widens. The cut distribution varies the more the wider the whole one is; its limit is uniform.
    low = max(stddev, max(lower, -upper) / FARTHEST[64])
    limit = (upper - lower) / math.sqrt(12)
    least = after(low)
    if least > stddev:
        raise refused(f"must be at least {least!r}, so that what is left can be drawn")
    high = low
    while after(high) < stddev:
        low, high = high, 2 * high
        if stddev >= limit or high > 2**30 * (upper - lower):
            raise refused(f"must be below (upper - lower) / sqrt(12) = {limit!r}, that of the uniform distribution")
    while low < (middle := (low + high) / 2) < high:
        if after(middle) < stddev:
            low = middle
        else:
            high = middle
    return high


def in_sigmas(mean: float, stddev: float, lower: float, upper: float) -> tuple[float, float]:
    """Return bounds given as values in standard deviations from the mean.

    Values are held within ``mean + bound * stddev``: the result is rounded so that this lies within the bounds.

    Parameters
    ----------
    mean, stddev : float
        Those of the normal distribution.
    lower, upper : float
        The least and the largest value; with a `stddev` of 0, on either side of the mean. Either may be infinite.

    Returns
    -------
    tuple of float
        The bounds: infinite where `lower` and `upper` are, else finite.

    Examples
    --------
    >>> in_sigmas(0.0, 0.02, -2.0, 2.0)
    (-100.0, 100.0)
    """

    def distance(bound: float, side: float) -> float:
        if math.isinf(bound):
            return bound
        # At the largest float nothing is left out, and a product with it is still a number.
        far = math.copysign(sys.float_info.max, side)
        z = (bound - mean) / stddev if stddev else far
        return z if math.isfinite(z) else math.copysign(far, z)

    a, b = distance(lower, -1), distance(upper, 1)
    while mean + a * stddev < lower:
        a = math.nextafter(a, math.inf)
    while mean + b * stddev > upper:
        b = math.nextafter(b, -math.inf)
    return a, b
