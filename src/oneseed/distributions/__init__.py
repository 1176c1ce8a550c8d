"""The distributions an initializer can ask for: a few numbers each, and no framework.

A backend knows how to execute these and nothing of initializers. `Structured` ones are computed on
the host and handed over, so that a new kind of matrix needs no new code in any backend.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed.dtypes import cast_array, cast_scalar, check_array, overflows, part_dtype
from oneseed.exact.moments import FARTHEST, stddev_after

if TYPE_CHECKING:
    from oneseed.draws import Draw


@dataclass(frozen=True, slots=True)
class Fill:
    """Every element is `value`."""

    name: ClassVar[str] = "constant"
    in_keras: ClassVar[bool] = True

    value: bool | int | float | complex

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"value": str(self.value) if isinstance(self.value, complex) else self.value}

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


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution with mean `mean` and standard deviation `stddev`."""

    name: ClassVar[str] = "normal"
    in_keras: ClassVar[bool] = True

    mean: float = 0.0
    stddev: float = 1.0

    def overflows(self, dtype: str) -> bool:
        """Tell whether values can be beyond the largest of a dtype."""
        return _overflows(abs(self.mean) + FARTHEST[64 if dtype == "float64" else 32] * self.stddev, dtype)

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"mean": self.mean, "stddev": self.stddev}


@dataclass(frozen=True, slots=True)
class TruncatedNormal:
    """Normal distribution cut at `lower` and `upper` standard deviations from the mean.

    `stddev` is that of the distribution before it is cut.
    """

    name: ClassVar[str] = "truncated_normal"

    mean: float = 0.0
    stddev: float = 1.0
    lower: float = -2.0
    upper: float = 2.0

    def overflows(self, dtype: str) -> bool:
        """Tell whether values can be beyond the largest of a dtype."""
        return _overflows(abs(self.mean) + max(-self.lower, self.upper) * self.stddev, dtype)

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
        return {
            "mean": self.mean,
            "stddev_before_truncation": self.stddev,
            "stddev_after_truncation": self.stddev_after_truncation,
            "lower": self.mean + self.lower * self.stddev,
            "upper": self.mean + self.upper * self.stddev,
        }


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform distribution on ``[low, high)``."""

    name: ClassVar[str] = "uniform"
    in_keras: ClassVar[bool] = True

    low: float = 0.0
    high: float = 1.0

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
class Integers:
    """Uniform distribution on the integers in ``[low, high)``; ``high - low <= 2**32``."""

    name: ClassVar[str] = "integers"
    in_keras: ClassVar[bool] = False

    low: int
    high: int

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        width = self.high - self.low
        return {"low": self.low, "high": self.high, "stddev": math.sqrt((width**2 - 1) / 12)}


@dataclass(frozen=True, slots=True)
class Complex:
    """Complex numbers whose real and imaginary parts are independent, each of a distribution of its own."""

    in_keras: ClassVar[bool] = False

    real: Normal | TruncatedNormal | Uniform
    imag: Normal | TruncatedNormal | Uniform

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return f"complex_{self.real.name}"

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


class Structured:
    """A tensor computed on the host, in NumPy; backends take the array over as it is.

    A subclass is a frozen dataclass of the numbers that decide the values.
    """

    __slots__ = ()

    name: ClassVar[str]
    in_keras: ClassVar[bool] = False
    """Whether Keras has this distribution, so that a framework's own generator can draw it as Keras does."""

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the values."""

    def values(self, draw: "Draw") -> NDArray[Any]:
        """Return the block of the tensor that `draw` asks for, in the dtype of `draw`."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, slots=True)
class Values(Structured):
    """The elements of an array, broadcast to the shape."""

    name: ClassVar[str] = "array"

    array: NDArray[Any]

    def __eq__(self, other: object) -> bool:
        """Compare dtype, shape and bits."""
        return isinstance(other, Values) and self._key() == other._key()

    def __hash__(self) -> int:
        """Hash what is compared."""
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return self.array.dtype.name, self.array.shape, self.array.tobytes()

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"array": f"{self.array.dtype.name}{self.array.shape}"}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the elements."""
        check_array(self.array, dtype, "value")

    def values(self, draw: "Draw") -> NDArray[Any]:
        """Cast what the block needs, and broadcast it."""
        array = self.array.reshape((1,) * (len(draw.shape) - self.array.ndim) + self.array.shape)
        cuts = tuple(slice(1) if size == 1 else cut for size, cut in zip(array.shape, draw.slices, strict=True))
        return cast_array(np.broadcast_to(array[cuts], draw.block), draw.dtype, "value")


def check_fits(law: Normal | TruncatedNormal | Uniform | Complex, dtype: str, argument: str, value: Any) -> None:
    """Raise ValueError if `dtype` cannot hold all values of a distribution; `argument` is what made it too wide."""
    if law.overflows(dtype):
        raise ValueError(
            f"`{argument}` is too large: values can be beyond the largest {dtype}; use a wider dtype. "
            f"Received: {argument}={value!r}"
        )


def _overflows(value: float, dtype: str) -> bool:
    return not math.isfinite(value) or overflows(value, dtype)


Distribution = Fill | Normal | TruncatedNormal | Uniform | Integers | Complex | Structured
