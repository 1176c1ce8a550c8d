"""Initializers that draw from a fixed distribution, whatever the shape."""

import math
from typing import Any, Self

import numpy as np

from oneseed import checks, distributions
from oneseed.distributions import Complex, Distribution, Integers, Normal, Uniform
from oneseed.dtypes import COMPLEX, FLOATS, INTEGERS, cast_scalar, numpy_dtype
from oneseed.initializers.base import RandomInitializer, Target, check_inexact
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None


class _MeanStddev(RandomInitializer):
    _kind: type[Normal] | type[distributions.TruncatedNormal]

    def __init__(self, mean: Any, stddev: Any, seed: Seed) -> None:
        self.mean = checks.complex_scalar("mean", mean)
        self.stddev = checks.scalar("stddev", stddev)
        if self.stddev < 0:
            raise ValueError(f"`stddev` must be 0 or more. Received: stddev={stddev!r}")
        super().__init__(seed)

    def _distribution(self, target: Target) -> Distribution:
        check_inexact(target.dtype)
        cast_scalar(self.mean, target.dtype, "mean")
        made = self._law(target.dtype)
        if made.overflows(target.dtype):
            raise ValueError(
                f"`stddev` is too large: values can be beyond the largest {target.dtype}; use a wider dtype. "
                f"Received: stddev={self.stddev!r}"
            )
        return made

    def _law(self, dtype: str) -> Normal | distributions.TruncatedNormal | Complex:
        mean, stddev = self.mean, float(self.stddev)
        if dtype not in COMPLEX:
            return self._kind(float(mean.real), stddev)
        each = stddev / math.sqrt(2)
        return Complex(self._kind(float(mean.real), each), self._kind(float(mean.imag), each))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, a complex mean in a form fit for JSON."""
        from oneseed.initializers.serialization import serialize_value

        return {**super().get_config(), "mean": serialize_value(self.mean), "stddev": self.stddev}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration; a serialized complex mean is rebuilt."""
        if isinstance(config, dict) and isinstance(config.get("mean"), dict):
            from oneseed.initializers.serialization import deserialize_value

            config = {**config, "mean": deserialize_value(config["mean"])}
        return super().from_config(config)


class RandomNormal(_MeanStddev):
    """Draw from a normal distribution with mean `mean` and variance ``stddev**2``.

    In a complex dtype the variance is ``E|w - mean|**2 = stddev**2``: real and imaginary part are independent and have
    half of it each. The imaginary part comes from the path with "imag" appended.

    Parameters
    ----------
    mean : float, complex or scalar tensor
        The mean; a complex one is for complex dtypes.
    stddev : float or scalar tensor
        The standard deviation, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `mean` is no number, `stddev` no real one, or `seed` of another type.
    ValueError
        If one is NaN, infinite or not a scalar, `stddev` is negative, or `seed` is out of range. At the call, if
        the dtype is neither float nor complex, or cannot hold the mean.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.RandomNormal(stddev=1.0, seed=0)((2,))
    array([-0.25581595,  1.1775912 ], dtype=float32)
    """

    _kind = Normal

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: Seed = None) -> None:
        super().__init__(mean, stddev, seed)


class TruncatedNormal(_MeanStddev):
    """Draw from a normal distribution, cut at two standard deviations on either side of the mean.

    `stddev` is that of the distribution before it is cut: the values have a standard deviation of
    ``0.8796 * stddev``. No value is drawn and thrown away: the uniform random integer is mapped into the
    part of the distribution that is left.

    In a complex dtype real and imaginary part are independent, and each is cut at two standard deviations of its own,
    ``stddev / sqrt(2)``: the values fill a square, and ``E|w - mean|**2`` is ``(0.8796 * stddev)**2``. JAX cuts the
    modulus instead. The imaginary part comes from the path with "imag" appended.

    Parameters
    ----------
    mean : float, complex or scalar tensor
        The mean; a complex one is for complex dtypes.
    stddev : float or scalar tensor
        The standard deviation before truncation, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `mean` is no number, `stddev` no real one, or `seed` of another type.
    ValueError
        If one is NaN, infinite or not a scalar, `stddev` is negative, or `seed` is out of range. At the call, if
        the dtype is neither float nor complex, or cannot hold the mean.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.TruncatedNormal(stddev=1.0, seed=0)((1000,))
    >>> bool(abs(w).max() <= 2)
    True
    """

    _kind = distributions.TruncatedNormal

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: Seed = None) -> None:
        super().__init__(mean, stddev, seed)


class RandomUniform(RandomInitializer):
    """Draw from the uniform distribution on ``[minval, maxval)``, of variance ``(maxval - minval)**2 / 12``.

    In an integer dtype the values are the integers in that range, all equally likely to within ``2**-32``. In a complex
    dtype real and imaginary part are independent and each uniform on that interval: the values fill a square, and their
    variance is ``(maxval - minval)**2 / 6``. The imaginary part comes from the path with "imag" appended.

    Parameters
    ----------
    minval : float, int or scalar tensor
        The lower bound, which can be drawn.
    maxval : float, int or scalar tensor
        The upper bound, which is never drawn.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `minval` or `maxval` is no real number, or `seed` of another type.
    ValueError
        If one is NaN, infinite or not a scalar, ``minval > maxval``, or `seed` is out of range. At the call, in
        an integer dtype, if the bounds are not whole, do not fit, are equal or more than ``2**32`` apart.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.RandomUniform(0, 10, seed=0)((5,), dtype="int32")
    array([3, 8, 7, 6, 9], dtype=int32)
    """

    def __init__(self, minval: Any = -0.05, maxval: Any = 0.05, seed: Seed = None) -> None:
        self.minval = checks.scalar("minval", minval)
        self.maxval = checks.scalar("maxval", maxval)
        if self.minval > self.maxval:
            raise ValueError(f"`minval` must not be above `maxval`. Received: minval={minval!r}, maxval={maxval!r}")
        if not math.isfinite(float(self.maxval) - float(self.minval)):
            raise ValueError(
                f"`maxval - minval` must be below the largest float64. Received: minval={minval!r}, maxval={maxval!r}"
            )
        super().__init__(seed)

    def _distribution(self, target: Target) -> Distribution:
        dtype = target.dtype
        if dtype in INTEGERS:
            return self._integers(dtype)
        if dtype not in FLOATS + COMPLEX:
            raise ValueError(
                f"`dtype` must be a float, integer or complex dtype, one of "
                f"{', '.join(sorted(FLOATS + INTEGERS + COMPLEX))}, for uniform random values. "
                f"Received: dtype={dtype!r}"
            )
        cast_scalar(self.minval, dtype, "minval")
        cast_scalar(self.maxval, dtype, "maxval")
        part = Uniform(float(self.minval), float(self.maxval))
        made = Complex(part, part) if dtype in COMPLEX else part
        if made.overflows(dtype):
            raise ValueError(
                "The sum of `minval` and `maxval` must be below the largest float64. Received: "
                f"minval={self.minval!r}, maxval={self.maxval!r}"
            )
        return made

    def _integers(self, dtype: str) -> Integers:
        low, high = int(self.minval), int(self.maxval)
        limits = np.iinfo(numpy_dtype(dtype))
        received = f"Received: minval={self.minval!r}, maxval={self.maxval!r}, dtype={dtype!r}"
        if (low, high) != (self.minval, self.maxval):
            raise ValueError(f"`minval` and `maxval` must be whole numbers in an integer dtype. {received}")
        if low == high:
            raise ValueError(f"`minval` must be below `maxval` in an integer dtype. {received}")
        if low < limits.min or high - 1 > limits.max:
            raise ValueError(
                f"`minval` and `maxval - 1` must lie in [{limits.min}, {limits.max}], the range of {dtype}. {received}"
            )
        if high - low > 2**32:
            raise ValueError(f"`maxval - minval` must be at most 2**32 in an integer dtype. {received}")
        return Integers(low, high)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}
