"""A call of `oneseed_torch.init` that is like an earlier one does what the first one did, and refuses what it would."""

import gc
import warnings
from importlib import import_module

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn

import oneseed
from oneseed.testing import assert_same_model
from oneseed_numpy import engine
from oneseed_torch import default_scheme, init, initialize_
from oneseed_torch.init import repeated

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
    monkeypatch.setattr(repeated, "_known", {})


def filled(name, tensor, *given, **options):
    assert getattr(init, name)(tensor, *given, **options) is tensor
    return tensor.detach().clone()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_does_what_the_first_did(name, dtype):
    for options in CALLS[name]:
        for shape in ((5, 7), (64, 33), (3, 2, 3, 3)):
            if "axes" in options and len(shape) > 2:
                continue
            seeds = 7, 8, 2**64 - 1
            repeated._known.clear()
            first = [filled(name, torch.empty(shape, dtype=dtype)[::1], seed=seed, **options) for seed in seeds[:1]]
            (fill,) = repeated._known.values()
            assert (fill is not None) == (engine.kernels is not None)
            again = [filled(name, torch.empty(shape, dtype=dtype), seed=seed, **options) for seed in seeds]
            repeated._known.clear()
            alone = []
            for seed in seeds:
                alone.append(filled(name, torch.empty(shape, dtype=dtype), seed=seed, **options))
                repeated._known.clear()
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


def kept(monkeypatch):
    """From here on the functions themselves are not called any more: `put`, where all of their draws end, fails."""
    for module in ("scaling", "random"):
        monkeypatch.setattr(
            import_module(f"oneseed_torch.init.{module}"), "put", lambda *_: pytest.fail("a call decided again")
        )


NEEDS_KERNEL = pytest.mark.skipif(engine.kernels is None, reason="the kernels were not built")


@NEEDS_KERNEL
def test_paths_and_generators_are_no_part_of_what_is_kept(monkeypatch):
    names = [None, "weight", ("layer", 3), ["layer", 4], ""]
    alone, numbered = [], []
    for path in names:
        repeated._known.clear()
        alone.append(filled("kaiming_normal_", torch.empty(6, 4), seed=7, path=path))
    generator = oneseed.SeedGenerator(7)
    for path in names:
        repeated._known.clear()
        numbered.append(filled("kaiming_normal_", torch.empty(6, 4), seed=generator, path=path))
    kept(monkeypatch)
    again = oneseed.SeedGenerator(7)
    for path, want, want_numbered in zip(names, alone, numbered, strict=True):
        assert torch.equal(filled("kaiming_normal_", torch.empty(6, 4), seed=7, path=path), want)
        assert torch.equal(filled("kaiming_normal_", torch.empty(6, 4), seed=again, path=path), want_numbered)
    assert again.count == len(names)
    for path, error in ((3, TypeError), ([1.5], TypeError), ("\ud800", ValueError), ([2**64], ValueError)):
        with pytest.raises(error, match="path"):
            init.kaiming_normal_(torch.empty(6, 4), seed=again, path=path)
    assert again.count == len(names)


@NEEDS_KERNEL
def test_strides_are_a_part_of_what_is_kept(monkeypatch):
    makes = [
        lambda: torch.empty(6, 4),
        lambda: torch.empty(4, 6).T,
        lambda: torch.empty(12, 8)[::2, ::2],
        lambda: torch.empty(6, 8)[:, 2:6],
        lambda: torch.empty(3, 6, 4)[1],
    ]
    expected = filled("kaiming_normal_", torch.empty(6, 4), seed=7)
    for make in makes:
        filled("kaiming_normal_", make(), seed=7)
    kept(monkeypatch)
    for make in makes:
        assert torch.equal(filled("kaiming_normal_", make(), seed=7), expected)
    with pytest.raises(ValueError, match="memory of its own for each element"):
        init.kaiming_normal_(torch.empty(1, 4).expand(6, 4), seed=7)


def test_equal_arguments_of_another_meaning_are_others():
    cases = [(name, zero) for name in ("normal_", "uniform_", "trunc_normal_") for zero in (0, 0.0, -0.0)]

    def bits(name, zero):
        options = {"b": 1.0} if name == "uniform_" else {}
        return filled(name, torch.ones(64), zero, seed=7, **options).numpy().tobytes()

    alone = []
    for case in cases:
        repeated._known.clear()
        alone.append(bits(*case))
    for _ in range(2):
        assert [bits(*case) for case in cases] == alone
    for value in (1, 1.0):
        assert init.normal_(torch.empty(3), 0.0, value, seed=7).isfinite().all()
    for wrong in (True, False, "0.0", "1"):
        with pytest.raises(TypeError):
            init.normal_(torch.empty(3), 0.0, wrong, seed=7)
        with pytest.raises(TypeError):
            init.normal_(torch.empty(3), wrong, seed=7)
    for zero in (0.0, -0.0, 0.0):
        assert torch.signbit(init.constant_(torch.ones(3), zero)).all() == (str(zero) == "-0.0")


@pytest.mark.parametrize("name", ["zeros_", "ones_", "constant_"])
def test_constants_like_before(name):
    given = {"zeros_": (), "ones_": (), "constant_": (3,)}[name]
    for dtype in (*DTYPES, torch.complex64, torch.int8, torch.bool, torch.float8_e5m2):
        want = getattr(nn.init, name)(torch.empty(4, 3, dtype=dtype), *given)
        for make in (
            lambda dtype=dtype: torch.empty(4, 3, dtype=dtype),
            lambda dtype=dtype: torch.empty(3, 4, dtype=dtype).T,
            lambda dtype=dtype: nn.Parameter(torch.empty(4, 3, dtype=dtype), requires_grad=dtype.is_floating_point),
        ):
            tensor = make()
            version = tensor._version
            for _ in range(2):
                got = getattr(init, name)(tensor, *given).detach()
                assert torch.equal(
                    got.float() if dtype.itemsize == 1 else got, want.float() if dtype.itemsize == 1 else want
                )
            assert tensor._version > version
            assert tensor.grad_fn is None
    assert torch.is_grad_enabled()
    with pytest.raises(ValueError, match="memory of its own for each element"):
        getattr(init, name)(torch.empty(1, 4).expand(6, 4), *given)
    with pytest.raises(ValueError, match="`val`"):
        init.constant_(torch.empty(3, dtype=torch.int8), 300)
    sparse = torch.eye(3).to_sparse()
    with pytest.raises(ValueError, match="must be dense"):
        getattr(init, name)(sparse, *given)
    with pytest.warns(UserWarning, match="result of a computation"):
        getattr(init, name)(torch.ones(3, requires_grad=True) * 2, *given)


def test_what_libraries_hold_takes_the_long_way():
    for _ in range(2):
        tensor = torch.zeros(6, 4)
        init.normal_(tensor, seed=7)
        tensor.zero_()
        tensor.ds_id, tensor.ds_numel, tensor.ds_shape = 3, 48, (12, 4)
        for fill in (init.normal_, init.zeros_, init.ones_):
            with pytest.raises(ValueError, match="ZeRO has partitioned"):
                fill(tensor)
        tensor = nn.Parameter(torch.zeros(6, 4))
        tensor.tensor_model_parallel = True
        assert init.normal_(tensor, seed=7).any()


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
    monkeypatch.setattr(repeated, "MOST", 10)
    for size in range(1, 50):
        init.normal_(torch.empty(size), seed=7)
    assert len(repeated._known) <= 10


def test_nothing_of_a_tensor_is_kept():
    storage = torch.empty(6, 4)
    init.normal_(storage, seed=7)
    before = len([each for each in gc.get_objects() if type(each) is torch.Tensor])
    for _ in range(10):
        init.normal_(torch.empty(6, 4), seed=7)
    gc.collect()
    assert len([each for each in gc.get_objects() if type(each) is torch.Tensor]) <= before


def test_sparse_and_identities_again():
    for shape, strides in (((6, 4), (4, 1)), ((6, 4), (1, 6)), ((6, 4), (16, 2))):
        tensor = torch.empty_strided(shape, strides)
        fresh = torch.empty(shape)
        for seed in (7, 8):
            init.sparse_(tensor, 0.5, seed=seed, path="w")
            assert torch.equal(tensor, oneseed_values(seed))
        assert torch.equal(init.eye_(tensor), torch.nn.init.eye_(fresh))
        parameter = torch.nn.Parameter(tensor)
        version = parameter._version
        assert torch.equal(init.eye_(init.zeros_(parameter)), fresh)
        init.sparse_(parameter, 0.5, seed=7, path="w")
        assert torch.equal(parameter.detach(), oneseed_values(7))
        assert parameter._version > version
    with pytest.raises(ValueError, match="memory of its own"):
        init.eye_(torch.empty(1, 4).expand(4, 4))


def oneseed_values(seed):
    """Return what the initializer draws, as PyTorch stores it."""
    return oneseed.initializers.Sparse(0.5, seed=seed, per="input")((6, 4), axes="o i", path="w", backend="torch")


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(6, 4, 3), (6, 1, 2, 3), (6, 8, 1, 2, 2)], ids=str)
def test_dirac_is_pytorchs(shape, groups):
    for dtype in (torch.float32, torch.bfloat16, torch.uint16):
        expected = torch.nn.init.dirac_(torch.empty(shape), groups).to(dtype)
        for tensor in (
            torch.empty(shape, dtype=dtype),
            torch.empty(shape[::-1], dtype=dtype).permute(*range(len(shape))[::-1]),
        ):
            assert torch.equal(init.dirac_(tensor, groups), expected)


def test_parameters_of_a_module_are_written_where_they_are_and_autograd_is_told():
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Conv2d(4, 8, 3).to(memory_format=torch.channels_last))
    scheme = default_scheme(module)
    with torch.device("meta"):
        fresh = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Conv2d(4, 8, 3))
    initialize_(fresh, scheme, seed=7)
    tensors = [*module.parameters(), *module.buffers()]
    places = [(tensor.data_ptr(), tensor.stride(), tensor._version) for tensor in tensors]
    initialize_(module, scheme, seed=7)
    assert_same_model(dict(fresh.named_parameters()), dict(module.named_parameters()))
    for tensor, (address, strides, version) in zip(tensors, places, strict=True):
        assert (tensor.data_ptr(), tensor.stride()) == (address, strides)
        assert tensor._version > version
