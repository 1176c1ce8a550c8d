"""Matrices of which most elements are zero."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions import Distribution
from oneseed.distributions.fields import drawn, words64
from oneseed.draws import Draw, Host
from oneseed.initializers.calls import check_inexact
from oneseed.initializers.elementwise.random import RandomNormal
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Block, Indices, Kernel, RandomKernel, Sides, flat
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

CHUNK = 1 << 16
"""Words made at once: few enough to stay near the processor."""

Mask = NDArray[np.bool_]


def first_ones(ranked: NDArray[np.uint64], count: int) -> Mask:
    """Tell which elements of each row are among its `count` smallest; of equal ones the first.

    Parameters
    ----------
    ranked : ndarray of uint64, shape (rows, n)
        Random words.
    count : int
        How many, from 0 to n.

    Returns
    -------
    ndarray of bool, shape (rows, n)
        The mask.
    """
    if count == 0:
        return np.zeros(ranked.shape, np.bool_)
    last = np.partition(ranked, count - 1, axis=1)[:, count - 1 : count]
    result: Mask = ranked <= last
    if np.count_nonzero(result) > count * len(ranked):  # equal words, which are rare
        equal = ranked == last
        missing = count - (ranked < last).sum(axis=1, keepdims=True)
        result &= ~equal | (equal.cumsum(axis=1) <= missing)
    return result


def chance(ranked: NDArray[np.uint64], probability: float) -> Mask:
    """Tell for each word whether it is among the share `probability` of the least words."""
    numerator, denominator = probability.as_integer_ratio()
    bound = (numerator << 64) // denominator
    return ranked <= np.uint64(bound - 1) if bound else np.zeros(ranked.shape, np.bool_)


@dataclass(frozen=True, eq=False, slots=True)
class SparseNormal(Kernel):
    """Normal values and zeros: for each unit as many, or each element with one probability."""

    name: ClassVar[str] = "sparse"

    sides: Sides
    normal: Distribution
    zeros: int | float
    per: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        zeros = "zeros" if isinstance(self.zeros, int) else "probability_of_zero"
        return {**self.normal.numbers, zeros: self.zeros, "per": self.per, **self.sides.numbers}

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make the values of the block in the dtype, and set zeros."""
        values = drawn(host, draw, self.normal, draw.dtype)
        result = np.ascontiguousarray(values.transpose(draw.order)).reshape(block.shape)
        result[self._mask(host, draw, block)] = 0
        return result

    def _mask(self, host: Host, draw: Draw, block: Block) -> Mask:
        """Return where the zeros are: a unit's words lie one after the other."""
        sides, taps = self.sides, flat(self.sides.spatial, block.spatial)
        own, own_size, other, other_size = block.outputs, sides.fan_out, block.inputs, sides.fan_in
        if self.per == "input":
            own, own_size, other, other_size = other, other_size, own, own_size
        units = flat((sides.matrices, own_size), (block.batch, own))
        population = sides.taps * other_size
        positions = flat((sides.taps, other_size), (taps, other))
        mask = np.empty((len(units), len(positions)), np.bool_)
        for cut, ranked in words_of_units(host, draw, units, population):
            some = first_ones(ranked, self.zeros) if isinstance(self.zeros, int) else chance(ranked, self.zeros)
            mask[cut] = some[:, positions]
        parts = mask.reshape(len(block.batch), len(own), len(taps), len(other))
        parts = parts.transpose(0, 2, 3, 1) if self.per == "output" else parts.transpose(0, 2, 1, 3)
        return parts.reshape(block.shape)


def words_of_units(
    host: Host, draw: Draw, units: Indices, population: int
) -> Iterator[tuple[slice, NDArray[np.uint64]]]:
    """Yield the words of the field "mask" that belong to some units, a few units at a time."""
    most = max(1, CHUNK // population)
    runs = [0, *(np.flatnonzero(units[1:] - units[:-1] != 1) + 1).tolist()]
    for start, stop in zip(runs, [*runs[1:], len(units)], strict=True):
        for at in range(start, stop, most):
            cut = slice(at, min(at + most, stop))
            count = cut.stop - cut.start
            ranked = words64(host, draw, int(units[at]) * population, count * population, "mask")
            yield cut, ranked.reshape(count, population)


@known(
    "sparse",
    group="Identities and orthogonal matrices",
    formula="`w ~ N(mean, stddev**2)`; `ceil(sparsity * n)` of an output's n weights are 0",
    use="Wide layers whose units are to differ, and recurrent networks.",
    example="Sparse(0.8, seed=7)",
    shape=(48, 48),
)
class Sparse(RandomKernel):
    """Draw from a normal distribution and set a share of the elements to zero.

    An output unit has n connections: its column in a matrix of inputs by outputs. Exactly ``ceil(sparsity * n)`` of
    them are zero, all choices of them equally likely. The others are those of `RandomNormal` with the same `mean`,
    `stddev`, seed and path. So `sparsity` is the share of zeros, and the mean square is
    ``(1 - sparsity) * (stddev**2 + mean**2)``.

    The zeros are where the n words of a unit, 64 bits each, from the stream of the path with "mask" appended, are
    smallest, and are the same in every dtype. With spatial axes, the connections of an output are those of all taps.

    PyTorch's function, too, counts zeros in columns, and so for a weight of outputs by inputs, ``axes="o i"``, those of
    each input: that is ``per="input"``.

    Parameters
    ----------
    sparsity : float, optional
        The share of zeros, from 0 to 1. Either this or `connections`.
    stddev : float or scalar tensor
        The standard deviation of the elements that are drawn, 0 or more.
    mean : float or scalar tensor
        Their mean.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    connections : int, optional
        How many elements of a unit are not zero, at least 0.
    per : {"output", "input"}
        Whose connections are counted: each output's, over the inputs, or each input's, over the outputs.
    exact : bool
        If False, each element is zero with the probability `sparsity`, or ``1 - connections / n``, whatever the others
        are.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `sparsity` does not lie in [0, 1], `connections` or `stddev` is negative, `mean` or `stddev` is NaN, infinite
        or not a scalar, `per` is unknown, not exactly one of `sparsity` and `connections` is given, or `seed` is out of
        range. At the call, if there are more `connections` than elements, the shape has fewer than 2 axes, or
        the dtype is neither float nor complex.

    References
    ----------
    Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.Sparse(0.75, seed=7)((8, 5))
    >>> np.count_nonzero(w, axis=0)
    array([2, 2, 2, 2, 2])
    """

    def __init__(
        self,
        sparsity: Any = None,
        stddev: Any = 0.01,
        mean: Any = 0.0,
        seed: int | SeedGenerator | None = None,
        *,
        connections: int | None = None,
        per: str = "output",
        exact: bool = True,
    ) -> None:
        if (sparsity is None) == (connections is None):
            raise ValueError(
                "Exactly one of `sparsity` and `connections` must be given. Received: "
                f"sparsity={shown(sparsity)}, connections={shown(connections)}"
            )
        self.sparsity = None if sparsity is None else checks.probability("sparsity", sparsity)
        self.connections = None if connections is None else checks.index("connections", connections, 0, checks.MAX_SIZE)
        self._normal = RandomNormal(mean, stddev, 0)  # only for its distribution and its checks
        self.mean, self.stddev = self._normal.mean, self._normal.stddev
        self.per = checks.one_of("per", per, ("input", "output"))
        self.exact = checks.boolean("exact", exact)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> SparseNormal:
        """Return the distribution for a tensor."""
        check_inexact(target.dtype)
        return self._distribution_of(target, self._sides(target))

    def _distribution_of(self, target: Target, sides: Sides) -> SparseNormal:
        population = sides.taps * (sides.fan_in if self.per == "output" else sides.fan_out)
        return SparseNormal(sides, self._normal.distribution_for(target), self._zeros(population, target), self.per)

    def _zeros(self, population: int, target: Target) -> int | float:
        """Return the number of zeros of a unit, an int, or their probability, a float."""
        if self.connections is None:
            assert self.sparsity is not None
            return math.ceil(self.sparsity * population) if self.exact else float(self.sparsity)
        if self.connections > population:
            raise ValueError(
                f"`connections` must be at most {population}, the elements of each {self.per} in the shape "
                f"{target.shape}. Received: connections={shown(self.connections)}"
            )
        zeros = population - self.connections
        return zeros if self.exact else zeros / max(population, 1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("sparsity", "stddev", "mean", "connections", "per", "exact")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
