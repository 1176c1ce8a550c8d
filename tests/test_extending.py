"""Initializers of strangers: first-class on every backend."""

import copy
import json
import pickle

import numpy as np
import pytest
from frameworks import PLACES
from strangers import (
    BOUNDED,
    FLOATS,
    MADE,
    SEEDED,
    CirculantNormal,
    Doubled,
    FanOutNormal,
    Halves,
    OwnRamp,
    Plain,
    Triangular,
    WidthUniform,
)
from test_contract import bits, engine, same  # noqa: F401 - a fixture

import oneseed
from oneseed import SeedGenerator, initializers
from oneseed.distributions import Structured, Uniform
from oneseed.host_arrays import to_numpy
from oneseed.initializers import Initializer, RandomInitializer, names


@pytest.fixture(params=MADE)
def case(request):
    """Each initializer with a seed, and its dtype."""
    make, dtype = MADE[request.param]
    return make(5) if request.param in SEEDED else make(), dtype


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(names, "_custom", {})


# On every backend


def test_the_same_bits_everywhere(engine, case):  # noqa: F811
    init, dtype = case
    for shape, call in (
        ((6, 4), {}),
        ((6, 4), {"axes": "o i", "path": "layer"}),
        ((6, 4), {"partition_shape": (3, 2), "partition_offset": (2, 1), "path": ("a", 1)}),
    ):
        same(engine, init(shape, dtype, **call), init(shape, dtype, backend="numpy", **call))


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_float_dtype(engine, name, dtype):  # noqa: F811
    init = MADE[name][0](5)
    same(engine, init((6, 4), dtype), init((6, 4), dtype, backend="numpy"))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex(engine, dtype):  # noqa: F811
    init = FanOutNormal(5)
    found, expected = to_numpy(init((6, 4), dtype)), init((6, 4), dtype, backend="numpy")
    assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_in_compiled_functions(engine, case, mode):  # noqa: F811
    init, dtype = case
    for name, run in engine.modes().items():
        if (name == "eager") == (mode == "eager"):
            made = run(lambda: init((6, 4), dtype, axes="o i", path="p"))
            same(engine, made, init((6, 4), dtype, axes="o i", path="p", backend="numpy"))


def test_a_call_of_shape_and_dtype_works_everywhere(engine):  # noqa: F811
    for init in (Plain(), Doubled(3), initializers.Blockwise([Doubled(3), Plain()], [2, 4], 0)):
        found = init((6, 4), dtype="float32")
        with oneseed.using(backend="numpy"):
            expected = init((6, 4), dtype="float32")
        np.testing.assert_array_equal(to_numpy(found), expected)


def test_the_examples_of_the_page_and_of_the_base_class(engine):  # noqa: F811
    class Small(RandomInitializer):
        def distribution_for(self, target):
            limit = 1 / max(1, target.fan_in)
            return Uniform(-limit, limit)

    init = Small(seed=7)
    same(engine, init((50, 10)), init((50, 10), backend="numpy"))
    assert oneseed.fingerprint(init((10, 50), axes="o i"), "o i") == oneseed.fingerprint(init((50, 10)))


# Seeds


@pytest.mark.parametrize("name", SEEDED)
def test_a_generator_gives_a_new_draw_each_time(engine, name):  # noqa: F811
    make, dtype = MADE[name]
    one, two = make(SeedGenerator(7)), make(SeedGenerator(7))
    first, second = (to_numpy(one((6, 4), dtype)) for _ in range(2))
    assert (bits(first) != bits(second)).any()
    for expected in (first, second):
        same(engine, two((6, 4), dtype), expected)


@pytest.mark.parametrize("name", [name for name in SEEDED if name != "composite"])
def test_without_a_seed_one_is_drawn_when_it_is_built(name):
    make, dtype = MADE[name]
    init = make(None)
    assert isinstance(init.seed, int)
    assert init.get_config()["seed"] is None
    assert init((6, 4), dtype).tobytes() == init((6, 4), dtype).tobytes()
    assert init.clone().seed != init.seed


@pytest.mark.parametrize("place", PLACES)
def test_a_frameworks_own_seed(place):
    backend, _ = place
    with oneseed.using(backend=backend):
        if backend == "jax":
            import jax

            draws = {name: jax.jit(lambda key, n=name: MADE[n][0](key)((6, 4), MADE[n][1])) for name in SEEDED[:4]}
            for draw in draws.values():
                first, second = (to_numpy(draw(jax.random.key(seed))) for seed in (1, 2))
                assert (bits(first) != bits(second)).any()
            keys = jax.random.split(jax.random.key(3), 2)
            both = jax.vmap(lambda key: WidthUniform(seed=key)((6, 4)))(keys)
            for key, made in zip(keys, both, strict=True):
                assert (to_numpy(WidthUniform(seed=key)((6, 4))) == to_numpy(made)).all()
        elif backend == "tensorflow":
            import tensorflow as tf

            draw = tf.function(lambda seed: WidthUniform(seed=seed)((6, 4)), autograph=False)
            expected = WidthUniform(seed=9)((6, 4), backend="numpy")
            assert (to_numpy(draw(tf.constant(9, tf.int64))) == expected).all()
        else:
            expected = WidthUniform(seed=9)((6, 4), backend="numpy")
            assert (to_numpy(WidthUniform(seed=np.int64(9))((6, 4))) == expected).all()


def test_keras_numbers_where_keras_has_the_distribution():
    with oneseed.using(rng="native"):
        ours = WidthUniform(1.0, 5)((64, 10))
        assert (ours == initializers.RandomUniform(-1 / 64, 1 / 64, 5)((64, 10))).all()
        with pytest.raises(ValueError, match="Keras's, which does not have it"):
            Triangular(5)((50, 10))


# What is known before a draw


def test_describe_and_next_draw(case):
    init, dtype = case
    draw = init.describe((6, 4), dtype, "o i", "p", (3, 2), (1, 1))
    assert (draw.fan_in, draw.fan_out, draw.path, draw.block, draw.offset) == (4, 6, ("p",), (3, 2), (1, 1))
    assert json.loads(json.dumps(draw.as_dict()))["distribution"] == draw.distribution.name
    assert init.next_draw((6, 4), dtype, "o i", "p", (3, 2), (1, 1)).as_dict() == draw.as_dict()


def test_next_draw_counts_and_describe_does_not():
    init = WidthUniform(seed=SeedGenerator(3))
    assert [init.describe((2, 2)).path for _ in range(2)] == [(0,)] * 2
    assert [init.next_draw((2, 2)).path for _ in range(2)] == [(0,), (1,)]


def test_a_block_is_a_slice_of_the_whole(case):
    init, dtype = case
    whole = init((6, 4), dtype, path="p")
    block = init((6, 4), dtype, path="p", partition_shape=(3, 2), partition_offset=(2, 1))
    assert (bits(block) == bits(whole[2:5, 1:3])).all()


def test_an_empty_tensor_and_a_scalar(engine, case):  # noqa: F811
    init, dtype = case
    needs_axes = isinstance(init, CirculantNormal | OwnRamp | Halves)
    for shape in [(0, 4)] if needs_axes else [(0, 4), ()]:
        same(engine, init(shape, dtype), init(shape, dtype, backend="numpy"))


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated", "elementwise"])
def test_axes_decide_fans_and_order(name):
    init = MADE[name][0](5)
    assert (init((6, 4), axes="o i") == init((4, 6), axes="i o").T).all()


@pytest.mark.parametrize("init", [Plain(), Doubled(3)], ids=repr)
def test_describe_of_a_call_of_ones_own_is_true(init):
    draw = init.describe((6, 4), "float32", "o i")
    assert (draw.distribution.name, draw.seed, draw.distribution.numbers) == ("called", None, {"function": repr(init)})


# Others around it


def test_composites(engine, case):  # noqa: F811
    init, dtype = case
    parts = [
        initializers.Partial(init, axes="o i", path="p"),
        initializers.Blockwise([init, init], [2, 4], 0),
        initializers.PerGroup(init, 2, axis=0),
    ]
    if dtype == "float32":
        parts += [initializers.Scaled(init, 0.5), initializers.Sum([init, "ones"])]
    for part in parts:
        same(engine, part((6, 4), dtype), part((6, 4), dtype, backend="numpy"))
    same(engine, init((6, 4), dtype, axes="o i", path="p"), parts[0]((6, 4), dtype, backend="numpy"))


def test_data_dependent_scaling_of_a_strangers_weights():
    x = oneseed.random.normal((256, 30), seed=1)
    shapes = {"w": np.zeros((30, 20))}
    found = oneseed.lsuv(shapes, lambda weights, name: x @ weights[name], initializer=Triangular(3))
    assert abs((x @ found.weights["w"]).var() - 1) < 0.02
    with pytest.raises(TypeError, match="`initializer` must take `axes` and `path`"):
        oneseed.lsuv(shapes, lambda weights, name: x @ weights[name], initializer=Plain())


# Copies and configurations


@pytest.mark.parametrize("name", [name for name in MADE if name != "elementwise"])
@pytest.mark.parametrize(
    "remade", [lambda x: x.clone(), copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies(name, remade):
    make, dtype = MADE[name]
    init = make(5)
    for kind in (WidthUniform, Triangular):
        initializers.register(package="strangers")(kind)
    again = remade(init)
    assert type(again) is type(init)
    assert again((6, 4), dtype).tobytes() == init((6, 4), dtype).tobytes()


def test_serialization(case):
    init, dtype = case
    for kind in (WidthUniform, Triangular, type(init)):
        initializers.register(package="strangers")(kind)
    data = json.loads(json.dumps(initializers.serialize(init)))
    assert data["registered_name"] == f"strangers>{type(init).__name__}"
    again = initializers.deserialize(data)
    assert again((6, 4), dtype).tobytes() == init((6, 4), dtype).tobytes()
    if not isinstance(init, Halves):
        assert type(initializers.get(type(init).__name__)) is type(init)


class Tagged(np.ndarray):
    """A subclass of NumPy's arrays."""


class Held(Structured):
    """An array that the distribution holds itself, or that nobody may write to, in place of a new one."""

    def __init__(self, array, give):
        self.array, self.give = array, give

    def values(self, draw, host):
        return self.give(self.array)[draw.slices]


class Holding(Initializer):
    def __init__(self, *args):
        self.args = args

    def distribution_for(self, target):
        return Held(*self.args)


@pytest.mark.parametrize(
    "give",
    [
        lambda array: array,
        lambda array: array[::-1],
        lambda array: np.broadcast_to(array[0], array.shape),
        lambda array: array.view(Tagged),
    ],
)
def test_who_changes_a_tensor_does_not_change_the_next_one(give):
    init = Holding(np.arange(12, dtype="float32").reshape(4, 3), give)
    first = init((4, 3), backend="numpy")
    assert type(first) is np.ndarray
    before = first.copy()
    first += 1
    assert (init((4, 3), backend="numpy") == before).all()
