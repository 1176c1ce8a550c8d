"""Checks of the registered initializers inside of others, of schemes and of layers: ``python keras_inside.py LIBRARY``.

Keras 3 runs under KERAS_BACKEND. Prints, as JSON, for each check what went wrong, or "".
"""

import copy
import json
import os
import pickle
import sys
import traceback
from importlib import import_module

import numpy as np

import oneseed
import oneseed_keras
from oneseed import initializers as plain
from oneseed.initializers.known import aliases

LIBRARY = sys.argv[1]
BACKEND = os.environ["KERAS_BACKEND"] if LIBRARY == "keras" else "tensorflow"
if BACKEND != "tensorflow":
    sys.modules["tensorflow"] = None  # to an import this is as if it were not installed
keras = import_module(LIBRARY)
ours = oneseed_keras.register_keras(keras)
layers = keras.layers


def numpy_of(x):
    if isinstance(x, np.ndarray):
        return x
    return x.numpy() if LIBRARY == "tf_keras" else keras.ops.convert_to_numpy(x)


def same(found, expected):
    found, expected = (np.ascontiguousarray(array) for array in (found, expected))
    assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())


def refusal(kind, call, *arguments):
    """Return the message of an error, which must come."""
    try:
        call(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError("it was not refused")


def drawn(initializer, shape=(6, 4), **call):
    return initializer(shape, "float32", backend="numpy", **call)


COMPOSITES = {
    "Scaled": lambda i: i.Scaled(i.HeNormal(seed=1), 0.5),
    "Sum": lambda i: i.Sum([i.RandomNormal(seed=1)] * 2),
    "Blockwise": lambda i: i.Blockwise([i.HeNormal(seed=1), i.Orthogonal(seed=2)], [4, 2], axis=0, names=["a", "b"]),
    "PerGroup": lambda i: i.PerGroup(i.HeUniform(seed=1), 2, axis=0),
    "Partial": lambda i: i.Partial(i.GlorotUniform(seed=1), axes="o i", path="there"),
    "nested": lambda i: i.Sum([i.Partial(i.Scaled(i.HeNormal(seed=3), 2.0), axes="o i"), i.Identity()]),
    "mixed": lambda i: plain.Scaled(i.Sum([i.HeNormal(seed=1), plain.LecunNormal(seed=2)]), 0.5),
}


def check_composites_are_those_of_plain_parts():
    """Each part has a stream of its own, and its path, axes and blocks reach it."""
    for make in COMPOSITES.values():
        want = make(plain)
        same(numpy_of(make(ours)((6, 4), "float32")), drawn(want))
        same(numpy_of(make(ours)((6, 4), "float32", axes="o i", path=("a", 1))), drawn(want, axes="o i", path=("a", 1)))
        block = {"partition_shape": (2, 4), "partition_offset": (3, 0)}
        assert make(ours).describe((6, 4), **block) == want.describe((6, 4), **block)


def check_what_is_described():
    made, want = ours.Scaled(ours.HeNormal(seed=1), 1.0), plain.HeNormal(seed=1)
    (part,) = made.describe((64, 4, 3, 3), axes="o i h w", path="p").distribution.parts
    assert part == want.describe((64, 4, 3, 3), axes="o i h w", path="p")
    assert part.fan_in == 36


def check_seeds_of_parts_reach_them():
    with oneseed.using(backend="numpy"):
        one, other = (make.Scaled(make.HeNormal(oneseed.SeedGenerator(4)), 2.0) for make in (ours, plain))
        for _ in range(2):
            same(numpy_of(one((6, 4), "float32")), other((6, 4), "float32"))


def check_rules_of_schemes():
    """The scheme's seed and each parameter's name reach a registered initializer, alone and inside another."""
    named = {
        "he_normal": ours.HeNormal(),
        "orthogonal": ours.Orthogonal(),
        "unit": ours.Scaled(ours.HeNormal(), 0.5),
        "unit again": plain.Scaled(ours.HeNormal(), 0.5),
    }
    for name, initializer in named.items():
        found = [weights_of(initializer), weights_of(plain.Scaled("he_normal", 0.5) if "unit" in name else name)]
        assert found[0] == found[1]
        assert len(set(found[0])) == 2, "both layers have the same kernel"
    scheme = oneseed.Scheme([oneseed.Rule("*", ours.HeNormal(seed=3))])
    assert scheme == oneseed.Scheme([oneseed.Rule("*", plain.HeNormal(seed=3))])
    assert oneseed.Scheme.from_json(scheme.to_json()) == scheme
    assert oneseed.Scheme.from_toml(scheme.to_toml()) == scheme


def weights_of(initializer):
    held = [layers.Dense(4, name=name, use_bias=False) for name in "ab"]
    model = keras.Sequential([layers.Input((4,)), *held], name="net")
    oneseed_keras.initialize(model, oneseed.Scheme([oneseed.Rule("*kernel", initializer)]), seed=7)
    return [oneseed.fingerprint(numpy_of(layer.kernel)) for layer in held]


def check_bases():
    """As in Keras, a class is a subclass of what its plain class is a subclass of: of both kinds, and of Keras's."""
    for cls in set(aliases().values()):
        made = getattr(ours, cls.__name__)
        assert made.__name__ == f"Oneseed{cls.__name__}"
        assert issubclass(made, cls)
        assert issubclass(made, keras.initializers.Initializer)
        for base in cls.__mro__:
            if aliases().get(base.__name__) is base:
                assert issubclass(made, getattr(ours, base.__name__)), (made, base)
                theirs = getattr(keras.initializers, base.__name__, made)
                assert issubclass(made, theirs), (made, theirs)
    assert isinstance(ours.HeNormal(), ours.VarianceScaling)
    assert not isinstance(ours.Zeros(), ours.VarianceScaling)
    assert not isinstance(plain.HeNormal(), ours.VarianceScaling)


def check_a_subclass_of_a_registered_class():
    """It is described as its base is, stored under its own name, and opaque once it has a `__call__` of its own."""

    class Doubled(ours.HeNormal):
        pass

    class Opaque(ours.HeNormal):
        def __call__(self, shape, dtype=None):
            return np.ones(shape, dtype)

    same(numpy_of(ours.Partial(Doubled(seed=1), path="p")((6, 4), "float32")), drawn(plain.HeNormal(seed=1), path="p"))
    assert plain.serialize(Doubled(seed=1))["class_name"] == "Doubled"
    assert numpy_of(ours.Scaled(Opaque(seed=1), 3.0)((2, 2), "float32")).tolist() == [[3, 3]] * 2
    assert "must take `axes` and `path`" in refusal(TypeError, lambda: ours.Partial(Opaque(seed=1)))


def check_data_is_read_by_oneseed():
    """What oneseed, or Keras, writes of registered and plain instances oneseed reads; it writes both alike."""
    composites = [make(ours) for make in COMPOSITES.values()]
    for made in (ours.HeNormal(seed=3), ours.Orthogonal(gain=2.0, seed=4), *composites):
        data = plain.serialize(made)
        assert (data["module"], "Oneseed" in str(data)) == ("oneseed.initializers", False)
        again = plain.deserialize(json.loads(json.dumps(data)))
        assert type(again) is getattr(plain, data["class_name"])
        assert again.get_config() == made.get_config()
        assert plain.serialize(again) == data == plain.serialize(plain.get(data))
        for theirs in (made, again):
            written = json.loads(json.dumps(keras.initializers.serialize(theirs)))
            assert plain.deserialize(written).get_config() == made.get_config()
    assert isinstance(plain.get("oneseed>xavier_uniform"), plain.GlorotUniform)
    for wrong in ("oneseed>nothing", "other>he_normal"):
        assert "Received: identifier=" in refusal(ValueError, plain.get, wrong)


def check_copies():
    for made in (ours.HeNormal(seed=3), COMPOSITES["nested"](ours)):
        for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made)), made.clone()):
            assert type(again) is type(made)
            same(numpy_of(again((6, 4), "float32")), numpy_of(made((6, 4), "float32")))


def check_data_of_plain_ones_is_read_by_keras():
    """`oneseed.initializers.serialize`, as a custom layer's config holds it, gives oneseed's numbers in a layer."""
    for made in (
        plain.HeNormal(seed=3),
        plain.RandomNormal(seed=3),
        plain.Siren(seed=3),
        plain.Scaled(plain.HeNormal(seed=3), 0.5),
        ours.HeNormal(seed=3),
        COMPOSITES["nested"](ours),
    ):
        data = json.loads(json.dumps(plain.serialize(made)))
        layer = layers.Dense(6, kernel_initializer=data, use_bias=False)
        layer.build((None, 6))
        same(numpy_of(layer.kernel), drawn(plain.deserialize(data), (6, 6)))
        readers = (keras.initializers.get, keras.initializers.deserialize, ours.get)
        for read in (*readers, keras.saving.deserialize_keras_object):
            same(numpy_of(read(data)((6, 6), "float32")), drawn(plain.deserialize(data), (6, 6)))


def check_every_alias():
    """Each name that oneseed knows stands for its class after "oneseed>", in layers too."""
    for alias, cls in aliases().items():
        made = getattr(ours, cls.__name__)
        assert getattr(ours, alias) is made
        assert keras.saving.get_registered_object(f"oneseed>{alias}") is made
    for alias in ("xavier_uniform", "normal", "zero", "one", "uniform", "kaiming_normal", "HeNormalV2", "hippo"):
        layer = layers.Dense(4, kernel_initializer=f"oneseed>{alias}")
        layer.build((None, 4))
        assert type(layer.kernel_initializer) is getattr(ours, alias)
        assert type(ours.get(alias)) is getattr(ours, alias)


def check_models_of_composites_train_save_and_load():
    """`Scaled(HeNormal())` and all others: one step, a file of each form, `clone_model`, `from_config`."""
    import tempfile

    for made in (make(namespace) for make in COMPOSITES.values() for namespace in (ours, plain)):
        layer = layers.Dense(4, kernel_initializer=made, use_bias=False)
        model = keras.Sequential([layers.Input((6,)), layer])
        start = numpy_of(layer.kernel)
        same(start, drawn(plain.get(plain.serialize(made))))
        fresh = keras.models.clone_model(model).layers[-1]
        same(numpy_of(fresh.kernel), start)
        if BACKEND != "numpy":  # which does not train
            model.compile("sgd", "mse", run_eagerly=BACKEND != "jax")
            model.train_on_batch(np.ones((2, 6), "float32"), np.ones((2, 4), "float32"))
            assert (numpy_of(layer.kernel) != start).any()
        with tempfile.TemporaryDirectory() as home:
            for name in ("m.keras", "m.h5", *(["saved"] if LIBRARY == "tf_keras" else [])):
                model.save(f"{home}/{name}")
                loaded = keras.models.load_model(f"{home}/{name}", compile=False).layers[-1]
                same(numpy_of(loaded.kernel), numpy_of(layer.kernel))
                assert type(loaded.kernel_initializer) is type(made)
                assert loaded.kernel_initializer.get_config() == made.get_config()


def check_the_forget_gate():
    """With Keras's default an error that says what to pass; without it, 1 in the forget gate alone."""
    makers = [
        (lambda **given: layers.LSTM(3, **given), (None, 5, 3)),
        (lambda **given: layers.LSTM(8, **given), (None, 5, 3)),
        (lambda **given: layers.LSTMCell(8, **given), (None, 3)),
        (lambda **given: layers.RNN([layers.LSTMCell(8, **given), layers.LSTMCell(8, **given)]), (None, 5, 3)),
        (lambda **given: layers.Bidirectional(layers.LSTM(8, **given)), (None, 5, 3)),
        (lambda **given: layers.TimeDistributed(layers.LSTM(8, **given)), (None, 4, 5, 3)),
        *(
            (lambda n=n, **given: getattr(layers, f"ConvLSTM{n}D")(8, 2, **given), (None, 5, *(4,) * n, 3))
            for n in (1, 2, 3)
        ),
    ]
    for make, shape in makers:
        for bias in (ours.UnitForgetBias(), plain.UnitForgetBias(), ours.Partial(ours.UnitForgetBias())):
            refused = refusal(ValueError, make(bias_initializer=bias).build, shape)
            assert "`unit_forget_bias` must be False" in refused
            assert "Received: unit_forget_bias=True" in refused
            layer = make(bias_initializer=bias, unit_forget_bias=False)
            layer.build(shape)
            biases = [numpy_of(weight) for weight in layer.weights if "bias" in weight.name]
            assert biases
            for found in biases:
                assert (found.reshape(4, -1) == [[0], [1], [0], [0]]).all()


def check_layers_with_lora():
    """Their kernels are those of layers without it, quantized or not; what is LoRA's own stays."""
    if LIBRARY == "tf_keras":
        return
    makers = {
        "Dense": (lambda: layers.Dense(8, name="d"), (16,)),
        "EinsumDense": (lambda: layers.EinsumDense("ab,bc->ac", 8, bias_axes="c", name="d"), (16,)),
        "Embedding": (lambda: layers.Embedding(10, 8, name="d"), (5,)),
        "Conv2D": (lambda: layers.Conv2D(4, 2, name="d"), (5, 5, 3)),
    }
    for kind, (make, shape) in makers.items():
        expected = filled(make(), shape)
        for quantized in (None, "int8", "int4", "float8"):
            if (quantized and kind == "Conv2D") or (kind == "Embedding" and quantized in ("int4", "float8")):
                continue  # what Keras itself does not have on each backend
            layer, inputs = make(), keras.Input(shape)
            model = keras.Model(inputs, layer(inputs))
            if quantized:
                layer.quantize(quantized)
            layer.enable_lora(2)
            before = {name_of(weight): numpy_of(weight) for weight in model.weights}
            scheme = oneseed.Scheme(oneseed.schemes.keras().rules, otherwise="zeros")
            oneseed_keras.initialize(model, scheme, seed=1)
            after = {name_of(weight): numpy_of(weight) for weight in model.weights}
            assert {"lora_kernel_a", "lora_embeddings_a"} & set(after)
            for name, values in after.items():
                whole = name in expected and quantized in (None, "float8")
                same(values, expected[name] if whole or name == "bias" else before[name])
            assert oneseed_keras.axes_of(model)["d/" + ("embeddings" if kind == "Embedding" else "kernel")]


def filled(layer, shape):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    oneseed_keras.initialize(model, oneseed.schemes.keras(), seed=1)
    return {name_of(weight): numpy_of(weight) for weight in model.weights}


def name_of(weight):
    return weight.path.rpartition("/")[2]


def check_wrappers():
    """Each weight inside of wrappers has a name and axes of its own, and draws by them."""
    makers = [
        (lambda: layers.TimeDistributed(layers.Bidirectional(layers.LSTM(4))), (5, 6, 3), 6),
        (lambda: layers.Bidirectional(layers.RNN([layers.LSTMCell(4), layers.GRUCell(4)])), (5, 3), 12),
        (lambda: layers.TimeDistributed(layers.TimeDistributed(layers.Dense(3))), (5, 6, 3), 2),
    ]
    for make, shape, count in makers:
        inputs = keras.Input(shape)
        model = keras.Model(inputs, make()(inputs))
        oneseed_keras.initialize(model, oneseed.schemes.keras(), seed=1)
        axes = oneseed_keras.axes_of(model)
        named = {getattr(weight, "path", weight.name).removesuffix(":0"): weight for weight in model.weights}
        assert len(named) == count
        for name, weight in named.items():
            if name.endswith("kernel"):
                assert axes[name] == "i o"
                cls = plain.Orthogonal if "recurrent" in name else plain.GlorotUniform
                same(numpy_of(weight), drawn(cls(seed=1), tuple(weight.shape), path=name, axes="i o"))


def check_no_other_package_is_loaded():
    """Keras on JAX, PyTorch or NumPy asks neither for TensorFlow, which is blocked, nor for oneseed's part of it."""
    loaded = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
    assert BACKEND == "tensorflow" or not {"tensorflow", "tf_keras", "oneseed_tensorflow"} & loaded
    for name in {"torch", "jax"} - loaded:
        assert f"oneseed_{name}" not in loaded


def main():
    report = {}
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            try:
                check()
                report[name] = ""
            except Exception:
                report[name] = traceback.format_exc()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
