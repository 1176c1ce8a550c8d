"""Initializers whose variance depends on the fans: VarianceScaling and its named cases."""

import math
from collections.abc import Iterable
from copy import copy
from typing import Any

from oneseed import checks
from oneseed.checks import Shape, shown
from oneseed.distributions import Complex, Distribution, Normal, TruncatedNormal, Uniform, check_fits
from oneseed.dtypes import COMPLEX
from oneseed.exact.moments import stddev_after
from oneseed.fans import Layout, fans, fans_of_axes
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_inexact
from oneseed.initializers.elementwise.gains import squared_gain
from oneseed.initializers.elementwise.truncation import refined, window_of
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None
Axes = int | Iterable[int] | None
Sampled = Normal | TruncatedNormal | Uniform

PM2 = -2.0, 2.0
"""Where Keras cuts."""

MODES = ("fan_avg", "fan_geo_avg", "fan_in", "fan_out")
DISTRIBUTIONS = ("normal", "truncated_normal", "uniform", "untruncated_normal")


@known(
    "variance_scaling",
    "VarianceScalingV2",
    group="Variance by fans",
    formula="`Var w = scale / n`, n a fan or a mean of both",
    use="Any rule of this family, those of other frameworks among them.",
    example='VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=7)',
    shape=(100, 200),
)
class VarianceScaling(RandomInitializer, repeats=True):
    """Draw with the variance ``scale / max(1, n)``, where n is a fan of the tensor.

    With `nonlinearity` the variance is ``gain**2 * scale / max(1, n)``, with the gain of `calculate_gain`.

    With ``distribution="truncated_normal"``, which "normal" stands for as in Keras, the standard deviation
    *after* truncation is ``sqrt(scale / n)``, and values lie within two standard deviations of the
    distribution before truncation. `lower`, `upper` and `std` change both, as in `TruncatedNormal`: OLMo and others cut
    at three, and mean the standard deviation before that. The mean is 0 before truncation; with bounds that are not as
    far on either side, it is not after it, and the variance is that about the mean.
    With "uniform" values lie in ``[-limit, limit)``, ``limit = sqrt(3 * scale / n)``.

    In a complex dtype ``E|w|**2`` is that variance: real and imaginary part are independent draws with half of it, each
    truncated or bounded on its own, so that the values fill a square. The imaginary part comes from the path with
    "imag" appended. JAX cuts the modulus of a truncated complex value instead, and its constant .9531, which should be
    .9620, gives a variance 1.9 % too large.

    Parameters
    ----------
    scale : float
        The variance times the fan, above 0.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        What n is: the number of inputs, of outputs, the average of both, or their geometric mean.
    distribution : {"truncated_normal", "untruncated_normal", "uniform", "normal"}
        The distribution, in upper or lower case.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. They decide the fans only. `axes` at the
        call is the other, fuller way, and the two exclude each other.
    nonlinearity : str, optional
        A name that `calculate_gain` knows, such as "relu"; None means no gain.
    negative_slope : float or scalar tensor, optional
        The slope of "leaky_relu" below 0; None is 0.01. For no other nonlinearity.
    lower, upper : float or scalar tensor, optional
        Where the truncated normal distribution is cut, in its standard deviations before truncation; either may be
        infinite. None is -2 and 2.
    std : {"after", "before"}, optional
        Whether ``sqrt(scale / n)`` is the standard deviation after truncation or that before; None is "after".

    Raises
    ------
    TypeError
        If `scale`, `negative_slope` or a bound is not a real number, or an argument is of another type.
    ValueError
        If `scale` is not positive and finite, `mode`, `distribution` or `nonlinearity` is unknown, `seed` is out of
        range, one of `input_axes` and `output_axes` is given without the other, `negative_slope` without "leaky_relu",
        or `lower`, `upper` or `std` without "truncated_normal", or `lower` is not below `upper`. At the call, if the
        dtype is neither float nor complex, an axis is out of range, or `axes` is given as well.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015; Glorot and Bengio, "Understanding the
    difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=7)
    >>> init.describe((100, 50)).distribution
    Normal(mean=0.0, stddev=0.2)
    >>> oneseed.initializers.VarianceScaling(nonlinearity="relu").describe((50, 100)).distribution
    TruncatedNormal(mean=0.0, stddev=0.2273694468677113, lower=-2.0, upper=2.0)
    >>> wide = oneseed.initializers.VarianceScaling(lower=-3, upper=3, std="before")
    >>> wide.describe((100, 50)).distribution
    TruncatedNormal(mean=0.0, stddev=0.1, lower=-3.0, upper=3.0)
    """

    def __init__(
        self,
        scale: Any = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        *,
        nonlinearity: str | None = None,
        negative_slope: Any = None,
        lower: Any = None,
        upper: Any = None,
        std: str | None = None,
    ) -> None:
        self.scale = checks.positive("scale", scale)
        self.mode = checks.one_of("mode", mode, MODES)
        lowered = distribution.lower() if isinstance(distribution, str) else distribution
        self.distribution = checks.one_of("distribution", lowered, DISTRIBUTIONS)
        if self.distribution == "normal":
            self.distribution = "truncated_normal"
        self.input_axes = _axes("input_axes", input_axes)
        self.output_axes = _axes("output_axes", output_axes)
        if (self.input_axes is None) != (self.output_axes is None):
            raise ValueError(
                "`input_axes` and `output_axes` must be given together. Received: "
                f"input_axes={shown(input_axes)}, output_axes={shown(output_axes)}"
            )
        if negative_slope is not None and nonlinearity != "leaky_relu":
            raise ValueError(
                "`negative_slope` must be None unless `nonlinearity` is 'leaky_relu'. Received: "
                f"negative_slope={shown(negative_slope)}, nonlinearity={shown(nonlinearity)}"
            )
        self.nonlinearity = nonlinearity
        self.negative_slope = None if negative_slope is None else checks.scalar("negative_slope", negative_slope)
        self._gain()  # refuses what it does not know
        for argument, given in (("lower", lower), ("upper", upper), ("std", std)):
            if given is not None and self.distribution != "truncated_normal":
                raise ValueError(
                    f"`{argument}` must be None unless `distribution` is 'truncated_normal'. Received: "
                    f"{argument}={shown(given)}, distribution={shown(distribution)}"
                )
        window = window_of(-2.0 if lower is None else lower, 2.0 if upper is None else upper)
        self._window = float(window[0]), float(window[1])
        self.lower, self.upper = (
            None if given is None else it for given, it in zip((lower, upper), window, strict=True)
        )
        self.std = None if std is None else checks.one_of("std", std, ("after", "before"))
        if self._window != (-2.0, 2.0):
            stddev_after(*self._window)  # refuses what leaves nothing
        super().__init__(seed)

    def _gain(self) -> float:
        """Return the square of the gain."""
        if self.nonlinearity is None:
            return 1.0
        return squared_gain("negative_slope", self.nonlinearity, self.negative_slope)

    def fans_for(self, shape: Shape, layout: Layout | None) -> tuple[int, int]:
        """Return the fans of a tensor."""
        if self.input_axes is None or self.output_axes is None:
            return fans(shape, layout)
        if layout is not None:
            raise ValueError(
                "`axes` must not be given to an initializer built with `input_axes` and `output_axes`; leave "
                f"one of the two out. "
                f"Received: input_axes={shown(self.input_axes)}, output_axes={shown(self.output_axes)}"
            )
        return fans_of_axes(shape, self.input_axes, self.output_axes)

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        found = self._scaled(target)
        check_fits(found, target.dtype, "scale", self.scale)
        if self.distribution != "truncated_normal" or self._window == PM2:
            return found
        return refined(found, target.dtype, *self._window)

    def _scaled(self, target: Target) -> Sampled | Complex:
        """Return the distribution for a tensor, whose values its dtype may not hold."""
        dtype, fan_in, fan_out = target.dtype, target.fan_in, target.fan_out
        check_inexact(dtype)
        n = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[self.mode]
        variance = self._gain() * self.scale / max(1.0, n)
        if dtype in COMPLEX:
            part = self._distribution_of(variance / 2)
            return Complex(part, part)
        return self._distribution_of(variance)

    def _distribution_of(self, variance: float) -> Sampled:
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return Uniform(-limit, limit)
        if self.distribution == "untruncated_normal":
            return Normal(0.0, math.sqrt(variance))
        stddev = math.sqrt(variance)
        return TruncatedNormal(
            0.0, stddev if self.std == "before" else stddev / stddev_after(*self._window), *self._window
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; of those that Keras does not have, the ones that are given."""
        names = ("nonlinearity", "negative_slope", "lower", "upper", "std")
        own = {name: getattr(self, name) for name in names}
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": copy(self.input_axes),
            "output_axes": copy(self.output_axes),
            **{key: value for key, value in own.items() if value is not None},
        }


def _axes(argument: str, value: Any) -> list[int] | None:
    if value is None:
        return None
    try:
        axes = [value] if isinstance(value, str) else list(value)
    except TypeError:  # a single axis
        axes = [value]
    return [checks.index(argument, axis, -(2**31), 2**31) for axis in axes]
