"""Schemes of vision transformers: timm's three."""

from typing import Any

from oneseed import checks
from oneseed.initializers.composed.blocks import PerGroup
from oneseed.initializers.elementwise.by_shape import FanInUniform
from oneseed.initializers.elementwise.random import RandomNormal
from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed.rules.numbers import MANY
from oneseed.schemes.language import named


def vit_timm(patch_size: int = 16, channels: int = 3) -> Scheme:
    """Return timm's own scheme of vision transformers, on the names of its class VisionTransformer.

    Linear weights and position embeddings are normal with standard deviation 0.02, the class token with ``1e-6``;
    biases are 0 and the scales of norms 1; the patch embedding, a convolution, is PyTorch's default. timm cuts at +-2,
    which is too far out for any value to meet.

    Parameters
    ----------
    patch_size : int
        The side of a patch, 1 or more.
    channels : int
        The channels of the images, 1 or more.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If one is out of range.

    References
    ----------
    Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021; timm, ``vision_transformer.py``.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.schemes.vit_timm().match("blocks.0.attn.qkv.weight")[0].initializer.stddev
    0.02
    """
    return Scheme(
        [
            *_patches_by_default(patch_size, channels),
            Rule(named(*_LINEAR, "head"), RandomNormal(0.0, 0.02), regex=True),
            *_others(),
        ]
    )


def vit_jax(head_bias: Any = 0.0) -> Scheme:
    """Return the scheme of vision transformers that timm calls "jax", after the code of the paper.

    Linear weights are Xavier uniform and their biases 0, in the MLPs normal with standard deviation ``1e-6``; the
    head is 0, and its bias `head_bias`; the patch embedding is LeCun normal; position embeddings have standard
    deviation 0.02 and the class token ``1e-6``.

    Parameters
    ----------
    head_bias : float
        The bias of the head; ``-log(classes)`` where the loss is a sigmoid's.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If `head_bias` is not a real number.
    ValueError
        If it is NaN or infinite.

    References
    ----------
    Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021; timm, ``vision_transformer.py``.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.schemes.vit_jax(head_bias=-6.9).match("head.bias")[0].initializer
    Constant(value=-6.9)
    """
    from oneseed.initializers.elementwise.constants import Constant

    return Scheme(
        [
            Rule(named("head"), "zeros", regex=True),
            Rule(named("head", of="bias"), Constant(checks.scalar("head_bias", head_bias)), regex=True),
            Rule(named(r"patch_embed\.proj"), "lecun_normal", regex=True, axes="o i h w"),
            Rule(named(*_LINEAR), "glorot_uniform", regex=True, axes="o i"),
            Rule(named(r"mlp\.fc\d", of="bias"), RandomNormal(0.0, 1e-6), regex=True),
            *_others(),
        ]
    )


def vit_moco(patch_size: int = 16, channels: int = 3) -> Scheme:
    """Return the scheme of vision transformers that timm calls "moco", after MoCo v3.

    Linear weights are Xavier uniform, query, key and value each by its own fans; biases are 0; the rest is as in
    `vit_timm`. MoCo v3 itself has fixed position embeddings and a Xavier patch embedding.

    Parameters
    ----------
    patch_size : int
        The side of a patch, 1 or more.
    channels : int
        The channels of the images, 1 or more.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If one is out of range.

    References
    ----------
    Chen, Xie and He, "An empirical study of training self-supervised vision transformers", ICCV 2021; timm,
    ``vision_transformer.py``.

    Examples
    --------
    >>> import oneseed
    >>> plan = oneseed.schemes.vit_moco().plan({"blocks.0.attn.qkv.weight": oneseed.Parameter((36, 12), "float32")})
    >>> plan[0].distribution.parts[0].distribution.limit  # sqrt(6 / (12 + 12))
    0.5
    """
    return Scheme(
        [
            *_patches_by_default(patch_size, channels),
            Rule(named("qkv"), PerGroup("glorot_uniform", 3, 0), regex=True, axes="o i"),
            Rule(named(*_LINEAR[1:], "head"), "glorot_uniform", regex=True, axes="o i"),
            *_others(),
        ]
    )


_LINEAR = ("qkv", r"attn\.proj", r"fc\d")


def _patches_by_default(patch_size: Any, channels: Any) -> list[Rule]:
    """Return the rules of a convolution that is left to PyTorch's constructor."""
    side = checks.index("patch_size", patch_size, 1, 2**15)
    fan_in = checks.index("channels", channels, 1, MANY) * side**2
    return [Rule(named(r"patch_embed\.proj", of="(?:weight|bias)"), FanInUniform(fan_in), regex=True)]


def _others() -> list[Rule]:
    return [
        # Nothing is summed over: their elements lie in the order in which they are written.
        Rule(r"(?:.*\.)?pos_embed", RandomNormal(0.0, 0.02), regex=True, axes="b1 b2 o"),
        Rule(r"(?:.*\.)?(?:cls|reg)_token", RandomNormal(0.0, 1e-6), regex=True, axes="b1 b2 o"),
        Rule(named(r"\w*norm\w*"), "ones", regex=True),
        Rule("*.bias", "zeros"),
    ]
