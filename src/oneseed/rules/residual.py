"""Rules for residual networks without, or with other, normalization: DeepNorm, Sub-LN, Fixup, T-Fixup."""

import math
from typing import Any, NamedTuple

from oneseed import checks
from oneseed.initializers.elementwise.scaling import VarianceScaling
from oneseed.rules.numbers import MANY, Seed, squared


class Scales(NamedTuple):
    """The constants of a rule for a residual block.

    Attributes
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

    Attributes
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

    Attributes
    ----------
    encoder, decoder : float or None
        What Xavier weights of value and output projections and of the feed-forward layers are multiplied by; None where
        there are no layers.
    embedding : float or None
        What embeddings drawn with a variance of ``1/d`` are multiplied by; None where there is no decoder, which the
        rule does not speak of.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.tfixup(encoder_layers=1).encoder
    0.67
    """

    encoder: float | None
    decoder: float | None
    embedding: float | None


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
    return VarianceScaling(squared("gain", gain), "fan_avg", "untruncated_normal", seed)


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
        If an argument is not an integer.
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
        If an argument is not an integer.
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
        If an argument is not an integer.
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


def _depths(encoder_layers: Any, decoder_layers: Any) -> tuple[int, int]:
    n = checks.index("encoder_layers", encoder_layers, 0, MANY)
    m = checks.index("decoder_layers", decoder_layers, 0, MANY)
    if not n + m:
        raise ValueError(
            "`encoder_layers` or `decoder_layers` must be above 0. Received: encoder_layers=0, decoder_layers=0"
        )
    return n, m
