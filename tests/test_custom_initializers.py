"""Classes and functions of one's own, and copies of anything: clone, deepcopy, pickle."""

import copy
import functools
import json
import pickle

import numpy as np
import pytest

import oneseed
from oneseed import SeedGenerator
from oneseed import initializers as I
from oneseed.initializers import names

SEEDED = [
    I.RandomNormal(1, 2.0, 3),
    I.RandomUniform(-1, 1, 3),
    I.TruncatedNormal(seed=3),
    I.VarianceScaling(2.0, "fan_out", "uniform", 3, [0], [1]),
    I.GlorotUniform(3),
    I.HeNormal(3),
    I.Orthogonal(2.0, 3),
]
SEEDLESS = [
    I.Zeros(),
    I.Ones(),
    I.Constant([[1.0, 2.0]]),
    I.Constant(np.array([3, 4], "int8")),
    I.Identity(2.5),
    I.get(np.eye(2)),
]


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(names, "_custom", {})


class ExampleRandomNormal(I.Initializer):
    """The custom class of Keras's documentation: without from_config."""

    def __init__(self, mean, stddev):
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape, dtype=None):
        return oneseed.random.normal(shape, mean=self.mean, stddev=self.stddev, dtype=dtype, seed=1)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev}


class TwiceHe(I.HeNormal):
    """A built-in class with another call; the constructor and its configuration are inherited."""

    def __call__(self, shape, dtype=None, **call):
        return 2 * super().__call__(shape, dtype, **call)


class Duck:
    """No subclass, yet with a configuration."""

    def __init__(self, value=3):
        self.value = value

    def __call__(self, shape, dtype=None):
        return I.Constant(self.value)(shape, dtype)

    def get_config(self):
        return {"value": self.value}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def through_json(initializer, **kwargs):
    return I.deserialize(json.loads(json.dumps(I.serialize(initializer))), **kwargs)


# Registration


def test_register_without_arguments():
    assert I.register(ExampleRandomNormal) is ExampleRandomNormal
    data = I.serialize(ExampleRandomNormal(0, 2))
    assert data == {
        "module": None,
        "class_name": "ExampleRandomNormal",
        "config": {"mean": 0, "stddev": 2},
        "registered_name": "Custom>ExampleRandomNormal",
    }
    again = through_json(ExampleRandomNormal(0, 2))
    assert (type(again), again.mean, again.stddev) == (ExampleRandomNormal, 0, 2)


@pytest.mark.parametrize(
    ("arguments", "full"),
    [
        ({}, "Custom>Duck"),
        ({"package": "pond"}, "pond>Duck"),
        ({"name": "Mallard"}, "Custom>Mallard"),
        ({"package": "pond", "name": "Mallard"}, "pond>Mallard"),
    ],
)
def test_register_under_a_name(arguments, full):
    assert I.register(**arguments)(Duck) is Duck
    assert I.serialize(Duck())["registered_name"] == full
    assert through_json(Duck(5)).value == 5
    for identifier in (full, full.partition(">")[2], {"class_name": full, "config": {}}):
        assert type(I.get(identifier)) is Duck


def test_what_keras_wrote_of_a_registered_class():
    I.register(package="pond")(Duck)
    data = {"module": "pond.birds", "class_name": "Duck", "config": {"value": 7}, "registered_name": "pond>Duck"}
    assert I.deserialize(data).value == 7


def test_the_same_class_defined_again_replaces_its_former_self():
    def cell():
        @I.register(package="notebook")
        class Mine(I.Initializer):
            pass

        return Mine

    first, second = cell(), cell()
    assert first is not second
    assert type(I.get("notebook>Mine")) is second


def test_registering_twice_is_once():
    assert I.register(Duck) is I.register(Duck)


def test_a_registered_name_does_not_hide_a_built_in_class():
    I.register(package="mine", name="HeNormal")(TwiceHe)
    assert type(I.get("HeNormal")) is I.HeNormal
    assert type(I.get("mine>HeNormal")) is TwiceHe
    assert type(through_json(TwiceHe(1))) is TwiceHe
    assert type(through_json(I.HeNormal(1))) is I.HeNormal


def test_a_subclass_of_a_built_in_class():
    I.register(TwiceHe)
    again = through_json(TwiceHe(7))
    assert type(again) is TwiceHe
    np.testing.assert_array_equal(again((3, 3), axes="o i"), 2 * I.HeNormal(7)((3, 3), axes="o i"))
    generated = through_json(TwiceHe(SeedGenerator(7)))
    assert (generated.seed.seed, generated.seed.count) == (7, 0)


def test_one_class_of_two_packages_needs_its_package():
    class Twin(I.Initializer):
        pass

    I.register(package="a")(Twin)
    I.register(package="b")(type("Twin", (I.Initializer,), {}))
    assert type(I.get("a>Twin")) is Twin
    assert type(I.get("b>Twin")) is not Twin


# Custom objects


@pytest.mark.parametrize("name", ["Duck", "pond>Duck"])
def test_custom_objects_of_a_registered_class(name):
    data = {"module": None, "class_name": "Duck", "config": {"value": 2}, "registered_name": "pond>Duck"}
    assert I.deserialize(data, custom_objects={name: Duck}).value == 2


def test_custom_objects_of_a_class_that_is_not_registered():
    again = through_json(ExampleRandomNormal(1, 2), custom_objects={"ExampleRandomNormal": ExampleRandomNormal})
    assert (type(again), again.mean) == (ExampleRandomNormal, 1)
    with pytest.raises(ValueError, match="register"):
        through_json(ExampleRandomNormal(1, 2))


@pytest.mark.parametrize("module", [None, "oneseed.initializers", "keras.initializers", "my.inits"])
@pytest.mark.parametrize("registered", [None, "HeNormal"])
def test_custom_objects_come_before_all_others(module, registered):
    data = {"module": module, "class_name": "HeNormal", "config": {"seed": 3}, "registered_name": registered}
    found = I.deserialize(data, custom_objects={"HeNormal": TwiceHe})
    assert (type(found), found.seed) == (TwiceHe, 3)


def test_custom_objects_leave_the_rest_alone():
    assert type(I.deserialize({"class_name": "Ones"}, custom_objects={"HeNormal": TwiceHe})) is I.Ones


def test_a_class_of_ones_own_with_a_built_in_name_does_not_come_back_as_the_built_in_one():
    mine = type("HeNormal", (TwiceHe,), {})
    with pytest.raises(ValueError, match="register"):
        through_json(mine(3))
    assert type(through_json(mine(3), custom_objects={"HeNormal": mine})) is mine


# From a configuration


def test_from_config_needs_no_writing():
    again = ExampleRandomNormal.from_config(ExampleRandomNormal(1.0, 2.0).get_config())
    assert (again.mean, again.stddev) == (1.0, 2.0)
    np.testing.assert_array_equal(again((2,)), ExampleRandomNormal(1.0, 2.0)((2,)))


def test_from_config_of_a_class_that_takes_a_dtype_or_anything():
    class WithDtype(I.Initializer):
        def __init__(self, dtype="float64"):
            self.dtype = dtype

    class Anything(I.Initializer):
        def __init__(self, **kwargs):
            self.kwargs = kwargs

    assert WithDtype.from_config({"dtype": "int8"}).dtype == "int8"
    assert Anything.from_config({"a": 1, "dtype": 2}).kwargs == {"a": 1, "dtype": 2}


def test_the_config_is_a_copy():
    for initializer in (I.Constant([1]), I.Constant([[1, 2]]), I.HeNormal(1, [0], [1]), I.STFT(window=[1, 2])):
        before = json.dumps(initializer.get_config())
        for value in initializer.get_config().values():
            if isinstance(value, list):
                value.append(9)
                if isinstance(value[0], list):
                    value[0][0] = 9
            elif isinstance(value, dict):
                value["config"]["value"][0] = 9
        assert json.dumps(initializer.get_config()) == before


def test_from_config_leaves_the_config_alone():
    data = I.serialize(I.VarianceScaling(seed=SeedGenerator(1), input_axes=[0], output_axes=[1]))
    before = json.dumps(data)
    I.deserialize(data)
    assert json.dumps(data) == before


# Functions


@pytest.mark.parametrize("wrap", [lambda f: f, functools.partial, lambda f: lambda shape, dtype=None: f(shape, dtype)])
def test_functions_work_as_they_are(wrap):
    def my_init(shape, dtype=None):
        return oneseed.random.normal(shape, dtype=dtype, seed=7)

    wrapped = wrap(my_init)
    initializer = I.get(wrapped)
    assert initializer is wrapped
    np.testing.assert_array_equal(initializer((2, 3), dtype="float64"), I.RandomNormal(0, 1, 7)((2, 3), "float64"))


def test_the_base_class_says_what_is_missing():
    class Empty(I.Initializer):
        pass

    assert Empty().get_config() == {}
    assert repr(Empty()) == "Empty()"
    with pytest.raises(NotImplementedError, match=r"Empty must override `distribution_for\(target\)`, or"):
        Empty()((2,))


# Copies


@pytest.mark.parametrize("initializer", [*SEEDED, *SEEDLESS, ExampleRandomNormal(1, 2), TwiceHe(5)], ids=repr)
@pytest.mark.parametrize(
    "make", [lambda x: x.clone(), copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_make_the_same(initializer, make):
    again = make(initializer)
    assert again is not initializer
    assert type(again) is type(initializer)
    assert again.get_config() == initializer.get_config()
    np.testing.assert_array_equal(again((2, 2)), initializer((2, 2)), strict=True)


def test_clone_without_a_seed_draws_a_new_one():
    initializer = I.HeNormal()
    assert initializer.clone().seed != initializer.seed
    assert initializer.clone().get_config()["seed"] is None


@pytest.mark.parametrize("make", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_without_a_seed_keep_the_one_drawn(make):
    initializer = I.HeNormal()
    again = make(initializer)
    assert again.seed == initializer.seed
    assert again.get_config()["seed"] is None


@pytest.mark.parametrize("make", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("seed", [5, None])
def test_copies_of_a_generator_go_on_by_themselves(make, seed):
    generator = SeedGenerator(seed)
    generator.next()
    again = make(generator)
    assert (again.seed, again.count, again.get_config()) == (generator.seed, 1, {"seed": seed})
    assert (again.next(), again.next(), generator.next()) == (1, 2, 1)


def test_copies_of_an_initializer_with_a_generator():
    initializer = I.HeNormal(SeedGenerator(5))
    first = initializer((4,))
    clone, twin = initializer.clone(), copy.deepcopy(initializer)
    second = initializer((4,))
    assert clone.seed is not initializer.seed
    np.testing.assert_array_equal(clone((4,)), first)
    np.testing.assert_array_equal(twin((4,)), second)


# What goes in is copied


@pytest.mark.parametrize("make", [I.Constant, I.Assign])
@pytest.mark.parametrize("value", [[1.0, 2.0], [[1, 2], [3, 4]], np.array([1.0, 2.0]), np.array([[1, 2]], "int8")])
def test_changing_what_went_in_changes_nothing(make, value):
    value = copy.deepcopy(value)
    initializer = make(value)
    shape = np.shape(value)
    values, config = initializer(shape), json.dumps(initializer.get_config())
    value[0] = value[0] * 0 if isinstance(value, np.ndarray) else 9
    np.testing.assert_array_equal(initializer(shape), values)
    assert json.dumps(initializer.get_config()) == config


def test_changing_an_inner_list_changes_nothing():
    value = [[1, 2], [3, 4]]
    initializer = I.Constant(value)
    value[0][0] = 9
    assert initializer.get_config() == {"value": [[1, 2], [3, 4]]}


def test_changing_what_came_out_changes_nothing():
    initializer = I.get(np.array([1.0, 2.0]))
    out = initializer((2,), "float64")
    out[:] = 9
    np.testing.assert_array_equal(initializer((2,)), [1, 2])
    with pytest.raises(ValueError, match="read-only"):
        initializer.value[0] = 9


def test_changing_a_window_or_axes_changes_nothing():
    window, axes = np.array([1.0, 2.0]), [0]
    fourier, scaled = I.STFT(window=window), I.HeNormal(1, axes, axes)
    before = fourier((2, 1, 2)), scaled.describe((2, 3))
    window[:] = 9
    axes[0] = 1
    np.testing.assert_array_equal(fourier((2, 1, 2)), before[0])
    assert scaled.describe((2, 3)) == before[1]
