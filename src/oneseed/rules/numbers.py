"""What the rules' arguments have in common."""

import math
from typing import Any

from oneseed import checks
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None

MANY = 2**31
"""No network has as many layers."""


def positive(argument: str, value: Any) -> float:
    """Check a number above 0; TypeError or ValueError if it is not."""
    return float(checks.positive(argument, value))


def squared(argument: str, value: Any) -> float:
    """Return the square of a number above 0; ValueError too if the square is 0 or infinite as a float64."""
    square = positive(argument, value) * positive(argument, value)
    if not 0 < square < math.inf:
        raise ValueError(
            f"`{argument}` must have a square between the least and the largest float64. "
            f"Received: {argument}={checks.shown(value)}"
        )
    return square
