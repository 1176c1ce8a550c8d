"""Orthogonal and unitary matrices, uniformly distributed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions.fields import part_of_field, write_field
from oneseed.distributions.sampled import Normal
from oneseed.distributions.structured import Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import COMPLEX, check_scalar, numpy_dtype, unrounded_dtype, wide_dtype

Matrix = NDArray[np.float64] | NDArray[np.complex128]
Parts = Sequence[tuple[tuple[slice, ...], Matrix]]
"""Blocks of a matrix, a slice for each axis, each with the memory for it."""

PANEL = 192
"""Columns of a panel: in wider ones more is multiplied that is zero, in narrower ones BLAS takes longer."""

SMALL = 32
"""Rows of a triangular matrix below which it is inverted like any other."""

LONGEST_SIDE, MOST_ELEMENTS = 2048, 2**18
"""Of a small matrix, whose bits `docs/stream.md` defines; the others are made of matrix products."""


@dataclass(frozen=True, eq=False, slots=True)
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
        check_scalar(self.gain, dtype, "gain")

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the whole tensor, in float64 or complex128, and return the block, rounded."""
        whole = np.empty(tuple(draw.shape[axis] for axis in draw.order), numpy_dtype(unrounded_dtype(draw.dtype)))
        if whole.size:
            write_matrices(host, draw, whole.reshape(self.count, self.rows, self.columns), self.gain)
        block = whole.transpose(np.argsort(draw.order))[draw.slices]
        return np.ascontiguousarray(block, numpy_dtype(draw.dtype))


def is_small(rows: int, columns: int, dtype: str) -> bool:
    """Tell whether a matrix is one whose bits are defined; a complex number counts as two rows and two columns."""
    each = 2 if dtype in COMPLEX else 1
    return each * max(rows, columns) <= LONGEST_SIDE and each * each * rows * columns <= MOST_ELEMENTS


def write_matrices(host: Host, draw: Draw, out: NDArray[Any], gain: float, at: int = 0, *names: str) -> None:
    """Write matrices of a field, with orthonormal columns or, if those are fewer, rows.

    Parameters
    ----------
    host : Host
        What draws.
    draw : Draw
        What has the seed and the path, and a dtype that is complex if the matrices are.
    out : ndarray, shape (count, rows, columns)
        The memory, contiguous. A dtype of more digits than `draw` has gives what is rounded to it.
    gain : float
        What the matrices are multiplied by.
    at : int
        The number of the first one in the field.
    *names : str
        The field's name, for every field of a draw but the first.
    """
    count, rows, columns = out.shape
    if is_small(rows, columns, draw.dtype):
        field = part_of_field(Normal(), draw, (at + count, rows, columns), (at, 0, 0), out.shape, *names)
        host.orthogonal(field, out, gain)
        return
    for number, matrix in enumerate(out, at):
        orthonormal(partial(normals, host, draw, (rows, columns), number, names), matrix, gain)


def normals(host: Host, draw: Draw, shape: Shape, at: int, names: tuple[str, ...], parts: Parts) -> None:
    """Write normal values of a field, real ones or, for a complex draw, complex ones of two such values each."""
    write_field(host, [(block, out.real) for block, out in parts], Normal(), draw, shape, at, *names)
    if draw.dtype in COMPLEX:
        write_field(host, [(block, out.imag) for block, out in parts], Normal(), draw, shape, at, *names, "imag")


def orthonormal(normal: Callable[[Parts], None], out: NDArray[Any], gain: float = 1.0) -> None:
    """Turn independent normal values into a matrix with orthonormal columns, uniformly distributed, times `gain`.

    One with fewer rows than columns has orthonormal rows: it is the transpose of what the transposed values become.
    Otherwise the matrix is a product of Householder reflections, one for each column of the values on and below the
    diagonal: the factor Q that a QR decomposition of a normal matrix would give, with a positive diagonal of R, for the
    work of half of one. Complex numbers have a phase in place of a sign, and the columns are orthonormal in the sense
    of ``conj(x) @ y``.

    Parameters
    ----------
    normal : callable
        Writes blocks of independent values of a standard normal distribution, or complex numbers of two such values
        each. Blocks above the diagonal are not asked for.
    out : ndarray, shape (m, n)
        The memory for the matrix, which is computed in float64 or complex128, and rounded. All of it is written.
    gain : float
        The factor.

    Notes
    -----
    With the vectors v of the reflections as the columns of V, the product is ``I - V S^-1 V'``, where S is upper
    triangular and ``S + S' = V' V``. V is lower triangular, and so is ``Y = V (S')^-1``, for which Y S' = V is solved
    from the last columns to the first; the matrix is ``I - V Y'``. All four are handled in blocks, and none is
    multiplied that is zero.

    References
    ----------
    Stewart, "The efficient generation of random orthogonal matrices with an application to condition
    estimators", SIAM J. Numer. Anal. 17, 1980; Puglisi, "Modification of the Householder method based on
    the compact WY representation", SIAM J. Sci. Stat. Comput. 13, 1992.
    """
    m, n = out.shape
    if m < n:
        orthonormal(lambda parts: normal([(block[::-1], part.T) for block, part in parts]), out.T, gain)
        return
    width = min(PANEL, n)
    cuts = [slice(start, min(start + width, n)) for start in range(0, n, width)]
    # V has its blocks on and below the diagonal. Those of Y, transposed, lie on and above it: a block further to the
    # right they fit into the same memory, fresh pages of which take longer than what is computed with them.
    memory = np.empty((m, n + width), wide_dtype(out.dtype.name))
    v, y = memory[:, :n], memory[:n, width:].T
    room = np.empty(width * m, memory.dtype)
    scale = gain * _reflect(normal, v, y, cuts)
    _solve(v, y, cuts, room)
    adjoint = y.conj().T
    # BLAS is at its best with long rows, and as good with half as many, of which less is zero.
    right = [(rows, slice(cut.start, n)) for cut in cuts for rows in _halves(cut)]
    below = [(slice(cut.stop, m), cut) for cut in cuts if cut.stop < m]
    for rows, columns in right + below:
        known = slice(min(rows.stop, columns.stop))
        product = _shaped(room, out[rows, columns])
        np.matmul(v[rows, known], adjoint[known, columns], out=product)
        square = product[:, rows.start - columns.start :]  # of the diagonal, where the block has a part of it
        np.fill_diagonal(square, square.diagonal() - 1)
        np.multiply(product, scale[columns], out=out[rows, columns], casting="unsafe")


def _reflect(normal: Callable[[Parts], None], v: Matrix, y: Matrix, cuts: list[slice]) -> NDArray[Any]:
    """Make V, and S' in the place of Y, and return the phases of the diagonal."""
    m, n = v.shape
    phases, squares, lower = np.empty(n, v.dtype), np.empty(n), np.tri(cuts[0].stop)
    normal([((slice(cut.start, m), cut), v[cut.start :, cut]) for cut in cuts])
    for cut in cuts:
        panel, square = v[cut.start :, cut], v[cut, cut]
        square *= lower[: len(square), : len(square)]
        diagonal = square.diagonal()
        norms = np.sqrt(np.einsum("ij,ij->j", panel.conj(), panel).real)
        phases[cut], squares[cut] = _phases(diagonal), norms * (norms + np.abs(diagonal))
        np.fill_diagonal(square, diagonal + phases[cut] * norms)
    for cut in cuts:
        np.matmul(v[cut.start :, cut].conj().T, v[cut.start :, : cut.stop], out=y[cut, : cut.stop])
    squares[squares == 0] = 1.0  # a column of zeros reflects nothing
    np.fill_diagonal(y, squares)
    return phases


def _solve(v: Matrix, y: Matrix, cuts: list[slice], room: Matrix) -> None:
    """Solve Y S' = V, with Y in the place of S'."""
    for at, cut in reversed(list(enumerate(cuts))):
        column = _shaped(room, v[cut.start : len(y), cut])
        column[: cut.stop - cut.start] = v[cut, cut]
        for rows in cuts[at + 1 :]:
            part, known = column[rows.start - cut.start : rows.stop - cut.start], slice(cut.stop, rows.stop)
            np.subtract(v[rows, cut], np.matmul(y[rows, known], y[known, cut], out=part), out=part)
        np.matmul(column, _inverse(y[cut, cut] * np.tri(cut.stop - cut.start)), out=y[cut.start :, cut])


def _shaped(room: Matrix, like: NDArray[Any]) -> Matrix:
    """Return memory from the start of a one-dimensional array, of the shape and the order of axes of another array."""
    return room[: like.size].reshape(like.shape, order="C" if like.strides[0] >= like.strides[1] else "F")


def _halves(cut: slice) -> tuple[slice, slice]:
    middle = (cut.start + cut.stop) // 2
    return slice(cut.start, middle), slice(middle, cut.stop)


def _inverse(lower: NDArray[Any]) -> NDArray[Any]:
    """Return the inverse of a lower triangular matrix, by halves, as matrix products."""
    n = len(lower)
    if n <= SMALL:
        inverse: NDArray[Any] = np.linalg.inv(lower)
        return inverse
    first, last = _halves(slice(0, n))
    inverse = np.zeros_like(lower)
    inverse[first, first], inverse[last, last] = _inverse(lower[first, first]), _inverse(lower[last, last])
    inverse[last, first] = -inverse[last, last] @ lower[last, first] @ inverse[first, first]
    return inverse


def _phases(diagonal: NDArray[Any]) -> NDArray[Any]:
    """Return the signs of real numbers, or ``z / abs(z)`` of complex ones; 0 must not make a column of zeros."""
    phases: NDArray[Any] = np.copysign(1.0, diagonal.real)
    if diagonal.dtype.kind == "c":
        sizes = np.abs(diagonal)
        phases = np.where(sizes > 0, diagonal / np.where(sizes > 0, sizes, 1.0), 1.0)
    return phases
