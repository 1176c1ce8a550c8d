"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every alias in snake case as the class itself (``he_normal is HeNormal``, as in Keras), and
`get`, `serialize`, `deserialize` and `register`.
"""

from oneseed.initializers.base import Initializer
from oneseed.initializers.constants import Assign, Constant, Ones, Zeros
from oneseed.initializers.fourier import STFT
from oneseed.initializers.haar import Orthogonal
from oneseed.initializers.names import register
from oneseed.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from oneseed.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from oneseed.initializers.serialization import deserialize, get, serialize
from oneseed.initializers.structured import Identity

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "STFT",
    "Assign",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "register",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
