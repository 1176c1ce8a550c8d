"""Recurrent matrices of reservoirs: random ones of a spectral radius, also in clusters."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from oneseed import checks
from oneseed.checks import Shape, shown
from oneseed.distributions import Distribution, Normal, Uniform
from oneseed.distributions.fields import field, words64
from oneseed.draws import Draw, Host
from oneseed.dtypes import check_scalar
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Matrix, RandomKernel, Sides, WholeKernel, check_square
from oneseed.initializers.matrices.sparse import Mask, chance, first_ones
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None

DISTRIBUTIONS = ("bernoulli", "normal", "uniform")


def weights_of(host: Host, draw: Draw, kind: str, shape: Shape, at: int) -> Matrix:
    """Return matrix number `at` of independent weights, of one of `DISTRIBUTIONS`."""
    distribution: Distribution = Uniform(-1.0, 1.0) if kind == "uniform" else Normal()
    weights = field(host, distribution, draw, shape, at)
    return np.copysign(1.0, weights) if kind == "bernoulli" else weights


class Connections(NamedTuple):
    """Which elements of a matrix are drawn: a share of all, or as many for each unit."""

    share: float = 1.0
    degree: int | None = None
    direction: str = "in"

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        if self.degree is None:
            return {"connectivity": self.share}
        return {"degree": self.degree, "direction": self.direction}

    def check(self, rows: int, columns: int) -> None:
        """Raise ValueError if there are more connections than elements."""
        most = rows if self.direction == "in" else columns
        if self.degree is not None and self.degree > most:
            raise ValueError(
                f"`degree` must be at most {most}, the connections that a unit can have. "
                f"Received: degree={shown(self.degree)}"
            )

    def places(self, host: Host, draw: Draw, at: int, rows: int, columns: int) -> Mask:
        """Leave out the elements with the smallest words; with a degree, keep those of each unit."""
        size = rows * columns
        ranked = words64(host, draw, at * size, size, "mask")
        if self.degree is None:
            return ~first_ones(ranked[None], size - round(self.share * size)).reshape(rows, columns)
        matrix = ranked.reshape(rows, columns)
        return first_ones(matrix.T, self.degree).T if self.direction == "in" else first_ones(matrix, self.degree)


def connections(connectivity: Any, degree: Any, direction: Any) -> Connections:
    """Check the arguments that say what is connected."""
    share = checks.probability("connectivity", connectivity)
    checks.one_of("direction", direction, ("in", "out"))
    if degree is None:
        return Connections(float(share), None, direction)
    if share != 1:
        raise ValueError(
            "At most one of `connectivity` and `degree` may be given. Received: "
            f"connectivity={shown(connectivity)}, degree={shown(degree)}"
        )
    return Connections(1.0, checks.index("degree", degree, 0, 2**31), direction)


@dataclass(frozen=True, eq=False, slots=True)
class Reservoir(WholeKernel):
    """Square matrices of independent weights where units are connected, scaled to a spectral radius."""

    name: ClassVar[str] = "reservoir"

    sides: Sides
    weights: str
    radius: float | None

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"weights": self.weights, "spectral_radius": self.radius, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the spectral radius."""
        if self.radius is not None:
            check_scalar(self.radius, dtype, "spectral_radius")

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Make a matrix, from unit i to unit o."""
        units = self.sides.fan_in
        weights = weights_of(host, draw, self.weights, (units, units), at)
        weights = np.where(self.connected(host, draw, at, units), weights, 0.0)
        if self.radius is None:
            return weights
        radius = abs(np.linalg.eigvals(weights)).max()
        if not radius > 0:
            raise ValueError(
                f"`spectral_radius` must be None here: all eigenvalues of the matrix of {units} units are 0, since its "
                f"connections have no cycle. Or ask for more connections. "
                f"Received: spectral_radius={shown(self.radius)}"
            )
        weights *= self.radius / radius
        return weights

    def connected(self, host: Host, draw: Draw, at: int, units: int) -> Mask:
        """Tell which units are connected."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, slots=True)
class Echo(Reservoir):
    """As many connections as asked for, anywhere."""

    name: ClassVar[str] = "echo_state"

    connections: Connections

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {
            "weights": self.weights,
            "spectral_radius": self.radius,
            **self.connections.numbers,
            **self.sides.numbers,
        }

    def connected(self, host: Host, draw: Draw, at: int, units: int) -> Mask:
        """Choose connections."""
        return self.connections.places(host, draw, at, units, units)


@dataclass(frozen=True, eq=False, slots=True)
class Clusters(Reservoir):
    """Connections by one probability within clusters and another between them."""

    name: ClassVar[str] = "cluster"

    p_in: float = 0.0
    p_out: float = 0.0
    clusters: int = 1

    def connected(self, host: Host, draw: Draw, at: int, units: int) -> Mask:
        """Toss a coin for each pair."""
        ranked = words64(host, draw, at * units * units, units * units, "mask").reshape(units, units)
        cluster = np.arange(units) // (units // self.clusters)
        within: Mask = cluster[:, None] == cluster
        linked: Mask = np.where(within, chance(ranked, self.p_in), chance(ranked, self.p_out))
        return linked


class RandomReservoir(RandomKernel):
    """The checks that reservoirs share."""

    def __init__(self, spectral_radius: Any, distribution: str, seed: Seed) -> None:
        self.spectral_radius = None if spectral_radius is None else checks.positive("spectral_radius", spectral_radius)
        self.distribution = checks.one_of("distribution", distribution, DISTRIBUTIONS)
        super().__init__(seed)

    def _distribution_of(self, target: Target, sides: Sides) -> Reservoir:
        check_square(sides, target.shape)
        return self._reservoir(sides, None if self.spectral_radius is None else float(self.spectral_radius))

    def _reservoir(self, sides: Sides, radius: float | None) -> Reservoir:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "spectral_radius": self.spectral_radius,
            "distribution": self.distribution,
        }


@known(
    "echo_state",
    group="Recurrent networks and reservoirs",
    formula="`W = r * B / max(abs(eigenvalues of B))`, B random and sparse",
    use="The recurrent weights of an echo state network.",
    example="EchoState(0.9, connectivity=0.2, seed=7)",
    shape=(48, 48),
)
class EchoState(RandomReservoir):
    """Draw a square matrix and scale it to a spectral radius, for the recurrent weights of an echo state network.

    Independent values w become ``spectral_radius * w / max(abs(eigenvalues))``. ``round(connectivity * n**2)`` of the
    n**2 elements are drawn, at places that are all equally likely. The others are zero: those with the smallest words,
    64 bits each, from the stream of the path with "mask" appended. With `degree`, as many connections of each unit are
    drawn, those with its smallest words: the ones that lead into it, or out of it.

    Element (i, o) leads from unit i to unit o, as in Keras's recurrent kernels; with ``axes="o i"`` the
    matrix is that which multiplies a column of states. Each element of the batch axes is a matrix of its own. It is
    computed in float64 and rounded; the last bit may differ between machines, with their linear algebra. A block
    is cut out of the whole matrices that it takes part in, and the eigenvalues take n**3 operations.

    Parameters
    ----------
    spectral_radius : float
        The largest absolute value of an eigenvalue, above 0. None leaves the values as they are drawn.
    connectivity : float
        The share of elements that are drawn, from 0 to 1.
    distribution : {"uniform", "normal", "bernoulli"}
        What they are drawn from: [-1, 1), the standard normal distribution, or -1 and 1.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    degree : int, optional
        The connections of each unit, at least 0, instead of `connectivity`.
    direction : {"in", "out"}
        Which connections `degree` counts.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `spectral_radius` is not positive and finite, `connectivity` does not lie in [0, 1], `distribution` or
        `direction` is unknown, `degree` is negative, both `connectivity` and `degree` are given, or `seed` is out of
        range. At the call, if the shape is not that of square matrices, there are more connections than units, the
        dtype is not a float, or all eigenvalues are zero.

    References
    ----------
    Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks", GMD report 148, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.EchoState(0.9, connectivity=0.2, seed=7)((50, 50), dtype="float64")
    >>> int((w != 0).sum()), round(float(abs(np.linalg.eigvals(w)).max()), 12)
    (500, 0.9)
    """

    def __init__(
        self,
        spectral_radius: Any = 1.0,
        connectivity: Any = 1.0,
        distribution: str = "uniform",
        seed: Seed = None,
        *,
        degree: int | None = None,
        direction: str = "in",
    ) -> None:
        self.connectivity, self.degree, self.direction = connectivity, degree, direction
        connections(connectivity, degree, direction)
        super().__init__(spectral_radius, distribution, seed)

    def _reservoir(self, sides: Sides, radius: float | None) -> Reservoir:
        connected = connections(self.connectivity, self.degree, self.direction)
        connected.check(sides.fan_in, sides.fan_out)
        return Echo(sides, self.distribution, radius, connected)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; `degree`, which replaces `connectivity`, if it is given."""
        more = {} if self.degree is None else {"degree": self.degree, "direction": self.direction}
        return {**super().get_config(), "connectivity": self.connectivity, **more}


@known(
    "cluster",
    group="Recurrent networks and reservoirs",
    formula="a weight with the probability `p_in` within a cluster, `p_out` between two, else 0",
    use="Reservoirs of loosely coupled groups.",
    example="Cluster(0.5, 0.02, seed=7)",
    shape=(48, 48),
)
class Cluster(RandomReservoir):
    """Draw the recurrent weights of units in clusters, well connected within and little between them.

    Units ``k * n / clusters`` to ``(k + 1) * n / clusters - 1`` form a cluster. Each pair of units, a unit and itself
    too, is connected with the probability `p_in` within a cluster and `p_out` between two; all others are zero. The
    variance is `p_in` or `p_out` times that of the distribution, before it is scaled to a spectral radius.

    Element (i, o) leads from unit i to unit o; see `EchoState` for the axes, and for how it is computed.

    Parameters
    ----------
    p_in, p_out : float
        The probabilities of a connection, from 0 to 1.
    clusters : int
        How many clusters, at least 1.
    spectral_radius : float, optional
        The largest absolute value of an eigenvalue, above 0. None leaves the values as they are drawn.
    distribution : {"normal", "uniform", "bernoulli"}
        What the weights are drawn from: the standard normal distribution, [-1, 1), or -1 and 1.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `p_in` or `p_out` does not lie in [0, 1], `clusters` is less than 1, `spectral_radius` is not positive and
        finite, `distribution` is unknown, or `seed` is out of range. At the call, if the shape is not that of square
        matrices, `clusters` does not divide the units, the dtype is not a float, or all eigenvalues are to be scaled
        and zero.

    References
    ----------
    Holland, Laskey and Leinhardt, "Stochastic blockmodels: first steps", Social Networks 5, 1983.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.Cluster(1.0, 0.0, clusters=2, seed=7)((4, 4))
    >>> (w != 0).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]])
    """

    def __init__(
        self,
        p_in: Any = 0.1,
        p_out: Any = 0.01,
        clusters: int = 3,
        spectral_radius: Any = None,
        distribution: str = "normal",
        seed: Seed = None,
    ) -> None:
        self.p_in = checks.probability("p_in", p_in)
        self.p_out = checks.probability("p_out", p_out)
        self.clusters = checks.index("clusters", clusters, 1, 2**31)
        super().__init__(spectral_radius, distribution, seed)

    def _reservoir(self, sides: Sides, radius: float | None) -> Reservoir:
        if sides.fan_in % self.clusters:
            raise ValueError(
                f"`clusters` must divide the {sides.fan_in} units of the shape. "
                f"Received: clusters={shown(self.clusters)}"
            )
        return Clusters(sides, self.distribution, radius, float(self.p_in), float(self.p_out), self.clusters)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "p_in": self.p_in, "p_out": self.p_out, "clusters": self.clusters}
