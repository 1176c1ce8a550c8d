"""Truncated normal distributions: their bounds checked, and drawn from as many bits as their windows need."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions import Complex, Distribution, Structured, TruncatedNormal
from oneseed.distributions.fields import drawn
from oneseed.draws import Draw, Host
from oneseed.dtypes import narrowed
from oneseed.exact.windows import window

ENOUGH = 2**16
"""Random integers of 32 bits in a window from which on it is drawn from them, and not from those of 64 bits."""


@dataclass(frozen=True, eq=False, slots=True)
class Refined(Structured):
    """A distribution that 32 random bits are too few for: drawn from 64, in float64, and rounded."""

    name: ClassVar[str] = "truncated_normal"

    base: TruncatedNormal

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return self.base.numbers

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block."""
        return narrowed(drawn(host, draw, self.base, "float64"), draw.dtype)


def window_of(lower: Any, upper: Any) -> tuple[float, float]:
    """Check bounds of a truncated distribution; either may be infinite."""
    least, largest = checks.bound("lower", lower), checks.bound("upper", upper)
    if not least < largest:
        raise ValueError(f"`lower` must be below `upper`. Received: lower={shown(lower)}, upper={shown(upper)}")
    return least, largest


def refined(distribution: Distribution, dtype: str, lower: float, upper: float) -> Distribution:
    """Return a truncated distribution as it is drawn in a dtype: from 64 bits if 32 are too few for its window.

    Parameters
    ----------
    distribution : TruncatedNormal or Complex
        The distribution, or one of two such parts.
    dtype : str
        The name of the dtype.
    lower, upper : float
        The bounds as the user gave them, for the messages.

    Returns
    -------
    Distribution
        The distribution itself, or a `Refined` one.

    Raises
    ------
    ValueError
        If nothing can be drawn between the bounds, or in complex64 too little.
    """
    parts = (distribution.real, distribution.imag) if isinstance(distribution, Complex) else (distribution,)
    narrow = False
    for part in parts:
        assert isinstance(part, TruncatedNormal)
        if window(part.lower, part.upper, 64)[1] <= 0:
            raise ValueError(
                "`lower` and `upper` must have more than 2**-64 of the distribution between them. "
                f"Received: lower={lower!r}, upper={upper!r}"
            )
        narrow |= window(part.lower, part.upper, 32)[1] < ENOUGH
    if dtype in ("float64", "complex128") or not narrow:
        return distribution
    if isinstance(distribution, Complex):
        raise ValueError(
            "`lower` and `upper` must have more than 2**-16 of the distribution between them in complex64; use "
            f"dtype='complex128'. Received: lower={lower!r}, upper={upper!r}"
        )
    assert isinstance(distribution, TruncatedNormal)
    return Refined(distribution)
