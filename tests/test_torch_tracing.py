"""Where PyTorch traces, exports, transforms or compiles, a draw is an operation of the program, with the eager bits."""

import io
import json
import subprocess
import sys

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from traced import FILLS, FUNCTIONS, SHAPE, Module, example, fresh

import oneseed
from oneseed.initializers import HeNormal
from oneseed.random import SeedGenerator
from oneseed_torch import init
from oneseed_torch.drawing import operation

# PyTorch warns of its own old parts.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(params=FUNCTIONS)
def function(request):
    with oneseed.using(backend="torch"):
        yield FUNCTIONS[request.param]


# Tracers


@pytest.mark.parametrize("before_dispatch", [False, True])
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx(function, mode, before_dispatch):
    graph = make_fx(function, tracing_mode=mode, pre_dispatch=before_dispatch)(example())
    assert torch.equal(graph(example()), function(example()))


def test_functionalize(function):
    functional = torch.func.functionalize(function)
    assert torch.equal(functional(example()), function(example()))
    assert torch.equal(make_fx(functional)(example())(example()), function(example()))


def test_jit_trace(function):
    traced = torch.jit.trace(function, example())
    stored = io.BytesIO()
    torch.jit.save(traced, stored)
    stored.seek(0)
    assert torch.equal(torch.jit.load(stored)(example()), function(example()))


@pytest.mark.parametrize("strict", [False, True])
def test_export(function, strict, compiler):
    program = torch.export.export(Module(function), (example(),), strict=strict)
    want = function(example())
    assert torch.equal(program.module()(example()), want)
    assert torch.equal(program.run_decompositions().module()(example()), want)
    stored = io.BytesIO()
    torch.export.save(program, stored)
    stored.seek(0)
    assert torch.equal(torch.export.load(stored).module()(example()), want)


def test_a_stored_program_runs_in_a_process_of_its_own(tmp_path):
    def forward(x):
        weight = init.kaiming_normal_(torch.empty(SHAPE), seed=2**64 - 2, path=("layer", 3))
        return x + init.normal_(weight[:, :2], seed=1).sum() + weight

    torch.export.save(torch.export.export(Module(forward), (example(),)), tmp_path / "program.pt2")
    torch.save(forward(example()), tmp_path / "want.pt")
    code = """
import torch, oneseed_torch
got = torch.export.load("program.pt2").module()(torch.zeros(8, 4))
assert torch.equal(got, torch.load("want.pt"))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_the_graph_shows_the_draw():
    graph = make_fx(lambda x: init.normal_(x, 0.0, 0.5, seed=3, path="weight"))(example())
    (node,) = (node for node in graph.graph.nodes if node.target is torch.ops.oneseed.draw_.default)
    shown = json.loads(node.args[1])
    assert shown["distribution"] == {"normal": [0.0, 0.5]}
    assert (shown["seed"], shown["path"], shown["dtype"]) == (3, ["weight"], "float32")


def test_the_operations_hold_to_their_schemas():
    text = json.dumps(
        {
            "distribution": {"integers": [-(2**63), -(2**63) + 7]},
            "dtype": "int64",
            "seed": 2**64 - 1,
            "path": ["a", 2**64 - 1],
            "shape": [6, 4],
            "order": [1, 0],
            "offset": [2, 0],
            "block": [4, 4],
        }
    )
    checks = ("test_schema", "test_faketensor", "test_aot_dispatch_static")
    torch.library.opcheck(
        torch.ops.oneseed.draw_.default, (torch.empty(4, 4, dtype=torch.int64), text), test_utils=checks
    )
    torch.library.opcheck(torch.ops.oneseed.draw.default, (text, "cpu"), test_utils=checks)
    made = torch.ops.oneseed.draw(text, "cpu")
    assert made.min() >= -(2**63)
    assert made.max() < -(2**63) + 7
    base = torch.zeros(4, 4, dtype=torch.int64)
    version = base._version
    torch.ops.oneseed.draw_(base, text)
    assert torch.equal(base, made)
    assert base._version > version


@pytest.mark.parametrize("hidden", [False, True])
def test_operations_know_fake_tensors_in_each_way(monkeypatch, hidden):
    name = f"made_{hidden}"
    library = torch.library.Library("oneseed_tests", "FRAGMENT")
    library.define(f"{name}(str device) -> Tensor")
    library.impl(name, lambda device: torch.ones(3, device=device), "CompositeExplicitAutograd")
    with monkeypatch.context() as patch:
        if hidden:
            patch.setitem(sys.modules, "torch._library.simple_registry", None)
        operation._know_fake(library, f"oneseed_tests::{name}", lambda device: torch.empty(3, device=device))
    function = getattr(torch.ops.oneseed_tests, name)
    assert torch.equal(function("cpu"), torch.ones(3))
    with FakeTensorMode():
        made = function("cpu")
    assert isinstance(made, FakeTensor)
    assert made.device.type == "cpu"


def test_a_recorded_draw_without_a_seed_warns():
    generator = SeedGenerator(7)
    calls = [
        lambda x: init.normal_(x, 1.0),
        lambda x: init.normal_(x, seed=generator),
        lambda x: x + oneseed.random.normal(SHAPE),
        lambda x: x + HeNormal()(SHAPE, backend="torch"),
    ]
    with oneseed.using(backend="torch"):
        for call in calls:
            for trace in (make_fx(call), lambda x, call=call: torch.export.export(Module(call), (x,))):
                with pytest.warns(UserWarning, match=r"repeats the values of this one draw.*Give an int, .* as `seed`"):
                    trace(example())


def test_pytorchs_own_generator_cannot_be_recorded():
    with oneseed.using(backend="torch", rng="native"), pytest.raises(ValueError, match="`rng` must be 'portable'"):
        make_fx(lambda x: x + HeNormal(7)(SHAPE))(example())


def test_only_a_program_that_is_recorded_counts_fake_tensors():
    generator = SeedGenerator(7)
    with FakeTensorMode():
        assert isinstance(init.normal_(torch.empty(SHAPE), seed=generator), FakeTensor)
        assert isinstance(HeNormal(7)(SHAPE, backend="torch"), FakeTensor)
    assert generator.count == 0


class Seen(TorchDispatchMode):
    """Notes the operations that are dispatched."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_modes_see_a_draw():
    with Seen() as seen:
        got = init.normal_(torch.empty(SHAPE), seed=3)
    assert seen.names == ["aten.empty.memory_format", "oneseed.draw_.default"]
    assert torch.equal(got, init.normal_(torch.empty(SHAPE), seed=3))


# Transforms


def test_grad(function):
    got = torch.func.grad(lambda x: (function(x) * x).sum())(example())
    assert torch.equal(got, function(example()))
    assert torch.func.jacrev(function)(example()).shape == SHAPE * 2
    assert torch.func.hessian(lambda x: (function(x) * x).sum())(example()).shape == SHAPE * 2


def test_jvp(function):
    value, tangent = torch.func.jvp(function, (example(),), (torch.ones(SHAPE),))
    assert torch.equal(value, function(example()))
    assert (tangent == 1).all()


def test_vmap(function):
    got = torch.func.vmap(function)(torch.zeros(3, *SHAPE))
    assert torch.equal(got, function(example()).expand(3, *SHAPE))
    mapped = torch.func.vmap(function)
    graph = make_fx(lambda x: mapped(x))(torch.zeros(3, *SHAPE))  # noqa: PLW0108 - whose arguments are counted
    assert torch.equal(graph(torch.zeros(3, *SHAPE)), got)


@pytest.mark.parametrize("name", FILLS)
def test_transforms_fill_their_own_tensors(name):
    fill, want = FILLS[name], FILLS[name](fresh())
    assert torch.equal(torch.func.vmap(fill)(fresh().expand(3, *SHAPE).clone()), want.expand(3, *SHAPE))
    assert torch.equal(torch.func.functionalize(fill)(fresh()), want)
    assert torch.equal(torch.func.functional_call(Module(lambda x: fill(x.clone())), {}, (fresh(),)), want)


# The compiler


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", FILLS)
def test_the_whole_graph_is_compiled(name, backend, compiler):
    compiled = torch.compile(FILLS[name], backend=backend, fullgraph=True)
    assert torch.equal(compiled(fresh()), FILLS[name](fresh()))
    parameter = torch.nn.Parameter(fresh())
    with torch.no_grad():
        assert torch.equal(compiled(parameter).detach(), FILLS[name](fresh()))


@pytest.mark.parametrize("name", FILLS)
def test_shapes_that_vary(name, compiler):
    compiled = torch.compile(FILLS[name], backend="aot_eager", fullgraph=True, dynamic=True)
    assert torch.equal(compiled(fresh()), FILLS[name](fresh()))


def test_what_varies_is_compiled_again(compiler):
    def call(tensor, std, seed, path, axes):
        return init.trunc_normal_(tensor, 0.1, std, seed=seed, path=path, axes=axes)

    compiled = torch.compile(call, backend="aot_eager", fullgraph=True)
    cases = [(0.1, 3, "a", "o i"), (0.2, 3, "a", "o i"), (0.2, 2**63 + 4, "a", "i o"), (0.3, 5, ("b", 3), None)]
    for rows, case in enumerate(cases, 5):
        assert torch.equal(compiled(torch.empty(rows, 4), *case), call(torch.empty(rows, 4), *case))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_inductor(compiler):
    for name in ("normal", "orthogonal", "rows", "complex"):
        torch._dynamo.reset()
        compiled = torch.compile(FILLS[name], backend="inductor", fullgraph=True)
        assert torch.equal(compiled(fresh()), FILLS[name](fresh())), name


def test_a_sequence_of_seeds_stays_out_of_the_graph(compiler):
    generator = SeedGenerator(7)

    def call(tensor):
        return init.normal_(tensor, seed=generator) * 2

    compiled = torch.compile(call, backend="aot_eager")
    for count in range(3):
        want = init.normal_(torch.empty(SHAPE), seed=SeedGenerator(7).seed, path=(count,)) * 2
        assert torch.equal(compiled(torch.empty(SHAPE)), want)
    unseeded = torch.compile(init.normal_, backend="aot_eager")
    assert not torch.equal(unseeded(torch.empty(SHAPE)), unseeded(torch.empty(SHAPE)))
    for function in (call, init.normal_):
        torch._dynamo.reset()
        with pytest.raises(
            torch._dynamo.exc.Unsupported, match="a graph would repeat the values of a call without an int"
        ):
            torch.compile(function, backend="aot_eager", fullgraph=True)(torch.empty(SHAPE))


def test_pytorchs_own_numbers_stay_out_of_the_graph(compiler):
    compiled = torch.compile(lambda tensor, generator: init.normal_(tensor, generator=generator), backend="aot_eager")
    got = compiled(torch.empty(SHAPE), torch.Generator().manual_seed(3))
    assert torch.equal(got, torch.nn.init.normal_(torch.empty(SHAPE), generator=torch.Generator().manual_seed(3)))


def test_errors_reach_the_caller(compiler):
    for backend in ("eager", "aot_eager"):
        with pytest.raises(ValueError, match=r"`std` must be 0 or more\. Received: std=-1\.0"):
            torch.compile(lambda tensor: init.normal_(tensor, 0.0, -1.0, seed=3), backend=backend)(torch.empty(SHAPE))
