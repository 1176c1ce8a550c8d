"""Layers that a PyTorch module repeats, of which one is planned: each gets what it gets when planned by itself."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from oneseed import KEEP, Rule, Scheme
from oneseed_torch import create, default_scheme, initialize_, plan_of
from oneseed_torch.models.alike import parted
from oneseed_torch.models.planning import plan_tensors
from oneseed_torch.models.tree import walk

PLAIN = Scheme([Rule("*bias*", "zeros"), Rule("*weight*", "he_normal"), Rule("*", "ones")])


def values_of(module, scheme, seed=7):
    """Return what a module must hold: each row of its plan, drawn by NumPy; what is not drawn stays."""
    from oneseed_numpy import backend

    held = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    found = {name: tensor.detach().clone() for name, tensor in held.items()}
    for entry, draw in plan_of(module, scheme).draws(seed):
        drawn = np.asarray(backend().draw(draw, None))
        wide = drawn if draw.dtype == "float64" else drawn.astype("float32")
        found[entry.name] = torch.from_numpy(wide).to(held[entry.name].dtype)
    return found


def check(module, scheme):
    expected = values_of(module, scheme)
    initialize_(module, scheme, seed=7)
    got = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    assert got.keys() == expected.keys()
    assert [name for name in got if not torch.equal(got[name], expected[name])] == []


def followers(module):
    return [one.path for one in parted(module, walk(module))[1]]


def linears(count=4, **named):
    return nn.Sequential(*(nn.Linear(5, 5, **named) for _ in range(count)))


def changed(build, change):
    def run():
        module = build()
        change(module)
        return module

    return run


def second_is_frozen(module):
    module[1].weight.requires_grad_(False)


def second_is_transposed(module):
    module[1].weight.data = module[1].weight.data.t()


def second_is_double(module):
    module[1].double()


def two_are_tied(module):
    module[2].weight = module[1].weight


def second_is_marked(module):
    module[1].weight.of_another_library = True


def second_is_pruned(module):
    prune.identity(module[1], "weight")


def two_are_normalized(module):
    for layer in module[1:3]:
        nn.utils.weight_norm(layer)


def two_are_parametrized(module):
    for layer in module[1:3]:
        nn.utils.parametrizations.weight_norm(layer)


def arguments_are_lists(module):
    for layer in module:
        layer.groups = []


class Mine(nn.Linear):
    """Of a class of one's own."""


MODULES = {
    "linear": (linears, ["1", "2", "3"]),
    "without biases": (lambda: linears(bias=False), ["1", "2", "3"]),
    "of two kinds": (lambda: nn.Sequential(*linears(2), *linears(2, bias=False)), ["1", "3"]),
    "of two shapes": (lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 4)), ["2"]),
    "bfloat16": (lambda: linears().bfloat16(), ["1", "2", "3"]),
    "blocks": (
        lambda: nn.Sequential(*(nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.LayerNorm(3)}) for _ in "ab")),
        None,
    ),
    "norms": (lambda: nn.Sequential(*(nn.BatchNorm2d(4) for _ in range(3))), ["1", "2"]),
    "norms without state": (
        lambda: nn.Sequential(*(nn.BatchNorm2d(4, track_running_stats=i > 1) for i in range(4))),
        ["1", "3"],
    ),
    "recurrent": (lambda: nn.ModuleList([nn.LSTM(3, 4), nn.LSTM(3, 4), nn.GRU(3, 4)]), ["1"]),
    "convolutions of one shape": (
        lambda: nn.Sequential(nn.Conv2d(4, 4, 1, groups=4), nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1, groups=4)),
        ["2"],
    ),
    "tables": (lambda: nn.ModuleList([nn.Embedding(5, 3, padding_idx=p) for p in (None, 0, None, 0, 1)]), ["2", "3"]),
    "slopes": (lambda: nn.Sequential(nn.PReLU(init=0.0), nn.PReLU(init=-0.0), nn.PReLU(init=0.5)), []),
    "of a class of one's own": (lambda: nn.Sequential(Mine(3, 3), Mine(3, 3)), []),
    "frozen": (changed(linears, second_is_frozen), ["2", "3"]),
    "in another order": (changed(linears, second_is_transposed), []),
    "of two dtypes": (changed(linears, second_is_double), ["2", "3"]),
    "tied": (changed(linears, two_are_tied), []),
    "twice the same": (lambda: nn.Sequential(layer := nn.Linear(3, 3), nn.Linear(3, 3), layer), []),
    "marked": (changed(linears, second_is_marked), []),
    "pruned": (changed(linears, second_is_pruned), ["2", "3"]),
    "normalized": (changed(linears, two_are_normalized), []),
    "parametrized": (changed(linears, two_are_parametrized), ["3"]),
    "odd arguments": (changed(linears, arguments_are_lists), []),
    "not ASCII": (lambda: nn.ModuleDict({name: nn.Linear(3, 3) for name in "äböc"}), ["c"]),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("scheme", [default_scheme, lambda module: PLAIN])
@pytest.mark.parametrize("name", MODULES)
def test_each_layer_gets_what_its_own_name_says(name, scheme):
    build, like = MODULES[name]
    module = build()
    found = followers(module)
    assert found == (["1.a", "1.b"] if like is None else like)
    check(module, scheme(module))


SCHEMES = {
    "another rule for one": [Rule("2.weight", "ones"), *PLAIN.rules],
    "one kept": [Rule("2.weight", KEEP), *PLAIN.rules],
    "the first kept": [Rule("0.weight", KEEP), *PLAIN.rules],
    "other axes for one": [Rule("2.weight", "he_normal", axes="i o"), *PLAIN.rules],
    "the same by another rule": [Rule("2.weight", "he_normal"), *PLAIN.rules],
    "state as well": [
        Rule("*running_var", "ones", state=True),
        Rule("*running_mean", "zeros", state=True),
        *PLAIN.rules,
    ],
    "seeds of their own": [Rule("*.weight", {"class_name": "HeNormal", "config": {"seed": 3}}), *PLAIN.rules],
    "whole matrices": [Rule("*.weight", "orthogonal"), *PLAIN.rules],
    "sums": [
        Rule("*.weight", {"class_name": "Scaled", "config": {"initializer": "he_normal", "factor": 2.0}}),
        *PLAIN.rules,
    ],
}


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_may_tell_like_layers_apart(name):
    check(linears(), Scheme(SCHEMES[name]))


def test_state_gets_what_rules_for_state_say():
    for rules in (PLAIN.rules, [Rule("1.running_mean", "ones", state=True), *SCHEMES["state as well"]]):
        module = nn.Sequential(*(nn.BatchNorm1d(3) for _ in range(3)))
        for layer in module:
            layer.running_mean.fill_(5)
        check(module, Scheme(rules))


def test_a_rule_for_a_dtype_changes_all_like_layers():
    module = linears()
    initialize_(module, Scheme([Rule("*.weight", "he_normal", dtype="bfloat16"), *PLAIN.rules]), seed=7)
    assert [layer.weight.dtype for layer in module] == [torch.bfloat16] * 4
    expected = linears().bfloat16()
    initialize_(expected, PLAIN, seed=7)
    for one, other in zip(module, expected, strict=True):
        assert torch.equal(one.weight, other.weight)


class Looked(nn.Module):
    """A table and a layer of one shape, of which a graph alone tells which is which."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 5)
        self.layer = nn.Linear(5, 5, bias=False)

    def forward(self, x):
        return self.layer(self.table(x))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_layers_in_a_graph_are_what_the_graph_says():
    module = torch.export.export(Looked(), (torch.tensor([1, 2]),)).module()
    expected = initialize_(Looked(), Scheme([Rule("*", "he_normal")]), seed=7)
    initialize_(module, Scheme([Rule("*", "he_normal")]), seed=7)
    for name, tensor in expected.named_parameters():
        assert torch.equal(module.get_parameter(name), tensor), name


def test_a_layer_may_draw_for_layers_inside_it():
    def attention():
        inner = type(nn.MultiheadAttention(8, 2).out_proj)
        return nn.ModuleList([inner(8, 8), nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2)])

    def transformer():
        return nn.ModuleList([nn.Linear(16, 8), nn.Linear(8, 16), nn.Transformer(8, 2, 1, 1, 16, batch_first=True)])

    for build in (attention, transformer):
        module = build()
        expected = values_of(module, default_scheme(module))
        assert [n for n, t in create(build, seed=7).state_dict().items() if not torch.equal(t, expected[n])] == []
        check(module, default_scheme(module))


def test_errors_name_every_layer():
    module = linears()
    before = [tensor.clone() for tensor in module.parameters()]
    with pytest.raises(ValueError, match=r"no rule for 0\.bias, 1\.bias, 2\.bias, 3\.bias$"):
        initialize_(module, Scheme([Rule("*.weight", "ones")]), seed=7)
    with pytest.raises(ValueError, match=r"no rule for 2\.bias$"):
        initialize_(module, Scheme([Rule("*.weight", "ones"), *(Rule(f"{k}.bias", "ones") for k in (0, 1, 3))]), seed=7)
    assert all(map(torch.equal, before, module.parameters()))


def test_layers_without_elements_are_planned_by_themselves():
    with pytest.warns(UserWarning, match="zero-element"):
        module = nn.Sequential(*(nn.Linear(0, 3) for _ in range(3)))
    assert followers(module) == []
    check(module, PLAIN)


def test_like_layers_that_share_memory_are_refused():
    module = linears(bias=False)
    module[3].weight.data = module[1].weight.data
    with pytest.raises(ValueError, match=r"'1\.weight' and '3\.weight', which share memory"):
        initialize_(module, PLAIN, seed=7)


def test_names_and_axes_are_for_each_layer():
    module, other = linears(bias=False), linears(bias=False)
    initialize_(module, PLAIN, seed=7, names=lambda name: f"layer.{name}")
    initialize_(other, PLAIN, seed=7)
    assert not torch.equal(module[2].weight, other[2].weight)
    initialize_(other, PLAIN, seed=7, axes={"2.weight": "i o"})
    again = initialize_(linears(bias=False), PLAIN, seed=7)
    assert [torch.equal(one.weight, two.weight) for one, two in zip(other, again, strict=True)] == [
        True,
        True,
        False,
        True,
    ]


def test_autograd_sees_the_writes():
    module = linears()
    versions = [tensor._version for tensor in module.parameters()]
    initialize_(module, default_scheme(module), seed=7)
    assert [tensor._version for tensor in module.parameters()] == [version + 1 for version in versions]


def test_a_tensor_of_very_many_names_is_drawn_at_the_first():
    names = [f"block_{number}_of_a_model_whose_names_are_long" for number in range(200)]
    module = nn.ModuleDict({name: nn.Linear(5, 5) for name in names})
    for layer in module.values():
        layer.weight = module[names[0]].weight
    scheme = default_scheme(module)
    check(module, scheme)
    plan = plan_of(module, scheme)
    assert len(plan[0].tied) == 199
    assert {entry.also for entry in plan} == {plan[0].also, ()}
    alone = initialize_(nn.ModuleDict({names[0]: nn.Linear(5, 5)}), scheme, seed=7)
    assert torch.equal(next(alone.parameters()), next(module.parameters()))


def test_names_with_what_globs_mean_otherwise_are_names():
    module = nn.ModuleDict({"a*": nn.Linear(5, 5), "ab": nn.Linear(5, 5, bias=False), "a[c]": nn.Linear(5, 5)})
    module["a[c]"].weight = module["a*"].weight
    scheme = default_scheme(module)
    check(module, scheme)
    first, tied, other = (scheme.match(f"{name}.weight")[0] for name in ("a*", "a[c]", "ab"))
    assert first.initializer is tied.initializer is not other.initializer
    normed = nn.ModuleDict({name: nn.utils.parametrizations.weight_norm(nn.Linear(5, 5)) for name in ("a*", "ab")})
    check(normed, default_scheme(normed))


def test_layers_that_an_attention_layer_reaches_are_planned_once(monkeypatch):
    blocks = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 16) for _ in range(3))
    scheme = default_scheme(blocks)
    expected = {entry.name: entry.also for entry in plan_of(blocks, scheme)}
    assert expected["2.self_attn.out_proj.bias"] == ("2.self_attn.out_proj.bias",)
    rows, planned = [], []

    def counted(every, found, *others):
        planned.extend(item.names[0] for item in found)
        return plan_tensors(every, found, *others)

    monkeypatch.setattr("oneseed_torch.models.modules.run", lambda draws, put: rows.extend(draws))
    monkeypatch.setattr("oneseed_torch.models.planning.plan_tensors", counted)
    initialize_(blocks, scheme, seed=7)
    assert {entry.name: entry.also for entry, _ in rows} == expected
    assert "0.self_attn.out_proj.bias" in planned
    assert "2.self_attn.out_proj.bias" not in planned
    monkeypatch.undo()
    check(blocks, scheme)
