"""The distributions that an initializer can ask for: a few numbers each, and no framework.

A backend knows how to draw the *sampled* ones itself, element by element: `Fill`, `Normal`, `TruncatedNormal`,
`Uniform`, `Integers`, `Complex`. *Structured* ones are computed on the host, in NumPy, and handed over: `Values` of an
array, an `Elementwise` function of random values, orthogonal matrices (`Haar`), and any subclass of `Structured`.
"""

from oneseed.distributions.orthogonal import Haar
from oneseed.distributions.sampled import (
    Complex,
    Fill,
    Integers,
    Normal,
    TruncatedNormal,
    Uniform,
    check_fits,
)
from oneseed.distributions.structured import Elementwise, Structured, Values
from oneseed.draws import Distribution

__all__ = [
    "Complex",
    "Distribution",
    "Elementwise",
    "Fill",
    "Haar",
    "Integers",
    "Normal",
    "Structured",
    "TruncatedNormal",
    "Uniform",
    "Values",
    "check_fits",
]
