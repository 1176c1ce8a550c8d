"""Recurrent matrices of a small world."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions.fields import words64
from oneseed.draws import Draw, Host
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Sides
from oneseed.initializers.matrices.sparse import Mask, chance
from oneseed.initializers.sequences.reservoirs import RandomReservoir, Reservoir
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None


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


@known(
    "small_world",
    group="Recurrent networks and reservoirs",
    formula="weights between neighbors on a ring, a share `rewiring` of them moved",
    use="Reservoirs with short paths and few weights.",
    example="SmallWorld(6, 0.1, seed=7)",
    shape=(48, 48),
)
class SmallWorld(RandomReservoir):
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
