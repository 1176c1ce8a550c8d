"""The functions of torch.nn.init: names and arguments, bits, laws, tensors of every kind, refusals, real layers."""

import copy
import doctest
import importlib
import inspect
import itertools
import math
import subprocess
import sys
import tracemalloc
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import reference
from frameworks import installed
from scipy import stats

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from numpydoc.validate import validate
from test_docstrings import LEFT_OUT
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode

import oneseed
from oneseed.initializers import GlorotUniform, HeUniform, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from oneseed.initializers import VarianceScaling as Scaling
from oneseed.random import SeedGenerator
from oneseed_numpy import engine
from oneseed_torch import init

FLOATS = ("bfloat16", "float16", "float32", "float64")
DRAWING = {
    "uniform_": {"a": -1.0, "b": 2.0},
    "normal_": {"mean": 0.5, "std": 2.0},
    "trunc_normal_": {"std": 0.02, "a": -0.03, "b": 0.05},
    "xavier_uniform_": {"gain": 1.5},
    "xavier_normal_": {"gain": 1.5},
    "kaiming_uniform_": {"a": 0.2},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "orthogonal_": {"gain": 1.5},
    "sparse_": {"sparsity": 0.3, "std": 1.0},
}
FIXED = {"constant_": {"val": 0.3}, "ones_": {}, "zeros_": {}, "eye_": {}, "dirac_": {}}
SHAPES = {"dirac_": (5, 4, 3)}


def draw(name, tensor=None, **arguments):
    """Call a function of the module by its name, with the arguments it has above."""
    tensor = torch.empty(SHAPES.get(name, (5, 4))) if tensor is None else tensor
    return getattr(init, name)(tensor, **{**DRAWING, **FIXED}[name], **arguments)


def array(tensor):
    """A tensor's values; bfloat16 as float32, which holds them all."""
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def equal(tensor, expected):
    """Dtype, shape and values, the sign of zero too."""
    assert str(tensor.dtype) == f"torch.{expected.dtype.name}"
    assert tuple(tensor.shape) == expected.shape
    wide = expected.astype(np.float32) if expected.dtype.name == "bfloat16" else expected
    assert np.ascontiguousarray(array(tensor)).tobytes() == np.ascontiguousarray(wide).tobytes()


# Names, arguments, docstrings


def public_names():
    """What torch.nn.init has for its users: functions of its own without a leading underscore."""
    for name, value in vars(torch.nn.init).items():
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == "torch.nn.init":
            yield name


def test_there_is_something_to_walk():
    assert set(torch.nn.init.__all__) <= set(public_names())
    assert len(set(public_names())) >= 26


@pytest.mark.parametrize("name", sorted({*public_names(), *torch.nn.init.__all__}))
def test_every_function_has_its_name_and_its_arguments(name):
    assert name in init.__all__
    theirs = list(inspect.signature(getattr(torch.nn.init, name)).parameters.values())
    if [parameter.kind.name for parameter in theirs] == ["VAR_POSITIONAL", "VAR_KEYWORD"]:  # a deprecated name
        theirs = list(inspect.signature(getattr(torch.nn.init, name + "_")).parameters.values())
    ours = list(inspect.signature(getattr(init, name)).parameters.values())

    def described(parameters):
        return [(parameter.name, parameter.default, parameter.kind) for parameter in parameters]

    assert described(ours[: len(theirs)]) == described(theirs)
    extra = ["seed", "path"] if f"{name.rstrip('_')}_" in FIXED else ["seed", "path", "axes"]
    expected = [(argument, None, inspect.Parameter.KEYWORD_ONLY) for argument in extra]
    assert described(ours[len(theirs) :]) == ([] if name == "calculate_gain" else expected)


def test_all_names_exist_and_are_sorted():
    assert init.__all__ == sorted(init.__all__)
    assert all(callable(getattr(init, name)) for name in init.__all__)


@pytest.mark.parametrize("name", [*DRAWING, *FIXED, "calculate_gain"])
def test_the_docstring_is_complete(name):
    function = getattr(init, name)
    found = validate(f"{function.__module__}.{name}")["errors"]
    assert [f"{code}: {text}" for code, text in found if code not in LEFT_OUT] == []


def test_the_examples_of_the_docstrings():
    for module in sorted({getattr(init, name).__module__ for name in init.__all__}):
        failed, _ = doctest.testmod(importlib.import_module(module))
        assert failed == 0, module


@pytest.mark.parametrize("name", [name for name in init.__all__ if name + "_" in init.__all__])
def test_deprecated_names_warn_and_work(name):
    tensor = torch.empty(SHAPES.get(name + "_", (5, 4)))
    arguments = {**DRAWING, **FIXED}[name + "_"]
    with pytest.warns(FutureWarning, match=f"`init.{name}` is deprecated") as caught:
        made = getattr(init, name)(tensor, **arguments, seed=7)
    assert caught[0].filename == __file__
    assert made is tensor
    assert torch.equal(made, draw(name + "_", seed=7))


# Bits: the draws of oneseed's initializers on NumPy

SAME = {
    "uniform_": (partial(init.uniform_, a=-1.0, b=2.0), RandomUniform(-1.0, 2.0, 7)),
    "normal_": (partial(init.normal_, mean=0.5, std=2.0), RandomNormal(0.5, 2.0, 7)),
    "trunc_normal_": (init.trunc_normal_, TruncatedNormal(0.0, 1.0, 7)),
    "trunc_normal_ narrow": (partial(init.trunc_normal_, std=0.02, a=-0.04, b=0.04), TruncatedNormal(0.0, 0.02, 7)),
    "xavier_uniform_": (init.xavier_uniform_, GlorotUniform(7)),
    "xavier_normal_": (init.xavier_normal_, Scaling(1.0, "fan_avg", "untruncated_normal", 7)),
    "xavier_normal_ gain": (partial(init.xavier_normal_, gain=3.0), Scaling(9.0, "fan_avg", "untruncated_normal", 7)),
    "kaiming_uniform_": (init.kaiming_uniform_, HeUniform(7)),
    "kaiming_uniform_ relu": (partial(init.kaiming_uniform_, nonlinearity="relu"), HeUniform(7)),
    "kaiming_uniform_ linear": (
        partial(init.kaiming_uniform_, nonlinearity="linear"),
        oneseed.initializers.LecunUniform(7),
    ),
    "kaiming_normal_": (
        partial(init.kaiming_normal_, mode="FAN_OUT"),
        Scaling(2.0, "fan_out", "untruncated_normal", 7),
    ),
    "orthogonal_": (partial(init.orthogonal_, gain=1.5), Orthogonal(1.5, 7)),
}
KERNELS = {
    (5, 3): (1, 0),
    (5, 3, 4): (2, 1, 0),
    (4, 3, 2, 3): (3, 2, 0, 1),
    (4, 3, 2, 1, 3): (4, 3, 0, 1, 2),
}
"""Shapes of weights, and how the kernel of the same layer in Keras is transposed to give each."""


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", SAME)
def test_weights_are_keras_kernels_transposed(case, dtype):
    function, initializer = SAME[case]
    for shape, turn in KERNELS.items():
        kernel_shape = tuple(shape[turn.index(axis)] for axis in range(len(shape)))
        tensor = torch.empty(shape, dtype=getattr(torch, dtype))
        made = function(tensor, seed=7, path=("encoder", 3))
        assert made is tensor
        kernel = initializer(kernel_shape, dtype, path=("encoder", 3), backend="numpy")
        equal(made, kernel.transpose(turn))


@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_"])
def test_vectors_and_scalars_are_numbered_as_they_lie(name):
    function, initializer = SAME[name]
    for shape in [(), (7,), (0,), (0, 3)]:
        equal(function(torch.empty(shape), seed=7), initializer(shape, "float32", backend="numpy"))


@pytest.mark.parametrize("name", DRAWING)
def test_axes_override_the_layout(name):
    """As a transposed convolution has it, whose weight holds the inputs first, or an embedding."""
    spatial, axes = ((), "i o") if name == "sparse_" else ((3,), "i o k")
    weight = draw(name, torch.empty(6, 4, *spatial), seed=7, axes=axes)
    expected = draw(name, torch.empty(4, 6, *spatial), seed=7)
    assert torch.equal(weight, expected.transpose(0, 1))


# Bits: the reference, from the definition


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_bits_of_the_reference(dtype):
    shape, path, seed = (2, 2, 2), ("w", 1), 2**64 - 5
    stream = reference.stream_of(path)
    # Both fans are 4, so that every variance, and its triple, is exact: a law has one root, however it is written.
    laws = {
        "uniform_": ({"a": -1.0, "b": 2.0}, partial(reference.uniform, low=-1.0, high=2.0)),
        "normal_": ({"mean": 0.25, "std": 0.5}, partial(reference.normal, mean=0.25, stddev=0.5)),
        "trunc_normal_": (
            {"mean": 0.25, "std": 0.5, "a": -0.5, "b": 2.0},
            partial(reference.truncated_normal, mean=0.25, stddev=0.5, lower=-1.5, upper=3.5),
        ),
        "xavier_uniform_": ({}, partial(reference.uniform, low=-math.sqrt(0.75), high=math.sqrt(0.75))),
        "xavier_normal_": ({"gain": 3.0}, partial(reference.normal, mean=0.0, stddev=1.5)),
        "kaiming_uniform_": ({}, partial(reference.uniform, low=-math.sqrt(1.5), high=math.sqrt(1.5))),
        "kaiming_normal_": ({"a": 1.0}, partial(reference.normal, mean=0.0, stddev=0.5)),
    }
    for name, (arguments, law) in laws.items():
        made = getattr(init, name)(torch.empty(shape, dtype=getattr(torch, dtype)), **arguments, seed=seed, path=path)
        for at in itertools.product(*map(range, shape)):
            index = reference.logical_index(shape, "o i s", at)
            assert float(made[at]) == law(seed, stream, index, dtype=dtype), (name, at)


@pytest.mark.parametrize("axes", [None, "i o"])
@pytest.mark.parametrize("shape", [(5, 7), (7, 3), (1, 4), (4, 1), (0, 3), (3, 0)])
def test_sparse_matrices_from_the_definition(shape, axes):
    outputs, inputs = shape
    made = init.sparse_(torch.empty(shape if axes is None else shape[::-1]), 0.3, 0.5, seed=9, path="w", axes=axes)
    matrix = made if axes is None else made.T
    zeros = math.ceil(0.3 * outputs)
    values, mask = (reference.stream_of(path) for path in (("w",), ("w", "mask")))
    for i in range(inputs):
        indices = [i * outputs + o for o in range(outputs)]
        ranked = sorted(range(outputs), key=lambda o, at=indices: (reference.word64(9, mask, at[o]), at[o]))
        for o in range(outputs):
            value = reference.normal(9, values, indices[o], 0.0, 0.5, "float32")
            assert float(matrix[o, i]) == (0.0 if o in ranked[:zeros] else value)


# Laws, against theory: fixed seeds; a right program would fail a test for one seed in a million


def kolmogorov(made, law):
    """The p-value of the values of a tensor under a distribution of SciPy."""
    return stats.kstest(made.double().flatten().numpy(), law.cdf).pvalue


@pytest.mark.parametrize(
    ("function", "law"),
    [
        (partial(init.uniform_, a=-1.0, b=2.0), stats.uniform(-1, 3)),
        (partial(init.normal_, mean=-3.0, std=0.5), stats.norm(-3, 0.5)),
        (init.trunc_normal_, stats.truncnorm(-2, 2)),
        (partial(init.trunc_normal_, mean=1.0, std=2.0, a=-1.0, b=1.5), stats.truncnorm(-1, 0.25, 1, 2)),
        (partial(init.trunc_normal_, mean=1.0, std=0.5, a=-math.inf, b=0.5), stats.truncnorm(-np.inf, -1, 1, 0.5)),
        (partial(init.trunc_normal_, std=0.02), stats.norm(0, 0.02)),
        (partial(init.xavier_uniform_, gain=2.0), stats.uniform(-2 * 0.1, 4 * 0.1)),
        (init.xavier_normal_, stats.norm(0, math.sqrt(2 / 600))),
        (init.kaiming_uniform_, stats.uniform(-math.sqrt(6 / 400), 2 * math.sqrt(6 / 400))),
        (partial(init.kaiming_uniform_, a=math.sqrt(5)), stats.uniform(-0.05, 0.1)),
        (partial(init.kaiming_normal_, mode="fan_out", nonlinearity="tanh"), stats.norm(0, 5 / 3 / math.sqrt(200))),
        (partial(init.kaiming_normal_, nonlinearity="selu"), stats.norm(0, 0.75 / 20)),
    ],
)
def test_the_distribution_is_the_one_it_says(function, law):
    made = function(torch.empty(200, 400), seed=11)
    assert kolmogorov(made, law) > 1e-6
    low, high = law.support()
    assert made.min() >= np.float32(low)
    assert made.max() <= np.float32(high)


def test_fans_by_the_layout():
    """A grouped or transposed convolution has other fans, by its axes."""
    weight = torch.empty(64, 32, 3, 3)
    spread = init.kaiming_normal_(weight, seed=5, axes="i o h w").std().item()
    assert spread == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)
    spread = init.kaiming_normal_(weight, seed=5).std().item()
    assert spread == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.05)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (8, 2, 3, 3), (30, 2, 3)])
def test_orthogonal_rows_are_the_outputs(shape, dtype):
    made = init.orthogonal_(torch.empty(shape, dtype=getattr(torch, dtype)), gain=1.5, seed=3)
    matrix = made.double().flatten(1)
    product = matrix @ matrix.T if shape[0] <= matrix.shape[1] else matrix.T @ matrix
    error = (product - 2.25 * torch.eye(len(product), dtype=torch.float64)).abs().max()
    assert error < 20 * torch.finfo(made.dtype).eps


@pytest.mark.parametrize("dtype", FLOATS)
def test_truncation_bounds_are_values(dtype):
    """No value leaves [a, b], rounded to the dtype, whatever the mean and the standard deviation."""
    kind = getattr(torch, dtype)
    for mean, std, a, b in [
        (0.1, 1 / 3, -0.7, 0.3),
        (5.0, 2.0, 4.9, 5.2),
        (-1e-3, 0.1, -0.1, 1e-9),
        (3.0, 0.7, 0.1, 3.3),
    ]:
        made = init.trunc_normal_(torch.empty(20000, dtype=kind), mean, std, a, b, seed=1)
        low, high = (torch.tensor(bound, dtype=kind).item() for bound in (a, b))
        assert low <= made.min().item() < low + (b - a) / 4
        assert high >= made.max().item() > high - (b - a) / 4


def test_bounds_that_no_sample_reaches_cut_nothing():
    plain = init.trunc_normal_(torch.empty(1000), a=-math.inf, b=math.inf, seed=2)
    for a, b in [(-100.0, 100.0), (-1e300, 1e300), (-6.4, 6.4)]:
        assert torch.equal(init.trunc_normal_(torch.empty(1000), a=a, b=b, seed=2), plain)
    half = init.trunc_normal_(torch.empty(1000, dtype=torch.float16), std=1e4, a=-1e6, b=1e6, seed=2)
    assert half.isfinite().all()
    # Within one step of the random integer of what is not truncated.
    assert torch.allclose(plain, init.normal_(torch.empty(1000), seed=2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.35, 1.0])
def test_sparse_columns(sparsity):
    made = init.sparse_(torch.empty(40, 500), sparsity, 2.0, seed=3)
    assert (made == 0).sum(0).tolist() == [math.ceil(sparsity * 40)] * 500
    if 0 < sparsity < 1:
        counts = (made == 0).sum(1).numpy()  # each row is as likely as any other
        assert stats.chisquare(counts).pvalue > 1e-6
        assert kolmogorov(made[made != 0], stats.norm(0, 2)) > 1e-6


# What draws nothing, or PyTorch draws: PyTorch's own values


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "uint8", "bool", "complex64"])
def test_what_is_not_random_equals_pytorch(dtype):
    kind = getattr(torch, dtype)
    for shape in [(), (3,), (3, 4), (0, 2)]:
        for name, arguments in [("zeros_", ()), ("ones_", ()), ("constant_", (2.5,)), ("constant_", (True,))]:
            made = getattr(init, name)(torch.full(shape, 9).to(kind), *arguments)
            assert torch.equal(made, getattr(torch.nn.init, name)(torch.full(shape, 9).to(kind), *arguments))
    for shape in [(3, 3), (2, 5), (5, 2), (0, 2), (1, 1)]:
        assert torch.equal(init.eye_(torch.full(shape, 9).to(kind)), torch.nn.init.eye_(torch.full(shape, 9).to(kind)))
    for shape, groups in [((6, 2, 3), 3), ((4, 6, 4, 1), 2), ((5, 3, 2, 3, 4), 1), ((4, 4, 0), 1), ((0, 2, 3), 2)]:
        ours, theirs = (torch.full(shape, 9).to(kind) for _ in range(2))
        if 0 in shape[2:]:
            init.dirac_(ours, groups)  # where PyTorch raises an IndexError
        else:
            assert torch.equal(init.dirac_(ours, groups), torch.nn.init.dirac_(theirs, groups))


def test_constants_of_other_numbers():
    for value in (math.nan, math.inf, -0.0, np.float32(0.1), torch.tensor(0.1), np.array(3)):
        made, expected = (module.constant_(torch.empty(2), float(value)) for module in (init, torch.nn.init))
        assert array(init.constant_(torch.empty(2), value)).tobytes() == array(expected).tobytes()
        assert array(made).tobytes() == array(expected).tobytes()
    assert init.constant_(torch.empty(2, dtype=torch.complex64), 1 + 2j).tolist() == [1 + 2j] * 2


GAINS = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


@pytest.mark.parametrize("nonlinearity", [*GAINS, "sigmoid", "tanh", "relu", "selu", "leaky_relu"])
def test_gains_equal_pytorch(nonlinearity):
    for param in (None, 0, 0.2, 1, -3.0, math.sqrt(5)):
        assert init.calculate_gain(nonlinearity, param) == torch.nn.init.calculate_gain(nonlinearity, param)


@pytest.mark.parametrize("name", DRAWING)
def test_a_generator_draws_pytorchs_own_numbers(name):
    made, expected = torch.empty(6, 5), torch.empty(6, 5)
    for module, tensor in ((init, made), (torch.nn.init, expected)):
        torch.manual_seed(3)  # PyTorch's sparse_ takes its places from the default generator
        function = getattr(module, name)
        assert function(tensor, **DRAWING[name], generator=torch.Generator().manual_seed(5)) is tensor
    assert torch.equal(made, expected)


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
    monkeypatch.setattr(engine, "kernels", lambda size: None)
    with Operations() as operations:
        draw(name, tensor[:3, :3], seed=7)
        tracemalloc.start()
        draw(name, tensor, seed=7)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert operations.names <= {"detach", "view", "slice"}
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
def test_ranks_fill_their_own_parts(ranks):
    """DTensors on meshes of one and two axes, and a model sharded both ways."""
    if not torch.distributed.is_available():
        pytest.skip("PyTorch was built without its distributed package")
    tool = Path(__file__).parent / "tools" / "torch_ranks.py"
    done = subprocess.run(
        [sys.executable, str(tool), str(ranks)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.split() == ["exit", "codes", *["0"] * ranks], done.stderr


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


# Refusals

W = partial(torch.empty, 5, 4)
BAD = [
    (lambda **k: init.normal_([1.0], **k), TypeError, "`tensor` must be a torch.Tensor"),
    (lambda **k: init.zeros_(np.ones(2), **k), TypeError, "`tensor` must be a torch.Tensor"),
    (lambda **k: init.normal_(torch.nn.UninitializedParameter(), **k), ValueError, "`tensor` must have a shape"),
    (lambda **k: init.normal_(W().to_sparse(), **k), ValueError, "`tensor` must be dense"),
    (lambda **k: init.normal_(torch.empty(4).expand(5, 4), **k), ValueError, "memory of its own"),
    (lambda **k: init.normal_(W(dtype=torch.int32), **k), ValueError, "must be a float"),
    (lambda **k: init.uniform_(W(dtype=torch.int32), **k), ValueError, "must be of a float dtype"),
    (lambda **k: init.uniform_(W(dtype=torch.bool), **k), ValueError, "must be a float"),
    (lambda **k: init.trunc_normal_(W(dtype=torch.complex64), **k), ValueError, "must be a float dtype"),
    (lambda **k: init.sparse_(W(dtype=torch.complex64), 0.5, **k), ValueError, "must be a float dtype"),
    (lambda **k: init.uniform_(W(), 2.0, 1.0, **k), ValueError, "`a` must not be above `b`"),
    (lambda **k: init.uniform_(W(), "0", **k), TypeError, "`a` must be a real number"),
    (lambda **k: init.uniform_(W(), 0.0, math.inf, **k), ValueError, "`b` must be finite"),
    (lambda **k: init.uniform_(W(dtype=torch.float16), -1e9, 1.0, **k), ValueError, "`a` is beyond the largest"),
    (
        lambda **k: init.uniform_(W(dtype=torch.float64), -1.7e308, 1.7e308, **k),
        ValueError,
        "`b - a` must be below the largest float64",
    ),
    (lambda **k: init.normal_(W(), math.nan, **k), ValueError, "`mean` must be finite"),
    (lambda **k: init.normal_(W(), 0.0, -1.0, **k), ValueError, "`std` must be 0 or more"),
    (lambda **k: init.normal_(W(dtype=torch.float16), 0.0, 1e5, **k), ValueError, "`std` is too large"),
    (lambda **k: init.trunc_normal_(W(), std=0.0, **k), ValueError, "`std` must be above 0"),
    (lambda **k: init.trunc_normal_(W(), a=1.0, b=1.0, **k), ValueError, "`a` must be below `b`"),
    (lambda **k: init.trunc_normal_(W(), a=math.nan, **k), ValueError, "`a` must be finite"),
    (lambda **k: init.trunc_normal_(W(), a=0.5, b=0.5 + 1e-12, **k), ValueError, r"More than 2\*\*-32"),
    (lambda **k: init.trunc_normal_(W(), a=7.0, b=9.0, **k), ValueError, r"More than 2\*\*-32"),
    (lambda **k: init.xavier_uniform_(torch.empty(4), **k), ValueError, "at least 2 axes"),
    (lambda **k: init.xavier_normal_(torch.empty(()), **k), ValueError, "at least 2 axes"),
    (lambda **k: init.xavier_normal_(W(), -1.0, **k), ValueError, "`gain` must be 0 or more"),
    (lambda **k: init.xavier_uniform_(W(dtype=torch.float16), 1e6, **k), ValueError, "`gain` is too large"),
    (lambda **k: init.kaiming_uniform_(torch.empty(4), **k), ValueError, "at least 2 axes"),
    (lambda **k: init.kaiming_normal_(W(), mode="fan_avg", **k), ValueError, "`mode` must be one of"),
    (lambda **k: init.kaiming_normal_(W(), nonlinearity="rellu", **k), ValueError, "Did you mean 'relu'"),
    (lambda **k: init.kaiming_normal_(W(), True, **k), ValueError, "`a` must be a real number"),
    (lambda **k: init.orthogonal_(torch.empty(4), **k), ValueError, "at least 2 axes"),
    (lambda **k: init.orthogonal_(W(), math.inf, **k), ValueError, "`gain` must be finite"),
    (lambda **k: init.sparse_(torch.empty(2, 2, 2), 0.5, **k), ValueError, "must have 2 axes, not 3"),
    (lambda **k: init.sparse_(W(), 1.5, **k), ValueError, r"`sparsity` must lie in \[0, 1\]"),
    (lambda **k: init.eye_(torch.empty(3), **k), ValueError, "must have 2 axes, not 1"),
    (lambda **k: init.dirac_(W(), **k), ValueError, "3, 4 or 5 axes"),
    (lambda **k: init.dirac_(torch.empty(5, 4, 3), 2, **k), ValueError, "`groups` must divide the 5 outputs"),
    (lambda **k: init.dirac_(torch.empty(5, 4, 3), 0, **k), ValueError, "`groups` must lie in"),
    (lambda **k: init.constant_(W(), "3", **k), TypeError, "`val` must hold numbers"),
    (lambda **k: init.constant_(W(), [1.0, 2.0, 3.0, 4.0], **k), ValueError, "`val` must be a scalar"),
    (lambda **k: init.constant_(W(dtype=torch.uint8), -1, **k), ValueError, "`val` must lie in"),
    (lambda **k: init.constant_(W(), 1j, **k), ValueError, "imaginary part"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_arguments(number):
    call, error, message = BAD[number]
    generator = SeedGenerator(7)
    with pytest.raises(error, match=message) as caught:
        call(seed=generator)
    assert "Received: " in str(caught.value)
    assert generator.count == 0


@pytest.mark.parametrize("name", [*DRAWING, *FIXED])
def test_bad_seeds_and_paths(name):
    for arguments, error, message in [
        ({"seed": "7"}, TypeError, "`seed` must be an integer"),
        ({"seed": True}, TypeError, "`seed` must be an integer"),
        ({"seed": 2**64}, ValueError, "`seed` must lie in"),
        ({"path": 3}, TypeError, "`path` must be"),
        ({"path": ("w", -1)}, ValueError, "`path`"),
    ]:
        with pytest.raises(error, match=message):
            draw(name, **arguments)


@pytest.mark.parametrize("name", DRAWING)
def test_bad_axes_seeds_and_generators(name):
    seeds = SeedGenerator(7)
    with pytest.raises(ValueError, match="`axes` names 1 axes"):
        draw(name, seed=seeds, axes="i")
    with pytest.raises(TypeError, match="`axes` must be a str"):
        draw(name, seed=seeds, axes=3)
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        draw(name, seed=torch.tensor(3))
    for argument, value in [("seed", 7), ("seed", seeds), ("path", "w"), ("axes", "i o")]:
        with pytest.raises(ValueError, match=f"`{argument}` must be None where `generator` is given"):
            draw(name, generator=torch.Generator(), **{argument: value})
    with pytest.raises(TypeError, match=r"`generator` must be a torch.Generator"):
        draw(name, generator=7)
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="portable stream alone"):
        draw(name, seed=seeds)
    assert seeds.count == 0


@pytest.mark.parametrize("arguments", [(None,), (3,), ("elu",), ("leaky_relu", True), ("leaky_relu", [0.1])])
def test_bad_gains(arguments):
    with pytest.raises(ValueError):  # noqa: PT011 - PyTorch's own message is another
        torch.nn.init.calculate_gain(*arguments)
    with pytest.raises(ValueError, match=r"`(nonlinearity|param)` must be .* Received: "):
        init.calculate_gain(*arguments)


# Warnings


def test_warnings_stay_warnings():
    generator = SeedGenerator(7)
    for name, module in itertools.product(("kaiming_uniform_", "kaiming_normal_"), (init, torch.nn.init)):
        options = {"seed": generator} if module is init else {}
        tensor = torch.empty(0, 3)
        with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op") as caught:
            assert getattr(module, name)(tensor, **options) is tensor
        assert caught[0].filename == __file__
    assert generator.count == 0
    for module in (init, torch.nn.init):
        with pytest.warns(UserWarning, match=r"mean is more than 2 std from \[a, b\]"):
            module.trunc_normal_(torch.empty(3), mean=5.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            module.trunc_normal_(torch.empty(3, device="meta"), mean=5.0)


def test_tensors_without_elements():
    for name in [name for name in DRAWING if not name.startswith("kaiming")]:
        for shape in [(0, 3), (3, 0), (0, 0)]:
            tensor = torch.empty(shape)
            assert draw(name, tensor, seed=7) is tensor


# Real layers

LAYERS = {
    "Linear": (lambda: torch.nn.Linear(6, 4), (3, 6)),
    "Conv1d": (lambda: torch.nn.Conv1d(4, 6, 3, groups=2), (2, 4, 8)),
    "Conv2d": (lambda: torch.nn.Conv2d(3, 5, (3, 2)), (2, 3, 6, 6)),
    "Conv3d": (lambda: torch.nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4)),
    "ConvTranspose1d": (lambda: torch.nn.ConvTranspose1d(4, 3, 3), (2, 4, 5)),
    "ConvTranspose2d": (lambda: torch.nn.ConvTranspose2d(4, 3, 3), (2, 4, 5, 5)),
    "ConvTranspose3d": (lambda: torch.nn.ConvTranspose3d(2, 3, 2), (1, 2, 3, 3, 3)),
    "Embedding": (lambda: torch.nn.Embedding(9, 5), None),
    "LSTM": (lambda: torch.nn.LSTM(5, 7, num_layers=2, bidirectional=True), (4, 2, 5)),
    "MultiheadAttention": (lambda: torch.nn.MultiheadAttention(8, 2), (4, 2, 8)),
    "TransformerEncoderLayer": (lambda: torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), (4, 2, 8)),
    "half": (lambda: torch.nn.Linear(6, 4).bfloat16(), (3, 6)),
}


@pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_normal_", "trunc_normal_", "orthogonal_"])
@pytest.mark.parametrize("layer", LAYERS)
def test_layers_are_built_called_and_trained(layer, name):
    build, shape = LAYERS[layer]

    def initialized():
        module = build()
        for key, parameter in module.named_parameters():
            if parameter.ndim < 2:
                init.zeros_(parameter)
            else:
                draw(name, parameter, seed=7, path=key, axes="i o k" if layer == "ConvTranspose1d" else None)
        return module

    def output(module):
        if shape is None:
            return module(torch.tensor([[1, 2], [3, 8]]))
        dtype = next(module.parameters()).dtype
        x = torch.linspace(-1, 1, math.prod(shape), dtype=dtype).reshape(shape)
        made = module(x, x, x) if layer == "MultiheadAttention" else module(x)
        return made[0] if isinstance(made, tuple) else made

    one, two = initialized(), initialized()
    assert torch.equal(output(one), output(two))
    before = copy.deepcopy(one.state_dict())
    loss = (output(one) - 1).square().mean()
    loss.backward()
    torch.optim.SGD(one.parameters(), 0.01).step()
    assert loss.isfinite()
    assert any(not torch.equal(before[key], value) for key, value in one.state_dict().items())
    assert (output(one) - 1).square().mean() < loss


def test_an_old_program_runs_as_it_is():
    """A reset_parameters of PyTorch's own layers, with one name exchanged."""

    def program(init):
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.head = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 2)
                self.apply(self.reset)

            @staticmethod
            def reset(module):
                if isinstance(module, torch.nn.Conv2d):
                    init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                    init.constant_(module.bias, 0)
                elif isinstance(module, torch.nn.Linear):
                    bound = 1 / math.sqrt(module.weight.size(1))
                    init.xavier_uniform_(module.weight, gain=init.calculate_gain("tanh"))
                    init.uniform_(module.bias, -bound, bound)

        return Net()

    oneseed.set_random_seed(7)
    ours = program(init)
    oneseed.set_random_seed(7)
    again = program(init)
    theirs = program(torch.nn.init)
    for one, two, other in zip(ours.parameters(), again.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, two)
        assert one.shape == other.shape
        assert one.std().item() == pytest.approx(other.std().item(), rel=0.5)
