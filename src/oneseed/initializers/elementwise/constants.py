"""Initializers that draw nothing: zeros, ones, constants, arrays."""

from copy import deepcopy
from typing import Any

from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions import Distribution, Fill, Values
from oneseed.host_arrays import numbers
from oneseed.initializers.base import Initializer
from oneseed.initializers.known import known
from oneseed.initializers.plain_data import deserialize_value, serialize_value
from oneseed.initializers.targets import Target

ZERO = Fill(0)


@known(
    "zeros",
    "zero",
    "ZerosV2",
    group="Constants and stored values",
    formula="`w = 0`",
    use="Biases, and the last layer of a residual branch.",
    example="Zeros()",
    shape=(8, 12),
)
class Zeros(Initializer, repeats=True):
    """Fill a tensor with zeros.

    Any numeric dtype or bool.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Zeros()((2, 2), dtype="int8")
    array([[0, 0],
           [0, 0]], dtype=int8)
    """

    def distribution_for(self, target: Target) -> Fill:
        """Return the distribution for a tensor."""
        return ZERO


@known(
    "ones",
    "one",
    "OnesV2",
    group="Constants and stored values",
    formula="`w = 1`",
    use="The scale of a normalization layer.",
    example="Ones()",
    shape=(8, 12),
)
class Ones(Initializer, repeats=True):
    """Fill a tensor with ones.

    Any numeric dtype or bool.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Ones()((3,))
    array([1., 1., 1.], dtype=float32)
    """

    def distribution_for(self, target: Target) -> Fill:
        """Return the distribution for a tensor."""
        return Fill(1)


@known(
    "constant",
    "ConstantV2",
    group="Constants and stored values",
    formula="`w = value`, broadcast to the shape",
    use="A bias or scale of a known value, one number for all or one for each output.",
    example="Constant(np.arange(12))",
    shape=(8, 12),
)
class Constant(Initializer, repeats=True):
    """Fill a tensor with a value, or with an array that is broadcast to the shape.

    Parameters
    ----------
    value : scalar or array_like
        A Python number, a list, an array or any framework's tensor. It is copied. It is cast to the dtype of
        the call; casting to an integer dtype drops the fraction, as in Keras.

    Raises
    ------
    TypeError
        If `value` holds no numbers.
    ValueError
        At the call, if `value` cannot be broadcast to the shape or does not fit the dtype.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Constant([1, 2, 3])((2, 3))
    array([[1., 2., 3.],
           [1., 2., 3.]], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self._value, self._drawn = self._taken(value)

    @property
    def value(self) -> Any:
        """The value; another one may be assigned."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value, self._drawn = self._taken(value)

    def _taken(self, value: Any) -> tuple[Any, Distribution | None]:
        """Check a value; return what the configuration has of it, and what it draws if it is not a plain number."""
        if isinstance(value, bool | int | float | complex):
            return value, None
        array = _copied(value)
        # A list of plain numbers stays one, so that the configuration is what was written.
        kept = deepcopy(value) if _plain(value) else array
        return kept, Fill(array.item()) if array.ndim == 0 else Values(array)

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        if isinstance(self._drawn, Values):
            self._check_shape(self._drawn.array.shape, target.shape)
        return Fill(self._value) if self._drawn is None else self._drawn

    def _check_shape(self, given: Shape, shape: Shape) -> None:
        padded = (1,) * (len(shape) - len(given)) + given
        if len(padded) != len(shape) or any(a not in (1, b) for a, b in zip(padded, shape, strict=True)):
            raise ValueError(
                f"`value` of shape {given} cannot be broadcast to the shape asked for. Received: shape={shape}"
            )

    def get_config(self) -> dict[str, Any]:
        """Return ``{"value": ...}``, an array in a form fit for JSON."""
        return {"value": serialize_value(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Constant":
        """Build an initializer from its configuration; a serialized array is rebuilt."""
        if isinstance(config, dict) and "value" in config:
            config = {**config, "value": deserialize_value(config["value"])}
        return super().from_config(config)


@known(
    "assign",
    group="Constants and stored values",
    formula="`w = value`, of the same shape",
    use="Weights that are at hand as an array.",
    example="Assign(np.outer(np.hanning(8), np.hanning(12)))",
    shape=(8, 12),
)
class Assign(Constant):
    """Give the very elements of an array; the shape must be the array's own.

    What `get` makes of an array.

    Parameters
    ----------
    value : array_like
        The elements. They are copied, and cast to the dtype of the call.

    Raises
    ------
    TypeError
        If `value` holds no numbers.
    ValueError
        At the call, if the shape is another one or the dtype cannot hold the elements.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> oneseed.initializers.get(np.eye(2))((2, 2))
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)

    def _taken(self, value: Any) -> tuple[Any, Distribution | None]:
        array = _copied(value)
        return array, Values(array)

    def _check_shape(self, given: Shape, shape: Shape) -> None:
        if given != shape:
            raise ValueError(f"`shape` must be {given}, the shape of the array. Received: shape={shape}")


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_plain, value))
    return type(value) in (bool, int, float)


def _copied(value: Any) -> NDArray[Any]:
    """Copy numbers given in any way into a read-only array."""
    array = numbers("value", value).copy()
    array.flags.writeable = False
    return array
