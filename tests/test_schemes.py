"""Ready schemes: the numbers of their papers and code bases, and that they know every parameter of such a model."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

import oneseed
from oneseed import Parameter, Scheme, schemes
from oneseed.cli import main
from oneseed.cli.scheme_table import EXAMPLES, FUNCTIONS, build


def plan(scheme, **shapes):
    params = {name.replace("__", "."): Parameter(shape, "float32") for name, shape in shapes.items()}
    return {entry.name: entry for entry in scheme.plan(params)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_scheme_is_data(name):
    scheme = build(name, EXAMPLES.get(name, {}))
    assert Scheme.from_json(scheme.to_json()) == scheme
    assert Scheme.from_toml(scheme.to_toml()) == scheme
    assert scheme.otherwise is None
    with pytest.raises(ValueError, match=r"no rule for no\.such\.thing$"):
        scheme.plan({"no.such.thing": Parameter((2,), "float32")}).draws(7)


def test_gpt2():
    rows = plan(
        schemes.gpt2(layers=48),
        transformer__wte__weight=(10, 4),
        h__0__attn__c_proj__weight=(4, 4),
        h__11__mlp__c_proj__bias=(4,),
        h__0__ln_1__weight=(4,),
        transformer__ln_f__bias=(4,),
    )
    assert [row.stddev for row in rows.values()] == [0.02, pytest.approx(0.02 / math.sqrt(96)), 0, 0, 0]
    assert rows["h.0.ln_1.weight"].distribution.value == 1


def test_llama():
    shapes = {f"model__layers__{layer}__mlp__down_proj__weight": (4, 8) for layer in (0, 1, 10)}
    rows = plan(schemes.llama(layers=11, width=64, stddev=0.04), lm_head__weight=(9, 64), **shapes)
    # Cut at three standard deviations, a normal distribution keeps 0.98658 of its standard deviation.
    assert rows.pop("lm_head.weight").stddev == pytest.approx(0.125 * 0.986578, rel=1e-5)
    assert [row.stddev for row in rows.values()] == pytest.approx([0.04 / math.sqrt(2 * n) for n in (1, 2, 11)])
    assert not any(row.ambiguous for row in rows.values())


def test_llama_for_other_models():
    """Tied, with a row for padding, with norms that scale by 1 + weight."""
    table = {"model__embed_tokens__weight": (16, 64), "lm_head__weight": (16, 64)}
    rows = plan(schemes.llama(2, 64, tied=True), **table)
    assert [row.stddev for row in rows.values()] == [0.02] * 2
    tied = schemes.llama(2, 64, tied=True, padding=3)
    assert tied.match("model.embed_tokens.weight")[0].same_values(tied.match("lm_head.weight")[0])
    assert (
        not schemes.llama(2, 64)
        .match("embed_tokens.weight")[0]
        .same_values(schemes.llama(2, 64).match("lm_head.weight")[0])
    )
    table = oneseed.initializers.get(tied.match("lm_head.weight")[0].initializer)((5, 4))
    assert (table[3] == 0).all()
    assert table.std() > 0
    for scheme in (schemes.llama(2, 64, norms_from_zero=True), schemes.mup(norms_from_zero=True)):
        norms = plan(scheme, model__norm__weight=(4,), model__norm__bias=(4,))
        assert norms["model.norm.weight"].distribution.value == norms["model.norm.bias"].distribution.value == 0
    for wrong in ({"tied": 1}, {"norms_from_zero": None}, {"padding": "3"}):
        with pytest.raises(TypeError):
            schemes.llama(2, 64, **wrong)


def test_deepnorm():
    scheme = schemes.deepnorm(encoder_layers=4, decoder_layers=2)
    rows = plan(
        scheme,
        encoder__layers__0__fc1__weight=(6, 2),
        decoder__layers__1__encoder_attn__v_proj__weight=(4, 4),
        decoder__layers__1__self_attn__q_proj__weight=(4, 4),
        encoder__embed_tokens__weight=(50, 16),
        encoder__layers__0__final_layer_norm__weight=(4,),
    )
    encoder, decoder = 0.87 * (4**4 * 2) ** (-1 / 16), (12 * 2) ** -0.25
    expected = [encoder * math.sqrt(2 / 8), decoder * math.sqrt(2 / 8), math.sqrt(2 / 8), 0.25, 0]
    assert [row.stddev for row in rows.values()] == pytest.approx(expected)
    with pytest.raises(ValueError, match="`encoder_layers` or `decoder_layers` must be above 0"):
        schemes.deepnorm()


def test_mup():
    rows = plan(schemes.mup(16, 0.5), h__0__attn__c_attn__weight=(4, 4), wte__weight=(4, 4), lm_head__weight=(4, 4))
    assert [row.stddev for row in rows.values()] == [0.125, 0.5, 0.5]


VIT = {
    "cls_token": (1, 1, 12),
    "pos_embed": (1, 5, 12),
    "patch_embed__proj__weight": (12, 3, 4, 4),
    "patch_embed__proj__bias": (12,),
    "blocks__0__norm1__weight": (12,),
    "blocks__0__attn__qkv__weight": (36, 12),
    "blocks__0__attn__qkv__bias": (36,),
    "blocks__0__attn__proj__weight": (12, 12),
    "blocks__0__mlp__fc1__weight": (48, 12),
    "blocks__0__mlp__fc1__bias": (48,),
    "norm__bias": (12,),
    "head__weight": (10, 12),
    "head__bias": (10,),
}


@pytest.mark.parametrize(
    ("scheme", "stddevs"),
    [
        (
            schemes.vit_timm(patch_size=4),
            {"qkv.weight": 0.02, "fc1.weight": 0.02, "fc1.bias": 0, "head.weight": 0.02, "proj.bias": 1 / 12},
        ),
        (
            schemes.vit_jax(head_bias=-2.5),
            {
                "qkv.weight": math.sqrt(2 / 48),
                "fc1.weight": math.sqrt(2 / 60),
                "fc1.bias": 1e-6,
                "head.weight": 0,
                "patch_embed.proj.weight": math.sqrt(1 / 48),
            },
        ),
        (
            schemes.vit_moco(patch_size=4),
            {"attn.proj.weight": math.sqrt(2 / 24), "fc1.weight": math.sqrt(2 / 60), "fc1.bias": 0},
        ),
    ],
    ids=["timm", "jax", "moco"],
)
def test_vision_transformers(scheme, stddevs):
    rows = plan(scheme, **VIT)
    assert all(row.matched for row in rows.values())
    common = {"cls_token": 1e-6, "pos_embed": 0.02, "norm1.weight": 0, "norm.bias": 0, "qkv.bias": 0}
    for ending, stddev in {**common, **stddevs}.items():
        # The uniform default of the patch embedding, on +-1 / sqrt(48), has a standard deviation of 1 / 12.
        found = [row.stddev for name, row in rows.items() if name.endswith(ending)]
        assert found == [pytest.approx(stddev)], ending
    # Nothing is summed over in a position embedding: its elements lie row by row.
    draws = {entry.name: draw for entry, draw in scheme.plan({"pos_embed": Parameter((1, 5, 12), "float32")}).draws(7)}
    assert draws["pos_embed"].order == (0, 1, 2)


def test_moco_sees_query_key_and_value_apart():
    parts = plan(schemes.vit_moco(), **VIT)["blocks.0.attn.qkv.weight"].distribution.parts
    assert [part.distribution.limit for part in parts] == [pytest.approx(math.sqrt(6 / (36 // 3 + 12)))] * 3


def test_torch_refuses_what_is_no_layer():
    with pytest.raises(TypeError, match="`layers` must be a mapping from paths to Layer"):
        schemes.torch({"fc": "linear"})
    with pytest.raises(ValueError, match="Did you mean 'linear'"):
        schemes.torch({"fc": schemes.Layer("liner")})


def test_keras_is_what_keras_does():
    """Every variable of real layers, against the initializer that the layer itself has."""
    if not installed("keras"):
        pytest.skip("keras is not installed")
    tool = Path(__file__).parent / "tools" / "keras_defaults.py"
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run([sys.executable, str(tool)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > 25
    for path, shape, theirs, config, forget in rows:
        entry = schemes.keras().plan({path: Parameter(shape, "float32")})[0]
        assert entry.matched, path
        assert entry.ambiguous == forget  # an LSTM's bias is a bias too
        ours = entry.initializer
        if forget:
            assert type(ours).__name__ == "UnitForgetBias", path
            continue
        assert type(ours).__name__ == theirs, path
        mine = {**ours.get_config(), "seed": None}
        assert all(mine.get(key) == value for key, value in config.items() if key != "seed"), path


# The command ----------------------------------------------------------------------------------------------------------


def printed(capsys, *arguments, status=0):
    with pytest.raises(SystemExit) as stop:
        main(["schemes", *arguments])
    shown = capsys.readouterr()
    assert stop.value.code == status, shown.err
    return shown.err if status else shown.out


def test_the_command_lists_and_shows(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    rows = json.loads(printed(capsys, "--json"))
    assert [row["scheme"] for row in rows] == list(FUNCTIONS)
    assert all(row["what"] and row["from"] for row in rows)
    assert all(name in printed(capsys) for name in FUNCTIONS)
    text = printed(capsys, "gpt2", "--set", "layers=3", "--json")
    assert Scheme.from_json(text) == schemes.gpt2(layers=3)
    text = printed(capsys, "llama", "--set", "layers=1", "--set", "width=8", "--toml")
    assert Scheme.from_toml(text) == schemes.llama(1, 8)
    assert "lm_head" in printed(capsys, "gpt2")
    for name in EXAMPLES:
        assert printed(capsys, name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gtp2",), "Did you mean 'gpt2'"),
        (("gpt2", "--set", "lay=1"), "gpt2 has no argument lay; it takes layers, stddev."),
        (("gpt2", "--set", "layers"), "must be of the form argument=value"),
        (("gpt2", "--set", "layers=0"), "`layers` must lie in"),
        (("torch", "--set", "layers=3"), "`layers` must be a JSON object"),
        (("torch", "--set", "layer=3"), "Did you mean 'layers'"),
        (("torch", "--set", 'layers={"fc": 3}'), "an object with 'kind'. Received: \"fc\": 3"),
        (("torch", "--set", 'layers={"fc": {"kind": 3}}'), "an object with 'kind'"),
        (("torch", "--set", 'layers={"fc": "linear"}'), "must have a 'fan_in'"),
        (("torch", "--set", 'layers={"fc": {"kind": "recurrent"}}'), "must have a 'fan_in'"),
        (("torch", "--set", 'layers={"fc": {"kind": "linear", "fan_on": 3}}'), "Did you mean 'fan_in'"),
        (("torch", "--set", 'layers={"fc": {"kind": "linear", "fan_in": "3"}}'), "`fan_in` must be an integer"),
        (("torch", "--set", 'layers={"fc": {"kind": "linaer", "fan_in": 3}}'), "Did you mean 'linear'"),
        (("torch", "--set", 'layers={"e": {"kind": "embedding", "padding": 3}}'), "[ROW, ROWS]"),
        (("torch", "--set", 'layers={"e": {"kind": "embedding", "padding": [0, true]}}'), "[ROW, ROWS]"),
    ],
)
def test_the_command_refuses(capsys, arguments, message):
    assert message in printed(capsys, *arguments, status=2)


def test_the_command_takes_what_it_shows(capsys):
    shown = printed(capsys, "torch").splitlines()[1].removeprefix("with ")
    assert printed(capsys, "torch", "--set", shown) == printed(capsys, "torch")
    layers = {"fc": {"kind": "linear", "fan_in": 8}, "e": {"kind": "embedding", "padding": [0, 9]}, "n": "norm"}
    Layer = schemes.Layer
    scheme = schemes.torch({"fc": Layer("linear", 8), "e": Layer("embedding", padding=(0, 9)), "n": Layer("norm")})
    text = printed(capsys, "torch", "--set", f"layers={json.dumps(layers)}", "--json")
    assert Scheme.from_json(text) == scheme
    # The arguments are shown as in Python, which writes True and None.
    assert printed(capsys, "llama", "--set", "tied=True", "--set", "padding=None", "--json") == printed(
        capsys, "llama", "--set", "tied=true", "--set", "padding=null", "--json"
    )


def test_rules_can_be_put_before_a_ready_scheme():
    scheme = Scheme([oneseed.Rule("*.adapter.*", "zeros"), *schemes.gpt2().rules])
    assert plan(scheme, h__0__adapter__c_fc__weight=(2, 2))["h.0.adapter.c_fc.weight"].stddev == 0


def test_the_names_of_layers_are_no_patterns():
    scheme = oneseed.schemes.torch({"a*": oneseed.schemes.Layer("linear", 16), "b": oneseed.schemes.Layer("norm")})
    params = dict.fromkeys(("a*.weight", "a*.bias", "b.weight"), oneseed.Parameter((4, 4), "float32"))
    assert [entry.initializer.get_config() for entry in scheme.plan(params)][:2] == [{"seed": None, "fan_in": 16}] * 2
    for name in ("ab.weight", "bias", "weight", "a*.weights", "b.weight.b"):
        assert scheme.match(name) == (None, ())
