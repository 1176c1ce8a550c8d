"""Fill a model that Keras cuts over 4 devices of JAX; print fingerprints with the parts' shapes as JSON."""

import json

import keras

import oneseed
import oneseed_keras


def main():
    mesh = keras.distribution.DeviceMesh((4,), ["model"], keras.distribution.list_devices())
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*kernel"] = (None, "model")
    keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layout))
    inputs = keras.Input((16,))
    model = keras.Model(inputs, keras.layers.Dense(8, name="head")(inputs))
    scheme = oneseed.Scheme([oneseed.Rule("*/kernel", "he_normal")], otherwise="ones")
    oneseed_keras.initialize(model, scheme, seed=7)
    found = {}
    for weight in model.weights:
        value = weight.value
        found[weight.path] = oneseed.fingerprint(value), value.sharding.shard_shape(value.shape)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
