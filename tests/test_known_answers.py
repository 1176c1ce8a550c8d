"""The known answers of stream v1, given by the reference and by the library.

A change of any of these values is a change of every weight that anyone has ever drawn.
"""

import importlib.resources
import json
import math

import pytest
import reference

import oneseed
from oneseed import distributions, registry
from oneseed.draws import Draw
from oneseed.exact.windows import window

VECTORS = json.loads((importlib.resources.files("oneseed.stream") / "data" / "vectors.json").read_text())
ROWS = VECTORS["rows"]
NORMALS = [(params["mean"], params["stddev"]) for params in VECTORS["normal_params"]]
UNIFORMS = [tuple(bounds) for bounds in VECTORS["uniform_params"]]
WINDOWS = {"truncated_pm2": (-2.0, 2.0), "truncated_m1_p3": (-1.0, 3.0)}
FLOATS = ("float16", "bfloat16", "float32", "float64")

SHAPE = (2**41,)
"""Holds every index of the known answers: they are taken from it one by one."""


def row_id(row):
    return f"{row['seed']:x}-{'.'.join(map(str, row['path'])) or 'root'}-{row['index']}"


every_row = pytest.mark.parametrize("row", ROWS, ids=row_id)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def numbers(patterns):
    """Read the hexadecimal bit patterns of the known answers."""
    return [int(pattern, 16) for pattern in patterns]


def drawn(initializer, row, dtype):
    """Return the bit pattern of the one element at a row's address, through the public call."""
    array = initializer(
        SHAPE, dtype, path=row["path"], backend="numpy", partition_shape=(1,), partition_offset=(row["index"],)
    )
    assert array.dtype.name == dtype
    (pattern,) = reference.patterns(array)
    return pattern


def drawn_from(distribution, row, dtype):
    """Return the same of a distribution that no initializer asks for, through the backend."""
    draw = Draw(
        distribution,
        shape=SHAPE,
        dtype=dtype,
        seed=row["seed"],
        path=tuple(row["path"]),
        order=(0,),
        fan_in=1,
        fan_out=1,
        offset=(row["index"],),
        block=(1,),
    )
    (pattern,) = reference.patterns(registry.load("numpy").draw(draw))
    return pattern


def test_all_known_answers_are_there():
    # A file that was cut short would make the tests of its rows pass.
    assert len(ROWS) == 132
    assert {len(row[dtype][kind]) for row in ROWS for dtype in ("float32", "float64") for kind in row[dtype]} == {4}


def test_philox_known_answer_of_its_authors():
    assert reference.philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)


# The reference --------------------------------------------------------------------------------------------------------


@every_row
def test_reference_words(row):
    stream = reference.stream_of(row["path"])
    address = row["seed"], stream, row["index"]
    assert stream == row["stream"]
    assert reference.word(*address) == row["word"]
    assert reference.word(*address, plane=1) == row["word_plane1"]
    assert reference.integers(*address, 0, 10) == row["integers_0_10"]


@both_dtypes
@every_row
def test_reference_values(row, dtype):
    address = row["seed"], row["stream"], row["index"]

    def patterns(values):
        return [reference.bits(value, dtype) for value in values]

    known = row[dtype]
    assert patterns(reference.normal(*address, *params, dtype) for params in NORMALS) == numbers(known["normal"])
    assert patterns(reference.uniform(*address, *bounds, dtype) for bounds in UNIFORMS) == numbers(known["uniform"])
    for kind, bounds in WINDOWS.items():
        values = [reference.truncated_normal(*address, *params, dtype, *bounds) for params in NORMALS]
        assert patterns(values) == numbers(known[kind]), kind


# The library ----------------------------------------------------------------------------------------------------------


@every_row
def test_library_words(row):
    seed = row["seed"]
    draw = oneseed.initializers.RandomUniform(0, 10, seed=seed).describe(SHAPE, "int32", path=row["path"])
    assert draw.stream == row["stream"]
    # With 2**32 integers to choose from, the integer is the word itself.
    assert drawn(oneseed.initializers.RandomUniform(0, 2**32, seed=seed), row, "uint32") == row["word"]
    assert drawn(oneseed.initializers.RandomUniform(0, 10, seed=seed), row, "int32") == row["integers_0_10"]


@both_dtypes
@every_row
def test_library_normal(row, dtype):
    initializers = [oneseed.initializers.RandomNormal(*params, seed=row["seed"]) for params in NORMALS]
    assert [drawn(initializer, row, dtype) for initializer in initializers] == numbers(row[dtype]["normal"])


@both_dtypes
@every_row
def test_library_truncated_normal(row, dtype):
    initializers = [oneseed.initializers.TruncatedNormal(*params, seed=row["seed"]) for params in NORMALS]
    assert [drawn(initializer, row, dtype) for initializer in initializers] == numbers(row[dtype]["truncated_pm2"])


@both_dtypes
@every_row
def test_library_truncated_normal_of_another_window(row, dtype):
    values = [
        drawn_from(distributions.TruncatedNormal(*params, *WINDOWS["truncated_m1_p3"]), row, dtype)
        for params in NORMALS
    ]
    assert values == numbers(row[dtype]["truncated_m1_p3"])


@both_dtypes
@every_row
def test_library_uniform(row, dtype):
    initializers = [oneseed.initializers.RandomUniform(*bounds, seed=row["seed"]) for bounds in UNIFORMS]
    assert [drawn(initializer, row, dtype) for initializer in initializers] == numbers(row[dtype]["uniform"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@every_row
def test_narrow_floats_are_roundings_of_float32(row, dtype):
    for params, pattern in zip(NORMALS, numbers(row["float32"]["normal"]), strict=True):
        single = reference.from_bits(pattern, "float32")
        expected = reference.bits(reference.rounded(single, dtype), dtype)
        assert drawn(oneseed.initializers.RandomNormal(*params, seed=row["seed"]), row, dtype) == expected


@every_row
def test_float64_is_a_refinement_of_float32(row):
    single, double = (reference.from_bits(numbers(row[d]["normal"])[0], d) for d in ("float32", "float64"))
    # The 32 further bits move the quantile by less than 2**-31 over the density there. The float32 table is read at the
    # tail's probability rounded to 24 bits, is off by at most 2.2e-8 itself, and its result is rounded.
    density = math.exp(-double * double / 2) / math.sqrt(2 * math.pi)
    tail = math.erfc(abs(double) / math.sqrt(2)) / 2
    assert abs(single - double) <= (2**-31 + 2**-24 * tail) / density + 2.2e-8 + 2**-24 * abs(double)


# Windows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [32, 64])
@pytest.mark.parametrize(("key", "bounds"), [("truncation_pm2", (-2.0, 2.0)), ("truncation_m1_p3", (-1.0, 3.0))])
def test_truncation_windows(key, bounds, width):
    known = tuple(VECTORS[key][str(width)])
    assert reference.window(*bounds, width) == known
    assert window(*bounds, width) == known


# Blocks ---------------------------------------------------------------------------------------------------------------

ONE_OF_EACH = {
    "normal": oneseed.initializers.RandomNormal(0.1, 0.02, seed=7),
    "truncated_normal": oneseed.initializers.TruncatedNormal(0.1, 0.02, seed=7),
    "uniform": oneseed.initializers.RandomUniform(-0.1, 0.3, seed=7),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_prefix_block_and_whole_agree(kind, dtype):
    initializer = ONE_OF_EACH[kind]
    size = 2**20 + 4099  # no multiple of any chunk, lane or vector
    whole = initializer((size,), dtype, path="kernel", backend="numpy")
    # A tensor of one axis is a prefix of every longer one.
    prefix = initializer((2**20,), dtype, path="kernel", backend="numpy")
    assert prefix.tobytes() == whole[: 2**20].tobytes()
    # Neither the start nor the length is a multiple of a counter's four words.
    start, length = 2**19 - 4097, 70_003
    block = initializer(
        (size,), dtype, path="kernel", backend="numpy", partition_shape=(length,), partition_offset=(start,)
    )
    assert block.tobytes() == whole[start : start + length].tobytes()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_elements_of_a_long_tensor(kind, dtype):
    # Elements on both sides of the borders at which an engine may cut its work.
    whole = ONE_OF_EACH[kind]((2**17 + 5,), dtype, backend="numpy")
    element = {
        "normal": lambda i: reference.normal(7, 0, i, 0.1, 0.02, dtype),
        "truncated_normal": lambda i: reference.truncated_normal(7, 0, i, 0.1, 0.02, dtype),
        "uniform": lambda i: reference.uniform(7, 0, i, -0.1, 0.3, dtype),
    }[kind]
    indices = sorted({2**k + d for k in range(3, 18) for d in (-1, 0, 1)} | {2**17 + 4})
    expected = [reference.bits(element(i), dtype) for i in indices]
    assert reference.patterns(whole[indices]) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("border", [2**31, 2**32, 2**33, 2**34, 2**40, 2**62, 2**63 - 5])
def test_addresses_beyond_32_bits(border, dtype):
    # 2**34 is where the first word of the counter overflows into the second; the last index of all is 2**63 - 2.
    start = border - 4
    array = oneseed.initializers.RandomNormal(0.0, 1.0, seed=2**64 - 1)(
        (2**63 - 1,), dtype, path=("a", 2**64 - 1), backend="numpy", partition_shape=(8,), partition_offset=(start,)
    )
    stream = reference.stream_of(("a", 2**64 - 1))
    values = [reference.normal(2**64 - 1, stream, start + k, 0.0, 1.0, dtype) for k in range(8)]
    assert reference.patterns(array) == [reference.bits(value, dtype) for value in values]


def test_distant_addresses_have_words_of_their_own():
    # An index cut to 32, 34 or 62 bits on its way would give the word at 5 again.
    far = [5, *(5 + 2**n for n in range(3, 63))]
    words = oneseed.initializers.RandomUniform(0, 2**32, seed=1)
    drawn = [
        words((2**63 - 1,), "uint32", backend="numpy", partition_shape=(1,), partition_offset=(i,)).item() for i in far
    ]
    assert drawn == [reference.word(1, 0, i) for i in far]
    assert len(set(drawn)) == len(far)


def test_a_block_far_away_in_two_dimensions():
    shape, offset, block = (2**30, 2**31), (2**29 + 1, 2**31 - 5), (3, 4)
    array = oneseed.initializers.RandomUniform(0, 2**32, seed=1)(
        shape, "uint32", backend="numpy", partition_shape=block, partition_offset=offset
    )
    first = offset[0] * 2**31 + offset[1]
    assert array.tolist() == [[reference.word(1, 0, first + row * 2**31 + k) for k in range(4)] for row in range(3)]
