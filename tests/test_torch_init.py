"""The functions of torch.nn.init: names and arguments, PyTorch's own values, refusals, real layers."""

import copy
import doctest
import importlib
import inspect
import itertools
import math
import warnings
from functools import partial

import numpy as np
import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from numpydoc.validate import validate
from test_docstrings import LEFT_OUT
from tools.torch_calls import DRAWING, FIXED, FLOATS, SHAPES, array, draw

import oneseed
from oneseed.random import SeedGenerator
from oneseed_torch import init

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


LAYOUTS = {
    "contiguous": lambda whole: whole,
    "transposed": lambda whole: whole.transpose(0, 1),
    "with gaps": lambda whole: whole[1::2, 1:],
    "channels last": lambda whole: whole.transpose(1, -1).contiguous().transpose(1, -1),
    "requires gradients": lambda whole: whole.requires_grad_(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["eye_", "dirac_"])
def test_ones_of_any_layout_equal_pytorch(name, dtype, layout):
    for shape in [(6, 4), (3, 7)] if name == "eye_" else [(6, 4, 3), (3, 7, 4, 1), (5, 3, 2, 3, 4)]:
        ours, theirs = (LAYOUTS[layout](torch.full(shape, 9.0, dtype=getattr(torch, dtype))) for _ in range(2))
        version, whole = ours._version, ours if ours._base is None else ours._base
        assert getattr(init, name)(ours) is ours
        assert ours._version > version
        getattr(torch.nn.init, name)(theirs)
        assert torch.equal(whole.detach(), (theirs if theirs._base is None else theirs._base).detach())


@pytest.mark.parametrize("name", ["eye_", "dirac_", "normal_", "orthogonal_"])
def test_what_is_stored_in_another_way_is_read_as_it_should(name):
    shape = (4, 3) if name != "dirac_" else (4, 3, 2)
    seed = {} if name in ("eye_", "dirac_") else {"seed": 7}
    expected = getattr(init, name)(torch.empty(shape), **seed)
    stored = torch.zeros(shape, dtype=torch.complex64)
    for _ in range(2):  # for the second, much is known from the first
        getattr(init, name)(torch.conj(stored).imag, **seed)
        assert torch.equal(stored.imag, -expected)
    if name != "normal_":
        plain = getattr(init, name)(torch.zeros(shape, dtype=torch.complex64), **seed)
        for _ in range(2):
            getattr(init, name)(torch.conj(stored), **seed)
            assert torch.equal(stored, plain.conj().resolve_conj())


@pytest.mark.parametrize("name", ["eye_", "dirac_"])
def test_a_map_over_tensors_fills_each(name):
    shape = (2, 4, 3) if name == "eye_" else (2, 4, 3, 2)
    made = torch.func.vmap(lambda each: getattr(init, name)(each.clone()))(torch.zeros(shape))
    for each in made:
        assert torch.equal(each, getattr(init, name)(torch.empty(shape[1:])))


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
    (lambda **k: init.sparse_(W(dtype=torch.int32), 0.5, **k), ValueError, "must be a float or complex dtype"),
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
    torch.manual_seed(0)
    theirs = program(torch.nn.init)
    for one, two, other in zip(ours.parameters(), again.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, two)
        assert one.shape == other.shape
        assert one.std().item() == pytest.approx(other.std().item(), rel=0.5)
