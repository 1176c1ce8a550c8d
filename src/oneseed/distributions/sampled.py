"""Distributions that every backend draws itself, element by element: constants, and a few numbers of stream v1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from struct import Struct
from typing import Any, ClassVar

from oneseed import checks
from oneseed.draws import Distribution, Draw
from oneseed.dtypes import COMPLEX, FLOATS, INTEGERS, cast_scalar, check_scalar, overflows, part_dtype
from oneseed.exact.moments import FARTHEST, stddev_after


class _Floats(Distribution):
    """A distribution of float64 numbers; two are equal if they have the same bits, for 0.0 and -0.0 give other values.

    What is prepared for a distribution is kept under it.
    """

    __slots__ = ()
    _get: ClassVar[Any]
    _pack: ClassVar[Any]

    def __eq__(self, other: object) -> bool:
        """Compare the bits."""
        return type(self) is type(other) and bool(self._pack(*self._get(self)) == self._pack(*self._get(other)))

    def __hash__(self) -> int:
        """Hash the bits."""
        return hash(self._pack(*self._get(self)))


@dataclass(frozen=True, eq=False, slots=True)
class Fill(Distribution):
    """Every element is `value`."""

    name: ClassVar[str] = "constant"
    in_keras: ClassVar[bool] = True

    value: bool | int | float | complex

    def __post_init__(self) -> None:
        """Take a number of NumPy's, or a scalar tensor, as Python's."""
        if not isinstance(self.value, int | float | complex):
            object.__setattr__(self, "value", _python("value", self.value))

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"value": str(self.value) if isinstance(self.value, complex) else self.value}

    def __eq__(self, other: object) -> bool:
        """Compare the values, 0.0 and -0.0 being two."""
        if not isinstance(other, Fill) or self.value != other.value:
            return False
        zeros, others = ([str(float(x)) for x in (each.value.real, each.value.imag) if not x] for each in (self, other))
        return zeros == others

    def __hash__(self) -> int:
        """Hash the value."""
        return hash(self.value)

    @property
    def zero(self) -> bool:
        """Whether it is the integer 0, which has no sign: all bits of every element are zeros then."""
        return type(self.value) is int and self.value == 0

    def scalar(self, dtype: str) -> Any:
        """Return the value as a scalar of `dtype`."""
        return cast_scalar(self.value, dtype, "value")

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the value, as every dtype holds 0."""
        if not self.zero:
            self.scalar(dtype)


@dataclass(frozen=True, eq=False, slots=True)
class Normal(_Floats):
    """Normal distribution with mean `mean` and standard deviation `stddev`."""

    _get = attrgetter("mean", "stddev")
    _pack = Struct("2d").pack
    name: ClassVar[str] = "normal"
    random: ClassVar[bool] = True
    in_keras: ClassVar[bool] = True

    mean: float = 0.0
    stddev: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not a standard deviation; the usual case, two floats, takes one condition."""
        if not (type(self.mean) is type(self.stddev) is float and self.mean == self.mean and self.stddev >= 0):
            _check_reals(self, "mean", "stddev")
            _check_stddev(self.stddev)

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not a float dtype, or cannot hold all values."""
        check_dtype(self, dtype, FLOATS)
        check_fits(self, dtype, "distribution", self)

    def overflows(self, dtype: str) -> bool:
        """Tell whether values can be beyond the largest of a dtype."""
        return _overflows(abs(self.mean) + FARTHEST[64 if dtype == "float64" else 32] * self.stddev, dtype)

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"mean": self.mean, "stddev": self.stddev}


@dataclass(frozen=True, eq=False, slots=True)
class TruncatedNormal(_Floats):
    """Normal distribution cut at `lower` and `upper` standard deviations from the mean; an infinity cuts nothing.

    `stddev` is that of the distribution before it is cut.
    """

    _get = attrgetter("mean", "stddev", "lower", "upper")
    _pack = Struct("4d").pack
    name: ClassVar[str] = "truncated_normal"
    random: ClassVar[bool] = True

    mean: float = 0.0
    stddev: float = 1.0
    lower: float = -2.0
    upper: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what is not a standard deviation, and bounds with nothing between them."""
        if not (
            type(self.mean) is type(self.stddev) is type(self.lower) is type(self.upper) is float
            and self.mean == self.mean
            and self.stddev >= 0
            and self.lower < self.upper
        ):
            _check_reals(self, "mean", "stddev", "lower", "upper")
            _check_stddev(self.stddev)
            if self.lower >= self.upper:
                raise ValueError(f"`lower` must be below `upper`. Received: lower={self.lower!r}, upper={self.upper!r}")

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not a float dtype, or cannot hold all values."""
        check_dtype(self, dtype, FLOATS)
        check_fits(self, dtype, "distribution", self)

    def overflows(self, dtype: str) -> bool:
        """Tell whether values can be beyond the largest of a dtype."""
        farthest = FARTHEST[64 if dtype == "float64" else 32]
        sides = [side if math.isfinite(side) else farthest for side in (-self.lower, self.upper)]
        return _overflows(abs(self.mean) + max(sides) * self.stddev, dtype)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest value, infinite where nothing is cut."""
        if not self.stddev:  # 0 times infinity would not be a number, and of sums the zeros could have other signs
            return self.mean, self.mean
        return self.mean + self.lower * self.stddev, self.mean + self.upper * self.stddev

    @property
    def stddev_after_truncation(self) -> float:
        """Standard deviation of the values that are drawn."""
        return self.stddev * stddev_after(self.lower, self.upper)

    @property
    def in_keras(self) -> bool:
        """Whether Keras has this distribution: it cuts at two standard deviations."""
        return (self.lower, self.upper) == (-2.0, 2.0)

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        lower, upper = (end if math.isfinite(end) else None for end in self.ends)  # JSON has no infinity
        return {
            "mean": self.mean,
            "stddev_before_truncation": self.stddev,
            "stddev_after_truncation": self.stddev_after_truncation,
            "lower": lower,
            "upper": upper,
        }


@dataclass(frozen=True, eq=False, slots=True)
class Uniform(_Floats):
    """Uniform distribution on ``[low, high)``."""

    _get = attrgetter("low", "high")
    _pack = Struct("2d").pack
    name: ClassVar[str] = "uniform"
    random: ClassVar[bool] = True
    in_keras: ClassVar[bool] = True

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Refuse bounds in the wrong order."""
        if not (type(self.low) is type(self.high) is float and self.low <= self.high):
            _check_reals(self, "low", "high")
            if self.low > self.high:
                raise ValueError(f"`low` must not be above `high`. Received: low={self.low!r}, high={self.high!r}")

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not a float dtype, or cannot hold all values."""
        check_dtype(self, dtype, FLOATS)
        check_fits(self, dtype, "distribution", self)

    def overflows(self, dtype: str) -> bool:
        """Tell whether the bounds, or what is computed of them, are beyond the largest of a dtype."""
        return _overflows(max(-self.low, self.high), dtype) or not math.isfinite(self.low + self.high)

    @property
    def limit(self) -> float | None:
        """The bound of a distribution symmetric about 0, else None."""
        return self.high if self.high == -self.low else None

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        bounds = {"limit": self.limit} if self.limit else {"low": self.low, "high": self.high}
        mean = self.low + (self.high - self.low) / 2
        return {**bounds, "mean": mean, "stddev": (self.high - self.low) / math.sqrt(12)}


@dataclass(frozen=True, slots=True)
class Integers(Distribution):
    """Uniform distribution on the integers in ``[low, high)``; ``high - low <= 2**32``."""

    name: ClassVar[str] = "integers"
    random: ClassVar[bool] = True

    low: int
    high: int

    def __post_init__(self) -> None:
        """Take integers of NumPy's as Python's."""
        for name in ("low", "high"):
            if type(getattr(self, name)) is not int:
                object.__setattr__(self, name, checks.index(name, getattr(self, name), -(2**63), 2**64 + 1))

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not an integer dtype, or cannot hold all values."""
        check_dtype(self, dtype, INTEGERS)
        if not 0 < self.high - self.low <= 2**32:
            raise ValueError(f"`high - low` must lie in [1, 2**32]. Received: low={self.low}, high={self.high}")
        for bound in (self.low, self.high - 1):
            check_scalar(bound, dtype, "low" if bound == self.low else "high - 1")

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        width = self.high - self.low
        return {"low": self.low, "high": self.high, "stddev": math.sqrt((width**2 - 1) / 12)}


@dataclass(frozen=True, slots=True)
class Complex(Distribution):
    """Complex numbers whose real and imaginary parts are independent, each of a distribution of its own."""

    random: ClassVar[bool] = True

    real: Normal | TruncatedNormal | Uniform
    imag: Normal | TruncatedNormal | Uniform

    def __post_init__(self) -> None:
        """Refuse parts that are not real ones."""
        for name in ("real", "imag"):
            check_base(name, getattr(self, name))

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return f"complex_{self.real.name}"

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not complex, or cannot hold all values."""
        check_dtype(self, dtype, COMPLEX)
        check_fits(self, dtype, "distribution", self)

    def split(self, draw: Draw) -> tuple[Draw, Draw]:
        """Return the draws of the real and the imaginary part, both of a float dtype."""
        real = draw._replace(distribution=self.real, dtype=part_dtype(draw.dtype))
        return real, real._replace(distribution=self.imag, path=(*draw.path, "imag"))

    def overflows(self, dtype: str) -> bool:
        """Tell whether a part of a value can be beyond the largest of a dtype."""
        return any(part.overflows(part_dtype(dtype)) for part in (self.real, self.imag))

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows: ``sqrt(E|w - E[w]|**2)``, and the numbers of both parts."""
        parts = {"real": self.real.numbers, "imag": self.imag.numbers}
        after = "stddev_after_truncation"
        stddevs = (part[after if after in part else "stddev"] for part in parts.values())
        named = {f"{which}_{key}": number for which, part in parts.items() for key, number in part.items()}
        return {"stddev": math.hypot(*stddevs), **named}


def _check_reals(distribution: Distribution, *names: str) -> None:
    """Take numbers of NumPy's, and scalar tensors, as Python's; refuse what is not a number, and NaN."""
    for name in names:
        value = getattr(distribution, name)
        if type(value) is not float:
            object.__setattr__(distribution, name, value := _python(name, value))
        if isinstance(value, complex):
            raise TypeError(f"`{name}` must be a real number. Received: {name}={value!r}")
        if math.isnan(value):
            raise ValueError(f"`{name}` must not be NaN. Received: {name}={value!r}")


def _python(argument: str, value: Any) -> Any:
    """Return a number as Python's, whatever it is given as."""
    number = value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value
    if not isinstance(number, int | float | complex):
        raise TypeError(f"`{argument}` must be a number. Received: {argument}={value!r}")
    return number


def _check_stddev(stddev: float) -> None:
    if stddev < 0:
        raise ValueError(f"`stddev` must not be negative. Received: stddev={stddev!r}")


def check_base(argument: str, distribution: Any) -> None:
    """Refuse what is not a distribution of independent real numbers."""
    if not isinstance(distribution, Normal | TruncatedNormal | Uniform):
        raise TypeError(
            f"`{argument}` must be a Normal, TruncatedNormal or Uniform. Received: {argument}={distribution!r}"
        )


def check_fits(
    distribution: Normal | TruncatedNormal | Uniform | Complex, dtype: str, argument: str, value: Any
) -> None:
    """Raise ValueError if `dtype` cannot hold all values of a distribution; `argument` is what made it too wide."""
    if distribution.overflows(dtype):
        raise ValueError(
            f"`{argument}` is too large: values can be beyond the largest {dtype}; use a wider dtype. "
            f"Received: {argument}={value!r}"
        )


def _overflows(value: float, dtype: str) -> bool:
    return not math.isfinite(value) or overflows(value, dtype)


def check_dtype(distribution: Distribution, dtype: str, accepted: Sequence[str]) -> None:
    """Raise ValueError if a distribution has no values of a dtype."""
    if dtype not in accepted:
        raise ValueError(
            f"`dtype` must be one of {', '.join(sorted(accepted))} for the distribution {distribution.name!r}. "
            f"Received: dtype={dtype!r}"
        )
