"""Initializers of state space models: HiPPO, S4D, Mamba."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.composites import on_host, rounded
from oneseed.distributions import Structured, Uniform
from oneseed.draws import Draw
from oneseed.dtypes import COMPLEX, cast_scalar
from oneseed.initializers.base import Initializer, RandomInitializer, Target, check_float
from oneseed.seeds import SeedGenerator

Array = NDArray[Any]

MEASURES = ("fout", "legs", "legt")
KINDS = ("inv", "legs", "lin", "real")
S4D_PARTS = ("complex", "imag", "real")


@dataclass(frozen=True, slots=True)
class HippoMatrix(Structured):
    """The transition matrix, or the input vector, of a measure; the same along all axes before."""

    name: ClassVar[str] = "hippo"

    measure: str
    part: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"measure": self.measure, "part": self.part}

    def values(self, draw: Draw) -> Array:
        """Make the block, in float64."""
        cuts = [np.arange(cut.start, cut.stop) for cut in draw.slices]
        if self.part == "B":
            made = _hippo_vector(self.measure, cuts[-1])
        else:
            made = _hippo_matrix(self.measure, cuts[-2][:, None], cuts[-1][None, :])
        return rounded(np.broadcast_to(made, draw.block), draw.dtype)


def _hippo_vector(measure: str, n: Array) -> Array:
    made: Array = np.sqrt(_squares(measure, n)) * (0.5 if measure == "legt" else 1.0)
    return made


def _squares(measure: str, n: Array) -> Array:
    """Return the squares of the elements of B, of twice them for "legt": integers, so that roots are rounded once."""
    return np.where(n == 0, 1, np.where(n % 2 == 0, 2, 0)) if measure == "fout" else 2 * n + 1


def _hippo_matrix(measure: str, n: Array, k: Array) -> Array:
    made: Array
    roots = np.sqrt(_squares(measure, n) * _squares(measure, k))
    if measure == "legs":
        made = np.where(n > k, -roots, np.where(n == k, -(n + 1.0), 0.0))
    elif measure == "legt":
        made = -0.5 * roots * np.where((n < k) & ((k - n) % 2 == 1), -1.0, 1.0)
    else:
        sides = np.where((n - k == 1) & (k % 2 == 0), 1.0, np.where((k - n == 1) & (n % 2 == 0), -1.0, 0.0))
        made = math.pi * (np.minimum(n, k) // 2) * sides - roots + 0.0  # no zero is negative
    return made


class HiPPO(Initializer):
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
        If an argument is no str.
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

    def _distribution(self, target: Target) -> HippoMatrix:
        check_float(target.dtype)
        shape = target.shape
        if self.part == "A" and (len(shape) < 2 or shape[-1] != shape[-2]):
            raise ValueError(f"`shape` must end with the two equal sizes of a square matrix. Received: shape={shape}")
        if not shape or (self.measure == "fout" and shape[-1] % 2):
            even = ", an even one for measure 'fout'" if shape else ""
            raise ValueError(f"`shape` must end with the size of the state{even}. Received: shape={shape}")
        # No element is larger than twice this, in any measure.
        cast_scalar(2.0 * math.pi * shape[-1], target.dtype, "shape")
        return HippoMatrix(self.measure, self.part)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"measure": self.measure, "part": self.part}


@dataclass(frozen=True, slots=True)
class Diagonal(Structured):
    """A diagonal state matrix; the same along all axes before the last."""

    name: ClassVar[str] = "s4d"

    kind: str
    part: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"kind": self.kind, "part": self.part}

    def values(self, draw: Draw) -> Array:
        """Make the block, in float64 or complex128."""
        size, cut = draw.shape[-1], draw.slices[-1]
        n = np.arange(cut.start, cut.stop)
        real = -(n + 1.0) if self.kind == "real" else np.full(n.shape, -0.5)
        if self.part == "real":
            made: Array = real
        else:
            imaginary = _legs_frequencies(size)[cut] if self.kind == "legs" else _frequencies(self.kind, n, 2 * size)
            made = imaginary if self.part == "imag" else real + 1j * imaginary
        return rounded(np.broadcast_to(made, draw.block), draw.dtype)


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


class S4D(Initializer):
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
        If an argument is no str.
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

    def _distribution(self, target: Target) -> Diagonal:
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
            cast_scalar((2.0 * shape[-1]) ** 2 / math.pi, dtype, "shape")
        else:
            cast_scalar(math.pi * shape[-1], dtype, "shape")
        return Diagonal(self.kind, self.part)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"kind": self.kind, "part": self.part}


@dataclass(frozen=True, slots=True)
class Logarithms(Structured):
    """``log(n + 1)`` along the last axis."""

    name: ClassVar[str] = "mamba_a"

    def values(self, draw: Draw) -> Array:
        """Make the block; the logarithms are exact before they are rounded, so every machine has the same."""
        from decimal import Context, Decimal

        cut, context = draw.slices[-1], Context(prec=40)
        row = np.array([float(context.ln(Decimal(n + 1))) for n in range(cut.start, cut.stop)])
        return rounded(np.broadcast_to(row, draw.block), draw.dtype)


class MambaA(Initializer):
    """Make Mamba's ``A_log``: ``log(n + 1)`` for the n-th state, n from 0, so that ``A = -exp(A_log)`` is S4D-Real.

    The last axis has the states; axes before it, such as the channels, hold copies. The logarithms are rounded to
    float64 from their exact values, and from there to the dtype, halves by way of float32.

    Raises
    ------
    ValueError
        At the call, if the shape has no axes, or the dtype is not a float.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.MambaA()((2, 3))
    array([[0.       , 0.6931472, 1.0986123],
           [0.       , 0.6931472, 1.0986123]], dtype=float32)
    """

    def _distribution(self, target: Target) -> Logarithms:
        check_float(target.dtype)
        if not target.shape:
            raise ValueError(f"`shape` must end with the size of the state. Received: shape={target.shape}")
        return Logarithms()


@dataclass(frozen=True, slots=True)
class InverseSoftplus(Structured):
    """The inverse softplus of log-uniform values."""

    name: ClassVar[str] = "mamba_dt_bias"

    dt_min: float
    dt_max: float
    dt_init_floor: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"dt_min": self.dt_min, "dt_max": self.dt_max, "dt_init_floor": self.dt_init_floor}

    def values(self, draw: Draw) -> Array:
        """Make the block, in float64."""
        law = Uniform(math.log(self.dt_min), math.log(self.dt_max))
        dt = np.maximum(np.exp(on_host(draw._replace(distribution=law, dtype="float64"))), self.dt_init_floor)
        return rounded(dt + np.log(-np.expm1(-dt)), draw.dtype)


class MambaDtBias(RandomInitializer):
    """Draw Mamba's bias of the step size: ``softplus(bias)`` is log-uniform on ``[dt_min, dt_max)``.

    ``dt = max(exp(u), dt_init_floor)`` with u uniform on ``[log(dt_min), log(dt_max))``, and the bias is
    ``dt + log(1 - exp(-dt))``, the inverse of softplus. For every dtype u is the float64 draw, the functions are
    NumPy's in float64, and the result is rounded once, halves by way of float32. NumPy's functions may differ in the
    last bit of a float64 from one processor to another; in float32 that is seen once in some hundred million values.

    Parameters
    ----------
    dt_min, dt_max : float or scalar tensor
        The bounds of the step size, ``0 < dt_min <= dt_max``.
    dt_init_floor : float or scalar tensor
        The least step size, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If a number is no real one, or `seed` of another type.
    ValueError
        If a number is NaN, infinite, out of range or not a scalar, or `seed` is out of range. At the call, if the
        dtype is not a float, or cannot hold `dt_max`.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> bias = oneseed.initializers.MambaDtBias(seed=7)((1000,))
    >>> dt = np.log1p(np.exp(bias))
    >>> bool(0.000999 < dt.min() and dt.max() < 0.1001)
    True
    """

    def __init__(
        self,
        dt_min: Any = 0.001,
        dt_max: Any = 0.1,
        dt_init_floor: Any = 1e-4,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        self.dt_min = checks.scalar("dt_min", dt_min)
        self.dt_max = checks.scalar("dt_max", dt_max)
        if not 0 < self.dt_min <= self.dt_max:
            raise ValueError(
                f"`dt_min` and `dt_max` must be above 0, in this order. Received: dt_min={dt_min!r}, dt_max={dt_max!r}"
            )
        self.dt_init_floor = checks.positive("dt_init_floor", dt_init_floor)
        super().__init__(seed)

    def _distribution(self, target: Target) -> InverseSoftplus:
        check_float(target.dtype)
        for name in ("dt_max", "dt_init_floor"):  # for large ones the bias is the step size
            cast_scalar(getattr(self, name), target.dtype, name)
        return InverseSoftplus(float(self.dt_min), float(self.dt_max), float(self.dt_init_floor))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        numbers = ("dt_min", "dt_max", "dt_init_floor")
        return {**{name: getattr(self, name) for name in numbers}, **super().get_config()}
