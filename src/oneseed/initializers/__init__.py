"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every alias in snake case as the class itself (``he_normal is HeNormal``, as in Keras; but
no ``sum``, which is Python's own), and `get`, `serialize`, `deserialize` and `register`.
"""

from oneseed.initializers.base import Initializer
from oneseed.initializers.composed.blocks import Blockwise, PerGroup
from oneseed.initializers.composed.combination import Partial, Scaled, Sum
from oneseed.initializers.composed.files import FromFile
from oneseed.initializers.convolutions.aware import ConvolutionAware
from oneseed.initializers.convolutions.filters import Bilinear, DownsamplingFilter, UpsamplingFilter
from oneseed.initializers.convolutions.fourier import STFT
from oneseed.initializers.convolutions.orthogonal import ConvolutionOrthogonal, DeltaOrthogonal, GlorotOrthogonal
from oneseed.initializers.elementwise.by_shape import FanInUniform, RandomWalk, ScaledUniform, Siren, UniformUnitScaling
from oneseed.initializers.elementwise.constants import Assign, Constant, Ones, Zeros
from oneseed.initializers.elementwise.discrete import PositiveUnitBall, RandomSign, UniformInt
from oneseed.initializers.elementwise.gains import calculate_gain
from oneseed.initializers.elementwise.random import RandomNormal, RandomUniform, TruncatedNormal
from oneseed.initializers.elementwise.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from oneseed.initializers.elementwise.sequences import NaN, PriorProbability, Range
from oneseed.initializers.matrices.identity import Dirac, Identity, NoisyIdentity
from oneseed.initializers.matrices.orthogonal import Orthogonal
from oneseed.initializers.matrices.sparse import Sparse
from oneseed.initializers.matrices.spectral import Spectral
from oneseed.initializers.matrices.zero import ZerO
from oneseed.initializers.names import register
from oneseed.initializers.sequences.recurrent import FusedRNN, UnitForgetBias
from oneseed.initializers.sequences.reservoirs import Cluster, EchoState, SmallWorld
from oneseed.initializers.sequences.rings import Line, Ring
from oneseed.initializers.sequences.state_space import S4D, HiPPO, MambaA, MambaDtBias
from oneseed.initializers.serialization import deserialize, get, serialize

bilinear = Bilinear
blockwise = Blockwise
cluster = Cluster
constant = Constant
convolution_aware = ConvolutionAware
convolution_orthogonal = ConvolutionOrthogonal
delta_orthogonal = DeltaOrthogonal
dirac = Dirac
downsampling_filter = DownsamplingFilter
echo_state = EchoState
fan_in_uniform = FanInUniform
from_file = FromFile
fused_rnn = FusedRNN
glorot_normal = GlorotNormal
glorot_orthogonal = GlorotOrthogonal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
hippo = HiPPO
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
line = Line
mamba_a = MambaA
mamba_dt_bias = MambaDtBias
nan = NaN
noisy_identity = NoisyIdentity
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
ring = Ring
s4d = S4D
scaled = Scaled
scaled_uniform = ScaledUniform
siren = Siren
small_world = SmallWorld
sparse = Sparse
spectral = Spectral
stft = STFT
truncated_normal = TruncatedNormal
uniform_int = UniformInt
uniform_unit_scaling = UniformUnitScaling
unit_forget_bias = UnitForgetBias
upsampling_filter = UpsamplingFilter
variance_scaling = VarianceScaling
zer_o = ZerO
zeros = Zeros

__all__ = [
    "S4D",
    "STFT",
    "Assign",
    "Bilinear",
    "Blockwise",
    "Cluster",
    "Constant",
    "ConvolutionAware",
    "ConvolutionOrthogonal",
    "DeltaOrthogonal",
    "Dirac",
    "DownsamplingFilter",
    "EchoState",
    "FanInUniform",
    "FromFile",
    "FusedRNN",
    "GlorotNormal",
    "GlorotOrthogonal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HiPPO",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Line",
    "MambaA",
    "MambaDtBias",
    "NaN",
    "NoisyIdentity",
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
    "Ring",
    "Scaled",
    "ScaledUniform",
    "Siren",
    "SmallWorld",
    "Sparse",
    "Spectral",
    "Sum",
    "TruncatedNormal",
    "UniformInt",
    "UniformUnitScaling",
    "UnitForgetBias",
    "UpsamplingFilter",
    "VarianceScaling",
    "ZerO",
    "Zeros",
    "bilinear",
    "blockwise",
    "calculate_gain",
    "cluster",
    "constant",
    "convolution_aware",
    "convolution_orthogonal",
    "delta_orthogonal",
    "deserialize",
    "dirac",
    "downsampling_filter",
    "echo_state",
    "fan_in_uniform",
    "from_file",
    "fused_rnn",
    "get",
    "glorot_normal",
    "glorot_orthogonal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "hippo",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "line",
    "mamba_a",
    "mamba_dt_bias",
    "nan",
    "noisy_identity",
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
    "ring",
    "s4d",
    "scaled",
    "scaled_uniform",
    "serialize",
    "siren",
    "small_world",
    "sparse",
    "spectral",
    "stft",
    "truncated_normal",
    "uniform_int",
    "uniform_unit_scaling",
    "unit_forget_bias",
    "upsampling_filter",
    "variance_scaling",
    "zer_o",
    "zeros",
]
