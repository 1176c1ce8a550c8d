"""Initializers of strangers, defined here as a user would: first-class on every backend."""

import copy
import json
import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from frameworks import PLACES
from test_contract import bits, engine, same  # noqa: F401 - a fixture

import oneseed
from oneseed import Parameter, Rule, Scheme, SeedGenerator, initializers
from oneseed.composites import Concatenated
from oneseed.distributions import (
    Complex,
    Elementwise,
    Fill,
    Integers,
    Normal,
    Structured,
    TruncatedNormal,
    Uniform,
    Values,
    fields,
)
from oneseed.host_arrays import to_numpy
from oneseed.initializers import Initializer, RandomInitializer, names
from oneseed.initializers.targets import Target

FLOATS = ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64")


class WidthUniform(RandomInitializer):
    def __init__(self, width=1.0, seed=None):
        super().__init__(seed)
        self.width = width

    def distribution_for(self, target):
        limit = np.float32(self.width) / max(1, target.fan_in)
        return Uniform(-limit, limit)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


class FanOutNormal(RandomInitializer):
    def distribution_for(self, target):
        stddev = 1 / max(1, target.fan_out)
        if target.dtype.startswith("complex"):
            return Complex(Normal(0.0, stddev), Uniform(-stddev, stddev))
        return Normal(0.5, stddev)


class HalfNormal(RandomInitializer):
    def distribution_for(self, target):
        return TruncatedNormal(0.0, 0.25, 0.0, 3.0)


class Dice(RandomInitializer):
    def distribution_for(self, target):
        return Integers(np.int64(1), np.int64(7))


class Rank(Initializer):
    def distribution_for(self, target):
        return Fill(np.float32(len(target.shape)))


class OwnRamp(Initializer):
    def distribution_for(self, target):
        return Values(np.linspace(0.0, 1.0, target.shape[-1]))


class Triangular(RandomInitializer):
    def distribution_for(self, target):
        limit = 1 / max(1, target.fan_in) ** 0.5
        return Elementwise(Uniform(0.0, 1.0), lambda u: limit * np.sqrt(u), "triangular")


@dataclass(frozen=True, slots=True)
class Circulant(Structured):
    """The rotations of one row of normal values, which is a field of its own."""

    name: ClassVar[str] = "circulant"

    stddev: float

    @property
    def numbers(self):
        return {"stddev": self.stddev}

    def values(self, draw, host):
        rows, columns = draw.shape
        row = fields.field(host, Normal(0.0, self.stddev), draw, (columns,))
        whole = row[(np.arange(columns) - np.arange(rows)[:, np.newaxis]) % columns]
        # Rounded by Values, as any array is.
        return Values(whole).values(draw, host)


class CirculantNormal(RandomInitializer):
    def distribution_for(self, target):
        return Circulant(0.5)


class Halves(Initializer):
    """The upper half from one initializer, the lower one from another."""

    def __init__(self, upper, lower):
        self.upper, self.lower = initializers.get(upper), initializers.get(lower)

    def distribution_for(self, target):
        rows = target.shape[0] // 2
        upper = target.part(self.upper, (rows, *target.shape[1:]), "upper")
        lower = target.part(self.lower, (target.shape[0] - rows, *target.shape[1:]), "lower")
        return Concatenated((upper, lower), 0)

    def get_config(self):
        return {"upper": initializers.serialize(self.upper), "lower": initializers.serialize(self.lower)}


class Plain(Initializer):
    """Keras's form: a call of shape and dtype."""

    def __call__(self, shape, dtype=None):
        return np.full(shape, 0.25, dtype or oneseed.floatx())


class Doubled(initializers.HeNormal):
    """A built-in class whose values are worked on."""

    def __call__(self, shape, dtype=None, **call):
        return 2 * super().__call__(shape, dtype, **call)


MADE = {
    "uniform": (lambda seed=5: WidthUniform(2.0, seed), "float32"),
    "normal": (FanOutNormal, "float32"),
    "truncated": (HalfNormal, "float32"),
    "integers": (Dice, "int16"),
    "fill": (lambda seed=5: Rank(), "float32"),
    "values": (lambda seed=5: OwnRamp(), "float32"),
    "elementwise": (Triangular, "float32"),
    "structured": (CirculantNormal, "float32"),
    "composite": (lambda seed=5: Halves(WidthUniform(1.0, seed), Triangular(seed)), "float32"),
}
SEEDED = ["uniform", "normal", "truncated", "integers", "elementwise", "structured", "composite"]
BOUNDED = [case for case in MADE if case != "integers"]


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


# Schemes


PARAMS = {"a": Parameter((6, 4), "float32", "o i"), "b": Parameter((6, 4), "float32", "o i")}


def planned(init):
    return Scheme([Rule("*", init)]).plan(PARAMS)


@pytest.mark.parametrize("name", [name for name in SEEDED if name != "integers"])
def test_the_seed_of_a_scheme_reaches_it(name):
    plan = planned(MADE[name][0](None))
    assert [entry.unreached for entry in plan] == [None, None]
    host = oneseed.registry.load("numpy")
    values = {seed: [host.draw(draw) for _, draw in plan.draws(seed)] for seed in (7, 8)}
    again = [host.draw(draw) for _, draw in plan.draws(7)]
    assert all((x == y).all() for x, y in zip(values[7], again, strict=True))
    assert (values[7][0] != values[7][1]).any()
    assert (values[7][0] != values[8][0]).any()
    if name != "composite":
        assert (values[7][0] == MADE[name][0](7)((6, 4), axes="o i", path="a")).all()


OPAQUE = [Plain(), np.ones, initializers.Blockwise([Plain(), "ones"], [2, 4], 0)]


@pytest.mark.parametrize("init", OPAQUE, ids=["class", "function", "part"])
def test_a_scheme_whose_seed_does_not_reach_one_says_so(init):
    plan = planned(init)
    assert [entry.unreached for entry in plan] == ["seed", "seed"]
    assert plan.as_dict()["parameters"][0]["unreached"] == "seed"
    lines = str(plan).splitlines()
    assert "seed does not reach it" in lines[1]
    assert lines[-1].endswith("2 without the seed")
    with pytest.warns(UserWarning, match="^The seed of the scheme does not reach") as said:
        plan.draws(7)
    (warning,) = said
    assert f"'a' ({init!r}), 'b' ({init!r})" in str(warning.message)


@pytest.mark.parametrize("init", [Doubled(), initializers.Blockwise([Doubled(), Doubled()], [3, 3], 0)], ids=repr)
def test_one_with_a_seed_and_a_call_of_its_own_gets_a_seed_for_each_parameter(init):
    plan = planned(init)
    assert [entry.unreached for entry in plan] == ["axes", "axes"]
    assert "axes do not reach it" in str(plan).splitlines()[1]
    host = oneseed.registry.load("numpy")
    found = []
    for seed in (7, 7, 8):
        with pytest.warns(UserWarning, match=r"The axes of the scheme do not reach .*'a' \("):
            found.append([host.draw(draw) for _, draw in plan.draws(seed)])
    assert all((x == y).all() for x, y in zip(found[0], found[1], strict=True))
    assert (found[0][0] != found[0][1]).any()
    assert (found[0][0] != found[2][0]).any()
    if isinstance(init, initializers.Blockwise):
        assert (found[0][0][:3] != found[0][0][3:]).any()
    # Where Keras's rule says the same as the axes, nothing is lost.
    plan = Scheme([Rule("*", init)]).plan({"a": Parameter((6, 4), "float32", "i o")})
    assert plan[0].unreached is None
    plan.draws(7)


def test_a_seed_that_no_other_can_follow_from_is_refused():
    from oneseed.models.seeding import seeded

    with pytest.raises(TypeError, match=r"`seed` must be an integer for an initializer with a `__call__`"):
        seeded(Doubled(), object(), path=("a",))


def test_one_with_an_integer_seed_of_its_own_keeps_it():
    plan = Scheme([Rule("*", Doubled(3))]).plan({"a": Parameter((6, 4), "float32", "i o")})
    (_, draw), *_ = plan.draws(7)
    assert (oneseed.registry.load("numpy").draw(draw) == Doubled(3)((6, 4))).all()


# Mistakes


class Returning(RandomInitializer):
    def __init__(self, found, seed=5):
        super().__init__(seed)
        self.found = found

    def distribution_for(self, target):
        assert isinstance(target, Target)
        return self.found


@dataclass(frozen=True, slots=True)
class Wrong(Structured):
    found: object

    def values(self, draw, host):
        return self.found


class Seedless(Initializer):
    def __init__(self, found):
        self.found = found

    def distribution_for(self, target):
        return self.found


class Forgetful(RandomInitializer):
    def __init__(self):
        pass

    def distribution_for(self, target):
        return Normal()


@dataclass(frozen=True, slots=True)
class FromField(Structured):
    def values(self, draw, host):
        return fields.field(host, Normal(), draw, draw.block).astype("float32")


MISTAKES = {
    "none": (lambda: Returning(None), TypeError, "`distribution_for` of Returning must return a distribution"),
    "another type": (lambda: Returning(np.ones(3)), TypeError, "must return a distribution"),
    "dtype": (lambda: Returning(Integers(0, 5)), ValueError, "`dtype` must be one of int16"),
    "too wide": (lambda: Returning(Normal(0.0, 1e300)), ValueError, "is too large"),
    "nan": (lambda: Returning(Uniform(float("nan"), 1.0)), ValueError, "`low` must not be NaN"),
    "nan upper": (lambda: Returning(TruncatedNormal(0.0, 1.0, -1.0, float("nan"))), ValueError, "`upper` must not be"),
    "negative": (lambda: Returning(Normal(0.0, -1.0)), ValueError, "`stddev` must not be negative"),
    "wrong order": (lambda: Returning(Uniform(1.0, 0.0)), ValueError, "`low` must not be above `high`"),
    "no window": (lambda: Returning(TruncatedNormal(0.0, 1.0, 2.0, 2.0)), ValueError, "`lower` must be below `upper`"),
    "a string": (lambda: Returning(Normal("0", 1.0)), TypeError, "`mean` must be a number"),
    "complex": (lambda: Returning(Normal(1j, 1.0)), TypeError, "`mean` must be a real number"),
    "complex parts": (lambda: Returning(Complex(Fill(0.0), Normal())), TypeError, "`real` must be a Normal"),
    "fill": (lambda: Returning(Fill("0")), TypeError, "`value` must be a number"),
    "values": (lambda: Returning(Values([1.0])), TypeError, "`array` must be an ndarray of numbers"),
    "values' shape": (lambda: Returning(Values(np.ones(3))), ValueError, "`array` must be of a shape that broadcasts"),
    "values' rank": (lambda: Returning(Values(np.ones((1, 1, 4)))), ValueError, "`array` must be of a shape that"),
    "base": (lambda: Returning(Elementwise(Integers(0, 2), np.sqrt)), TypeError, "`base` must be a Normal"),
    "no function": (lambda: Returning(Elementwise(Normal(), 3)), TypeError, "`function` must be callable"),
    "function's shape": (
        lambda: Returning(Elementwise(Normal(), np.sum)),
        ValueError,
        "`function` must return an array of real numbers of the shape",
    ),
    "function's dtype": (lambda: Returning(Elementwise(Normal(), lambda x: x * 1j)), ValueError, "of real numbers"),
    "not elementwise": (
        lambda: Returning(Elementwise(Normal(), lambda x: x - x.mean())),
        ValueError,
        "`function` must work element by element",
    ),
    "not elementwise on axes": (
        lambda: Returning(Elementwise(Normal(), lambda x: np.cumsum(x, axis=-1))),
        ValueError,
        "`function` must work element by element",
    ),
    "array's shape": (
        lambda: Returning(Wrong(np.ones((4, 6), "float32"))),
        ValueError,
        r"`values` of Wrong must return an array of shape \(6, 4\)",
    ),
    "array's dtype": (lambda: Returning(Wrong(np.ones((6, 4)))), ValueError, "of dtype float32. Received: .* float64"),
    "array's order of bytes": (lambda: Returning(Wrong(np.ones((6, 4), ">f4"))), ValueError, "of dtype float32"),
    "no array": (lambda: Returning(Wrong([[1.0] * 4] * 6)), TypeError, "`values` of Wrong must return an ndarray"),
    "no values": (lambda: Returning(Structured()), NotImplementedError, r"must override `values\(draw, host\)`"),
    "no seed": (lambda: Seedless(Normal()), TypeError, "Seedless must have a seed .*RandomInitializer"),
    "no seed of a function": (lambda: Seedless(Elementwise(Normal(), np.abs)), TypeError, "must have a seed"),
    "no seed of a field": (lambda: Seedless(FromField()), TypeError, "`seed` must not be None for the random values"),
    "no call of the base class": (Forgetful, TypeError, r"call super\(\).__init__\(seed\)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told(engine, name):  # noqa: F811
    build, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        build()((6, 4), "float32")


def test_a_refused_draw_is_not_counted():
    generator = SeedGenerator(3)
    with pytest.raises(TypeError):
        Returning(None, generator)((6, 4))
    with pytest.raises(ValueError, match="`dtype` must be"):
        Returning(Integers(0, 5), generator)((6, 4))
    assert generator.count == 0


def test_an_empty_tensor_and_a_scalar(engine, case):  # noqa: F811
    init, dtype = case
    needs_axes = isinstance(init, CirculantNormal | OwnRamp | Halves)
    for shape in [(0, 4)] if needs_axes else [(0, 4), ()]:
        same(engine, init(shape, dtype), init(shape, dtype, backend="numpy"))


def test_data_dependent_scaling_of_a_strangers_weights():
    x = oneseed.random.normal((256, 30), seed=1)
    shapes = {"w": np.zeros((30, 20))}
    found = oneseed.lsuv(shapes, lambda weights, name: x @ weights[name], initializer=Triangular(3))
    assert abs((x @ found.weights["w"]).var() - 1) < 0.02
    with pytest.raises(TypeError, match="`initializer` must take `axes` and `path`"):
        oneseed.lsuv(shapes, lambda weights, name: x @ weights[name], initializer=Plain())
