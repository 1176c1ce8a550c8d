"""Random features of kernels: directions that are orthogonal, of the lengths of normal vectors."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oneseed import checks
from oneseed.distributions import Normal, check_fits
from oneseed.distributions.fields import field
from oneseed.distributions.orthogonal import write_matrices
from oneseed.draws import Draw, Host
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Matrix, RandomKernel, Sides, WholeKernel
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

LENGTHS = ("equal", "normal")


@dataclass(frozen=True, eq=False, slots=True)
class Features(WholeKernel):
    """Columns that are orthogonal within each block of as many as there are rows."""

    name: ClassVar[str] = "orthogonal_features"

    sides: Sides
    stddev: float
    lengths: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"stddev": self.stddev, "lengths": self.lengths, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the values."""
        check_fits(Normal(0.0, self.stddev * math.sqrt(max(self._rows, 1))), dtype, "stddev", self.stddev)

    @property
    def _rows(self) -> int:
        return self.sides.taps * self.sides.fan_in

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Make a matrix, block by block."""
        sides = self.sides
        blocks = -(-sides.fan_out // self._rows)
        made = np.hstack(list(self._blocks(draw, host, range(at * blocks, (at + 1) * blocks))))
        return made[:, : sides.fan_out].reshape(*sides.spatial, sides.fan_in, sides.fan_out)

    def _blocks(self, draw: Draw, host: Host, numbers: range) -> Iterator[Matrix]:
        """Yield blocks of these numbers, square matrices."""
        square = (self._rows, self._rows)
        for number in numbers:
            directions = np.empty((1, *square))
            write_matrices(host, draw, directions, self.stddev, number)
            if self.lengths == "equal":
                yield directions[0] * math.sqrt(self._rows)
            else:
                vectors = field(host, Normal(), draw, square, number, "lengths")
                yield directions[0] * np.sqrt((vectors * vectors).sum(axis=0))


@known(
    "orthogonal_features",
    group="Identities and orthogonal matrices",
    formula="columns orthogonal by n, of the lengths of normal vectors, `Var w = stddev**2`",
    use="Random features of kernels: Performers' attention, random Fourier features.",
    example="OrthogonalFeatures(seed=7)",
    shape=(24, 48),
)
class OrthogonalFeatures(RandomKernel):
    """Draw the directions of orthogonal random features: normal vectors that are orthogonal to each other.

    Each output is a direction w in the n inputs. The first n outputs are orthogonal to each other, so are the next n,
    and the last ones are as many columns of such a block as are left; blocks are independent. A block is uniformly
    distributed (Haar measure), its columns times independent lengths: those of normal vectors, chi with n degrees of
    freedom, or ``sqrt(n)`` for all. With the first, each column alone has the normal distribution of variance
    ``stddev**2``, as of plain random features, whose estimate of a kernel it gives with less variance. A kernel
    ``exp(-|x - y|**2 / (2 sigma**2))`` wants ``stddev = 1 / sigma``.

    Axes are understood as by `Orthogonal`; each element of the batch axes is a matrix of its own. It is computed in
    float64 and rounded. A block is cut out of the whole matrices that it takes part in.

    Parameters
    ----------
    stddev : float or scalar tensor
        The standard deviation of the elements, 0 or more.
    lengths : {"normal", "equal"}
        The lengths of the columns over `stddev`: those of normal vectors, or ``sqrt(n)``.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `stddev` is negative, NaN, infinite or not a scalar, `lengths` is unknown, or `seed` is out of range. At the
        call, if the shape has fewer than 2 axes, or the dtype is not a float or cannot hold the values.

    References
    ----------
    Yu, Suresh, Choromanski, Holtmann-Rice and Kumar, "Orthogonal random features", NeurIPS 2016; Choromanski et al.,
    "Rethinking attention with Performers", ICLR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.OrthogonalFeatures(lengths="equal", seed=7)((4, 8), dtype="float64")
    >>> bool(np.allclose(w[:, 4:].T @ w[:, 4:], 4 * np.eye(4)))
    True
    """

    def __init__(self, stddev: Any = 1.0, lengths: str = "normal", seed: int | SeedGenerator | None = None) -> None:
        self.stddev = checks.at_least("stddev", stddev, 0)
        self.lengths = checks.one_of("lengths", lengths, LENGTHS)
        super().__init__(seed)

    def _distribution_of(self, target: Target, sides: Sides) -> Features:
        return Features(sides, float(self.stddev), self.lengths)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "stddev": self.stddev, "lengths": self.lengths}
