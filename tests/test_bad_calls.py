"""What decides the layout, the block and the address is refused where it cannot be meant, and no draw is counted."""

import inspect

import numpy as np
import pytest
from refusals import ANYTHING, refused, shown

import oneseed
from oneseed import SeedGenerator, seeds
from oneseed import backend as K
from oneseed import initializers as I

# Axes


@pytest.mark.parametrize("init", [I.Zeros(), I.HeNormal(1), I.Orthogonal(seed=1), I.Constant(2.0)], ids=shown)
@pytest.mark.parametrize(
    ("axes", "kind", "words"),
    [
        (3, TypeError, "must be a str that names the axes"),
        (["i", "o"], TypeError, "must be a str that names the axes"),
        (b"i o", TypeError, "must be a str that names the axes"),
        (True, TypeError, "must be a str that names the axes"),
        ("i i", ValueError, "must name each axis once"),
        ("i o h", ValueError, "names 3 axes, but the shape (2, 3) has 2"),
        ("io", ValueError, "names 1 axes, but the shape (2, 3) has 2"),
        ("", ValueError, "names 0 axes"),
        ("i-1 o", ValueError, "'i-1' is not a name"),
        ("1 2", ValueError, "'1' is not a name"),
        ("i, o", ValueError, "'i,' is not a name"),
        ("* o", ValueError, "'*' is not a name"),
    ],
    ids=shown,
)
def test_axes(init, axes, kind, words):
    for maker in (init, init.describe):
        with refused(kind, "`axes`", words, received=f"axes={axes!r}"):
            maker((2, 3), axes=axes)


@pytest.mark.parametrize("cls", [I.VarianceScaling, I.HeNormal, I.GlorotUniform])
@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"input_axes": [0]}, ValueError, "`input_axes` and `output_axes` must be given together"),
        ({"output_axes": 0}, ValueError, "`input_axes` and `output_axes` must be given together"),
        ({"input_axes": "ab", "output_axes": [1]}, TypeError, "`input_axes` must be an integer, not str"),
        ({"input_axes": [0], "output_axes": [1.0]}, TypeError, "`output_axes` must be an integer, not float"),
        ({"input_axes": [True], "output_axes": [1]}, TypeError, "`input_axes` must be an integer, not bool"),
        ({"input_axes": [None], "output_axes": [1]}, TypeError, "`input_axes` must be an integer"),
        ({"input_axes": [[0]], "output_axes": [1]}, TypeError, "`input_axes` must be an integer, not list"),
        ({"input_axes": np.array([[0]]), "output_axes": [1]}, TypeError, "`input_axes` must be an integer"),
        ({"input_axes": [2**40], "output_axes": [1]}, ValueError, "`input_axes` must lie in"),
    ],
    ids=shown,
)
def test_input_and_output_axes(cls, arguments, kind, words):
    with refused(kind, words):
        cls(seed=1, **arguments)


@pytest.mark.parametrize("axis", [2, -3])
@pytest.mark.parametrize("argument", ["input_axes", "output_axes"])
def test_axis_out_of_range(argument, axis):
    init = I.HeNormal(1, **{"input_axes": [0], "output_axes": [1], argument: [0, axis]})
    with refused(ValueError, f"`{argument}` must hold axes of the shape (2, 3), in [-2, 2)", received=f"{argument}="):
        init((2, 3))


def test_two_ways_to_name_the_axes():
    with refused(ValueError, "`axes` must not be given", received="input_axes=[0], output_axes=[1]"):
        I.HeNormal(1, input_axes=0, output_axes=1)((2, 3), axes="i o")


# Blocks


@pytest.mark.parametrize("init", [I.Ones(), I.HeNormal(1), I.Orthogonal(seed=1), I.Identity()], ids=shown)
@pytest.mark.parametrize(
    ("shape", "offset", "kind", "words"),
    [
        ((1, 1), None, ValueError, "must be given together"),
        (None, (0, 0), ValueError, "must be given together"),
        ((1,), (0, 0), ValueError, "must lie within the shape (2, 3)"),
        ((1, 1), (0,), ValueError, "must lie within the shape (2, 3)"),
        ((1, 1, 1), (0, 0, 0), ValueError, "must lie within the shape (2, 3)"),
        ((2, 3), (0, 1), ValueError, "must lie within the shape (2, 3)"),
        ((3, 1), (0, 0), ValueError, "must lie within the shape (2, 3)"),
        ((0, 3), (3, 0), ValueError, "must lie within the shape (2, 3)"),
        ((1, 1), (2**40, 2**40), ValueError, "must lie within the shape (2, 3)"),
        ((1, 1), (-1, 0), ValueError, "`partition_offset` must"),
        ((-1, 1), (0, 0), ValueError, "`partition_shape` must"),
        ((1.0, 1), (0, 0), TypeError, "`partition_shape` must hold integers"),
        ((1, 1), (0, None), TypeError, "`partition_offset` must hold integers"),
        ((1, True), (0, 0), TypeError, "`partition_shape` must hold integers"),
        (1, 0, TypeError, "`partition_shape` must be a sequence of integers"),
        ((1, 1), "00", TypeError, "`partition_offset` must be a sequence of integers"),
    ],
    ids=shown,
)
def test_partition(init, shape, offset, kind, words):
    for maker in (init, init.describe):
        with refused(kind, words, received="partition_"):
            maker((2, 3), partition_shape=shape, partition_offset=offset)


# Ranks


@pytest.mark.parametrize("shape", [(), (2,)])
def test_identity_of_too_low_a_rank(shape):
    with refused(ValueError, "`shape` must have at least 2 axes", received=f"shape={shape}"):
        I.Identity()(shape)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((), None), ((3,), None), ((3,), "o"), ((2, 3), "e o"), ((2, 3, 3), "e g i"), ((2, 2), "b g")],
)
def test_orthogonal_of_too_low_a_rank(shape, axes):
    with refused(ValueError, "`shape` must have at least 2 axes", "batch axes", received=f"shape={shape}"):
        I.Orthogonal(seed=1)(shape, axes=axes)


# Seeds

BAD_SEEDS = [
    (True, TypeError),
    (np.True_, TypeError),
    (1.5, TypeError),
    (7.0, TypeError),
    ("7", TypeError),
    (b"7", TypeError),
    ([7], TypeError),
    (np.array([1, 2]), TypeError),
    (np.array([7]), TypeError),
    (np.float32(7), TypeError),
    (7j, TypeError),
    (ANYTHING, TypeError),
    (-1, ValueError),
    (np.int8(-1), ValueError),
    (2**64, ValueError),
    (10**30, ValueError),
]


@pytest.mark.parametrize(
    "make",
    [I.RandomNormal, I.RandomUniform, I.TruncatedNormal, I.VarianceScaling, I.GlorotNormal, I.HeUniform, I.Orthogonal],
)
@pytest.mark.parametrize(("seed", "kind"), BAD_SEEDS, ids=shown)
def test_seed(make, seed, kind):
    words = "[0, 2**64)" if kind is ValueError else "`seed` must be an integer"
    with refused(kind, words, received=f"seed={seed!r}"):
        make(seed=seed)


@pytest.mark.parametrize("make", [SeedGenerator, oneseed.set_random_seed])
@pytest.mark.parametrize(("seed", "kind"), BAD_SEEDS, ids=shown)
def test_seed_of_a_generator(make, seed, kind):
    with refused(kind, "`seed` must", "integer" if kind is TypeError else "[0, 2**64)", received=f"seed={seed!r}"):
        make(seed)


def test_a_refused_global_seed_changes_nothing(monkeypatch):
    monkeypatch.setattr(seeds, "_unseeded", seeds._Unseeded())
    oneseed.set_random_seed(5)
    expected = [I.HeNormal().seed for _ in range(2)]
    oneseed.set_random_seed(5)
    first = I.HeNormal().seed
    with pytest.raises(ValueError, match="seed"):
        oneseed.set_random_seed(-1)
    assert [first, I.HeNormal().seed] == expected


def test_the_global_seed_cannot_be_none():
    with refused(TypeError, "`seed` must be an integer", received="seed=None"):
        oneseed.set_random_seed(None)


# Paths


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        (5, TypeError, "must be a str, or a sequence of str and int"),
        (1.5, TypeError, "must be a str, or a sequence of str and int"),
        (b"kernel", TypeError, "must be a str, or a sequence of str and int"),
        (bytearray(b"kernel"), TypeError, "must be a str, or a sequence of str and int"),
        (memoryview(b"kernel"), TypeError, "must be a str, or a sequence of str and int"),
        ({"a"}, TypeError, "must be a str, or a sequence of str and int"),
        ({"a": 1}, TypeError, "must be a str, or a sequence of str and int"),
        (np.array([1, 2]), TypeError, "must be a str, or a sequence of str and int"),
        (("a", 1.5), TypeError, "must be str or int; 1.5 is of type float"),
        (("a", True), TypeError, "must be str or int; True is of type bool"),
        (("a", np.True_), TypeError, "must be str or int"),
        (("a", b"b"), TypeError, "must be str or int; b'b' is of type bytes"),
        (("a", None), TypeError, "must be str or int; None is of type NoneType"),
        (("a", ("b",)), TypeError, "must be str or int"),
        (("a", np.array([1, 2])), TypeError, "must be str or int"),
        (("a", -1), ValueError, "must lie in [0, 2**64)"),
        (("a", 2**64), ValueError, "must lie in [0, 2**64)"),
        ("\ud800", ValueError, "lone surrogate"),
        (("a", "b\udfff"), ValueError, "lone surrogate"),
    ],
    ids=shown,
)
def test_path(path, kind, words):
    for maker in (I.HeNormal(1), I.Zeros(), I.RandomUniform(seed=1).describe):
        with refused(kind, "`path`", words, received="path="):
            maker((2, 2), path=path)


# Where


@pytest.mark.parametrize("init", [I.Zeros(), I.HeNormal(1), I.Identity(), I.Orthogonal(seed=1)], ids=shown)
@pytest.mark.parametrize("device", ["cuda", "cpu:0", 0, ANYTHING, np.array([1, 2])], ids=lambda x: type(x).__name__)
def test_device_that_numpy_has_not(init, device):
    words = "`device` must be None or 'cpu'", "numpy"
    with oneseed.using(backend="numpy"), refused(ValueError, *words, received="device=", may=("reach",)):
        init((2, 2), device=device)


@pytest.mark.parametrize(
    ("backend", "kind", "words"),
    [
        ("nunpy", ValueError, "'torch'. Did you mean 'numpy'?"),
        ("Numpy", ValueError, "Did you mean 'numpy'?"),
        ("mxnet", ValueError, "`backend` must be one of "),
        ("", ValueError, "`backend` must be one of "),
        (3, TypeError, "`backend` must be a str"),
        (np, TypeError, "`backend` must be a str"),
        (b"numpy", TypeError, "`backend` must be a str"),
        (["numpy"], TypeError, "`backend` must be a str"),
    ],
    ids=lambda x: f"{x!r:.20}",
)
def test_backend(backend, kind, words):
    for init in (I.Zeros(), I.HeNormal(1)):
        with refused(kind, words, received=f"backend={backend!r}"):
            init((2, 2), backend=backend)


# Keywords

CLASSES = [getattr(I, name) for name in I.__all__ if inspect.isclass(getattr(I, name)) and name[0].isupper()]


@pytest.mark.parametrize("cls", CLASSES)
def test_unknown_keyword_of_a_constructor(cls):
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'sead'|takes no arguments"):
        cls(sead=3)


@pytest.mark.parametrize("maker", [I.Zeros(), I.HeNormal(1), I.HeNormal(1).describe, oneseed.random.normal])
def test_unknown_keyword_of_a_call(maker):
    with pytest.raises(TypeError, match="unexpected keyword argument 'layout'"):
        maker((2, 2), layout=None)


def test_what_follows_the_dtype_has_names():
    with pytest.raises(TypeError, match="positional"):
        I.HeNormal(1)((2, 2), "float32", "i o")


# The functions of keras.backend


@pytest.mark.parametrize(
    ("function", "arguments", "kind", "words"),
    [
        (K.eye, (True,), TypeError, "integer"),
        (K.eye, (2.5,), TypeError, "integer"),
        (K.eye, (None,), TypeError, "integer"),
        (K.eye, (-1,), ValueError, "0 or more"),
        (K.eye, (np.array([[2, 3]]),), TypeError, "integer"),
        (K.eye, ((2, 2, 2),), ValueError, "2 axes"),
        (K.variable, ("a",), TypeError, "`value` must hold numbers"),
        (K.variable, ([[1], [2, 3]],), TypeError, "`value` must hold numbers"),
        (K.variable, (1, "float32", len), ValueError, "`constraint` must be None"),
        (K.variable, (1, "flaot32"), ValueError, "Did you mean 'float32'?"),
        (K.constant, (1e39,), ValueError, "`value` is beyond the largest float32"),
        (K.constant, ([1, 2], None, (3,)), ValueError, "cannot be broadcast"),
        (K.cast, ([1], "int8"), TypeError, "`x` must be a tensor"),
        (K.cast, (np.ones(1), "flaot32"), ValueError, "Did you mean 'float32'?"),
        (K.cast, (np.array(["a"]), "float32"), TypeError, "`x` must"),
        (K.cast_to_floatx, ("a",), TypeError, "`x` must hold numbers"),
        (K.zeros_like, ([1],), TypeError, "`x` must be a tensor"),
        (K.ones_like, (np.array("a"),), TypeError, "`x` must"),
        (K.eval, (None,), TypeError, "`x` must be a tensor"),
        (K.dtype, (3,), TypeError, "`x` must be a tensor"),
        (K.ndim, ("a",), TypeError, "`x` must be a tensor"),
        (K.set_value, ([1], [1]), TypeError, "`x` must be a tensor"),
        (K.set_value, (np.zeros(2), [1, 2, 3]), ValueError, "`value` must have the shape of the variable, (2,)"),
        (K.set_value, (np.zeros(2), ["a", "b"]), TypeError, "`value` must hold numbers"),
        (K.set_value, (np.zeros(2, "int8"), [300, 1]), ValueError, "the range of int8"),
        (oneseed.fingerprint, (None,), TypeError, "`x` must hold numbers"),
        (oneseed.fingerprint, (np.zeros(2), "i o"), ValueError, "`axes` names 2 axes"),
    ],
)
def test_backend_functions(function, arguments, kind, words):
    with refused(kind, words):
        function(*arguments)


def test_a_square_of_an_array_of_two_sizes():
    np.testing.assert_array_equal(K.eye(np.array([2, 3])), np.eye(2, 3))


# A refused draw is no draw


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (I.HeNormal, {"shape": (2, -1)}),
        (I.HeNormal, {"shape": (2, 2), "dtype": "int32"}),
        (I.HeNormal, {"shape": (2, 2), "dtype": "flaot32"}),
        (I.HeNormal, {"shape": (2, 2), "axes": "i i"}),
        (I.HeNormal, {"shape": (2, 2), "path": 5}),
        (I.HeNormal, {"shape": (2, 2), "backend": "nunpy"}),
        (I.HeNormal, {"shape": (2, 2), "device": "cuda"}),
        (I.HeNormal, {"shape": (2**62,)}),
        (I.HeNormal, {"shape": (1,) * 65}),
        (I.HeNormal, {"shape": (2, 2), "partition_shape": (1, 1)}),
        (I.HeNormal, {"shape": (2, 2), "partition_shape": (3, 1), "partition_offset": (0, 0)}),
        (lambda seed: I.HeNormal(seed, 0, 1), {"shape": (2, 2), "axes": "i o"}),
        (lambda seed: I.HeNormal(seed, 0, 5), {"shape": (2, 2)}),
        (lambda seed: I.RandomUniform(0.5, 2, seed), {"shape": (2,), "dtype": "int32"}),
        (lambda seed: I.RandomNormal(1e6, 1.0, seed), {"shape": (2,), "dtype": "float16"}),
        (lambda seed: I.RandomUniform(0, 1e6, seed), {"shape": (2,), "dtype": "float16"}),
        (lambda seed: I.Orthogonal(1.0, seed), {"shape": (2,)}),
        (lambda seed: I.Orthogonal(1e6, seed), {"shape": (2, 2), "dtype": "float16"}),
        (lambda seed: I.Orthogonal(1.0, seed), {"shape": (2, 2), "device": "cuda"}),
    ],
)
def test_a_refused_call_does_not_advance_the_generator(make, arguments):
    generator = SeedGenerator(7)
    with pytest.raises((TypeError, ValueError)):
        make(generator)(**arguments)
    assert generator.count == 0
    np.testing.assert_array_equal(I.HeNormal(generator)((2, 2)), I.HeNormal(SeedGenerator(7))((2, 2)))


def test_describing_does_not_advance_the_generator():
    generator = SeedGenerator(7)
    init = I.HeNormal(generator)
    assert init.describe((2, 2)) == init.describe((2, 2))
    assert generator.count == 0
