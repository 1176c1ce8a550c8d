"""Recurrent matrices of reservoirs: random ones of a spectral radius, and networks of a topology."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions import Distribution, Normal, Uniform
from oneseed.distributions.fields import field, words64
from oneseed.draws import Draw, Host
from oneseed.dtypes import cast_scalar
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Matrix, RandomKernel, Sides, WholeKernel, check_square
from oneseed.initializers.matrices.sparse import Mask, chance, first_ones
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None

DISTRIBUTIONS = ("bernoulli", "normal", "uniform")


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
            cast_scalar(self.radius, dtype, "spectral_radius")

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Make a matrix, from unit i to unit o."""
        units = self.sides.fan_in
        distribution: Distribution = Uniform(-1.0, 1.0) if self.weights == "uniform" else Normal()
        weights = field(host, distribution, draw, (units, units), at)
        if self.weights == "bernoulli":
            weights = np.copysign(1.0, weights)
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

    connectivity: float = 1.0

    def connected(self, host: Host, draw: Draw, at: int, units: int) -> Mask:
        """Leave out the elements with the smallest words."""
        size = units * units
        ranked = words64(host, draw, at * size, size, "mask")
        return ~first_ones(ranked[None], size - round(self.connectivity * size)).reshape(units, units)


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


@dataclass(frozen=True, eq=False, slots=True)
class SmallWorlds(Reservoir):
    """The graph of Watts and Strogatz: a ring of neighbours, some edges of which lead elsewhere."""

    name: ClassVar[str] = "small_world"

    neighbors: int = 0
    rewiring: float = 0.0

    def connected(self, host: Host, draw: Draw, at: int, units: int) -> Mask:
        """Connect the ring, then move edges one by one."""
        linked = np.zeros((units, units), np.bool_)
        behind = np.tile(np.arange(units), self.neighbors // 2)
        ahead = (behind + np.repeat(np.arange(1, self.neighbors // 2 + 1), units)) % units
        linked[ahead, behind] = linked[behind, ahead] = True
        edges = len(ahead)
        moved = chance(words64(host, draw, at * edges, edges, "mask"), self.rewiring)
        ranks = words64(host, draw, at * edges, edges, "target")
        for edge in np.flatnonzero(moved).tolist():
            i, j = ahead[edge], behind[edge]
            free = ~linked[i]
            free[i] = False
            possible = np.flatnonzero(free)
            if len(possible):
                new = possible[int(ranks[edge]) * len(possible) >> 64]
                linked[i, j] = linked[j, i] = False
                linked[i, new] = linked[new, i] = True
        return linked


class _Reservoir(RandomKernel):
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
class EchoState(_Reservoir):
    """Draw a square matrix and scale it to a spectral radius, for the recurrent weights of an echo state network.

    Independent values w become ``spectral_radius * w / max(abs(eigenvalues))``. ``round(connectivity * n**2)`` of the
    n**2 elements are drawn, at places that are all equally likely. The others are zero: those with the smallest words,
    64 bits each, from the stream of the path with "mask" appended.

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

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `spectral_radius` is not positive and finite, `connectivity` does not lie in [0, 1], `distribution` is
        unknown, or `seed` is out of range. At the call, if the shape is not that of square matrices, the dtype is not a
        float, or all eigenvalues are zero.

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
        self, spectral_radius: Any = 1.0, connectivity: Any = 1.0, distribution: str = "uniform", seed: Seed = None
    ) -> None:
        self.connectivity = checks.probability("connectivity", connectivity)
        super().__init__(spectral_radius, distribution, seed)

    def _reservoir(self, sides: Sides, radius: float | None) -> Reservoir:
        return Echo(sides, self.distribution, radius, float(self.connectivity))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "connectivity": self.connectivity}


@known(
    "cluster",
    group="Recurrent networks and reservoirs",
    formula="a weight with the probability `p_in` within a cluster, `p_out` between two, else 0",
    use="Reservoirs of loosely coupled groups.",
    example="Cluster(0.5, 0.02, seed=7)",
    shape=(48, 48),
)
class Cluster(_Reservoir):
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


@known(
    "small_world",
    group="Recurrent networks and reservoirs",
    formula="weights between neighbors on a ring, a share `rewiring` of them moved",
    use="Reservoirs with short paths and few weights.",
    example="SmallWorld(6, 0.1, seed=7)",
    shape=(48, 48),
)
class SmallWorld(_Reservoir):
    """Draw the recurrent weights of a small world: units on a ring, with some edges across it.

    Each unit is connected, in both directions, to `neighbors` others next to it on the ring. Then each edge (i + k, i),
    for k = 1, 2, ... and for each k around the ring, is moved with the probability `rewiring` to (i + k, j), j one of
    the units that unit i + k is not connected to, all equally likely. The weights of the two directions of an edge are
    independent. There are ``neighbors * n`` weights that are not zero.

    Element (i, o) leads from unit i to unit o; see `EchoState` for the axes, and for how it is computed.

    Parameters
    ----------
    neighbors : int
        The neighbors of a unit, an even number.
    rewiring : float
        The probability with which an edge is moved, from 0 to 1.
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
        If `neighbors` is negative or odd, `rewiring` does not lie in [0, 1], `spectral_radius` is not positive and
        finite, `distribution` is unknown, or `seed` is out of range. At the call, if the shape is not that of square
        matrices, there are not more units than `neighbors`, the dtype is not a float, or all eigenvalues are to be
        scaled and zero.

    References
    ----------
    Watts and Strogatz, "Collective dynamics of 'small-world' networks", Nature 393, 1998.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.SmallWorld(2, rewiring=0.0, seed=7)((5, 5))
    >>> (w != 0).astype(int)
    array([[0, 1, 0, 0, 1],
           [1, 0, 1, 0, 0],
           [0, 1, 0, 1, 0],
           [0, 0, 1, 0, 1],
           [1, 0, 0, 1, 0]])
    """

    def __init__(
        self,
        neighbors: int = 2,
        rewiring: Any = 0.1,
        spectral_radius: Any = None,
        distribution: str = "normal",
        seed: Seed = None,
    ) -> None:
        self.neighbors = checks.index("neighbors", neighbors, 0, 2**31)
        if self.neighbors % 2:
            raise ValueError(
                f"`neighbors` must be even, half of them on each side. Received: neighbors={shown(neighbors)}"
            )
        self.rewiring = checks.probability("rewiring", rewiring)
        super().__init__(spectral_radius, distribution, seed)

    def _reservoir(self, sides: Sides, radius: float | None) -> Reservoir:
        if sides.fan_in <= self.neighbors:
            raise ValueError(
                f"`neighbors` must be less than the {sides.fan_in} units of the shape. "
                f"Received: neighbors={shown(self.neighbors)}"
            )
        return SmallWorlds(sides, self.distribution, radius, self.neighbors, float(self.rewiring))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "neighbors": self.neighbors, "rewiring": self.rewiring}
