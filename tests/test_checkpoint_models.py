"""Whole models as files: equal to those that are initialized in memory, and loaded by whoever loads models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

import oneseed
from oneseed import Rule, Scheme, checkpoint
from oneseed.testing import assert_same_model

SCHEME = Scheme(
    [
        Rule("*norm*.weight", "ones"),
        Rule("*ln_*.weight", "ones"),
        Rule("*bias", "zeros"),
        Rule("*", oneseed.initializers.RandomNormal(stddev=0.02)),
    ]
)

LLAMA = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 200}
CONFIGS = {
    "gpt2": {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        **{"n_layer": 3, "n_embd": 48, "n_head": 4, "vocab_size": 200, "n_positions": 32},
        **{"bos_token_id": 0, "eos_token_id": 0},
    },
    "tied llama": {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        **{**LLAMA, "intermediate_size": 80, "num_key_value_heads": 2, "tie_word_embeddings": True},
    },
    "mixture of experts": {
        "model_type": "mixtral",
        "architectures": ["MixtralForCausalLM"],
        **{
            **LLAMA,
            "intermediate_size": 40,
            "num_key_value_heads": 2,
            "num_local_experts": 4,
            "torch_dtype": "bfloat16",
        },
    },
}

torch_models = pytest.mark.skipif(
    not (installed("torch") and installed("transformers")), reason="torch or transformers is not installed"
)


@pytest.fixture
def config(tmp_path, request):
    """Write the config.json of a model; return its path and what it holds."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIGS[request.param]))
    (tmp_path / "scheme.json").write_text(SCHEME.to_json())
    return folder / "config.json", CONFIGS[request.param]


@torch_models
@pytest.mark.filterwarnings("ignore:Buffers on the meta device")  # rotary tables, which the library computes itself
@pytest.mark.parametrize("config", CONFIGS, indirect=True)
@pytest.mark.parametrize("size", ["5GB", "60kB"])
def test_a_configuration_becomes_a_model_that_transformers_loads(tmp_path, run, config, size):
    import torch
    import transformers
    from safetensors.torch import load_file

    import oneseed_torch

    path, data = config
    out = tmp_path / "out"
    arguments = ("init", path, "--scheme", tmp_path / "scheme.json", "--seed", 7, "--out", out, "--shard-size", size)
    status, printed, err = run(*arguments, "--json")
    assert (status, err) == (0, "")
    assert json.loads(printed)["complete"]
    cls = getattr(transformers, data["architectures"][0])
    dtype = getattr(torch, data.get("torch_dtype", "float32"))
    with torch.device("meta"):
        model = cls._from_config(transformers.CONFIG_MAPPING[data["model_type"]].from_dict(dict(data)), dtype=dtype)
    model.tie_weights()
    oneseed_torch.initialize_(model, SCHEME, seed=7, device="cpu")
    expected = dict(model.named_parameters())
    found = {}
    for file in out.glob("*.safetensors"):
        found |= load_file(file)
    assert {name: its.dtype for name, its in found.items()} == {name: its.dtype for name, its in expected.items()}
    assert_same_model(expected, found)
    loaded, info = cls.from_pretrained(out, output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    assert_same_model(expected, dict(loaded.named_parameters()))
    assert loaded.dtype == dtype
    if data.get("tie_word_embeddings", data["model_type"] == "gpt2"):
        assert loaded.get_output_embeddings().weight is loaded.get_input_embeddings().weight
        assert "lm_head.weight" not in found
    prints = {row["name"]: row["fingerprint"] for row in json.loads((out / "oneseed.json").read_text())["parameters"]}
    axes = oneseed_torch.axes_of(model)
    assert prints == {name: oneseed.fingerprint(its, axes.get(name)) for name, its in expected.items()}
    assert run("verify", out)[0] == 0
    # The same from a folder of parts, in another dtype.
    half = tmp_path / "half"
    assert run(*arguments[:-4], "--out", half, "--dtype", "float16", "--part", "1/1")[0] == 0
    assert cls.from_pretrained(half).dtype == torch.float16


@torch_models
@pytest.mark.parametrize("config", ["gpt2"], indirect=True)
def test_a_model_s_own_initialization(tmp_path, run, config):
    import transformers

    import oneseed_torch

    path, data = config
    out = tmp_path / "out"
    assert run("init", path, "--scheme", "own", "--seed", 7, "--out", out)[0] == 0
    assert run("verify", out)[0] == 0
    settings = transformers.GPT2Config.from_dict(dict(data))
    scheme = oneseed_torch.recorded_scheme(lambda: transformers.GPT2LMHeadModel(settings))
    model = oneseed_torch.initialize_(transformers.GPT2LMHeadModel(settings), scheme, seed=7)
    loaded = transformers.GPT2LMHeadModel.from_pretrained(out)
    assert_same_model(dict(model.named_parameters()), dict(loaded.named_parameters()))


@torch_models
@pytest.mark.parametrize("config", ["gpt2"], indirect=True)
def test_a_configuration_that_is_there_is_never_written_over(tmp_path, run, config):
    path, _ = config
    before = path.read_bytes()
    arguments = ("init", path, "--scheme", tmp_path / "scheme.json", "--seed", 7, "--out")
    status, _, err = run(*arguments, path.parent)
    assert (status, os.listdir(path.parent), path.read_bytes()) == (2, ["config.json"], before)
    assert "--out has another config.json" in err
    (tmp_path / "other" / "config.json").mkdir(parents=True)
    assert run(*arguments, tmp_path / "other")[0] == 2
    assert os.listdir(tmp_path / "other") == ["config.json"]
    assert run(*arguments, tmp_path / "out")[0] == 0
    assert run(*arguments, tmp_path / "out", "--resume")[0] == 0  # which has the same one


@torch_models
@pytest.mark.parametrize("config", ["gpt2"], indirect=True)
def test_configurations_that_are_refused(tmp_path, run, config):
    path, data = config
    for change, said in (
        ({"model_type": "gpt9"}, "must have the 'model_type' of a model"),
        ({"model_type": None, "auto_map": {"AutoModel": "evil.Evil"}}, "code of its own, which is never run"),
        ({"architectures": ["os"]}, "must have 'architectures'"),
        ({"architectures": ["AutoModel"]}, "must have 'architectures'"),
        ({"architectures": ["GPT2LMHeadModel", "GPT2Model"]}, "must have 'architectures'"),
        ({"architectures": None}, "must have 'architectures'"),
        ({"architectures": ["LlamaForCausalLM"]}, "cannot be built as LlamaForCausalLM"),
        ({"n_embd": 7}, "cannot be built as GPT2LMHeadModel"),
        ({"torch_dtype": "int8"}, "must have a float dtype"),
        ({"torch_dtype": "float31"}, "float32"),
    ):
        path.write_text(json.dumps({**data, **change}))
        out = tmp_path / "out"
        status, _, err = run("init", path, "--scheme", tmp_path / "scheme.json", "--seed", 7, "--out", out)
        assert (status, len(err.splitlines())) == (2, 1), err
        assert said in err
        assert not out.exists()


@pytest.mark.skipif(not installed("torch"), reason="torch is not installed")
def test_a_module_of_float8_and_complex_tensors(tmp_path):
    import torch
    from safetensors.torch import load_file, load_model

    import oneseed_torch

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.small = torch.nn.Parameter(torch.empty(40, 24, dtype=torch.float8_e4m3fn), requires_grad=False)
            self.wide = torch.nn.Parameter(torch.empty(7, 9, dtype=torch.float8_e5m2), requires_grad=False)
            self.waves = torch.nn.Parameter(torch.empty(8, 6, dtype=torch.complex64))
            self.conv = torch.nn.Conv2d(4, 8, 3, dtype=torch.bfloat16)
            self.embed = torch.nn.Embedding(20, 8)
            self.head = torch.nn.Linear(8, 20, bias=False)
            self.head.weight = self.embed.weight

    with torch.device("meta"):
        model = Odd()
    scheme = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])
    checkpoint.write(oneseed_torch.plan_of(model, scheme), 7, tmp_path, shard_size=1000)
    oneseed_torch.initialize_(model, scheme, seed=7, device="cpu")
    found = {}
    for file in tmp_path.glob("*.safetensors"):
        found |= load_file(file)
    assert found.keys() == dict(model.named_parameters()).keys()
    for name, parameter in model.named_parameters():
        assert found[name].dtype == parameter.dtype
        assert found[name].shape == parameter.shape
        assert torch.equal(found[name].view(torch.uint8), parameter.detach().contiguous().view(torch.uint8)), name
    assert checkpoint.verify(tmp_path) is None
    # A library that loads one file knows ties.
    one = tmp_path / "one"
    checkpoint.write(oneseed_torch.plan_of(model, scheme), 7, one)
    other = Odd()
    load_model(other, one / "model.safetensors")
    assert torch.equal(other.head.weight, model.embed.weight)
    assert other.head.weight is other.embed.weight


PORTS = {"torch": ("torch", "transformers"), "jax": ("jax", "flax"), "keras": ("keras", "jax")}


def test_ports_of_one_model_have_one_fingerprint_for_each_parameter(tmp_path):
    tool = Path(__file__).parent / "tools" / "checkpoint_ports.py"
    found = {}
    for kind, needs in PORTS.items():
        if not all(map(installed, needs)):
            continue
        out = tmp_path / kind
        done = subprocess.run(
            [sys.executable, str(tool), kind, str(out)],
            capture_output=True,
            text=True,
            env={**os.environ, "KERAS_BACKEND": "jax"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert checkpoint.verify(out) is None
        rows = json.loads((out / "oneseed.json").read_text())["parameters"]
        found[kind] = {row["logical"]: row["fingerprint"] for row in rows}
        assert len(found[kind]) == 12 * 12 + 4
    if len(found) < 2:
        pytest.skip("one framework alone has nothing to be compared with")
    assert all(prints == next(iter(found.values())) for prints in found.values())


@pytest.mark.skipif(not installed("flax"), reason="flax is not installed")
def test_flax_loads_the_files(tmp_path):
    import jax
    from flax import nnx
    from safetensors.flax import load_file

    import oneseed_jax

    scheme = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])

    def build():
        return nnx.Sequential(nnx.Linear(8, 16, rngs=nnx.Rngs(0)), nnx.Linear(16, 4, rngs=nnx.Rngs(0)))

    abstract = nnx.eval_shape(build)
    checkpoint.write(oneseed_jax.plan_of(abstract, scheme), 7, tmp_path, format="flax")
    made = nnx.state(oneseed_jax.initialize(abstract, scheme, seed=7))
    loaded = load_file(tmp_path / "model.safetensors")
    leaves = jax.tree_util.tree_flatten_with_path(made)[0]
    assert len(leaves) == len(loaded)
    for path, leaf in leaves:
        name = "/".join(str(key.key) for key in path if hasattr(key, "key"))
        assert (loaded[name] == leaf).all(), name
