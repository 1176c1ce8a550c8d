"""Schemes of language models."""

from typing import Any

from oneseed import checks
from oneseed.initializers.composed.computed import Overlay
from oneseed.initializers.elementwise.random import RandomNormal, TruncatedNormal
from oneseed.initializers.elementwise.scaling import VarianceScaling
from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed.rules.language import depth_scaled_normal, mup_normal, scaled_normal
from oneseed.rules.numbers import MANY, positive
from oneseed.rules.residual import Depths, xavier
from oneseed.rules.residual import deepnorm as constants


def named(*layers: str, of: str = "weight") -> str:
    """Return the regular expression of the parameters `of` layers, which are regular expressions, at any depth."""
    return rf"(?:.*\.)?(?:{'|'.join(layers)})\.{of}"


def padded(initializer: Any, row: int | None) -> Any:
    """Return the initializer of a table with a row of zeros."""
    if row is None:
        return initializer
    at = checks.index("padding", row, 0, MANY)
    return Overlay([initializer, "zeros"], [[(at, at + 1, 1)]])


def gpt2(layers: int = 12, stddev: Any = 0.02) -> Scheme:
    """Return GPT-2's scheme, on the names of the class GPT2LMHeadModel of transformers, tied or not.

    Compared with GPT2LMHeadModel's own start: each weight has its mean and its standard deviation.

    Weights and embeddings are normal with standard deviation `stddev`, those that write into the residual stream with
    ``stddev / sqrt(2 * layers)``; biases are 0 and the scales of norms 1.

    Parameters
    ----------
    layers : int
        The layers, 1 or more: ``n_layer``.
    stddev : float
        The standard deviation, 0 or more: ``initializer_range``.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3; transformers,
    ``modeling_gpt2.py``.

    Examples
    --------
    >>> import oneseed
    >>> rule, _ = oneseed.schemes.gpt2(layers=8).match("transformer.h.3.mlp.c_proj.weight")
    >>> rule.initializer.stddev
    0.005
    """
    checks.index("layers", layers, 1, MANY)
    others = ("wte", "wpe", "c_attn", "q_attn", "c_fc", "lm_head", "score")
    return Scheme(
        [
            Rule(named("c_proj"), scaled_normal(layers, stddev), regex=True),
            Rule(named(*others), RandomNormal(0.0, stddev), regex=True),
            Rule(named(r"ln_\w+"), "ones", regex=True),
            Rule("*.bias", "zeros"),
        ]
    )


def llama(
    layers: int = 32,
    width: int = 4096,
    stddev: Any = 0.02,
    *,
    tied: bool = False,
    padding: int | None = None,
    norms_from_zero: bool = False,
) -> Scheme:
    """Return a scheme of Llama-style models, torchtitan's, on the names of the class LlamaForCausalLM of transformers.

    Use it to design a model. The initialization of transformers' own models differs: all their weights have one
    standard deviation. `oneseed_torch.recorded_scheme` gives it, for any model. The scheme was compared with the code
    of torchtitan's ``models/llama3``; and its first loss with that of their own start, from which it differs by less
    than 1, in the classes of transformers for Llama, Mistral, Ministral, Qwen2, Qwen3, SmolLM3, OLMo 2, Granite,
    Cohere, Helium, Arcee, EXAONE 4 and Seed-OSS, tied and untied, and with `norms_from_zero` Gemma, Gemma 2 and
    Gemma 3.

    The embedding is normal with standard deviation 1; query, key, value and gate have `stddev`; output, up and down
    projections of layer ``l``, counted from 0, ``stddev / sqrt(2 (l + 1))``; the output layer ``1 / sqrt(width)``, cut
    at three standard deviations. The scales of norms are 1 and biases 0. torchtitan cuts the hidden weights at +-2,
    which is too far out for any value to meet.

    Parameters
    ----------
    layers : int
        The layers, 1 or more: ``num_hidden_layers``.
    width : int
        The width of the residual stream, 1 or more: ``hidden_size``.
    stddev : float
        The standard deviation, 0 or more.
    tied : bool
        Whether the embedding is the output layer too. It then is normal with `stddev`, as in models that are tied:
        with a larger one a token's own logit would stand out. A tied model is refused without.
    padding : int, optional
        The row of the embedding that is 0, for padding.
    norms_from_zero : bool
        Whether norms scale by ``1 + weight``, as Gemma's and Qwen3-Next's do; their weights are 0 then.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Liang et al., "TorchTitan: One-stop PyTorch native solution for production ready LLM pre-training", ICLR 2025,
    ``models/llama3``; Touvron et al., "LLaMA: Open and efficient foundation language models", 2023, whose paper does
    not say how weights start.

    Examples
    --------
    >>> import oneseed
    >>> rule, _ = oneseed.schemes.llama(layers=2).match("model.layers.1.mlp.down_proj.weight")
    >>> rule.initializer.stddev
    0.01
    """
    count = checks.index("layers", layers, 1, MANY)
    size = checks.index("width", width, 1, MANY)
    for name, value in (("tied", tied), ("norms_from_zero", norms_from_zero)):
        checks.boolean(name, value)
    output = TruncatedNormal(0.0, size**-0.5, lower=-3.0, upper=3.0)
    table = padded(RandomNormal(0.0, stddev if tied else 1.0), padding)
    into_stream = (r"self_attn\.o_proj", r"mlp\.up_proj", r"mlp\.down_proj")
    return Scheme(
        [
            Rule(named("embed_tokens"), table, regex=True),
            Rule(named("q_proj", "k_proj", "v_proj", "gate_proj"), RandomNormal(0.0, stddev), regex=True),
            *(
                Rule(
                    named(*(rf"layers\.{layer}\.{name}" for name in into_stream)),
                    depth_scaled_normal(layer, stddev),
                    regex=True,
                )
                for layer in range(count)
            ),
            Rule(named("lm_head"), table if tied else output, regex=True),
            Rule(named(r"\w*norm"), "zeros" if norms_from_zero else "ones", regex=True),
            Rule("*.bias", "zeros"),
        ]
    )


def deepnorm(encoder_layers: int = 0, decoder_layers: int = 0) -> Scheme:
    """Return DeepNorm's scheme, on the names of torchscale and fairseq, tied or not.

    Its numbers are those of figure 2 of the paper; no implementation was compared.

    Value and output projections and the feed-forward layers are Xavier normal with the gain ``beta`` of
    `oneseed.rules.deepnorm`, query and key with gain 1; embeddings and the output layer are normal with variance
    ``1 / width``; biases are 0 and the scales of norms 1. The residual connections need that rule's ``alpha``.

    Parameters
    ----------
    encoder_layers, decoder_layers : int
        The layers, 0 or more and not both 0.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If one is negative, or both are 0.

    References
    ----------
    Wang et al., "DeepNet: Scaling transformers to 1,000 layers", 2022, figure 2.

    Examples
    --------
    >>> import oneseed
    >>> rule, _ = oneseed.schemes.deepnorm(decoder_layers=2).match("decoder.layers.0.fc1.weight")
    >>> round(rule.initializer.scale, 12)  # beta**2
    0.25
    """
    depths: Depths = constants(encoder_layers, decoder_layers)
    scaled = r"layers\.\d+\.(?:.*\.)?(?:v_proj|out_proj|fc1|fc2)"
    return Scheme(
        [
            *(
                Rule(named(rf"{side}\.{scaled}"), xavier(scales.beta), regex=True, axes="o i")
                for side, scales in depths._asdict().items()
                if scales is not None
            ),
            Rule(named("q_proj", "k_proj"), xavier(), regex=True, axes="o i"),
            Rule(named(r"embed_\w+", "output_projection"), _by_width(), regex=True, axes="b o"),
            Rule(named(r"\w*layer_?norm\w*"), "ones", regex=True),
            Rule("*.bias", "zeros"),
        ]
    )


def _by_width() -> VarianceScaling:
    """Return the initializer of a table whose rows have about unit length."""
    return VarianceScaling(1.0, "fan_out", "untruncated_normal")


def mup(width_mult: Any = 1.0, stddev: Any = 0.02, *, norms_from_zero: bool = False) -> Scheme:
    """Return muP's scheme, on the names of GPT-2 and of Llama-style models in transformers.

    Embedding and output layer have one distribution, so that a tied model may be initialized; muP itself wants the
    output layer apart. Its numbers are the paper's; no implementation was compared. The first loss is that of chance
    in the classes of transformers that `gpt2` and `llama` name.

    Hidden weights, both of whose sides grow with the width, are normal with standard deviation
    ``stddev / sqrt(width_mult)``; embeddings and the output layer keep `stddev`; biases are 0 and the scales of norms
    1. The output layer's division by `width_mult`, the learning rates and attention's ``1 / d`` are the training's
    matter; see `oneseed.rules.mup_normal`.

    Parameters
    ----------
    width_mult : float
        The width over that of the base model, above 0.
    stddev : float
        The standard deviation in the base model, 0 or more.
    norms_from_zero : bool
        As in `llama`.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Yang and Hu et al., "Tensor programs V: Tuning large neural networks via zero-shot hyperparameter transfer",
    NeurIPS 2021.

    Examples
    --------
    >>> import oneseed
    >>> scheme = oneseed.schemes.mup(width_mult=4)
    >>> [scheme.match(f"h.0.{name}.weight")[0].initializer.stddev for name in ("mlp.c_fc", "wte")]
    [0.01, 0.02]
    """
    width = positive("width_mult", width_mult)
    checks.boolean("norms_from_zero", norms_from_zero)
    hidden = ("c_attn", "q_attn", "c_proj", "c_fc", "[qkvo]_proj", "gate_proj", "up_proj", "down_proj")
    return Scheme(
        [
            Rule(named(*hidden), mup_normal(width, stddev, 2), regex=True),
            Rule(named("wte", "wpe", "embed_tokens", "lm_head"), mup_normal(width, stddev, 1), regex=True),
            Rule(named(r"ln_\w+", r"\w*norm"), "zeros" if norms_from_zero else "ones", regex=True),
            Rule("*.bias", "zeros"),
        ]
    )
