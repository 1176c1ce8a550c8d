"""Models of real layers with oneseed's initializers, in Keras 3 or tf_keras: built, trained, saved and loaded.

``python keras_models.py keras|tf_keras FOLDER`` (Keras 3 under KERAS_BACKEND) prints what came out as JSON.
"""

import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
from keras_places import default_dtype, device, distributed, names, policies, refusals, shared

import oneseed
import oneseed_keras
from oneseed.initializers import Constant, GlorotUniform, HeNormal, Ones, Orthogonal, RandomNormal, RandomUniform

LIBRARY = sys.argv[1]
BACKEND = os.environ["KERAS_BACKEND"] if LIBRARY == "keras" else "tensorflow"
if BACKEND == "tensorflow":
    import tensorflow as tf

    # Four devices of one processor.
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
else:
    sys.modules["tensorflow"] = None  # to an import this is as if it were not installed
if LIBRARY == "tf_keras":
    from tf_keras_strategies import dtensors, mirrored, sharded
keras = importlib.import_module(LIBRARY)
initializers = oneseed_keras.register_keras(keras)
VALUES = np.array([0.5, -1.5, 2.5, 0.25], "float32")
GATES = RandomNormal(stddev=0.1, seed=9)


def to_numpy(x):
    return keras.ops.convert_to_numpy(x) if LIBRARY == "keras" else x.numpy()


def axes(inputs, outputs):
    """The fans of an einsum's kernel are those of its equation, in Keras 3; tf_keras knows the shape alone."""
    return {"input_axes": inputs, "output_axes": outputs} if LIBRARY == "keras" else {}


def gates(units):
    """The bias of an LSTM: the forget gate's is one."""
    one = {"dtype": "float32"}
    return np.concatenate([GATES((units,), **one), np.ones(units, "float32"), GATES((2 * units,), **one)])


def layers():
    """Name each layer, with its input's shape, and what its weights must be: a drawn initializer, or the values."""
    i, build, he = initializers, keras.layers, HeNormal(seed=7)
    door = i.HeNormal(seed=7)
    yield "Dense", (6,), build.Dense(4, kernel_initializer=door, bias_initializer=i.Constant(VALUES)), [he, VALUES]
    yield "Conv1D", (6, 3), build.Conv1D(4, 3, kernel_initializer=door, bias_initializer=i.Ones()), [he, Ones()]
    yield "Conv2D", (6, 6, 3), build.Conv2D(4, 3, kernel_initializer=door, use_bias=False), [he]
    yield "Conv3D", (4, 4, 4, 2), build.Conv3D(3, 2, kernel_initializer=door, use_bias=False), [he]
    yield "Conv2DTranspose", (4, 4, 3), build.Conv2DTranspose(5, 3, kernel_initializer=door, use_bias=False), [he]
    yield (
        *("DepthwiseConv2D", (6, 6, 3)),
        build.DepthwiseConv2D(3, depth_multiplier=2, depthwise_initializer=door, use_bias=False),
        [he],
    )
    yield (
        *("SeparableConv2D", (6, 6, 3)),
        build.SeparableConv2D(
            *(4, 3),
            depthwise_initializer=door,
            pointwise_initializer=i.GlorotUniform(seed=3),
            use_bias=False,
        ),
        [he, GlorotUniform(seed=3)],
    )
    yield (
        *("EinsumDense", (5, 6)),
        build.EinsumDense("abc,cde->abde", (5, 3, 4), kernel_initializer=door),
        [HeNormal(seed=7, **axes([0], [1, 2]))],
    )
    inner, outer = (HeNormal(seed=7, **axes(*pair)) for pair in (([0], [1, 2]), ([0, 1], [2])))
    yield (
        *("MultiHeadAttention", (5, 6)),
        build.MultiHeadAttention(2, 4, kernel_initializer=door, bias_initializer=i.Ones()),
        [inner, Ones(), inner, Ones(), inner, Ones(), outer, Ones()],
    )
    embedding = build.Embedding(11, 4, embeddings_initializer=i.RandomUniform(-0.1, 0.1, seed=5))
    yield "Embedding", (5,), embedding, [RandomUniform(-0.1, 0.1, seed=5)]
    cell = {
        "kernel_initializer": door,
        "recurrent_initializer": i.Orthogonal(seed=8),
        "bias_initializer": i.RandomNormal(stddev=0.1, seed=9),
    }
    wanted = [he, Orthogonal(seed=8), gates(4)]
    yield "LSTM", (5, 3), build.LSTM(4, **cell), wanted
    yield "GRU", (5, 3), build.GRU(4, **cell), [he, Orthogonal(seed=8), GATES]
    yield "Bidirectional", (5, 3), build.Bidirectional(build.LSTM(4, **cell)), [*wanted, *wanted]
    statistics = {
        "beta_initializer": i.Constant(0.5),
        "gamma_initializer": i.RandomUniform(0.5, 1.5, seed=2),
        "moving_mean_initializer": i.Zeros(),
        "moving_variance_initializer": i.Ones(),
    }
    yield (
        *("BatchNormalization", (6, 3)),
        build.BatchNormalization(**statistics),
        [RandomUniform(0.5, 1.5, seed=2), Constant(0.5), np.zeros(3, "float32"), Ones()],
    )


def called(layer, given):
    return layer(given, given) if type(layer).__name__ == "MultiHeadAttention" else layer(given)


def assembled():
    """One model of all layers, each on an input of its own; and for each weight, what it must be."""
    inputs, outputs, wanted = [], [], []
    for name, shape, layer, expected in layers():
        given = keras.layers.Input(shape, name=f"of_{name.lower()}")
        inputs.append(given)
        outputs.append(keras.layers.Flatten()(called(layer, given)))
        wanted.append((name, layer, expected))
    joined = keras.layers.Concatenate()(outputs)
    last = keras.layers.Dense(1, kernel_initializer=initializers.GlorotUniform(oneseed.SeedGenerator(4)))
    wanted.append(("last Dense", last, [GlorotUniform(oneseed.SeedGenerator(4))]))
    return keras.Model(inputs, last(joined)), wanted


def batch(model):
    draw = RandomNormal(seed=oneseed.SeedGenerator(1))
    return [
        (np.arange(10).reshape(2, 5) if "embedding" in given.name else draw((2, *given.shape[1:]), "float32"))
        for given in model.inputs
    ]


def printed(weights):
    return [oneseed.fingerprint(to_numpy(weight)) for weight in weights]


def compared(wanted):
    """The fingerprint of each weight, and that of the portable draw on NumPy."""
    for name, layer, expected in wanted:
        weights = layer.weights[: len(expected)]
        for weight, value in zip(weights, expected, strict=True):
            found = to_numpy(weight)
            drawn = value if isinstance(value, np.ndarray) else value(found.shape, "float32", backend="numpy")
            yield f"{name} {weight.name}", oneseed.fingerprint(found), oneseed.fingerprint(drawn)


def trained(model, x):
    """The trainable weights that one step of training left as they were; or why there is no training."""
    # Run eagerly, JAX would compile each operation by itself.
    before = printed(model.trainable_weights)
    model.compile("sgd", "mse", run_eagerly=BACKEND != "jax")
    try:
        loss = model.train_on_batch(x, np.ones((2, 1), "float32"))
    except NotImplementedError as error:
        return f"{type(error).__name__}: {error}"
    assert np.isfinite(loss)
    after = printed(model.trainable_weights)
    names = [getattr(weight, "path", weight.name) for weight in model.trainable_weights]
    return [name for name, a, b in zip(names, before, after, strict=True) if a == b]


def refusal(call, *arguments):
    try:
        call(*arguments)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def home(file):
    """The module of the initializer that a loaded layer has."""
    return type(keras.models.load_model(file).layers[-1].kernel_initializer).__module__


def refused_calls():
    cls, shape = initializers.HeNormal, (8, 6)
    yield {"cls": cls, "shape": shape, "dtype": "int32"}
    yield {"cls": cls, "shape": (8, -6)}
    if LIBRARY == "keras":
        yield {"cls": cls, "shape": shape, "layout": "cpu"}
        return
    dtensor = tf.experimental.dtensor
    mesh = dtensor.create_mesh([("x", 4)], devices=[f"CPU:{number}" for number in range(4)])
    layout = dtensor.Layout(["x", dtensor.UNSHARDED], mesh)
    yield {"cls": cls, "shape": shape, "layout": "x"}
    yield {"cls": cls, "shape": (8, 6, 2), "layout": layout}
    yield {"cls": cls, "shape": (6, 6), "layout": layout}
    yield {"cls": cls, "shape": shape, "layout": layout, "partition_shape": (1, 1), "partition_offset": (0, 0)}
    yield {"cls": cls, "shape": shape, "partition_shape": (1, 1)}
    yield {"cls": cls, "shape": shape, "partition_shape": (1, 1), "partition_offset": (8, 0)}


def main():
    folder = Path(sys.argv[2])
    report = {}
    model, wanted = assembled()
    report["weights"] = list(compared(wanted))
    initial = printed(model.weights)
    report["rebuilt"] = [initial, printed(type(model).from_config(model.get_config()).weights)]
    x = batch(model)
    report["unchanged by a step"] = trained(model, x)
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    report["loaded"] = [printed(model.weights), printed(loaded.weights)]
    report["outputs"] = printed([model(x), loaded(x)])
    report["configs"] = [json.dumps(each.get_config()) for each in (model, loaded)]
    report["cloned"] = [initial, printed(keras.models.clone_model(loaded).weights)]
    dense = next(layer for layer in loaded.layers if layer.name == wanted[0][1].name)
    report["constant"] = [
        VALUES.tolist(),
        dense.bias_initializer.value.tolist(),
        type(dense.bias_initializer).__module__,
    ]
    report["generator"] = repr(loaded.layers[-1].kernel_initializer)
    small = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4, kernel_initializer="oneseed>he_normal")])
    small.save(folder / "model.h5")
    report["loaded from h5"] = [printed(small.weights), printed(keras.models.load_model(folder / "model.h5").weights)]
    if LIBRARY == "tf_keras":
        small.save(folder / "saved_model", save_format="tf")
        report["loaded from SavedModel"] = [
            printed(each.weights) for each in (small, keras.models.load_model(folder / "saved_model"))
        ]
    plain = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4, kernel_initializer=RandomNormal(seed=7))])
    plain.save(folder / "plain.keras")
    report["plain"] = home(folder / "plain.keras")
    report["policies"] = list(policies(keras, initializers))
    report["shared"] = list(shared(keras, initializers))
    report["names"] = list(names(keras, initializers))
    report["refused"] = list(refusals(refused_calls()))
    report["default dtype"] = default_dtype(keras, initializers)
    if LIBRARY == "tf_keras":
        report |= {strategy.__name__: list(strategy(initializers)) for strategy in (mirrored, dtensors, sharded)}
    else:
        report["is a tensor"] = bool(keras.ops.is_tensor(initializers.HeNormal(seed=7)((2, 3))))
        report["device"] = device(keras, initializers)
        if BACKEND == "jax":
            report["distributed"] = list(distributed(keras, initializers))
    # The registry is emptied last: what a process meets that has registered nothing.
    keras.saving.get_custom_objects().clear()
    report["not registered"] = refusal(keras.models.load_model, folder / "model.keras")
    refused = refusal(keras.models.load_model, folder / "plain.keras")
    report["plain, not registered"] = home(folder / "plain.keras") if refused == "accepted" else refused
    print(json.dumps(report))


if __name__ == "__main__":
    main()
