"""Make the tables of the inverse normal distribution function: ``make_tables.py FOLDER``.

The tail probability is p = v / 2**bits, with v an integer between 0 and 2**(bits - 1). Each octave of v
is cut into equal segments and each segment has one row: the polynomial in s, the distance from the
segment's upper end as a part of its width, that meets the quantile at Chebyshev nodes.
"""

import sys
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from numpy.typing import NDArray

DIGITS = 60
FRACTION_BITS = {32: 28, 64: 59}
SEGMENTS = {32: 16, 64: 32}  # in an octave
COEFFICIENTS = {32: 4, 64: 8}


def tail_quantile(p: mpf) -> mpf:
    """Return the z >= 0 that a normal variable exceeds with probability p, for 0 < p <= 1/2."""
    z = mpf(-NormalDist().inv_cdf(float(p)))
    # Halley's steps triple the digits: the 15 of a float become more than `DIGITS` in two.
    for _ in range(2):
        excess = mpmath.erfc(z / mpmath.sqrt(2)) / 2 - p
        newton = excess * mpmath.sqrt(2 * mpmath.pi) * mpmath.exp(z * z / 2)
        z += newton / (1 - newton * z / 2)
    return z


@cache
def interpolation(n: int) -> tuple[list[mpf], mpmath.matrix]:
    """Return n Chebyshev nodes in (0, 1) and the matrix from values there to coefficients of 1, s, s**2, ..."""
    nodes = [(1 + mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * n))) / 2 for i in range(n)]
    return nodes, mpmath.matrix([[s**j for j in range(n)] for s in nodes]) ** -1


def make_row(bits: int, row: int) -> list[int]:
    """Return the coefficients of one segment as integers, the constant first."""
    octave, segment = divmod(row, SEGMENTS[bits])
    nodes, inverse = interpolation(COEFFICIENTS[bits])
    values = []
    for s in nodes:
        v = mpmath.ldexp(1 + (segment + 1 - s) / SEGMENTS[bits], octave)
        values.append(mpmath.ldexp(tail_quantile(mpmath.ldexp(v, -bits)), FRACTION_BITS[bits]))
    coefficients = list(inverse * mpmath.matrix(values))
    # Horner's scheme rounds every product down: half a unit each, halved again by each later factor s,
    # which is 1/2 on average. In total that is close to one unit, and the constant gives it back.
    coefficients[0] += 1
    # At the median the odd derivatives alone remain, so the even coefficients are tiny and may be negative.
    return [max(0, int(mpmath.nint(c))) for c in coefficients]


def make_table(bits: int) -> NDArray[Any]:
    """Return the table for samples of 32 or 64 bits.

    Parameters
    ----------
    bits : int
        32 or 64.

    Returns
    -------
    ndarray of uint32 or uint64
        One row for each segment from v = 1 up to the median, then a row of zeros: where v rounds up
        to 2**(bits - 1) as a float, the sample is the median itself.
    """
    with mpmath.workdps(DIGITS):
        rows = [make_row(bits, row) for row in range((bits - 1) * SEGMENTS[bits])]
    rows.append([0] * COEFFICIENTS[bits])
    return np.array(rows, dtype=f"uint{bits}")


def main() -> None:
    """Write ``quantile32.npy`` and ``quantile64.npy`` into the folder named on the command line."""
    folder = Path(sys.argv[1])
    for bits in (32, 64):
        np.save(folder / f"quantile{bits}.npy", make_table(bits))


if __name__ == "__main__":
    main()
