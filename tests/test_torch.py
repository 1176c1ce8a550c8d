"""What is PyTorch's own: parameters, device contexts, the meta device, memory, its compiler, other devices."""

import itertools
import multiprocessing
import subprocess
import sys
import warnings

import numpy as np
import pytest
from draws_of_tests import DISTRIBUTIONS, LIMITS
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import oneseed
from oneseed import backend as K
from oneseed import initializers, registry
from oneseed.distributions import Fill, Integers, Normal
from oneseed.draws import Draw
from oneseed.dtypes import INTEGERS
from oneseed.initializers import Constant, HeNormal, Ones, Orthogonal, RandomUniform
from oneseed_torch import adapter
from oneseed_torch.drawing import operations

FLOATS = ("bfloat16", "float16", "float32", "float64")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def engine():
    with oneseed.using(backend="torch"):
        yield registry.load("torch")


def on_elements(draw):
    """Make a draw as on a device that has nothing better, on the CPU."""
    out = torch.empty(draw.block, dtype=getattr(torch, draw.dtype), device=CPU)
    operations.fill_on(draw, out)
    return out


def on_numpy(init, *arguments, **options):
    return init(*arguments, backend="numpy", **options)


# Variables and memory


@pytest.mark.parametrize(
    ("dtype", "trains"), [*((name, True) for name in FLOATS), ("complex64", True), ("int32", False)]
)
def test_variables_are_parameters(dtype, trains):
    source = np.ones((2, 2), "float32")
    variable = K.variable(source, dtype=dtype)
    assert type(variable) is torch.nn.Parameter
    assert variable.is_leaf
    assert variable.requires_grad is trains
    source[:] = 5
    assert K.get_value(variable).tolist() == [[1, 1], [1, 1]]
    where = variable.data_ptr()
    K.set_value(variable, np.zeros((2, 2)))
    assert variable.data_ptr() == where
    assert not variable.any()


def test_weights_need_no_gradient_and_are_contiguous():
    for init in (HeNormal(7), Orthogonal(1.0, 7), Ones()):
        made = init((6, 4), axes="o i")
        assert type(made) is torch.Tensor
        assert not made.requires_grad
        assert made.is_contiguous()


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool", "complex64"])
def test_memory_is_shared_with_numpy(engine, dtype):
    tensor = torch.zeros(3, dtype=getattr(torch, dtype))
    array = engine.to_numpy(tensor)
    array[1] = 1
    assert tensor[1] == 1
    assert array.dtype.name == dtype
    again = engine.from_numpy(array)
    assert again.dtype == tensor.dtype
    assert again.data_ptr() == tensor.data_ptr()


def test_what_pytorch_cannot_share_is_copied(engine):
    frozen = np.arange(6.0).reshape(2, 3)
    frozen.flags.writeable = False
    for array in (frozen, np.arange(6.0)[::-1], np.arange(6, dtype=">f4"), np.broadcast_to(np.float32(1), (2, 2))):
        tensor = engine.from_numpy(array)
        assert tensor.tolist() == array.tolist()
        tensor.zero_()
    assert frozen.any()


def test_lazy_bits_and_gradients_reach_numpy(engine):
    conjugate = torch.tensor([1 + 2j], requires_grad=True).conj()
    assert engine.to_numpy(conjugate).tolist() == [1 - 2j]
    assert engine.to_numpy(conjugate.imag).tolist() == [-2]


# Devices


def test_device_contexts():
    with torch.device("meta"):
        generator = oneseed.random.SeedGenerator(3)
        for init in (HeNormal(generator), Orthogonal(1.0, 7), Ones(), Constant([1.0, 2.0])):
            made = init((10**6, 2), "float16")
            assert (made.device.type, made.shape, made.dtype) == ("meta", (10**6, 2), torch.float16)
        assert generator.count == 1
        assert K.variable([1.0]).is_meta
        here = HeNormal(7)((3, 2), device="cpu")
    assert here.tolist() == on_numpy(HeNormal(7), (3, 2)).tolist()
    assert HeNormal(7)((10**9, 10**9), device="meta").is_meta
    with pytest.raises(ValueError, match="must hold values"):
        K.get_value(HeNormal(7)((2, 2), device="meta"))


def test_default_device():
    torch.set_default_device("meta")
    try:
        assert HeNormal(7)((3, 2)).is_meta
    finally:
        torch.set_default_device(None)
    assert HeNormal(7)((3, 2)).device == CPU


@pytest.mark.parametrize(
    "device", ["nowhere", "", "mps:7", "cuda:99", 99, -1, True, 3.5, b"cpu", [], torch.device("hpu")]
)
def test_devices_that_are_not_there(device):
    with pytest.raises(ValueError, match=r"`device` must be None or name a device.* Received: device="):
        HeNormal(7)((2, 2), device=device)


def test_fake_tensors():
    with FakeTensorMode():
        made = [init((4, 3)) for init in (HeNormal(7), Orthogonal(1.0, 7), Ones())]
    for tensor in made:
        assert (tensor.shape, tensor.device) == ((4, 3), CPU)
        with pytest.raises(ValueError, match="must hold values"):
            K.get_value(tensor)
    assert HeNormal(7)((4, 3)).tolist() == on_numpy(HeNormal(7), (4, 3)).tolist()


def test_an_accelerator_is_a_mode(monkeypatch):
    assert ("cuda" in adapter.TorchBackend().modes()) == torch.cuda.is_available()
    monkeypatch.setattr(adapter, "ACCELERATORS", ("meta", "mtia"))
    modes = adapter.TorchBackend().modes()
    assert list(modes) == ["eager", "compile", "meta"]
    assert modes["meta"](lambda: HeNormal(7)((4, 3))).is_meta
    assert modes["eager"](lambda: HeNormal(7)((4, 3))).device == CPU


def test_modes_that_change_nothing():
    expected = on_numpy(HeNormal(7), (4, 3)).tolist()
    with torch.inference_mode():
        assert HeNormal(7)((4, 3)).tolist() == expected
    with torch.autocast("cpu", torch.bfloat16):
        assert HeNormal(7)((4, 3)).tolist() == expected
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        assert HeNormal(7)((4, 3)).dtype == torch.float32
        assert on_elements(HeNormal(7).describe((4, 3))).tolist() == expected
        with oneseed.using(rng="native"):
            HeNormal(7)((4, 3))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(before, torch.get_rng_state())


def test_neither_an_accelerator_nor_the_compiler_is_woken():
    code = """
import sys, torch, oneseed
oneseed.set_backend("torch")
oneseed.initializers.HeNormal(7)((4, 4))
oneseed.initializers.Orthogonal(seed=7)((4, 4))
assert not torch.cuda.is_initialized() and not torch.xpu.is_initialized()
assert "torch._dynamo" not in sys.modules
for name in ("drawing.accelerators", "drawing.operations", "drawing.native", "in_graph", "init", "models"):
    assert f"oneseed_torch.{name}" not in sys.modules, name
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# Seeds


def test_pytorch_has_no_seeds_of_its_own():
    with pytest.raises(TypeError, match=r"`seed` must be an integer on the torch backend. Received: seed=tensor\(3\)"):
        HeNormal(torch.tensor(3))((2, 2))


def test_no_orthogonal_matrices_in_half_precision_from_keras():
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="must be float32 or float64"):
        Orthogonal(1.0, 7)((4, 4), "bfloat16")


@pytest.mark.parametrize("dtype", FLOATS)
def test_native_draws_have_the_device_and_dtype_asked_for(dtype):
    with oneseed.using(rng="native"):
        made = initializers.TruncatedNormal(seed=3)((5, 4), dtype)
        assert (made.device, str(made.dtype)) == (CPU, f"torch.{dtype}")
        assert HeNormal(3)((5, 4), dtype, device="meta").is_meta


# Other devices: the same program, run on the CPU

BLOCKS = {  # shape, order, offset, block
    "whole": ((5, 7, 3), (0, 1, 2), (0, 0, 0), (5, 7, 3)),
    "turned": ((5, 7, 3), (2, 0, 1), (0, 0, 0), (5, 7, 3)),
    "block": ((5, 7, 3), (1, 2, 0), (1, 2, 0), (3, 4, 2)),
    "column": ((9, 8), (0, 1), (2, 3), (7, 1)),
    "far": ((2**31, 2**31), (0, 1), (2**31 - 3, 2**31 - 9), (3, 5)),
    "ones": ((1, 200, 1), (2, 1, 0), (0, 3, 0), (1, 100, 1)),
    "scalar": ((), (), (), ()),
    "empty": ((0, 3), (0, 1), (0, 0), (0, 3)),
}


def agree(engine, draw):
    found, expected = engine.to_numpy(on_elements(draw)), registry.load("numpy").draw(draw)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", BLOCKS)
def test_elements_equal_the_host_engine(engine, monkeypatch, case, dtype):
    monkeypatch.setattr(operations, "CHUNK", 37)
    shape, order, offset, block = BLOCKS[case]
    for distribution, seed in itertools.product(DISTRIBUTIONS, (0, 2**64 - 3)):
        agree(engine, Draw(distribution, shape, dtype, seed, ("a", 1), order, 1, 1, offset, block))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_elements(engine, dtype):
    size = operations.CHUNK + 5 if dtype == "float32" else 70_001
    agree(engine, Draw(Normal(), (size,), dtype, 5, (), (0,), 1, 1, (0,), (size,)))


@pytest.mark.parametrize(("dtype", "low", "high"), LIMITS)
def test_integers_to_their_limits(engine, dtype, low, high):
    draw = Draw(Integers(low, high), (50, 3), dtype, 5, (), (1, 0), 1, 1, (0, 0), (50, 3))
    agree(engine, draw)
    expected = registry.load("numpy").draw(draw)
    np.testing.assert_array_equal(engine.to_numpy(engine.draw(draw)), expected)
    constant = Draw(Fill(high - 1), (2,), dtype, None, (), (0,), 1, 1, (0,), (2,))
    assert engine.to_numpy(engine.draw(constant)).tolist() == [high - 1] * 2


def test_elements_are_made_where_they_were_asked_for(engine):
    draw = HeNormal(7).describe((5, 4))
    with torch.device("meta"):
        made = on_elements(draw)
    assert made.tolist() == on_numpy(HeNormal(7), (5, 4)).tolist()


# The compiler


@pytest.fixture
def compiled():
    torch._dynamo.reset()
    yield lambda function, backend="eager": torch.compile(function, backend=backend)
    torch._dynamo.reset()


def test_compiled_functions_draw_the_same(compiled):
    init, generator = RandomUniform(2.0, 3.0, 7), oneseed.random.SeedGenerator(3)
    x = torch.eye(4)
    made = compiled(lambda x: x @ init((4, 4)) + HeNormal(generator)((4, 4)), "aot_eager")
    for count in range(3):
        expected = x @ init((4, 4)) + HeNormal(3)((4, 4), path=(count,))
        assert torch.equal(made(x), expected)
        assert generator.count == count + 1
    with oneseed.using(rng="native"):
        assert torch.equal(compiled(lambda: HeNormal(7)((4, 4)))(), HeNormal(7)((4, 4)))


def test_a_seed_is_compiled_once(compiled):
    from torch._dynamo.utils import counters

    def layer(init, x):
        return init((4, 4)) * x

    made = compiled(layer)
    for seed in (0, 1, 2, 3):
        made(HeNormal(seed), torch.eye(4))
    counters.clear()
    for seed in (0, 1, 2, 3) * 2:
        init = HeNormal(seed)
        assert torch.equal(made(init, torch.eye(4)), init((4, 4)) * torch.eye(4))
    assert counters["frames"]["total"] == 0
    for seed in range(4, 24):  # more seeds than PyTorch compiles a function for
        init = HeNormal(seed)
        assert torch.equal(made(init, torch.eye(4)), init((4, 4)) * torch.eye(4))


def test_a_first_use_inside_a_compiled_function():
    code = """
import torch, oneseed
init = oneseed.initializers.HeNormal(7)
made = torch.compile(lambda: init((4, 4), "float64", axes="o i", path="w", backend="torch") * 1, backend="eager")()
assert made.tolist() == init((4, 4), "float64", axes="o i", path="w").tolist()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# Processes


def fingerprint(queue):
    with oneseed.using(backend="torch"):
        queue.put(oneseed.fingerprint(HeNormal(7)((64, 32))))


@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_processes(method):
    expected = oneseed.fingerprint(HeNormal(7)((64, 32)))
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    with warnings.catch_warnings():
        # Python warns of forking with threads, which PyTorch and other tests may have started.
        warnings.simplefilter("ignore")
        child = context.Process(target=fingerprint, args=(queue,))
        child.start()
    assert queue.get() == expected
    child.join()


def test_threads_draw_on_their_own_default_devices():
    from concurrent.futures import ThreadPoolExecutor

    def work(seed):
        with oneseed.using(backend="torch"), torch.device("meta" if seed % 2 else "cpu"):
            made = HeNormal(seed)((16, 16))
        return made.is_meta if seed % 2 else made.tolist() == on_numpy(HeNormal(seed), (16, 16)).tolist()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))
