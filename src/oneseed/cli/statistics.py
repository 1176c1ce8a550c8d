"""Statistics of a tensor's values, gathered a chunk at a time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 20


@dataclass(frozen=True)
class Summary:
    """What the values of a tensor look like.

    Attributes
    ----------
    count : int
        The number of values.
    mean, stddev, least, greatest : float
        Their moments and extremes.
    edges, counts : list
        A histogram: ``len(counts) + 1`` edges of equal bins from the least value to the greatest.
    """

    count: int
    mean: float
    stddev: float
    least: float
    greatest: float
    edges: list[float]
    counts: list[int]


def summarize(array: NDArray[Any], bins: int = 20) -> Summary | None:
    """Return the statistics of an array.

    Parameters
    ----------
    array : ndarray
        Real numbers or booleans, C-contiguous.
    bins : int
        How many bins the histogram has; one is enough for equal values.

    Returns
    -------
    Summary or None
        None where there is nothing to sum up: no values, complex ones, or some that are not finite.
    """
    if array.size == 0 or array.dtype.kind == "c":
        return None
    flat = array.reshape(-1)
    total, least, greatest = 0.0, math.inf, -math.inf
    for chunk in _chunks(flat):
        total += float(chunk.sum())
        least, greatest = min(least, float(chunk.min())), max(greatest, float(chunk.max()))
    if not math.isfinite(total):
        return None
    mean = total / flat.size
    edges = np.linspace(least, greatest, (bins if least < greatest else 1) + 1)
    counts = np.zeros(len(edges) - 1, np.int64)
    squares = 0.0
    for chunk in _chunks(flat):
        squares += float(np.square(chunk - mean).sum())
        counts += np.histogram(chunk, edges)[0] if least < greatest else chunk.size
    return Summary(flat.size, mean, math.sqrt(squares / flat.size), least, greatest, edges.tolist(), counts.tolist())


def _chunks(flat: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, flat.size, CHUNK):
        yield flat[start : start + CHUNK].astype(np.float64)
