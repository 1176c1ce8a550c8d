"""What a model's code does to one draw, folded into the numbers of its distribution.

A distribution is a kind and its numbers: "normal" (mean, stddev), "uniform" (low, high), "truncated" (mean, stddev,
low, high; the bounds are values), "orthogonal" (gain), "sparse" (fraction of zeros, stddev), and "fill" (the value).
"""

import math
from typing import NamedTuple

import numpy as np

from oneseed.initializers import (
    Constant,
    Initializer,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    Zeros,
)
from oneseed.initializers.matrices.sparse import Sparse

FAR = 10.0
"""Standard deviations from the mean beyond which a bound of a normal distribution does nothing."""

SIMPLE = ("normal", "uniform", "truncated", "orthogonal", "sparse")
"""Kinds that an initializer draws by itself."""


class Simple(NamedTuple):
    """A distribution that an initializer draws by itself."""

    kind: str
    numbers: tuple[float, ...]


def limited(found: Simple) -> Simple:
    """Take a distribution of no width as its number, and bounds that are too far to meet as none."""
    kind, numbers = found
    if (kind in ("normal", "truncated") and numbers[1] == 0) or (kind == "uniform" and numbers[0] == numbers[1]):
        return Simple("fill", (numbers[0],))
    if kind == "truncated" and all(abs(bound - numbers[0]) > FAR * numbers[1] for bound in numbers[2:]):
        return Simple("normal", numbers[:2])
    return found


def affine(found: Simple, factor: float, shift: float) -> Simple | None:
    """Return the distribution of ``factor * x + shift``; None where it is of no simple kind."""
    kind, n = found
    if kind == "normal":
        numbers: tuple[float, ...] = (n[0] * factor + shift, n[1] * abs(factor))
    elif kind == "uniform":
        numbers = tuple(sorted((n[0] * factor + shift, n[1] * factor + shift)))
    elif kind == "truncated":
        bounds = sorted((n[2] * factor + shift, n[3] * factor + shift))
        numbers = (n[0] * factor + shift, n[1] * abs(factor), *bounds)
    elif kind == "fill":
        numbers = (n[0] * factor + shift,)
    elif shift or factor <= 0:
        return None
    else:
        numbers = (n[0] * factor,) if kind == "orthogonal" else (n[0], n[1] * factor)
    return limited(Simple(kind, numbers))


def cut(found: Simple, low: float, high: float) -> Simple | None:
    """Return the distribution of values clamped where nothing is, or next to nothing; None if the clamp meets values.

    What it cuts may have a probability of 1e-9, as much as a truncation by an inverse error function puts on its ends.
    """
    n = found.numbers
    if found.kind == "uniform":
        return found if low <= n[0] and high >= n[1] else None
    if found.kind not in ("normal", "truncated"):
        return None
    mean, stddev = n[:2]
    a, b = n[2:] if found.kind == "truncated" else (-math.inf, math.inf)
    room = 1e-4 * stddev
    if low <= a + room and high >= b - room:
        return Simple("truncated", (mean, stddev, max(a, low), min(b, high))) if found.kind == "truncated" else found
    outside = math.erfc((mean - low) / stddev / math.sqrt(2)) + math.erfc((high - mean) / stddev / math.sqrt(2))
    if outside < 2e-9:
        return limited(Simple("truncated", (mean, stddev, max(a, low), min(b, high))))
    return None


def initializer(found: Simple) -> Initializer:
    """Return the initializer of a distribution."""
    n = found.numbers
    if found.kind == "normal":
        return RandomNormal(n[0], n[1])
    if found.kind == "uniform":
        return RandomUniform(n[0], n[1])
    if found.kind == "truncated":
        return TruncatedNormal(n[0], n[1], lower=n[2], upper=n[3], bounds="absolute")
    if found.kind == "orthogonal":
        return Orthogonal(n[0])
    return Sparse(n[0], n[1], per="input") if found.kind == "sparse" else filled(n[0])


def filled(value: bool | int | float | complex) -> Initializer:
    """Return the initializer of one number."""
    if not isinstance(value, complex | bool) and value in (0, 1) and not np.signbit(value):
        return Ones() if value else Zeros()
    return Constant(value)
