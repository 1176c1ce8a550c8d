"""Rules by which the depth and the width of a network scale its initial weights.

Each function returns an ordinary initializer, or the constants of the rule. ``N`` is the number of encoder layers,
``M`` that of decoder layers.
"""

import math
from typing import Any, NamedTuple

from oneseed import checks
from oneseed.initializers.random import RandomNormal, RandomUniform
from oneseed.initializers.scaling import VarianceScaling
from oneseed.seeds import SeedGenerator

__all__ = [
    "Depths",
    "Scales",
    "TFixup",
    "deepnorm",
    "depth_scaled_normal",
    "fixup",
    "mamba_dt_weight",
    "mamba_output",
    "mitchell",
    "mup_normal",
    "scaled_normal",
    "subln",
    "tfixup",
    "xavier",
]

Seed = int | SeedGenerator | None

MANY = 2**31


class Scales(NamedTuple):
    """The constants of a rule for a residual block.

    Parameters
    ----------
    alpha : float
        The factor of the residual connection.
    beta : float
        The gain of the weights in the branch.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.deepnorm(encoder_layers=8).encoder.alpha
    2.0
    """

    alpha: float
    beta: float


class Depths(NamedTuple):
    """The constants of DeepNorm or of Sub-LN.

    Parameters
    ----------
    encoder, decoder : Scales or None
        Those of the encoder's and the decoder's blocks; None where there are none.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.deepnorm(encoder_layers=8).decoder is None
    True
    """

    encoder: Scales | None
    decoder: Scales | None


class TFixup(NamedTuple):
    """The factors of T-Fixup.

    Parameters
    ----------
    encoder, decoder : float or None
        What Xavier weights of value and output projections and of the feed-forward layers are multiplied by; None where
        there are no layers.
    embedding : float or None
        What embeddings drawn with a variance of ``1/d`` are multiplied by; None where there is no decoder, which the rule
        does not speak of.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.tfixup(encoder_layers=1).encoder
    0.67
    """

    encoder: float | None
    decoder: float | None
    embedding: float | None


def scaled_normal(
    num_layers: int, stddev: Any = 0.02, multiplier: Any = 2.0, width_mult: Any = 1.0, seed: Seed = None
) -> RandomNormal:
    """Return the initializer of weights that write into the residual stream, as in GPT-2 and Megatron-LM.

    A normal distribution with standard deviation ``stddev / sqrt(multiplier * num_layers * width_mult)``. `multiplier`
    is the number of such weights in a layer, 2 in a transformer, so that the variance of their sum does not grow with
    depth.

    Parameters
    ----------
    num_layers : int
        The layers of the whole network, 1 or more.
    stddev : float or scalar tensor
        The standard deviation of all other weights, 0 or more.
    multiplier : float or scalar tensor
        How many weights of a layer write into the stream, above 0.
    width_mult : float or scalar tensor
        Megatron-LM's muP: the width over that of the base model, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomNormal
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3; Shoeybi et al.,
    "Megatron-LM: Training multi-billion parameter language models using model parallelism", 2019.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.scaled_normal(num_layers=8, seed=7).stddev
    0.005
    """
    layers = checks.index("num_layers", num_layers, 1, MANY)
    divisor = _positive("multiplier", multiplier) * layers * _positive("width_mult", width_mult)
    return RandomNormal(0.0, checks.scalar("stddev", stddev) / math.sqrt(divisor), seed)


def depth_scaled_normal(layer: int, stddev: Any = 0.02, seed: Seed = None) -> RandomNormal:
    """Return the initializer of a layer that is scaled by its own depth: ``stddev / sqrt(2 (layer + 1))``.

    Parameters
    ----------
    layer : int
        The layer's number, counted from 0.
    stddev : float or scalar tensor
        The standard deviation before it is scaled, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomNormal
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Zhang, Titov and Sennrich, "Improving deep transformer with depth-scaled initialization and merged attention",
    EMNLP 2019; the form is that of torchtitan, 2024.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.depth_scaled_normal(layer=1, seed=7).stddev
    0.01
    """
    number = checks.index("layer", layer, 0, MANY)
    return RandomNormal(0.0, checks.scalar("stddev", stddev) / math.sqrt(2 * (number + 1)), seed)


def mitchell(layer: int | None = None, seed: Seed = None) -> VarianceScaling:
    """Return OLMo's "mitchell" initializer: variance ``1 / fan_in``, of a layer's outputs ``1 / (2 fan_in (layer+1))``.

    OLMo cuts its normal distribution at three standard deviations, which takes 1.3 % off the standard deviation. This
    one is cut at two and has the stated variance after it is cut.

    Parameters
    ----------
    layer : int, optional
        The layer's number, counted from 0, for the weights that write into the residual stream; None for all others.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    VarianceScaling
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Groeneveld et al., "OLMo: Accelerating the science of language models", ACL 2024.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mitchell(layer=1, seed=7).scale
    0.25
    """
    scale = 1.0 if layer is None else 1 / (2 * (checks.index("layer", layer, 0, MANY) + 1))
    return VarianceScaling(scale, "fan_in", "truncated_normal", seed)


def xavier(gain: Any = 1.0, seed: Seed = None) -> VarianceScaling:
    """Return what DeepNorm, Sub-LN and T-Fixup scale: normal with variance ``2 gain**2 / (fan_in + fan_out)``.

    Parameters
    ----------
    gain : float or scalar tensor
        The gain, above 0: `Scales.beta` of a rule for the weights that it scales, 1 for the others.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    VarianceScaling
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import oneseed
    >>> beta = oneseed.rules.deepnorm(encoder_layers=2).encoder.beta
    >>> oneseed.rules.xavier(beta, seed=7).describe((30, 10)).distribution.stddev
    0.11180339887498948
    """
    return VarianceScaling(_positive("gain", gain) ** 2, "fan_avg", "untruncated_normal", seed)


def deepnorm(encoder_layers: int = 0, decoder_layers: int = 0) -> Depths:
    """Return the constants of DeepNorm: ``LayerNorm(alpha x + f(x))``, with the weights of f Xavier with gain ``beta``.

    The gain is that of value and output projections and of the feed-forward layers; query and key keep gain 1.

    =================  ==========================  ==========================
    network            alpha                       beta
    =================  ==========================  ==========================
    encoder only       ``(2N)**(1/4)``             ``(8N)**(-1/4)``
    decoder only       ``(2M)**(1/4)``             ``(8M)**(-1/4)``
    encoder of both    ``0.81 (N**4 M)**(1/16)``   ``0.87 (N**4 M)**(-1/16)``
    decoder of both    ``(3M)**(1/4)``             ``(12M)**(-1/4)``
    =================  ==========================  ==========================

    The authors' code, torchscale, divides by 1.15 where the paper has the factor 0.87.

    Parameters
    ----------
    encoder_layers, decoder_layers : int
        The layers, N and M, 0 or more and not both 0.

    Returns
    -------
    Depths
        The constants.

    Raises
    ------
    TypeError
        If an argument is no integer.
    ValueError
        If one is negative, or both are 0.

    References
    ----------
    Wang et al., "DeepNet: Scaling transformers to 1,000 layers", 2022, figure 2.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.deepnorm(decoder_layers=8).decoder
    Scales(alpha=2.0, beta=0.3535533905932738)
    """
    n, m = _depths(encoder_layers, decoder_layers)
    if n and m:
        both = (n**4 * m) ** (1 / 16)
        return Depths(Scales(0.81 * both, 0.87 / both), Scales((3 * m) ** 0.25, (12 * m) ** -0.25))
    alone = Scales((2 * (n + m)) ** 0.25, (8 * (n + m)) ** -0.25)
    return Depths(alone if n else None, alone if m else None)


def subln(encoder_layers: int = 0, decoder_layers: int = 0) -> Depths:
    """Return the constants of Sub-LN: alpha is 1, and beta the gain of the weights that DeepNorm scales.

    ``sqrt(log(2N))`` for an encoder alone and ``sqrt(log(2M))`` for a decoder alone; with both, ``sqrt(log(3M) log(2N)
    / 3)`` for the encoder and ``sqrt(log(3M))`` for the decoder.

    Parameters
    ----------
    encoder_layers, decoder_layers : int
        The layers, N and M, 0 or more and not both 0.

    Returns
    -------
    Depths
        The constants.

    Raises
    ------
    TypeError
        If an argument is no integer.
    ValueError
        If one is negative, or both are 0.

    References
    ----------
    Wang et al., "Foundation transformers" (Magneto), 2022, figure 2.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.subln(encoder_layers=12).encoder
    Scales(alpha=1.0, beta=1.782709687623856)
    """
    n, m = _depths(encoder_layers, decoder_layers)
    if n and m:
        decoder = math.log(3 * m)
        encoder = decoder * math.log(2 * n) / 3
        return Depths(Scales(1.0, math.sqrt(encoder)), Scales(1.0, math.sqrt(decoder)))
    alone = Scales(1.0, math.sqrt(math.log(2 * (n + m))))
    return Depths(alone if n else None, alone if m else None)


def fixup(num_blocks: int, layers_per_block: int = 2, mode: str = "fan_out", seed: Seed = None) -> VarianceScaling:
    """Return Fixup's initializer of all layers of a residual branch but the last, for networks without normalization.

    He's normal distribution times ``L**(-1 / (2m - 2))``, for L residual blocks of m layers: a variance of
    ``2 / fan * L**(-1 / (m-1))``. The last layer of each branch and the classifier start at zero, and scalar biases
    and one scalar multiplier a branch are added to the network.

    Parameters
    ----------
    num_blocks : int
        The residual blocks of the network, L, 1 or more.
    layers_per_block : int
        The layers in a branch, m, 2 or more.
    mode : {"fan_out", "fan_in", "fan_avg"}
        The fan in the variance; the authors' code has fan_out.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    VarianceScaling
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Zhang, Dauphin and Ma, "Fixup initialization: Residual learning without normalization", ICLR 2019.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.fixup(num_blocks=16, layers_per_block=3, seed=7).scale
    0.5
    """
    blocks = checks.index("num_blocks", num_blocks, 1, MANY)
    layers = checks.index("layers_per_block", layers_per_block, 2, MANY)
    return VarianceScaling(2 * blocks ** (-1 / (layers - 1)), mode, "untruncated_normal", seed)


def tfixup(encoder_layers: int = 0, decoder_layers: int = 0) -> TFixup:
    """Return the factors of T-Fixup, for transformers without layer normalization and warmup.

    All weights but embeddings are Xavier, embeddings normal with variance ``1/d``. Then the value and output
    projections and the feed-forward layers are multiplied by ``0.67 N**(-1/4)`` in the encoder and ``(9M)**(-1/4)`` in
    the decoder, and the embeddings of both by ``(9M)**(-1/4)``.

    Parameters
    ----------
    encoder_layers, decoder_layers : int
        The layers, N and M, 0 or more and not both 0.

    Returns
    -------
    TFixup
        The factors.

    Raises
    ------
    TypeError
        If an argument is no integer.
    ValueError
        If one is negative, or both are 0.

    References
    ----------
    Huang, Pérez, Ba and Volkovs, "Improving transformer optimization through better initialization", ICML 2020.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.tfixup(encoder_layers=16, decoder_layers=9).encoder
    0.335
    """
    n, m = _depths(encoder_layers, decoder_layers)
    encoder = 0.67 * n**-0.25 if n else None
    decoder = (9 * m) ** -0.25 if m else None
    return TFixup(encoder, decoder, decoder)


def mup_normal(width_mult: Any, stddev: Any = 0.02, infinite_dims: int = 2, seed: Seed = None) -> RandomNormal:
    """Return muP's initializer of a weight: `stddev` at the base width, over ``sqrt(width_mult)`` if both sides grow.

    A weight with one side or none that grows with the width, such as an embedding, an output layer or a bias, keeps
    `stddev`; output layers are divided by `width_mult` in the forward pass, and Adam's learning rate for weights of
    which both sides grow is divided by it too. For a Xavier or He rule, `stddev` is that of the rule at the shape of
    the base model.

    Parameters
    ----------
    width_mult : float or scalar tensor
        The width over that of the base model, above 0.
    stddev : float or scalar tensor
        The standard deviation in the base model, 0 or more.
    infinite_dims : {0, 1, 2}
        How many sides of the weight grow with the width.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomNormal
        The initializer.

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
    >>> oneseed.rules.mup_normal(width_mult=4, seed=7).stddev
    0.01
    """
    width = _positive("width_mult", width_mult)
    both = checks.index("infinite_dims", infinite_dims, 0, 3) == 2
    return RandomNormal(0.0, checks.scalar("stddev", stddev) / (math.sqrt(width) if both else 1.0), seed)


def mamba_output(num_layers: int, residuals: int = 1, seed: Seed = None) -> VarianceScaling:
    """Return Mamba's initializer of output projections: uniform with variance ``1 / (3 fan_in residuals num_layers)``.

    That is PyTorch's default of linear layers, on ``[-1/sqrt(fan_in), 1/sqrt(fan_in))``, over
    ``sqrt(residuals * num_layers)``.

    Parameters
    ----------
    num_layers : int
        The layers of the network, 1 or more.
    residuals : int
        How many weights of a layer write into the residual stream, 1 or more; 2 if layers have an MLP.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    VarianceScaling
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mamba_output(num_layers=4, seed=7).describe((16, 8)).distribution.limit
    0.125
    """
    total = checks.index("num_layers", num_layers, 1, MANY) * checks.index("residuals", residuals, 1, MANY)
    return VarianceScaling(1 / (3 * total), "fan_in", "uniform", seed)


def mamba_dt_weight(dt_rank: int, scale: Any = 1.0, seed: Seed = None) -> RandomUniform:
    """Return Mamba's initializer of the step size's projection: uniform on ``+-scale / sqrt(dt_rank)``.

    Its bias is `oneseed.initializers.MambaDtBias`.

    Parameters
    ----------
    dt_rank : int
        The rank of the projection, 1 or more.
    scale : float or scalar tensor
        The scale, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomUniform
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mamba_dt_weight(dt_rank=16, seed=7).maxval
    0.25
    """
    limit = _positive("scale", scale) / math.sqrt(checks.index("dt_rank", dt_rank, 1, MANY))
    return RandomUniform(-limit, limit, seed)


def _positive(argument: str, value: Any) -> float:
    number = checks.scalar(argument, value)
    if number <= 0:
        raise ValueError(f"`{argument}` must be above 0. Received: {argument}={value!r}")
    return float(number)


def _depths(encoder_layers: Any, decoder_layers: Any) -> tuple[int, int]:
    n = checks.index("encoder_layers", encoder_layers, 0, MANY)
    m = checks.index("decoder_layers", decoder_layers, 0, MANY)
    if not n + m:
        raise ValueError(
            "`encoder_layers` or `decoder_layers` must be above 0. Received: encoder_layers=0, decoder_layers=0"
        )
    return n, m
