"""Ready schemes: how well-known models and libraries initialize, as rules on the names that their code gives.

Each function returns an ordinary `oneseed.Scheme`, to be used as it is, printed, stored, or taken apart: further rules
go before or after its own, ``Scheme([Rule("*.adapter.*", "zeros"), *gpt2().rules])``. None says what happens to
parameters that it does not know: those stop an initialization before it begins.
"""

from oneseed.schemes.language import deepnorm, gpt2, llama, mup
from oneseed.schemes.layers import Layer, keras, torch
from oneseed.schemes.vision import vit_jax, vit_moco, vit_timm

__all__ = [
    "Layer",
    "deepnorm",
    "gpt2",
    "keras",
    "llama",
    "mup",
    "torch",
    "vit_jax",
    "vit_moco",
    "vit_timm",
]
