"""Initializers of state space models: HiPPO, S4D, Mamba."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import COMPLEX, check_scalar, narrowed
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target

Array = NDArray[Any]

MEASURES = ("fout", "legs", "legt")
KINDS = ("inv", "legs", "lin", "real")
S4D_PARTS = ("complex", "imag", "real")


@dataclass(frozen=True, eq=False, slots=True)
class HippoMatrix(Structured):
    """The transition matrix, or the input vector, of a measure; the same along all axes before."""

    name: ClassVar[str] = "hippo"

    measure: str
    part: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"measure": self.measure, "part": self.part}

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> Array:
        """Make the block, in float64."""
        cuts = [np.arange(cut.start, cut.stop) for cut in draw.slices]
        if self.part == "B":
            values = _hippo_vector(self.measure, cuts[-1])
        else:
            values = _hippo_matrix(self.measure, cuts[-2][:, None], cuts[-1][None, :])
        return narrowed(np.broadcast_to(values, draw.block), draw.dtype)


def _hippo_vector(measure: str, n: Array) -> Array:
    values: Array = np.sqrt(_squares(measure, n)) * (0.5 if measure == "legt" else 1.0)
    return values


def _squares(measure: str, n: Array) -> Array:
    """Return the squares of the elements of B, of twice them for "legt": integers, so that roots are rounded once."""
    return np.where(n == 0, 1, np.where(n % 2 == 0, 2, 0)) if measure == "fout" else 2 * n + 1


def _hippo_matrix(measure: str, n: Array, k: Array) -> Array:
    values: Array
    roots = np.sqrt(_squares(measure, n) * _squares(measure, k))
    if measure == "legs":
        values = np.where(n > k, -roots, np.where(n == k, -(n + 1.0), 0.0))
    elif measure == "legt":
        values = -0.5 * roots * np.where((n < k) & ((k - n) % 2 == 1), -1.0, 1.0)
    else:
        sides = np.where((n - k == 1) & (k % 2 == 0), 1.0, np.where((k - n == 1) & (n % 2 == 0), -1.0, 0.0))
        values = math.pi * (np.minimum(n, k) // 2) * sides - roots + 0.0  # no zero is negative
    return values


@known(
    "hippo",
    group="State space models",
    formula="`A[n, k] = -sqrt((2n + 1)(2k + 1))` for `n > k`, `-(n + 1)` for `n = k`, else 0, and more measures",
    use="S4 and recurrent units with a memory of all that they have seen.",
    example="HiPPO()",
    shape=(24, 24),
)
class HiPPO(Initializer, repeats=True):
    """Make the matrix A or the vector B of a HiPPO state space ``x' = A x + B u``.

    With n and k counted from 0:

    - "legs", scaled Legendre: ``A[n, k]`` is ``-sqrt((2n+1)(2k+1))`` below the diagonal, ``-(n+1)`` on it, 0 above;
      ``B[n] = sqrt(2n+1)``.
    - "legt", translated Legendre on a window of length 2: ``A[n, k] = -sqrt((2n+1)(2k+1)) / 2``, times ``(-1)**(n-k)``
      above the diagonal; ``B[n] = sqrt(2n+1) / 2``.
    - "fout", truncated Fourier, of even size: ``A = F - B B'`` where F has ``-pi*j`` at ``(2j, 2j+1)`` and ``pi*j`` at
      ``(2j+1, 2j)``; ``B`` is 1 at 0, ``sqrt(2)`` at the other even n, 0 at odd n.

    The scales of time are those of the S4 reference implementation. A is the last two axes, B the last; axes before
    them, such as one for each channel, hold copies. Computed in float64 and rounded once, halves by way of float32.

    Parameters
    ----------
    measure : {"legs", "legt", "fout"}
        The measure.
    part : {"A", "B"}
        The matrix or the vector.

    Raises
    ------
    TypeError
        If an argument is not a str.
    ValueError
        If one is not an accepted value. At the call, if A is not square, the size is odd for "fout", the dtype is
        not a float, or cannot hold the values.

    References
    ----------
    Gu, Dao, Ermon, Rudra and Ré, "HiPPO: Recurrent memory with optimal polynomial projections", NeurIPS 2020; Gu,
    Johnson, Timalsina, Rudra and Ré, "How to train your HiPPO", ICLR 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.HiPPO("legs")((2, 2))
    array([[-1.       ,  0.       ],
           [-1.7320508, -2.       ]], dtype=float32)
    """

    def __init__(self, measure: str = "legs", part: str = "A") -> None:
        self.measure = checks.one_of("measure", measure, MEASURES)
        self.part = checks.one_of("part", part, ("A", "B"))

    def distribution_for(self, target: Target) -> HippoMatrix:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        shape = target.shape
        if self.part == "A" and (len(shape) < 2 or shape[-1] != shape[-2]):
            raise ValueError(f"`shape` must end with the two equal sizes of a square matrix. Received: shape={shape}")
        if not shape or (self.measure == "fout" and shape[-1] % 2):
            even = ", an even one for measure 'fout'" if shape else ""
            raise ValueError(f"`shape` must end with the size of the state{even}. Received: shape={shape}")
        # No element is larger than twice this, in any measure.
        check_scalar(2.0 * math.pi * shape[-1], target.dtype, "shape")
        return HippoMatrix(self.measure, self.part)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"measure": self.measure, "part": self.part}


@dataclass(frozen=True, eq=False, slots=True)
class Diagonal(Structured):
    """A diagonal state matrix; the same along all axes before the last."""

    name: ClassVar[str] = "s4d"

    kind: str
    part: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"kind": self.kind, "part": self.part}

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> Array:
        """Make the block, in float64 or complex128."""
        size, cut = draw.shape[-1], draw.slices[-1]
        n = np.arange(cut.start, cut.stop)
        real = -(n + 1.0) if self.kind == "real" else np.full(n.shape, -0.5)
        if self.part == "real":
            values: Array = real
        else:
            imaginary = _legs_frequencies(size)[cut] if self.kind == "legs" else _frequencies(self.kind, n, 2 * size)
            values = imaginary if self.part == "imag" else real + 1j * imaginary
        return narrowed(np.broadcast_to(values, draw.block), draw.dtype)


def _frequencies(kind: str, n: Array, order: int) -> Array:
    if kind == "real":
        return np.zeros(n.shape)
    if kind == "lin":
        return math.pi * n
    return order / math.pi * (order / (2 * n + 1) - 1)


def _legs_frequencies(pairs: int) -> Array:
    """Return the imaginary parts above 0 of the eigenvalues of HiPPO-LegS's normal part, ascending."""
    n = np.arange(2 * pairs)
    roots = np.sqrt((n[:, None] + 0.5) * (n[None, :] + 0.5))
    skew = np.triu(roots, 1) - np.tril(roots, -1)
    return np.linalg.eigvalsh(1j * skew)[pairs:]


@known(
    "s4d",
    group="State space models",
    formula="`A[n] = -1/2 + i pi n`, and more kinds",
    use="Diagonal state space models.",
    example="S4D()",
    shape=(32,),
    dtype="complex64",
)
class S4D(Initializer, repeats=True):
    """Make the diagonal of a diagonal state space model's A, one number of each conjugate pair.

    With n counted from 0, M numbers and ``N = 2 M`` the size of the state that the pairs stand for:

    - "lin": ``-1/2 + i pi n``
    - "inv": ``-1/2 + i N/pi (N/(2n+1) - 1)``
    - "legs": ``-1/2 + i w[n]``, the eigenvalues of the normal part of the HiPPO-LegS matrix of size N, w > 0 and
      ascending
    - "real": ``-(n+1)``

    The last axis has the M numbers; axes before it, such as one for each channel, hold copies. Computed in float64 and
    rounded once, halves by way of float32. The eigenvalues of "legs" come from the machine's linear algebra: their last
    bits may differ between machines, and for every block all are made.

    Parameters
    ----------
    kind : {"lin", "inv", "legs", "real"}
        The numbers.
    part : {"complex", "real", "imag"}
        What is made of them: themselves, in a complex dtype, or one part, in a float dtype.

    Raises
    ------
    TypeError
        If an argument is not a str.
    ValueError
        If one is not an accepted value. At the call, if the shape has no axes, the dtype does not fit `part`, or
        cannot hold the values.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the parameterization and initialization of diagonal state space models", NeurIPS 2022.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.S4D("lin")((3,), dtype="complex64")
    array([-0.5+0.j       , -0.5+3.1415927j, -0.5+6.2831855j], dtype=complex64)
    """

    def __init__(self, kind: str = "lin", part: str = "complex") -> None:
        self.kind = checks.one_of("kind", kind, KINDS)
        self.part = checks.one_of("part", part, S4D_PARTS)

    def distribution_for(self, target: Target) -> Diagonal:
        """Return the distribution for a tensor."""
        shape, dtype = target.shape, target.dtype
        if self.part != "complex":
            check_float(dtype)
        elif dtype not in COMPLEX:
            raise ValueError(
                "`dtype` must be 'complex64' or 'complex128' for part 'complex'; part 'real' and 'imag' are floats. "
                f"Received: dtype={dtype!r}"
            )
        if not shape:
            raise ValueError(f"`shape` must end with the number of pairs. Received: shape={shape}")
        if self.part != "real" and self.kind in ("inv", "legs"):
            # Both grow so: the largest is below the square of N over pi.
            check_scalar((2.0 * shape[-1]) ** 2 / math.pi, dtype, "shape")
        else:
            check_scalar(math.pi * shape[-1], dtype, "shape")
        return Diagonal(self.kind, self.part)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"kind": self.kind, "part": self.part}
