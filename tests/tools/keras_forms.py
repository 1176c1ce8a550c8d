"""Write or read a model for each initializer, in every form of file.

``python keras_forms.py write|read keras|tf_keras FOLDER``; Keras 3 runs under KERAS_BACKEND. A process that reads
prints, as JSON, what came back as something else.
"""

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np

import oneseed
import oneseed_keras
from oneseed import initializers as plain
from oneseed.initializers.known import aliases

TASK, LIBRARY, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
keras = import_module(LIBRARY)
ours = oneseed_keras.register_keras(keras)
FORMS = ["keras", "h5", "json", *(["saved"] if LIBRARY == "tf_keras" else [])]

ARGUMENTS = {
    "At": lambda i: [i.HeNormal(seed=3), "layers.0.weight"],
    "Blockwise": lambda i: [[i.HeNormal(seed=3), i.Ones()], [2, 2]],
    "Computed": lambda i: [[i.RandomUniform(1.0, 16.0, seed=3)], [("log", [0]), ("mul", [2, 1])], [0.5]],
    "Constant": lambda i: [np.arange(4.0)],
    "FromFile": lambda i: [str(FOLDER / "values.npy")],
    "FusedRNN": lambda i: ["lstm", 1, 2],
    "LogUniform": lambda _: [0.001, 0.1],
    "Overlay": lambda i: [[i.HeNormal(seed=3), i.Zeros()], [[(0, 1, 1)]]],
    "Partial": lambda i: [i.Orthogonal(seed=3), "o i"],
    "PerGroup": lambda i: [i.HeNormal(seed=3), 2],
    "Ramp": lambda _: [3.0, 6.0],
    "RandomNormal": lambda i: [0.0, 0.5, oneseed.SeedGenerator(4)],
    "Scaled": lambda i: [i.HeNormal(seed=3), 0.5],
    "Sparse": lambda i: [0.5],
    "Stored": lambda _: [np.arange(4.0)],
    "Sum": lambda i: [[i.HeNormal(seed=3), i.Identity()]],
    "UniformInt": lambda i: [0, 5],
    "WangInit": lambda _: [4],
}
"""The arguments of those that cannot do without, or have more than numbers."""

ABSTRACT = {"Assign", "Initializer"}  # of a tensor, which Keras cannot store, and of nothing


def instances(namespace):
    for name in sorted({cls.__name__ for cls in aliases().values()} - ABSTRACT):
        cls = getattr(namespace, name)
        arguments = ARGUMENTS.get(name, lambda _: [])(namespace)
        try:
            yield name, cls(*arguments, seed=3)
        except TypeError:  # it has no seed, or has one already
            yield name, cls(*arguments)


def holder(initializer):
    """Return a model whose layer has an initializer but was not drawn by it, for each wants another shape."""
    layer = keras.layers.Dense(4)
    model = keras.Sequential([keras.layers.Input((4,)), layer])
    layer.kernel_initializer = initializer
    return model


class Unbuilt:
    """For the length of a `with` block layers take any initializer, and make zeros where they would draw."""

    def __enter__(self):
        self.calls = {cls: cls.__call__ for cls in (plain.Initializer, ours.KerasInitializer)}
        for cls in self.calls:
            cls.__call__ = lambda self, shape, dtype=None, **options: keras.initializers.Zeros()(shape, dtype)

    def __exit__(self, *error):
        for cls, call in self.calls.items():
            cls.__call__ = call


def read(path, form):
    if form == "json":
        return keras.models.model_from_json(path.read_text(encoding="utf-8"))
    return keras.models.load_model(path, compile=False)


def main():
    np.save(FOLDER / "values.npy", np.ones((4, 4), "float32"))
    wrong = []
    for kind, namespace in (("plain", plain), ("registered", ours)):
        for name, initializer in instances(namespace):
            for form in FORMS:
                path = FOLDER / f"{kind} {name}.{form}"
                if TASK == "read":
                    with Unbuilt():
                        found = read(path, form).layers[-1].kernel_initializer
                    if type(found) is not type(initializer):
                        wrong.append([kind, name, form, str(type(found))])
                    elif str(found.get_config()) != str(initializer.get_config()):
                        wrong.append([kind, name, form, str(found.get_config())])
                elif form == "json":
                    path.write_text(holder(initializer).to_json(), encoding="utf-8")
                else:
                    holder(initializer).save(path)
    print(json.dumps({"wrong": wrong, "classes": len(set(aliases().values())) - len(ABSTRACT)}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
