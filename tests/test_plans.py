"""What an initializer keeps of a draw holds as long as nothing that decides the values changes, and no longer."""

import copy
import pickle
import weakref

import numpy as np
import pytest
from frameworks import ALL
from kept import same, twice

import oneseed
from oneseed import distributions
from oneseed.initializers import (
    GlorotUniform,
    HeNormal,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    plans,
)

pytestmark = pytest.mark.usefixtures("recall")

EACH = [
    HeNormal(7),
    RandomNormal(0.3, 0.02, seed=7),
    TruncatedNormal(seed=7),
    RandomUniform(-1.0, 1.0, seed=7),
    VarianceScaling(2.0, "fan_out", "uniform", seed=7),
]


@pytest.mark.parametrize("init", EACH, ids=lambda init: type(init).__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float8_e5m2", "complex64"])
def test_a_kept_draw_is_the_draw(init, dtype):
    for shape, axes, path in (((5, 6), None, None), ((5, 6), "o i", "w"), ((), None, None), ((0, 3), None, None)):
        again = twice(init, shape, dtype, axes=axes, path=path)
        assert same(again, init.clone()(shape, dtype, axes=axes, path=path))
        assert same(again, init(list(shape), dtype, axes=axes, path=path))


@pytest.mark.parametrize("name", ALL)
def test_on_every_backend(name):
    init = HeNormal(7)
    expected = oneseed.fingerprint(init.clone()((8, 8), backend="numpy"))
    assert {oneseed.fingerprint(init((8, 8), backend=each)) for each in (name, "numpy", name, "numpy")} == {expected}
    assert type(init((8, 8), backend=name)) is type(init.clone()((8, 8), backend=name))


@pytest.mark.parametrize("init", [*EACH, Orthogonal(1.5, seed=7)], ids=lambda init: type(init).__name__)
def test_a_repeated_call_decides_nothing_again(init, monkeypatch):
    expected = twice(init.clone(), (5, 6), path="w")
    init((5, 6), path="w")
    monkeypatch.setattr(type(init), "distribution_for", lambda self, target: 1 / 0)
    assert same(init((5, 6), path="w"), expected)
    with pytest.raises(ZeroDivisionError):
        init((6, 5), path="w")


def test_each_call_makes_memory_of_its_own():
    init = HeNormal(7)
    first = twice(init, (8, 8))
    first[:] = 0
    assert init((8, 8)).any()
    assert not np.shares_memory(init((8, 8)), init((8, 8)))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("scale", 3.0), ("mode", "fan_out"), ("distribution", "uniform"), ("seed", 8), ("dtype", "float16")],
)
def test_a_changed_attribute_counts(attribute, value):
    init = VarianceScaling(2.0, "fan_in", "truncated_normal", seed=7)
    before = twice(init, (30, 20))
    setattr(init, attribute, value)
    changed = VarianceScaling(2.0, "fan_in", "truncated_normal", seed=7)
    setattr(changed, attribute, value)
    after = twice(init, (30, 20))
    assert same(after, changed((30, 20)))
    assert after.tobytes() != before.tobytes()
    vars(init).update(vars(VarianceScaling(2.0, "fan_in", "truncated_normal", seed=7)) | {"dtype": None})
    assert same(init((30, 20)), before)


def test_a_changed_sign_of_zero_counts():
    init = RandomUniform(0.0, 0.0, seed=7)
    assert not np.signbit(twice(init, (3,))).any()
    init.minval = init.maxval = -0.0
    assert np.signbit(twice(init, (3,))).all()


@pytest.mark.parametrize("value", [np.ones(2), np.ones(1), [2.0], "two", (2.0,), 2 + 0j, np.float64(2.0)])
@pytest.mark.parametrize("attribute", ["scale", "mode", "seed", "_axes", "_path", "dtype"])
def test_a_value_of_another_type_is_taken_or_refused_as_at_a_first_call(attribute, value):
    def result(init):
        try:
            return init((3, 3)).tobytes()
        except Exception as error:
            return type(error), str(error)

    init, first = (VarianceScaling(2.0, "fan_in", "uniform", seed=2) for _ in range(2))
    twice(init, (3, 3))
    for each in (init, first):
        setattr(each, attribute, value)
    assert result(init) == result(first)


def test_a_changed_setting_counts():
    init = GlorotUniform(7)
    single = twice(init, (30, 20))
    with oneseed.using(floatx="float64"):
        assert twice(init, (30, 20)).dtype == np.float64
    assert same(init((30, 20)), single)
    oneseed.set_floatx("float16")
    assert twice(init, (30, 20)).dtype == np.float16
    oneseed.set_floatx("float32")
    with oneseed.using(rng="native"):
        assert init((30, 20)).tobytes() != single.tobytes()
    assert same(init((30, 20)), single)


def test_settings_of_a_block_are_kept_apart_and_follow_the_defaults():
    init = GlorotUniform(7)
    with oneseed.using(rng="portable"):
        assert twice(init, (4, 5)).dtype == np.float32
        oneseed.set_floatx("float16")
        assert twice(init, (4, 5)).dtype == np.float16
        with oneseed.using(floatx="float64"):
            assert twice(init, (4, 5)).dtype == np.float64
            oneseed.set_floatx("float32")
            assert twice(init, (4, 5)).dtype == np.float64
        assert twice(init, (4, 5)).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (((8.0, 8),), TypeError),
        (((True, 8),), TypeError),
        (((-8, 8),), ValueError),
        (((8, 8), "float33"), ValueError),
        (((8, 8), 1), TypeError),
        (((8, 8), "int32"), ValueError),
    ],
)
def test_what_is_equal_and_yet_refused(call, error):
    init = HeNormal(7)
    for shape in ((8, 8), (1, 8)):
        twice(init, shape)
    for _ in range(2):
        with pytest.raises(error):
            init(*call)
    for keywords in ({"path": True}, {"path": ("a", True)}, {"axes": 3}, {"backend": "nunpy"}, {"device": "moon"}):
        twice(init, (8, 8), path=("a", 1))
        with pytest.raises((TypeError, ValueError)):
            init((8, 8), **keywords)


def test_a_generator_goes_on():
    init = HeNormal(oneseed.SeedGenerator(7))
    assert len({init((8, 8)).tobytes() for _ in range(5)}) == 5


def test_a_subclass_is_asked_each_time():
    class Growing(HeNormal):
        stddev = 0.0

        def distribution_for(self, target):
            Growing.stddev += 1.0
            return distributions.Normal(0.0, Growing.stddev)

    init = Growing(7)
    assert init((8, 8)).tobytes() != init((8, 8)).tobytes()

    class WithMore(RandomNormal):
        number = 1.0

        @property
        def stddev(self):
            return WithMore.number

        @stddev.setter
        def stddev(self, value):
            WithMore.number = value

    init = WithMore(0.0, 1.0, seed=7)
    first = init((8, 8))
    WithMore.number = 2.0
    np.testing.assert_array_equal(init((8, 8)), 2 * first)

    class Renamed(HeNormal):
        """Draws what its base does."""

        def __init__(self, seed=None):
            super().__init__(seed)
            self.lengths = [1]

    assert same(twice(Renamed(7), (8, 8)), HeNormal(7)((8, 8)))


def test_copies_and_pickles_are_on_their_own():
    init = RandomNormal(0.0, 1.0, seed=7)
    expected = twice(init, (8, 8))
    for other in (copy.copy(init), copy.deepcopy(init), pickle.loads(pickle.dumps(init))):
        assert vars(other) == vars(init)
        assert same(twice(other, (8, 8)), expected)
        other.stddev = 2.0
        np.testing.assert_array_equal(twice(other, (8, 8)), 2 * expected)
        assert same(init((8, 8)), expected)


def test_what_is_kept_is_bounded_and_goes_with_its_initializer():
    init = RandomUniform(-1.0, 1.0, seed=7)
    for size in range(3 * plans.MOST):
        init((size,))
    number = id(init)
    assert len(plans.held[number].makers) <= plans.MOST
    gone = weakref.ref(init)
    del init
    assert gone() is None
    assert number not in plans.held


def test_what_is_kept_of_one_that_is_gone_is_not_another_s():
    # An exception of a signal's handler can keep a callback of weak references from its work; numbers are used again.
    zeros, ones = Zeros(), Ones()
    twice(zeros, (3,))
    assert ones.__dict__ == zeros.__dict__
    plans.held[id(ones)] = plans.held[id(zeros)]
    assert (ones((3,)) == 1).all()
    assert (twice(ones, (3,)) == 1).all()


class Labelled:
    __slots__ = ("label",)


class Frozen:
    def __setattr__(self, name, value):
        if getattr(self, "_frozen", False):
            raise AttributeError(name)
        super().__setattr__(name, value)


class Stored:
    def __getstate__(self):
        return (1, 2)

    def __setstate__(self, state):
        self.state = state


@pytest.mark.parametrize("base", [Labelled, dict, Exception, Frozen, Stored], ids=lambda base: base.__name__)
def test_other_bases(base):
    class Both(HeNormal, base):
        def __init__(self, seed=None):
            super().__init__(seed)
            self._kept = self._frozen = True

    init = Both(7)
    assert same(twice(init, (3, 4)), HeNormal(7)((3, 4)))
    assert vars(init).keys() == vars(HeNormal(7)).keys() | {"_kept", "_frozen"}


def test_a_base_in_between_that_decides_what_is_drawn():
    class Scale:
        now = 1.0

        def distribution_for(self, target):
            return distributions.Uniform(0.0, Scale.now)

    class Both(Scale, RandomUniform):
        pass

    class Named(Labelled, RandomUniform):
        pass

    init = Both(seed=7)
    first = init((4,))
    Scale.now = 2.0
    np.testing.assert_array_equal(init((4,)), 2 * first)
    assert (RandomUniform._repeats, Both._repeats, Named._repeats) == (True, False, False)


def test_another_class_counts():
    init = RandomUniform(0.0, 1.0, seed=7)
    twice(init, (3, 4))
    init.__class__ = oneseed.initializers.LogUniform
    init.low, init.high = 1.0, 2.0
    assert same(twice(init, (3, 4)), oneseed.initializers.LogUniform(1.0, 2.0, seed=7)((3, 4)))


@pytest.mark.parametrize("change", ["attribute", "list", "setting"])
def test_a_change_by_another_thread_in_the_midst_of_a_call(change, monkeypatch):
    init, shape, keep = RandomUniform(0.0, 1.0, seed=7), [2, 2], plans.keep

    def late(*args):
        if change == "attribute":
            init.maxval = 2.0
        elif change == "list":
            shape[0] = 3
        else:
            oneseed.set_floatx("float64")
        return keep(*args)

    monkeypatch.setattr(plans, "keep", late)
    init(shape)
    monkeypatch.setattr(plans, "keep", keep)
    try:
        for sizes in ((2, 2), (3, 2)):
            assert same(twice(init, sizes), init.clone()(sizes))
    finally:
        oneseed.set_floatx("float32")
