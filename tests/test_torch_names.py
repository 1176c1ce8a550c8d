"""Logical names and axes of PyTorch's modules, however they are wrapped, parametrized, scripted, or cut into stages."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torch.optim.swa_utils import AveragedModel

from oneseed import KEEP, Rule, Scheme
from oneseed_torch import axes_of, default_scheme, initialize_, recorded_scheme
from oneseed_torch.models.modules import plan_of
from oneseed_torch.models.tree import held

RULES = Scheme([Rule("emb.weight", "ones"), Rule("*bias", "zeros"), Rule("*", "he_normal")])


def build():
    return nn.ModuleDict(
        {"emb": nn.Embedding(8, 4), "body": nn.Sequential(nn.Linear(4, 4), nn.Conv1d(4, 4, 3, groups=4))}
    )


def inside(wrap):
    model = build()
    model["body"][0] = wrap(model["body"][0])
    return model


WRAPPED = {
    "compiled": lambda: torch.compile(build()),
    "compiled inside": lambda: inside(torch.compile),
    "checkpointed": lambda: checkpoint_wrapper(build()),
    "checkpointed inside": lambda: inside(checkpoint_wrapper),
    "parallel": lambda: nn.DataParallel(build()),
    "averaged": lambda: AveragedModel(build()),
    "compiled, checkpointed, parallel": lambda: torch.compile(nn.DataParallel(inside(checkpoint_wrapper))),
}


QUIET = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # importing the compiler warns


@QUIET
@pytest.mark.parametrize("scheme", [lambda module: RULES, default_scheme], ids=["rules", "default"])
@pytest.mark.parametrize("wrap", WRAPPED)
def test_wrappers_change_no_weight(wrap, scheme):
    plain, wrapped = build(), WRAPPED[wrap]()
    initialize_(plain, scheme(plain), seed=7)
    initialize_(wrapped, scheme(wrapped), seed=7)
    for (name, one), other in zip(plain.named_parameters(), wrapped.parameters(), strict=True):
        assert torch.equal(one, other), name
    assert [one.names[0] for one in held(wrapped)] == [name for name, _ in wrapped.named_parameters()]
    assert set(axes_of(wrapped)) <= dict(wrapped.named_parameters()).keys()


def test_a_module_of_that_name_is_no_wrapper():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(2, 2)

    assert [one.logical for one in held(Mine())] == [("module.weight",), ("module.bias",)]


@QUIET
def test_names_and_axes_may_be_given_with_the_wrappers_names_or_without():
    for prefix in ("", "_orig_mod."):
        module = torch.compile(nn.Linear(3, 5))
        plan = plan_of(module, RULES, {f"{prefix}weight": "fc.weight"}, {f"{prefix}weight": "i o"})
        assert (plan[0].logical, plan[0].fan_in, plan["_orig_mod.bias"].logical) == ("fc.weight", 5, "bias")
    plan = plan_of(torch.compile(nn.Linear(3, 5)), RULES, [("^", "fc.")])
    assert [entry.logical for entry in plan] == ["fc.weight", "fc.bias"]


# What makes a weight --------------------------------------------------------------------------------------------------

MAKERS = {
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "spectral norm": parametrizations.spectral_norm,
    "spectral norm of before": spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "weight norm": parametrizations.weight_norm,
    "weight norm of before": weight_norm,
}
LAYERS = {
    "linear": lambda: nn.Linear(6, 4),
    "transposed": lambda: nn.ConvTranspose2d(6, 4, 3),
    "depthwise": lambda: nn.Conv2d(6, 6, 3, groups=6),
    "embedding": lambda: nn.Embedding(6, 4),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("maker", MAKERS)
def test_what_makes_a_weight_has_its_name_axes_and_fans(maker, layer):
    plain, made = LAYERS[layer](), MAKERS[maker](LAYERS[layer]())
    scheme = Scheme([Rule("bias", "zeros"), Rule("weight", "he_normal")], otherwise=KEEP)
    want = plan_of(plain, scheme)["weight"]
    (entry,) = [entry for entry in plan_of(made, scheme) if entry.logical == "weight"]
    assert (entry.shape, entry.axes, entry.fan_in, entry.fan_out) == (want.shape, want.axes, want.fan_in, want.fan_out)
    initialize_(plain, scheme, seed=7)
    initialize_(made, scheme, seed=7)
    assert torch.equal(made.get_parameter(entry.name), plain.weight)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
@pytest.mark.parametrize("norm", [parametrizations.weight_norm, weight_norm])
@pytest.mark.parametrize(
    ("layer", "more"),
    [
        (lambda: nn.Linear(64, 32), {}),
        (lambda: nn.ConvTranspose1d(64, 32, 3), {}),
        (lambda: nn.Linear(64, 32), {"dim": None}),
        (lambda: nn.Linear(64, 32), {"dim": 1}),
    ],
    ids=["linear", "transposed", "one norm", "columns"],
)
def test_the_default_of_weight_norm_is_the_constructors_weight(norm, layer, more):
    plain, made = layer(), norm(layer(), **more)
    initialize_(plain, default_scheme(plain), seed=7)
    initialize_(made, default_scheme(made), seed=7)
    x = torch.randn(2, 64, 5) if isinstance(plain, nn.ConvTranspose1d) else torch.randn(2, 64)
    torch.testing.assert_close(made(x), plain(x))


@QUIET
@pytest.mark.parametrize("layer", LAYERS)
def test_scripted_layers_are_known(layer):
    plain, scripted = LAYERS[layer](), torch.jit.script(LAYERS[layer]())
    assert axes_of(scripted) == axes_of(plain)
    initialize_(plain, default_scheme(plain), seed=7)
    initialize_(scripted, default_scheme(scripted), seed=7)
    assert all(map(torch.equal, plain.parameters(), scripted.parameters()))


# Stages of pipelines --------------------------------------------------------------------------------------------------


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.attention = nn.Embedding(50, 8, padding_idx=3), nn.MultiheadAttention(8, 2)
        self.gru, self.conv = nn.GRU(8, 8, batch_first=True), nn.Conv1d(8, 8, 3, groups=8, padding=1)
        self.act, self.norm, self.head = nn.PReLU(), nn.BatchNorm1d(8), nn.Linear(8, 50)
        self.up, self.last = nn.ConvTranspose1d(8, 4, 3), nn.LayerNorm(50)

    def forward(self, tokens):
        x = self.emb(tokens)
        x = self.gru(self.attention(x, x, x)[0])[0]
        y = self.norm(self.act(self.conv(x.transpose(1, 2)))).transpose(1, 2)
        return self.last(self.head(y)), self.up(x.transpose(1, 2))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("default", [False, True])
def test_stages_get_the_weights_of_the_whole_model(default):
    from torch.distributed.pipelining import SplitPoint, pipeline

    rules = Scheme(
        [
            Rule("*bias*", "zeros"),
            Rule("*act*", "zeros"),
            Rule("*norm*", "ones"),
            Rule("last*", "ones"),
            Rule("*", "he_normal"),
        ]
    )
    whole = Layers()
    initialize_(whole, default_scheme(whole) if default else rules, seed=1)
    with torch.device("meta"):
        model, tokens = Layers(), torch.zeros(1, 4, dtype=torch.long)
    stages = pipeline(model, mb_args=(tokens,), split_spec={"head": SplitPoint.BEGINNING})
    count = 0
    for number in range(2):
        stage = stages.get_stage_module(number)
        scheme = default_scheme(stage) if default else rules
        initialize_(stage, scheme, seed=1, device="cpu")
        for name, tensor in (*stage.named_parameters(), *stage.named_buffers()):
            assert torch.equal(tensor, whole.state_dict()[name]), name
            count += 1
    assert count == len(whole.state_dict())


class Repeated(nn.Module):
    """A layer that is called in both stages, one that has two names, and a tied head."""

    def __init__(self):
        super().__init__()
        self.emb, self.norm = nn.Embedding(20, 8), nn.LayerNorm(8)
        self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
        self.again, self.head = self.layers[0], nn.Linear(8, 20, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, tokens):
        x = self.emb(tokens)
        for layer in self.layers:
            x = self.norm(layer(x))
        return self.head(self.again(x))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_stages_that_call_a_layer_again_get_its_weights(device):
    from torch.distributed.pipelining import SplitPoint, pipeline

    for scheme in (default_scheme(Repeated()), recorded_scheme(Repeated)):
        whole = initialize_(Repeated(), scheme, seed=1)
        with torch.device(device):
            model, tokens = Repeated(), torch.zeros(1, 4, dtype=torch.long)
        stages = pipeline(model, mb_args=(tokens,), split_spec={"layers.1": SplitPoint.BEGINNING})
        out = seen = torch.tensor([[1, 2, 3, 4]])
        for number in range(2):
            stage = initialize_(stages.get_stage_module(number), scheme, seed=1, device="cpu")
            for name, tensor in stage.named_parameters():
                assert torch.equal(tensor, whole.get_parameter(name.replace("@1", ""))), name
            out = stage(out)
        assert "norm@1.weight" in dict(stage.named_parameters(remove_duplicate=False))
        torch.testing.assert_close(out, whole(seen))


# Guesses --------------------------------------------------------------------------------------------------------------


class Experts(nn.Module):
    def __init__(self, gate_up, down, **facts):
        super().__init__()
        self.gate_up_proj, self.down_proj = nn.Parameter(torch.empty(gate_up)), nn.Parameter(torch.empty(down))
        vars(self).update(facts)


@pytest.mark.parametrize(
    ("layer", "fans"),
    [
        (Experts((4, 192, 64), (4, 64, 96)), (64, 96)),
        (Experts((4, 64, 192), (4, 96, 64)), (64, 96)),
        (Experts((4, 64, 64), (4, 64, 32), hidden_dim=64), None),
        (Experts((4, 64, 64), (4, 32, 64), is_transposed=True), (64, 32)),
        (Experts((4, 96, 64), (4, 64, 96), hidden_dim=64), (64, 96)),
    ],
    ids=["outputs first", "inputs first", "square", "square and told", "one width"],
)
def test_the_fans_of_experts_are_those_of_one(layer, fans):
    scheme = Scheme([Rule("*", "lecun_normal")])
    if fans is None:
        fans = (64, 32)  # the other weight tells
    assert tuple(entry.fan_in for entry in plan_of(layer, scheme)) == fans


def test_a_weight_of_an_unknown_class_needs_axes_for_fans():
    module = nn.Module()
    module.weight = nn.Parameter(torch.empty(2, 3, 4))
    with pytest.raises(ValueError, match="axes"):
        initialize_(module, Scheme([Rule("*", "he_normal")]), seed=7)
    initialize_(module, Scheme([Rule("*", "random_normal")]), seed=7)
    initialize_(module, Scheme([Rule("*", "he_normal")]), seed=7, axes={"weight": "e o i"})


# State, frozen parameters, ties ---------------------------------------------------------------------------------------


def test_running_statistics_are_made_again_from_the_meta_device_by_any_scheme():
    with torch.device("meta"):
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True))
    initialize_(
        model, Scheme([Rule("*bias", "zeros"), Rule("1.weight", "ones"), Rule("*", "he_normal")]), seed=7, device="cpu"
    )
    assert (model[1].running_var == 1).all()
    assert (model[2].running_mean == 0).all()
    assert model[1].num_batches_tracked == 0
    assert "running_mean" in dict(model[1].named_buffers())
    assert model(torch.ones(2, 3, 8, 8)).isfinite().all()


def test_rules_reach_buffers_where_they_say_so():
    model = nn.BatchNorm1d(4)
    initialize_(model, Scheme([Rule("*", "ones")]), seed=7)
    assert (model.running_mean == 0).all()
    initialize_(model, Scheme([Rule("*mean", "ones", state=True), Rule("*", "ones")]), seed=7)
    assert (model.running_mean == 1).all()


def test_frozen_parameters_keep_their_values_unless_a_rule_matches_and_are_made_on_the_meta_device():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[0].requires_grad_(False)
    want = model[0].weight.clone()
    initialize_(model, Scheme([Rule("1.*", "zeros")], otherwise="ones"), seed=1)
    assert torch.equal(model[0].weight, want)
    assert (model[1].weight == 0).all()
    initialize_(model, Scheme([Rule("0.weight", "zeros")], otherwise=KEEP), seed=1)
    assert (model[0].weight == 0).all()
    initialize_(model.to("meta"), Scheme([], otherwise="ones"), seed=1, device="cpu")
    assert (model[0].weight == 1).all()
    assert not model[0].weight.requires_grad


@pytest.mark.parametrize("head_first", [False, True])
def test_default_scheme_of_tied_layers_is_that_of_the_first(head_first):
    emb, head = nn.Embedding(64, 16), nn.Linear(16, 64)
    head.weight = emb.weight
    model = nn.ModuleDict({"head": head, "emb": emb} if head_first else {"emb": emb, "head": head})
    initialize_(model, default_scheme(model), seed=7)
    assert (emb.weight.abs().max() <= 0.25) == head_first
    assert head.weight is emb.weight
    assert head.bias.abs().max() <= 0.25
