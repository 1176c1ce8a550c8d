"""What `oneseed_torch.recorded_scheme` makes of real models, as the table of docs/coverage.md.

python benchmarks/coverage.py [SET ...] [--write]

Sets are layers, transformers, timm and torchvision; without any, all that are installed. With --write, the rows of sets
that were not run stay as benchmarks/coverage.json has them. Each model is built in a small configuration where its
library has one, recorded, and compared with the model as its own code builds it:

- the log of the recording, run again under PyTorch's seed, gives the bits of the real construction;
- each tensor that oneseed draws has the mean, the variance, the fourth moment and the bounds of the real one. A tensor
  fails where a difference is beyond 6 standard errors, which chance gives about once in 10**8 comparisons.

torchvision's wheel wants the PyTorch it was built for. Its models can be built with another one: install it with
``--no-deps``; this script has it imported without its compiled operations.
"""

import argparse
import importlib.util
import json
import logging
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from oneseed_torch import initialize_
from oneseed_torch.models.recording import _generators, _run, record
from oneseed_torch.models.recording.schemes import scheme_of
from oneseed_torch.models.tree import held, held_buffers

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"
FOUND = Path(__file__).with_suffix(".json")
"""What was found of each set."""
KINDS = ("exact", "composed", "shared", "constant", "elementwise", "program", "refused")
SIGMAS = 6
MOST = 30_000_000
"""Elements of a model up to which it is built for comparison."""

SMALL = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "embedding_size"), 64),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 96),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 32),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 64),
    **dict.fromkeys(("head_dim", "d_kv"), 16),
    "decoder_attention_heads": 4,
    "image_size": 32,
    "num_decoder_layers": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "patch_size": 8,
    "vocab_size": 128,
}
"""Numbers of small configurations, by the names that configurations of transformers have for them."""

FAMILIES = """
albert bamba bart beit bert big_bird biogpt bit bloom clip codegen cohere2 convbert convnext convnextv2 ctrl
data2vec-text deberta deberta-v2 deepseek_v2 deepseek_v3 dinov2 distilbert efficientnet electra esm falcon_mamba fnet
focalnet gemma gemma2 gemma3_text glm4 glm4_moe gpt2 gpt_neox gpt_oss gptj granite granitemoe hubert jamba jetmoe lfm2
llama llama4_text longformer mamba mamba2 mbart minimax mistral mixtral mobilenet_v2 modernbert mpt nemotron nemotron_h
olmo2 olmoe opt pegasus phi phi3 phimoe qwen2 qwen2_moe qwen3 qwen3_moe qwen3_next recurrent_gemma regnet rembert resnet
roberta roformer rwkv siglip_vision_model smollm3 stablelm starcoder2 switch_transformers t5 umt5 univnet vit vit_mae
vits wav2vec2 wavlm whisper xglm xlm xlm-roberta xlstm
""".split()  # noqa: SIM905
OWN = {"mamba2": {"num_heads": 8}}
"""What else a configuration needs to be consistent."""

TIMM = """
beit_base_patch16_224 botnet26t_256 cait_xxs24_224 caformer_s18 coat_tiny coatnet_0_rw_224 convit_tiny
convmixer_768_32 convnext_tiny crossvit_9_240 cspresnet50 darknet53 davit_tiny deit3_small_patch16_224 densenet121
dla34 dpn68 edgenext_small efficientformer_l1 efficientnet_b0 eva02_tiny_patch14_224 fastvit_t8 focalnet_tiny_srf
gcvit_xxtiny ghostnet_100 hardcorenas_a hgnet_tiny hiera_tiny_224 hrnet_w18_small inception_v4 inception_next_tiny
lambda_resnet26t levit_128s maxvit_tiny_tf_224 mixer_b16_224 mobilenetv3_large_100 mobilenetv4_conv_small mobileone_s0
mobilevit_s mvitv2_tiny nest_tiny nf_resnet50 nfnet_f0 pit_ti_224 poolformer_s12 pvt_v2_b0 regnetx_002
repghostnet_050 repvgg_a0 repvit_m1 res2net50_26w_4s resmlp_12_224 resnest14d resnet50 resnetv2_50 rexnet_100
selecsls42 sequencer2d_s skresnet18 starnet_s1 swin_tiny_patch4_window7_224 tf_efficientnetv2_b0 tiny_vit_5m_224
tnt_s_legacy_patch16_224 tresnet_m twins_pcpvt_small vgg11 visformer_tiny vit_base_patch16_224
vit_small_patch14_reg4_dinov2 volo_d1_224 xception41 xcit_nano_12_p16_224
""".split()  # noqa: SIM905


def transformers_models() -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Give the families of transformers in small configurations, where their own numbers allow one."""
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_MAPPING

    for name in FAMILIES:
        cls = CONFIG_MAPPING[name]
        settings = cls()
        numbers = {k: v for k, v in SMALL.items() if hasattr(settings, k) and k not in cls.attribute_map}
        config = cls(**{**numbers, **OWN.get(name, {})})
        model = MODEL_FOR_CAUSAL_LM_MAPPING.get(cls, None) or MODEL_MAPPING.get(cls, None)
        model = model[0] if isinstance(model, tuple) else model
        yield f"{name}: {model.__name__}", lambda model=model, config=config: model(config)


def timm_models() -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Give models of timm."""
    import timm

    for name in TIMM:
        yield name, lambda name=name: timm.create_model(name)


def import_torchvision() -> None:
    """Import torchvision, which transformers and timm would import too, without its compiled operations."""
    before = torch.library.register_fake
    torch.library.register_fake = lambda *args, **kwargs: lambda function: function
    try:
        import torchvision  # noqa: F401
    finally:
        torch.library.register_fake = before


def torchvision_models() -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Give models of torchvision."""
    from torchvision import models

    for name in models.list_models(models):
        more = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        yield name, lambda name=name, more=more: models.get_model(name, weights=None, **more)


def layers() -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Give layers of torch.nn, also normalized ones."""
    from torch.nn.utils import parametrizations as p

    yield from {
        "Linear": lambda: nn.Linear(300, 200),
        "Bilinear": lambda: nn.Bilinear(30, 20, 10),
        "Conv1d": lambda: nn.Conv1d(16, 32, 3),
        "Conv2d": lambda: nn.Conv2d(16, 32, 3, groups=4),
        "Conv3d": lambda: nn.Conv3d(4, 8, 3),
        "ConvTranspose2d": lambda: nn.ConvTranspose2d(16, 32, 3),
        "Embedding": lambda: nn.Embedding(100, 32, padding_idx=3),
        "EmbeddingBag": lambda: nn.EmbeddingBag(100, 32),
        "BatchNorm2d": lambda: nn.BatchNorm2d(8),
        "GroupNorm": lambda: nn.GroupNorm(2, 8),
        "LayerNorm": lambda: nn.LayerNorm(8),
        "RMSNorm": lambda: nn.RMSNorm(8),
        "PReLU": lambda: nn.PReLU(4),
        "RNN": lambda: nn.RNN(32, 64, 2),
        "GRU": lambda: nn.GRU(32, 64, bidirectional=True),
        "LSTM": lambda: nn.LSTM(32, 64, proj_size=16),
        "LSTMCell": lambda: nn.LSTMCell(32, 64),
        "MultiheadAttention": lambda: nn.MultiheadAttention(32, 4, add_bias_kv=True),
        "Transformer": lambda: nn.Transformer(32, 4, 1, 1, 64),
        "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 3),
        "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(32, 100, [10, 50]),
        "weight_norm": lambda: p.weight_norm(nn.Conv1d(16, 32, 3)),
        "spectral_norm": lambda: p.spectral_norm(nn.Linear(32, 64)),
        "orthogonal": lambda: p.orthogonal(nn.Linear(32, 64)),
    }.items()


SETS = {"layers": layers, "transformers": transformers_models, "timm": timm_models, "torchvision": torchvision_models}


def tensors_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return parameters and buffers by their logical names."""
    return {one.logical[0]: one.tensor.detach() for one in (*held(module), *held_buffers(module))}


def differs(ours: torch.Tensor, theirs: torch.Tensor) -> str:
    """Tell what of two draws of one distribution differs by more than chance."""
    if not theirs.is_floating_point() or theirs.numel() < 2:
        return "" if ours.shape == theirs.shape else "shape"
    a, b = ours.double().ravel(), theirs.double().ravel()
    if not b.isfinite().all():
        return "" if torch.equal(a, b) else "what is not finite"
    if float(b.std()) == 0 and float(a.std()) == 0:
        return "" if torch.equal(a, b) else "constant"
    n = b.numel()
    scale = float(b.abs().max()) or 1.0
    for power, what in ((1, "mean"), (2, "variance"), (4, "fourth moment")):
        x, y = (a / scale) ** power, (b / scale) ** power
        error = math.sqrt((float(x.var()) + float(y.var())) / n) + 1e-12
        if abs(float(x.mean() - y.mean())) > SIGMAS * error:
            return what
    inside = float(a.abs().max()) <= float(b.abs().max()) * (1 + 40 / n) + 6 * float(b.std())
    return "" if inside else "bounds"


def check(build: Callable[[], nn.Module]) -> tuple[Counter[str], list[str], bool]:
    """Record a model and compare it with the real one; return counts, what does not agree, and whether it was built."""
    tensors, _ = record(build)
    counts = Counter("refused" if one.refused else one.kind for one in tensors)
    said = [f"{one.names[0]}: {one.refused}" for one in tensors if one.refused]
    if sum(one.ref.elements for one in tensors) > MOST:
        return counts, said, False
    with _generators():
        run = _run(build, 1)
        torch.manual_seed(1)
        real = tensors_of(build())
    torch.manual_seed(1)
    get = run.recorder.log.replay()
    bits = {one.names[0]: get(one.ref) for one in run.tensors}
    said += [f"{name}: replayed with other bits" for name, tensor in real.items() if not _same(bits[name], tensor)]
    kept = [one for one in tensors if not one.refused]
    if len(kept) == len(tensors):
        ours = tensors_of(initialize_(build(), scheme_of(kept), seed=3))
        said += [f"{name}: {what}" for name, tensor in real.items() if (what := differs(ours[name], tensor))]
    return counts, said, True


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num())


def found_of(name: str) -> dict[str, Any]:
    """Check the models of a set, and return what was found as plain data."""
    total: Counter[str] = Counter()
    models = compared = agree = 0
    notes = []
    cases = SETS[name]()
    while (case := next(cases, None)) is not None:
        title, build = case
        try:
            counts, said, built = check(build)
        except Exception as error:  # what cannot be built here is reported, and the next one tried
            counts, said, built = Counter(), [f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"], False
        print(title, dict(counts), *said[:3], *([] if built else ["not compared"]), sep="; ", flush=True)
        models, compared, agree = models + 1, compared + built, agree + (built and not said)
        total += counts
        notes += [f"{title}: {what}" for what in said[:2]]
    kinds = {kind: total[kind] for kind in KINDS}
    return {"models": models, "compared": compared, "agree": agree, **kinds, "notes": notes}


def main() -> None:
    """Print what was found, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--write", action="store_true", help="write benchmarks/coverage.json and docs/coverage.md")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if importlib.util.find_spec("torchvision") is not None:
        import_torchvision()
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"a set must be one of {', '.join(SETS)}. Received: {', '.join(sorted(unknown))}")
    found = json.loads(FOUND.read_text(encoding="utf-8"))
    for name in asked.sets or SETS:
        if name != "layers" and importlib.util.find_spec(name) is None:
            print(f"{name} is not installed")
            continue
        found[name] = found_of(name)
    print(page(found))
    if asked.write:
        FOUND.write_text(json.dumps({name: found[name] for name in SETS}, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(found), encoding="utf-8")


def page(found: dict[str, dict[str, Any]]) -> str:
    """Return the page of the docs."""
    columns = ("models", "compared", "agree", *KINDS)
    body = "\n".join(
        f"| {name} | " + " | ".join(f"{found[name][column]:,}" for column in columns) + " |" for name in SETS
    )
    notes = "\n".join(f"- {name}, {note}" for name in SETS for note in found[name]["notes"])
    return f"""# Coverage of recorded schemes

What `oneseed_torch.recorded_scheme` makes of real models, counted in parameters and buffers. `benchmarks/coverage.py`
makes this table. Those that are small enough are compared with the model as its own code builds it. One agrees if the
log of its recording, run again under PyTorch's seed, gives the bits of the real construction, and if every tensor that
oneseed draws has mean, variance, fourth moment and bounds of the real one, within {SIGMAS} standard errors.

| set | {" | ".join(columns)} |
|{"---|" * (1 + len(columns))}
{body}

- exact: one distribution, as the model's code asks for it; composed: several, or one that was scaled or cut;
- shared: the draw of another tensor, as of a layer that was copied;
- constant: one number, or a table that the code computes;
- elementwise: a function of draws, element by element, made in blocks; program: one that is made whole.
{f"{chr(10)}What does not agree:{chr(10)}{chr(10)}{notes}{chr(10)}" if notes else ""}"""


if __name__ == "__main__":
    main()
