"""Written by tests/tools/make_stub.py from the register of initializers."""

from oneseed.initializers.base import Initializer as Initializer
from oneseed.initializers.base import RandomInitializer as RandomInitializer
from oneseed.initializers.composed.blocks import Blockwise as Blockwise
from oneseed.initializers.composed.blocks import PerGroup as PerGroup
from oneseed.initializers.composed.combination import Partial as Partial
from oneseed.initializers.composed.combination import Scaled as Scaled
from oneseed.initializers.composed.combination import Sum as Sum
from oneseed.initializers.composed.computed import At as At
from oneseed.initializers.composed.computed import Computed as Computed
from oneseed.initializers.composed.computed import Overlay as Overlay
from oneseed.initializers.composed.files import FromFile as FromFile
from oneseed.initializers.convolutions.aware import ConvolutionAware as ConvolutionAware
from oneseed.initializers.convolutions.filters import Bilinear as Bilinear
from oneseed.initializers.convolutions.filters import DownsamplingFilter as DownsamplingFilter
from oneseed.initializers.convolutions.filters import UpsamplingFilter as UpsamplingFilter
from oneseed.initializers.convolutions.fourier import STFT as STFT
from oneseed.initializers.convolutions.orthogonal import ConvolutionOrthogonal as ConvolutionOrthogonal
from oneseed.initializers.convolutions.orthogonal import DeltaOrthogonal as DeltaOrthogonal
from oneseed.initializers.convolutions.orthogonal import GlorotOrthogonal as GlorotOrthogonal
from oneseed.initializers.elementwise.by_depth import SmallInit as SmallInit
from oneseed.initializers.elementwise.by_depth import WangInit as WangInit
from oneseed.initializers.elementwise.by_shape import FanInUniform as FanInUniform
from oneseed.initializers.elementwise.by_shape import RandomWalk as RandomWalk
from oneseed.initializers.elementwise.by_shape import ScaledUniform as ScaledUniform
from oneseed.initializers.elementwise.by_shape import Siren as Siren
from oneseed.initializers.elementwise.by_shape import UniformUnitScaling as UniformUnitScaling
from oneseed.initializers.elementwise.constants import Assign as Assign
from oneseed.initializers.elementwise.constants import Constant as Constant
from oneseed.initializers.elementwise.constants import Ones as Ones
from oneseed.initializers.elementwise.constants import Zeros as Zeros
from oneseed.initializers.elementwise.decays import LRUPhase as LRUPhase
from oneseed.initializers.elementwise.decays import LRURadius as LRURadius
from oneseed.initializers.elementwise.decays import LogUniform as LogUniform
from oneseed.initializers.elementwise.decays import RGLRU as RGLRU
from oneseed.initializers.elementwise.decays import UniformLog as UniformLog
from oneseed.initializers.elementwise.discrete import PositiveUnitBall as PositiveUnitBall
from oneseed.initializers.elementwise.discrete import RandomSign as RandomSign
from oneseed.initializers.elementwise.discrete import UniformInt as UniformInt
from oneseed.initializers.elementwise.gains import calculate_gain as calculate_gain
from oneseed.initializers.elementwise.random import RandomNormal as RandomNormal
from oneseed.initializers.elementwise.random import RandomUniform as RandomUniform
from oneseed.initializers.elementwise.random import TruncatedNormal as TruncatedNormal
from oneseed.initializers.elementwise.scaling import VarianceScaling as VarianceScaling
from oneseed.initializers.elementwise.scaling_by_name import GlorotNormal as GlorotNormal
from oneseed.initializers.elementwise.scaling_by_name import GlorotUniform as GlorotUniform
from oneseed.initializers.elementwise.scaling_by_name import HeNormal as HeNormal
from oneseed.initializers.elementwise.scaling_by_name import HeUniform as HeUniform
from oneseed.initializers.elementwise.scaling_by_name import LecunNormal as LecunNormal
from oneseed.initializers.elementwise.scaling_by_name import LecunUniform as LecunUniform
from oneseed.initializers.elementwise.sequences import NaN as NaN
from oneseed.initializers.elementwise.sequences import PriorProbability as PriorProbability
from oneseed.initializers.elementwise.sequences import Range as Range
from oneseed.initializers.elementwise.stored import Stored as Stored
from oneseed.initializers.matrices.features import OrthogonalFeatures as OrthogonalFeatures
from oneseed.initializers.matrices.identity import Dirac as Dirac
from oneseed.initializers.matrices.identity import Identity as Identity
from oneseed.initializers.matrices.identity import NoisyIdentity as NoisyIdentity
from oneseed.initializers.matrices.orthogonal import Orthogonal as Orthogonal
from oneseed.initializers.matrices.padded import IDInit as IDInit
from oneseed.initializers.matrices.sparse import Sparse as Sparse
from oneseed.initializers.matrices.spectral import Spectral as Spectral
from oneseed.initializers.matrices.zero import ZerO as ZerO
from oneseed.initializers.names import register as register
from oneseed.initializers.sequences.mamba import MambaA as MambaA
from oneseed.initializers.sequences.mamba import MambaDtBias as MambaDtBias
from oneseed.initializers.sequences.positions import AlibiSlopes as AlibiSlopes
from oneseed.initializers.sequences.positions import Ramp as Ramp
from oneseed.initializers.sequences.positions import RotaryFrequencies as RotaryFrequencies
from oneseed.initializers.sequences.positions import Sinusoidal as Sinusoidal
from oneseed.initializers.sequences.recurrent import FusedRNN as FusedRNN
from oneseed.initializers.sequences.recurrent import UnitForgetBias as UnitForgetBias
from oneseed.initializers.sequences.reservoir_inputs import ReservoirInput as ReservoirInput
from oneseed.initializers.sequences.reservoirs import Cluster as Cluster
from oneseed.initializers.sequences.reservoirs import EchoState as EchoState
from oneseed.initializers.sequences.rings import Line as Line
from oneseed.initializers.sequences.rings import Ring as Ring
from oneseed.initializers.sequences.small_world import SmallWorld as SmallWorld
from oneseed.initializers.sequences.state_inputs import S4DB as S4DB
from oneseed.initializers.sequences.state_space import HiPPO as HiPPO
from oneseed.initializers.sequences.state_space import S4D as S4D
from oneseed.initializers.serialization import deserialize as deserialize
from oneseed.initializers.serialization import get as get
from oneseed.initializers.serialization import serialize as serialize

IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
STFTInitializer = STFT
alibi_slopes = AlibiSlopes
assign = Assign
at = At
bilinear = Bilinear
blockwise = Blockwise
cluster = Cluster
computed = Computed
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
id_init = IDInit
identity = Identity
initializer = Initializer
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
line = Line
log_uniform = LogUniform
lru_phase = LRUPhase
lru_radius = LRURadius
mamba_a = MambaA
mamba_dt_bias = MambaDtBias
nan = NaN
noisy_identity = NoisyIdentity
ones = Ones
orthogonal = Orthogonal
orthogonal_features = OrthogonalFeatures
overlay = Overlay
partial = Partial
per_group = PerGroup
positive_unit_ball = PositiveUnitBall
prior_probability = PriorProbability
ramp = Ramp
random_normal = RandomNormal
random_sign = RandomSign
random_uniform = RandomUniform
random_walk = RandomWalk
reservoir_input = ReservoirInput
rg_lru = RGLRU
ring = Ring
rotary_frequencies = RotaryFrequencies
s4d = S4D
s4d_b = S4DB
scaled = Scaled
scaled_uniform = ScaledUniform
sinusoidal = Sinusoidal
siren = Siren
small_init = SmallInit
small_world = SmallWorld
sparse = Sparse
spectral = Spectral
stft = STFT
stored = Stored
truncated_normal = TruncatedNormal
uniform_int = UniformInt
uniform_log = UniformLog
uniform_unit_scaling = UniformUnitScaling
unit_forget_bias = UnitForgetBias
upsampling_filter = UpsamplingFilter
variance_scaling = VarianceScaling
wang_init = WangInit
zer_o = ZerO
zeros = Zeros

__all__ = [
    "RGLRU",
    "S4D",
    "S4DB",
    "STFT",
    "AlibiSlopes",
    "Assign",
    "At",
    "Bilinear",
    "Blockwise",
    "Cluster",
    "Computed",
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
    "IDInit",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LRUPhase",
    "LRURadius",
    "LecunNormal",
    "LecunUniform",
    "Line",
    "LogUniform",
    "MambaA",
    "MambaDtBias",
    "NaN",
    "NoisyIdentity",
    "Ones",
    "Orthogonal",
    "OrthogonalFeatures",
    "OrthogonalInitializer",
    "Overlay",
    "Partial",
    "PerGroup",
    "PositiveUnitBall",
    "PriorProbability",
    "Ramp",
    "RandomInitializer",
    "RandomNormal",
    "RandomSign",
    "RandomUniform",
    "RandomWalk",
    "Range",
    "ReservoirInput",
    "Ring",
    "RotaryFrequencies",
    "STFTInitializer",
    "Scaled",
    "ScaledUniform",
    "Sinusoidal",
    "Siren",
    "SmallInit",
    "SmallWorld",
    "Sparse",
    "Spectral",
    "Stored",
    "Sum",
    "TruncatedNormal",
    "UniformInt",
    "UniformLog",
    "UniformUnitScaling",
    "UnitForgetBias",
    "UpsamplingFilter",
    "VarianceScaling",
    "WangInit",
    "ZerO",
    "Zeros",
    "alibi_slopes",
    "assign",
    "at",
    "bilinear",
    "blockwise",
    "calculate_gain",
    "cluster",
    "computed",
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
    "id_init",
    "identity",
    "initializer",
    "lecun_normal",
    "lecun_uniform",
    "line",
    "log_uniform",
    "lru_phase",
    "lru_radius",
    "mamba_a",
    "mamba_dt_bias",
    "nan",
    "noisy_identity",
    "ones",
    "orthogonal",
    "orthogonal_features",
    "overlay",
    "partial",
    "per_group",
    "positive_unit_ball",
    "prior_probability",
    "ramp",
    "random_normal",
    "random_sign",
    "random_uniform",
    "random_walk",
    "register",
    "reservoir_input",
    "rg_lru",
    "ring",
    "rotary_frequencies",
    "s4d",
    "s4d_b",
    "scaled",
    "scaled_uniform",
    "serialize",
    "sinusoidal",
    "siren",
    "small_init",
    "small_world",
    "sparse",
    "spectral",
    "stft",
    "stored",
    "truncated_normal",
    "uniform_int",
    "uniform_log",
    "uniform_unit_scaling",
    "unit_forget_bias",
    "upsampling_filter",
    "variance_scaling",
    "wang_init",
    "zer_o",
    "zeros",
]
