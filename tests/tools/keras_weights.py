"""Build a model in Keras 3 or in tf_keras and fill it by a scheme; print its weights' fingerprints by name as JSON."""

import json
import sys
from importlib import import_module

import numpy as np

import oneseed
import oneseed_keras
from oneseed import Rule, Scheme

keras = import_module(sys.argv[1])
layers = keras.layers


def build():
    inputs = x = layers.Input((8, 8, 3))
    for layer in (
        layers.Conv2D(4, 3, name="conv"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
        layers.BatchNormalization(name="norm"),
        layers.Conv2DTranspose(6, 2, name="up"),
        layers.Reshape((25, 6)),
        layers.LSTM(5, return_sequences=True, name="lstm"),
        layers.EinsumDense("abc,cde->abde", output_shape=(25, 2, 4), name="heads"),
        layers.Flatten(),
        layers.Dense(3, name="frozen", trainable=False),
        layers.Dense(2, name="head"),
    ):
        x = layer(x)
    return keras.Model(inputs, x)


class Experts(layers.Layer):
    """A layer of one's own, whose class does not tell what the axes of its weight are."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(4, 3, 5), name="kernel", initializer="zeros")
        self.table = self.add_weight(shape=(4, 3, 5), name="table", initializer="zeros", trainable=False)


def values(weight):
    if sys.argv[1] == "tf_keras":
        return weight.numpy()
    return keras.ops.convert_to_numpy(weight.value)


def names(model):
    return {
        weight.name.removesuffix(":0") if sys.argv[1] == "tf_keras" else weight.path: weight for weight in model.weights
    }


def snapshot(model):
    return {name: oneseed.fingerprint(values(weight)) for name, weight in names(model).items()}


def refused(model, *args, **options):
    """Return the message of a refusal, which must leave all weights as they were."""
    before = snapshot(model)
    try:
        oneseed_keras.initialize(model, *args, **options)
    except (TypeError, ValueError) as error:
        assert snapshot(model) == before
        return f"{type(error).__name__}: {error}"
    raise AssertionError("it was not refused")


def main():
    model = build()
    start = snapshot(model)
    scheme = Scheme([Rule("*kernel", "he_normal"), Rule("*gamma", "ones")], otherwise="zeros")
    oneseed_keras.initialize(model, scheme, seed=7, names=lambda name: name.replace("head/", "top/"))
    after = snapshot(model)
    named = Scheme([Rule("*/moving_mean", oneseed.initializers.RandomNormal(), state=True)], otherwise=oneseed.KEEP)
    oneseed_keras.initialize(model, named, seed=7)
    last = snapshot(model)
    twice = keras.Sequential([layers.Input((2,)), layers.Dense(2, name="a"), layers.Dense(2, name="b")])
    messages = {
        "unmatched": refused(model, Scheme([Rule("*kernel", "he_normal")]), seed=7),
        "axes": refused(model, scheme, seed=7, axes={"nothing": "i o"}),
        "dtype": refused(model, Scheme([Rule("*", "zeros", dtype="float16")]), seed=7),
        "names": refused(twice, scheme, seed=7, names=lambda name: name.rpartition("/")[2]),
        "seed": refused(model, scheme, seed=-1),
        "scheme": refused(model, "he_normal", seed=7),
    }
    experts = Experts(name="experts")
    experts.build(None)
    messages["guess"] = refused(experts, scheme, seed=7)
    (name,) = (name for name in names(experts) if name.endswith("kernel"))
    oneseed_keras.initialize(experts, scheme, seed=7, names={name: "experts.kernel"}, axes={name: "b i o"})
    messages["guessed"] = snapshot(experts)[name]
    for what, wrong in (("layer", np.ones(3)), ("unbuilt", layers.Dense(2))):
        try:
            oneseed_keras.initialize(wrong, scheme, seed=7)
        except (TypeError, ValueError) as error:
            messages[what] = f"{type(error).__name__}: {error}"
    shapes = {name: list(weight.shape) for name, weight in names(model).items()}
    axes = oneseed_keras.axes_of(model)
    loaded = sorted({"tensorflow", "torch", "jax"} & set(sys.modules))
    print(
        json.dumps(
            {
                "start": start,
                "after": after,
                "last": last,
                "messages": messages,
                "shapes": shapes,
                "axes": axes,
                "loaded": loaded,
            }
        )
    )


if __name__ == "__main__":
    main()
