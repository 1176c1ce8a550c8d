"""Orthogonal and unitary matrices, uniformly distributed."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import COMPLEX, cast_scalar, numpy_dtype
from oneseed.fans import BATCH, INPUT, OUTPUT, SPATIAL
from oneseed.host import gaussian
from oneseed.initializers.base import RandomInitializer, Target, check_inexact
from oneseed.seeds import SeedGenerator

Matrix = NDArray[np.float64] | NDArray[np.complex128]

PANEL = 256
"""Reflections applied at once, as matrix products, and the rows that they are applied to at once."""

SMALL = 32
"""Rows of a triangular matrix below which it is inverted like any other."""


@dataclass(frozen=True, slots=True)
class Haar(Structured):
    """`count` independent matrices, uniform on the orthogonal or unitary group or a part of its columns or rows."""

    name: ClassVar[str] = "orthogonal"
    in_keras: ClassVar[bool] = True

    gain: float
    count: int
    rows: int
    columns: int

    @property
    def tall(self) -> tuple[int, int]:
        """The shape of a matrix, upright: its longer side first."""
        return max(self.rows, self.columns), min(self.rows, self.columns)

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"gain": self.gain, "matrices": self.count, "rows": self.rows, "columns": self.columns}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the gain, which no element exceeds."""
        cast_scalar(self.gain, dtype, "gain")

    def values(self, draw: Draw) -> NDArray[Any]:
        """Make the whole tensor, in float64 or complex128, and return the block, rounded."""
        logical = gaussian(draw)
        if draw.dtype in COMPLEX:
            logical = logical + 1j * gaussian(draw._replace(path=(*draw.path, "imag")))
        whole = np.empty(logical.shape, numpy_dtype(draw.dtype))
        if logical.size:
            shape = self.count, self.rows, self.columns
            for out, matrix in zip(whole.reshape(shape), logical.reshape(shape), strict=True):
                out[...] = orthonormal(matrix, self.gain)
        return np.ascontiguousarray(whole.transpose(np.argsort(draw.order))[draw.slices])


def orthonormal(normal: Matrix, gain: float = 1.0) -> Matrix:
    """Turn independent normal values into a matrix with orthonormal columns, uniformly distributed, times `gain`.

    One with fewer rows than columns has orthonormal rows: it is the transpose of what `normal.T` becomes. Otherwise the
    matrix is a product of Householder reflections, one for each column of the part of `normal` on and below the
    diagonal: the factor Q that a QR decomposition of a normal matrix would give, with a positive diagonal of R, for the
    work of half of one. Complex numbers have a phase in place of a sign, and the columns are orthonormal in the sense
    of ``conj(x) @ y``.

    Parameters
    ----------
    normal : ndarray of float64 or complex128, shape (m, n)
        Independent values of a standard normal distribution, or complex numbers of two such values each; those
        above the diagonal are not used.
    gain : float
        The factor.

    Returns
    -------
    ndarray of the same dtype, shape (m, n)
        The matrix.

    References
    ----------
    Stewart, "The efficient generation of random orthogonal matrices with an application to condition
    estimators", SIAM J. Numer. Anal. 17, 1980; Puglisi, "Modification of the Householder method based on
    the compact WY representation", SIAM J. Sci. Stat. Comput. 13, 1992.
    """
    m, n = normal.shape
    if m < n:
        return orthonormal(normal.T, gain).T
    q = np.zeros_like(normal, order="C")
    np.fill_diagonal(q, 1.0)
    v = np.tril(normal)
    diagonal = v.diagonal().copy()
    phases = _phases(diagonal)
    norms = np.sqrt(np.einsum("ij,ij->j", v.conj(), v).real)
    np.fill_diagonal(v, diagonal + phases * norms)
    lengths = np.sqrt(2 * norms * (norms + np.abs(diagonal)))
    v /= np.where(lengths > 0, lengths, 1.0)
    room = np.empty(PANEL * n, normal.dtype)
    for start in reversed(range(0, n, PANEL)):
        panel, part = v[start:, start : start + PANEL], q[start:, start:]
        width = panel.shape[1]
        adjoint = panel.conj().T
        # Unit vectors: each reflection is I - 2 v v', and together they are I - V T V'.
        inverse = np.triu(adjoint @ panel, 1)
        np.fill_diagonal(inverse, 0.5)
        # So far the panel's own rows and columns of `part` are those of the identity.
        products = np.empty((width, part.shape[1]), normal.dtype)
        products[:, :width] = adjoint[:, :width]
        np.matmul(adjoint[:, width:], part[width:, width:], out=products[:, width:])
        scaled = panel @ _inverse(inverse)
        for top in range(0, len(part), PANEL):
            rows = part[top : top + PANEL]
            change = room[: rows.size].reshape(rows.shape)
            rows -= np.matmul(scaled[top : top + PANEL], products, out=change)
    q *= -phases * gain
    return q


def _inverse(upper: NDArray[Any]) -> NDArray[Any]:
    """Return the inverse of an upper triangular matrix, by halves, as matrix products."""
    n = len(upper)
    if n <= SMALL:
        inverse: NDArray[Any] = np.linalg.inv(upper)
        return inverse
    first, last = slice(0, n // 2), slice(n // 2, n)
    inverse = np.zeros_like(upper)
    inverse[first, first], inverse[last, last] = _inverse(upper[first, first]), _inverse(upper[last, last])
    inverse[first, last] = -inverse[first, first] @ upper[first, last] @ inverse[last, last]
    return inverse


def _phases(diagonal: NDArray[Any]) -> NDArray[Any]:
    """Return the signs of real numbers, or ``z / abs(z)`` of complex ones; 0 must not make a column of zeros."""
    phases: NDArray[Any] = np.copysign(1.0, diagonal.real)
    if diagonal.dtype.kind == "c":
        sizes = np.abs(diagonal)
        phases = np.where(sizes > 0, diagonal / np.where(sizes > 0, sizes, 1.0), 1.0)
    return phases


class Orthogonal(RandomInitializer):
    """Make a matrix with orthonormal columns, or rows if it has fewer rows than columns, times `gain`.

    The matrix is uniformly distributed (Haar measure). In a complex dtype it is unitary, or has some of the columns or
    rows of one that is: columns ``x`` and ``y`` are orthonormal in the sense of ``conj(x) @ y``. It is made of complex
    normal values; their imaginary parts come from the path with "imag" appended. A tensor of more axes is one of shape
    ``(product of the other axes, last axis)``; with `axes` at the call, the outputs are the columns, spatial
    and input axes the rows, and each element of the batch axes is a matrix of its own.

    It is computed in float64, or complex128, and rounded. A block is cut out of the whole tensor, which is made.

    Parameters
    ----------
    gain : float or scalar tensor
        The factor.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `gain` is no real number, or `seed` of another type.
    ValueError
        If `gain` is NaN, infinite or not a scalar, or `seed` is out of range. At the call, if the shape has fewer
        than 2 axes beside the batch axes, or the dtype is neither float nor complex.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014. Mezzadri, "How to generate random matrices from the classical compact groups",
    Notices of the AMS 54, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> q = oneseed.initializers.Orthogonal(seed=7)((5, 3), dtype="float64")
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    def __init__(self, gain: Any = 1.0, seed: int | SeedGenerator | None = None) -> None:
        self.gain = checks.scalar("gain", gain)
        super().__init__(seed)

    def _distribution(self, target: Target) -> Haar:
        check_inexact(target.dtype)
        shape = target.shape
        kinds = target.layout.kinds if target.layout else (SPATIAL,) * (len(shape) - 1) + (OUTPUT,) * bool(shape)
        if len(shape) - kinds.count(BATCH) < 2:
            raise ValueError(
                "`shape` must have at least 2 axes, batch axes aside, for an orthogonal matrix. "
                f"Received: shape={shape}"
            )

        def product(*wanted: int) -> int:
            return math.prod(size for size, kind in zip(shape, kinds, strict=True) if kind in wanted)

        return Haar(self.gain, product(BATCH), product(SPATIAL, INPUT), product(OUTPUT))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "gain": self.gain}
