"""Every number of a distribution that cannot mean anything is refused, by type and message."""

import ml_dtypes
import numpy as np
import pytest
from refusals import ANYTHING, refused, shown

import oneseed
from oneseed import initializers as I

NAN, INF = float("nan"), float("inf")

NUMBERS = [
    (I.RandomNormal, "mean"),
    (I.RandomNormal, "stddev"),
    (I.TruncatedNormal, "mean"),
    (I.TruncatedNormal, "stddev"),
    (I.RandomUniform, "minval"),
    (I.RandomUniform, "maxval"),
    (I.VarianceScaling, "scale"),
    (I.Orthogonal, "gain"),
    (I.Identity, "gain"),
]


@pytest.mark.parametrize(("cls", "argument"), NUMBERS)
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (NAN, ValueError),
        (INF, ValueError),
        (-INF, ValueError),
        (np.float32(INF), ValueError),
        (np.array(NAN), ValueError),
        (10**400, ValueError),
        (np.array([1.0]), ValueError),
        (np.ones((2, 2)), ValueError),
        (np.empty((0,)), ValueError),
        ([1.0], TypeError),
        ((1.0,), TypeError),
        (None, TypeError),
        ("1.0", TypeError),
        (b"1", TypeError),
        (True, TypeError),
        (np.True_, TypeError),
        (np.array(True), TypeError),
        (np.str_("0.5"), TypeError),
        (np.array("0.5"), TypeError),
        (np.array("a"), TypeError),
        (np.array(None), TypeError),
        (np.timedelta64(3), TypeError),
        (np.datetime64("2020"), TypeError),
        (ANYTHING, TypeError),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_number(cls, argument, value, kind):
    with refused(kind, f"`{argument}` must", received=argument):
        cls(**{argument: value})


@pytest.mark.parametrize("cls", [I.RandomNormal, I.TruncatedNormal])
@pytest.mark.parametrize("mean", [complex(NAN, 0), complex(0, INF), np.complex64(NAN), np.array([1j])], ids=shown)
def test_mean_that_is_no_finite_complex_number(cls, mean):
    with refused(ValueError, "`mean` must be", received="mean"):
        cls(mean)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float8_e5m2"])
def test_complex_mean_of_real_values(dtype):
    with refused(ValueError, "`mean` has an imaginary part", dtype, "complex64", received="mean=(1+2j)"):
        I.RandomNormal(1 + 2j, seed=1)((2,), dtype)


@pytest.mark.parametrize(("cls", "argument"), [each for each in NUMBERS if each[1] != "mean"])
@pytest.mark.parametrize("value", [1 + 0j, np.array(1j), np.complex64(1)], ids=shown)
def test_number_that_must_be_real(cls, argument, value):
    with refused(TypeError, f"`{argument}` must be a real number", received=argument):
        cls(**{argument: value})


@pytest.mark.parametrize("scale", [0, 0.0, -1, -1e-300, np.float32(-2)], ids=shown)
def test_scale(scale):
    with refused(ValueError, "`scale` must be above 0", received=f"scale={scale!r}"):
        I.VarianceScaling(scale)


@pytest.mark.parametrize("make", [I.RandomNormal, I.TruncatedNormal])
@pytest.mark.parametrize("stddev", [-1, -1e-300, np.float32(-2), np.array(-1)], ids=shown)
def test_stddev(make, stddev):
    with refused(ValueError, "`stddev` must be 0 or more", received=f"stddev={stddev!r}"):
        make(stddev=stddev)


@pytest.mark.parametrize(("argument", "value"), [("mean", "a"), ("stddev", -1)])
def test_functions_refuse_like_classes(argument, value):
    for function in (oneseed.random.normal, oneseed.random.truncated_normal):
        with refused((TypeError, ValueError)[argument == "stddev"], f"`{argument}`", received=f"{argument}={value!r}"):
            function((2,), **{argument: value})


@pytest.mark.parametrize(("minval", "maxval"), [(1, 0), (0.1, 0.0999), (np.float32(2), -3)], ids=shown)
def test_bounds_the_wrong_way_round(minval, maxval):
    with refused(ValueError, "`minval` must not be above `maxval`", received=f"minval={minval!r}, maxval={maxval!r}"):
        I.RandomUniform(minval, maxval)


def test_bounds_too_far_apart():
    with refused(ValueError, "`maxval - minval` must be below", received="minval=-1.7e+308, maxval=1.7e+308"):
        I.RandomUniform(-1.7e308, 1.7e308)


@pytest.mark.parametrize(
    ("minval", "maxval", "dtype", "words"),
    [
        (0.5, 3, "int32", "whole numbers"),
        (-0.05, 0.05, "int32", "whole numbers"),
        (3, 3, "int32", "`minval` must be below `maxval`"),
        (-1, 3, "uint8", "[0, 255], the range of uint8"),
        (0, 129, "int8", "[-128, 127], the range of int8"),
        (2**63, 2**63 + 1, "int64", "the range of int64"),
        (0, 2**32 + 1, "int64", "at most 2**32"),
        (-(2**63), 2**63, "int64", "at most 2**32"),
    ],
)
def test_uniform_integers(minval, maxval, dtype, words):
    with refused(ValueError, words, received=f"minval={minval!r}, maxval={maxval!r}, dtype={dtype!r}"):
        I.RandomUniform(minval, maxval)((2,), dtype)


@pytest.mark.parametrize(
    ("init", "dtype", "argument"),
    [
        (I.RandomNormal(1e6, 1.0, 1), "float16", "mean"),
        (I.RandomNormal(0.0, 1e6, 1), "float16", "stddev"),
        (I.RandomNormal(0.0, 6e4, 1), "float16", "stddev"),
        (I.RandomNormal(0.0, 3e38, 1), "float32", "stddev"),
        (I.RandomNormal(0.0, 1e308, 1), "float64", "stddev"),
        (I.TruncatedNormal(0.0, 4e4, 1), "float16", "stddev"),
        (I.TruncatedNormal(1e308, 1e308, 1), "float64", "stddev"),
        (I.RandomUniform(-1e6, 1.0, 1), "float16", "minval"),
        (I.RandomUniform(0.0, 1e39, 1), "bfloat16", "maxval"),
        (I.RandomUniform(1.6e308, 1.7e308, 1), "float64", "maxval"),
        (I.VarianceScaling(1e12, seed=1), "float16", "scale"),
        (I.VarianceScaling(1e12, distribution="uniform", seed=1), "float16", "scale"),
        (I.VarianceScaling(1e308, distribution="uniform", seed=1), "float32", "scale"),
        (I.Orthogonal(1e6, seed=1), "float16", "gain"),
        (I.Identity(1e6), "float16", "gain"),
        (I.Identity(-1), "uint8", "gain"),
        (I.Constant(1e6), "float16", "value"),
        (I.Constant([1.0, 1e6]), "float16", "value"),
        (I.Constant(2**2000), "float64", "value"),
        (I.Constant(1e300 + 0j), "complex64", "value"),
        (I.Constant([1e300, 1j]), "complex64", "value"),
        (I.Constant([NAN, 1e39]), "float32", "value"),
        (I.Constant([[INF, 1e39], [-INF, 0]]), "float32", "value"),
        (I.Constant([complex(NAN, 0), 1e300]), "complex64", "value"),
        (I.Constant(np.array([NAN, 1], ml_dtypes.bfloat16)), "int8", "value"),
        (I.RandomNormal(1e39j, 1.0, 1), "complex64", "mean"),
        (I.RandomNormal(0.0, 1e38, 1), "complex64", "stddev"),
        (I.TruncatedNormal(1e308j, 1e308, 1), "complex128", "stddev"),
        (I.VarianceScaling(1e300, seed=1), "complex64", "scale"),
        (I.RandomUniform(-1.0, 1e39, 1), "complex64", "maxval"),
        (I.Orthogonal(1e39, seed=1), "complex64", "gain"),
        (I.RandomNormal(0.0, 75.0, 1), "float8_e4m3fn", "stddev"),
        (I.RandomNormal(465.0, 0.0, 1), "float8_e4m3fn", "mean"),
        (I.TruncatedNormal(0.0, 235.0, 1), "float8_e4m3fn", "stddev"),
        (I.TruncatedNormal(0.0, 31e3, 1), "float8_e5m2", "stddev"),
        (I.RandomUniform(-465.0, 0.0, 1), "float8_e4m3fn", "minval"),
        (I.VarianceScaling(1e12, seed=1), "float8_e5m2", "scale"),
        (I.Orthogonal(500.0, seed=1), "float8_e4m3fn", "gain"),
        (I.Constant(62e3), "float8_e5m2", "value"),
        (I.Constant(480), "float8_e4m3fn", "value"),
        (I.Constant([NAN, 480]), "float8_e4m3fn", "value"),
        (I.Constant(INF), "float8_e4m3fn", "value"),
        (I.Constant([1.0, -INF]), "float8_e4m3fn", "value"),
        (I.STFT(window=[500.0] * 4, scaling=None), "float8_e4m3fn", "window"),
    ],
    ids=shown,
)
def test_number_beyond_the_dtype(init, dtype, argument):
    with refused(ValueError, f"`{argument}`", dtype):
        init((4, 1, 3) if isinstance(init, I.STFT) else (2, 2), dtype)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(300, "int8"), (-1, "uint8"), (256.0, "uint8"), (NAN, "int32"), (INF, "int64"), (2**63, "int64")],
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], np.array, lambda x: np.array([1, x])])
def test_constant_beyond_an_integer_dtype(value, dtype, wrap):
    with refused(ValueError, "`value` must lie in [", f"the range of {dtype}", received="value="):
        I.Constant(wrap(value))((2,), dtype)


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
@pytest.mark.parametrize("value", [2j, [1, 2j], np.array(1 + 1j)], ids=shown)
def test_constant_with_an_imaginary_part(value, dtype):
    with refused(ValueError, "`value` has an imaginary part", "complex64", received="value="):
        I.Constant(value)((2,), dtype)


@pytest.mark.parametrize(
    ("value", "shape"),
    [([1, 2], (3,)), ([1, 2], ()), ([], (2,)), (np.ones((3, 2)), (2,)), (np.ones((2, 1)), (2,)), ([[1], [2]], (3, 2))],
    ids=shown,
)
def test_constant_that_cannot_be_broadcast(value, shape):
    with refused(ValueError, f"`value` of shape {np.shape(value)} cannot be broadcast", received=f"shape={shape}"):
        I.Constant(value)(shape)


@pytest.mark.parametrize("shape", [(3, 3), (4,), (2, 2, 1), (1, 2, 2), ()])
def test_array_of_another_shape(shape):
    with refused(ValueError, "`shape` must be (2, 2), the shape of the array", received=f"shape={shape}"):
        I.get(np.eye(2))(shape)


@pytest.mark.parametrize(
    "value",
    ["3", b"3", None, [None], ["a"], {1, 2}, {"a": 1}, ANYTHING, [[1, 2], [3]], np.array(["a"]), np.datetime64("2020")],
    ids=lambda value: f"{value!r:.20}",
)
@pytest.mark.parametrize("cls", [I.Constant, I.Assign])
def test_constant_of_no_numbers(cls, value):
    with refused(TypeError, "`value` must", "numbers", received="value="):
        cls(value)
