"""PyTorch modules initialized in place: on every way to build one, and what must not change."""

import runpy
import signal
import warnings
from pathlib import Path

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import numpy as np
import torch
from torch import nn

import oneseed
import oneseed_torch
import oneseed_torch.models.filling
import oneseed_torch.models.modules
from oneseed import KEEP, Rule, Scheme
from oneseed.initializers import HeNormal, Orthogonal
from oneseed.testing import assert_same_model
from oneseed_torch import axes_of, default_scheme, initialize_

SCHEME = Scheme(
    [Rule("*norm.*", "ones"), Rule("again.*", "ones"), Rule("*bias*", "zeros"), Rule("*weight*", "he_normal")]
)


class Model(nn.Module):
    """Tied twice, once under a name of a module that is there twice; one parameter is frozen."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.rnn = nn.LSTM(6, 6)
        self.conv = nn.Conv2d(4, 8, 3, groups=2)
        self.norm = nn.LayerNorm(6)
        self.again = self.norm
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embed.weight
        self.conv.weight.requires_grad_(False)
        self.register_buffer("steps", torch.arange(3))

    def forward(self, tokens):
        return self.head(self.again(self.rnn(self.embed(tokens))[0]))


def on_meta(build):
    with torch.device("meta"):
        return build()


def same(a, b):
    assert_same_model(dict(a.named_parameters()), dict(b.named_parameters()))


def quietly(module, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of buffers on the meta device
        return initialize_(module, *arguments, **named)


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_each_parameter_gets_the_initializers_values_in_place(dtype):
    model = Model().to(dtype)
    before = {name: (parameter, parameter.data_ptr()) for name, parameter in model.named_parameters()}
    assert initialize_(model, SCHEME, seed=7) is model
    for name, parameter in model.named_parameters():
        assert (parameter, parameter.data_ptr()) == before[name]
        assert parameter.dtype is dtype
    expected = HeNormal(seed=7)((8, 2, 3, 3), str(dtype)[6:], axes="o i h w", path="conv.weight", backend="torch")
    assert torch.equal(model.conv.weight, expected)
    assert model.norm.weight.eq(1).all()
    assert model.rnn.bias_hh_l0.eq(0).all()


def test_strides_stay():
    conv = nn.Conv2d(4, 8, 3).to(memory_format=torch.channels_last)
    strides = conv.weight.stride()
    initialize_(conv, SCHEME, seed=7)
    assert conv.weight.stride() == strides
    same(conv, initialize_(nn.Conv2d(4, 8, 3), SCHEME, seed=7))
    conv.to("meta")
    same(initialize_(conv, SCHEME, seed=7, device="cpu"), initialize_(nn.Conv2d(4, 8, 3), SCHEME, seed=7))
    assert conv.weight.stride() == strides


def test_layers_added_removed_or_reordered_change_no_other_parameter():
    def build(*names):
        return nn.ModuleDict({name: nn.Linear(5, 5) for name in names})

    whole = dict(initialize_(build("a", "b", "c"), SCHEME, seed=7).named_parameters())
    for names in (("c", "b", "a"), ("b",), ("x", "c", "y", "a")):
        other = dict(initialize_(build(*names), SCHEME, seed=7).named_parameters())
        for name in whole.keys() & other.keys():
            assert torch.equal(whole[name], other[name])
    assert not torch.equal(whole["a.weight"], whole["b.weight"])


def test_any_integer_is_a_seed():
    same(initialize_(nn.Linear(3, 2), SCHEME, seed=np.uint8(7)), initialize_(nn.Linear(3, 2), SCHEME, seed=7))


def test_names_decide_the_streams():
    first, second = nn.Linear(5, 4), nn.Sequential(nn.Linear(5, 4))
    initialize_(first, SCHEME, seed=7, names={"weight": "fc.weight", "bias": "fc.bias"})
    initialize_(second, SCHEME, seed=7, names=[("^0", "fc")])
    assert torch.equal(first.weight, second[0].weight)
    assert torch.equal(first.weight, HeNormal(seed=7)((4, 5), axes="o i", path="fc.weight", backend="torch"))


# The meta device ------------------------------------------------------------------------------------------------------


def test_a_module_on_the_meta_device_is_made_once(monkeypatch):
    model = on_meta(Model)
    model.embed.weight.note = "kept"
    made = []
    empty = oneseed_torch.models.filling._empty
    monkeypatch.setattr(oneseed_torch.models.filling, "_empty", lambda *args: made.append(args) or empty(*args))
    with pytest.warns(UserWarning, match="are left alone.*: steps"):
        initialize_(model, SCHEME, seed=7, device="cpu")
    assert len(made) == len(list(model.parameters())) == 9
    same(model, initialize_(Model(), SCHEME, seed=7))
    assert model.head.weight is model.embed.weight
    assert model.again.weight is model.norm.weight
    assert type(model.embed.weight) is nn.Parameter
    assert model.embed.weight.note == "kept"
    assert [name for name, parameter in model.named_parameters() if not parameter.requires_grad] == ["conv.weight"]
    assert model.steps.is_meta
    model(torch.tensor([[1, 2]])).sum().backward()  # the LSTM looks at its new weights
    assert model.embed.weight.grad is not None


def test_a_parameter_of_a_class_of_its_own_stays_one():
    class Special(nn.Parameter):
        pass

    module = nn.Module()
    module.weight = Special(torch.empty(2, 3, device="meta"))
    initialize_(module, SCHEME, seed=7, device="cpu")
    assert type(module.weight) is Special
    assert module.weight.requires_grad
    assert module.weight.is_leaf


def test_the_default_device_is_where_they_are_made():
    module = on_meta(lambda: nn.Linear(2, 3))
    with torch.device("meta"), pytest.raises(ValueError, match="`device` must be one that holds values"):
        initialize_(module, SCHEME, seed=7)
    assert initialize_(module, SCHEME, seed=7).weight.device.type == "cpu"


@pytest.mark.parametrize("build", [lambda: nn.Linear(4, 3), lambda: on_meta(lambda: nn.Linear(4, 3))])
def test_a_rules_dtype(build):
    scheme = Scheme([Rule("weight", Orthogonal(), dtype="float64"), Rule("bias", "zeros")])
    module = build()
    weight = module.weight
    initialize_(module, scheme, seed=7, device="cpu")
    assert (module.weight.dtype, module.bias.dtype) == (torch.float64, torch.float32)
    assert (module.weight is weight) == (not weight.is_meta)
    expected = Orthogonal(seed=7)((3, 4), "float64", axes="o i", path="weight", backend="torch")
    assert torch.equal(module.weight, expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda(dtype):
    expected = initialize_(Model().to(dtype), SCHEME, seed=7)
    there = initialize_(Model().to(dtype).cuda(), SCHEME, seed=7)
    made = quietly(on_meta(Model).to(dtype), SCHEME, seed=7, device="cuda")
    for module in (there, made):
        assert all(parameter.is_cuda for parameter in module.parameters())
        same(module, expected)


# Refusals and interruption --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "arguments", "error", "message"),
    [
        (lambda: nn.Linear(2, 2), {"scheme": Scheme([])}, ValueError, "no rule for weight, bias"),
        (lambda: nn.Linear(2, 2), {"scheme": None}, TypeError, "`scheme` must be a oneseed.Scheme"),
        (lambda: nn.Linear(2, 2), {"seed": None}, TypeError, "`seed` must be an integer"),
        (lambda: nn.Linear(2, 2), {"seed": torch.tensor(1)}, TypeError, "`seed` must be an integer"),
        (lambda: nn.Linear(2, 2), {"axes": {"wait": "o i"}}, ValueError, "`axes` must name parameters"),
        (lambda: nn.Linear(2, 2), {"axes": {"weight": "o i h"}}, ValueError, "'weight' cannot be filled by rule"),
        (lambda: nn.Linear(2, 2), {"device": "nowhere"}, ValueError, "`device` must be None or name"),
        (lambda: nn.Linear(2, 2), {"device": "meta"}, ValueError, "others stay where they are"),
        (lambda: nn.LazyLinear(2), {}, ValueError, "that of a lazy module's parameter is known after"),
        (lambda: on_meta(lambda: nn.Linear(2, 2)), {"scheme": Scheme([], KEEP)}, ValueError, "KEEP for weight, bias"),
        (lambda: torch.zeros(3), {}, TypeError, "`module` must be a torch.nn.Module"),
        (
            lambda: nn.ParameterDict({"a_weight": torch.zeros(2, 2), "n": nn.Parameter(torch.zeros(2).int(), False)}),
            {"scheme": Scheme([Rule("n", "he_normal"), Rule("*", "ones")])},
            ValueError,
            "'n' cannot be filled by rule 'n'",
        ),
    ],
)
def test_refused_before_anything_is_drawn(build, arguments, error, message):
    module = build()
    before = module.state_dict().copy() if isinstance(module, nn.Module) else None
    versions = [parameter._version for parameter in module.parameters()] if before else None
    with pytest.raises(error, match=message):
        initialize_(module, **{"scheme": SCHEME, "seed": 7, **arguments})
    if before:
        assert [parameter._version for parameter in module.parameters()] == versions
        assert list(module.state_dict()) == list(before)


@pytest.mark.parametrize("build", [nn.Linear, lambda *sizes: on_meta(lambda: nn.Linear(*sizes))])
@pytest.mark.usefixtures("interruptible")
@pytest.mark.filterwarnings("ignore:The seed of the scheme does not reach")
def test_ctrl_c_leaves_old_or_new_values(build):
    module = nn.Sequential(build(3, 3), build(3, 3))
    old = module[1].weight

    def interrupted(shape, dtype):
        signal.raise_signal(signal.SIGINT)
        return torch.ones(shape)

    scheme = Scheme([Rule("0.weight", "ones"), Rule("0.bias", interrupted), Rule("*", "zeros")])
    with pytest.raises(KeyboardInterrupt) as caught:
        initialize_(module, scheme, seed=7, device="cpu")
    notes = "Initialized before: 0.weight, 0.bias (2). Not initialized: 1.weight, 1.bias (2)."
    assert caught.value.__notes__ == [notes]
    assert module[0].weight.eq(1).all()
    assert module[0].bias.eq(1).all()
    assert module[1].weight is old
    assert old.is_meta or old.ne(0).any()


# Axes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Linear(2, 3), {"weight": "o i"}),
        (nn.Conv1d(4, 6, 3), {"weight": "o i w"}),
        (nn.Conv3d(4, 6, 3, groups=2), {"weight": "o i d h w"}),
        (nn.Conv2d(4, 4, 3, groups=4), {"weight": "g i h w"}),
        (nn.Conv2d(4, 8, 3, groups=4), {"weight": "o i h w"}),
        (nn.ConvTranspose2d(4, 6, 3), {"weight": "i o h w"}),
        (nn.ConvTranspose1d(4, 4, 3, groups=4), {"weight": "g o w"}),
        (nn.Embedding(4, 2), {"weight": "b o"}),
        (nn.EmbeddingBag(4, 2), {"weight": "b o"}),
        (nn.Bilinear(2, 3, 4), {"weight": "o i1 i2"}),
        (nn.MultiheadAttention(4, 2), {"in_proj_weight": "o i", "out_proj.weight": "o i"}),
        (
            nn.MultiheadAttention(4, 2, kdim=3, vdim=2, add_bias_kv=True),
            {
                **{f"{name}_proj_weight": "o i" for name in "qkv"},
                "bias_k": "b0 b1 o",
                "bias_v": "b0 b1 o",
                "out_proj.weight": "o i",
            },
        ),
        (nn.GRU(2, 3, bidirectional=True), {f"weight_{k}h_l0{d}": "o i" for d in ("", "_reverse") for k in "ih"}),
        (nn.LSTMCell(2, 3), {"weight_ih": "o i", "weight_hh": "o i"}),
        (nn.LayerNorm((2, 3)), {"weight": "b0 o", "bias": "b0 o"}),
        (nn.BatchNorm2d(3), {}),
        (nn.ParameterDict({"mine": torch.zeros(2, 3, 4)}), {"mine": "o i s0"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_axes_of(layer, expected):
    assert axes_of(layer) == expected


def test_fans_of_grouped_convolutions():
    for layer in (nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(4, 8, 3, groups=2)):
        entry = Scheme([], "he_normal").plan({"weight": layer.weight}, axes=axes_of(layer))[0]
        assert entry.fan_in == layer.in_channels // layer.groups * 9


# What constructors do -------------------------------------------------------------------------------------------------

LAYERS = {
    "linear": lambda: nn.Linear(300, 400),
    "conv": lambda: nn.Conv2d(30, 60, 3, groups=3),
    "transposed": lambda: nn.ConvTranspose1d(60, 30, 5, groups=3),
    "bilinear": lambda: nn.Bilinear(50, 20, 30),
    "embedding": lambda: nn.Embedding(300, 40, padding_idx=3),
    "bag": lambda: nn.EmbeddingBag(300, 40),
    "lstm": lambda: nn.LSTM(70, 90, num_layers=2, proj_size=30, bidirectional=True),
    "cell": lambda: nn.GRUCell(70, 90),
    "attention": lambda: nn.MultiheadAttention(120, 4, add_bias_kv=True),
    "attention of three": lambda: nn.MultiheadAttention(120, 4, kdim=70, vdim=90),
    "transformer": lambda: nn.Transformer(64, 2, 1, 1, 128, batch_first=True),
    "norms": lambda: nn.Sequential(nn.LayerNorm(5), nn.BatchNorm1d(5), nn.GroupNorm(1, 5), nn.RMSNorm(5)),
    "prelu": lambda: nn.PReLU(3, init=0.1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_default_scheme_is_what_constructors_draw_from(name):
    """Bounds hold for every value, and the standard deviation within six standard errors, in ours and PyTorch's."""
    torch.manual_seed(3)
    theirs = LAYERS[name]()
    scheme = default_scheme(theirs)
    plan = oneseed_torch.models.modules.plan_of(theirs, scheme)
    ours = initialize_(LAYERS[name](), scheme, seed=3)
    assert not plan.unmatched
    for entry in plan:
        for model in (theirs, ours):
            values = model.state_dict()[entry.name].double()
            if entry.distribution.name == "uniform":
                limit = entry.distribution.limit
                assert values.abs().max() <= limit * (1 + 1e-6)
                # That all of n values are below a share q of the limit has the chance q**n.
                assert values.abs().max() > limit * 1e-12 ** (1 / values.numel())
            elif entry.distribution.name == "constant":
                assert values.eq(entry.distribution.scalar(entry.dtype).item()).all()
            elif entry.distribution.name == "normal":
                assert values.square().mean().sqrt() == pytest.approx(entry.stddev, rel=6 / (2 * values.numel()) ** 0.5)
            else:  # an embedding with a row for padding
                assert entry.distribution.name == "overlaid"
                assert values[3].eq(0).all()
                assert values.std() == pytest.approx((299 / 300) ** 0.5, rel=6 / (2 * values.numel()) ** 0.5)


# Models of others -----------------------------------------------------------------------------------------------------


def gpt2():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=200, n_positions=32, n_embd=64, n_layer=3, n_head=4)
    return transformers.GPT2LMHeadModel(config)


def test_gpt2_on_the_meta_device():
    scheme = oneseed.schemes.gpt2(layers=3)
    model = quietly(on_meta(gpt2), scheme, seed=7, device="cpu")
    same(model, initialize_(gpt2(), scheme, seed=7))
    assert model.lm_head.weight is model.transformer.wte.weight
    assert axes_of(model)["transformer.h.0.attn.c_attn.weight"] == "i o"
    plan = oneseed_torch.models.modules.plan_of(model, scheme)
    assert plan["lm_head.weight"].name == "transformer.wte.weight"
    assert not plan.unmatched
    assert not plan.ambiguous


def test_gpt2s_scheme_is_transformers_own():
    model = gpt2()
    for entry in oneseed_torch.models.modules.plan_of(model, oneseed.schemes.gpt2(layers=3)):
        values = model.get_parameter(entry.name).detach().double()
        if entry.distribution.name == "constant":
            assert values.eq(entry.distribution.value).all()
        else:
            assert values.std() == pytest.approx(entry.stddev, rel=6 / (2 * values.numel()) ** 0.5)


def test_llama_on_the_meta_device():
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=100, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4
    )
    model = on_meta(lambda: transformers.LlamaForCausalLM(config))
    plan = oneseed_torch.models.modules.plan_of(model, oneseed.schemes.llama(layers=2, width=64))
    stddevs = {entry.name: entry.stddev for entry in plan}
    assert not plan.unmatched
    assert not plan.ambiguous
    assert stddevs["model.layers.1.self_attn.o_proj.weight"] == 0.01
    assert stddevs["model.layers.0.mlp.gate_proj.weight"] == 0.02
    assert not oneseed_torch.models.modules.plan_of(model, oneseed.schemes.mup()).unmatched
    quietly(model, oneseed.schemes.llama(layers=2, width=64), seed=7, device="cpu")
    assert not any(parameter.is_meta for parameter in model.parameters())


# Several processes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_each_rank_fills_its_part(run_ranks, ranks):
    """Modules sharded by fully_shard, with values and on the meta device."""
    run_ranks("torch_module_ranks.py", ranks)


def test_the_example_runs(capsys):
    runpy.run_path(str(Path(__file__).parents[1] / "examples" / "torch_model.py"), run_name="__main__")
    assert "no rule for blocks.0.up.weight" in capsys.readouterr().out
