"""The input vector of a diagonal state space model."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import COMPLEX, check_scalar, narrowed
from oneseed.exact import functions
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target

KINDS = ("alternating", "constant", "unit_ccw", "unit_cw")
PARTS = ("complex", "imag", "real")


@dataclass(frozen=True, eq=False, slots=True)
class InputVector(Structured):
    """Numbers on the unit circle, times a scale; the same along all axes before the last."""

    name: ClassVar[str] = "s4d_b"

    kind: str
    part: str
    scale: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"kind": self.kind, "part": self.part, "scale": self.scale}

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block, in float64 or complex128."""
        size, cut = draw.shape[-1], draw.slices[-1]
        n = np.arange(cut.start, cut.stop)
        if self.kind.startswith("unit"):
            angle = math.pi * n / max(size, 1)
            sine = functions.sin(angle)
            parts = functions.cos(angle), sine if self.kind == "unit_ccw" else -sine + 0.0
        else:
            parts = np.where((n % 2 == 1) & (self.kind == "alternating"), -1.0, 1.0), np.zeros(n.shape)
        real, imaginary = (self.scale * part for part in parts)
        values: Any = {"real": real, "imag": imaginary}.get(self.part)
        if values is None:
            values = np.empty(n.shape, np.complex128)
            values.real, values.imag = real, imaginary
        return narrowed(np.broadcast_to(values, draw.block), draw.dtype)


@known(
    "s4d_b",
    group="State space models",
    formula="`B[n] = 1`, `(-1)**n`, or `exp(+-2 pi i n / N)`",
    use="B of diagonal state space models, beside S4D as A.",
    example='S4DB("unit_ccw")',
    shape=(32,),
    dtype="complex64",
)
class S4DB(Initializer, repeats=True):
    """Make the vector B of a diagonal state space model, one number of each conjugate pair.

    With n counted from 0, M numbers and ``N = 2 M`` the size of the state that the pairs stand for, times `scale`:

    - "constant": 1
    - "alternating": ``(-1)**n``
    - "unit_ccw": ``exp(2 pi i n / N)``, around the upper half of the unit circle
    - "unit_cw": ``exp(-2 pi i n / N)``, around the lower half

    S4's code has two more: "random" is ``RandomNormal(0.0, 1.0)`` in a complex dtype; "legs" is HiPPO's B in a basis of
    eigenvectors, whose phases linear algebra leaves open.

    The last axis has the M numbers; axes before it, such as one for each channel, hold copies. Computed in float64,
    alike on every machine, and rounded once, halves by way of float32.

    Parameters
    ----------
    kind : {"constant", "alternating", "unit_ccw", "unit_cw"}
        The numbers.
    part : {"complex", "real", "imag"}
        What is made of them: themselves, in a complex dtype, or one part, in a float dtype.
    scale : float or scalar tensor
        The factor.

    Raises
    ------
    TypeError
        If `kind` or `part` is not a str, or `scale` not a real number.
    ValueError
        If `kind` or `part` is not an accepted value, or `scale` is NaN, infinite or not a scalar. At the call, if the
        shape has no axes, or the dtype does not fit `part` or cannot hold `scale`.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the parameterization and initialization of diagonal state space models", NeurIPS 2022,
    and their code.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.S4DB("alternating", "real")((2, 3))
    array([[ 1., -1.,  1.],
           [ 1., -1.,  1.]], dtype=float32)
    """

    def __init__(self, kind: str = "constant", part: str = "complex", scale: Any = 1.0) -> None:
        self.kind = checks.one_of("kind", kind, KINDS)
        self.part = checks.one_of("part", part, PARTS)
        self.scale = checks.scalar("scale", scale)

    def distribution_for(self, target: Target) -> InputVector:
        """Return the distribution for a tensor."""
        if self.part != "complex":
            check_float(target.dtype)
        elif target.dtype not in COMPLEX:
            raise ValueError(
                "`dtype` must be 'complex64' or 'complex128' for part 'complex'; part 'real' and 'imag' are floats. "
                f"Received: dtype={target.dtype!r}"
            )
        if not target.shape:
            raise ValueError(f"`shape` must end with the number of pairs. Received: shape={target.shape}")
        check_scalar(self.scale, target.dtype, "scale")
        return InputVector(self.kind, self.part, float(self.scale))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"kind": self.kind, "part": self.part, "scale": self.scale}
