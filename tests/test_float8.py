"""The dtypes of eight bits: roundings of the float32 draw, in one step, kept inside the bounds."""

import json

import ml_dtypes
import numpy as np
import pytest
import reference
from frameworks import ALL

import oneseed
from oneseed import backend as K
from oneseed import initializers as I
from oneseed import registry
from oneseed.dtypes import dtype_name
from oneseed.stream.narrow import nearest_float8
from oneseed.testing import assert_same_weights

DTYPES = ("float8_e4m3fn", "float8_e5m2")
TYPES = {name: getattr(ml_dtypes, name) for name in DTYPES}
LARGEST = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}


@pytest.fixture(params=ALL)
def engine(request):
    with oneseed.using(backend=request.param):
        yield registry.load(request.param)


def patterns(array):
    return np.asarray(array).view(np.uint8)


# Rounding


def near_ties():
    """Floats with every sign, exponent and 4 leading fraction bits, at, next to and between what may be a tie."""
    heads = np.arange(2**13, dtype=np.uint32) << 19
    tails = np.array([0, 1, 2, 3, 2**12, 2**13 - 1, 2**18 - 1, 2**18, 2**18 + 1, 2**19 - 2, 2**19 - 1], np.uint32)
    x = (heads[:, None] | tails).reshape(-1).view(np.float32)
    return x[np.isfinite(x)]


def in_range(x, dtype):
    with np.errstate(over="ignore", invalid="ignore"):
        return x[np.isfinite(x.astype(TYPES[dtype]))]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_peer_rounds_as_the_definition_says(dtype):
    # What the other tests compare with: ml_dtypes, justified by exact fractions.
    x = near_ties()[::53]
    expected = [reference.rounded(float(value), dtype) for value in x]
    with np.errstate(over="ignore", invalid="ignore"):
        made = x.astype(TYPES[dtype]).astype(float)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(np.signbit(made), np.signbit(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rounding_near_every_tie(engine, dtype):
    x = in_range(near_ties(), dtype)
    rng = np.random.default_rng(1)
    x = np.concatenate([x, in_range(rng.integers(0, 2**32, 2**20, np.uint32).view(np.float32), dtype)])
    np.testing.assert_array_equal(patterns(rounded_by(engine.name, x, dtype)), patterns(x.astype(TYPES[dtype])))


def rounded_by(backend, x, dtype):
    """Round as the element program does, and convert, by compiled code where there is a compiler."""
    if backend == "numpy":
        from oneseed.stream.arrays import NumpyArrays

        arrays = NumpyArrays()
        return arrays.cast(nearest_float8(x, dtype, arrays), dtype)
    if backend == "torch":
        import torch

        from oneseed_torch.drawing.operations import TorchArrays

        arrays = TorchArrays()
        made = arrays.cast(nearest_float8(torch.from_numpy(x), dtype, arrays), dtype)
        return made.view(torch.uint8).numpy()
    if backend == "jax":
        import jax

        from oneseed_jax.drawing.arrays import JaxArrays

        arrays = JaxArrays()
        return jax.jit(lambda x: arrays.cast(nearest_float8(x, dtype, arrays), dtype))(x)
    import tensorflow as tf

    from oneseed_tensorflow.compiled import Operand, TensorflowArrays

    arrays = TensorflowArrays()

    def run(x):
        return arrays.cast(nearest_float8(Operand(x), dtype, arrays), dtype).tensor

    return tf.function(run, autograph=False, jit_compile=True)(tf.constant(x)).numpy()


# Draws

DEFINITIONS = {
    "normal": (I.RandomNormal(0.0, 0.02, 5), lambda i, d: reference.normal(5, 0, i, 0.0, 0.02, d)),
    "shifted": (I.RandomNormal(0.7, 3.0, 6), lambda i, d: reference.normal(6, 0, i, 0.7, 3.0, d)),
    "truncated": (
        I.TruncatedNormal(-0.3, 0.01, 7),
        lambda i, d: reference.truncated_normal(7, 0, i, -0.3, 0.01, d),
    ),
    "subnormal": (I.RandomUniform(-0.01, 0.004, 8), lambda i, d: reference.uniform(8, 0, i, -0.01, 0.004, d)),
    "zeros": (I.TruncatedNormal(0.0, 3e-4, 10), lambda i, d: reference.truncated_normal(10, 0, i, 0.0, 3e-4, d)),
    "all": (I.RandomUniform(-448.0, 448.0, 9), lambda i, d: reference.uniform(9, 0, i, -448.0, 448.0, d)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_bits_of_the_definition(name, dtype):
    init, element = DEFINITIONS[name]
    made = init((400,), dtype)
    assert patterns(made).tolist() == [reference.bits(element(i, dtype), dtype) for i in range(400)]


EVERY_KIND = [
    (I.HeNormal(7), (3, 3, 8, 4), {"axes": "h w i o"}),
    (I.RandomNormal(0.3, 0.02, 7), (5, 7), {"path": ("a", 3)}),
    (I.RandomNormal(0.0, 60.0, 7), (65, 70), {}),
    (I.VarianceScaling(1e-5, seed=3), (64, 32), {"partition_shape": (5, 32), "partition_offset": (7, 0)}),
    (I.TruncatedNormal(1.0, 0.2, 7), (1000,), {}),
    (I.Orthogonal(1.5, 4), (6, 4), {}),
    (I.Identity(0.7), (3, 4), {}),
    (I.Constant([0.1, -1e-3]), (3, 2), {}),
    (I.Constant(1 + 2**-4 + 2**-40), (3,), {}),  # above a tie in float64, at it in float32
    (I.Constant([1 + 2**-4 + 2**-40]), (3,), {}),
    (I.STFT(), (32, 1, 17), {}),
    (I.Zeros(), (0, 3), {}),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_everything_without_an_open_end_is_a_rounding_of_float32(engine, dtype):
    for init, shape, call in EVERY_KIND:
        made = init(shape, dtype, **call)
        assert engine.is_tensor(made)
        assert engine.dtype(made) == dtype
        wide = init(shape, "float32", backend="numpy", **call)
        np.testing.assert_array_equal(patterns(engine.to_numpy(made)), patterns(wide.astype(TYPES[dtype])))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_bits_in_every_mode(engine, dtype):
    cases = [*EVERY_KIND[:6], (I.RandomUniform(0.3, 0.9, 3), (4, 3, 20), {"axes": "o i h"})]
    for run in engine.modes().values():
        for init, shape, call in cases:
            made = engine.to_numpy(run(lambda init=init, shape=shape, call=call: init(shape, dtype, **call)))
            expected = init(shape, dtype, backend="numpy", **call)
            assert made.dtype == expected.dtype
            np.testing.assert_array_equal(patterns(made), patterns(expected))


def test_the_elements_of_a_device():
    torch = pytest.importorskip("torch")
    from oneseed_torch.drawing.operations import fill_on

    for init, shape, call in [*EVERY_KIND[:5], (I.RandomUniform(-448.0, 448.0, 3), (999,), {})]:
        for dtype in DTYPES:
            draw = init.describe(shape, dtype, **call)
            made = torch.empty(draw.block, dtype=getattr(torch, dtype))
            fill_on(draw, made)
            np.testing.assert_array_equal(patterns(made.view(torch.uint8)), patterns(init(shape, dtype, **call)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ends", [(0.0, 1.0), (-1.0, 0.0), (0.3, 0.9), (2.0, 2.5), (-448.0, 448.0), (3.0, 3.0)])
def test_uniform_values_stay_below_the_upper_end(dtype, ends):
    low, high = np.array(ends, TYPES[dtype])
    made = I.RandomUniform(*ends, seed=1)((20_000,), dtype)
    assert (made >= low).all()
    assert ((made < high) | (low == high)).all()
    wide = I.RandomUniform(*ends, seed=1)((20_000,)).astype(TYPES[dtype])
    inside = (wide >= low) & (wide < high)
    np.testing.assert_array_equal(patterns(made)[inside], patterns(wide)[inside])


@pytest.mark.parametrize("dtype", DTYPES)
def test_as_far_as_the_dtype_reaches(dtype):
    largest = LARGEST[dtype]
    made = I.TruncatedNormal(0.0, largest / 2, 1)((200_000,), dtype)
    assert abs(made.astype("float32")).max() == largest
    assert np.isfinite(made).all()
    assert I.Constant(largest)((1,), dtype).tolist() == [largest]
    assert I.Identity(-largest)((1, 1), dtype).tolist() == [[-largest]]


# Beside the draws


def test_names():
    assert [dtype_name(name) for name in DTYPES] == list(DTYPES)
    for name in DTYPES:
        assert dtype_name(TYPES[name]) == dtype_name(np.dtype(TYPES[name])) == name
    with pytest.raises(ValueError, match=r"float8_e4m3fn, float8_e5m2.* Did you mean 'float8_e5m2'\?"):
        dtype_name("float8_e5m3")


def test_names_of_frameworks(engine):
    for name in DTYPES:
        assert dtype_name(K.zeros((1,), name).dtype) == name
        if engine.name == "tensorflow":
            import tensorflow as tf

            assert dtype_name(getattr(tf.dtypes.experimental, name)) == name
        elif engine.name != "numpy":
            module = {"torch": "torch", "jax": "jax.numpy"}[engine.name]
            assert dtype_name(getattr(pytest.importorskip(module), name)) == name


def test_the_default_dtype_stays_one_of_four():
    with pytest.raises(ValueError, match="`floatx` must be one of"):
        oneseed.set_floatx("float8_e5m2")


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_functions_of_keras_backend(engine, dtype):
    variable = K.variable([1.0, 2.5], dtype)
    assert K.dtype(variable) == dtype
    for made, expected in (
        (variable, [1, 2.5]),
        (K.constant([0.1, 0.2], dtype), np.array([0.1, 0.2], TYPES[dtype])),
        (K.zeros_like(variable), [0, 0]),
        (K.ones_like(variable), [1, 1]),
        (K.eye(2, dtype), np.eye(2)),
        (K.cast(variable, "float8_e5m2"), [1, 2.5]),
    ):
        assert engine.is_tensor(made)
        np.testing.assert_array_equal(K.eval(made).astype(float), np.array(expected, float))
    if engine.name != "jax":
        K.set_value(variable, [3, -0.5])
        assert K.get_value(variable).astype(float).tolist() == [3, -0.5]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("other", ["int8", "int32", "int64", "uint8", "bool", "float16", "bfloat16", "float32"])
def test_casts_there_and_back(engine, all_widths, dtype, other):
    there = K.cast(K.constant([0, 1], other), dtype)
    assert K.dtype(there) == dtype
    back = K.cast(there, other)
    assert K.dtype(back) == other
    assert K.eval(back).astype(int).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_fingerprints_and_comparisons(engine, dtype):
    init = I.HeNormal(7)
    made, expected = init((30, 20), dtype), init((30, 20), dtype, backend="numpy")
    assert oneseed.fingerprint(made) == oneseed.fingerprint(expected)
    assert_same_weights(made, expected)
    assert_same_weights(init((20, 30), dtype, axes="o i"), expected, axes_a="o i")
    assert oneseed.fingerprint(made) != oneseed.fingerprint(expected.astype("float32"))


def test_as_values_of_an_initializer(engine):
    weights = I.HeNormal(7)((4, 3), "float8_e4m3fn")
    init = I.deserialize(json.loads(json.dumps(I.serialize(I.Constant(weights)))))
    assert_same_weights(init((4, 3), "float8_e4m3fn"), weights)
    assert_same_weights(I.get(weights)((4, 3), "float8_e4m3fn"), weights)
    assert I.RandomNormal(K.constant(0.5, "float8_e5m2"), 1.0, 1).mean == 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_keras_draws_no_float8(engine, dtype):
    generator = oneseed.SeedGenerator(1)
    with oneseed.using(rng="native"), pytest.raises(ValueError, match=r"use rng='portable'\. Received: dtype='float8"):
        I.HeNormal(generator)((2, 2), dtype)
    assert generator.count == 0


def test_traced_seeds():
    jax = pytest.importorskip("jax")

    for init in (I.HeNormal, I.Orthogonal):
        for dtype in DTYPES:
            made = jax.jit(lambda key, init=init, dtype=dtype: init(seed=key)((6, 4), dtype, backend="jax"))
            np.testing.assert_array_equal(patterns(made(jax.random.key(7))), patterns(init(seed=7)((6, 4), dtype)))
