"""Names, and the way to plain data and back: nothing is lost, and nothing is imported."""

import builtins
import copy
import importlib
import json
import os
import sys

import ml_dtypes
import numpy as np
import pytest

from oneseed import SeedGenerator
from oneseed import initializers as I

OF_KERAS_3 = """
Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer Initializer LecunNormal
LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal
VarianceScaling Zeros constant glorot_normal glorot_uniform he_normal he_uniform identity initializer lecun_normal
lecun_uniform normal one ones orthogonal random_normal random_uniform stft truncated_normal uniform variance_scaling
zero zeros
"""
OF_TF_KERAS_ALONE = """
ConstantV2 GlorotNormalV2 GlorotUniformV2 HeNormalV2 HeUniformV2 IdentityV2 LecunNormalV2 LecunUniformV2 OnesV2
OrthogonalV2 RandomNormalV2 RandomUniformV2 TruncatedNormalV2 VarianceScalingV2 ZerosV2 glorot_normalV2
glorot_uniformV2 he_normalV2 he_uniformV2 lecun_normalV2 lecun_uniformV2
"""
KERAS_3, ONLY_TF_KERAS = OF_KERAS_3.split(), OF_TF_KERAS_ALONE.split()
SYNONYMS = {
    "xavier_uniform": I.GlorotUniform,
    "xavier_normal": I.GlorotNormal,
    "kaiming_uniform": I.HeUniform,
    "kaiming_normal": I.HeNormal,
}
SHORT = {"normal": "RandomNormal", "uniform": "RandomUniform", "one": "Ones", "zero": "Zeros"}

INITIALIZERS = [
    I.Zeros(),
    I.Ones(),
    I.Constant(),
    I.Constant(3),
    I.Constant(True),
    I.Constant(2.5 + 1j),
    I.Constant([1, 2.5]),
    I.Constant([[1], [2]]),
    I.RandomNormal(1, 2.0, 3),
    I.RandomUniform(-1, 1, 2**64 - 1),
    I.TruncatedNormal(0.5, seed=0),
    I.VarianceScaling(2.0, "fan_out", "untruncated_normal", 5),
    I.VarianceScaling(seed=5, input_axes=(0, -2), output_axes=1),
    I.GlorotNormal(1),
    I.GlorotUniform(1, [0], [1]),
    I.HeNormal(1),
    I.HeUniform(),
    I.LecunNormal(1),
    I.LecunUniform(SeedGenerator(9)),
    I.Identity(2.5),
    I.Orthogonal(0.5, 7),
    I.STFT(),
    I.STFT("imag", [1.0, 2.0, 3.0, 2.0], "spectrum", True),
    I.STFT(window=None, scaling=None),
]
ARRAYS = [
    np.array([[1.1, -2.2, 3.3]], "float32"),
    np.array([1.1, np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    np.array([1.5, np.nan, -np.inf], ml_dtypes.bfloat16),
    np.array([1.5, np.nan, -448, -0.0], ml_dtypes.float8_e4m3fn),
    np.array([1.5, np.nan, -np.inf, 57344], ml_dtypes.float8_e5m2),
    np.array([65504, 6e-8, 0.1], "float16"),
    np.array([-128, 127], "int8"),
    np.array([2**64 - 1, 0], "uint64"),
    np.array([-(2**63)], "int64"),
    np.array([True, False]),
    np.array([[1.1 + 2.2j, -3j]], "complex64"),
    np.array([complex(np.nan, np.inf)], "complex128"),
    np.array(1.1, "float32"),
    np.array(3, "int16"),
    np.array(1 - 1j, "complex64"),
    np.zeros((0,)),
    np.zeros((2, 0), "float32"),
    np.zeros((0, 3), "int8"),
    np.zeros((3, 0, 2), "bool"),
    np.zeros((0, 3), "complex64"),
    np.arange(6.0).reshape(2, 3).T,
    np.array([1.5, 2.5], ">f4"),
]


def through_json(initializer):
    return I.deserialize(json.loads(json.dumps(I.serialize(initializer))))


def assert_same_bits(a, b):
    assert (a.dtype.name, a.shape) == (b.dtype.name, b.shape)
    native = a.dtype.newbyteorder("=")
    assert a.astype(native).tobytes() == b.astype(native).tobytes()


def example(initializer):
    """Return a shape and a dtype that suit an initializer."""
    shape = (4, 1, 3) if isinstance(initializer, I.STFT) else (2, 2)
    return shape, "complex64" if isinstance(initializer, I.Constant) else "float32"


# Names


def test_there_are_62_names_of_keras():
    assert (len(KERAS_3), len(ONLY_TF_KERAS), len({*KERAS_3, *ONLY_TF_KERAS})) == (41, 21, 62)


@pytest.mark.parametrize("name", [*KERAS_3, *ONLY_TF_KERAS])
def test_name_of_keras(name):
    plain = SHORT.get(name, name.removesuffix("V2").removesuffix("Initializer") or "Initializer")
    camel = "".join(word[0].upper() + word[1:] for word in plain.split("_"))
    cls = getattr(I, "STFT" if camel == "Stft" else camel)
    for found in (I.get(name), I.deserialize({"class_name": name, "config": {}}), I.get({"class_name": name})):
        assert type(found) is cls
        assert found.get_config() == cls().get_config()


@pytest.mark.parametrize(("name", "cls"), SYNONYMS.items())
def test_synonym(name, cls):
    assert type(I.get(name)) is cls


@pytest.mark.parametrize("name", [name for name in KERAS_3 if name.islower() and name not in (*SHORT, "initializer")])
def test_shortcut_in_the_module(name):
    assert getattr(I, name)().get_config() == I.get(name).get_config()


# get


def test_get_none():
    assert I.get(None) is None


@pytest.mark.parametrize("identifier", [I.HeNormal(3), len, lambda shape, dtype=None: 0])
def test_get_returns_what_can_be_called(identifier):
    assert I.get(identifier) is identifier


def test_get_a_class():
    assert type(I.get(I.HeNormal)) is I.HeNormal


def test_get_a_dict():
    found = I.get({"class_name": "RandomNormal", "config": {"stddev": 2.0, "seed": 3}})
    assert found.get_config() == {"mean": 0.0, "stddev": 2.0, "seed": 3}


def test_get_builds_a_new_initializer_each_time():
    assert I.get("he_normal") is not I.get("he_normal")
    assert I.get("he_normal").seed != I.get("he_normal").seed


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.name}{array.shape}")
def test_get_an_array(array):
    initializer = I.get(array)
    assert_same_bits(initializer(array.shape, array.dtype.name), array)
    assert_same_bits(through_json(initializer)(array.shape, array.dtype.name), array)
    assert type(through_json(initializer)) is type(initializer)
    with pytest.raises(ValueError, match="`shape` must be"):
        through_json(initializer)((*array.shape, 1))


def test_get_something_with_an_array_interface():
    class Foreign:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    np.testing.assert_array_equal(I.get(Foreign())((2,)), [1, 2])


# Plain data and back


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_round_trip(initializer):
    data = I.serialize(initializer)
    assert set(data) == {"module", "class_name", "config", "registered_name"}
    assert data["module"] == "oneseed.initializers"
    assert data["registered_name"] == f"oneseed.initializers>{type(initializer).__name__}"
    again = through_json(initializer)
    assert type(again) is type(initializer)
    assert json.dumps(again.get_config()) == json.dumps(initializer.get_config())
    if data["config"].get("seed", 0) is not None:
        assert_same_bits(again(*example(again)), copy.deepcopy(initializer)(*example(again)))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.name}{array.shape}")
def test_constant_array_round_trip(array):
    again = through_json(I.Constant(array))
    assert_same_bits(np.asarray(again.value), array)
    assert_same_bits(again(array.shape, array.dtype.name), array)


@pytest.mark.parametrize(
    "value",
    [
        *(np.float32(0.1), np.bool_(True), np.int64(2**53 + 1), (1, 2), range(3), 1j),
        *([np.float32(1), np.float32(2)], [np.array([1, 2])], [1 + 2j], [[1, 2j]]),
    ],
    ids=repr,
)
def test_constant_of_other_numbers_round_trip(value):
    expected = np.asarray(value)
    assert_same_bits(through_json(I.Constant(value))(expected.shape, expected.dtype), expected)


@pytest.mark.parametrize("seed", [np.int64(7), np.uint64(2**64 - 1), np.int8(3)], ids=repr)
def test_numpy_seeds_become_plain(seed):
    for config in (I.HeNormal(seed).get_config(), SeedGenerator(seed).get_config()):
        assert type(config["seed"]) is int
        assert json.loads(json.dumps(config))["seed"] == int(seed)


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), np.float64(0.5), np.int32(2), np.array(2)], ids=repr)
def test_scalar_tensors_become_plain(value):
    made = [I.RandomNormal(value, value, 1), I.RandomUniform(0, value, 1), I.VarianceScaling(value, seed=1)]
    for initializer in [*made, I.Identity(value), I.Orthogonal(value, 1)]:
        assert all(type(item) in (int, float, str, type(None)) for item in initializer.get_config().values())
        assert through_json(initializer).get_config() == initializer.get_config()


def test_axes_become_plain():
    config = I.HeNormal(1, np.arange(2), (np.int64(-1),)).get_config()
    assert json.loads(json.dumps(config)) == {"seed": 1, "input_axes": [0, 1], "output_axes": [-1]}


def test_generators_start_anew():
    generator = SeedGenerator(3)
    initializer = I.TruncatedNormal(seed=generator)
    first = initializer((4,))
    again = through_json(initializer)
    assert generator.count == 1
    assert isinstance(again.seed, SeedGenerator)
    assert (again.seed.seed, again.seed.count) == (3, 0)
    assert_same_bits(again((4,)), first)


def test_unseeded_stays_unseeded():
    initializer = I.HeNormal()
    again = through_json(initializer)
    assert initializer.get_config()["seed"] is again.get_config()["seed"] is None
    assert again.seed != initializer.seed
    assert I.deserialize(I.serialize(I.HeNormal(SeedGenerator()))).seed.get_config() == {"seed": None}


def test_the_description_is_fit_for_json():
    for initializer in INITIALIZERS:
        json.dumps(initializer.describe(*example(initializer)).as_dict())


# What others wrote


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # Keras 3
        (
            '{"module": "keras.initializers", "class_name": "GlorotUniform", '
            '"config": {"seed": 1, "input_axes": null, "output_axes": null}, "registered_name": null}',
            I.GlorotUniform(1),
        ),
        (
            '{"module": "keras.initializers", "class_name": "TruncatedNormal", "config": {"seed": {"module": '
            '"keras.random", "class_name": "SeedGenerator", "config": {"seed": 3, "name": "seed_generator"}, '
            '"registered_name": null}, "mean": 0.0, "stddev": 0.05}, "registered_name": null}',
            I.TruncatedNormal(seed=SeedGenerator(3)),
        ),
        (
            '{"module": "keras.initializers", "class_name": "Constant", "config": {"value": {"class_name": '
            '"__tensor__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}}, "registered_name": null}',
            I.Constant(np.array([1, 2], "float32")),
        ),
        (
            '{"module": "keras.initializers", "class_name": "Constant", "config": {"value": [1, 2]}, '
            '"registered_name": null}',
            I.Constant([1, 2]),
        ),
        (
            '{"module": "keras.initializers", "class_name": "Identity", "config": {}, "registered_name": null}',
            I.Identity(),
        ),
        (
            '{"module": "keras.initializers", "class_name": "STFT", "config": {"side": "real", "window": "hann", '
            '"periodic": false, "scaling": "density"}, "registered_name": null}',
            I.STFT(),
        ),
        (
            '{"module": "keras.src.initializers.random_initializers", "class_name": "OrthogonalInitializer", "config": '
            '{"seed": 1, "gain": 2.0}, "registered_name": null}',
            I.Orthogonal(2.0, 1),
        ),
        # tf_keras
        (
            '{"module": "keras.initializers", "class_name": "Identity", "config": {"gain": 2.0}, '
            '"registered_name": null}',
            I.Identity(2.0),
        ),
        (
            '{"module": "keras.initializers", "class_name": "Constant", "config": {"value": {"class_name": '
            '"__numpy__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}}, "registered_name": null}',
            I.Constant(np.array([1, 2], "float32")),
        ),
        (
            '{"module": "tf_keras.initializers", "class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": '
            '"fan_out", "distribution": "truncated_normal", "seed": 4}, "registered_name": null}',
            I.VarianceScaling(2.0, "fan_out", seed=4),
        ),
        # two keys
        ('{"class_name": "Orthogonal", "config": {"gain": 2.0, "seed": 3}}', I.Orthogonal(2.0, 3)),
        ('{"class_name": "GlorotUniformV2", "config": {"seed": 1}, "shared_object_id": 3}', I.GlorotUniform(1)),
        # Keras 1 and 2 before dtype moved to the call
        (
            '{"class_name": "RandomUniform", "config": {"minval": -1, "maxval": 1, "seed": 2, "dtype": "float32"}}',
            I.RandomUniform(-1, 1, 2),
        ),
        ('{"class_name": "Zeros", "config": {"dtype": "float32"}}', I.Zeros()),
        (
            '{"class_name": "VarianceScaling", "config": {"distribution": "normal", "seed": 1}}',
            I.VarianceScaling(seed=1),
        ),
        # no or empty config
        ('{"class_name": "Ones"}', I.Ones()),
        ('{"class_name": "Ones", "config": null}', I.Ones()),
    ],
)
def test_reads_what_keras_wrote(data, expected):
    found = I.deserialize(json.loads(data))
    assert type(found) is type(expected)
    assert json.dumps(found.get_config()) == json.dumps(expected.get_config())
    assert_same_bits(found(*example(found)), expected(*example(found)))


def test_an_array_in_a_legacy_config_may_be_an_array():
    found = I.deserialize({"class_name": "Constant", "config": {"value": np.array([1.0, 2.0])}})
    np.testing.assert_array_equal(found((2,)), [1, 2])


@pytest.mark.parametrize(
    "form",
    [
        {"module": "os", "class_name": "system", "config": {"command": "true"}},
        {"module": "os", "class_name": "system", "config": {}, "registered_name": "os>system"},
        {"module": "trap", "class_name": "HeNormal", "config": {}, "registered_name": None},
        {"module": "trap", "class_name": "HeNormal", "config": {}, "registered_name": "HeNormal"},
        {"module": "trap", "class_name": "Zeros"},
        {"module": "trap.sub", "class_name": "trap.Trap"},
        {"module": "keras_trap", "class_name": "HeNormal", "config": {}},
        {"module": "keras.initializers", "class_name": "trap.Trap", "config": {}},
        {"module": None, "class_name": "HeNormal", "config": {}, "registered_name": "HeNormal"},
        {"module": None, "class_name": "HeNormal", "config": {}, "registered_name": "trap>HeNormal"},
        {"module": "builtins", "class_name": "eval", "config": {}},
    ],
)
def test_a_strangers_class_is_neither_imported_nor_taken_for_ours(form, tmp_path, monkeypatch):
    for name in ("trap", "keras_trap"):
        (tmp_path / f"{name}.py").write_text("class HeNormal: pass\nZeros = Trap = HeNormal\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("a config was executed"))
    imported = []
    monkeypatch.setattr(importlib, "import_module", lambda name, package=None: imported.append(name))
    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: imported.append(name) or original(name, *rest))
    with pytest.raises(ValueError, match="register"):
        I.deserialize(form)
    assert not {"trap", "trap.sub", "keras_trap", "keras", "keras.initializers"} & {*imported}
    assert not {"trap", "keras_trap"} & {*sys.modules}
