"""Stream v1 a second time, as slowly and as plainly as it can be written: what the tests compare oneseed with.

It shares no code with oneseed, only the two tables, read as lists of Python integers. Every random value is a function
of (seed, stream, index); every step before the last is on Python's unbounded integers, and every float operation is
done exactly, on fractions, and then rounded once to the dtype that the definition names. A value comes back as a
Python number, and `bits` gives the pattern under which a dtype stores it.
"""

import hashlib
import importlib.resources
import math
import struct
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import mpmath
import numpy as np

INF = math.inf


class Format(NamedTuple):
    """A binary float format."""

    precision: int  # significand bits, the hidden one counted
    emin: int  # exponent of the least normal number
    emax: int  # exponent of the largest number


FORMATS = {
    "float16": Format(11, -14, 15),
    "bfloat16": Format(8, -126, 127),
    "float32": Format(24, -126, 127),
    "float64": Format(53, -1022, 1023),
    "float8_e4m3fn": Format(4, -6, 8),
    "float8_e5m2": Format(3, -14, 15),
}


# Floats ---------------------------------------------------------------------------------------------------------------


def rounded(x, dtype):
    """Round an int, float or Fraction to the nearest number of a format, ties to even, in one step."""
    if isinstance(x, float) and (x == 0 or not math.isfinite(x)):
        return x  # zeros keep their sign
    x = Fraction(x)
    if x == 0:
        return 0.0
    precision, emin, emax = FORMATS[dtype]
    # floor(log2(|x|)), from the lengths of the two integers; their quotient is within a factor of 2.
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length()
    if abs(x) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, emin) - precision + 1)
    result = round(x / unit) * unit  # round() of a Fraction is exact, ties to even
    if dtype == "float8_e4m3fn" and abs(result) > 448:
        return math.nan  # which takes the place of 480, and there is no infinity
    if abs(result) >= Fraction(2) ** (emax + 1):
        return math.copysign(INF, x)
    return math.copysign(float(result), x)


def bits(value, dtype):
    """Return the bit pattern of a value, one that the dtype holds exactly."""
    if dtype == "bfloat16":
        pattern = struct.unpack("<I", struct.pack("<f", value))[0]
        if pattern & 0xFFFF:
            raise ValueError(f"{value!r} is no bfloat16")
        return pattern >> 16
    if dtype in ("float8_e4m3fn", "float8_e5m2"):
        sign = 128 if math.copysign(1, value) < 0 else 0
        return sign + [from_bits(pattern, dtype) for pattern in range(128)].index(abs(value))
    if dtype not in FORMATS:
        return value % 2 ** int(dtype.lstrip("uint"))  # two's complement
    float_code, int_code = {"float16": "eH", "float32": "fI", "float64": "dQ"}[dtype]
    packed = struct.pack("<" + float_code, value)
    if struct.unpack("<" + float_code, packed)[0] != value:
        raise ValueError(f"{value!r} is no {dtype}")
    return struct.unpack("<" + int_code, packed)[0]


def patterns(array):
    """Return the bit patterns of a NumPy array's elements, row-major, to be compared with those of `bits`."""
    return np.ascontiguousarray(array).view(f"uint{8 * array.dtype.itemsize}").ravel().tolist()


def from_bits(pattern, dtype):
    """Return the value that a bit pattern stands for."""
    if dtype == "bfloat16":
        return struct.unpack("<f", struct.pack("<I", pattern << 16))[0]
    if dtype in ("float8_e4m3fn", "float8_e5m2"):
        precision, emin, emax = FORMATS[dtype]
        exponent, fraction = divmod(pattern % 128, 2 ** (precision - 1))
        if exponent:
            fraction += 2 ** (precision - 1)
        value = math.ldexp(fraction, max(exponent, 1) + emin - precision)
        if pattern % 128 == 127 or value >= 2.0 ** (emax + 1):
            value = math.nan if pattern % 128 != 124 else INF
        return math.copysign(value, -1 if pattern > 127 else 1)
    float_code, int_code = {"float16": "eH", "float32": "fI", "float64": "dQ"}[dtype]
    return struct.unpack("<" + float_code, struct.pack("<" + int_code, pattern))[0]


def below(value, dtype):
    """Return the next number of a format towards minus infinity: nextafter(value, -inf)."""
    if value == 0:
        return -from_bits(1, dtype)
    # The patterns of the positive numbers are in their order, and so are those of the negative ones, backwards.
    return from_bits(bits(value, dtype) + (1 if value < 0 else -1), dtype)


def bound(x, dtype):
    """Round the end of an interval: to float8 by way of float32, else at once."""
    return rounded(rounded(x, "float32") if dtype.startswith("float8") else x, dtype)


def working(dtype):
    """Return the dtype in which samples are scaled and shifted."""
    return "float64" if dtype == "float64" else "float32"


def product(x, y, dtype):
    """Multiply and round once."""
    if x == 0 or y == 0:
        return x * y  # Python's float64 product has IEEE's sign of zero
    return rounded(Fraction(x) * Fraction(y), dtype)


def total(x, y, dtype):
    """Add and round once."""
    if x == 0 and y == 0:
        return x + y
    return rounded(Fraction(x) + Fraction(y), dtype)


def split(value, dtype):
    """Split a float in two: its low 12 (float64: 27) significand bits cleared, and the rest."""
    low_bits = {"float32": 12, "float64": 27}[dtype]
    high = from_bits(bits(value, dtype) >> low_bits << low_bits, dtype)
    return high, rounded(Fraction(value) - Fraction(high), dtype)


def affine(x, scale, offset, dtype, fused=False):
    """Return x * scale + offset in a working dtype; `fused` adds each product before it is rounded."""
    if offset == 0:
        return product(x, scale, dtype)
    x_high, x_low = split(x, dtype)
    scale_high, scale_low = split(scale, dtype)
    result = offset
    for a, b in ((scale_high, x_high), (scale_high, x_low), (scale_low, x_high)):
        term = Fraction(a) * Fraction(b) if fused else product(a, b, dtype)
        result = total(result, term, dtype)
    return result


# Words, there and back ------------------------------------------------------------------------------------------------


def philox(counter, key):
    """Return the four outputs of Philox4x32-10."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 = (k0 + 0x9E3779B9) % 2**32
        k1 = (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def word(seed, stream, i, plane=0):
    """Return the uint32 at an address."""
    if not (0 <= seed < 2**64 and 0 <= stream < 2**64 and 0 <= i < 2**63):
        raise ValueError(f"no such address: seed={seed}, stream={stream}, i={i}")
    counter = ((i >> 2) % 2**32, (i >> 34) | (plane << 29), stream % 2**32, stream >> 32)
    return philox(counter, (seed % 2**32, seed >> 32))[i & 3]


def address_of(wanted, lane, attempt):
    """Return an address (seed, stream, i) at which `word` is `wanted`, for tests of words too rare to be met.

    Philox is a bijection from counters to outputs. The other three outputs and the key are free, and serve to find a
    counter that stands for an index.
    """
    while True:
        filler = hashlib.blake2b(f"{wanted} {lane} {attempt}".encode(), digest_size=20).digest()
        k0, k1, *outputs = struct.unpack("<5I", filler)
        seed = k0 | k1 << 32
        c0, c1, c2, c3 = (*outputs[:lane], wanted, *outputs[lane:])
        for done in reversed(range(10)):
            key0, key1 = (k0 + done * 0x9E3779B9) % 2**32, (k1 + done * 0xBB67AE85) % 2**32
            before0, before2 = c3 * pow(0xD2511F53, -1, 2**32) % 2**32, c1 * pow(0xCD9E8D57, -1, 2**32) % 2**32
            before1, before3 = c0 ^ (0xCD9E8D57 * before2 >> 32) ^ key0, c2 ^ (0xD2511F53 * before0 >> 32) ^ key1
            c0, c1, c2, c3 = before0, before1, before2, before3
        if c1 < 2**29:
            return seed, c2 | c3 << 32, c1 << 34 | c0 << 2 | lane
        attempt += 1


def word64(seed, stream, i):
    """Return the uint64 at an address: its high half is `word`."""
    return word(seed, stream, i, 0) << 32 | word(seed, stream, i, 1)


def sample_bits(dtype):
    """Return how many random bits make a sample of a float dtype."""
    return 64 if dtype == "float64" else 32


def random_integer(seed, stream, i, dtype):
    """Return U, from which a sample of a float dtype is made."""
    return word64(seed, stream, i) if sample_bits(dtype) == 64 else word(seed, stream, i)


def stream_of(path):
    """Return the stream of a path, a sequence of str and int."""
    if not path:
        return 0
    message = b""
    for part in path:
        tag, data = (b"s", part.encode()) if isinstance(part, str) else (b"i", part.to_bytes(8, "little"))
        message += tag + len(data).to_bytes(8, "little") + data
    return int.from_bytes(hashlib.blake2b(message, digest_size=8).digest(), "little")


# Indices --------------------------------------------------------------------------------------------------------------


def logical_axes(rank, axes):
    """Return the axes in logical order: batch, spatial, inputs, outputs."""
    if axes is None:
        return list(range(rank))
    place = {"e": 0, "b": 0, "g": 0, "i": 2, "o": 3}
    places = [place.get(name[0], 1) for name in axes.split()]
    if len(places) != rank:
        raise ValueError(f"{axes!r} does not name {rank} axes")
    return [axis for wanted in range(4) for axis in range(rank) if places[axis] == wanted]


def logical_index(shape, axes, coordinates):
    """Return the linear index of an element, row-major over the axes in logical order."""
    index = 0
    for axis in logical_axes(len(shape), axes):
        index = index * shape[axis] + coordinates[axis]
    return index


# Distributions --------------------------------------------------------------------------------------------------------


def clamped(value, least, largest):
    """Return max(least, min(value, largest)); what equals a bound becomes the bound, with its sign of zero."""
    return max(least, min(largest, value))  # of equals, Python takes the first


def uniform(seed, stream, i, low, high, dtype):
    """Return an element of a uniform distribution on [low, high)."""
    width, precision = sample_bits(dtype), FORMATS[working(dtype)].precision
    u = random_integer(seed, stream, i, dtype)
    x = ((u >> (width - precision - 1)) | 1) - 2**precision
    half = rounded((high - low) / 2, working(dtype))
    centre = rounded((high + low) / 2, working(dtype))
    value = affine(float(x), half / 2**precision, centre, working(dtype))
    return rounded(clamped(value, bound(low, dtype), below(bound(high, dtype), dtype)), dtype)


def integers(seed, stream, i, low, high):
    """Return an element of a uniform distribution on the integers in [low, high)."""
    if not 0 < high - low <= 2**32:
        raise ValueError(f"no such range: [{low}, {high})")
    return low + (word(seed, stream, i) * (high - low) >> 32)


@cache
def table(width):
    """Return the table of the quantile function, as lists of Python integers."""
    file = importlib.resources.files("oneseed.stream") / "data" / f"quantile{width}.npy"
    with file.open("rb") as stream:
        return np.load(stream).tolist()


def quantile(u, width):
    """Return the inverse normal CDF at (u + 1/2) / 2**width, in fixed point of 28 or 59 fraction bits."""
    ones = 2**width - 1
    s = ones if u >> (width - 1) else 0
    v = (u ^ s) | 1
    if width == 32:
        w = bits(rounded(v, "float32"), "float32")
        row = (w >> 19) - (127 << 4)
        x = ~(w << 13) & ones
    else:
        w = bits(rounded(v, "float64"), "float64")
        row = (w >> 47) - (1023 << 5)
        x = ~(w << 17) & ones
    coefficients = table(width)[row]
    z = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        z = c + (z * x >> width)
    if z >> (width - 1):
        raise OverflowError("the sample does not fit a signed integer")
    return z if s else -z


def quantile_value(u, mean, stddev, dtype):
    """Return the sample of U in the working dtype: its quantile, scaled and shifted."""
    width, kind = sample_bits(dtype), working(dtype)
    fraction_bits = {32: 28, 64: 59}[width]
    z = rounded(quantile(u, width), kind)
    return affine(z, rounded(stddev, kind) / 2**fraction_bits, rounded(mean, kind), kind)


def normal(seed, stream, i, mean, stddev, dtype):
    """Return an element of a normal distribution."""
    return rounded(quantile_value(random_integer(seed, stream, i, dtype), mean, stddev, dtype), dtype)


@cache
def window(lower, upper, width):
    """Return ceil(Phi(lower) * 2**width), and floor(Phi(upper) * 2**width) minus it."""

    def bound(z, round_up):
        if math.isinf(z):
            return 2**width if z > 0 else 0
        # From 40 on no window can tell any bounds apart, and mpmath takes ever longer.
        z = max(-40.0, min(z, 40.0))
        # Phi is an integer plus or minus a part that mpmath gives to 60 digits of its own, however small it is: far out
        # Phi is within any error of 1, yet below it, and next to 0 it is within any error of 1/2.
        with mpmath.workdps(60):
            if abs(z) < 1:
                whole, part, sign = 2 ** (width - 1), mpmath.erf(abs(z) / mpmath.sqrt(2)) / 2, math.copysign(1, z)
            else:
                whole, part, sign = (2**width if z > 0 else 0), mpmath.ncdf(-abs(z)), -math.copysign(1, z)
            part *= 2**width
            if sign > 0:
                return whole + int(mpmath.ceil(part) if round_up else mpmath.floor(part))
            return whole - int(mpmath.floor(part) if round_up else mpmath.ceil(part))

    first = bound(lower, True)
    return first, bound(upper, False) - first


def truncated_normal(seed, stream, i, mean, stddev, dtype, lower=-2.0, upper=2.0):
    """Return an element of a normal distribution cut at `lower` and `upper` standard deviations from the mean."""
    bits_of_u = sample_bits(dtype)
    first, width = window(lower, upper, bits_of_u)
    if width <= 0:
        raise ValueError(f"no random integer lies between the quantiles {lower} and {upper}")
    u = first + (random_integer(seed, stream, i, dtype) * width >> bits_of_u)
    # In float8 the ends, many of which would be zeros there, are those of float32.
    kept = "float32" if dtype.startswith("float8") else dtype
    value = quantile_value(u, mean, stddev, dtype)
    ends = (mean + lower * stddev, mean + upper * stddev) if stddev else (mean, mean)
    least, largest = (bound(end, kept) + 0.0 for end in ends)  # no end is -0.0
    return rounded(clamped(value, least, largest), dtype)
