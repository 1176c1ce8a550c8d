"""What each initializer gives: shapes, dtypes, seeds, and the promises of the documentation of Keras."""

import threading

import ml_dtypes
import numpy as np
import pytest

import oneseed
from oneseed import SeedGenerator, seeds
from oneseed import backend as K
from oneseed import initializers as I

FLOATS = ("bfloat16", "float16", "float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
INTEGERS = (*SIGNED, "uint8", "uint16", "uint32", "uint64")
COMPLEX = ("complex64", "complex128")
FAN_BASED = (
    I.VarianceScaling,
    I.GlorotNormal,
    I.GlorotUniform,
    I.HeNormal,
    I.HeUniform,
    I.LecunNormal,
    I.LecunUniform,
)
DRAWN = (I.RandomNormal, I.RandomUniform, I.TruncatedNormal, *FAN_BASED)
ANY_SHAPE = (I.Zeros, I.Ones, I.Constant, *DRAWN)


def same(a, b):
    np.testing.assert_array_equal(a, b, strict=True)
    return True


# Shapes


@pytest.mark.parametrize("cls", ANY_SHAPE)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (0, 3), (3, 0), (0, 0), (2, 0, 3), (2, 3, 0), (1,) * 9])
def test_every_shape(cls, shape):
    made = cls()(shape)
    assert isinstance(made, np.ndarray)
    assert (made.shape, made.dtype.name) == (shape, "float32")
    assert cls().describe(shape).shape == shape


@pytest.mark.parametrize("cls", [I.Identity, I.Orthogonal])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (1, 1)])
def test_matrices_of_every_size(cls, shape):
    assert cls()(shape).shape == shape


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0), (0, 1, 3), (4, 1, 0)])
def test_empty_tensors_of_higher_rank(shape):
    assert I.Orthogonal()(shape).shape == shape
    assert I.Orthogonal()(shape, axes="e i o").shape == shape


def test_empty_fourier_basis():
    assert I.STFT()((4, 1, 0)).shape == (4, 1, 0)


@pytest.mark.parametrize("shape", [[2, 3], (np.int64(2), np.uint8(3)), np.array([2, 3]), (np.array(2), 3), range(2, 4)])
def test_ways_to_write_a_shape(shape):
    assert I.HeNormal(1)(shape).shape == (2, 3)
    assert all(type(size) is int for size in I.HeNormal(1).describe(shape).shape)


def test_a_tensor_too_large_to_make_has_blocks():
    block = {"partition_shape": (2, 3), "partition_offset": (2**31 - 3, 7)}
    for initializer in (I.Zeros(), I.HeNormal(1), I.Identity(), I.Constant([[1.0]])):
        assert initializer((2**31, 2**31), **block).shape == (2, 3)


# Dtypes


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, *COMPLEX, "bool"])
@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        (I.Zeros(), [[0, 0], [0, 0]]),
        (I.Ones(), [[1, 1], [1, 1]]),
        (I.Constant(1.0), [[1, 1], [1, 1]]),
        (I.Constant([0, 1]), [[0, 1], [0, 1]]),
        (I.Constant(np.array([1.0, 0.0], ml_dtypes.bfloat16)), [[1, 0], [1, 0]]),
        (I.Constant(np.array([[True], [False]])), [[1, 1], [0, 0]]),
        (I.Constant(np.array([1 + 0j, 0])), [[1, 0], [1, 0]]),
        (I.Identity(), [[1, 0], [0, 1]]),
        (I.Assign(np.eye(2, dtype="int8")), [[1, 0], [0, 1]]),
    ],
    ids=repr,
)
def test_every_dtype(initializer, expected, dtype):
    made = initializer((2, 2), dtype)
    assert made.dtype.name == dtype
    np.testing.assert_array_equal(made.astype("complex64"), expected)


@pytest.mark.parametrize("cls", [*DRAWN, I.Orthogonal])
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_float_dtype(cls, dtype):
    made = cls(seed=1)((20, 10), dtype)
    assert made.dtype.name == dtype
    assert np.isfinite(made).all()
    wide = cls(seed=1)((20, 10), "float64")
    # A value next to the open end of an interval may be rounded away from it by one step more.
    rtol = {"bfloat16": 2**-6, "float16": 2**-9, "float32": 1e-5, "float64": 0}[dtype]
    np.testing.assert_allclose(made.astype("float64"), wide, rtol=rtol, atol=0 if dtype == "float64" else 1.2e-7)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_uniform_integers(dtype):
    made = I.RandomUniform(3, 9, seed=1)((1000,), dtype)
    assert made.dtype.name == dtype
    assert sorted({*made.tolist()}) == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("end", ["min", "max"])
def test_uniform_integers_at_the_ends_of_their_dtype(dtype, end):
    limits = np.iinfo(dtype)
    low = limits.min if end == "min" else limits.max - 1
    made = I.RandomUniform(low, low + 2, seed=1)((100,), dtype)
    assert {*made.tolist()} == {low, low + 1}


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (None, "float32"),
        (float, "float32"),
        (int, "int32"),
        ("int", "int32"),
        (bool, "bool"),
        (np.float16, "float16"),
        (np.dtype("float64"), "float64"),
        (np.dtype(">f4"), "float32"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype(ml_dtypes.bfloat16), "bfloat16"),
        ("float8_e4m3fn", "float8_e4m3fn"),
        (ml_dtypes.float8_e5m2, "float8_e5m2"),
        (np.dtype(ml_dtypes.float8_e4m3fn), "float8_e4m3fn"),
        ("half", "float16"),
        (np.complex64, "complex64"),
        (complex, "complex128"),
        (np.uint8, "uint8"),
    ],
)
def test_ways_to_write_a_dtype(dtype, name):
    made = I.Ones()((2,), dtype)
    assert (made.dtype.name, made.dtype.isnative) == (name, True)
    assert I.Ones().describe((2,), dtype).dtype == name


@pytest.mark.parametrize("floatx", FLOATS)
def test_the_default_dtype(floatx):
    with oneseed.using(floatx=floatx):
        assert I.HeNormal(1)((2, 2)).dtype.name == floatx
        assert I.Zeros()((2,), float).dtype.name == floatx
        assert I.Identity()((2, 2), "int8").dtype.name == "int8"


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (2.9, "int32", 2),
        (-2.9, "int8", -2),
        (-0.9, "uint8", 0),
        (0.5, "bool", True),
        (2**53 + 1, "int64", 2**53 + 1),
        (2**64 - 1, "uint64", 2**64 - 1),
        (np.uint64(2**64 - 1), "uint64", 2**64 - 1),
        (float("inf"), "float16", np.inf),
        (-0.0, "float32", -0.0),
        (1 + 2j, "complex64", 1 + 2j),
        (True, "float64", 1.0),
    ],
)
def test_constants_are_cast(value, dtype, expected):
    for made in (I.Constant(value)((1,), dtype), I.Constant(np.array([value]))((1,), dtype)):
        same(made, np.array([expected], dtype))
        assert np.signbit(made.real[0]) == np.signbit(np.real(expected))


def test_nan_is_a_constant():
    for dtype in (*FLOATS, *COMPLEX):
        assert np.isnan(I.Constant(float("nan"))((2,), dtype)).all()
        assert np.isnan(I.Constant([float("nan")])((2,), dtype)).all()


def test_a_complex_constant_without_imaginary_part_is_real():
    for value in (2 + 0j, [2 + 0j], np.array(2 + 0j), np.array([2 + 0j])):
        same(I.Constant(value)((1,)), np.array([2], "float32"))


# Scalar tensors


@pytest.mark.parametrize("wrap", [np.array, np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_scalar_tensors_for_floats(wrap):
    half, two = wrap(0.5), wrap(2.0)
    same(I.RandomNormal(half, two, 1)((9,)), I.RandomNormal(0.5, 2.0, 1)((9,)))
    same(I.TruncatedNormal(half, two, 1)((9,)), I.TruncatedNormal(0.5, 2.0, 1)((9,)))
    same(I.RandomUniform(half, two, 1)((9,)), I.RandomUniform(0.5, 2.0, 1)((9,)))
    same(I.Orthogonal(half, 1)((3, 3)), I.Orthogonal(0.5, 1)((3, 3)))
    same(I.Identity(two)((3, 3)), I.Identity(2.0)((3, 3)))
    same(I.VarianceScaling(half, seed=1)((3, 3)), I.VarianceScaling(0.5, seed=1)((3, 3)))
    same(oneseed.random.normal((9,), half, two, seed=1), oneseed.random.normal((9,), 0.5, 2.0, seed=1))


@pytest.mark.parametrize("wrap", [np.array, np.int64, np.uint64])
def test_scalar_tensors_for_integers(wrap):
    low, high = 2**53 + 1, 2**53 + 4
    initializer = I.RandomUniform(wrap(low), wrap(high), 1)
    assert {*initializer((99,), "int64").tolist()} == {low, low + 1, low + 2}
    assert (initializer.minval, initializer.maxval) == (low, high)
    assert type(initializer.minval) is int


# Seeds


@pytest.mark.parametrize("cls", [*DRAWN, I.Orthogonal])
def test_a_seed_gives_the_same_values_at_each_call(cls):
    initializer = cls(seed=7)
    assert initializer.seed == 7
    first = initializer((4, 3))
    assert same(initializer((4, 3)), first)
    assert same(cls(seed=np.int64(7))((4, 3)), first)
    assert not np.array_equal(cls(seed=8)((4, 3)), first)


@pytest.mark.parametrize("cls", [*DRAWN, I.Orthogonal])
def test_without_a_seed_one_is_drawn_and_can_be_read(cls):
    initializer = cls()
    assert type(initializer.seed) is int
    assert initializer.get_config()["seed"] is None
    first = initializer((4, 3))
    assert same(initializer((4, 3)), first)
    assert same(cls(seed=initializer.seed)((4, 3)), first)
    assert not np.array_equal(cls()((4, 3)), first)


def test_set_random_seed_fixes_the_seeds_that_follow(monkeypatch):
    monkeypatch.setattr(seeds, "_unseeded", seeds._Unseeded())

    def made():
        return [I.HeNormal().seed, SeedGenerator().seed, I.Orthogonal().seed, oneseed.random.normal((2,)).tolist()]

    oneseed.set_random_seed(3)
    first = made()
    assert len({*map(str, first)}) == 4
    oneseed.set_random_seed(3)
    assert made() == first
    assert made() != first
    oneseed.random.set_random_seed(4)
    assert made() != first


@pytest.mark.parametrize("cls", [*DRAWN, I.Orthogonal])
def test_a_generator_gives_a_sequence(cls):
    one, other = cls(seed=SeedGenerator(7)), cls(seed=SeedGenerator(7))
    sequence = [one((4, 3)) for _ in range(3)]
    for k, expected in enumerate(sequence):
        assert one.describe((4, 3)).path == (3,)
        assert same(other((4, 3)), expected)
        assert same(cls(seed=7)((4, 3), path=(k,)), expected)
    assert len({made.tobytes() for made in sequence}) == 3


def test_a_generator_is_shared_by_initializers():
    generator = SeedGenerator(7)
    one, other = I.HeNormal(generator), I.HeNormal(generator)
    made = [one((4,)), other((4,)), one((4,), path="kernel")]
    assert generator.count == 3
    assert same(made[1], I.HeNormal(7)((4,), path=(1,)))
    assert same(made[2], I.HeNormal(7)((4,), path=("kernel", 2)))


def test_neighbouring_generators_share_no_draw():
    draws = [I.HeNormal(SeedGenerator(seed)) for seed in range(5, 9)]
    made = {initializer((4,)).tobytes() for initializer in draws for _ in range(4)}
    assert len(made) == 16


def test_a_generator_counts_exactly_in_threads():
    generator = SeedGenerator(7)
    initializer = I.RandomNormal(seed=generator)
    barrier = threading.Barrier(8)
    numbers, made = [], []

    def work():
        barrier.wait()
        for _ in range(50):
            made.append(initializer((2,)).tobytes())
            numbers.append(generator.next())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert generator.count == 800
    assert len({*numbers}) == 400
    drawn = {*range(800)} - {*numbers}
    assert {*made} == {I.RandomNormal(seed=7)((2,), path=(k,)).tobytes() for k in drawn}


@pytest.mark.parametrize("part", [np.str_("kernel"), type("Name", (str,), {})("kernel")], ids=["numpy", "subclass"])
def test_a_string_of_any_type_is_the_same_path(part):
    assert same(I.HeNormal(1)((4,), path=part), I.HeNormal(1)((4,), path="kernel"))
    assert same(I.HeNormal(1)((4,), path=("a", part, np.int8(3))), I.HeNormal(1)((4,), path=["a", "kernel", 3]))


# The documentation of Keras


@pytest.mark.parametrize(
    "initializer",
    [
        I.RandomNormal(mean=0.0, stddev=1.0),
        I.RandomUniform(minval=0.0, maxval=1.0),
        I.TruncatedNormal(mean=0.0, stddev=1.0),
        I.Zeros(),
        I.Ones(),
        I.GlorotNormal(),
        I.GlorotUniform(),
        I.HeNormal(),
        I.HeUniform(),
        I.Identity(),
        I.Orthogonal(),
        I.Constant(3.0),
        I.VarianceScaling(scale=0.1, mode="fan_in", distribution="uniform"),
    ],
    ids=repr,
)
def test_standalone_usage(initializer):
    values = initializer(shape=(2, 2))
    assert (values.shape, values.dtype.name) == ((2, 2), "float32")


def test_from_config_of_the_documentation():
    initializer = I.RandomUniform(-1, 1)
    again = I.RandomUniform.from_config(initializer.get_config())
    assert (again.minval, again.maxval) == (-1, 1)


def test_zeros_like_of_the_documentation():
    kvar = K.variable(np.random.random((2, 3)))
    assert same(K.eval(K.zeros_like(kvar)), np.zeros((2, 3), "float32"))
    assert repr(K.eval(K.zeros_like(kvar))) == "array([[0., 0., 0.],\n       [0., 0., 0.]], dtype=float32)"
    assert K.zeros_like(kvar, dtype="int32", name="zeros").dtype.name == "int32"


def test_bounds_of_the_documentation():
    uniform = I.RandomUniform(minval=0.0, maxval=1.0, seed=1)((100_000,))
    assert (uniform.min() >= 0) & (uniform.max() < 1)
    assert abs(I.TruncatedNormal(1.0, 0.5, 1)((100_000,)) - 1.0).max() <= 1.0
    for dtype in FLOATS:
        narrow = I.RandomUniform(1.0, 1.01, seed=1)((100_000,), dtype)
        assert (narrow.min() >= np.array(1, narrow.dtype)) & (narrow.max() < np.array(1.01, narrow.dtype))
