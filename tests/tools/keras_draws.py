"""Draw from the real Keras's initializers and save the bits: ``python keras_draws.py OUT.npz``, under KERAS_BACKEND."""

import sys

import keras
import numpy as np
from keras import initializers
from keras_cases import cases


def main():
    saved = {}
    for key, name, arguments, seed, shape, dtype in cases():
        given = keras.random.SeedGenerator(-seed) if seed < 0 else seed
        try:
            init = getattr(initializers, name)(**arguments, seed=given)
            made = [keras.ops.convert_to_numpy(init(shape, dtype)) for _ in range(3 if seed < 0 else 1)]
        except Exception as error:  # what Keras itself cannot do on this backend, of whatever type
            saved[f"refused {key}"] = np.array(f"{type(error).__name__}: {error}"[:200])
            continue
        for k, values in enumerate(made):
            array = np.asarray(values)
            saved[f"{k} {array.dtype.name} {key}"] = array.view(f"u{array.dtype.itemsize}")
    np.savez(sys.argv[1], **saved)


if __name__ == "__main__":
    main()
