"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every alias in snake case as the class itself (``he_normal is HeNormal``, as in Keras; but
no ``sum``, which is Python's own), and `get`, `serialize`, `deserialize` and `register`.
"""

from oneseed.initializers.base import Initializer
from oneseed.initializers.combination import Partial, Scaled, Sum
from oneseed.initializers.composition import Blockwise, PerGroup
from oneseed.initializers.constants import Assign, Constant, Ones, Zeros
from oneseed.initializers.fourier import STFT
from oneseed.initializers.haar import Orthogonal
from oneseed.initializers.names import register
from oneseed.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from oneseed.initializers.recurrent import FusedRNN, UnitForgetBias
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
from oneseed.initializers.state_space import S4D, HiPPO, MambaA, MambaDtBias
from oneseed.initializers.structured import Identity

blockwise = Blockwise
constant = Constant
fused_rnn = FusedRNN
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
hippo = HiPPO
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
mamba_a = MambaA
mamba_dt_bias = MambaDtBias
ones = Ones
orthogonal = Orthogonal
partial = Partial
per_group = PerGroup
random_normal = RandomNormal
random_uniform = RandomUniform
s4d = S4D
scaled = Scaled
stft = STFT
truncated_normal = TruncatedNormal
unit_forget_bias = UnitForgetBias
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "S4D",
    "STFT",
    "Assign",
    "Blockwise",
    "Constant",
    "FusedRNN",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HiPPO",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "MambaA",
    "MambaDtBias",
    "Ones",
    "Orthogonal",
    "Partial",
    "PerGroup",
    "RandomNormal",
    "RandomUniform",
    "Scaled",
    "Sum",
    "TruncatedNormal",
    "UnitForgetBias",
    "VarianceScaling",
    "Zeros",
    "blockwise",
    "constant",
    "deserialize",
    "fused_rnn",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "hippo",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "mamba_a",
    "mamba_dt_bias",
    "ones",
    "orthogonal",
    "partial",
    "per_group",
    "random_normal",
    "random_uniform",
    "register",
    "s4d",
    "scaled",
    "serialize",
    "stft",
    "truncated_normal",
    "unit_forget_bias",
    "variance_scaling",
    "zeros",
]
