"""Names, configurations and settings that mean nothing are refused, and leave no trace."""

import re

import numpy as np
import pytest
from refusals import ANYTHING, refused, shown

import oneseed
from oneseed import SeedGenerator, config, registry, settings
from oneseed import backend as K
from oneseed import initializers as I
from oneseed.initializers import names


@pytest.fixture(autouse=True)
def unchanged(monkeypatch):
    """No test changes a setting or leaves a class registered; the settings are compared at the end."""
    monkeypatch.setattr(names, "_custom", {})
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    before = settings.in_force(), config.available_backends()
    yield
    assert (settings.in_force(), config.available_backends()) == before


class NeedsPeriod(I.Initializer):
    def __init__(self, period):
        self.period = period

    def __call__(self, shape, dtype=None):
        return I.Ones()(shape, dtype)


def array(value, dtype="float32", name="__numpy__"):
    return {"class_name": name, "config": {"value": value, "dtype": dtype}}


# Names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GLOROT_UNIFORM", "Did you mean 'glorot_uniform'?"),
        ("glorot_unifrom", "Did you mean 'glorot_uniform'?"),
        ("HeNormall", "Did you mean 'HeNormal'?"),
        ("kaming_normal", "Did you mean 'kaiming_normal'?"),
        ("truncated_norml", "Did you mean 'truncated_normal'?"),
        ("zeros ", "Did you mean"),
        ("qqq", "Known ones are"),
        ("", "Known ones are"),
        ("\ud800", "Known ones are"),
        ("os.system", "Known ones are"),
    ],
)
def test_unknown_name(name, hint):
    for call in (I.get, lambda name: I.deserialize({"class_name": name}), lambda name: I.get({"class_name": name})):
        with refused(
            ValueError, f"Unknown initializer {name!r}", hint, "he_normal, he_uniform", received=f"identifier={name!r}"
        ):
            call(name)


def test_the_nearest_name_may_be_a_registered_one():
    I.register(package="tests")(NeedsPeriod)
    with refused(ValueError, "Did you mean 'tests>NeedsPeriod'?", "tests>NeedsPeriod"):
        I.get("tests>NeedsPeriods")


def test_name_of_two_registered_classes():
    class Twin(I.Initializer):
        pass

    for package in ("a", "b"):
        I.register(package=package)(Twin)
    with refused(ValueError, "'Twin'", "a>Twin", "b>Twin"):
        I.get("Twin")


@pytest.mark.parametrize(
    "identifier",
    [3, 1.5, True, b"zeros", [1, 2], (1, 2), np.float32(3), ANYTHING, {"zeros"}],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_identifier(identifier):
    with refused(
        ValueError, "Could not interpret the initializer identifier", "a name, a dict", received="identifier="
    ):
        I.get(identifier)


@pytest.mark.parametrize("cls", [int, str, dict, float])
def test_class_that_is_no_initializer(cls):
    with refused(ValueError, "Could not interpret the initializer identifier", received=f"identifier={cls!r}"):
        I.get(cls)


@pytest.mark.parametrize("identifier", ["assign", "Assign", I.Assign, NeedsPeriod], ids=str)
def test_class_that_needs_arguments(identifier):
    with refused(TypeError, "argument", "value" if identifier is not NeedsPeriod else "period", received="identifier="):
        I.get(identifier)


@pytest.mark.parametrize("value", [np.array("a"), np.array([None]), np.array(["2020"], "datetime64[D]")], ids=shown)
def test_array_of_no_numbers(value):
    with refused(TypeError, "`value` must hold numbers", received="value="):
        I.get(value)


# Configurations


@pytest.mark.parametrize(
    ("form", "kind", "words"),
    [
        ("he_normal", TypeError, "must be a dict"),
        (None, TypeError, "must be a dict"),
        ([1], TypeError, "must be a dict"),
        (I.HeNormal, TypeError, "must be a dict"),
        ({}, ValueError, "must have the key 'class_name'"),
        ({"config": {}}, ValueError, "must have the key 'class_name'"),
        ({"class_name": None, "config": {}}, ValueError, "must have the key 'class_name'"),
        ({"class_name": 3}, ValueError, "must have the key 'class_name'"),
        ({"class_name": ["HeNormal"]}, ValueError, "must have the key 'class_name'"),
        ({"class_name": "HeNormal", "config": [1]}, ValueError, "'config', a dict"),
        ({"class_name": "HeNormal", "config": "initialize_fn"}, ValueError, "'config', a dict"),
        ({"class_name": "HeNormal", "module": 3}, ValueError, "'module' in `config` must be a str"),
        ({"class_name": "HeNormal", "registered_name": ["a"]}, ValueError, "'registered_name' in `config` must be"),
        ({"class_name": "HeNormal", "config": {"sead": 3}}, ValueError, "Did you mean 'seed'?"),
        ({"class_name": "HeNormal", "config": {"scale": 3}}, ValueError, "'input_axes', 'output_axes', 'seed'"),
        ({"class_name": "HeNormal", "config": {3: 3}}, ValueError, "'input_axes', 'output_axes', 'seed'"),
        ({"class_name": "Zeros", "config": {"value": 3}}, ValueError, "no keys but its arguments: none"),
        ({"class_name": "Assign", "config": {}}, ValueError, "'value'"),
        ({"class_name": "HeNormal", "config": {"seed": "7"}}, TypeError, "`seed` must be an integer"),
        ({"class_name": "HeNormal", "config": {"seed": -1}}, ValueError, "`seed` must lie in"),
        ({"class_name": "HeNormal", "config": {"seed": {}}}, ValueError, "a serialized SeedGenerator"),
        ({"class_name": "HeNormal", "config": {"seed": {"class_name": "Seed"}}}, ValueError, "SeedGenerator"),
        ({"class_name": "VarianceScaling", "config": {"scale": None}}, TypeError, "`scale` must be"),
        ({"class_name": "VarianceScaling", "config": {"mode": "fan"}}, ValueError, "`mode` must be one of"),
        ({"class_name": "STFT", "config": {"window": {"class_name": "x"}}}, ValueError, "'__numpy__' or '__tensor__'"),
        ({"class_name": "__lambda__", "config": {"value": ["4wEA"]}}, ValueError, "Unknown initializer '__lambda__'"),
        ({"module": "builtins", "class_name": "function", "config": "f"}, ValueError, "'config', a dict"),
    ],
    ids=shown,
)
def test_malformed_config(form, kind, words):
    with refused(kind, words):
        I.deserialize(form)
    if isinstance(form, dict):
        with refused(kind, words):
            I.get(form)


def test_a_strangers_class_of_a_built_in_name():
    form = {"module": "mylib.inits", "class_name": "HeNormal", "config": {}, "registered_name": None}
    with refused(ValueError, "'HeNormal'", "mylib.inits", "must be registered"):
        I.deserialize(form)
    with pytest.raises(ValueError, match="HeNormal") as caught:
        I.deserialize(form)
    assert "Did you mean 'he_normal'" not in str(caught.value)


@pytest.mark.parametrize("cls", [I.Zeros, I.HeNormal, I.Constant, I.STFT, I.Orthogonal])
@pytest.mark.parametrize("form", [None, [1], "seed", 3], ids=shown)
def test_config_that_is_no_dict(cls, form):
    with refused(TypeError, "`config` must be a dict", received=f"config={form!r}"):
        cls.from_config(form)


@pytest.mark.parametrize(
    "form",
    [
        array(["a"]),
        array(["1.5"]),
        array([None]),
        array([[1], [2, 3]]),
        array([1e40]),
        array([300], "int8"),
        array([-1], "uint8"),
        array([1.5], "int8"),
        array([float("nan")], "int8"),
        array(["a"], "bool"),
        array([1, 2], "object"),
        array([1, 2], "str"),
        array([1, 2], ["float32"]),
        array([1], "complex64"),
        array([[1, 2, 3]], "complex64"),
        array(None),
        array({}),
        array([1], name="array"),
        {"class_name": "__numpy__", "config": {"dtype": "float32"}},
        {"class_name": "__numpy__", "config": [1]},
        {"class_name": "__numpy__"},
        {},
        "[1. 1.]",
    ],
    ids=shown,
)
def test_malformed_array(form):
    with refused(ValueError, "array", received="value="):
        I.Constant.from_config({"value": form})


@pytest.mark.parametrize(
    ("form", "kind"), [([1], TypeError), (None, TypeError), ({"sead": 3}, ValueError), ({"seed": 1.5}, TypeError)]
)
def test_malformed_config_of_a_generator(form, kind):
    with refused(kind):
        SeedGenerator.from_config(form)


@pytest.mark.parametrize("value", [None, len, lambda shape, dtype=None: 0, I.HeNormal, "he_normal", 3, {}], ids=shown)
def test_what_cannot_be_serialized(value):
    with refused(TypeError, "`initializer` must be an instance with `get_config`", received="initializer="):
        I.serialize(value)


# Registration


@pytest.mark.parametrize("value", ["Name", 3, None, I.Zeros(), len], ids=shown)
def test_only_classes_are_registered(value):
    decorate = I.register(package="tests")
    with refused(TypeError, "`register` must decorate a class"):
        decorate(value)
    assert names._custom == {}


def test_registered_name_of_another_class():
    def define(index):
        if index:

            class Other(I.Initializer):
                pass

            return Other
        return NeedsPeriod

    I.register(package="tests", name="Taken")(define(0))
    with refused(ValueError, "'tests>Taken' belongs to", "NeedsPeriod", "choose another"):
        I.register(package="tests", name="Taken")(define(1))
    assert names._custom == {"tests>Taken": NeedsPeriod}


@pytest.mark.parametrize("arguments", [{"package": 3}, {"package": None}, {"name": 3}], ids=shown)
def test_names_to_register_are_strings(arguments):
    ((argument, value),) = arguments.items()
    with refused(TypeError, f"`{argument}` must be a str", received=f"{argument}={value!r}"):
        I.register(**arguments)(NeedsPeriod)
    assert names._custom == {}


# Settings


@pytest.mark.parametrize(
    ("setting", "value", "kind", "words"),
    [
        ("floatx", "flaot16", ValueError, "'bfloat16', 'float16', 'float32', 'float64'. Did you mean 'float16'?"),
        ("floatx", "int32", ValueError, "'bfloat16', 'float16', 'float32', 'float64'"),
        ("floatx", None, TypeError, "'bfloat16', 'float16', 'float32', 'float64'"),
        ("floatx", np.float32, TypeError, "'bfloat16', 'float16', 'float32', 'float64'"),
        ("rng", "native_", ValueError, "'portable'"),
        ("rng", "portabel", ValueError, "Did you mean 'portable'?"),
        ("rng", None, TypeError, "'portable'"),
        ("backend", "nunpy", ValueError, "Did you mean 'numpy'?"),
        ("backend", "", ValueError, "'numpy'"),
        ("backend", None, TypeError, "must be a str"),
        ("backend", np, TypeError, "must be a str"),
        ("image_data_format", "channel_last", ValueError, "Did you mean 'channels_last'?"),
        ("image_data_format", "NHWC", ValueError, "'channels_first', 'channels_last'"),
        ("image_data_format", None, TypeError, "'channels_first', 'channels_last'"),
        ("epsilon", "1e-7", TypeError, "positive"),
        ("epsilon", None, TypeError, "positive"),
        ("epsilon", True, TypeError, "positive"),
        ("epsilon", 1j, TypeError, "positive"),
        ("epsilon", [1e-7], TypeError, "positive"),
        ("epsilon", 0, ValueError, "positive and finite"),
        ("epsilon", -1e-7, ValueError, "positive and finite"),
        ("epsilon", float("nan"), ValueError, "positive and finite"),
        ("epsilon", float("inf"), ValueError, "positive and finite"),
        ("epsilon", 10**400, ValueError, "positive and finite"),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_setting(setting, value, kind, words):
    called = "data_format" if setting == "image_data_format" else setting
    modules = [config] + ([] if setting == "rng" else [K])
    for module in modules:
        with refused(kind, f"`{called}` must", words, received=f"{called}={value!r:.100}"):
            getattr(module, f"set_{setting}")(value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"floatx": "float8"}, "`floatx` must be one of"),
        ({"rng": "mt19937"}, "`rng` must be one of"),
        ({"backend": "nunpy"}, "Did you mean 'numpy'?"),
        ({"floatx": "float16", "backend": "nunpy"}, "Did you mean 'numpy'?"),
        ({"floatx": "float16", "rng": "mt19937"}, "`rng` must be one of"),
    ],
)
def test_scope(arguments, words):
    with refused(ValueError, words), oneseed.using(**arguments):
        pytest.fail("entered the block")
    assert config.floatx() == "float32"


def test_scope_of_an_unknown_setting():
    with pytest.raises(TypeError, match=re.escape("'epsilom'")), oneseed.using(epsilom=3):
        pytest.fail("entered the block")


@pytest.mark.parametrize(
    ("name", "target", "kind", "words"),
    [
        (3, "m:a", TypeError, "`name` must be a str"),
        ("", "m:a", ValueError, "`name` must"),
        ("mine", 3, TypeError, "`target` must be a str or a callable"),
        ("mine", "module", ValueError, "'module:attribute'"),
        ("mine", ":attribute", ValueError, "'module:attribute'"),
        ("mine", "module:", ValueError, "'module:attribute'"),
        ("numpy", "m:a", ValueError, "'numpy' is taken; choose another"),
    ],
)
def test_register_backend(name, target, kind, words):
    with refused(kind, words):
        config.register_backend(name, target)
