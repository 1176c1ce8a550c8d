"""The functions of `keras.backend` on each framework: its tensors, unknown sizes, and variables of Keras 3."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import ALL, installed, peer

import oneseed
from oneseed import backend as K
from oneseed import registry
from oneseed.dtypes import FLOATS, INTEGERS, numpy_dtype

SCRIPT = Path(__file__).parent / "tools" / "keras_variables.py"

DTYPES = [*FLOATS, *INTEGERS, "bool", "complex64"]


@pytest.fixture(params=ALL)
def engine(request):
    with oneseed.using(backend=request.param):
        yield registry.load(request.param)


def bits(x):
    array = np.ascontiguousarray(x)
    return array.dtype.name, array.shape, array.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["zeros_like", "ones_like"])
def test_like(engine, all_widths, name, dtype):
    """Of the shape and dtype of the model, or of the dtype asked for; a variable gives a tensor."""
    function, want = getattr(K, name), {"zeros_like": np.zeros, "ones_like": np.ones}[name]
    x = K.ones((2, 3), dtype)
    assert engine.is_tensor(function(x))
    assert bits(K.eval(function(x))) == bits(want((2, 3), numpy_dtype(dtype)))
    other = function(K.variable([[1.0, 2.0]]), dtype)
    assert bits(K.eval(other)) == bits(want((1, 2), numpy_dtype(dtype)))
    assert not getattr(other, "requires_grad", False)


def test_identity_is_a_tensor_that_stays(engine):
    x = K.variable([1.0, -0.0, 3.0])
    same = K.identity(x, name="same")
    before = bits(K.eval(same).copy())
    assert before == bits(np.array([1, -0.0, 3], "float32"))
    if engine.name != "jax":  # whose arrays never change
        K.set_value(x, [4, 5, 6])
    assert bits(K.eval(same)) == before
    assert type(same).__name__ not in ("Parameter", "ResourceVariable")


def test_shape_and_count(engine):
    x = K.zeros((4, 0, 3))
    assert engine.is_tensor(K.shape(x))
    assert bits(K.eval(K.shape(x))) == bits(np.array([4, 0, 3], "int32"))
    assert bits(K.eval(K.shape(K.constant(1.0)))) == bits(np.array([], "int32"))
    assert K.count_params(x) == 0
    assert K.count_params(K.zeros((4, 5, 3))) == 60
    assert type(K.count_params(K.constant(1.0))) is int


def test_constant_takes_a_shape(engine):
    for value, shape in (([1, 2, 3, 4, 5, 6], (2, 3)), ([[1, 2, 3], [4, 5, 6]], (3, 2)), ([7], ()), (5, (2, 2))):
        made = K.eval(K.constant(value, shape=shape))
        want = np.full(shape, value) if value == 5 else np.reshape(value, shape)
        assert bits(made) == bits(want.astype("float32"))
    with pytest.raises(ValueError, match="cannot be broadcast"):
        K.constant([1, 2, 3], shape=(2, 2))


def test_random_variables_are_the_portable_draws(engine):
    uniform = K.random_uniform_variable((4, 3), -1.0, 2.0, dtype="float16", name="u", seed=7)
    assert bits(K.eval(uniform)) == bits(oneseed.random.uniform((4, 3), -1.0, 2.0, "float16", 7, backend="numpy"))
    normal = K.random_normal_variable((4, 3), mean=0.5, scale=0.1, seed=7)
    assert bits(K.eval(normal)) == bits(oneseed.random.normal((4, 3), 0.5, 0.1, "float32", 7, backend="numpy"))
    assert type(uniform) is type(K.variable([1.0]))
    assert bits(K.eval(K.random_normal_variable((4,), 0, 1))) != bits(K.eval(K.random_normal_variable((4,), 0, 1)))


@pytest.mark.parametrize("dtype", [None, "float16", "bfloat16", "float8_e4m3fn", "int8", "int32", "bool"])
@pytest.mark.parametrize("function", [K.random_bernoulli, K.random_binomial])
def test_bernoulli_is_what_the_words_say(engine, function, dtype):
    """1 where the word of the stream is below p * 2**32, on every backend and in every dtype."""
    drawn = function((1000,), 0.3, dtype, 7)
    assert engine.is_tensor(drawn)
    words = oneseed.initializers.UniformInt(0, 2**32, seed=7)((1000,), "uint32", path=(1,), backend="numpy")
    want = (words < round(0.3 * 2**32)).astype(numpy_dtype(dtype or "float32"))
    assert bits(K.eval(drawn)) == bits(want)


def test_bernoulli_at_its_ends(engine):
    assert not K.eval(K.random_bernoulli((50,), seed=7)).any()
    assert K.eval(K.random_bernoulli((50,), 1.0, seed=7)).all()
    with pytest.raises(ValueError, match="`p` must lie in"):
        K.random_bernoulli((2,), 1.5)


def test_batches_of_values(engine):
    x, y = K.variable([1.0, 2.0]), K.variable(3, "int32")
    if engine.name == "jax":
        with pytest.raises(TypeError, match="cannot be changed in place"):
            K.batch_set_value([(x, [4, 5])])
        return
    K.batch_set_value([(x, [4, 5]), (y, 6)])
    assert [value.tolist() for value in K.batch_get_value([x, y])] == [[4, 5], 6]
    assert K.batch_get_value([]) == []
    with pytest.raises(ValueError, match="must have the shape of the variable"):
        K.batch_set_value([(x, [7, 8]), (y, [9, 9])])
    assert [value.tolist() for value in K.batch_get_value([x, y])] == [[4, 5], 6]


@pytest.mark.parametrize("dtype", [None, "int8", "float8_e4m3fn", "bool"])
@pytest.mark.parametrize("name", ["zeros_like", "ones_like"])
@pytest.mark.parametrize("known", [(None, 2), (None, None), None])
def test_sizes_that_tensorflow_does_not_know_yet(known, name, dtype):
    tf = peer("tensorflow")
    function, want = getattr(K, name), {"zeros_like": np.zeros, "ones_like": np.ones}[name]
    traced = tf.function(lambda x: function(x, dtype), input_signature=[tf.TensorSpec(known)])
    for rows in (5, 0):
        found = traced(tf.fill((rows, 2), np.nan)).numpy()
        assert bits(found) == bits(want((rows, 2), numpy_dtype(dtype or "float32")))
    (output,) = traced.get_concrete_function().outputs
    assert known is None or tuple(output.shape) == known


def test_what_else_is_asked_of_unknown_sizes():
    tf = peer("tensorflow")

    def asked(x):
        assert K.int_shape(x) == (None, 2)
        with pytest.raises(ValueError, match="`x` must have a known shape"):
            K.count_params(x)
        return K.shape(x), K.identity(x), K.cast(x, "int32")

    shape, same, whole = tf.function(asked, input_signature=[tf.TensorSpec((None, 2))])(tf.fill((5, 2), 3.0))
    assert shape.numpy().tolist() == [5, 2]
    assert (same.numpy() == 3).all()
    assert (whole.numpy() == 3).all()


@pytest.mark.parametrize("name", ["zeros_like", "ones_like"])
def test_symbolic_sizes_of_jax(name):
    jax = peer("jax")
    export = pytest.importorskip("jax.export")
    argument = jax.ShapeDtypeStruct(export.symbolic_shape("b, 2"), "float32")
    exported = export.export(jax.jit(getattr(K, name)))(argument)
    found = exported.call(np.full((5, 2), 3, "float32"))
    assert bits(found) == bits(np.full((5, 2), name == "ones_like", "float32"))


def test_nothing_is_set_in_a_graph_of_tensorflow_1():
    tf = peer("tensorflow")
    with tf.Graph().as_default():
        x = tf.Variable([1.0, 2.0])
        with pytest.raises(ValueError, match=r"must be changed eagerly or in a tf\.function"):
            K.set_value(x, [3, 4])


@pytest.mark.parametrize("name", ALL)
def test_variables_of_keras(name):
    """On each of Keras's backends, and whichever backend is in force."""
    if not installed("keras"):
        pytest.skip("keras is not installed")
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"all hold on {name}"
