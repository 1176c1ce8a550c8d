"""What the families of initializers must give, element by element, from their definitions: no code of oneseed.

A definition is a function of an initializer's arguments and of the tensor, which returns a function of an element's
address; values are Python numbers, made by `reference`.
"""

import math
from fractions import Fraction
from functools import cache

import ml_dtypes
import mpmath
import numpy as np
import reference
from reference import rounded

Z = 6.2
"""Standard errors beyond which a mean is rejected: a probability of 6e-10, for fixed seeds."""

INTEGER_SIZES = {f"{sign}int{size}": size for sign in ("", "u") for size in (8, 16, 32, 64)}


def kinds(shape, axes):
    """Return for each axis "e" (batch), "s" (spatial), "i" or "o", by Keras's rules where no names are given."""
    if axes is None:
        return ("s",) * (len(shape) - 2) + ("i", "o")[-len(shape) :] if shape else ()
    return tuple({"e": "e", "b": "e", "g": "e", "i": "i", "o": "o"}.get(name[0], "s") for name in axes.split())


def fan(shape, axes, kind):
    if axes is None and len(shape) == 1:
        return shape[0]
    return math.prod(size for size, its in zip(shape, kinds(shape, axes), strict=True) if its in ("s", kind))


def halved(value, dtype):
    """Round a float64 as draws are: to the working dtype, and from there to the dtype."""
    return rounded(rounded(value, reference.working(dtype)), dtype)


def precisely(function, *arguments):
    """Return what an mpmath function gives, rounded to float64."""
    with mpmath.workdps(60):
        return float(function(*(mpmath.mpf(x.numerator) / x.denominator for x in map(Fraction, arguments))))


@cache
def cut_ratio(lower, upper):
    """Return the standard deviation of the standard normal distribution cut at two bounds."""
    with mpmath.workdps(60):
        mass = mpmath.ncdf(upper) - mpmath.ncdf(lower)
        at_lower, at_upper = mpmath.npdf(lower), mpmath.npdf(upper)
        return mpmath.sqrt(1 + (lower * at_lower - upper * at_upper) / mass - ((at_lower - at_upper) / mass) ** 2)


def truncated_normal(given, shape, axes, dtype):
    mean, stddev = given.get("mean", 0.0), given.get("stddev", 0.05)
    lower, upper = given.get("lower", -2.0), given.get("upper", 2.0)
    if given.get("bounds") == "absolute":
        if given.get("std") == "after":
            with mpmath.workdps(30):
                stddev = float(
                    mpmath.findroot(
                        lambda s: s * cut_ratio((lower - mean) / s, (upper - mean) / s) - stddev, stddev, tol=1e-20
                    )
                )
        lower, upper = (lower - mean) / stddev, (upper - mean) / stddev
    elif given.get("std") == "after":
        stddev /= float(cut_ratio(lower, upper))
    # Few of the random integers of 32 bits: those of 64 are taken.
    if dtype != "float64" and reference.window(lower, upper, 32)[1] < 2**16:
        return lambda *address, at: halved(
            reference.truncated_normal(*address, mean, stddev, "float64", lower, upper), dtype
        )
    return lambda *address, at: reference.truncated_normal(*address, mean, stddev, dtype, lower, upper)


def symmetric(limit, dtype):
    return lambda *address, at: reference.uniform(*address, -limit, limit, dtype)


def variance_scaling(given, shape, axes, dtype):
    fan_in, fan_out = fan(shape, axes, "i"), fan(shape, axes, "o")
    n = {"fan_in": fan_in, "fan_avg": (fan_in + fan_out) / 2, "fan_geo_avg": math.sqrt(fan_in * fan_out)}[given["mode"]]
    slope = given.get("negative_slope", 0.01)
    gain = {None: 1.0, "relu": 2.0, "leaky_relu": 2 / (1 + slope * slope), "tanh": 25 / 9}[given.get("nonlinearity")]
    variance = gain * given.get("scale", 1.0) / n
    if given["distribution"] == "uniform":
        return symmetric(math.sqrt(3 * variance), dtype)
    return lambda *address, at: reference.normal(*address, 0.0, math.sqrt(variance), dtype)


def uniform_unit_scaling(given, shape, axes, dtype):
    n = fan(shape, axes, "i") if axes else math.prod(shape[:-1])
    return symmetric(math.sqrt(3 / n) * given.get("factor", 1.0), dtype)


def scaled_uniform(given, shape, axes, dtype):
    return symmetric(1 / math.sqrt(math.prod(shape)), dtype)


def fan_in_uniform(given, shape, axes, dtype):
    return symmetric(1 / math.sqrt(given.get("fan_in") or fan(shape, axes, "i")), dtype)


def siren(given, shape, axes, dtype):
    n = fan(shape, axes, "i")
    return symmetric(1 / n if given.get("first") else math.sqrt(6 / n) / given.get("omega", 30.0), dtype)


def random_walk(given, shape, axes, dtype):
    n = fan(shape, axes, "i")
    g = given.get("scale")
    if g is None and given.get("activation") == "relu":
        g = math.sqrt(2) * precisely(mpmath.exp, Fraction(12, 10) / (max(n, 6) - Fraction(24, 10)))
    elif g is None:
        g = precisely(mpmath.exp, Fraction(1, 2 * n))
    return lambda *address, at: reference.normal(*address, 0.0, g / math.sqrt(n), dtype)


def uniform_int(given, shape, axes, dtype):
    return lambda *address, at: reference.integers(*address, given["low"], given["high"])


def random_sign(given, shape, axes, dtype):
    p, value = given.get("p", 0.5), given.get("value", 1.0)
    return lambda *address, at: value if reference.word(*address) < round(Fraction(p) * 2**32) else -value


def positive_unit_ball(given, shape, axes, dtype):
    summed = [kind in "si" for kind in kinds(shape, axes)] if axes else [True] * (len(shape) - 1) + [False]

    @cache
    def total(seed, stream, row):
        places = [at for at in np.ndindex(shape) if all(s or a == b for s, a, b in zip(summed, at, row, strict=True))]
        return sum(2 * reference.word(seed, stream, reference.logical_index(shape, axes, at)) + 1 for at in places)

    def share(seed, stream, i, at):
        row = tuple(0 if s else a for s, a in zip(summed, at, strict=True))
        part = Fraction(2 * reference.word(seed, stream, i) + 1) / Fraction(float(total(seed, stream, row)))
        return halved(rounded(part, "float64"), dtype)

    return share


def counted(given, shape, axes, dtype):
    start, step, axis = given.get("start", 0), given.get("step", 1), given.get("axis", -1)
    if dtype in INTEGER_SIZES:
        return lambda *address, at: start + step * at[axis]
    return lambda *address, at: halved(
        rounded(Fraction(start) + Fraction(rounded(Fraction(step) * at[axis], "float64")), "float64"), dtype
    )


def nan(given, shape, axes, dtype):
    return lambda *address, at: complex(math.nan, math.nan) if dtype.startswith("complex") else math.nan


def prior_probability(given, shape, axes, dtype):
    p = Fraction(given.get("p", 0.01))
    value = rounded(precisely(mpmath.log, p / (1 - p)), dtype)
    return lambda *address, at: value


DEFINITIONS = {
    "FanInUniform": fan_in_uniform,
    "NaN": nan,
    "PositiveUnitBall": positive_unit_ball,
    "PriorProbability": prior_probability,
    "RandomSign": random_sign,
    "RandomWalk": random_walk,
    "Range": counted,
    "ScaledUniform": scaled_uniform,
    "Siren": siren,
    "TruncatedNormal": truncated_normal,
    "UniformInt": uniform_int,
    "UniformUnitScaling": uniform_unit_scaling,
    "VarianceScaling": variance_scaling,
}


def expected(row):
    """Return the array that a row of known answers asks for."""
    given, shape, axes, dtype = row["initializer"]["config"], tuple(row["shape"]), row.get("axes"), row["dtype"]
    element = DEFINITIONS[row["initializer"]["class_name"]](given, shape, axes, dtype)
    seed, stream = given.get("seed", 0), reference.stream_of(row.get("path", ()))
    block, offset = row.get("partition_shape", shape), row.get("partition_offset", (0,) * len(shape))
    out = np.empty(block, ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    for place in np.ndindex(*block):
        at = tuple(a + b for a, b in zip(place, offset, strict=True))
        out[place] = element(seed, stream, reference.logical_index(shape, axes, at), at=at)
    return out


def moments_agree(values, mean, stddev, kurtosis):
    """Compare mean and variance of many values with theory; `kurtosis` is E[(x - mean)**4] / stddev**4."""
    x = values.astype("float64")
    n = x.size
    assert abs(x.mean() - mean) < Z * stddev / math.sqrt(n)
    assert abs(((x - mean) ** 2).mean() / stddev**2 - 1) < Z * math.sqrt((kurtosis - 1) / n)
