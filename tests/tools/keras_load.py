"""Load a model in a process that has only registered the initializers: ``python keras_load.py FILE``."""

import json
import sys


def main():
    sys.modules["tensorflow"] = None  # to an import this is as if it were not installed
    import keras

    import oneseed
    import oneseed_keras

    oneseed_keras.register_keras(keras)
    model = keras.saving.load_model(sys.argv[1], compile=False)
    print(json.dumps([oneseed.fingerprint(keras.ops.convert_to_numpy(weight)) for weight in model.weights]))


if __name__ == "__main__":
    main()
