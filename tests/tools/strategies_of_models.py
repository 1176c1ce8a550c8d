"""Fill whole models under TensorFlow's strategies by one scheme; print the weights' fingerprints as JSON.

``python strategies_of_models.py tf_keras|keras``. Each weight has a fingerprint for each replica or device that holds a
copy of it; "blocks" are the shapes that the backend was asked for.
"""

import gc
import json
import os
import sys
from contextlib import nullcontext

os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras_strategies import parameter_servers

import oneseed
import oneseed_keras
from oneseed import Rule, Scheme
from oneseed.initializers import RandomNormal, RandomUniform
from oneseed_tensorflow.adapter import TensorflowBackend

SCHEME = Scheme(
    [
        Rule("top/kernel", "orthogonal"),
        Rule("*kernel", "he_normal"),
        Rule("*/embeddings", RandomNormal(stddev=0.02)),
        Rule("hidden/bias", RandomUniform()),
        Rule("norm/moving_mean", RandomNormal(), state=True),
    ],
    otherwise="ones",
)


def names(name):
    return name.removeprefix("net/").replace("head/", "top/")


def build(keras, layouts=None):
    """A model of known layers. `layouts` cut the weights of those that take them; the others have no place then."""
    make, layout = keras.layers, layouts or (lambda **ranks: {})
    inputs = make.Input((5,), dtype="int32")
    x = make.Embedding(12, 4, name="table", **layout(embeddings="xy"))(inputs)
    x = make.Conv1D(6, 3, name="conv", **layout(kernel="-xy", bias="y"))(x)
    x = make.EinsumDense("abc,cde->abde", (3, 3, 2), name="heads")(x) if layouts is None else x
    x = make.Flatten()(x)
    x = make.Dense(6, name="hidden", **layout(kernel="y-", bias="x"))(x)
    x = make.BatchNormalization(name="norm")(x) if layouts is None else x
    x = make.Dense(4, name="half", dtype="bfloat16", **layout(kernel="x-", bias="-"))(x)
    x = make.Dense(3, name="frozen", trainable=False, **layout(kernel="--", bias="-"))(x)
    return keras.Model(inputs, make.Dense(8, name="head", **layout(kernel="-y", bias="y"))(x), name="net")


class Filled:
    """A model that was filled, and which blocks were drawn for it."""

    def __init__(self, model):
        self.model, self.blocks, draw = model, [], TensorflowBackend.draw

        def recorded(backend, its, device=None):
            self.blocks.append([its.path[0], list(its.block)])
            return draw(backend, its, device)

        TensorflowBackend.draw = recorded
        try:
            oneseed_keras.initialize(model, SCHEME, seed=7, names=names)
        finally:
            TensorflowBackend.draw = draw

    def report(self, copies):
        """Print the weights by name; `copies` gives the arrays of one, by what `model.weights` lists."""
        found = {}
        for name, arrays in copies(self.model.weights):
            found[name.removeprefix("net/").removesuffix(":0")] = [oneseed.fingerprint(array) for array in arrays]
        return {
            "weights": found,
            "blocks": self.blocks,
            "axes": {name.removeprefix("net/"): axes for name, axes in oneseed_keras.axes_of(self.model).items()},
        }


def refusal(model, scheme=SCHEME, call=lambda function: function(), numpy=lambda weight: weight.numpy()):
    """Return the message of a refusal, which must leave the weights as they are."""
    before = [numpy(weight) for weight in model.trainable_weights]
    try:
        call(lambda: oneseed_keras.initialize(model, scheme, seed=8, names=names))
    except ValueError as error:
        for weight, values in zip(model.trainable_weights, before, strict=True):
            np.testing.assert_array_equal(numpy(weight), values)
        return str(error)
    raise AssertionError("it was not refused")


def of_replicas(weights):
    for weight in weights:
        held = getattr(weight, "value", weight)
        values = weight.values if callable(held) else held.values
        yield getattr(weight, "path", weight.name), [copy.numpy() for copy in values]


def mirrored(keras):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1", "CPU:2"])
    for inside in (False, True):
        with strategy.scope():
            model = build(keras)
        with strategy.scope() if inside else nullcontext():
            filled = Filled(model)
        yield filled.report(of_replicas)
    yield refusal(model, call=strategy.run)


def of_shards(weights):
    """Join the shards by the numbers in their names."""
    shards = {}
    for weight in weights:
        if hasattr(weight, "path"):  # Keras 3 holds them together
            shards[weight.path] = [shard.numpy() for shard in weight.value.variables]
        else:
            name, _, number = weight.name.removesuffix(":0").rpartition("/part_")
            assert int(number) == len(shards.setdefault(name, []))
            shards[name].append(weight.numpy())
    for name, arrays in shards.items():
        assert len(arrays) == min(3, sum(map(len, arrays)))
        yield name, [np.concatenate(arrays)]


def sharded(keras):
    with parameter_servers(3) as strategy:
        for inside in (False, True):
            with strategy.scope():
                model = build(keras)
            with strategy.scope() if inside else nullcontext():
                filled = Filled(model)
            yield filled.report(of_shards)
        if keras is tf_keras:
            yield refusal(model, scheme=Scheme([Rule("*bias", "zeros")]))
            with strategy.scope():
                layer = tf_keras.layers.Layer(name="layer")
                layer.shards = tf.Variable(tf.ones((6, 2))).variables
            gc.collect()
            yield refusal(layer)


def dtensors(keras):
    dtensor = tf.experimental.dtensor
    mesh = dtensor.create_mesh([("x", 2), ("y", 2)], devices=[f"CPU:{number}" for number in range(4)])

    def layouts(**specs):
        return {
            f"{name}_layout": dtensor.Layout([axis if axis != "-" else dtensor.UNSHARDED for axis in axes], mesh)
            for name, axes in specs.items()
        }

    def whole(weight):
        return dtensor.relayout(weight, dtensor.Layout.replicated(mesh, rank=len(weight.shape)))

    def copies(weights):
        for weight in weights:
            yield weight.name, [copy.numpy() for copy in dtensor.unpack(whole(weight))]

    for inside in (False, True):
        with dtensor.default_mesh(mesh):
            model = build(keras, layouts)
        before = [dtensor.fetch_layout(weight) for weight in model.weights]
        with dtensor.default_mesh(mesh) if inside else nullcontext():
            filled = Filled(model)
        assert [dtensor.fetch_layout(weight) for weight in model.weights] == before
        yield filled.report(copies)
    yield refusal(model, call=lambda call: tf.function(call, autograph=False)(), numpy=lambda its: whole(its).numpy())


def main():
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    tf_keras.utils.set_random_seed(1)  # without which DTensors of tf_keras's own initializers are refused
    if sys.argv[1] == "keras":
        import keras

        kinds = mirrored, sharded
    else:
        keras, kinds = tf_keras, (mirrored, dtensors, sharded)  # a cluster, once joined, renames the devices
    print(json.dumps({kind.__name__: list(kind(keras)) for kind in kinds}))


if __name__ == "__main__":
    main()
