"""From a distribution to the numbers with which stream v1 samples it in a dtype."""

from functools import lru_cache
from typing import Any

import numpy as np

from oneseed.distributions.sampled import Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Distribution
from oneseed.dtypes import FLOAT8, LARGEST, rounded, working_dtype
from oneseed.exact.windows import window
from oneseed.stream.quantile import FRACTION_BITS
from oneseed.stream.sample import UNIFORM_BITS, Recipe


@lru_cache(maxsize=1024)
@np.errstate(all="ignore")
def recipe(distribution: Distribution, dtype: str) -> Recipe:
    """Prepare the numbers of a distribution for a dtype that holds its values.

    Parameters
    ----------
    distribution : Normal, TruncatedNormal, Uniform or Integers
        What to draw.
    dtype : str
        The dtype of the result.

    Returns
    -------
    Recipe
        The numbers, rounded as stream v1 says.

    Raises
    ------
    ValueError
        If a normal distribution is truncated to nothing.
    """
    if isinstance(distribution, Integers):
        width = distribution.high - distribution.low
        return Recipe("integers", dtype, dtype, 32, first=distribution.low % 2**64, width=width)
    working = working_dtype(dtype)
    bits = 64 if working == "float64" else 32
    real = np.dtype(working).type

    def end(bound: float) -> Any:
        # Rounding keeps order, so that bounds can be applied before the last rounding, in the dtype that every
        # framework computes in. In float8 many a bound would become a zero, and of two zeros frameworks take either.
        return real(bound if dtype in FLOAT8 else rounded(bound, dtype))

    if isinstance(distribution, Uniform):
        low, high = distribution.low, distribution.high
        scale = real((high - low) / 2) * real(2.0 ** -UNIFORM_BITS[bits])
        centre = real((high + low) / 2)
        # Not towards infinity, which float8_e4m3fn has not.
        below = np.nextafter(rounded(high, dtype), rounded(-LARGEST.get(dtype, np.inf), dtype))
        return Recipe("uniform", dtype, working, bits, scale, centre or None, end(low), real(below))
    assert isinstance(distribution, Normal | TruncatedNormal)
    mean = real(distribution.mean)
    scale = real(distribution.stddev) * real(2.0 ** -FRACTION_BITS[bits])
    found = Recipe("normal", dtype, working, bits, scale, mean or None)
    if isinstance(distribution, Normal):
        return found
    lower, upper = distribution.lower, distribution.upper
    # If a value and an end are zeros, a framework may take either, so both are positive: an end by this sum.
    ends = [end(bound) + real(0) for bound in distribution.ends]
    first, width = window(lower, upper, bits)
    if width == 2**bits:  # nothing is cut on either side
        return found
    if width <= 0:
        raise ValueError(
            f"`lower` and `upper` must have more than 2**-{bits} of the normal distribution between them. "
            f"Received: lower={lower!r}, upper={upper!r}"
        )
    return found._replace(kind="truncated_normal", low=ends[0], high=ends[1], first=first, width=width)
