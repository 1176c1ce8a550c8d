"""Ready schemes on the models that they name: the first loss of each is near that of the model's own start."""

import pytest
from frameworks import installed

if not (installed("torch") and installed("transformers")):
    pytest.skip("torch or transformers is not installed", allow_module_level=True)

import torch
import transformers
from torch import nn

from oneseed import Rule, Scheme, schemes
from oneseed.initializers import Constant
from oneseed_torch import initialize_, recorded_scheme

WIDTH, LAYERS = 128, 2
TOKENS = torch.randint(3, 256, (4, 32), generator=torch.Generator().manual_seed(0))
SIZES = {
    "vocab_size": 256,
    "hidden_size": WIDTH,
    "intermediate_size": 192,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 64,
    **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
}
LLAMA_STYLE = (
    *("arcee", "cohere", "exaone4", "granite", "helium", "llama", "ministral", "mistral", "olmo2", "qwen2", "qwen3"),
    *("seed_oss", "smollm3"),
)
FROM_ZERO = ("gemma", "gemma2", "gemma3_text", "nemotron")


def model(family, tied):
    config = transformers.CONFIG_MAPPING[family](**SIZES, tie_word_embeddings=tied)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def loss(made):
    with torch.no_grad():
        return float(made(input_ids=TOKENS, labels=TOKENS).loss)


@pytest.mark.parametrize(
    ("family", "tied"),
    [*((family, at % 2 == 0) for at, family in enumerate([*LLAMA_STYLE, *FROM_ZERO])), ("llama", True)],
)
def test_llama_and_mup_start_near_the_models_own_loss(family, tied):
    torch.manual_seed(0)
    made = model(family, tied)
    own, zero = loss(made), family in FROM_ZERO
    for scheme in (
        schemes.llama(LAYERS, WIDTH, tied=tied, padding=0, norms_from_zero=zero),
        schemes.mup(norms_from_zero=zero),
    ):
        assert abs(loss(initialize_(made, scheme, seed=1)) - own) < 1
    if tied:
        with pytest.raises(ValueError, match="tied"):
            initialize_(made, schemes.llama(LAYERS, WIDTH, norms_from_zero=zero), seed=1)


def test_gpt2_starts_near_the_models_own_loss():
    config = transformers.GPT2Config(
        vocab_size=256, n_positions=64, n_embd=WIDTH, n_layer=LAYERS, n_head=4, bos_token_id=1, eos_token_id=2
    )
    torch.manual_seed(0)
    made = transformers.GPT2LMHeadModel(config).eval()
    own = loss(made)
    for scheme in (schemes.gpt2(LAYERS), schemes.mup()):
        assert abs(loss(initialize_(made, scheme, seed=1)) - own) < 1


@pytest.mark.parametrize("family", FROM_ZERO)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_norms_that_add_one_are_not_started_with_ones(family, device):
    with torch.device(device):
        made = model(family, tied=True)
    before = [tensor.clone() for tensor in made.parameters()]
    with pytest.raises(
        ValueError, match=r"norms_from_zero=True.*Received: .*model\.layers\.0\.input_layernorm\.weight"
    ):
        initialize_(made, schemes.llama(LAYERS, WIDTH, tied=True), seed=1, device="cpu")
    if device == "cpu":
        assert all(map(torch.equal, before, made.parameters()))


def test_ones_for_norms_can_be_meant():
    """As a constant, by the model's own code, and in norms that scale by the weight."""
    made = model("gemma", tied=True)
    said = Scheme([Rule("*norm.weight", Constant(1.0)), Rule("*", "random_normal")])
    assert (initialize_(made, said, seed=1).model.norm.weight == 1).all()
    ones = Scheme([Rule("*norm.weight", "ones"), Rule("*", "random_normal")])
    assert (initialize_(model("llama", tied=False), ones, seed=1).model.norm.weight == 1).all()

    class Doubling(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = type(made.model.norm)(8)
            nn.init.ones_(self.norm.weight)

    assert (initialize_(Doubling(), recorded_scheme(Doubling), seed=1).norm.weight == 1).all()
