"""A call of `oneseed_torch.init` that is like an earlier one does what the first one did, and refuses what it would."""

import gc
import warnings

import pytest
from frameworks import peer

import oneseed
from oneseed_numpy import engine

torch = peer("torch")
init = peer("oneseed_torch.init")
quick = peer("oneseed_torch.init.quick")
nn = torch.nn

CALLS = {
    "uniform_": [{}, {"a": -1.0, "b": 2.0}],
    "normal_": [{}, {"mean": 1, "std": 0.5}],
    "trunc_normal_": [{}, {"std": 0.02, "a": -0.03, "b": 0.03}],
    "xavier_uniform_": [{}, {"gain": 2.0}],
    "xavier_normal_": [{}, {"axes": "i o"}],
    "kaiming_uniform_": [{"a": 5**0.5}, {"mode": "fan_out", "nonlinearity": "relu"}],
    "kaiming_normal_": [{}, {"path": "encoder/weight"}],
}
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(quick, "_writers", {})


def filled(name, tensor, **options):
    assert getattr(init, name)(tensor, **options) is tensor
    return tensor.detach().clone()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_does_what_the_first_did(name, dtype):
    for options in CALLS[name]:
        for shape in ((5, 7), (64, 33), (3, 2, 3, 3)):
            if "axes" in options and len(shape) > 2:
                continue
            seeds = 7, 8, 2**64 - 1
            quick._writers.clear()
            first = [filled(name, torch.empty(shape, dtype=dtype)[::1], seed=seed, **options) for seed in seeds[:1]]
            assert len(quick._writers) == (engine.kernels is not None)
            again = [filled(name, torch.empty(shape, dtype=dtype), seed=seed, **options) for seed in seeds]
            quick._writers.clear()
            alone = []
            for seed in seeds:
                alone.append(filled(name, torch.empty(shape, dtype=dtype), seed=seed, **options))
                quick._writers.clear()
            assert torch.equal(first[0], again[0])
            assert all(map(torch.equal, again, alone))
            parameter = nn.Parameter(torch.empty(shape, dtype=dtype))
            filled(name, parameter, seed=7, **options)
            assert torch.equal(filled(name, parameter, seed=7, **options), alone[0])


def test_unseeded_calls_go_on_with_the_sequence():
    def three():
        oneseed.set_random_seed(3)
        return [filled("normal_", torch.empty(4, 4)) for _ in range(3)]

    first, again = three(), three()
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], first[1])


def test_other_memory_is_filled_the_long_way():
    expected = filled("kaiming_normal_", torch.empty(6, 4), seed=7)
    filled("kaiming_normal_", torch.empty(6, 4), seed=7)
    for tensor in (
        torch.empty(4, 6).T,
        torch.empty(12, 8)[::2, ::2],
        torch.empty(6, 8)[:, 2:6],
        torch.empty(2, 6, 4)[1],
        torch.empty(6, 4, requires_grad=True),
    ):
        assert torch.equal(filled("kaiming_normal_", tensor, seed=7), expected)
    wide = filled("kaiming_normal_", torch.empty(6, 4, dtype=torch.float64), seed=7)
    assert torch.allclose(wide.float(), expected)
    meta = torch.empty(6, 4, device="meta")
    assert init.kaiming_normal_(meta, seed=7) is meta


def test_a_marked_tensor_takes_the_long_way():
    filled("normal_", torch.empty(6, 4), seed=7)
    tensor = torch.zeros(6, 4)
    tensor._is_hf_initialized = True
    init.normal_(tensor, seed=7)
    assert not tensor.any()


def test_autograd_sees_the_write():
    weight = nn.Parameter(filled("normal_", torch.empty(6, 4), seed=7))
    init.normal_(weight, seed=7)
    product = (weight * weight).sum()
    init.normal_(weight, seed=7)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
    with torch.inference_mode():
        assert torch.equal(filled("normal_", torch.empty(6, 4), seed=7), weight)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"seed": -1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"seed": True}, TypeError),
        ({"seed": 7.0}, TypeError),
        ({"std": True, "seed": 7}, TypeError),
        ({"std": -1.0, "seed": 7}, ValueError),
        ({"path": True, "seed": 7}, TypeError),
        ({"axes": 3, "seed": 7}, TypeError),
        ({"generator": 7}, TypeError),
    ],
    ids=str,
)
def test_what_is_refused_is_refused_again(options, error):
    for _ in range(2):
        filled("normal_", torch.empty(6, 4), std=1.0, seed=7)
        filled("normal_", torch.empty(6, 4), seed=7)
        with pytest.raises(error):
            init.normal_(torch.empty(6, 4), **options)


def test_a_call_that_warns_warns_each_time():
    for _ in range(3):
        with pytest.warns(UserWarning, match="mean is more than 2 std"):
            init.trunc_normal_(torch.empty(6, 4), mean=5.0, seed=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        init.trunc_normal_(torch.empty(6, 4), seed=7)


def test_settings_count():
    filled("normal_", torch.empty(6, 4), seed=7)
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="portable stream alone"):
        init.normal_(torch.empty(6, 4), seed=7)


def test_generators_and_own_numbers():
    expected = filled("normal_", torch.empty(6, 4), seed=7)
    seed = oneseed.SeedGenerator(7)
    draws = [filled("normal_", torch.empty(6, 4), seed=seed) for _ in range(3)]
    assert len({draw.numpy().tobytes() for draw in draws}) == 3
    theirs = filled("normal_", torch.empty(6, 4), generator=torch.Generator().manual_seed(1))
    assert torch.equal(theirs, nn.init.normal_(torch.empty(6, 4), generator=torch.Generator().manual_seed(1)))
    assert torch.equal(filled("normal_", torch.empty(6, 4), seed=7), expected)


def test_modes_and_transforms_see_the_call():
    expected = filled("normal_", torch.empty(6, 4), seed=7)
    seen = []

    class Mode(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function.__name__)
            return function(*args, **(kwargs or {}))

    with Mode():
        tensor = init.normal_(torch.empty(6, 4), seed=7)
    assert "normal_" in seen
    assert torch.equal(tensor, expected)

    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        assert init.normal_(torch.empty(6, 4), seed=7).shape == (6, 4)
    compiled = torch.compile(lambda x: init.normal_(x, seed=7) + 0, backend="eager", fullgraph=True)
    assert torch.equal(compiled(torch.empty(6, 4)), expected)


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(quick, "MOST", 10)
    for size in range(1, 50):
        init.normal_(torch.empty(size), seed=7)
    assert len(quick._writers) <= 10


def test_nothing_of_a_tensor_is_kept():
    storage = torch.empty(6, 4)
    init.normal_(storage, seed=7)
    before = len([each for each in gc.get_objects() if type(each) is torch.Tensor])
    for _ in range(10):
        init.normal_(torch.empty(6, 4), seed=7)
    gc.collect()
    assert len([each for each in gc.get_objects() if type(each) is torch.Tensor]) <= before
