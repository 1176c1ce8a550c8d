"""The definition of the stream itself: rounding, symmetry, windows, and the streams of paths and seeds."""

import math

import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from test_reference import deterministic, offsets, stddevs

import oneseed
from oneseed import initializers
from oneseed.exact.windows import window

# Arithmetic


@deterministic
@given(st.integers(0, 2**32 - 1), stddevs, offsets, st.sampled_from(["float32", "float64"]))
def test_fusing_a_multiply_and_an_add_changes_no_value(word, stddev, mean, dtype):
    # Why the definition splits its factors: every product is exact.
    x = reference.rounded(reference.quantile(word, 32), dtype)
    scale, offset = reference.rounded(stddev / 2**28, dtype), reference.rounded(mean, dtype)
    assert reference.affine(x, scale, offset, dtype) == reference.affine(x, scale, offset, dtype, fused=True)


@deterministic
@given(st.integers(0, 2**64 - 1))
def test_complement_negates_the_quantile(u):
    assert reference.quantile(u, 64) == -reference.quantile(u ^ (2**64 - 1), 64)
    assert reference.quantile(u >> 32, 32) == -reference.quantile(u >> 32 ^ (2**32 - 1), 32)


# Other than 0 itself nothing next to it: the smaller a bound, the more digits it takes to tell Phi from 1/2.
lower_bounds = st.floats(-39.0, 39.0).filter(lambda x: x == 0 or abs(x) > 1e-100)


@deterministic
@given(lower_bounds, st.floats(1e-3, 39.0), st.sampled_from([32, 64]))
def test_windows(lower, distance, bits):
    upper = lower + distance
    assert window(lower, upper, bits) == reference.window(lower, upper, bits)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (-math.inf, math.inf),
        (-math.inf, 0.0),
        (0.0, math.inf),
        (-1.5, math.inf),
        (-math.inf, 2.5),
        (-5e-324, 5e-324),
        (-12.0, 12.0),
        (-25.0, 1.0),
        (-40.0, 40.0),
        (0.0, 45.0),
        (-1e308, 1e308),
    ],
)
def test_windows_of_far_and_infinite_bounds(lower, upper, bits):
    assert window(lower, upper, bits) == reference.window(lower, upper, bits)


# Paths and seeds ------------------------------------------------------------------------------------------------------

LOOKALIKES = [
    (),
    ("",),
    ("", ""),
    (0,),
    ("0",),
    ("\0" * 8,),
    (3,),
    ("3",),
    ("\3" + "\0" * 7,),
    (3, 3),
    (33,),
    ("33",),
    ("3", "3"),
    ("a", "b"),
    ("b", "a"),
    ("ab",),
    ("a/b",),
    ("é",),
    ("e\u0301",),
    (2**64 - 1,),
]


def test_paths_that_look_alike_have_streams_of_their_own():
    initializer = initializers.RandomNormal(seed=1)
    streams = [initializer.describe((4,), path=path).stream for path in LOOKALIKES]
    assert streams == [reference.stream_of(path) for path in LOOKALIKES]
    assert len(set(streams)) == len(LOOKALIKES)
    values = {initializer((4,), path=path, backend="numpy").tobytes() for path in LOOKALIKES}
    assert len(values) == len(LOOKALIKES)


@deterministic
@given(st.integers(0, 2**64 - 1))
def test_an_integer_part_is_not_its_digits(number):
    initializer = initializers.RandomUniform(0, 2**32, seed=1)
    by_number, by_digits = (
        initializer((4,), "uint32", path=("layer", part), backend="numpy") for part in (number, str(number))
    )
    assert (by_number != by_digits).any()


def test_a_string_is_one_part_and_none_the_empty_path():
    initializer = initializers.RandomNormal(seed=1)
    name = "encoder/layer_0/kernel"
    assert initializer.describe((2,), path=name).stream == reference.stream_of((name,))
    assert initializer.describe((2,), path=None).stream == initializer.describe((2,), path=()).stream == 0


def test_a_seed_generator_appends_the_number_of_the_draw():
    initializer = initializers.RandomUniform(0, 2**32, seed=oneseed.SeedGenerator(11))
    for number in range(3):
        words = initializer((3,), "uint32", path=("block", 2), backend="numpy").tolist()
        stream = reference.stream_of(("block", 2, number))
        assert words == [reference.word(11, stream, i) for i in range(3)]


def test_seeds_of_unseeded_initializers(monkeypatch):
    # A sequence of this test's own, so that the rest of the process keeps its.
    monkeypatch.setattr("oneseed.seeds._unseeded", oneseed.seeds._Unseeded())
    oneseed.set_random_seed(2**64 - 3)
    stream = reference.stream_of(("unseeded",))
    found = [initializers.HeNormal().seed for _ in range(6)]
    assert found == [reference.word64(2**64 - 3, stream, n) for n in range(6)]
