"""The tables of the quantile come from their generator, and the quantile is as exact as it says."""

from pathlib import Path
from runpy import run_path

import mpmath
import numpy as np
import pytest

from oneseed.stream.arrays import NumpyArrays
from oneseed.stream.quantile import FRACTION_BITS, quantile32, quantile64, table

QUANTILE = {32: quantile32, 64: quantile64}
# The quantile first rounds the tail to a float: the first pair is what the table adds to that, the
# second is the whole. At 64 bits the first is reached in the last row alone, where no coefficient
# may be negative; elsewhere it stays near 1.4e-17.
TABLE_ERROR = {32: 2.2e-8, 64: 1.6e-16}
WHOLE_ERROR = {32: 6.7e-8, 64: 2.3e-16}
SEGMENTS = {32: 16, 64: 32}  # rows of the table in an octave of the tail probability
POINTS = {32: 8, 64: 2}  # inside each row


@pytest.fixture(scope="module")
def make_table():
    return run_path(str(Path(__file__).parent / "tools" / "make_tables.py"))["make_table"]


def tails(bits):
    """Return odd integers below 2**(bits - 1): both ends of every row, their neighbours, and points inside."""
    segments = SEGMENTS[bits]
    starts = [(segments + i << octave) // segments for octave in range(bits - 1) for i in range(segments)]
    ends = [*starts[1:], 2 ** (bits - 1)]
    generator = np.random.Generator(np.random.Philox(bits))
    found = {1, 2 ** (bits - 1) - 1}
    for start, end in zip(starts, ends, strict=True):
        found.update(v | 1 for v in (start, start + 2, end - 4, end - 2) if start <= v < end)
        if end > start:
            found.update(int(v) | 1 for v in generator.integers(start, end, POINTS[bits], dtype=np.uint64))
    return sorted(found)


def error(z, p):
    """Return z's distance from the value that a normal variable exceeds with probability p."""
    # One Newton step from z: what it leaves out is of the order of the error's square. It shares
    # nothing with the generator but erfc, which cannot lose digits in the tail.
    return (p - mpmath.erfc(z / mpmath.sqrt(2)) / 2) / mpmath.npdf(z)


@pytest.mark.parametrize("bits", [32, 64])
def test_the_generator_makes_the_table_to_the_last_bit(bits, make_table):
    made = make_table(bits)
    assert made.dtype == table(bits).dtype
    np.testing.assert_array_equal(made, table(bits))


@pytest.mark.parametrize("bits", [32, 64])
def test_the_largest_error_of_the_quantile(bits):
    v = tails(bits)
    assert len(v) > 4000
    words = np.array(v, dtype=f"uint{bits}")
    rounded = words.astype(f"float{bits}")
    samples = QUANTILE[bits](words, NumpyArrays())
    with mpmath.workdps(40):
        z = [mpmath.ldexp(-int(sample), -FRACTION_BITS[bits]) for sample in samples]
        table_errors = [abs(error(a, mpmath.ldexp(int(f), -bits))) for a, f in zip(z, rounded, strict=True)]
        whole_errors = [abs(error(a, mpmath.ldexp(b, -bits))) for a, b in zip(z, v, strict=True)]
    assert max(table_errors) <= TABLE_ERROR[bits]
    assert max(whole_errors) <= WHOLE_ERROR[bits]


@pytest.mark.parametrize("bits", [32, 64])
def test_the_complement_of_a_word_negates_its_sample(bits):
    u = np.array(tails(bits), dtype=f"uint{bits}")
    np.testing.assert_array_equal(QUANTILE[bits](~u, NumpyArrays()), -QUANTILE[bits](u, NumpyArrays()))
