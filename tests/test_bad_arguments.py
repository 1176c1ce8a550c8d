"""Every shape, dtype and choice that cannot mean anything is refused, by type and message, before anything is made."""

from pathlib import PurePath

import numpy as np
import pytest
from refusals import ANYTHING, refused, shown

import oneseed
from oneseed import backend as K
from oneseed import initializers as I

NAN = float("nan")
FLOATS = ("bfloat16", "float16", "float32", "float64")
FAN_BASED = ("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "VarianceScaling")
RANDOM = (*FAN_BASED, "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal")
MAKERS = {
    "Zeros": I.Zeros(),
    "HeNormal": I.HeNormal(1),
    "Constant": I.Constant([1.0, 2.0]),
    "Identity": I.Identity(),
    "Orthogonal": I.Orthogonal(seed=1),
    "STFT": I.STFT(),
    "describe": I.GlorotUniform(1).describe,
    "random.normal": oneseed.random.normal,
    "K.ones": K.ones,
}

# Shapes


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        ((2, -1), ValueError, "sizes of 0 or more"),
        ((np.int64(-3),), ValueError, "sizes of 0 or more"),
        ((2.0, 3), TypeError, "2.0 is of type float"),
        ((NAN,), TypeError, "nan is of type float"),
        (np.array([2.0, 3.0]), TypeError, "of type float64"),
        ((2, None), TypeError, "None is of type NoneType"),
        ((True, 2), TypeError, "True is of type bool"),
        ((np.True_, 2), TypeError, "of type bool"),
        (("2", 3), TypeError, "'2' is of type str"),
        ((2j,), TypeError, "of type complex"),
        (((2, 3), 4), TypeError, "of type tuple"),
        ((np.array([1, 2]), 3), TypeError, "integers"),
        ((np.array([2]),), TypeError, "integers"),
        (np.array([[2, 3]]), TypeError, "integers"),
        (np.array(3), TypeError, "sequence of integers"),
        (None, TypeError, "sequence of integers"),
        ("33", TypeError, "sequence of integers"),
        (b"33", TypeError, "sequence of integers"),
        ({2, 3}, TypeError, "sequence of integers"),
        ({2: 3}, TypeError, "sequence of integers"),
        (3, TypeError, "Write (3,) for one axis"),
        (np.int64(3), TypeError, "sequence of integers"),
        (True, TypeError, "sequence of integers"),
        ((2**63,), ValueError, "fewer than 2**63 elements"),
        ((2**32, 2**31), ValueError, "fewer than 2**63 elements"),
        ((0, 2**63), ValueError, "fewer than 2**63 elements"),
        ((10**30,), ValueError, "fewer than 2**63 elements"),
    ],
    ids=shown,
)
def test_shape(maker, shape, kind, words):
    with refused(kind, "`shape` must", words, received="shape="):
        maker(shape)


@pytest.mark.parametrize("shape", [True, -1], ids=shown)
def test_no_advice_that_would_be_refused_as_well(shape):
    with pytest.raises(TypeError, match="`shape` must be a sequence") as caught:
        I.Zeros()(shape)
    assert "Write" not in str(caught.value)


@pytest.mark.parametrize("init", [I.Zeros(), I.RandomNormal(seed=1), I.Constant([1.0])], ids=shown)
@pytest.mark.parametrize("shape", [(2**62,), (2**31, 2**31), (1,) * 65], ids=["bytes", "bytes2", "rank"])
def test_shape_that_no_array_can_have(init, shape):
    with refused(ValueError, "`shape`", may=("reach",)):
        init(shape, "float64")


# Dtypes


@pytest.mark.parametrize("maker", [I.Zeros(), I.HeNormal(1), I.Identity(), I.RandomUniform(0, 9).describe])
@pytest.mark.parametrize(
    ("dtype", "kind", "words"),
    [
        ("flaot32", ValueError, "Did you mean 'float32'?"),
        ("Float64", ValueError, "Did you mean 'float64'?"),
        ("bfloat_16", ValueError, "Did you mean 'bfloat16'?"),
        ("", ValueError, "one of"),
        ("nonsense.float32", ValueError, "one of"),
        ("string", ValueError, "one of"),
        (str, ValueError, "numbers or booleans"),
        ("S3", ValueError, "one of"),
        (object, ValueError, "numbers or booleans"),
        ("object", ValueError, "one of"),
        ("datetime64[s]", ValueError, "one of"),
        ("f4,f4", ValueError, "one of"),
        ("m8[Y/0]", ValueError, "one of"),
        ("M8[D/0]", ValueError, "one of"),
        ("i4, (2", ValueError, "one of"),
        ("(((f4", ValueError, "one of"),
        ("f4" + ",f4" * 10_000, ValueError, "one of"),
        ("\x00", ValueError, "one of"),
        ("float32\x00", ValueError, "one of"),
        ("99999999999f4", ValueError, "one of"),
        ("longdouble", ValueError, "one of"),
        (type("Text", (), {"dtype": "m8[Y/0]"}), TypeError, "one of"),
        (type("dtype", (), {"name": "m8[Y/0]"})(), TypeError, "one of"),
        (10**5000, TypeError, "one of"),
        (np.longdouble, ValueError, "numbers or booleans"),
        (3, TypeError, "one of"),
        (True, TypeError, "one of"),
        ([], TypeError, "one of"),
        ({}, TypeError, "one of"),
        (np.array([1]), TypeError, "one of"),
        (np.float32(3), TypeError, "one of"),
        (PurePath("float32"), TypeError, "one of"),
        (ANYTHING, TypeError, "one of"),
    ],
    ids=shown,
)
def test_dtype(maker, dtype, kind, words):
    with refused(kind, "`dtype` must", words, "bfloat16, bool, complex128", received="dtype="):
        maker((2, 2), dtype)


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", ["bool", bool, "int32", "uint8", int], ids=str)
def test_dtype_that_holds_no_random_floats(name, dtype):
    if (name, dtype) in {("RandomUniform", "int32"), ("RandomUniform", "uint8"), ("RandomUniform", int)}:
        assert "int" in K.dtype(I.RandomUniform(0, 9, 1)((2, 2), dtype))
        return
    with refused(ValueError, "`dtype` must be a float", *FLOATS, "complex64", "for", received="dtype="):
        getattr(I, name)(seed=1)((2, 2), dtype)


@pytest.mark.parametrize("dtype", ["int32", "complex64"])
def test_dtype_of_a_fourier_basis(dtype):
    with refused(ValueError, "`dtype` must be a float dtype", *FLOATS, received=f"dtype={dtype!r}"):
        I.STFT()((4, 1, 3), dtype)
    with pytest.raises(ValueError, match="dtype") as caught:
        I.STFT()((4, 1, 3), dtype)
    assert "random" not in str(caught.value)


def test_randint_draws_no_floats():
    with refused(ValueError, "`dtype` must be one of int16, int32", received="dtype='float32'"):
        oneseed.random.randint((2,), 0, 9, dtype="float32")


# Choices


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (
            {"mode": "fan_inn"},
            ValueError,
            "one of 'fan_avg', 'fan_geo_avg', 'fan_in', 'fan_out'. Did you mean 'fan_in'?",
        ),
        ({"mode": "FAN_OUT"}, ValueError, "Did you mean 'fan_out'?"),
        ({"mode": None}, TypeError, "one of 'fan_avg', 'fan_geo_avg', 'fan_in', 'fan_out'"),
        ({"distribution": "truncated"}, ValueError, "Did you mean 'truncated_normal'?"),
        ({"distribution": "cauchy"}, ValueError, "'normal', 'truncated_normal', 'uniform', 'untruncated_normal'"),
        ({"distribution": 3}, TypeError, "'normal', 'truncated_normal', 'uniform', 'untruncated_normal'"),
    ],
)
def test_mode_and_distribution(arguments, kind, words):
    ((name, value),) = arguments.items()
    with refused(kind, f"`{name}` must be one of", words, received=f"{name}={value!r}"):
        I.VarianceScaling(**arguments)


# Fourier bases


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"side": "Real"}, ValueError, "`side` must be one of 'imag', 'real'. Did you mean 'real'?"),
        ({"side": None}, TypeError, "`side` must be one of 'imag', 'real'"),
        ({"scaling": "densty"}, ValueError, "one of 'density', 'spectrum'. Did you mean 'density'?"),
        ({"scaling": 3}, TypeError, "one of 'density', 'spectrum'"),
        ({"periodic": 1}, TypeError, "`periodic` must be True or False"),
        ({"window": "no such window"}, ValueError, "`window` must be"),
        ({"window": ""}, ValueError, "`window` must be"),
        ({"window": "kaiser"}, ValueError, "needs no parameters"),
        ({"window": 3.0}, ValueError, "one axis"),
        ({"window": [[1.0, 2.0]]}, ValueError, "one axis"),
        ({"window": [[1], [2, 3]]}, TypeError, "`window` must"),
        ({"window": [1j]}, ValueError, "real numbers"),
        ({"window": ["a"]}, TypeError, "numbers"),
        ({"window": [1.0, NAN]}, ValueError, "finite numbers"),
        ({"window": ANYTHING}, TypeError, "`window` must"),
        ({"window": [0.0, 0.0]}, ValueError, "`window` must"),
    ],
    ids=shown,
)
def test_fourier_argument(arguments, kind, words):
    with refused(kind, words, may=("allocate",)):
        I.STFT(**arguments)


@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (4, 2, 3), (4, 1, 1), (4, 0, 3), (4, 1, 3, 1)])
def test_fourier_shape(shape):
    with refused(ValueError, "`shape` must be (T, 1, F // 2 + 1)", received=f"shape={shape}"):
        I.STFT()(shape)


def test_fourier_window_of_another_length():
    with refused(ValueError, "`window` must have as many values", "(4, 1, 3)", received="3 values"):
        I.STFT(window=[1.0, 2.0, 3.0])((4, 1, 3))


@pytest.mark.parametrize(("window", "scaling"), [("hann", "density"), ("hann", "spectrum"), ("bartlett", "density")])
def test_fourier_window_that_is_all_zeros(window, scaling):
    # A symmetric Hann window of two values is (0, 0), which cannot be scaled.
    with refused(ValueError, "`window`", "zero", may=("allocate",)):
        I.STFT(window=window, scaling=scaling)((2, 1, 3))


def test_fourier_window_beyond_the_dtype():
    with refused(ValueError, "`window`", "float16"):
        I.STFT(window=[1e30] * 4, scaling=None)((4, 1, 3), "float16")
