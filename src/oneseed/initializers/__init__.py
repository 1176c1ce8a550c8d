"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every alias in snake case as the class itself (``he_normal is HeNormal``, as in Keras; but
no ``sum``, which is Python's own), and `get`, `serialize`, `deserialize` and `register`.
"""

from oneseed.initializers.base import Initializer
from oneseed.initializers.by_shape import FanInUniform, RandomWalk, ScaledUniform, Siren, UniformUnitScaling
from oneseed.initializers.combination import Partial, Scaled, Sum
from oneseed.initializers.composition import Blockwise, PerGroup
from oneseed.initializers.constants import Assign, Constant, Ones, Zeros
from oneseed.initializers.discrete import PositiveUnitBall, RandomSign, UniformInt
from oneseed.initializers.files import FromFile
from oneseed.initializers.fourier import STFT
from oneseed.initializers.gains import calculate_gain
from oneseed.initializers.haar import Orthogonal
from oneseed.initializers.markers import NaN, PriorProbability, Range
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
fan_in_uniform = FanInUniform
from_file = FromFile
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
nan = NaN
ones = Ones
orthogonal = Orthogonal
partial = Partial
per_group = PerGroup
positive_unit_ball = PositiveUnitBall
prior_probability = PriorProbability
random_normal = RandomNormal
random_sign = RandomSign
random_uniform = RandomUniform
random_walk = RandomWalk
s4d = S4D
scaled = Scaled
scaled_uniform = ScaledUniform
siren = Siren
stft = STFT
truncated_normal = TruncatedNormal
uniform_int = UniformInt
uniform_unit_scaling = UniformUnitScaling
unit_forget_bias = UnitForgetBias
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "S4D",
    "STFT",
    "Assign",
    "Blockwise",
    "Constant",
    "FanInUniform",
    "FromFile",
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
    "NaN",
    "Ones",
    "Orthogonal",
    "Partial",
    "PerGroup",
    "PositiveUnitBall",
    "PriorProbability",
    "RandomNormal",
    "RandomSign",
    "RandomUniform",
    "RandomWalk",
    "Range",
    "Scaled",
    "ScaledUniform",
    "Siren",
    "Sum",
    "TruncatedNormal",
    "UniformInt",
    "UniformUnitScaling",
    "UnitForgetBias",
    "VarianceScaling",
    "Zeros",
    "blockwise",
    "calculate_gain",
    "constant",
    "deserialize",
    "fan_in_uniform",
    "from_file",
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
    "nan",
    "ones",
    "orthogonal",
    "partial",
    "per_group",
    "positive_unit_ball",
    "prior_probability",
    "random_normal",
    "random_sign",
    "random_uniform",
    "random_walk",
    "register",
    "s4d",
    "scaled",
    "scaled_uniform",
    "serialize",
    "siren",
    "stft",
    "truncated_normal",
    "uniform_int",
    "uniform_unit_scaling",
    "unit_forget_bias",
    "variance_scaling",
    "zeros",
]
