"""Initializers in functions that PyTorch compiles: in the graph, with the eager bits."""

import json
import sys

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from traced import MAKES, OUTSIDE, SHAPE, example, made

import oneseed
from oneseed import registry
from oneseed.initializers import Constant, HeNormal, Ones, Scaled, Sum
from oneseed.random import SeedGenerator
from oneseed_torch import adapter

# PyTorch warns of its own old parts.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


# Initializers in the compiler


@pytest.fixture
def backend_torch():
    with oneseed.using(backend="torch"):
        HeNormal(7)(SHAPE)  # loads the backend
        yield


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", MAKES)
def test_initializers_are_in_the_graph(name, backend, compiler, backend_torch):
    function = made(MAKES[name])
    compiled = torch.compile(function, backend=backend, fullgraph=True)
    for _ in range(2):
        assert torch.equal(compiled(example()), function(example()))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["he_normal", "from outside", "scaled", "constant", "made complex", "integers"])
def test_inductor_compiles_initializers(name, compiler, backend_torch):
    function = made(MAKES[name])
    assert torch.equal(torch.compile(function, fullgraph=True)(example()), function(example()))


def test_the_compiled_graph_shows_the_draw(compiler, backend_torch):
    graphs = []

    def note(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch.compile(made(MAKES["from outside"]), backend=note, fullgraph=True)(example())
    (node,) = (node for node in graphs[0].graph.nodes if "oneseed" in str(node.target))
    assert json.loads(node.args[1])["path"] == ["layer", 2]


def test_shapes_of_initializers_vary(compiler, backend_torch):
    def function(x):
        return x + OUTSIDE(x.shape) + OUTSIDE((x.shape[0], x.size(1)), axes="o i")

    for dynamic in (True, None):
        torch._dynamo.reset()
        compiled = torch.compile(function, backend="aot_eager", fullgraph=True, dynamic=dynamic)
        for rows in (8, 3, 5):
            assert torch.equal(compiled(torch.zeros(rows, 4)), function(torch.zeros(rows, 4)))


def test_what_is_changed_is_compiled_again(compiler, backend_torch):
    outer = HeNormal(7)
    init = Sum([Scaled(outer, 0.5), Constant(0.5)])
    compiled = torch.compile(lambda x: x + init(SHAPE), backend="eager", fullgraph=True)
    assert torch.equal(compiled(example()), init(SHAPE))
    for attribute, value in (
        ("seed", 8),
        ("seed", 9),
        ("scale", 5.0),
        ("mode", "fan_out"),
        ("distribution", "uniform"),
    ):
        setattr(outer, attribute, value)
        assert torch.equal(compiled(example()), init(SHAPE)), attribute
    init.initializers.append(HeNormal(3))
    assert torch.equal(compiled(example()), init(SHAPE))


def test_settings_in_compiled_functions(compiler):
    compiled = torch.compile(lambda x: HeNormal(7)(SHAPE), backend="eager")
    with oneseed.using(backend="torch"):
        whole = torch.compile(lambda x: HeNormal(7)(SHAPE), backend="eager", fullgraph=True)
        assert whole(example()).dtype == torch.float32
        with oneseed.using(floatx="float16"):
            assert torch.equal(whole(example()), HeNormal(7)(SHAPE, "float16"))
        assert whole(example()).dtype == torch.float32
        assert torch.equal(compiled(example()), HeNormal(7)(SHAPE))
        with oneseed.using(rng="native"):
            assert torch.equal(compiled(example()), HeNormal(7)(SHAPE))
        assert torch.equal(compiled(example()), HeNormal(7)(SHAPE))
    got = compiled(example())
    assert type(got) is type(HeNormal(7)(SHAPE))
    with torch.device("meta"):
        function = torch.compile(lambda: HeNormal(7)(SHAPE, backend="torch"), backend="eager", fullgraph=True)
        assert function().is_meta
        function = torch.compile(
            lambda: HeNormal(7)(SHAPE, device="cpu", backend="torch"), backend="eager", fullgraph=True
        )
        assert torch.equal(function(), HeNormal(7)(SHAPE, backend="torch", device="cpu"))


def test_initializers_without_an_int_stay_out_of_the_graph(compiler, backend_torch):
    generator, before, calls = SeedGenerator(7), HeNormal(), []

    def count(shape, dtype=None):
        calls.append(shape)
        return torch.full(shape, float(len(calls)))

    counted = Sum([HeNormal(7), count])
    cases = {
        "new": (lambda x: x + HeNormal()(SHAPE), 3),
        "function": (lambda x: x + oneseed.random.normal(SHAPE), 3),
        "generator": (lambda x: x + HeNormal(generator)(SHAPE), 3),
        "part": (lambda x: x + Sum([HeNormal(generator), Ones()])(SHAPE), 3),
        "before": (lambda x: x + before(SHAPE), 1),
        "callable": (lambda x: x + counted(SHAPE), 3),
    }
    for name, (function, distinct) in cases.items():
        torch._dynamo.reset()
        compiled = torch.compile(function, backend="eager")
        assert len({compiled(example()).numpy().tobytes() for _ in range(3)}) == distinct, name
        torch._dynamo.reset()
        with pytest.raises(torch._dynamo.exc.Unsupported, match="the values of a call without an int as `seed`"):
            torch.compile(function, backend="eager", fullgraph=True)(example())
    want = [HeNormal(7)(SHAPE, path=(count,)) for count in range(3)]
    numbered = SeedGenerator(7)
    compiled = torch.compile(lambda x: x + HeNormal(numbered)(SHAPE), backend="eager")
    assert all(torch.equal(compiled(example()), values) for values in want)


def test_errors_of_initializers_reach_the_caller(compiler, backend_torch):
    cases = [
        (lambda x: HeNormal(-1)(SHAPE), ValueError, "`seed`"),
        (lambda x: OUTSIDE((8, -4)), ValueError, "`shape`"),
        (lambda x: OUTSIDE(SHAPE, axes=3), TypeError, "`axes`"),
        (lambda x: OUTSIDE(SHAPE, "float31"), ValueError, "`dtype`"),
        (lambda x: OUTSIDE(SHAPE, device="nowhere"), ValueError, "`device`"),
        (lambda x: OUTSIDE(SHAPE, backend="nothing"), ValueError, "`backend`"),
        (lambda x: oneseed.random.normal(SHAPE, 0.0, -1.0, seed=3), ValueError, "`stddev`"),
    ]
    for function, kind, match in cases:
        torch._dynamo.reset()
        with pytest.raises(kind, match=match):
            torch.compile(function, backend="eager")(example())


def test_the_mode_compiles_each_draw(compiler, backend_torch):
    counted = torch._dynamo.utils.counters["stats"]
    before = counted["unique_graphs"]
    compiled = registry.load("torch").modes()["compile"]
    for size in range(1, 13):  # more than PyTorch compiles of one function
        assert torch.equal(compiled(lambda size=size: HeNormal(7)((size, 3))), HeNormal(7)((size, 3)))
    assert counted["unique_graphs"] - before == 12


def test_the_mode_does_not_load_triton_after_tensorflow(backend_torch, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr(adapter, "find_spec", lambda name: name)
    with pytest.raises(RuntimeError, match="import `torch` and `triton` before TensorFlow"):
        registry.load("torch").modes()["compile"](lambda: HeNormal(7)((3,)))
