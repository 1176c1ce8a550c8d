"""Recurrent matrices of units in a row: the ring and the line."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.draws import Draw, Host
from oneseed.dtypes import COMPLEX, check_array
from oneseed.host_arrays import numbers
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Block, Kernel, Sides, check_square, sides_of
from oneseed.initializers.plain_data import deserialize_value, serialize_value
from oneseed.initializers.targets import Target


@dataclass(frozen=True, eq=False, slots=True)
class Chain(Kernel):
    """From each unit to the next; from the last to the first where there are as many weights as units."""

    name: ClassVar[str] = "chain"

    sides: Sides
    weights: float | tuple[float, ...]
    closed: bool

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        weights = self.weights if isinstance(self.weights, float) else list(self.weights)
        return {"weights": weights, "closed": self.closed, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold a weight."""
        check_array(np.array(self.weights), dtype, "weights")

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make the block."""
        out = np.zeros(block.shape)
        units = self.sides.fan_in
        sources = block.inputs if self.closed else block.inputs[block.inputs < units - 1]
        _, rows, columns = np.intersect1d((sources + 1) % units, block.outputs, assume_unique=True, return_indices=True)
        weights = np.broadcast_to(np.array(self.weights), units if self.closed else units - 1)
        out[:, np.searchsorted(block.inputs, sources[rows]), columns] = weights[sources[rows]]
        return out


class _Chain(Initializer):
    """Weights from each unit to the next."""

    _closed: ClassVar[bool]

    def __init__(self, weights: Any = 1.0) -> None:
        self.weights = real_numbers("weights", weights)

    def distribution_for(self, target: Target) -> Chain:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        sides = sides_of(target)
        check_square(sides, target.shape)
        wanted = sides.fan_in if self._closed else max(sides.fan_in - 1, 0)
        if not isinstance(self.weights, np.ndarray):
            return Chain(sides, float(self.weights), self._closed)
        if len(self.weights) != wanted:
            raise ValueError(
                f"`weights` must be one number, or {wanted} for the {sides.fan_in} units of the shape {target.shape}. "
                f"Received: {len(self.weights)} weights"
            )
        return Chain(sides, tuple(map(float, self.weights)), self._closed)

    def get_config(self) -> dict[str, Any]:
        """Return ``{"weights": ...}``, an array in a form fit for JSON."""
        return {"weights": serialize_value(self.weights)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration; a serialized array is rebuilt."""
        if isinstance(config, dict) and "weights" in config:
            config = {**config, "weights": deserialize_value(config["weights"])}
        return super().from_config(config)


def real_numbers(argument: str, value: Any) -> Any:
    """Return a number, or an array of numbers with one axis that cannot be written."""
    array = numbers(argument, value)
    if array.ndim == 0:
        return checks.scalar(argument, value)
    if array.ndim != 1 or array.dtype.name in (*COMPLEX, "bool"):
        raise ValueError(
            f"`{argument}` must be a real number, or an array of real numbers with one axis. Received: an array of "
            f"dtype {array.dtype} and shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"`{argument}` must hold finite numbers. Received: {argument}={value!r}")
    array = array.copy()
    array.flags.writeable = False
    return array


@known(
    "ring",
    group="Recurrent networks and reservoirs",
    formula="`w[i, (i + 1) % n] = weight`, else 0",
    use="Reservoirs of one cycle, with nothing random.",
    example="Ring()",
    shape=(16, 16),
)
class Ring(_Chain, repeats=True):
    """Make the recurrent weights of units on a ring, each connected to the next, the last to the first.

    Element ``(i, (i + 1) % n)`` is weight i, all others are 0. With one weight for all it is the spectral radius, and
    with n weights it is the n-th root of the absolute value of their product.

    Element (i, o) leads from unit i to unit o, as in Keras's recurrent kernels; with ``axes="o i"`` the
    matrix is that which multiplies a column of states. Each element of the batch axes is the same matrix.

    Parameters
    ----------
    weights : float or array_like
        One number for all connections, or that of each.

    Raises
    ------
    TypeError
        If `weights` holds no numbers.
    ValueError
        If they are not real and finite, or have more than one axis. At the call, if the shape is not that of square
        matrices, there are not as many weights as units, or the dtype is not a float or cannot hold a weight.

    References
    ----------
    Rodan and Tino, "Minimum complexity echo state network", IEEE Transactions on Neural Networks 22, 2011.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Ring(0.9)((3, 3))
    array([[0. , 0.9, 0. ],
           [0. , 0. , 0.9],
           [0.9, 0. , 0. ]], dtype=float32)
    """

    _closed = True


@known(
    "line",
    group="Recurrent networks and reservoirs",
    formula="`w[i, i + 1] = weight`, else 0",
    use="Delay lines: reservoirs that remember n steps.",
    example="Line()",
    shape=(16, 16),
)
class Line(_Chain, repeats=True):
    """Make the recurrent weights of units in a line, each connected to the next.

    Element ``(i, i + 1)`` is weight i, all others are 0: a delay line, all eigenvalues of which are 0.

    Element (i, o) leads from unit i to unit o, as in Keras's recurrent kernels; with ``axes="o i"`` the
    matrix is that which multiplies a column of states. Each element of the batch axes is the same matrix.

    Parameters
    ----------
    weights : float or array_like
        One number for all connections, or that of each, one less than units.

    Raises
    ------
    TypeError
        If `weights` holds no numbers.
    ValueError
        If they are not real and finite, or have more than one axis. At the call, if the shape is not that of square
        matrices, there are not as many weights as connections, or the dtype is not a float or cannot hold a weight.

    References
    ----------
    Rodan and Tino, "Minimum complexity echo state network", IEEE Transactions on Neural Networks 22, 2011.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Line([0.5, 2.0])((3, 3))
    array([[0. , 0.5, 0. ],
           [0. , 0. , 2. ],
           [0. , 0. , 0. ]], dtype=float32)
    """

    _closed = False
