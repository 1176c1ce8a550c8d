"""Build Keras layers with oneseed's initializers, under KERAS_BACKEND; print fingerprints, found and expected."""

import sys

import keras

import oneseed
from oneseed.initializers import HeNormal, Orthogonal


def main():
    if sys.argv[1:] == ["chosen"]:
        oneseed.set_backend(keras.backend.backend())
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, kernel_initializer=HeNormal(7)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, kernel_initializer=Orthogonal(seed=8), bias_initializer=oneseed.initializers.Ones()),
        ]
    )
    model(keras.ops.ones((1, 8, 8, 3)))
    conv, dense, bias = model.weights[0], model.weights[2], model.weights[3]
    for weight, init in ((conv, HeNormal(7)), (dense, Orthogonal(seed=8)), (bias, oneseed.initializers.Ones())):
        print(oneseed.fingerprint(keras.ops.convert_to_numpy(weight)), end=" ")
        print(oneseed.fingerprint(init(tuple(weight.shape), "float32", backend="numpy")))


if __name__ == "__main__":
    main()
