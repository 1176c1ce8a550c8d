"""What a draw must be: from its description, by the second implementation of the stream."""

import math
from itertools import product

import numpy as np
import reference

from oneseed.distributions import Complex, Fill, Integers, Normal, TruncatedNormal, Uniform

MOST = 40
"""Elements that are computed a second time, which takes a millisecond each."""


def element(distribution, dtype):
    """Return the function from an address to a value; None for what the reference does not know."""
    if isinstance(distribution, Normal):
        return lambda *at: reference.normal(*at, float(distribution.mean), float(distribution.stddev), dtype)
    if isinstance(distribution, TruncatedNormal):
        numbers = [float(getattr(distribution, name)) for name in ("mean", "stddev", "lower", "upper")]
        mean, stddev, lower, upper = numbers
        return lambda *at: reference.truncated_normal(*at, mean, stddev, dtype, lower, upper)
    if isinstance(distribution, Uniform):
        return lambda *at: reference.uniform(*at, float(distribution.low), float(distribution.high), dtype)
    if isinstance(distribution, Integers):
        return lambda *at: reference.integers(*at, distribution.low, distribution.high)
    return None


def tiny(distribution):
    """Tell whether values may be subnormal, which frameworks may flush to zero."""
    numbers = [getattr(distribution, name, 1.0) for name in ("stddev", "high", "low")]
    return any(0 < abs(number) < 1e-20 for number in numbers)


def disagreement(draw, array):
    """Return what is wrong with the values of a draw; None where nothing is, or where nobody can tell."""
    if array.shape != draw.block:
        return f"shape {array.shape} in place of {draw.block}"
    if array.dtype.name != draw.dtype:
        return f"dtype {array.dtype} in place of {draw.dtype}"
    distribution = draw.distribution
    if isinstance(distribution, Complex):
        real, imag = distribution.split(draw)
        return disagreement(real, array.real) or disagreement(imag, array.imag)
    if isinstance(distribution, Fill) and array.size and distribution.value == distribution.value:
        value = np.asarray(distribution.scalar(draw.dtype))
        same = array.tobytes() == np.full(array.shape, value).tobytes()
        return None if same else f"not filled with {value!r}"
    made = element(distribution, draw.dtype)
    if (
        made is None
        or array.size > MOST
        or not isinstance(draw.seed, int)
        or draw.rng != "portable"
        or tiny(distribution)
    ):
        return None
    expected = []
    for place in product(*(range(at, at + size) for at, size in zip(draw.offset, draw.block, strict=True))):
        index = sum(step * at for step, at in zip(draw.strides, place, strict=True))
        expected.append(reference.bits(made(draw.seed, draw.stream, index), draw.dtype))
    found = reference.patterns(array)
    return None if found == expected else f"other bits: {found[:3]} in place of {expected[:3]} for {draw}"


def few(draw):
    """Tell whether a draw is small enough to be made."""
    return math.prod(draw.block) <= 5000 and math.prod(draw.shape) <= 100_000
