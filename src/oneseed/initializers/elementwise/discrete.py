"""Initializers that take their values from whole random words: integers, signs, and positive weights that sum to 1."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions import Distribution, Integers, Structured
from oneseed.distributions.fields import drawn, words
from oneseed.draws import Draw, Host
from oneseed.dtypes import INTEGERS, WHOLE, cast_scalar, check_scalar, narrowed, numpy_dtype
from oneseed.fans import BATCH, OUTPUT
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_float, check_real
from oneseed.initializers.elementwise.random import integers
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None

LONGEST = 2**31
"""Elements whose sum, each below ``2**33``, an uint64 holds."""


@dataclass(frozen=True, eq=False, slots=True)
class WholeNumbers(Structured):
    """`Integers` in a float dtype that holds them all."""

    name: ClassVar[str] = "integers"

    integers: Integers

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return self.integers.numbers

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block."""
        return drawn(host, draw, self.integers, "int64").astype(numpy_dtype(draw.dtype))


@known(
    "uniform_int",
    "UniformIntInitializer",
    group="Random values",
    formula="`P(w = k) = 1 / (high - low)`",
    use="Whole numbers: hash tables, random indices, quantized weights.",
    example="UniformInt(0, 10, seed=7)",
    shape=(100, 200),
)
class UniformInt(RandomInitializer, repeats=True):
    """Draw whole numbers from ``[low, high)``, all equally likely to within ``2**-32``, in an integer or float dtype.

    The variance is ``((high - low)**2 - 1) / 12``. In an integer dtype it is `RandomUniform`, which in a float dtype
    draws real numbers.

    Parameters
    ----------
    low : int
        The least number.
    high : int
        The number after the largest; ``0 < high - low <= 2**32``.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `low` or `high` is not an integer, or `seed` of another type.
    ValueError
        If `high` is not above `low` or more than ``2**32`` above, or `seed` is out of range. At the call, if the dtype
        is neither an integer nor a float, or does not hold every whole number in the range.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.UniformInt(0, 10, seed=0)((5,))
    array([3., 8., 7., 6., 9.], dtype=float32)
    """

    def __init__(self, low: int, high: int, seed: Seed = None) -> None:
        self.low = checks.index("low", low, -(2**63), 2**64)
        self.high = checks.index("high", high, self.low + 1, self.low + 2**32 + 1)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        dtype = target.dtype
        check_real(dtype)
        if dtype in INTEGERS:
            return integers(("low", self.low), ("high", self.high), dtype)
        if max(-self.low, self.high - 1) > WHOLE[dtype]:
            raise ValueError(
                f"`low` and `high - 1` must lie in [-{WHOLE[dtype]}, {WHOLE[dtype]}], where {dtype} holds every whole "
                f"number; use a wider dtype. Received: low={shown(self.low)}, high={shown(self.high)}"
            )
        return WholeNumbers(Integers(self.low, self.high))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False, slots=True)
class Signs(Structured):
    """`value` with a probability of p, else ``-value``."""

    name: ClassVar[str] = "random_sign"

    value: float
    p: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"value": self.value, "p": self.p}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold both values."""
        check_scalar(self.value, dtype, "value")
        check_scalar(-self.value, dtype, "-value")

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block."""
        positive = words(host, draw) < round(self.p * 2**32)
        plus, minus = (cast_scalar(value, draw.dtype, "value") for value in (self.value, -self.value))
        signs: NDArray[Any] = np.where(positive, plus, minus)
        return signs


@known(
    "random_sign",
    "rademacher",
    group="Random values",
    formula="`P(w = value) = p`, else `w = -value`",
    use="Input weights of reservoirs, and random projections.",
    example="RandomSign(seed=7)",
    shape=(100, 200),
)
class RandomSign(RandomInitializer, repeats=True):
    """Make every element `value` with a probability of `p`, else ``-value``.

    With ``p = 1/2`` the signs follow the Rademacher distribution. The mean is ``(2 * p - 1) * value`` and the variance
    ``4 * p * (1 - p) * value**2``. An element is positive where its random word is below ``p * 2**32``, rounded.

    Parameters
    ----------
    p : float or scalar tensor
        The probability, from 0 to 1, met to within ``2**-33``.
    value : float or scalar tensor
        The value.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `p` or `value` is not a real number, or `seed` of another type.
    ValueError
        If `p` is outside of [0, 1], `value` is NaN or infinite, or `seed` is out of range. At the call, if the dtype is
        neither a float nor an integer, or cannot hold `value` and ``-value``.

    References
    ----------
    Rodan and Tino, "Minimum complexity echo state network", IEEE Transactions on Neural Networks 22, 2011.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.RandomSign(seed=0)((5,), "int8")
    array([ 1, -1, -1, -1, -1], dtype=int8)
    """

    def __init__(self, p: Any = 0.5, value: Any = 1.0, seed: Seed = None) -> None:
        self.p = checks.probability("p", p)
        self.value = checks.scalar("value", value)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Signs:
        """Return the distribution for a tensor."""
        check_real(target.dtype)
        if target.dtype in INTEGERS and self.value != int(self.value):
            raise ValueError(f"`value` must be a whole number in an integer dtype. Received: value={shown(self.value)}")
        return Signs(self.value, float(self.p))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "p": self.p, "value": self.value}


@dataclass(frozen=True, eq=False, slots=True)
class Shares(Structured):
    """Uniform positive values, divided by their sum along some axes."""

    name: ClassVar[str] = "positive_unit_ball"

    axes: tuple[int, ...]

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"sum": 1, "sum_axes": list(self.axes)}

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block, and what must be summed beside it."""
        along = range(len(draw.shape))
        rows = draw._replace(
            offset=tuple(0 if axis in self.axes else draw.offset[axis] for axis in along),
            block=tuple(draw.shape[axis] if axis in self.axes else draw.block[axis] for axis in along),
        )
        # Odd integers: that their sum is exact, in whatever order, makes the quotient the same everywhere.
        odd = words(host, rows).astype(np.uint64) * 2 + 1
        sums = odd.sum(axis=self.axes, keepdims=True, dtype=np.uint64)
        cut = tuple(draw.slices[axis] if axis in self.axes else slice(None) for axis in along)
        return narrowed(odd[cut].astype(np.float64) / sums.astype(np.float64), draw.dtype)


@known(
    "positive_unit_ball",
    "PositiveUnitball",
    "positive_unitball",
    group="Random values",
    formula="`w = u / sum(u)` for each output, `u ~ U(0, 1)`",
    use="Layers whose outputs are to begin as weighted means of their inputs.",
    example="PositiveUnitBall(seed=7)",
    shape=(12, 24),
)
class PositiveUnitBall(RandomInitializer, repeats=True):
    """Draw positive weights that sum to 1 for each output.

    They are uniform on (0, 1), divided by their sum over the inputs and spatial axes: over all axes but the last, or,
    with `axes` at the call, for each element of the output and batch axes. The mean is ``1 / n`` for n inputs, and the
    variance about ``1 / (3 * n**2)``.

    The uniform values are ``(word + 1/2) / 2**32``, so their sum is exact as one of integers, and each weight is one
    quotient in float64, rounded. A block takes the random words of its outputs and no others.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `seed` is of another type.
    ValueError
        If `seed` is out of range. At the call, if the dtype is not a float, or an output has ``2**31`` inputs or more.

    References
    ----------
    Jia et al., "Caffe: convolutional architecture for fast feature embedding", ACM Multimedia 2014, whose filler
    "positive_unitball" has its outputs on the first axis.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.PositiveUnitBall(seed=7)((1000, 2), "float64")
    >>> bool((w > 0).all()), bool((abs(w.sum(0) - 1) < 1e-12).all())
    (True, True)
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Shares:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        shape, layout = target.shape, target.layout
        if layout is None:
            axes = tuple(range(len(shape) - 1))
        else:
            axes = tuple(axis for axis, kind in enumerate(layout.kinds) if kind not in (BATCH, OUTPUT))
        if math.prod(shape[axis] for axis in axes) >= LONGEST:
            raise ValueError(f"`shape` must have fewer than 2**31 inputs for each output. Received: shape={shape}")
        return Shares(axes)
