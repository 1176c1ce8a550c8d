"""PyTorch tensors filled in place: any strides, any device, and what PyTorch has to know of it."""

import numpy as np
import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from oneseed import registry
from oneseed.distributions import Fill, Integers, Normal, TruncatedNormal, Uniform, Values
from oneseed.draws import Draw
from oneseed.initializers import Constant, HeNormal, Orthogonal, RandomUniform
from oneseed_torch.drawing import operations
from oneseed_torch.drawing.filling import fill_
from oneseed_torch.drawing.memory import memory

FLOATS = ("bfloat16", "float16", "float32", "float64")
DISTRIBUTIONS = [Normal(0.3, 0.02), TruncatedNormal(), Uniform(2.0, 3.0)]


def asked(distribution, shape, dtype="float32", order=None, seed=5):
    rank = len(shape)
    return Draw(distribution, shape, dtype, seed, ("w",), order or tuple(range(rank)), 1, 1, (0,) * rank, shape)


def holes(shape, dtype):
    """Yield tensors of a shape, each beside the larger one that it is a part of."""
    dtype = getattr(torch, dtype)
    whole = torch.full((*shape[:-1], 2 * shape[-1] + 1), 7, dtype=dtype)
    yield whole, whole[..., 1::2]
    whole = torch.full(tuple(reversed(shape)), 7, dtype=dtype)
    yield whole, whole.permute(*reversed(range(len(shape))))
    whole = torch.full((2, *shape), 7, dtype=dtype)
    yield whole, whole[1]


def filled_by_elements(draw, tensor):
    operations.fill_on(draw, tensor)
    return tensor


@pytest.mark.parametrize("dtype", [*FLOATS, "uint8", "int16", "uint32", "uint64"])
@pytest.mark.parametrize("make", [fill_, filled_by_elements])
def test_any_strides(make, dtype):
    shape = (5, 3, 4)
    for distribution in DISTRIBUTIONS if dtype in FLOATS else [Integers(3, 200)]:
        draw = asked(distribution, shape, dtype, (2, 0, 1))
        expected = registry.load("numpy").draw(draw)
        for whole, part in holes(shape, dtype):
            before = memory(whole).copy()
            make(draw, part)
            assert memory(part).tobytes() == expected.tobytes()
            memory(part)[...] = 7
            assert memory(whole).tobytes() == before.tobytes()


def test_whatever_an_initializer_draws():
    for init in (HeNormal(7), Orthogonal(1.0, 7), Constant([1.0, 2.0]), RandomUniform(0.0, 1.0, 7)):
        draw, tensor = init.describe((3, 2), axes="o i"), torch.zeros(2, 3).T
        assert fill_(draw, tensor) is tensor
        assert tensor.tolist() == init((3, 2), axes="o i", backend="numpy").tolist()
    tensor = torch.zeros(2, 3).T
    fill_(asked(Fill(2.5), (3, 2), seed=None), tensor)
    assert tensor.tolist() == [[2.5] * 2] * 3
    fill_(asked(Values(np.arange(2.0)), (3, 2), seed=None), tensor)
    assert tensor.tolist() == [[0, 1]] * 3


def test_the_framework_s_own_generator():
    from oneseed import using

    with using(rng="native", backend="torch"):
        draw, tensor = HeNormal(7).describe((4, 3)), torch.zeros(3, 4).T
        assert torch.equal(fill_(draw, tensor), HeNormal(7)((4, 3)))


def test_scalars_and_nothing():
    for shape in ((), (0,), (3, 0, 2)):
        tensor = torch.zeros(shape)
        assert (
            fill_(asked(Normal(), shape), tensor).tolist()
            == registry.load("numpy").draw(asked(Normal(), shape)).tolist()
        )


def test_parameters_record_nothing_but_the_change():
    weight = torch.nn.Parameter(torch.zeros(3, 4))
    loss = (weight * weight).sum()
    fill_(asked(Normal(), (3, 4)), weight)
    assert weight.is_leaf
    assert weight.grad_fn is None
    assert weight.any()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_lazily_negated_tensors():
    pair = torch.zeros(5, dtype=torch.complex64)
    tensor = pair.conj().imag
    assert tensor.is_neg()
    draw = asked(Normal(), (5,))
    fill_(draw, tensor)
    assert tensor.tolist() == registry.load("numpy").draw(draw).tolist()
    assert pair.imag.tolist() == (-tensor).tolist()


def test_tensors_without_values():
    draw = asked(Normal(), (10**6, 10**6))
    tensor = torch.empty(10**6, 10**6, device="meta")
    assert fill_(draw, tensor) is tensor
    with FakeTensorMode():
        tensor = torch.empty(10**6, 10**6)
        assert fill_(draw, tensor) is tensor


def test_refusals():
    draw = asked(Normal(), (3, 4))
    for tensor in (torch.zeros(4, 3), torch.zeros(3, 4, dtype=torch.float64)):
        with pytest.raises(ValueError, match=r"`tensor` must be of shape \(3, 4\) and dtype float32. Received: tensor"):
            fill_(draw, tensor)
    with pytest.raises(ValueError, match=r"must have memory of its own for each element.* strides \(0, 1\)"):
        fill_(draw, torch.zeros(4).expand(3, 4))
    with pytest.raises(TypeError, match="`seed` must be an integer on the torch backend"):
        fill_(asked(Normal(), (3, 4), seed="key"), torch.zeros(3, 4))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_metal_has_no_float64(dtype):
    draw = asked(Fill(1.0), (2,), dtype)
    with pytest.raises(ValueError, match=f"must not be float64 or complex128 on the device mps.*dtype='{dtype}'"):
        registry.load("torch").draw(draw, torch.device("mps"))


def test_compiled_functions_fill_too():
    draw = asked(Normal(), (4, 4))

    def layer(tensor):
        return fill_(draw, tensor) * 2

    torch._dynamo.reset()
    tensor = torch.zeros(4, 4)
    made = torch.compile(layer, backend="eager")(tensor)
    torch._dynamo.reset()
    assert tensor.tolist() == registry.load("numpy").draw(draw).tolist()
    assert torch.equal(made, tensor * 2)
