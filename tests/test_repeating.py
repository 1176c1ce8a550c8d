"""Which initializers, and functions of `oneseed.random`, keep their draws, on each backend."""

import numpy as np
import pytest
from frameworks import ALL
from kept import same, twice

import oneseed
from oneseed.host_arrays import to_numpy
from oneseed.initializers import (
    AlibiSlopes,
    Assign,
    Constant,
    HeNormal,
    Ones,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    Zeros,
    known,
    plans,
)

pytestmark = pytest.mark.usefixtures("recall")


def test_kept_fills():
    for init in (oneseed.initializers.Zeros(), oneseed.initializers.Ones()):
        for dtype in ("float32", "bfloat16", "int8", "complex64"):
            assert same(twice(init, (3, 4), dtype), init([3, 4], dtype))
        first = init((3, 4))
        first[:] = 7
        assert not (init((3, 4)) == 7).any()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(), (3, 5), (150, 150), (200, 200)], ids=str)
def test_kept_draws_and_fills_on_every_backend(name, shape):
    fills = Zeros(), Ones(), Constant(-0.0), Constant(2.5), Constant(True), Constant(float("inf"))
    for init in (HeNormal(7), *fills):
        for dtype in ("float32", "bfloat16", "float8_e5m2") if init is not fills[-2] else ("int8", "bool"):
            expected = oneseed.fingerprint(init(list(shape), dtype, backend="numpy"))
            made = [init(shape, dtype, backend=name) for _ in range(3)]
            assert {oneseed.fingerprint(tensor) for tensor in made} == {expected}


def build(example):
    return eval(example, {**vars(oneseed.initializers), "np": np})


REPEATING = [entry for entry in known.entries().values() if entry.cls._repeats]


@pytest.mark.parametrize("entry", REPEATING, ids=lambda entry: entry.cls.__name__)
def test_what_repeats_draws_from_the_same_distribution_at_each_path_and_seed(entry):
    init = build(entry.example)
    shape = entry.shape
    first = repr(init.describe(shape, entry.dtype).distribution)
    assert repr(init.describe(shape, entry.dtype, path="elsewhere").distribution) == first
    if init.seed is not None:
        other = init.clone()
        other.seed += 1
        assert repr(other.describe(shape, entry.dtype).distribution) == first


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("entry", REPEATING, ids=lambda entry: entry.cls.__name__)
def test_what_repeats_makes_the_same_tensor_of_its_own_each_time(entry, name):
    init = build(entry.example)
    expected = init.clone()(entry.shape, entry.dtype, path="w", backend="numpy").copy()
    for _ in range(3):
        made = init(entry.shape, entry.dtype, path="w", backend=name)
        assert type(made) is type(init([*entry.shape], entry.dtype, path=["w"], backend=name))
        array = to_numpy(made)
        assert array.dtype == expected.dtype
        assert array.tobytes() == expected.tobytes()
        if name in ("numpy", "torch"):  # whose tensors may be changed
            made[...] = 1


def test_large_constants_are_not_kept():
    init = AlibiSlopes()
    for size, keeps in ((2**14, True), (2**15, False)):
        assert same(twice(init, (size,)), init([size]))
        (make,) = plans.held[id(init)].makers.values()
        assert (type(make) is not plans._Again) is keeps
        init = AlibiSlopes()


def test_a_value_that_is_assigned_is_what_is_drawn():
    init = Constant(2.0)
    assert (twice(init, (2, 3)) == 2).all()
    for value, want in ((0.5, 0.5), (-0.0, -0.0), ([1, 2, 3], [1, 2, 3]), (np.float64(4), 4)):
        init.value = value
        assert same(twice(init, (2, 3)), np.broadcast_to(np.array(want, "float32"), (2, 3)))
        assert same(init.clone()((2, 3)), init((2, 3)))
    with pytest.raises(TypeError, match="`value` must"):
        init.value = "four"
    assert (init((2, 3)) == 4).all()
    stored = Assign(np.ones((2, 3)))
    stored.value = [[1, 2], [3, 4]]
    assert (stored((2, 2)) == [[1, 2], [3, 4]]).all()
    with pytest.raises(ValueError, match="the shape of the array"):
        stored((2, 3))


RANDOM = {
    "normal": ((0.0, 1.0), (-0.0, 1.0), (0, 1), (0.5, 1), (2.0, 0.0)),
    "uniform": ((0.0, 1.0), (-0.0, 1.0), (0, 1), (-1, 1.0)),
    "truncated_normal": ((0.0, 1.0), (-0.0, 1), (1, 2)),
    "randint": ((0, 10), (-3, 2**31 - 3)),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("function", RANDOM)
def test_functions_of_random_repeat_their_draws(name, function):
    draw = getattr(oneseed.random, function)
    classes = {"normal": RandomNormal, "truncated_normal": TruncatedNormal}
    dtype = "int32" if function == "randint" else "float32"
    for first, second in RANDOM[function] * 2:
        for seed in (7, 8):
            for shape in ((3, 5), (2,)):
                fresh = classes.get(function, RandomUniform)(first, second, seed=seed)(shape, dtype, backend="numpy")
                made = draw(shape, first, second, dtype=dtype, seed=seed, backend=name)
                assert oneseed.fingerprint(made) == oneseed.fingerprint(fresh)
    assert same(draw((2,), *RANDOM[function][0], seed=7), draw((2,), *RANDOM[function][0], seed=np.int64(7)))


def test_functions_of_random_go_on_without_an_int():
    oneseed.set_random_seed(1)
    a, b = oneseed.random.normal((4,)), oneseed.random.normal((4,))
    oneseed.set_random_seed(1)
    assert not same(a, b)
    assert same(a, oneseed.random.normal((4,)))
    generator = oneseed.SeedGenerator(7)
    assert not same(oneseed.random.normal((4,), seed=generator), oneseed.random.normal((4,), seed=generator))
    with pytest.raises(TypeError, match="`seed`"):
        oneseed.random.normal((4,), seed=True)
    with pytest.raises(ValueError, match="`stddev`"):
        oneseed.random.normal((4,), 0.0, -1.0, seed=7)


def test_functions_of_random_follow_the_settings():
    before = oneseed.random.normal((4,), seed=7)
    with oneseed.using(floatx="float64"):
        assert oneseed.random.normal((4,), seed=7).dtype == np.float64
    with oneseed.using(rng="native"):
        native = oneseed.random.normal((4,), seed=7)
    assert not same(before, native)
    assert same(before, oneseed.random.normal((4,), seed=7))


def test_the_first_call_of_an_initializer_makes_what_the_next_ones_make(monkeypatch):
    backend = type(oneseed.registry.load("numpy"))

    def never(self, draw, device=None):
        raise AssertionError(draw)

    monkeypatch.setattr(backend, "draw", never)
    init = HeNormal(11)
    if backend().kernel is None:
        with pytest.raises(AssertionError):
            init((3, 4))
    else:
        assert same(init((3, 4)), init((3, 4)))
