"""Rules by which the depth and the width of a network scale its initial weights.

Each function returns an ordinary initializer, or the constants of the rule. ``N`` is the number of encoder layers,
``M`` that of decoder layers.
"""

from oneseed.rules.language import (
    depth_scaled_normal,
    mamba_dt_weight,
    mamba_output,
    mitchell,
    mup_normal,
    scaled_normal,
)
from oneseed.rules.residual import (
    Depths,
    Scales,
    TFixup,
    deepnorm,
    fixup,
    subln,
    tfixup,
    xavier,
)

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
