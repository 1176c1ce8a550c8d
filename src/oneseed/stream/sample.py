"""From words to the values of a distribution."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from oneseed.distributions import Distribution, Integers, Normal, TruncatedNormal, Uniform
from oneseed.dtypes import FLOAT8, LARGEST, rounded, working_dtype
from oneseed.exact.windows import window
from oneseed.stream.affine import affine
from oneseed.stream.arrays import Array, Arrays
from oneseed.stream.narrow import nearest_float8
from oneseed.stream.quantile import FRACTION_BITS, mulhi64, quantile32, quantile64

UNIFORM_BITS = {32: 24, 64: 53}


class Recipe(NamedTuple):
    """A distribution made ready for one dtype: everything but the words.

    The strings and `bits` decide which operations run; the rest are numbers that a compiled function
    takes as arguments.
    """

    kind: str
    dtype: str
    working: str
    bits: int
    scale: Any = None
    offset: Any = None
    low: Any = None
    high: Any = None
    first: int = 0
    width: int = 0


@lru_cache(maxsize=1024)
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
    made = Recipe("normal", dtype, working, bits, scale, mean or None)
    if isinstance(distribution, Normal):
        return made
    lower, upper = distribution.lower, distribution.upper
    ends = [end(distribution.mean + bound * distribution.stddev) for bound in (lower, upper)]
    first, width = window(lower, upper, bits)
    if width <= 0:
        raise ValueError(
            f"`lower` and `upper` must have more than 2**-{bits} of the normal distribution between them. "
            f"Received: lower={lower!r}, upper={upper!r}"
        )
    return made._replace(kind="truncated_normal", low=ends[0], high=ends[1], first=first, width=width)


def sample(recipe: Recipe, u: Array, arrays: Arrays) -> Array:
    """Turn random bits into values.

    Parameters
    ----------
    recipe : Recipe
        What to make.
    u : array of uint32 or uint64
        One random integer of ``recipe.bits`` bits an element.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of ``recipe.dtype``
        The values, in the shape of `u`.
    """
    kind, bits, working = recipe.kind, recipe.bits, recipe.working
    if kind == "integers":
        wide = arrays.cast(u, "uint64")
        return arrays.cast(((wide * recipe.width) >> 32) + recipe.first, recipe.dtype)
    if kind == "uniform":
        p = UNIFORM_BITS[bits]
        whole = arrays.bits((u >> (bits - p - 1)) | 1, f"int{bits}") - 2**p
    else:
        if kind == "truncated_normal":
            if bits == 32:
                u = arrays.cast(arrays.high(arrays.lane(u), recipe.width), "uint32") + recipe.first
            else:
                u = mulhi64(u, recipe.width) + recipe.first
        whole = (quantile32 if bits == 32 else quantile64)(u, arrays)
    value = affine(arrays.cast(whole, working), recipe.scale, recipe.offset, arrays, working)
    if kind != "normal":
        value = arrays.clamp(value, recipe.low, recipe.high)
    if recipe.dtype in FLOAT8:
        value = nearest_float8(value, recipe.dtype, arrays)
    return arrays.cast(value, recipe.dtype)
