"""Elementary functions of float64 arrays that give the same bits on every machine.

NumPy's own exp, log and trigonometric functions differ in their last bit from one processor to the next. These use
sums, products, quotients, square roots and roundings alone, which IEEE 754 defines exactly. They are accurate to a few
units in the last place.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LN2 = 0.6931471805599453
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")


def exp(x: Array) -> Array:
    """Return e to the power of each element."""
    k = np.rint(np.clip(x, -1500, 1500) / LN2)
    with np.errstate(invalid="ignore"):
        r = np.clip(x, -1500, 1500) - k * _LN2_HIGH - k * _LN2_LOW
    total = np.full_like(r, 1 / math.factorial(14))
    for n in range(13, -1, -1):
        total = total * r + 1 / math.factorial(n)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.ldexp(total, np.where(np.isnan(k), 0, k).astype(np.int32))


def expm1(x: Array) -> Array:
    """Return e to the power of each element, less 1, exactly where that is close to 0 too."""
    small = np.abs(x) < 0.35
    r = np.where(small, x, 0.0)
    total = np.full_like(r, 1 / math.factorial(15))
    for n in range(14, 0, -1):
        total = total * r + 1 / math.factorial(n)
    return np.where(small, total * r, exp(x) - 1)


def log(x: Array) -> Array:
    """Return the natural logarithm of each element; -inf of 0, NaN of what is negative."""
    with np.errstate(invalid="ignore", divide="ignore"):
        m, k = np.frexp(x)
        low = m < math.sqrt(0.5)
        m, k = np.where(low, m * 2, m), (k - low).astype(np.float64)
        result = k * _LN2_HIGH + (_twice_artanh((m - 1) / (m + 1)) + k * _LN2_LOW)
        result = np.where(x == 0, -np.inf, np.where(x == np.inf, np.inf, result))
        return np.where((x < 0) | np.isnan(x), np.nan, result)


def log1p(x: Array) -> Array:
    """Return the natural logarithm of 1 plus each element, exactly where the element is close to 0 too."""
    small = np.abs(x) < 0.35
    r = np.where(small, x, 0.0)
    return np.where(small, _twice_artanh(r / (2 + r)), log(1 + x))


def _twice_artanh(f: Array) -> Array:
    square = f * f
    total = np.full_like(f, 1 / 25)
    for n in range(23, 0, -2):
        total = total * square + 1 / n
    return 2 * f * total


@cache
def _half_pi() -> tuple[float, ...]:
    """Return pi / 2 in pieces of 30 bits, whose products with a number of 20 bits are exact."""
    from fractions import Fraction

    from oneseed.exact.fixed_point import pi

    one = 1 << 256
    left, pieces = Fraction(pi(one), 2 * one), []
    for place in (29, 60, 91):
        piece = Fraction(math.floor(left * 2**place), 2**place)
        pieces.append(float(piece))
        left -= piece
    return (*pieces, float(left))


def _reduced(x: Array) -> tuple[Array, NDArray[np.int64]]:
    k = np.rint(x / (math.pi / 2))
    if x.size and np.abs(k).max(initial=0) >= 2**20:
        raise ValueError(f"An angle must be below 2**20. Received: {np.abs(x).max()}")
    r = x
    for piece in _half_pi():
        r = r - k * piece
    return r, k.astype(np.int64)


def _sin_cos(r: Array) -> tuple[Array, Array]:
    square = r * r
    sine, cosine = np.full_like(r, 1 / math.factorial(19)), np.full_like(r, 1 / math.factorial(18))
    for n in range(17, 0, -2):
        sine = 1 / math.factorial(n) - sine * square
        cosine = 1 / math.factorial(n - 1) - cosine * square
    return sine * r, cosine


def sin(x: Array) -> Array:
    """Return the sine of each element, an angle below 2**20."""
    r, k = _reduced(x)
    sine, cosine = _sin_cos(r)
    result = np.where(k & 1, cosine, sine)
    return np.where(k & 2, -result, result)


def cos(x: Array) -> Array:
    """Return the cosine of each element, an angle below 2**20."""
    r, k = _reduced(x)
    sine, cosine = _sin_cos(r)
    result = np.where(k & 1, sine, cosine)
    return np.where((k + 1) & 2, -result, result)


def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent of each element."""
    e = expm1(-2 * np.minimum(np.abs(x), 30.0))
    return np.copysign(-e / (2 + e), x)


def power(x: Array, y: Array) -> Array:
    """Return each element of `x` to the power of that of `y`; whole powers of up to 64 by multiplication."""
    whole = np.unique(y) if y.size else y
    if whole.size == 1 and float(whole[0]).is_integer() and abs(whole[0]) <= 64:
        n, result, base = int(abs(whole[0])), np.ones_like(x), x
        while n:
            result = result * base if n & 1 else result
            base, n = base * base, n >> 1
        with np.errstate(divide="ignore"):
            return result if whole[0] >= 0 else 1 / result
    if whole.size == 1 and whole[0] == 0.5:
        return np.sqrt(x)
    return exp(y * log(x))
