"""What the rules' arguments have in common."""

from typing import Any

from oneseed import checks
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None

MANY = 2**31
"""No network has as many layers."""


def positive(argument: str, value: Any) -> float:
    """Check a number above 0; TypeError or ValueError if it is none."""
    return float(checks.positive(argument, value))
