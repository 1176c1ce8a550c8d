"""Initializers that draw nothing and depend on little: NaN, ranges, the bias of a prior probability."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions import Fill, Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import COMPLEX, INEXACT, INTEGERS, check_scalar, narrowed, numpy_dtype
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float, check_real
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target

_COMPLEX_NAN = complex(math.nan, math.nan)


@known(
    "nan",
    group="Constants and stored values",
    formula="`w = NaN`",
    use="What a checkpoint must overwrite: if it does not, it shows.",
    example="NaN()",
    shape=(8, 12),
)
class NaN(Initializer, repeats=True):
    """Fill a tensor with NaN, to mark what must be overwritten, from a checkpoint for example, before it is used.

    A complex tensor is NaN in both of its parts.

    Raises
    ------
    ValueError
        At the call, if the dtype is neither a float nor complex: no other has a NaN.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.NaN()((2,))
    array([nan, nan], dtype=float32)
    """

    def distribution_for(self, target: Target) -> Fill:
        """Return the distribution for a tensor."""
        if target.dtype not in INEXACT:
            raise ValueError(
                f"`dtype` must be one of {', '.join(sorted(INEXACT))}, which have a NaN. "
                f"Received: dtype={shown(target.dtype)}"
            )
        return Fill(_COMPLEX_NAN if target.dtype in COMPLEX else math.nan)


@dataclass(frozen=True, eq=False, slots=True)
class Steps(Structured):
    """``start + step * i``, i the index along one axis."""

    name: ClassVar[str] = "range"

    start: float
    step: float
    axis: int

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"start": self.start, "step": self.step, "axis": self.axis}

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block."""
        first, size = draw.offset[self.axis], draw.block[self.axis]
        if draw.dtype in INTEGERS:
            # Sums and products of the words of 64 bits wrap, and so end where they should.
            start, step = (np.uint64(int(number) % 2**64) for number in (self.start, self.step))
            line = (start + step * np.arange(first, first + size, dtype=np.uint64)).astype(numpy_dtype(draw.dtype))
        else:
            line = narrowed(self.start + self.step * np.arange(first, first + size, dtype=np.float64), draw.dtype)
        along = [1] * len(draw.block)
        along[self.axis] = size
        return np.broadcast_to(line.reshape(along), draw.block).copy()


@known(
    "range",
    "RangeInitializer",
    group="Constants and stored values",
    formula="`w[..., i] = start + step * i`",
    use="Position numbers, and tests of layouts.",
    example="Range(step=2)",
    shape=(8, 12),
)
class Range(Initializer, repeats=True):
    """Count along an axis: the element at index i of it is ``start + step * i``, whatever its other indices.

    In a float dtype it is computed in float64 and rounded; in an integer dtype it is exact.

    Parameters
    ----------
    start : float, int or scalar tensor
        The first value.
    step : float, int or scalar tensor
        The difference between a value and the next.
    axis : int
        The axis, counted from the end if it is negative.

    Raises
    ------
    TypeError
        If `start` or `step` is not a real number, or `axis` not an integer.
    ValueError
        If `start` or `step` is NaN, infinite or not a scalar. At the call, if the shape has no such axis, or the dtype
        is neither a float nor an integer, or cannot hold the first and the last value; an integer dtype holds none if
        `start` or `step` is not whole.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Range(1, 2)((2, 3), "int32")
    array([[1, 3, 5],
           [1, 3, 5]], dtype=int32)
    """

    def __init__(self, start: Any = 0, step: Any = 1, axis: int = -1) -> None:
        self.start = checks.scalar("start", start)
        self.step = checks.scalar("step", step)
        self.axis = checks.index("axis", axis, -checks.MAX_RANK, checks.MAX_RANK)

    def distribution_for(self, target: Target) -> Steps:
        """Return the distribution for a tensor."""
        shape, dtype = target.shape, target.dtype
        check_real(dtype)
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"`axis` must be an axis of the shape {shape}. Received: axis={shown(self.axis)}")
        if dtype in INTEGERS and not all(number == int(number) for number in (self.start, self.step)):
            raise ValueError(
                "`start` and `step` must be whole numbers in an integer dtype. "
                f"Received: start={shown(self.start)}, step={shown(self.step)}"
            )
        axis = self.axis % len(shape)
        if shape[axis]:
            number = int if dtype in INTEGERS else float
            start, step = number(self.start), number(self.step)
            check_scalar(start, dtype, "start")
            check_scalar(start + step * (shape[axis] - 1), dtype, "start + step * (size - 1)")
        return Steps(self.start, self.step, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"start": self.start, "step": self.step, "axis": self.axis}


@known(
    "prior_probability",
    group="Constants and stored values",
    formula="`b = -log((1 - p) / p)`",
    use="The last bias of a classifier or detector whose positives are rare.",
    example="PriorProbability(0.01)",
    shape=(12,),
)
class PriorProbability(Initializer, repeats=True):
    """Fill a bias with ``-log((1 - p) / p)``, at which a sigmoid gives the probability `p`.

    It is for the last bias of a classifier or detector whose positives are rare: without it their many negatives decide
    the first steps of training.

    Parameters
    ----------
    p : float or scalar tensor
        The probability, above 0 and below 1.

    Raises
    ------
    TypeError
        If `p` is not a real number.
    ValueError
        If `p` is not above 0 and below 1. At the call, if the dtype is not a float.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.PriorProbability(0.01)((2,))
    array([-4.59512, -4.59512], dtype=float32)
    """

    def __init__(self, p: Any = 0.01) -> None:
        self.p = checks.scalar("p", p)
        if not 0 < self.p < 1:
            raise ValueError(f"`p` must be above 0 and below 1. Received: p={shown(p)}")

    def distribution_for(self, target: Target) -> Fill:
        """Return the distribution for a tensor."""
        from fractions import Fraction

        from oneseed.exact.fixed_point import log  # not the C library's, which is not the same everywhere

        check_float(target.dtype)
        p = Fraction(self.p)
        return Fill(log(p / (1 - p)))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"p": self.p}
