"""Mathematical functions in integers, for numbers that must be the same on every machine.

The C library's own differ in their last bit from one processor to the next. A number x is held as the
integer ``x * one``, where ``one`` is a large power of two.
"""

from fractions import Fraction
from math import isinf, isqrt

PRECISION = 512

FAR = 16
"""Standard deviations from 0 from which on `normal_cdf` is 0 or 1 but for ``2**-PRECISION``."""


def pi(one: int) -> int:
    """Return pi by Machin's formula, 16 arctan(1/5) - 4 arctan(1/239)."""

    def arctan_inverse(x: int) -> int:
        power, total, n = one // x, 0, 1
        while power:
            total += power // n if n % 4 == 1 else -(power // n)
            power //= x * x
            n += 2
        return total

    return 16 * arctan_inverse(5) - 4 * arctan_inverse(239)


def exp_minus(x: Fraction, one: int) -> int:
    """Return exp(-x) for x >= 0, as the inverse of a sum of positive terms."""
    term = total = one
    n = 0
    while term:
        n += 1
        term = int(term * x / n)
        total += term
    return one * one // total


def exp(x: Fraction) -> float:
    """Return exp(x), rounded to the nearest float64.

    Parameters
    ----------
    x : Fraction
        A number of moderate size.

    Returns
    -------
    float
        The value.

    Examples
    --------
    >>> exp(Fraction(1))
    2.718281828459045
    """
    one = 1 << PRECISION
    inverse = exp_minus(abs(x), one)
    return float(Fraction(inverse, one) if x <= 0 else Fraction(one, inverse))


def log(x: Fraction) -> float:
    """Return the natural logarithm of x > 0, rounded to the nearest float64.

    Parameters
    ----------
    x : Fraction
        A number above 0.

    Returns
    -------
    float
        The value.

    Examples
    --------
    >>> log(Fraction(10))
    2.302585092994046
    """
    one = 1 << PRECISION

    def arctanh_twice(numerator: int, denominator: int) -> int:
        power, square = 2 * one * numerator // denominator, Fraction(numerator, denominator) ** 2
        total, n = 0, 1
        while abs(power) > 1:
            total += power // n
            power = power * square.numerator // square.denominator
            n += 2
        return total

    # x = m * 2**k with m between 1/2 and 2, and log(m) = 2 artanh((m - 1) / (m + 1)).
    k = x.numerator.bit_length() - x.denominator.bit_length()
    m = x / Fraction(2) ** k
    above = m - 1
    total = k * arctanh_twice(1, 3) + arctanh_twice(above.numerator, above.numerator + 2 * above.denominator)
    return float(Fraction(total, one))


def normal_cdf(x: float) -> Fraction:
    """Return the normal distribution function, to more digits than 64 bits can ask for.

    Parameters
    ----------
    x : float
        A number, or an infinity.

    Returns
    -------
    Fraction
        The probability, to about 400 bits; 0 and 1 at the infinities only.

    Examples
    --------
    >>> normal_cdf(0.0)
    Fraction(1, 2)
    """
    if isinf(x):
        return Fraction(int(x > 0))
    if abs(x) > FAR:  # closer to 0 or 1 than 2**-64, yet not equal
        return Fraction(int(x > 0)) - Fraction(1 if x > 0 else -1, 2**PRECISION)
    one = 1 << PRECISION
    # Phi(x) = 1/2 + exp(-x**2/2) / sqrt(2 pi) * sum over n of x**(2n+1) / (1*3*5*...*(2n+1)):
    # every term has the sign of x, so nothing cancels but the 1/2.
    square = Fraction(x) ** 2
    term = total = int(abs(Fraction(x)) * one)
    n = 0
    while term:
        n += 1
        term = int(term * square / (2 * n + 1))
        total += term
    half = total * exp_minus(square / 2, one) // isqrt(2 * pi(one) * one)
    return Fraction(1, 2) + Fraction(half if x > 0 else -half, one)


def normal_density(x: float, one: int) -> int:
    """Return the density of the standard normal distribution."""
    return exp_minus(Fraction(x) ** 2 / 2, one) * one // isqrt(2 * pi(one) * one)


def cos_sin(x: int, one: int) -> tuple[int, int]:
    """Return cosine and sine of an angle between 0 and 2 pi, by their power series."""
    sums = [0, 0]
    term, n = one, 0
    while term:
        sums[n & 1] += -term if n & 2 else term
        n += 1
        term = term * x // (one * n)
    return sums[0], sums[1]


def roots_of_unity(n: int) -> tuple[list[float], list[float]]:
    """Return cosine and sine of ``2 pi k / n`` for k = 0 ... n-1.

    Parameters
    ----------
    n : int
        How many, at least 1.

    Returns
    -------
    tuple of list of float
        The values, rounded to the nearest float64; exact zeros are zeros.

    Examples
    --------
    >>> roots_of_unity(4)
    ([1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0])
    """
    one = 1 << 256
    step_cos, step_sin = cos_sin(2 * pi(one) // n, one)
    c, s = one, 0
    cosines, sines = [], []
    for _ in range(n):
        # Dropping 128 bits on the way turns the dust about zero into zero.
        cosines.append(((c >> 127) + 1 >> 1) / (1 << 128))
        sines.append(((s >> 127) + 1 >> 1) / (1 << 128))
        c, s = (c * step_cos - s * step_sin) // one, (c * step_sin + s * step_cos) // one
    return cosines, sines
