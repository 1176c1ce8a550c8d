"""Draws in graphs of TensorFlow 1: as tensors, as the first values of variables, in control flow, and in tf_keras."""

import os
import subprocess
import sys

import numpy as np
import pytest
from frameworks import installed

import oneseed
from oneseed import initializers

if not installed("tensorflow"):
    pytest.skip("tensorflow is not installed", allow_module_level=True)

import tensorflow as tf

v1 = tf.compat.v1

DRAWS = {
    "normal": (initializers.HeNormal(seed=1), (6, 3), "float32"),
    "half": (initializers.HeNormal(seed=1), (6, 3), "bfloat16"),
    "float8": (initializers.HeNormal(seed=1), (6, 3), "float8_e4m3fn"),
    "truncated": (initializers.TruncatedNormal(seed=1), (6, 3), "float64"),
    "uniform": (initializers.RandomUniform(seed=1), (6, 3), "float16"),
    "integers": (initializers.RandomUniform(0, 10, seed=1), (6, 3), "int32"),
    "complex": (initializers.RandomNormal(seed=1), (6, 3), "complex64"),
    "zeros": (initializers.Zeros(), (6, 3), "float32"),
    "array": (initializers.Constant([1.0, 2.0, 3.0]), (6, 3), "float32"),
    "bool": (initializers.Ones(), (3,), "bool"),
    "signs": (initializers.RandomSign(seed=1), (6, 3), "float32"),
    "orthogonal": (initializers.Orthogonal(seed=1), (6, 3), "float32"),
    "sum": (initializers.Sum([initializers.Identity(), initializers.HeNormal(seed=1)]), (4, 4), "float32"),
    "blocks": (initializers.Blockwise(["ones", initializers.HeNormal(seed=1)], [3, 3], 0), (6, 3), "float32"),
}

WAYS = {
    "tensor": lambda make, shape, dtype: make(shape, dtype),
    "variable": lambda make, shape, dtype: tf.Variable(lambda: make(shape, dtype)),
    "get_variable": lambda make, shape, dtype: v1.get_variable("x", shape, dtype, initializer=make),
    "of a tensor": lambda make, shape, dtype: v1.get_variable("x", initializer=make(shape, dtype)),
    "cond": lambda make, shape, dtype: v1.cond(
        tf.constant(True), lambda: make(shape, dtype), lambda: make(shape, dtype)
    ),
    "function": lambda make, shape, dtype: tf.function(lambda: make(shape, dtype))(),
}


@pytest.fixture(autouse=True)
def tensorflow():
    with oneseed.using(backend="tensorflow"):
        yield


def same(found, init, shape, dtype="float32"):
    want = init(shape, dtype, backend="numpy")
    assert (found.dtype, found.shape, found.tobytes()) == (want.dtype, want.shape, want.tobytes())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", DRAWS)
def test_the_session_gives_the_eager_values(name, way):
    init, shape, dtype = DRAWS[name]
    with tf.Graph().as_default(), v1.Session() as session:
        made = WAYS[way](init, shape, dtype)
        session.run(v1.global_variables_initializer())
        same(np.asarray(session.run(made)), init, shape, dtype)


def lifted(make):
    with tf.init_scope():
        return make()


def in_graph(make):
    with tf.Graph().as_default():
        return make()


FIRST_CALLS = {
    "tf.function": lambda make: tf.function(make)(),
    "tf.init_scope": lambda make: tf.function(lambda: lifted(make))(),
    "tf.Graph": in_graph,
}


@pytest.mark.parametrize("shape", [(5, 3), (300, 200)])
@pytest.mark.parametrize("way", FIRST_CALLS)
def test_what_a_first_call_keeps_is_no_part_of_a_graph(way, shape):
    for init in (initializers.Constant(2.5), initializers.Zeros(), initializers.HeNormal(7)):
        FIRST_CALLS[way](lambda init=init: init(shape))
        for _ in range(2):
            same(init(shape).numpy(), init, shape)
            same(tf.function(lambda init=init: init(shape))().numpy(), init, shape)


def test_a_symbolic_seed():
    with tf.Graph().as_default(), v1.Session() as session:
        seed = v1.placeholder(tf.int64, ())
        made = initializers.HeNormal(seed)((6, 3))
        for number in (1, 2):
            same(session.run(made, {seed: number}), initializers.HeNormal(number), (6, 3))
        with pytest.raises(TypeError, match="`seed` must be an integer, or an eager tensor"):
            initializers.Orthogonal(seed=seed)((3, 3))


LAYERS = """
import numpy as np
import tensorflow as tf
import tf_keras
import oneseed
import oneseed_keras
from oneseed import initializers as plain

v1 = tf.compat.v1
if {disabled}:
    v1.disable_eager_execution()
ours = oneseed_keras.register_keras(tf_keras)
for make in (
    lambda i: i.HeNormal(seed=1),
    lambda i: i.Orthogonal(seed=1),
    lambda i: i.Constant(np.arange(3.0)),
    lambda i: i.Scaled(i.HeNormal(seed=1), 0.5),
    lambda i: i.Blockwise([i.Ones(), i.GlorotUniform(seed=2)], [2, 4], 0),
):
    want = make(plain)((6, 3), "float32", backend="numpy")
    for namespace in (ours, plain):
        with tf.Graph().as_default(), v1.Session() as session:
            layer = tf_keras.layers.Dense(3, kernel_initializer=make(namespace))
            layer(v1.placeholder(tf.float32, (None, 6)))
            session.run(v1.global_variables_initializer())
            assert session.run(layer.kernel).tobytes() == want.tobytes()
            model = tf_keras.Sequential([layer])
            model.build((None, 6))
            try:
                oneseed_keras.initialize(model, oneseed.schemes.keras(), seed=1)
            except ValueError as error:
                assert "must be initialized eagerly or in a tf.function" in str(error)
            else:
                raise AssertionError("an assignment that nothing runs")
inputs = tf_keras.Input((6,))
model = tf_keras.Model(inputs, tf_keras.layers.Dense(3, kernel_initializer=ours.HeNormal(seed=1))(inputs))
want = plain.HeNormal(seed=1)((6, 3), "float32", backend="numpy")
assert model.get_weights()[0].tobytes() == want.tobytes()
"""


@pytest.mark.parametrize("disabled", [False, True])
def test_layers_of_tf_keras(disabled):
    """In a graph of their own, and where eager execution is disabled for the whole process."""
    if not installed("tf_keras"):
        pytest.skip("tf_keras is not installed")
    done = subprocess.run(
        [sys.executable, "-c", LAYERS.format(disabled=disabled)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
