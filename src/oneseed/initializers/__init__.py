"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every alias in snake case as the class itself (``he_normal is HeNormal``, as in Keras), and
`get`, `serialize`, `deserialize` and `register`.
"""

from oneseed.initializers.base import Initializer
from oneseed.initializers.by_shape import FanInUniform, RandomWalk, ScaledUniform, Siren, UniformUnitScaling
from oneseed.initializers.constants import Assign, Constant, Ones, Zeros
from oneseed.initializers.discrete import PositiveUnitBall, RandomSign, UniformInt
from oneseed.initializers.files import FromFile
from oneseed.initializers.fourier import STFT
from oneseed.initializers.gains import calculate_gain
from oneseed.initializers.haar import Orthogonal
from oneseed.initializers.markers import NaN, PriorProbability, Range
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
fan_in_uniform = FanInUniform
from_file = FromFile
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
nan = NaN
ones = Ones
orthogonal = Orthogonal
positive_unit_ball = PositiveUnitBall
prior_probability = PriorProbability
random_normal = RandomNormal
random_sign = RandomSign
random_uniform = RandomUniform
random_walk = RandomWalk
scaled_uniform = ScaledUniform
siren = Siren
stft = STFT
truncated_normal = TruncatedNormal
uniform_int = UniformInt
uniform_unit_scaling = UniformUnitScaling
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "STFT",
    "Assign",
    "Constant",
    "FanInUniform",
    "FromFile",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "NaN",
    "Ones",
    "Orthogonal",
    "PositiveUnitBall",
    "PriorProbability",
    "RandomNormal",
    "RandomSign",
    "RandomUniform",
    "RandomWalk",
    "Range",
    "ScaledUniform",
    "Siren",
    "TruncatedNormal",
    "UniformInt",
    "UniformUnitScaling",
    "VarianceScaling",
    "Zeros",
    "calculate_gain",
    "constant",
    "deserialize",
    "fan_in_uniform",
    "from_file",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "nan",
    "ones",
    "orthogonal",
    "positive_unit_ball",
    "prior_probability",
    "random_normal",
    "random_sign",
    "random_uniform",
    "random_walk",
    "register",
    "scaled_uniform",
    "serialize",
    "siren",
    "stft",
    "truncated_normal",
    "uniform_int",
    "uniform_unit_scaling",
    "variance_scaling",
    "zeros",
]
