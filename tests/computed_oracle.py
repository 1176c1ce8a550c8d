"""What decays, positions and initializers made of others must give, from their definitions: no code of oneseed.

An initializer, as a configuration, becomes a function from the place of an element to a Python number, exact or rounded
once: functions such as exp are mpmath's, with 60 digits.
"""

import base64
import math
import zlib
from fractions import Fraction

import ml_dtypes
import mpmath
import numpy as np
import reference
from families_oracle import DEFINITIONS as FAMILIES
from families_oracle import INTEGER_SIZES, fan, halved, precisely

# Functions of a random value ------------------------------------------------------------------------------------------


def of_uniform(function, low, high, dtype):
    """Return what makes a function of a uniform value, which is drawn in float64."""
    return lambda *address: halved(precisely(function, reference.uniform(*address, low, high, "float64")), dtype)


def square(x):
    return float(Fraction(x) ** 2)


def log_uniform(given, shape, axes, dtype):
    low, high = (precisely(mpmath.log, given[end]) for end in ("low", "high"))
    return of_uniform(mpmath.exp, low, high, dtype)


def uniform_log(given, shape, axes, dtype):
    return of_uniform(mpmath.log, given["low"], given["high"], dtype)


def lru_radius(given, shape, axes, dtype):
    low, high = square(given["low"]), square(given["high"])
    return of_uniform(lambda u: mpmath.log(-mpmath.log(u) / 2), low, high, dtype)


def lru_phase(given, shape, axes, dtype):
    return of_uniform(mpmath.log, 0.0, given["max_phase"], dtype)


def rg_lru(given, shape, axes, dtype):
    low, high = square(given["low"]), square(given["high"])
    return of_uniform(lambda u: mpmath.log(mpmath.expm1(-mpmath.log(u) / 2)), low, high, dtype)


def small_init(given, shape, axes, dtype):
    stddev = math.sqrt(2 / (5 * fan(shape, axes, "i")))
    return lambda *address: reference.normal(*address, 0.0, stddev, dtype)


def wang_init(given, shape, axes, dtype):
    stddev = 2 / (given["num_layers"] * math.sqrt(given["width"] or fan(shape, axes, "i")))
    return lambda *address: reference.normal(*address, 0.0, stddev, dtype)


def random_normal(given, shape, axes, dtype):
    return lambda *address: reference.normal(*address, given["mean"], given["stddev"], dtype)


def random_uniform(given, shape, axes, dtype):
    return lambda *address: reference.uniform(*address, given["minval"], given["maxval"], dtype)


RANDOM = {
    "LRUPhase": lru_phase,
    "LRURadius": lru_radius,
    "LogUniform": log_uniform,
    "RGLRU": rg_lru,
    "RandomNormal": random_normal,
    "RandomUniform": random_uniform,
    "SmallInit": small_init,
    "UniformLog": uniform_log,
    "WangInit": wang_init,
}
"""From configuration, shape, axes and dtype to a function of seed, stream and index."""


# Functions of the place -----------------------------------------------------------------------------------------------


def power(base, exponent):
    """Return a power with a rational exponent, as an mpmath number."""
    return mpmath.mpf(base) ** (mpmath.mpf(exponent.numerator) / exponent.denominator)


def sinusoidal(given, shape, at):
    width, (position, column) = shape[1], at
    half = width // 2
    if given["halves"]:
        pair, cosine = column % half, column >= half
        angle = position * power(given["base"], -Fraction(pair, half - 1))
    else:
        pair, cosine = divmod(column, 2)
        angle = position * power(given["base"], -Fraction(2 * pair, width))
    return mpmath.cos(angle) if cosine else mpmath.sin(angle)


def rotary(given, shape, at):
    return power(given["base"], -Fraction(at[0], shape[0]))


def alibi(given, shape, at):
    (heads,), (head,) = shape, at
    below = max(2**k for k in range(heads.bit_length()) if 2**k <= heads)
    # Beyond the power of two below: heads 1, 3, 5 ... of twice as many.
    of, number = (below, head + 1) if head < below else (2 * below, 2 * (head - below) + 1)
    return power(2, -Fraction(8 * number, of))


def ramp(given, shape, at):
    along = Fraction(at[-1], max(1, shape[-1] - 1))
    rise = Fraction(given["last"]) - Fraction(given["first"])
    raised = power(mpmath.mpf(along.numerator) / along.denominator, Fraction(given["power"]))
    return given["first"] + raised * (mpmath.mpf(rise.numerator) / rise.denominator)


OF_PLACE = {"AlibiSlopes": alibi, "Ramp": ramp, "RotaryFrequencies": rotary, "Sinusoidal": sinusoidal}


# Made of others -------------------------------------------------------------------------------------------------------


def at_another(given, shape, axes, path, dtype):
    if given["axes"] is not None or given["shape"] is not None:
        axes = given["axes"]
    return element(given["initializer"], shape, axes, path if given["path"] is None else given["path"], dtype)


def overlay(given, shape, axes, path, dtype):
    base, *pieces = given["initializers"]
    layers = [(element(base, shape, axes, path, dtype), [range(size) for size in shape])]
    for number, (piece, region) in enumerate(zip(pieces, given["regions"], strict=True), 1):
        ranges = [range(*axis) for axis in region] + [range(size) for size in shape[len(region) :]]
        made = element(piece, tuple(map(len, ranges)), axes, (*path, number), dtype)
        layers.append((made, ranges))

    def value(at):
        made, ranges = [
            (made, ranges) for made, ranges in layers if all(k in its for k, its in zip(at, ranges, strict=True))
        ][-1]
        return made(tuple(its.index(k) for k, its in zip(at, ranges, strict=True)))

    return value


SCALAR = {
    "abs": abs,
    "add": lambda x, y: x + y,
    "div": lambda x, y: x / y,
    "exp": lambda x: precisely(mpmath.exp, x),
    "gt": lambda x, y: x > y,
    "log": lambda x: precisely(mpmath.log, x),
    "maximum": max,
    "mul": lambda x, y: x * y,
    "sqrt": math.sqrt,
    "sub": lambda x, y: x - y,
    "where": lambda which, x, y: x if which else y,
}
"""Operations on single numbers; those of Python's floats are exactly rounded."""


def moved(operation, x, shape, options):
    """Return, as a function of the place, what takes elements from other places."""
    if operation == "transpose":
        order = options["order"]
        return lambda at: x(tuple(at[order.index(axis)] for axis in range(len(at))))
    if operation == "flip":
        return lambda at: x(tuple(shape[i] - 1 - k if i in options["axes"] else k for i, k in enumerate(at)))
    assert operation == "tril"
    return lambda at: x(at) if at[-1] <= at[-2] + options.get("k", 0) else 0.0


def computed(given, shape, axes, path, dtype):
    draws = given["initializers"]
    values = []
    for number, draw in enumerate(draws):
        shared = draw["class_name"] == "At" and draw["config"]["path"] is not None
        own = path if len(draws) == 1 or shared else (*path, number)
        values.append(element(draw, shape, axes, own, dtype if shared else "float64"))
    values.extend((lambda at, constant=constant: float(constant)) for constant in given["constants"])
    for operation, operands, *options in given["steps"]:
        taken = [values[n] for n in operands]
        if operation in SCALAR:
            values.append(lambda at, f=SCALAR[operation], taken=taken: f(*(x(at) for x in taken)))
        else:
            values.append(moved(operation, *taken, shape, *options or [{}]))
    return lambda at: halved(values[-1](at), dtype)


def stored(given, shape, axes, path, dtype):
    held = given["value"]
    data = zlib.decompress(base64.b64decode(held["zlib"]))
    values = np.frombuffer(data, np.dtype(held["dtype"]).newbyteorder("<")).reshape(held["shape"])
    if dtype in INTEGER_SIZES:
        return lambda at: int(values[at])
    return lambda at: halved(float(values[at]), dtype)


COMPOSED = {"At": at_another, "Computed": computed, "Overlay": overlay, "Stored": stored}


def element(initializer, shape, axes, path, dtype):
    """Return the function from the place of an element to its value."""
    name, given = initializer["class_name"], initializer["config"]
    if name in COMPOSED:
        return COMPOSED[name](given, shape, axes, path, dtype)
    if name in OF_PLACE:

        def placed(at):
            with mpmath.workdps(60):
                return halved(float(OF_PLACE[name](given, shape, at)), dtype)

        return placed
    if name == "Zeros":
        return lambda at: 0.0
    stream = reference.stream_of(path)
    element = (RANDOM if name in RANDOM else FAMILIES)[name](given, shape, axes, dtype)
    return lambda at: element(given["seed"], stream, reference.logical_index(shape, axes, at))


def expected(row):
    """Return the array that a row of known answers asks for."""
    shape = tuple(row["shape"])
    value = element(row["initializer"], shape, row.get("axes"), row.get("path", ()), row["dtype"])
    block, offset = row.get("partition_shape", shape), row.get("partition_offset", (0,) * len(shape))
    out = np.empty(block, ml_dtypes.bfloat16 if row["dtype"] == "bfloat16" else row["dtype"])
    for place in np.ndindex(*block):
        out[place] = value(tuple(a + b for a, b in zip(place, offset, strict=True)))
    return out
