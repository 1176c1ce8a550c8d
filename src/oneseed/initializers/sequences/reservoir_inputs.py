"""Weights that lead from inputs into a reservoir."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from oneseed import checks
from oneseed.distributions import Normal, check_fits
from oneseed.draws import Draw, Host
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Matrix, RandomKernel, Sides, WholeKernel, check_spatial
from oneseed.initializers.plain_data import deserialize_value, serialize_value
from oneseed.initializers.sequences.reservoirs import DISTRIBUTIONS, Connections, connections, weights_of
from oneseed.initializers.sequences.rings import real_numbers
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator


@dataclass(frozen=True, eq=False, slots=True)
class InputWeights(WholeKernel):
    """Independent weights where inputs and units are connected, times the scale of the input."""

    name: ClassVar[str] = "reservoir_input"

    sides: Sides
    weights: str
    scaling: float | tuple[float, ...]
    connections: Connections

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        scaling = self.scaling if isinstance(self.scaling, float) else list(self.scaling)
        return {"weights": self.weights, "input_scaling": scaling, **self.connections.numbers, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the values."""
        largest = float(np.abs(np.array(self.scaling)).max(initial=0.0))
        check_fits(Normal(0.0, largest), dtype, "input_scaling", largest)

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Make a matrix, from input i to unit o."""
        shape = self.sides.fan_in, self.sides.fan_out
        weights = weights_of(host, draw, self.weights, shape, at)
        weights = weights * np.broadcast_to(np.array(self.scaling), shape[:1])[:, None]
        return np.where(self.connections.places(host, draw, at, *shape), weights, 0.0)


@known(
    "reservoir_input",
    group="Recurrent networks and reservoirs",
    formula="`w[i, o] = scaling[i] * v`, v random where input and unit are connected, else 0",
    use="The weights from inputs, or from feedback, into a reservoir.",
    example="ReservoirInput(0.5, degree=2, seed=7)",
    shape=(12, 48),
)
class ReservoirInput(RandomKernel):
    """Draw the weights from inputs into a reservoir, of which a share is connected, each input with its own scale.

    The weight of input i in unit o is ``input_scaling[i] * v``, v from `distribution`, with the variance
    ``input_scaling[i]**2`` times that of v, where the two are connected, and 0 elsewhere. The connections are a share
    of all or, with `degree`, as many for each unit, chosen as by `EchoState`.

    Element (i, o) leads from input i to unit o, as in a kernel of Keras; with ``axes="o i"`` the matrix is that which
    multiplies a column of inputs. Each element of the batch axes is a matrix of its own. A block is cut out of
    the whole matrices that it takes part in.

    Parameters
    ----------
    input_scaling : float or array of float
        The factor, one for all inputs or one for each.
    connectivity : float
        The share of elements that are drawn, from 0 to 1.
    distribution : {"bernoulli", "normal", "uniform"}
        What they are drawn from: -1 and 1, the standard normal distribution, or [-1, 1).
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    degree : int, optional
        The connections of each unit, at least 0, instead of `connectivity`.
    direction : {"in", "out"}
        Whether `degree` counts the inputs of each unit or the units of each input.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `input_scaling` is not finite or has more than one axis, `connectivity` does not lie in [0, 1],
        `distribution` or `direction` is unknown, `degree` is negative, both `connectivity` and `degree` are given, or
        `seed` is out of range. At the call, if the shape is not that of matrices, there is another number of inputs
        than of scales, or more connections than there can be, or the dtype is not a float or cannot hold the values.

    References
    ----------
    Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks", GMD report 148, 2001;
    Trouvain, Pedrelli, Dinh and Hinaut, "ReservoirPy: an efficient and user-friendly library to design echo state
    networks", ICANN 2020, for the arguments.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.ReservoirInput([0.5, 2.0], degree=3, direction="out", seed=7)
    >>> abs(init((2, 4))).sum(axis=1)
    array([1.5, 6. ], dtype=float32)
    """

    def __init__(
        self,
        input_scaling: Any = 1.0,
        connectivity: Any = 1.0,
        distribution: str = "bernoulli",
        seed: int | SeedGenerator | None = None,
        *,
        degree: int | None = None,
        direction: str = "in",
    ) -> None:
        self.input_scaling = real_numbers("input_scaling", input_scaling)
        self.connectivity, self.degree, self.direction = connectivity, degree, direction
        connections(connectivity, degree, direction)
        self.distribution = checks.one_of("distribution", distribution, DISTRIBUTIONS)
        super().__init__(seed)

    def _distribution_of(self, target: Target, sides: Sides) -> InputWeights:
        check_spatial(sides, target.shape, (0,), "a matrix from inputs to units")
        connected = connections(self.connectivity, self.degree, self.direction)
        connected.check(sides.fan_in, sides.fan_out)
        scaling = self.input_scaling
        if not isinstance(scaling, np.ndarray):
            return InputWeights(sides, self.distribution, float(scaling), connected)
        if len(scaling) != sides.fan_in:
            raise ValueError(
                f"`input_scaling` must be one number, or one for each of the {sides.fan_in} inputs of the shape "
                f"{target.shape}. Received: {len(scaling)} numbers"
            )
        return InputWeights(sides, self.distribution, tuple(map(float, scaling)), connected)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, an array in a form fit for JSON."""
        return {
            **super().get_config(),
            "input_scaling": serialize_value(self.input_scaling),
            "connectivity": self.connectivity,
            "distribution": self.distribution,
            "degree": self.degree,
            "direction": self.direction,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build an initializer from its configuration; a serialized array is rebuilt."""
        if isinstance(config, dict) and "input_scaling" in config:
            config = {**config, "input_scaling": deserialize_value(config["input_scaling"])}
        return super().from_config(config)
