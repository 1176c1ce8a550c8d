"""Statistics of a tensor's values, gathered a chunk at a time."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.cli.plotting import Bars, density_of
from oneseed.distributions import Fill, Integers
from oneseed.draws import Distribution
from oneseed.initializers.elementwise.discrete import WholeNumbers

CHUNK = 1 << 20

BINS = 20
"""Bins of a histogram, and up to how many different values have a line each."""

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """What the values of a tensor look like.

    Attributes
    ----------
    count : int
        The number of values.
    mean, stddev, least, greatest : float
        Their moments and extremes.
    values : list or None
        The different values, where they are few; `counts` has how often each occurs.
    edges : list or None
        Else the edges of equal bins, one more than `counts` has numbers. Bins of whole numbers begin at such.
    counts : list
        The histogram.
    whole : bool
        Whether all values are whole numbers.
    """

    count: int
    mean: float
    stddev: float
    least: float
    greatest: float
    values: list[float] | None
    edges: list[float] | None
    counts: list[int]
    whole: bool

    def statistics(self) -> dict[str, float]:
        """Return moments and extremes as plain data."""
        return {"mean": self.mean, "stddev": self.stddev, "min": self.least, "max": self.greatest}

    def histogram(self) -> dict[str, Any]:
        """Return the histogram as plain data."""
        where = {"edges": self.edges} if self.values is None else {"values": self.values}
        return {**where, "counts": self.counts}


def summarize(array: NDArray[Any]) -> Summary | None:
    """Return the statistics of an array.

    Parameters
    ----------
    array : ndarray
        Real numbers or booleans, C-contiguous.

    Returns
    -------
    Summary or None
        None where there is nothing to sum up: no values, or some that are not finite.
    """
    if array.size == 0:
        return None
    flat = array.reshape(-1)
    total, least, greatest, whole = 0.0, math.inf, -math.inf, True
    seen: Counter[float] | None = Counter()
    for chunk in _chunks(flat):
        total += float(chunk.sum())
        if not math.isfinite(total):
            return None
        least, greatest = min(least, float(chunk.min())), max(greatest, float(chunk.max()))
        whole = whole and bool((chunk == np.floor(chunk)).all())
        if seen is not None:
            different, counts = np.unique(chunk, return_counts=True)
            if len(different) <= BINS:
                seen.update(dict(zip(different.tolist(), counts.tolist(), strict=True)))
            # Few values of a small sample say nothing of what else there is.
            seen = seen if len(different) <= BINS and len(seen) <= BINS and 2 * len(seen) <= max(2, flat.size) else None
    mean = total / flat.size
    squares = sum(float(np.square(chunk - mean).sum()) for chunk in _chunks(flat))
    summary = flat.size, mean, math.sqrt(squares / flat.size), least, greatest
    if seen is not None:
        values = sorted(seen)
        return Summary(*summary, values, None, [seen[value] for value in values], whole)
    edges = _edges(least, greatest, whole)
    counted = np.zeros(len(edges) - 1, np.int64)
    for chunk in _chunks(flat):
        counted += np.histogram(chunk, edges)[0]
    return Summary(*summary, None, edges.tolist(), counted.tolist(), whole)


def _edges(least: float, greatest: float, whole: bool) -> Reals:
    """Return the edges of bins: of whole numbers, each bin has as many."""
    if not whole:
        return np.linspace(least, greatest, BINS + 1)
    width = math.ceil((greatest - least + 1) / BINS)
    bins = math.ceil((greatest - least + 1) / width)
    edges: Reals = least + width * np.arange(bins + 1, dtype=np.float64)
    edges[-1] = max(edges[-1], greatest)  # of numbers that float64 rounds
    return edges


def _chunks(flat: NDArray[Any]) -> Iterator[Reals]:
    for start in range(0, flat.size, CHUNK):
        yield flat[start : start + CHUNK].astype(np.float64)


def theory(distribution: Distribution) -> dict[str, float | None]:
    """Return what the statistics of a distribution are expected to be, as far as it says.

    Parameters
    ----------
    distribution : Distribution
        A real one.

    Returns
    -------
    dict
        "mean", "stddev", "min" and "max"; None for what is not known.
    """
    bars = density_of(distribution)
    if isinstance(bars, Bars):
        mean = float(bars.values @ bars.masses)
        stddev = math.sqrt(float(np.square(bars.values - mean) @ bars.masses))
        return {"mean": mean, "stddev": stddev, "min": float(bars.values.min()), "max": float(bars.values.max())}
    numbers = distribution.numbers
    if isinstance(distribution, Fill) and isinstance(distribution.value, int | float):
        value = float(distribution.value)
        return {"mean": value, "stddev": 0.0, "min": value, "max": value}
    integers = distribution.integers if isinstance(distribution, WholeNumbers) else distribution
    if isinstance(integers, Integers):
        low, last = integers.low, integers.high - 1
        return {"mean": (low + last) / 2, "stddev": numbers.get("stddev"), "min": low, "max": last}
    limit = numbers.get("limit")
    least, greatest = (-limit, limit) if limit else (numbers.get("lower"), numbers.get("upper"))
    return {
        "mean": numbers.get("mean"),
        "stddev": numbers.get("stddev_after_truncation", numbers.get("stddev")),
        "min": numbers.get("low", least),
        "max": numbers.get("high", greatest),
    }


def lines(summary: Summary) -> Iterator[tuple[str, int]]:
    """Give what each line of the histogram is for, and how many values it has."""
    if summary.values is not None:
        yield from zip((_short(value) for value in summary.values), summary.counts, strict=True)
        return
    assert summary.edges is not None
    last: Callable[[float], float] = (lambda edge: edge - 1) if summary.whole else (lambda edge: edge)
    for left, right, count in zip(summary.edges, summary.edges[1:], summary.counts, strict=False):
        end = min(last(right), summary.greatest)
        yield _short(left) if end == left else f"{_short(left)} to {_short(end)}", count


def _short(value: float) -> str:
    return f"{value:.7g}" if value == math.floor(value) else f"{value:.4g}"
