"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every alias in snake case as the class itself (``he_normal is HeNormal``, as in Keras), and
`get`, `serialize`, `deserialize` and `register`.
"""

from oneseed.initializers.aware import ConvolutionAware
from oneseed.initializers.base import Initializer
from oneseed.initializers.constants import Assign, Constant, Ones, Zeros
from oneseed.initializers.filters import Bilinear, DownsamplingFilter, UpsamplingFilter
from oneseed.initializers.fourier import STFT
from oneseed.initializers.haar import Orthogonal
from oneseed.initializers.names import register
from oneseed.initializers.orthogonal_kernels import ConvolutionOrthogonal, DeltaOrthogonal, GlorotOrthogonal
from oneseed.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from oneseed.initializers.reservoirs import Cluster, EchoState, SmallWorld
from oneseed.initializers.rings import Line, Ring
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
from oneseed.initializers.sparse import Sparse
from oneseed.initializers.spectral import Spectral
from oneseed.initializers.structured import Dirac, Identity, NoisyIdentity
from oneseed.initializers.zero import ZerO

bilinear = Bilinear
cluster = Cluster
constant = Constant
convolution_aware = ConvolutionAware
convolution_orthogonal = ConvolutionOrthogonal
delta_orthogonal = DeltaOrthogonal
dirac = Dirac
downsampling_filter = DownsamplingFilter
echo_state = EchoState
glorot_normal = GlorotNormal
glorot_orthogonal = GlorotOrthogonal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
line = Line
noisy_identity = NoisyIdentity
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
ring = Ring
small_world = SmallWorld
sparse = Sparse
spectral = Spectral
stft = STFT
truncated_normal = TruncatedNormal
upsampling_filter = UpsamplingFilter
variance_scaling = VarianceScaling
zer_o = ZerO
zeros = Zeros

__all__ = [
    "STFT",
    "Assign",
    "Bilinear",
    "Cluster",
    "Constant",
    "ConvolutionAware",
    "ConvolutionOrthogonal",
    "DeltaOrthogonal",
    "Dirac",
    "DownsamplingFilter",
    "EchoState",
    "GlorotNormal",
    "GlorotOrthogonal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Line",
    "NoisyIdentity",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "Ring",
    "SmallWorld",
    "Sparse",
    "Spectral",
    "TruncatedNormal",
    "UpsamplingFilter",
    "VarianceScaling",
    "ZerO",
    "Zeros",
    "bilinear",
    "cluster",
    "constant",
    "convolution_aware",
    "convolution_orthogonal",
    "delta_orthogonal",
    "deserialize",
    "dirac",
    "downsampling_filter",
    "echo_state",
    "get",
    "glorot_normal",
    "glorot_orthogonal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "line",
    "noisy_identity",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "register",
    "ring",
    "serialize",
    "small_world",
    "sparse",
    "spectral",
    "stft",
    "truncated_normal",
    "upsampling_filter",
    "variance_scaling",
    "zer_o",
    "zeros",
]
