"""The first hour of a reader who knows Keras: a result, a proof, a sharded model, from the docs alone."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import keras

import oneseed
import oneseed_keras
from oneseed.testing import assert_same_model

# A first result: start/keras.md.
initializers = oneseed_keras.register_keras(keras)
layer = keras.layers.Conv2D(8, 3, kernel_initializer=initializers.HeNormal(seed=7))
layer.build((None, 16, 16, 3))
print("first", oneseed.fingerprint(layer.kernel.value))


# A proof: the same page, and models.md for `names`.
def build():
    layers = [
        keras.layers.Input((16, 16, 3)),
        keras.layers.Conv2D(8, 3, name="stem"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(12, name="head"),
    ]
    return keras.Sequential(layers, name="net")


def weights(model):
    return {weight.path: weight.value for weight in model.weights}


scheme = oneseed.Scheme([oneseed.Rule("*/bias", "zeros"), oneseed.Rule("*/kernel", "glorot_uniform")])
names = [("^net/", "")]
model = build()
oneseed_keras.initialize(model, scheme, seed=7, names=names)
for name, weight in weights(model).items():
    print(name.removeprefix("net/"), oneseed.fingerprint(weight))

# A sharded model: the same page.
mesh = keras.distribution.DeviceMesh((1, 4), ["batch", "model"], keras.distribution.list_devices())
layout = keras.distribution.LayoutMap(mesh)
layout["net/head/kernel"] = (None, "model")
keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch"))
sharded = build()
oneseed_keras.initialize(sharded, scheme, seed=7, names=names)
assert [shard.data.shape for shard in sharded.get_layer("head").kernel.value.addressable_shards] == [(8, 3)] * 4
assert_same_model(weights(model), weights(sharded))
