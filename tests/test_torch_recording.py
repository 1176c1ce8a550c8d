"""Schemes recorded from a model's own construction: what is recognised, what is refused, and that values are right."""

import copy
import json
import math
import random
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import numpy as np
import torch
from recordings import Made, N, weight, write
from torch import nn
from torch.nn import init
from torch.nn.utils import parametrizations

from oneseed import Scheme, fingerprint
from oneseed.host_arrays import to_numpy
from oneseed.initializers import (
    Computed,
    Constant,
    Orthogonal,
    Overlay,
    RandomNormal,
    RandomUniform,
    Sparse,
    TruncatedNormal,
)
from oneseed_torch import initialize_, recorded_scheme
from oneseed_torch.models.modules import plan_of
from oneseed_torch.models.recording import _run, record

# Recognised exactly ---------------------------------------------------------------------------------------------------

EXACT = {
    "normal": (lambda: init.normal_(weight(), 0.5, 0.02), RandomNormal(0.5, 0.02)),
    "uniform": (lambda: init.uniform_(weight(), -1.0, 2.0), RandomUniform(-1.0, 2.0)),
    "kaiming": (lambda: init.kaiming_uniform_(weight(), math.sqrt(5)), RandomUniform(-(N**-0.5), N**-0.5)),
    "truncated": (
        lambda: init.trunc_normal_(weight(), 0.0, 1.0, -1.0, 2.0),
        TruncatedNormal(0.0, 1.0, lower=-1.0, upper=2.0, bounds="absolute"),
    ),
    "bounds too far to meet": (lambda: init.trunc_normal_(weight(), std=0.02), RandomNormal(0.0, 0.02)),
    "orthogonal": (lambda: init.orthogonal_(weight(), 1.5), Orthogonal(1.5)),
    "sparse": (lambda: init.sparse_(weight(), 0.25, 0.1), Sparse(0.25, 0.1, per="input")),
    "constant": (lambda: init.constant_(weight(), 0.3), Constant(0.3)),
    "randn": (lambda: torch.randn(N, N), RandomNormal(0.0, 1.0)),
    "rand like": (lambda: torch.rand_like(weight()), RandomUniform(0.0, 1.0)),
    "torch.normal": (lambda: torch.normal(1.0, 2.0, (N, N)), RandomNormal(1.0, 2.0)),
    "scaled": (lambda: torch.randn(N, N) * 0.02, RandomNormal(0.0, 0.02)),
    "number first": (lambda: 1 - 2 * torch.rand(N, N), RandomUniform(-1.0, 1.0)),
    "shifted": (lambda: torch.rand(N, N).sub(0.5).div(2), RandomUniform(-0.25, 0.25)),
    "alpha": (lambda: torch.randn(N, N).add(3.0, alpha=2), RandomNormal(6.0, 1.0)),
    "negative": (lambda: -torch.rand(N, N), RandomUniform(-1.0, 0.0)),
    "clamped where nothing is": (
        lambda: torch.randn(N, N).clamp(-10, 10),
        TruncatedNormal(0.0, 1.0, lower=-10.0, upper=10.0, bounds="absolute"),
    ),
    "cast": (lambda: torch.randn(N, N).to(torch.bfloat16).float(), RandomNormal(0.0, 1.0)),
    "transposed": (lambda: torch.randn(N, N).t().contiguous(), RandomNormal(0.0, 1.0)),
    "data": (lambda: write(weight(), lambda w: w.data.normal_(0, 0.5)), RandomNormal(0.0, 0.5)),
    "twice": (lambda: init.normal_(init.uniform_(weight())), RandomNormal(0.0, 1.0)),
    "no width": (lambda: init.normal_(weight(), 0.5, 0.0), Constant(0.5)),
    "chunks of one distribution": (
        lambda: write(weight(), lambda w: [init.uniform_(chunk) for chunk in w.chunk(3)]),
        RandomUniform(0.0, 1.0),
    ),
    "torch.normal of tensors": (lambda: torch.normal(torch.ones(N, N), torch.tensor(2.0)), RandomNormal(1.0, 2.0)),
    "a distribution": (lambda: torch.distributions.Uniform(-1.0, 2.0).sample((N, N)), RandomUniform(-1.0, 2.0)),
    "joined": (lambda: torch.cat([torch.randn(N // 2, N), torch.randn(N // 2, N)]), RandomNormal(0.0, 1.0)),
}  # fmt: skip


def test_only_the_number_of_a_clamp_is_lost_where_it_cuts_nothing():
    scheme = recorded_scheme(lambda: Made(lambda: torch.rand(N, N).clamp(-3, 3)))
    assert scheme.match("w")[0].initializer.get_config() == RandomUniform(0.0, 1.0).get_config()


@pytest.mark.parametrize("name", EXACT)
def test_a_distribution_is_recognised_exactly(name):
    make, expected = EXACT[name]
    rule, _ = recorded_scheme(lambda: Made(make)).match("w")
    found, wanted = rule.initializer, expected
    assert type(found) is type(wanted)
    for key, value in wanted.get_config().items():
        assert found.get_config()[key] == (pytest.approx(value) if isinstance(value, float) else value), key
    assert "test_torch_recording.py:" in rule.source


@pytest.mark.parametrize("name", ["orthogonal", "sparse"])
@pytest.mark.parametrize("layer", [nn.Linear, nn.Embedding])
def test_matrices_have_pytorchs_rows_whatever_the_layer(name, layer):
    def build():
        made = layer(12, 20)
        init.orthogonal_(made.weight) if name == "orthogonal" else init.sparse_(made.weight, 0.25)
        return made

    made = initialize_(build(), recorded_scheme(build), seed=7).weight
    if name == "orthogonal":
        q = made if made.shape[0] < made.shape[1] else made.T
        torch.testing.assert_close(q @ q.T, torch.eye(12), atol=1e-5, rtol=0)
    else:
        assert (made == 0).sum(0).tolist() == [-(-made.shape[0] // 4)] * made.shape[1]


# Composed, and programs -----------------------------------------------------------------------------------------------


def log_uniform():
    low, high = math.log(0.001), math.log(0.1)
    steps = torch.exp(torch.rand(4 * N) * (high - low) + low).clamp(min=1e-4)
    return steps + torch.log(-torch.expm1(-steps))


PLACES = torch.arange(0, N, 2)

PROGRAMS = {
    "a row of zeros": (lambda: write(torch.randn(N, N), lambda w: w[3].zero_()), Overlay),
    "a block": (lambda: write(init.zeros_(weight()), lambda w: init.normal_(w[8:24, 4:20])), Overlay),
    "every other column": (lambda: write(torch.randn(N, N), lambda w: w[:, ::2].fill_(1.0)), Overlay),
    "pieces of several kinds": (lambda: torch.cat([torch.randn(N, N), torch.zeros(2, N), torch.rand(3, N)]), Overlay),
    "a matrix in a part": (lambda: write(torch.zeros(N, N), lambda w: init.orthogonal_(w[: N // 2])), Overlay),
    "log-uniform": (log_uniform, Computed),
    "a power": (lambda: torch.rand(N, N) ** 0.5, Computed),
    "clamped where values are": (lambda: torch.randn(N, N).clamp(-1, 1), Computed),
    "folded": (lambda: torch.randn(N, N).abs(), Computed),
    "product of draws": (lambda: torch.randn(N, N) * torch.rand(N, N), Computed),
    "a mask": (lambda: torch.randn(N, N).masked_fill(torch.ones(N, N).tril() == 0, 0.0), Computed),
    "a diagonal": (lambda: write(torch.randn(N, N), lambda w: w.diagonal().fill_(2.0)), Computed),
    "a diagonal below": (lambda: torch.randn(N, N + 3).fill_diagonal_(2.0), Computed),
    "a random diagonal": (lambda: write(torch.randn(N, N), lambda w: w.diagonal().uniform_(4, 5)), Computed),
    "numbers at elements": (lambda: write(torch.randn(N, N), lambda w: w.__setitem__((PLACES, PLACES), 3.0)), Computed),
    "draws at elements": (
        lambda: write(torch.zeros(N, N), lambda w: w.__setitem__((PLACES, PLACES), torch.rand(N // 2))),
        Computed,
    ),
    "those that a draw chooses": (
        lambda: write(torch.randn(N, N), lambda w: w.__setitem__(w.abs() > 2, 0.0)),
        Computed,
    ),
    "rows by index": (lambda: torch.randn(N, N)[PLACES], Computed),
    "rows at index": (lambda: torch.zeros(N, N).index_copy(0, PLACES, torch.randn(N // 2, N)), Computed),
    "bernoulli": (lambda: torch.bernoulli(torch.full((N, N), 0.25)), Computed),
    "exponential": (lambda: weight().exponential_(2.0), Computed),
    "log-normal": (lambda: weight().log_normal_(0.0, 0.5), Computed),
    "cauchy": (lambda: weight().cauchy_().clamp(-5, 5), Computed),
    "geometric": (lambda: weight().geometric_(0.3), Computed),
    "integers": (lambda: torch.randint(3, 9, (N, N)).float(), Computed),
    "means of their own": (lambda: torch.normal(torch.arange(float(N)).repeat(N, 1), 2.0), Computed),
    "rows of one norm": (lambda: nn.functional.normalize(torch.randn(N, N), dim=1), Computed),
    "low rank": (lambda: torch.randn(N, 4) @ torch.randn(4, N), Computed),
    "singular": (lambda: torch.linalg.svd(torch.randn(N, N), full_matrices=False)[0], Computed),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_code_does_to_draws_has_the_moments_of_the_code(name):
    """Mean and mean square, of the whole and of each half, within six standard errors of the difference of two runs."""
    make, kind = PROGRAMS[name]
    scheme = recorded_scheme(lambda: Made(make))
    assert type(scheme.match("w")[0].initializer) is kind
    assert Scheme.from_json(scheme.to_json()) == scheme
    torch.manual_seed(1)
    theirs, ours = make().double(), initialize_(Made(make), scheme, seed=3).w.double()
    assert theirs.shape == ours.shape
    assert (theirs == 0).all(-1).tolist() == (ours == 0).all(-1).tolist()
    for cut in (slice(None), slice(len(theirs) // 2), slice(len(theirs) // 2, None)):
        for power in (1, 2):
            a, b = theirs[cut] ** power, ours[cut] ** power
            spread = math.sqrt((float(a.var()) + float(b.var())) / math.sqrt(a.numel()))
            assert abs(float(a.mean() - b.mean())) <= 6 * spread / a.numel() ** 0.25 + 1e-6, (cut, power)
    assert ours.min() >= theirs.min() - (theirs.max() - theirs.min())


def test_a_permutation():
    scheme = recorded_scheme(lambda: Made(lambda: torch.randperm(50), state=True))
    made = initialize_(Made(lambda: torch.zeros(50, dtype=torch.int64), state=True), scheme, seed=7).w
    assert sorted(made.tolist()) == list(range(50))
    assert made.tolist() != list(range(50))


def test_a_padding_row_changes_no_other_value():
    rows = [
        initialize_(nn.Embedding(9, 4), recorded_scheme(lambda p=p: nn.Embedding(9, 4, padding_idx=p)), seed=7).weight
        for p in (None, 3)
    ]
    assert (rows[1][3] == 0).all()
    assert torch.equal(*(torch.cat([row[:3], row[4:]]) for row in rows))


def test_an_elementwise_program_gives_the_same_bits_in_blocks_and_on_every_backend():
    made = recorded_scheme(lambda: Made(log_uniform)).match("w")[0].initializer
    whole = made.from_config(
        {
            **made.get_config(),
            "initializers": [{"class_name": "RandomUniform", "config": {"minval": 0.0, "maxval": 1.0, "seed": 7}}],
        }
    )
    values = whole((4 * N,), path="w", backend="numpy")
    for backend in ("torch", "jax", "tensorflow"):
        if installed(backend):
            assert np.array_equal(to_numpy(whole((4 * N,), path="w", backend=backend)), values)
    part = whole((4 * N,), path="w", partition_shape=(5,), partition_offset=(17,), backend="numpy")
    assert np.array_equal(part, values[17:22])


# Whole models ---------------------------------------------------------------------------------------------------------


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(64, 16, padding_idx=0), nn.BatchNorm1d(16)
        self.body = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2, enable_nested_tensor=False
        )
        self.rnn, self.conv = nn.LSTM(16, 16), nn.Conv1d(16, 16, 3, groups=4)
        self.normed = parametrizations.weight_norm(nn.Linear(16, 16))
        self.head = nn.Linear(16, 64)
        self.head.weight = self.embed.weight
        self.register_buffer("frequencies", 1 / 10000 ** (torch.arange(0, 16, 2) / 16), persistent=False)
        for parameter in self.rnn.parameters():
            init.normal_(parameter, std=0.1)

    def forward(self, tokens):
        x = self.embed(tokens) * torch.cat([self.frequencies] * 2)
        x = self.norm(self.normed(self.rnn(self.body(x))[0]).transpose(1, 2)).transpose(1, 2)
        return self.head(x)


def on_meta(build):
    with torch.device("meta"):
        return build()


def test_a_recorded_model_starts_alike_from_memory_from_meta_and_from_a_file(recwarn):
    scheme = recorded_scheme(Model)
    stored = Scheme.from_toml(scheme.to_toml())
    one = initialize_(Model(), scheme, seed=7)
    other = initialize_(on_meta(Model), stored, seed=7, device="cpu")
    for name, tensor in {**one.state_dict(), "frequencies": one.frequencies}.items():
        assert torch.equal(tensor, other.get_buffer(name) if name == "frequencies" else other.state_dict()[name]), name
    assert not [warning for warning in recwarn if "meta" in str(warning.message)]
    assert other(torch.tensor([[1, 2, 3]])).isfinite().all()
    assert other.head.weight is other.embed.weight
    fresh = Model()
    assert torch.equal(one.frequencies, fresh.frequencies)
    torch.testing.assert_close(one.normed.weight.norm(dim=1), one.normed.parametrizations.weight.original0[:, 0])
    assert "test_torch_recording.py:" in str(plan_of(one, scheme))


def test_replaying_the_log_gives_the_bits_of_the_real_construction():
    with torch.random.fork_rng():
        run = _run(Model, 1)
        torch.manual_seed(5)
        real = Model()
        torch.manual_seed(5)
        get = run.recorder.log.replay()
    tensors = {**dict(real.named_parameters()), **dict(real.named_buffers())}
    names = {"normed.weight": "normed.parametrizations.weight.original1"}
    for one in run.tensors:
        name = one.names[0]
        assert torch.equal(get(one.ref), tensors[names.get(name, name)]), name


def test_copied_layers_start_equal_as_in_the_model_or_independent():
    for independent in (False, True):
        model = initialize_(Model(), recorded_scheme(Model, independent=independent), seed=7)
        first, second = (layer.linear1.weight for layer in model.body.layers)
        assert torch.equal(first, second) is not independent


def test_a_tied_tensor_has_its_values_under_each_of_its_names():
    scheme = recorded_scheme(Model)
    assert scheme.match("head.weight")[0].agrees(scheme.match("embed.weight")[0])
    alone = nn.ModuleDict({"head": nn.Linear(16, 64)})
    initialize_(alone, scheme, seed=7)
    assert torch.equal(alone["head"].weight, initialize_(Model(), scheme, seed=7).embed.weight)


def test_layers_alike_share_a_rule():
    class Deep(nn.Module):
        def __init__(self, layers):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(layers))
            self.stem = nn.Sequential(nn.Linear(8, 8))

    scheme = recorded_scheme(lambda: Deep(12))
    assert [rule.pattern for rule in scheme.rules] == [
        r"layers\.\d+\.weight",
        r"layers\.\d+\.bias",
        "stem.0.weight",
        "stem.0.bias",
    ]
    initialize_(Deep(20), scheme, seed=7)


def test_generators_are_left_as_they_were():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    code = init.trunc_normal_.__code__
    recorded_scheme(Model)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), np.random.get_state()[1].tolist())
    assert init.trunc_normal_.__code__ is code


def test_what_code_keeps_in_a_cache_has_its_values_afterwards():
    kept = {}

    def build():
        table = kept.setdefault("table", torch.arange(10_000.0).sqrt())
        return Made(table.clone, state=True)

    scheme = recorded_scheme(build)
    assert torch.equal(kept["table"], torch.arange(10_000.0).sqrt())
    assert torch.equal(initialize_(build(), scheme, seed=7).w, kept["table"])


def test_memory_is_not_used():
    with torch.random.fork_rng():
        tensors, _ = record(lambda: nn.Linear(2**18, 2**18))  # 256 GiB
    assert [one.kind for one in tensors] == ["exact", "exact"]


def test_deep_copies_of_tensors_are_seen():
    scheme = recorded_scheme(lambda: nn.ModuleList([layer := nn.Linear(80, 80), copy.deepcopy(layer)]))
    assert scheme.match("1.weight")[0].initializer.path == ["0.weight"]


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_a_recorded_model_starts_alike_on_every_topology(run_ranks, ranks):
    """Under fully_shard, tensor parallelism, both, and in the stages of a pipeline."""
    run_ranks("torch_recorded_ranks.py", ranks)


WITHOUT = """
import sys, torch, oneseed, oneseed_torch
from torch import nn
sys.modules["transformers"] = None
class Conv1D(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(8, 24)), nn.Parameter(torch.empty(24))
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.Module()
        self.attn.c_attn = Conv1D()
h = nn.ModuleDict({"h": nn.ModuleList([Block(), Block()]), "wte": nn.Embedding(99, 8)})
made = nn.ModuleDict({"transformer": h})
scheme = oneseed.Scheme.from_json(sys.stdin.read())
oneseed_torch.initialize_(made, scheme, seed=7)
print(*(oneseed.fingerprint(tensor) for tensor in made.parameters()))
"""


def test_a_stored_scheme_needs_no_transformers():
    if not installed("transformers"):
        pytest.skip("transformers is not installed")
    import transformers

    config = transformers.GPT2Config(
        vocab_size=99, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2
    )
    scheme = recorded_scheme(lambda: transformers.GPT2LMHeadModel(config))
    model = initialize_(transformers.GPT2LMHeadModel(config), scheme, seed=7)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=scheme.to_json(), capture_output=True, text=True, check=False
    )
    blocks = [tensor for block in model.transformer.h for tensor in block.attn.c_attn.parameters()]
    assert done.stdout.split() == [fingerprint(tensor) for tensor in (*blocks, model.transformer.wte.weight)], (
        done.stderr
    )


def test_families_of_transformers_start_alike_on_every_topology(run_ranks):
    """A padding row, experts, ties, state spaces, images, sound: from meta, sharded, in parallel, in stages."""
    if not installed("transformers"):
        pytest.skip("transformers is not installed")
    run_ranks("torch_families_ranks.py", 4)


def test_the_page_of_coverage_is_what_was_found():
    script = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "coverage.py"))
    found = json.loads(script["FOUND"].read_text(encoding="utf-8"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](found), "run: benchmarks/coverage.py --write"
    found["layers"]["notes"] = ["Linear: bounds"]
    assert script["page"](found).endswith("What does not agree:\n\n- layers, Linear: bounds\n")
