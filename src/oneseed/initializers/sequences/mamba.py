"""Initializers of Mamba's state-space layers."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Structured, Uniform
from oneseed.distributions.fields import drawn
from oneseed.draws import Draw, Host
from oneseed.dtypes import check_scalar, narrowed
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Array = NDArray[Any]

MEASURES = ("fout", "legs", "legt")
KINDS = ("inv", "legs", "lin", "real")
S4D_PARTS = ("complex", "imag", "real")


@dataclass(frozen=True, eq=False, slots=True)
class Logarithms(Structured):
    """``log(n + 1)`` along the last axis."""

    name: ClassVar[str] = "mamba_a"

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> Array:
        """Make the block; the logarithms are exact before they are rounded, so every machine has the same."""
        from decimal import Context, Decimal

        cut, context = draw.slices[-1], Context(prec=40)
        row = np.array([float(context.ln(Decimal(n + 1))) for n in range(cut.start, cut.stop)])
        return narrowed(np.broadcast_to(row, draw.block), draw.dtype)


@known(
    "mamba_a",
    group="State space models",
    formula="`A_log[n] = log(n + 1)`",
    use="The state matrix of Mamba's layers.",
    example="MambaA()",
    shape=(16,),
)
class MambaA(Initializer, repeats=True):
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

    def distribution_for(self, target: Target) -> Logarithms:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        if not target.shape:
            raise ValueError(f"`shape` must end with the size of the state. Received: shape={target.shape}")
        return Logarithms()


@dataclass(frozen=True, eq=False, slots=True)
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

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> Array:
        """Make the block, in float64."""
        logarithms = Uniform(math.log(self.dt_min), math.log(self.dt_max))
        dt = np.maximum(np.exp(drawn(host, draw, logarithms, "float64")), self.dt_init_floor)
        return narrowed(dt + np.log(-np.expm1(-dt)), draw.dtype)


@known(
    "mamba_dt_bias",
    group="State space models",
    formula="`softplus(b)` is log-uniform on `[dt_min, dt_max)`",
    use="The bias of the step size in Mamba's layers.",
    example="MambaDtBias(seed=7)",
    shape=(20000,),
)
class MambaDtBias(RandomInitializer, repeats=True):
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
        If a number is not a real number, or `seed` of another type.
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

    def distribution_for(self, target: Target) -> InverseSoftplus:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        for name in ("dt_max", "dt_init_floor"):  # for large ones the bias is the step size
            check_scalar(getattr(self, name), target.dtype, name)
        return InverseSoftplus(float(self.dt_min), float(self.dt_max), float(self.dt_init_floor))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        numbers = ("dt_min", "dt_max", "dt_init_floor")
        return {**{name: getattr(self, name) for name in numbers}, **super().get_config()}
