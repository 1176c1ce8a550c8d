"""Distributions that are computed on the host, as NumPy arrays, and handed over to any backend."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import shown
from oneseed.distributions.fields import drawn
from oneseed.distributions.sampled import Normal, TruncatedNormal, Uniform, check_base, check_dtype
from oneseed.draws import Distribution, Draw, Host
from oneseed.dtypes import FLOATS, NUMERIC, cast_array, check_array, narrowed, numpy_dtype


class Structured(Distribution):
    """A tensor that is computed as a whole, or block by block, in NumPy; backends take the array over as it is.

    So a new kind of matrix needs no new code in any backend. A subclass is a frozen dataclass of the numbers that
    decide the values, has a `name`, and overrides `values`; see the page "Extending oneseed".
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Tell whether two distributions give the same bits: unlike the numbers, 0.0 and -0.0 are two."""
        if self is other or type(self) is not type(other) or not is_dataclass(self):
            return self is other
        own, others = ([getattr(each, field.name) for field in fields(self)] for each in (self, other))
        return own == others and _signs(own) == _signs(others)

    def __hash__(self) -> int:
        """Hash the numbers."""
        return hash(tuple(getattr(self, field.name) for field in fields(self))) if is_dataclass(self) else id(self)

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Return the block that a draw asks for.

        Parameters
        ----------
        draw : Draw
            The draw: ``draw.offset`` and ``draw.block`` say which block of a tensor of ``draw.shape`` is wanted.
        host : Host
            What draws random values: functions of `oneseed.distributions.fields` take both.

        Returns
        -------
        ndarray
            A new array of shape ``draw.block`` and dtype ``draw.dtype``: the caller may change it.
        """
        raise NotImplementedError(f"{type(self).__name__} must override `values(draw, host)`.")

    def checked_values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Return what `values` returns, checked; what a backend calls.

        Parameters
        ----------
        draw : Draw
            The draw.
        host : Host
            What draws random values.

        Returns
        -------
        ndarray
            An array of shape ``draw.block`` and dtype ``draw.dtype``.

        Raises
        ------
        TypeError
            If `values` returns something else than an array, or a masked one.
        ValueError
            If the array is of another shape or dtype.
        """
        found: Any = self.values(draw, host)
        if isinstance(found, np.generic):  # what NumPy makes of arrays without axes
            found = np.asarray(found)
        exact = type(found) is np.ndarray  # asked first: a look at numpy.ma imports it
        if not exact and (not isinstance(found, np.ndarray) or isinstance(found, np.ma.MaskedArray)):
            raise TypeError(f"`values` of {type(self).__name__} must return an ndarray. Received: {found!r}")
        if found.shape != draw.block or found.dtype != numpy_dtype(draw.dtype):
            raise ValueError(
                f"`values` of {type(self).__name__} must return an array of shape {draw.block}, that of the draw's "
                f"`block`, and of dtype {draw.dtype}. Received: an array of shape {found.shape} and dtype {found.dtype}"
            )
        if not found.flags.writeable or any(np.may_share_memory(found, held) for held in self._arrays()):
            found = found.copy()  # who changes the tensor must not change the next draw
        array: NDArray[Any] = found if exact else found.view(np.ndarray)
        return array

    def onto_zeros(self, draw: Draw) -> Callable[[NDArray[Any]], None] | None:
        """Return a function that turns zeros into the values; what is nearly all zeros is made in less time so.

        Parameters
        ----------
        draw : Draw
            The draw.

        Returns
        -------
        callable or None
            It takes a contiguous array of zeros, of shape ``draw.block`` and dtype ``draw.dtype``, and leaves in it
            what `values` returns. None, as in this class, says that `values` is the only way.
        """
        return None

    def _arrays(self) -> Iterator[NDArray[Any]]:
        """Give the arrays among the numbers and other attributes."""
        named: list[str] = [field.name for field in fields(self)] if is_dataclass(self) else []
        for value in (*(getattr(self, name) for name in named), *getattr(self, "__dict__", {}).values()):
            if isinstance(value, np.ndarray):
                yield value


def _signs(values: Sequence[Any]) -> list[Any]:
    """Return the signs of the zeros among numbers, and in tuples of them; distributions compare their own."""
    return [
        _signs(value) if isinstance(value, tuple) else math.copysign(1, value)
        for value in values
        if isinstance(value, tuple) or (isinstance(value, int | float) and not value)
    ]


@dataclass(frozen=True, eq=False, slots=True)
class Values(Structured):
    """The elements of an array, broadcast to the shape."""

    name: ClassVar[str] = "array"

    array: NDArray[Any]

    def __post_init__(self) -> None:
        """Refuse what is not an array of numbers."""
        if not isinstance(self.array, np.ndarray) or self.array.dtype.name not in NUMERIC:
            raise TypeError(f"`array` must be an ndarray of numbers. Received: array={self.array!r}")

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

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Cast what the block needs, and broadcast it."""
        array = self.array.reshape((1,) * (len(draw.shape) - self.array.ndim) + self.array.shape)
        if array.ndim > len(draw.shape) or any(
            size not in (1, extent) for size, extent in zip(array.shape, draw.shape, strict=True)
        ):
            raise ValueError(
                f"`array` must be of a shape that broadcasts to that of the tensor, {draw.shape}. "
                f"Received: array of shape {self.array.shape}"
            )
        cuts = tuple(slice(1) if size == 1 else cut for size, cut in zip(array.shape, draw.slices, strict=True))
        return cast_array(np.broadcast_to(array[cuts], draw.block), draw.dtype, "value")


@dataclass(frozen=True, eq=False, slots=True)
class Elementwise(Structured):
    """A function of an independent random value for each element, computed in float64 and rounded once.

    The random value is the float64 draw of `base`, the same for every dtype of the result, so that narrow dtypes are
    roundings of wide ones. The bits are the same everywhere as long as `function` is: sums, products, quotients,
    square roots and comparisons of NumPy are; its exp, log and trigonometric functions may differ in their last bit
    between machines.

    Parameters
    ----------
    base : Uniform, Normal or TruncatedNormal
        The distribution of the random values.
    function : callable
        From an array of float64 to one of the same shape. Each element must depend on its own random value alone, or a
        block would not be the slice of the whole tensor; it is tried on the last element by itself.
    label : str
        What `describe` calls the distribution.
    """

    name: ClassVar[str] = "elementwise"
    random: ClassVar[bool] = True

    base: Normal | TruncatedNormal | Uniform
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    label: str = "elementwise"

    def __post_init__(self) -> None:
        """Refuse what is neither a distribution nor a function."""
        check_base("base", self.base)
        if not callable(self.function):
            raise TypeError(f"`function` must be callable. Received: function={self.function!r}")

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"label": self.label, "of": self.base.name, **{f"base_{key}": n for key, n in self.base.numbers.items()}}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not a float dtype."""
        check_dtype(self, dtype, FLOATS)

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Draw the block of `base`, and apply the function."""
        random = drawn(host, draw, self.base, "float64")
        last = random[(slice(-1, None),) * random.ndim].copy()
        found = self._applied(random)
        if found.size > 1:
            alone, among = self._applied(last).item(), found[(-1,) * found.ndim].item()
            # Not to the last bit: NumPy may compute a few elements by other instructions than many.
            if not np.isclose(alone, among, rtol=1e-6, equal_nan=True):
                raise ValueError(
                    "`function` must work element by element, but what it makes of a random value depends on the "
                    f"others. Received: function={shown(self.function)}, which makes {among!r} of one element and "
                    f"{alone!r} of the same element by itself"
                )
        return narrowed(found, draw.dtype)

    def _applied(self, random: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply the function to random values."""
        shape = random.shape
        found = np.asarray(self.function(random))
        if found.shape != shape or found.dtype.kind not in "fiu":
            raise ValueError(
                f"`function` must return an array of real numbers of the shape that it is given, {shape}. Received: an "
                f"array of shape {found.shape} and dtype {found.dtype} from {shown(self.function)}"
            )
        return found.astype(np.float64, copy=False)
