"""Initializers that take the width of their distribution from the shape, beside those of the fans' variance."""

import math
from typing import Any

from oneseed import checks
from oneseed.distributions import Normal, Uniform, check_fits
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None


def _symmetric(limit: float, dtype: str, argument: str, value: Any) -> Uniform:
    """Return the uniform distribution on ``[-limit, limit)``; `argument` is what made it too wide for the dtype."""
    check_float(dtype)
    distribution = Uniform(-limit, limit)
    if distribution.overflows(dtype):
        raise ValueError(
            f"`{argument}` must be such that the limit, {limit!r}, is a {dtype}. Received: {argument}={value!r}"
        )
    return distribution


@known(
    "uniform_unit_scaling",
    "UniformScaling",
    "uniform_scaling",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = factor * sqrt(3 / n)`, n all sizes but the last",
    use="Networks from TensorFlow 1, Haiku, praxis and lingvo.",
    example="UniformUnitScaling(seed=7)",
    shape=(100, 200),
)
class UniformUnitScaling(RandomInitializer, repeats=True):
    """Draw from the uniform distribution on ``[-limit, limit)``, ``limit = factor * sqrt(3 / n)``.

    n is the product of all axes but the last, at least 1; with `axes` at the call, that of the inputs and spatial
    axes. The variance is ``factor**2 / n``, so that with a factor of 1 a linear layer keeps that of its input. It is
    `LecunUniform` but for a shape of one axis, of which it takes every element for an output.

    Parameters
    ----------
    factor : float or scalar tensor
        The factor, above 0: about 1.15 before a tanh, and 1.43 before a ReLU.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `factor` is not a real number, or `seed` of another type.
    ValueError
        If `factor` is not positive and finite, or `seed` is out of range. At the call, if the dtype is not a float or
        cannot hold the limit.

    References
    ----------
    Sussillo and Abbott, "Random walk initialization for training very deep feedforward networks", arXiv:1412.6558,
    2014.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.UniformUnitScaling(seed=7).describe((3, 4, 100)).distribution.limit
    0.5
    """

    def __init__(self, factor: Any = 1.0, seed: Seed = None) -> None:
        self.factor = checks.positive("factor", factor)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Uniform:
        """Return the distribution for a tensor."""
        n = target.fan_in if target.layout else math.prod(target.shape[:-1])
        return _symmetric(math.sqrt(3 / max(1, n)) * self.factor, target.dtype, "factor", self.factor)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor}


@known(
    "scaled_uniform",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = 1 / sqrt(n)`, n the number of elements",
    use="Networks from tinygrad.",
    example="ScaledUniform(seed=7)",
    shape=(100, 200),
)
class ScaledUniform(RandomInitializer, repeats=True):
    """Draw from the uniform distribution on ``[-limit, limit)``, ``limit = 1 / sqrt(n)``, n the number of elements.

    The variance is ``1 / (3 * n)``; a tensor without elements counts as one with one. It is the ``scaled_uniform`` of
    tinygrad.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `seed` is of another type.
    ValueError
        If `seed` is out of range. At the call, if the dtype is not a float.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.ScaledUniform(seed=7).describe((8, 8)).distribution.limit
    0.125
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Uniform:
        """Return the distribution for a tensor."""
        return _symmetric(1 / math.sqrt(max(1, math.prod(target.shape))), target.dtype, "shape", target.shape)


@known(
    "fan_in_uniform",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = 1 / sqrt(fan_in)`",
    use="What PyTorch's and Equinox's layers draw by default, their biases too.",
    example="FanInUniform(seed=7)",
    shape=(100, 200),
)
class FanInUniform(RandomInitializer, repeats=True):
    """Draw from the uniform distribution on ``[-limit, limit)``, ``limit = 1 / sqrt(fan_in)``.

    The variance is ``1 / (3 * fan_in)``. It is what the layers of PyTorch and Equinox draw weights and biases from by
    default. A bias does not know the fan_in of its kernel: give it as `fan_in`. For recurrent layers it is the number
    of hidden units.

    Parameters
    ----------
    fan_in : int, optional
        The number of inputs, at least 1; None is that of the tensor, at least 1.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `fan_in` is not an integer, or `seed` of another type.
    ValueError
        If `fan_in` or `seed` is out of range. At the call, if the dtype is not a float.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, of whose variance it is a third.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.FanInUniform(fan_in=64, seed=7).describe((10,)).distribution.limit
    0.125
    """

    def __init__(self, fan_in: int | None = None, seed: Seed = None) -> None:
        self.fan_in = None if fan_in is None else checks.index("fan_in", fan_in, 1, checks.MAX_SIZE)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Uniform:
        """Return the distribution for a tensor."""
        fan_in = max(1, target.fan_in) if self.fan_in is None else self.fan_in
        return _symmetric(1 / math.sqrt(fan_in), target.dtype, "fan_in", fan_in)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "fan_in": self.fan_in}


@known(
    "siren",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = sqrt(6 / fan_in) / omega`, in the first layer `1 / fan_in`",
    use="Networks of sines that represent images, sounds and fields.",
    example="Siren(seed=7)",
    shape=(100, 200),
)
class Siren(RandomInitializer, repeats=True):
    """Draw from the uniform distribution on ``[-limit, limit)`` for a layer whose activation is ``sin(omega * x)``.

    ``limit = sqrt(6 / fan_in) / omega``, and ``1 / fan_in`` in the first layer, whose inputs are coordinates; fans
    below 1 count as 1. The variance is ``limit**2 / 3``.

    Parameters
    ----------
    first : bool
        Whether it is for the first layer.
    omega : float or scalar tensor
        The frequency, above 0. The limit of the first layer does not depend on it.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `first` is not a bool, `omega` no real number, or `seed` of another type.
    ValueError
        If `omega` is not positive and finite, or `seed` is out of range. At the call, if the dtype is not a float or
        cannot hold the limit.

    References
    ----------
    Sitzmann, Martel, Bergman, Lindell and Wetzstein, "Implicit neural representations with periodic activation
    functions", NeurIPS 2020.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Siren(first=True, seed=7).describe((2, 256)).distribution.limit
    0.5
    >>> oneseed.initializers.Siren(omega=30, seed=7).describe((256, 256)).distribution.limit
    0.005103103630798287
    """

    def __init__(self, first: bool = False, omega: Any = 30.0, seed: Seed = None) -> None:
        self.first = checks.boolean("first", first)
        self.omega = checks.positive("omega", omega)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Uniform:
        """Return the distribution for a tensor."""
        fan_in = max(1, target.fan_in)
        limit = 1 / fan_in if self.first else math.sqrt(6 / fan_in) / self.omega
        return _symmetric(limit, target.dtype, "omega", self.omega)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "first": self.first, "omega": self.omega}


@known(
    "random_walk",
    group="Variance by fans",
    formula="`w ~ N(0, g**2 / n)`, `g = exp(1 / (2 n))` or, for ReLU, `sqrt(2) exp(1.2 / (max(n, 6) - 2.4))`",
    use="Very deep plain networks of layers of equal width.",
    example="RandomWalk(seed=7)",
    shape=(128, 128),
)
class RandomWalk(RandomInitializer):
    """Draw a square matrix from a normal distribution, so that the logarithm of a gradient's norm walks without drift.

    The variance is ``g**2 / n`` for n inputs and n outputs. With "linear" layers ``g = exp(1 / (2 * n))``, with "relu"
    ``g = sqrt(2) * exp(1.2 / (max(n, 6) - 2.4))``.

    Parameters
    ----------
    activation : {"linear", "relu"}
        The activation of the layers.
    scale : float or scalar tensor, optional
        The factor g, 0 or more; None is that of the activation.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `activation` is not a str, `scale` no real number, or `seed` of another type.
    ValueError
        If `activation` is unknown, `scale` is negative, NaN or infinite, or `seed` is out of range. At the call, if
        the matrix is not square, or the dtype is not a float or cannot hold the values.

    References
    ----------
    Sussillo and Abbott, "Random walk initialization for training very deep feedforward networks", arXiv:1412.6558,
    2014.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.RandomWalk("relu", seed=7).describe((100, 100)).distribution
    Normal(mean=0.0, stddev=0.14317087661298528)
    """

    def __init__(self, activation: str = "linear", scale: Any = None, seed: Seed = None) -> None:
        self.activation = checks.one_of("activation", activation, ("linear", "relu"))
        self.scale = None if scale is None else checks.at_least("scale", scale, 0)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Normal:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        n = target.fan_in
        if len(target.shape) < 2 or n != target.fan_out:
            raise ValueError(
                "`shape` must be that of a square matrix, with as many inputs as outputs, for a random walk. "
                f"Received: shape={target.shape}"
            )
        distribution = Normal(0.0, self._g(max(1, n)) / math.sqrt(max(1, n)))
        check_fits(distribution, target.dtype, "scale", self.scale)
        return distribution

    def _g(self, n: int) -> float:
        if self.scale is not None:
            return float(self.scale)
        from fractions import Fraction

        from oneseed.exact.fixed_point import exp  # not the C library's, which is not the same everywhere

        if self.activation == "linear":
            return exp(Fraction(1, 2 * n))
        return math.sqrt(2) * exp(Fraction(12, 10 * max(n, 6) - 24))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "activation": self.activation, "scale": self.scale}
