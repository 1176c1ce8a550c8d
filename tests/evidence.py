"""Distributions in theory, and the p-values of draws against them: what test_statistics.py is made of.

A draw is the rounding of a real number, so the values of a dtype are steps. Wherever a distribution function is
compared, the theory at a value v is the probability that a draw rounds to v or less: the distribution function halfway
from v to the next value of the dtype. Moments are compared with those of the real number; at ten million draws
rounding moves them by less than a fifth of their standard error, even in bfloat16.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import erfc, ndtr

ALPHA = 1e-9
"""What has a smaller p-value is rejected."""

TAILS = np.array([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.25])
PIECE = 2**16


def neighbour(v, towards):
    """The next value of the dtype."""
    with np.errstate(over="ignore"):
        return np.nextafter(v, v.dtype.type(towards))


@dataclass(frozen=True)
class Theory:
    """The distribution of ``centre + scale * y``, where y follows `standard`."""

    standard: Any
    standard_cdf: Callable[[Any], Any]  # as that of `standard`, but fast
    centre: float
    scale: float
    low: float
    high: float
    half_open: bool = False

    def cdf(self, x):
        return self.standard_cdf(np.clip((x - self.centre) / self.scale, *self.standard.support()))

    def ends(self, dtype):
        """The least and the greatest value that a draw in a dtype can have."""
        low, high = np.array([self.low, self.high]).astype(dtype)
        return low, neighbour(high, -np.inf) if self.half_open else high

    def at_most(self, v):
        """The probability that a draw in the dtype of `v` is `v` or less."""
        low, high = self.ends(v.dtype)
        p = self.cdf(v.astype("f8") / 2 + neighbour(v, np.inf).astype("f8") / 2)
        return np.where(v >= high, 1.0, np.where(v < low, 0.0, p))

    def less_than(self, v):
        return self.at_most(neighbour(v, -np.inf))


def normal(mean, stddev, cut=np.inf):
    """`stddev` is that before the cut, which is in units of it."""
    standard = stats.truncnorm(-cut, cut) if np.isfinite(cut) else stats.norm()
    below, mass = ndtr(-cut), ndtr(cut) - ndtr(-cut)
    return Theory(standard, lambda y: (ndtr(y) - below) / mass, mean, stddev, mean - cut * stddev, mean + cut * stddev)


def uniform(low, high):
    centre, half = (high + low) / 2, (high - low) / 2
    return Theory(stats.uniform(-1, 2), lambda y: (y + 1) / 2, centre, half, low, high, half_open=True)


def haar(n):
    """An entry of an orthogonal matrix: its square is Beta(1/2, (n-1)/2), so (1 + entry)/2 is Beta((n-1)/2, same)."""
    standard = stats.beta((n - 1) / 2, (n - 1) / 2, -1, 2)
    knots = np.linspace(-1, 1, 2**16 + 1)
    return Theory(standard, partial(np.interp, xp=knots, fp=standard.cdf(knots)), 0.0, 1.0, -1.0, 1.0)


def family(p):
    """The p-value of several comparisons taken as one."""
    return min(1.0, np.size(p) * float(np.min(p)))


def from_z(z):
    """The p-value of standard normal deviates taken as one."""
    return family(erfc(np.abs(z) / np.sqrt(2)))


def rejected(p):
    return {name: value for name, value in p.items() if not value >= ALPHA}


def chi_squared(observed, expected):
    """Two-sided, since counts can also be too even; rare values are counted with the first that is not."""
    often = expected >= 25
    seen, hoped = observed[often].astype("f8"), expected[often].astype("f8")
    seen[0] += observed[~often].sum()
    hoped[0] += expected[~often].sum()
    distribution = stats.chi2(len(seen) - 1)
    statistic = ((seen - hoped) ** 2 / hoped).sum()
    return min(1.0, 2 * min(distribution.cdf(statistic), distribution.sf(statistic)))


def equally_often(cells, count):
    return chi_squared(np.bincount(cells.reshape(-1), minlength=count), np.full(count, cells.size / count))


@cache
def grid(dtype):
    """The finite values of a 16-bit dtype in order, and their bit patterns; of the zeros only the positive one."""
    patterns = np.arange(2**16, dtype="u2")
    values = patterns.view(dtype).astype("f4")
    patterns = patterns[np.isfinite(values) & (patterns != 0x8000)]
    patterns = patterns[np.argsort(patterns.view(dtype).astype("f4"))]
    return patterns.view(dtype), patterns


def tally(x):
    """Values in order, and how often each was drawn."""
    if x.dtype.itemsize > 2:
        return np.sort(x, axis=None), np.broadcast_to(1.0, x.size)
    values, patterns = grid(x.dtype)
    counts = np.bincount(x.reshape(-1).view("u2"), minlength=2**16)
    counts[0] += counts[0x8000]
    counts = counts[patterns].astype("f8")
    assert counts.sum() == x.size, "a draw is not finite"
    return values, counts


def pieces(values, counts):
    """Small enough to stay in the processor's cache."""
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE], counts[start : start + PIECE]


def kolmogorov_smirnov(values, counts, theory):
    total, seen, distance = counts.sum(), 0.0, 0.0
    for v, count in pieces(values, counts):
        upto = seen + np.cumsum(count)
        above = (upto / total - theory.at_most(v)).max()
        below = (theory.less_than(v) - (upto - count) / total).max()
        seen, distance = upto[-1], max(distance, above, below)
    # Massart's bound holds for any number of draws, and for steps all the more.
    return min(1.0, 2 * np.exp(-2 * total * distance**2))


def tails(values, counts, theory):
    """Counts up to each of a few quantiles, against the binomial distribution."""
    edges = theory.centre + theory.scale * theory.standard.ppf(np.concatenate([TAILS, [0.5], 1 - TAILS]))
    edges = edges.astype(values.dtype)
    comparable = values.astype("f4") if values.dtype.itemsize == 2 else values
    upto = np.searchsorted(comparable, edges.astype(comparable.dtype), "right")
    found = np.array([counts[:k].sum() for k in upto])
    distribution = stats.binom(counts.sum(), theory.at_most(edges))
    return family(2 * np.minimum(distribution.cdf(found), distribution.sf(found - 1)))


def moments(values, counts, theory):
    """The first four."""
    sums, total = np.zeros(4), counts.sum()
    for v, power in pieces(values, counts):
        y = (v.astype("f8") - theory.centre) / theory.scale
        for k in range(4):
            power = power * y  # noqa: PLW2901
            sums[k] += power.sum()
    means, squares = (np.array([theory.standard.moment(k) for k in ks]) for ks in ((1, 2, 3, 4), (2, 4, 6, 8)))
    return from_z((sums / total - means) / np.sqrt((squares - means**2) / total))


def evidence(x, theory):
    """The p-values of independent draws against a distribution."""
    values, counts = tally(x)
    p = {check.__name__: check(values, counts, theory) for check in (kolmogorov_smirnov, tails, moments)}
    if x.dtype.itemsize == 2:
        p["every value"] = chi_squared(counts, x.size * (theory.at_most(values) - theory.less_than(values)))
    return p


def evidence_on_matrices(q):
    """The p-values of independent orthogonal matrices, or parts of them; the entries of one depend on each other."""
    count, n = len(q), max(q.shape[1:])
    columns, theory = q.reshape(count, -1).T.copy(), haar(n)
    p = {"kolmogorov_smirnov": family([kolmogorov_smirnov(*tally(column), theory) for column in columns])}
    q = q.astype("f8")
    entries = q.reshape(count, -1)
    square = entries * entries
    powers = {1: entries, 3: square * entries, 4: square * square, 6: square * square * square}
    samples = {f"moment {k}": (x.mean(1), theory.standard.moment(k)) for k, x in powers.items()}
    if q.shape[1] == q.shape[2]:
        power = np.eye(n)
        for k in (1, 2, 3):  # Diaconis and Shahshahani, "On the eigenvalues of random matrices", 1994
            power = power @ q
            trace, mean = np.trace(power, axis1=1, axis2=2), float(k % 2 == 0)
            samples[f"trace {k} mean"] = (trace, mean)
            samples[f"trace {k} variance"] = ((trace - mean) ** 2, k)
        samples["determinant"] = (np.linalg.slogdet(q)[0], 0)
    for name, (sample, mean) in samples.items():
        error = max(sample.std(ddof=1) / np.sqrt(count), 1e-300)
        p[name] = from_z((sample.mean() - mean) / error)
    return p


def correlations(x, y):
    """The p-value of the circular correlation of two tensors of standard values, over all lags at once."""
    n = len(x)
    found = np.fft.irfft(np.fft.rfft(x).conj() * np.fft.rfft(y), n) / np.sqrt(n)
    return from_z(found[1 : n // 2] if y is x else found)


def independence(x, y):
    """The p-values of two tensors, flat and uniform on [-1, 1), or of one with itself."""
    values = [v.astype("f8") * np.sqrt(3) for v in ((x,) if y is x else (x, y))]
    squares = [(v**2 - 1) * np.sqrt(5 / 4) for v in values]
    p = {"values": correlations(values[0], values[-1]), "squares": correlations(squares[0], squares[-1])}
    return p | {"values and squares": correlations(values[0], squares[-1])}


def evidence_on_bits(words):
    """The p-values of 32-bit words: values of their halves and bytes, and every pair of bits of eight words."""
    halves, octets = words.view("u2"), words.view("u1").reshape(-1, 4)
    p = {f"half {k}": equally_often(halves[k::2], 2**16) for k in range(2)}
    p |= {f"octet {k}": equally_often(octets[:, k], 2**8) for k in range(4)}
    p["octets of neighbours"] = equally_often(octets[0::2, 3] * np.uint16(256) + octets[1::2, 3], 2**16)
    windows, sums, products = len(words) // 8, np.zeros(256), np.zeros((256, 256))
    for part in np.split(words[: 8 * windows].view("u1").reshape(windows, 32), 32):
        signs = np.unpackbits(part, axis=1).astype("f4") * 2 - 1
        sums += signs.sum(0)
        products += signs.T @ signs
    p["bits"] = from_z(sums / np.sqrt(windows))
    p["pairs of bits"] = from_z(products[np.triu_indices(256, 1)] / np.sqrt(windows))
    return p
