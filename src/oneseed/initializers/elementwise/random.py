"""Initializers that draw from a fixed distribution, whatever the shape."""

import math
from typing import Any, Self

import numpy as np

from oneseed import checks, distributions
from oneseed.checks import shown
from oneseed.distributions import Complex, Distribution, Integers, Normal, Uniform, check_fits
from oneseed.dtypes import COMPLEX, FLOATS, INEXACT, INTEGERS, check_scalar, numpy_dtype
from oneseed.exact.moments import in_sigmas, stddev_after, stddev_before
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_inexact
from oneseed.initializers.elementwise.truncation import refined, window_of
from oneseed.initializers.known import known
from oneseed.initializers.plain_data import deserialize_value, serialize_value
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None


class _MeanStddev(RandomInitializer):
    def __init__(self, mean: Any, stddev: Any, seed: Seed) -> None:
        self.mean = checks.complex_scalar("mean", mean)
        self.stddev = checks.at_least("stddev", stddev, 0)
        self._shaped(float(self.mean.real), float(self.stddev))  # refuses what cannot be, before a seed is taken
        super().__init__(seed)

    def _shaped(self, mean: float, stddev: float) -> Normal | distributions.TruncatedNormal:
        raise NotImplementedError

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        check_inexact(target.dtype)
        check_scalar(self.mean, target.dtype, "mean")
        mean, stddev = self.mean, float(self.stddev)
        found: Normal | distributions.TruncatedNormal | Complex
        if target.dtype in COMPLEX:
            found = Complex(*(self._shaped(float(part), stddev / math.sqrt(2)) for part in (mean.real, mean.imag)))
        else:
            found = self._shaped(float(mean.real), stddev)
        check_fits(found, target.dtype, "stddev", self.stddev)
        return found

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, a complex mean in a form fit for JSON."""
        return {**super().get_config(), "mean": serialize_value(self.mean), "stddev": self.stddev}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration; a serialized complex mean is rebuilt."""
        if isinstance(config, dict) and isinstance(config.get("mean"), dict):
            config = {**config, "mean": deserialize_value(config["mean"])}
        return super().from_config(config)


@known(
    "random_normal",
    "normal",
    "RandomNormalV2",
    group="Random values",
    formula="`w ~ N(mean, stddev**2)`",
    use="Embeddings, and recipes that state a standard deviation without truncation, such as GPT-2's 0.02.",
    example="RandomNormal(stddev=0.05, seed=7)",
    shape=(100, 200),
)
class RandomNormal(_MeanStddev, repeats=True):
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
        If `mean` is not a number, `stddev` not a real number, or `seed` of another type.
    ValueError
        If one is NaN, infinite or not a scalar, `stddev` is negative, or `seed` is out of range. At the call, if
        the dtype is neither float nor complex, or cannot hold the mean.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.RandomNormal(stddev=1.0, seed=0)((2,))
    array([-0.25581595,  1.1775912 ], dtype=float32)
    """

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: Seed = None) -> None:
        super().__init__(mean, stddev, seed)

    def _shaped(self, mean: float, stddev: float) -> Normal:
        return Normal(mean, stddev)


@known(
    "truncated_normal",
    "TruncatedNormalV2",
    group="Random values",
    formula="`w ~ N(mean, stddev**2)` within `lower` and `upper`",
    use="Transformers, most of whose recipes cut outliers off; names every convention of bounds.",
    example="TruncatedNormal(stddev=0.02, seed=7)",
    shape=(100, 200),
)
class TruncatedNormal(_MeanStddev, repeats=True):
    """Draw from a normal distribution that is cut at a lower and an upper bound.

    By default it is cut at two standard deviations on either side of the mean, and `stddev` is that of the
    distribution before it is cut, as in Keras: the values have a standard deviation of ``0.8796 * stddev``. All
    conventions in use can be named:

    - ``bounds="sigma", std="before"``: Keras, TensorFlow, JAX, Haiku, ``timm.layers.trunc_normal_tf_``
    - ``bounds="absolute", std="before"``: ``torch.nn.init.trunc_normal_``, ``timm.layers.trunc_normal_``, Paddle
    - ``bounds="sigma", std="after"``: AXLearn, and `VarianceScaling`

    With density phi and distribution function Phi of the standard normal distribution, bounds a and b in standard
    deviations and ``Z = Phi(b) - Phi(a)``, the variance after truncation is that before, times
    ``1 + (a phi(a) - b phi(b)) / Z - ((phi(a) - phi(b)) / Z)**2``.

    No value is drawn and thrown away: the uniform random integer is mapped into the part of the distribution that
    is left. A window so narrow, or so far in one tail (beyond 4.2 standard deviations), that fewer than ``2**16`` of
    the ``2**32`` integers fall into it is drawn from 64 bits, on the host, and rounded. Those reach to 9.1 standard
    deviations, though in the last half of one they are few as well.

    In a complex dtype real and imaginary part are independent, each with a standard deviation of ``stddev / sqrt(2)``
    and cut on its own: the values fill a square. By default each is cut at two of its standard deviations, and
    ``E|w - mean|**2`` is ``(0.8796 * stddev)**2``; absolute bounds are those of each part. JAX cuts the modulus. The
    imaginary part comes from the path with "imag" appended.

    Parameters
    ----------
    mean : float, complex or scalar tensor
        The mean before truncation; after it too, if the bounds are as far on one side as on the other. A complex one is
        for complex dtypes.
    stddev : float or scalar tensor
        The standard deviation, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    lower, upper : float or scalar tensor
        The bounds, ``lower < upper``; ``-inf`` and ``inf`` cut nothing, so that ``lower=0, upper=inf`` is the half
        normal distribution.
    bounds : {"sigma", "absolute"}
        What the bounds are: standard deviations from the mean, of the distribution before it is cut, or the least and
        the largest value themselves.
    std : {"before", "after"}
        Whether `stddev` is that of the distribution before it is cut, or that of the values that are drawn.

    Raises
    ------
    TypeError
        If `mean` is not a number, `stddev` or a bound not a real number, or another argument of another type.
    ValueError
        If a number is NaN or not a scalar, `mean` or `stddev` infinite, `stddev` negative, `lower` not below `upper`,
        `bounds` or `std` unknown, `seed` out of range, or no distribution has the bounds and the standard deviation:
        with absolute bounds, that after truncation is below ``(upper - lower) / sqrt(12)``, and a `stddev` of 0 needs
        the mean between the bounds. At the call, if the dtype is neither float nor complex, cannot hold the mean or the
        bounds, or nothing is left between them.

    References
    ----------
    Johnson, Kotz and Balakrishnan, "Continuous univariate distributions", vol. 1, chapter 13, 1994.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.TruncatedNormal(stddev=1.0, seed=0)((1000,))
    >>> bool(abs(w).max() <= 2)
    True
    >>> init = oneseed.initializers.TruncatedNormal(0.5, 2.0, 0, lower=0, upper=1, bounds="absolute")
    >>> init.describe((1000,)).distribution
    TruncatedNormal(mean=0.5, stddev=2.0, lower=-0.25, upper=0.25)
    """

    def __init__(
        self,
        mean: Any = 0.0,
        stddev: Any = 0.05,
        seed: Seed = None,
        *,
        lower: Any = -2.0,
        upper: Any = 2.0,
        bounds: str = "sigma",
        std: str = "before",
    ) -> None:
        self.lower, self.upper = window_of(lower, upper)
        self.bounds = checks.one_of("bounds", bounds, ("absolute", "sigma"))
        self.std = checks.one_of("std", std, ("after", "before"))
        super().__init__(mean, stddev, seed)

    def _shaped(self, mean: float, stddev: float) -> distributions.TruncatedNormal:
        lower, upper = float(self.lower), float(self.upper)
        if self.bounds == "sigma":
            return distributions.TruncatedNormal(
                mean, stddev if self.std == "before" else stddev / stddev_after(lower, upper), lower, upper
            )
        if stddev == 0 and not lower <= mean <= upper:
            raise ValueError(
                "`mean` must lie between `lower` and `upper` if `stddev` is 0. Received: "
                f"mean={shown(mean)}, lower={shown(lower)}, upper={shown(upper)}"
            )
        if self.std == "after" and stddev > 0:
            stddev = stddev_before(stddev, lower - mean, upper - mean)
        return distributions.TruncatedNormal(mean, stddev, *in_sigmas(mean, stddev, lower, upper))

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        return refined(super().distribution_for(target), target.dtype, self.lower, self.upper)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; of those that Keras does not have, the ones that are not the default."""
        defaults = {"lower": -2.0, "upper": 2.0, "bounds": "sigma", "std": "before"}
        own = {key: getattr(self, key) for key, default in defaults.items() if getattr(self, key) != default}
        return {**super().get_config(), **own}


@known(
    "random_uniform",
    "uniform",
    "RandomUniformV2",
    group="Random values",
    formula="`w ~ U[minval, maxval)`",
    use="Recipes that state a range, such as Keras's embeddings.",
    example="RandomUniform(-0.05, 0.05, seed=7)",
    shape=(100, 200),
)
class RandomUniform(RandomInitializer, repeats=True):
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
        If `minval` or `maxval` is not a real number, or `seed` of another type.
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
            raise ValueError(
                f"`minval` must not be above `maxval`. Received: minval={shown(minval)}, maxval={shown(maxval)}"
            )
        if not math.isfinite(float(self.maxval) - float(self.minval)):
            raise ValueError(
                f"`maxval - minval` must be below the largest float64. "
                f"Received: minval={shown(minval)}, maxval={shown(maxval)}"
            )
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        dtype = target.dtype
        if dtype in INTEGERS:
            return integers(("minval", self.minval), ("maxval", self.maxval), dtype)
        if dtype not in INEXACT:
            raise ValueError(
                f"`dtype` must be a float, integer or complex dtype, one of "
                f"{', '.join(sorted(FLOATS + INTEGERS + COMPLEX))}, for uniform random values. "
                f"Received: dtype={shown(dtype)}"
            )
        check_scalar(self.minval, dtype, "minval")
        check_scalar(self.maxval, dtype, "maxval")
        part = Uniform(float(self.minval), float(self.maxval))
        distribution = Complex(part, part) if dtype in COMPLEX else part
        if distribution.overflows(dtype):
            raise ValueError(
                "The sum of `minval` and `maxval` must be below the largest float64. Received: "
                f"minval={shown(self.minval)}, maxval={shown(self.maxval)}"
            )
        return distribution

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


def integers(lower: tuple[str, float], upper: tuple[str, float], dtype: str) -> Integers:
    """Return the uniform distribution on integers between two bounds, each with its argument's name, in a dtype."""
    (least, minval), (end, maxval) = lower, upper
    low, high = int(minval), int(maxval)
    limits = np.iinfo(numpy_dtype(dtype))
    received = f"Received: {least}={shown(minval)}, {end}={shown(maxval)}, dtype={shown(dtype)}"
    if (low, high) != (minval, maxval):
        raise ValueError(f"`{least}` and `{end}` must be whole numbers in an integer dtype. {received}")
    if low == high:
        raise ValueError(f"`{least}` must be below `{end}` in an integer dtype. {received}")
    if low < limits.min or high - 1 > limits.max:
        raise ValueError(
            f"`{least}` and `{end} - 1` must lie in [{limits.min}, {limits.max}], the range of {dtype}. {received}"
        )
    if high - low > 2**32:
        raise ValueError(f"`{end} - {least}` must be at most 2**32 in an integer dtype. {received}")
    return Integers(low, high)
