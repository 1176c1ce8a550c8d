"""What only TensorFlow has: its functions and compiler, tensors as seeds, devices, and Keras on top of it."""

import os
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from frameworks import installed
from tools.keras_cases import INITIALIZERS

import oneseed
from oneseed import backend as K
from oneseed import initializers, registry
from oneseed.dtypes import numpy_dtype

if not installed("tensorflow"):
    pytest.skip("tensorflow is not installed", allow_module_level=True)

import tensorflow as tf

from oneseed_tensorflow.compiled import Kind, program

SHIFTED = initializers.RandomNormal(0.3, 0.02, 7)


@pytest.fixture(autouse=True)
def tensorflow():
    with oneseed.using(backend="tensorflow"):
        yield registry.load("tensorflow")


def bits(x):
    array = np.asarray(x)
    return array.view(f"u{array.dtype.itemsize}")


def same(x, init, shape, dtype="float32", **call):
    expected = init(shape, dtype, backend="numpy", **call)
    assert isinstance(x, tf.Tensor)
    assert (x.dtype.name, tuple(x.shape)) == (dtype, shape)
    np.testing.assert_array_equal(bits(x), bits(expected))


@pytest.mark.parametrize("jit_compile", [None, False, True])
@pytest.mark.parametrize("autograph", [False, True])
def test_many_values_inside_functions(jit_compile, autograph):
    @tf.function(jit_compile=jit_compile, autograph=autograph)
    def make():
        return [init((300, 200), dtype) for init, dtype in cases]

    inits = [
        SHIFTED,
        initializers.RandomNormal(-5.0, 0.01, 8),
        initializers.HeNormal(9),
        initializers.TruncatedNormal(1.0, 0.125, 1),
        initializers.RandomUniform(0.1, 0.7, 3),
        initializers.RandomUniform(2.0, 3.0, 2**64 - 1),
    ]
    cases = list(product(inits, ("float32", "float64")))
    for made, (init, dtype) in zip(make(), cases, strict=True):
        same(made, init, (300, 200), dtype)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_every_distribution_runs_in_functions(jit_compile):
    inits = [getattr(initializers, name)(**arguments, seed=3) for name, arguments in INITIALIZERS.items()]
    inits += [initializers.Zeros(), initializers.Constant([1.0, 2.0, 3.0, 4.0, 5.0]), initializers.Identity()]
    draw = tf.function(lambda: [init((7, 5)) for init in inits], jit_compile=jit_compile)
    for init, made in zip(inits, draw(), strict=True):
        same(made, init, (7, 5))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("seed", [0, 1, 100])
def test_seeds_that_are_tensors(dtype, seed):
    expected = initializers.HeNormal(seed)
    eager = tf.constant(seed, dtype)
    same(initializers.HeNormal(eager)((6, 4)), expected, (6, 4))
    for jit_compile in (False, True):
        draw = tf.function(lambda s: initializers.HeNormal(s)((6, 4)), jit_compile=jit_compile)
        same(draw(eager), expected, (6, 4))


@pytest.mark.parametrize("seed", [2**63, 2**64 - 1])
def test_seeds_of_64_bits(seed):
    tensor = tf.constant(np.uint64(seed))
    for draw in (oneseed.random.normal, tf.function(oneseed.random.normal, autograph=False)):
        same(draw((9,), seed=tensor), initializers.RandomNormal(0.0, 1.0, seed), (9,))


def test_a_variable_as_a_seed():
    seed = tf.Variable(7, dtype=tf.int64)
    init = initializers.HeNormal(seed)
    draw = tf.function(lambda: init((6, 4)))
    for value in (7, 8):
        seed.assign(value)
        same(init((6, 4)), initializers.HeNormal(value), (6, 4))
        same(draw(), initializers.HeNormal(value), (6, 4))


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (tf.constant([1, 2]), TypeError, "a scalar of an integer dtype"),
        (tf.constant(1.0), TypeError, "a scalar of an integer dtype"),
        (tf.constant(-1), ValueError, r"must lie in \[0, 2\*\*64\)"),
    ],
)
def test_seeds_that_are_refused(seed, error, message):
    with pytest.raises(error, match=f"`seed` .*{message}.*Received: seed="):
        initializers.HeNormal(seed)((2, 2))


def test_a_seed_without_a_value_cannot_reach_the_host():
    @tf.function
    def orthogonal(seed):
        return initializers.Orthogonal(1.0, seed)((3, 3))

    with pytest.raises(TypeError, match="`seed` must be an integer, or an eager tensor"):
        orthogonal(tf.constant(1))
    same(initializers.Orthogonal(1.0, tf.constant(1))((3, 3)), initializers.Orthogonal(1.0, 1), (3, 3))


def test_a_tensor_as_a_seed_is_of_this_backend_alone():
    with pytest.raises(TypeError, match="`seed` must be an integer on the numpy backend"):
        initializers.HeNormal(tf.constant(1))((2, 2), backend="numpy")


def test_nothing_is_compiled_twice():
    def traces():
        return program(kind).experimental_get_tracing_count()

    kind = Kind("normal", "float32", "float32", 32, True, (13, 11), (11, 1))

    @tf.function(autograph=False)
    def draw(mean, stddev, seed, path):
        return initializers.RandomNormal(mean, stddev, seed)((13, 11), path=path)

    draw(0.5, 0.1, 1, "a")
    kinds, first = program.cache_info().currsize, traces()
    assert first == 1
    for mean, stddev, seed, path in [(0.5, 0.1, 2, "a"), (0.5, 0.2, 1, "b"), (-7.0, 0.1, tf.constant(3), ("c", 4))]:
        draw(mean, stddev, seed, path)
    assert (program.cache_info().currsize, traces()) == (kinds, first)


def test_seeds_of_loops_and_pipelines():
    def draw(seed):
        return initializers.HeNormal(seed)((3, 4))

    mapped = [
        tf.map_fn(draw, tf.range(3), fn_output_signature=tf.float32),
        tf.vectorized_map(draw, tf.range(3)),
        list(tf.data.Dataset.range(3).map(draw)),
    ]
    for made in mapped:
        for seed in range(3):
            same(made[seed], initializers.HeNormal(seed), (3, 4))


def test_saved_models(tmp_path):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((), tf.int64)])
        def draw(self, seed):
            return initializers.HeNormal(seed)((3, 4))

    tf.saved_model.save(Module(), str(tmp_path))
    same(tf.saved_model.load(str(tmp_path)).draw(tf.constant(7, tf.int64)), initializers.HeNormal(7), (3, 4))


def test_blocks_and_axes_in_functions():
    call = {"axes": "o i k", "partition_shape": (5, 32, 2), "partition_offset": (7, 0, 1)}
    init = initializers.GlorotUniform(1)
    made = tf.function(lambda: init((64, 32, 3), **call), jit_compile=True)()
    np.testing.assert_array_equal(bits(made), bits(init((64, 32, 3), backend="numpy", **call)))


REPEATS = "without an int as `seed`, in a program that tensorflow records: the program repeats"


def test_a_generator_in_a_function_counts_when_it_is_traced():
    one, two = (initializers.HeNormal(oneseed.random.SeedGenerator(7)) for _ in range(2))
    draw = tf.function(lambda: (one((3, 2)), one((3, 2))))
    with pytest.warns(UserWarning, match=REPEATS):
        drawn = draw()
    for made in drawn:
        np.testing.assert_array_equal(bits(made), bits(two((3, 2), backend="numpy")))
    np.testing.assert_array_equal(bits(draw()[0]), bits(drawn[0]))  # which is what the warning is of


def test_a_seed_that_is_taken_in_a_function_is_warned_of():
    before = initializers.HeNormal()
    with pytest.warns(UserWarning, match=REPEATS):
        tf.function(lambda: initializers.HeNormal()((3, 2)))()
    tf.function(lambda: before((3, 2)))()
    tf.function(lambda: initializers.Spectral(base="he_normal", seed=7)((3, 2)))()


@pytest.mark.parametrize("device", ["CPU:0", "cpu", "/CPU:0", "/device:CPU:0"])
def test_devices(device):
    made = SHIFTED((4, 3), device=device)
    assert made.device.endswith("CPU:0")
    same(made, SHIFTED, (4, 3))
    same(tf.function(lambda: SHIFTED((4, 3), device=device))(), SHIFTED, (4, 3))


@pytest.mark.parametrize("device", ["", "GPU:77", "CPU:77", "cpu:x", "nowhere", 3.5, b"cpu", ["cpu"]])
def test_devices_that_are_refused(device):
    with pytest.raises(ValueError, match="`device` must be None or the name of a device that TensorFlow sees: "):
        SHIFTED((4, 3), device=device)


def test_several_devices():
    code = """
import tensorflow as tf
cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import oneseed
init = oneseed.initializers.HeNormal(7)
expected = init((30, 20), backend="numpy")
oneseed.set_backend("tensorflow")
made = {"named": init((30, 20), device="CPU:1"), "filled": oneseed.initializers.Ones()((2,), device="CPU:1")}
with tf.device("CPU:1"):
    made["scoped"] = init((30, 20))
    made["function"] = tf.function(lambda: init((30, 20)))()
for name, tensor in made.items():
    assert tensor.device.endswith("CPU:1"), (name, tensor.device)
    assert name == "filled" or (tensor.numpy() == expected).all()
assert init((30, 20)).device.endswith("CPU:0")

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    variable = tf.Variable(init((30, 20)))
for part in strategy.experimental_local_results(variable):
    assert (part.numpy() == expected).all()
for part in strategy.experimental_local_results(strategy.run(tf.function(lambda: init((30, 20))))):
    assert (part.numpy() == expected).all()
"""
    run(code)


@pytest.mark.parametrize("columns", [5, 1 << 16])
def test_large_eager_tensors_take_the_memory_over(columns):
    from oneseed_numpy.pages import aligned
    from oneseed_tensorflow.memory import COPIED, as_tensor

    for dtype in ("float32", "bfloat16"):
        memory = aligned((3, columns), numpy_dtype(dtype))
        memory[...] = 1
        tensor = as_tensor(memory)
        memory[...] = 2
        value = 1 if memory.nbytes < COPIED else 2
        assert (tensor.numpy() == value).all()
        assert ((tensor + tensor).numpy() == 2 * value).all()


def test_variables():
    source = np.arange(3.0)
    variable = K.variable(source, name="weights")
    source[:] = 9
    assert isinstance(variable, tf.Variable)
    assert variable.name.startswith("weights")
    assert K.get_value(variable).tolist() == [0, 1, 2]
    K.get_value(variable)[:] = 9
    assert K.get_value(variable).tolist() == [0, 1, 2]
    K.set_value(variable, tf.constant([5.0, 6.0, 7.0]))
    assert variable.numpy().tolist() == [5, 6, 7]
    with pytest.raises(TypeError, match=r"must be a tf\.Variable"):
        K.set_value(tf.zeros(3), [1, 2, 3])


def test_tensors_without_values():
    @tf.function
    def inside(x):
        assert K.is_tensor(x)
        assert (K.dtype(x), K.int_shape(x)) == ("float32", (2,))
        made = K.cast(x, "float64"), K.zeros_like(x)
        with pytest.raises(TypeError, match="A symbolic tensor has no values"):
            K.eval(x)
        return made

    assert [t.dtype.name for t in inside(tf.ones(2))] == ["float64", "float32"]


def test_dtypes_of_tensorflow():
    for dtype in (tf.float16, tf.bfloat16, tf.float32, tf.float64):
        assert SHIFTED((2,), dtype).dtype is dtype
    for number in (1, True, np.int64(1)):  # which tf.float32 is equal to
        with pytest.raises(TypeError, match="`dtype` must be one of"):
            SHIFTED((2,), number)


def run(code, **environment):
    """Run Python in a process of its own, without TensorFlow's log."""
    paths = os.pathsep.join(path for path in sys.path if path)
    settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths, **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


CONVERTED = """
import logging
import tensorflow as tf
import oneseed
warnings = []
log = logging.Handler(logging.WARNING)
log.emit = lambda record: warnings.append(record.getMessage())
tf.get_logger().addHandler(log)
make = tf.function(lambda seed: oneseed.initializers.HeNormal(seed)((4, 3), axes="o i", path="w", backend="tensorflow"))
make(tf.constant(3))
assert not warnings, warnings
"""


def test_autograph_has_nothing_to_say_of_a_call(tmp_path):
    (tmp_path / "converted.py").write_text(CONVERTED, "utf-8")  # it reads the source of what it converts
    run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import converted")


LAYERS = """
import numpy as np
import oneseed
oneseed.set_backend("{backend}")
init = oneseed.initializers.HeNormal(7)
dense = keras.layers.Dense(4, kernel_initializer=init, bias_initializer=oneseed.initializers.Constant(0.5))
conv = keras.layers.Conv2D(5, 3, kernel_initializer=init, dtype="float16")
assert dense(np.ones((2, 3), "float32")).shape == (2, 4)
assert conv(np.ones((2, 8, 8, 3), "float16")).shape == (2, 6, 6, 5)
for layer, shape, dtype in ((dense, (3, 4), "float32"), (conv, (3, 3, 3, 5), "float16")):
    expected = init(shape, dtype, backend="numpy")
    kernel = layer.get_weights()[0]
    assert kernel.dtype == expected.dtype and kernel.tobytes() == expected.tobytes(), layer
assert (dense.get_weights()[1] == 0.5).all()
model = keras.Sequential([keras.layers.Dense(4, kernel_initializer=init)])
model.compile("sgd", "mse")
model.fit(np.ones((2, 3)), np.ones((2, 4)), verbose=0)
"""


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_layers_of_tf_keras(backend):
    if not installed("tf_keras"):
        pytest.skip("tf_keras is not installed")
    run("import tf_keras as keras\n" + LAYERS.format(backend=backend))


def test_native_draws_need_a_number():
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="`seed` must be an integer"):
        tf.function(lambda seed: initializers.HeNormal(seed)((2, 2)))(tf.constant(1))
