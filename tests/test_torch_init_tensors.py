"""The functions of torch.nn.init: tensors of every kind, devices and ranks, and seeds."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from tools.torch_calls import DRAWING, FIXED, SHAPES, draw, equal
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode

import oneseed
from oneseed.initializers import RandomNormal
from oneseed.random import SeedGenerator
from oneseed_numpy import engine
from oneseed_torch import init

# Tensors of every kind


def views():
    """Tensors of shape (6, 4) that lie in memory in different ways."""
    yield "transposed", torch.zeros(4, 6).T
    yield "sliced", torch.zeros(13, 9)[1::2, ::2][:, :4]
    yield "strange", torch.zeros(100).as_strided((6, 4), (2, 17), 5)
    yield "parameter", torch.nn.Parameter(torch.zeros(6, 4))
    yield "negative", torch.zeros(6, 4, dtype=torch.complex64).conj().imag


@pytest.mark.parametrize("name", [*DRAWING, "eye_", "constant_"])
def test_strides_and_views(name):
    expected = draw(name, torch.empty(6, 4), seed=7)
    for kind, tensor in views():
        made = draw(name, tensor, seed=7)
        assert made is tensor
        assert torch.equal(made, expected), kind


@pytest.mark.parametrize("name", [name for name in (*DRAWING, "eye_", "constant_") if name != "trunc_normal_"])
def test_conjugated_views(name):
    expected = draw(name, torch.empty(6, 4, dtype=torch.complex64), seed=7)
    for _ in range(2):  # the second call is one like the first
        memory = torch.zeros(6, 4, dtype=torch.complex64)
        assert torch.equal(draw(name, memory.conj(), seed=7), expected)
        assert torch.equal(memory.conj().resolve_conj(), expected)


def test_nothing_beside_a_view_is_written():
    base = torch.full((13, 9), 5.0)
    view = base[1::2, ::2]
    for name in ("normal_", "orthogonal_", "eye_"):
        draw(name, view, seed=7)
        assert (base[::2] == 5).all()
        assert (base[:, 1::2] == 5).all()


@pytest.mark.parametrize("name", [*DRAWING, "eye_", "dirac_", "zeros_"])
def test_parameters_keep_their_memory_and_their_graph_is_told(name):
    parameter = torch.nn.Parameter(torch.ones(SHAPES.get(name, (5, 4))))
    where = parameter.data_ptr()
    loss = (parameter * parameter).sum()
    assert draw(name, parameter, seed=7) is parameter
    assert parameter.data_ptr() == where
    assert parameter.requires_grad
    assert parameter.is_leaf
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    (parameter * 2).sum().backward()
    assert (parameter.grad == 2).all()


class Operations(TorchDispatchMode):
    """Notes which operations PyTorch runs."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "kaiming_normal_"])
def test_no_second_buffer(name, dtype, monkeypatch):
    """PyTorch runs nothing that makes or copies a tensor, and NumPy keeps to its tiles."""
    tensor = torch.empty(3000, 2000, dtype=getattr(torch, dtype)).T
    # What is imported at a first use takes more memory than any draw.
    monkeypatch.setattr(engine, "kernels", None)
    with Operations() as operations:
        draw(name, tensor[:3, :3], seed=7)
        tracemalloc.start()
        draw(name, tensor, seed=7)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert operations.names <= {"draw_", "slice"}
    assert peak < tensor.nbytes / 2


def test_modes_that_change_nothing():
    expected = draw("normal_", seed=7)
    with torch.inference_mode():
        tensor = draw("normal_", torch.empty(5, 4), seed=7)
        assert tensor.is_inference()
        assert torch.equal(tensor, expected)
    before = torch.get_rng_state()
    tensors = {name: torch.empty(SHAPES.get(name, (5, 4))) for name in [*DRAWING, *FIXED]}
    with torch.device("meta"):
        for name, tensor in tensors.items():
            draw(name, tensor, seed=7)
    for name, tensor in tensors.items():
        assert torch.equal(tensor, draw(name, seed=7))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", [*DRAWING, *FIXED])
def test_tensors_without_values_are_left_alone(name):
    generator = SeedGenerator(7)
    oneseed.set_random_seed(1)
    shape = SHAPES.get(name, (5, 4))
    meta = torch.empty(shape, device="meta")
    with FakeTensorMode():
        fake = torch.empty(shape)
    for tensor in (meta, fake):
        assert draw(name, tensor, seed=generator) is tensor
        assert draw(name, tensor) is tensor
        with pytest.raises((TypeError, ValueError), match="`seed` must"):
            draw(name, tensor, seed=-1)
    assert generator.count == 0
    # Nor has the sequence of seeds gone on.
    one = init.normal_(torch.empty(3))
    oneseed.set_random_seed(1)
    assert torch.equal(one, init.normal_(torch.empty(3)))


def test_large_tensors_on_the_meta_device():
    tensor = torch.empty(2**20, 2**20, device="meta")
    for name in [name for name in (*DRAWING, *FIXED) if name != "dirac_"]:
        assert draw(name, tensor, seed=7) is tensor


@pytest.mark.parametrize("name", [*DRAWING, "zeros_", "eye_"])
def test_tensors_that_wrap_others(name):
    wrapper = TwoTensor(torch.empty(5, 4), torch.empty(5, 4))
    assert draw(name, wrapper, seed=7) is wrapper
    assert torch.equal(wrapper.a, draw(name, seed=7))
    assert torch.equal(wrapper.b, wrapper.a)


def test_compiled_functions():
    torch._dynamo.reset()
    made = torch.compile(lambda w: init.normal_(w, seed=7) * init.orthogonal_(w.T, seed=3).T, backend="eager")
    other = torch.compile(lambda w: init.eye_(w) + 1, backend="eager")
    for _ in range(2):
        expected = init.orthogonal_(torch.empty(4, 4), seed=3).T
        assert torch.equal(made(torch.empty(4, 4)), expected * expected)
        assert torch.equal(other(torch.empty(2, 3)), torch.eye(2, 3) + 1)
    torch._dynamo.reset()


def test_a_first_use_inside_a_compiled_function():
    code = """
import torch
from oneseed_torch import init
made = torch.compile(lambda w: init.xavier_uniform_(w, seed=7, path="w", axes="i o") * 1, backend="eager")
assert torch.equal(made(torch.empty(4, 3)), init.xavier_uniform_(torch.empty(3, 4), seed=7, path="w").T)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_importing_wakes_neither_the_compiler_nor_distribution():
    code = """
import sys, torch
from oneseed_torch import init
for function in (init.normal_, init.orthogonal_, init.eye_):
    function(torch.empty(3, 3), seed=7)
assert "torch._dynamo" not in sys.modules and "torch.distributed.tensor" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_fill_their_own_parts(run_ranks, ranks):
    """DTensors on meshes of one and two axes, and a model sharded both ways."""
    run_ranks("torch_ranks.py", ranks)


# Seeds


@pytest.mark.parametrize("name", DRAWING)
def test_seeds(name):
    fixed = draw(name, seed=7)
    assert torch.equal(fixed, draw(name, seed=np.int64(7)))
    assert not torch.equal(fixed, draw(name, seed=8))
    assert not torch.equal(fixed, draw(name, seed=7, path="w"))
    assert torch.equal(draw(name, seed=7, path="w"), draw(name, seed=7, path=("w",)))
    generator = SeedGenerator(7)
    for number in range(2):
        assert torch.equal(draw(name, seed=generator, path="w"), draw(name, seed=7, path=("w", number)))
    assert generator.count == 2
    assert not torch.equal(draw(name), draw(name))
    oneseed.set_random_seed(3)
    first, second = draw(name), draw(name)
    oneseed.set_random_seed(3)
    assert torch.equal(first, draw(name))
    assert torch.equal(second, draw(name))


def test_unseeded_draws_are_those_of_an_unseeded_initializer():
    oneseed.set_random_seed(3)
    made = init.normal_(torch.empty(3, 5), std=0.5)
    oneseed.set_random_seed(3)
    equal(made, RandomNormal(0.0, 0.5)((5, 3), "float32", backend="numpy").T)


def test_what_is_not_random_counts_no_seed():
    generator = SeedGenerator(7)
    for name in FIXED:
        draw(name, seed=generator, path="w")
    assert generator.count == 0
