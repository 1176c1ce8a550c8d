"""The names of initializers: classes, Keras's aliases old and new, and custom classes."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from oneseed.checks import nearest
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
from oneseed.initializers.sequences.recurrent import FusedRNN, UnitForgetBias
from oneseed.initializers.sequences.reservoirs import Cluster, EchoState, SmallWorld
from oneseed.initializers.sequences.rings import Line, Ring
from oneseed.initializers.sequences.state_space import S4D, HiPPO, MambaA, MambaDtBias

Class = TypeVar("Class", bound=type)

SHORTCUTS: dict[str, type[Initializer]] = {
    "assign": Assign,
    "bilinear": Bilinear,
    "blockwise": Blockwise,
    "cluster": Cluster,
    "constant": Constant,
    "convolution_aware": ConvolutionAware,
    "convolution_orthogonal": ConvolutionOrthogonal,
    "delta_orthogonal": DeltaOrthogonal,
    "dirac": Dirac,
    "downsampling_filter": DownsamplingFilter,
    "echo_state": EchoState,
    "fan_in_uniform": FanInUniform,
    "from_file": FromFile,
    "fused_rnn": FusedRNN,
    "glorot_normal": GlorotNormal,
    "glorot_orthogonal": GlorotOrthogonal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "hippo": HiPPO,
    "identity": Identity,
    "initializer": Initializer,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "line": Line,
    "mamba_a": MambaA,
    "mamba_dt_bias": MambaDtBias,
    "nan": NaN,
    "noisy_identity": NoisyIdentity,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "partial": Partial,
    "per_group": PerGroup,
    "positive_unit_ball": PositiveUnitBall,
    "prior_probability": PriorProbability,
    "random_normal": RandomNormal,
    "random_sign": RandomSign,
    "random_uniform": RandomUniform,
    "random_walk": RandomWalk,
    "range": Range,
    "ring": Ring,
    "s4d": S4D,
    "scaled": Scaled,
    "scaled_uniform": ScaledUniform,
    "siren": Siren,
    "small_world": SmallWorld,
    "sparse": Sparse,
    "spectral": Spectral,
    "stft": STFT,
    "sum": Sum,
    "truncated_normal": TruncatedNormal,
    "uniform_int": UniformInt,
    "uniform_unit_scaling": UniformUnitScaling,
    "unit_forget_bias": UnitForgetBias,
    "upsampling_filter": UpsamplingFilter,
    "variance_scaling": VarianceScaling,
    "zer_o": ZerO,
    "zeros": Zeros,
}
"""Each class under its name in snake case."""

_HAND_MADE: dict[str, type[Initializer]] = {
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "XavierNormal": GlorotNormal,
    "XavierUniform": GlorotUniform,
    "kaiming_normal": HeNormal,
    "kaiming_uniform": HeUniform,
    "KaimingNormal": HeNormal,
    "KaimingUniform": HeUniform,
    "InitializerFromFile": FromFile,
    "PositiveUnitball": PositiveUnitBall,
    "positive_unitball": PositiveUnitBall,
    "RangeInitializer": Range,
    "UniformIntInitializer": UniformInt,
    "UniformScaling": UniformUnitScaling,
    "uniform_scaling": UniformUnitScaling,
    "rademacher": RandomSign,
}

_VERSIONED = (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
_SHORTCUTS_VERSIONED = (
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
)

ALIASES: dict[str, type[Initializer]] = {
    **SHORTCUTS,
    **{cls.__name__: cls for cls in SHORTCUTS.values()},
    **{f"{cls.__name__}V2": cls for cls in _VERSIONED},
    **{f"{name}V2": SHORTCUTS[name] for name in _SHORTCUTS_VERSIONED},
    **_HAND_MADE,
}
"""Every string that stands for a built-in class."""

_custom: dict[str, type] = {}
"""Registered classes by "package>name"."""


@overload
def register(cls: Class) -> Class: ...
@overload
def register(*, package: str = "Custom", name: str | None = None) -> Callable[[Class], Class]: ...
def register(cls: Any = None, *, package: str = "Custom", name: str | None = None) -> Any:
    """Make a custom class known, so that `get` and `deserialize` find it by its name.

    Parameters
    ----------
    cls : type, optional
        The class, where `register` is used as a decorator without arguments.
    package : str
        What tells it from others of the same name.
    name : str, optional
        Its name; None is the class's own.

    Returns
    -------
    type or callable
        The class itself, or the decorator.

    Raises
    ------
    TypeError
        If what is decorated is not a class, or `package` or `name` is not a str.
    ValueError
        If the name is another class's.

    Examples
    --------
    >>> import oneseed
    >>> @oneseed.initializers.register(package="readme")
    ... class Sevens(oneseed.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return oneseed.initializers.Constant(7)(shape, dtype)
    >>> oneseed.initializers.get("readme>Sevens")((2,))
    array([7., 7.], dtype=float32)
    """
    for argument, value in (("package", package), ("name", name)):
        if not isinstance(value, str) and not (argument == "name" and value is None):
            raise TypeError(f"`{argument}` must be a str. Received: {argument}={value!r}")

    def decorate(custom: Any) -> Any:
        if not isinstance(custom, type):
            raise TypeError(f"`register` must decorate a class. Received: {custom!r}")
        full = f"{package}>{name or custom.__name__}"
        known = _custom.get(full, custom)
        # The same class defined again, as in a notebook, replaces its former self.
        if (known.__module__, known.__qualname__) != (custom.__module__, custom.__qualname__):
            raise ValueError(
                f"The name {full!r} belongs to {known.__module__}.{known.__qualname__}; choose another `package` "
                f"or `name`. Received: {custom!r}"
            )
        _custom[full] = custom
        return custom

    return decorate if cls is None else decorate(cls)


def registered_name(cls: type) -> str | None:
    """Return "package>name" of a registered class, else None."""
    return next((name for name, custom in _custom.items() if custom is cls), None)


def find(name: str) -> Any:
    """Return what a name stands for: a built-in class or a registered one.

    Parameters
    ----------
    name : str
        A class name, an alias, "package>name", or a registered class's bare name if only one has it.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ValueError
        If nothing has this name.
    """
    cls = ALIASES.get(name) or find_registered(name)
    if cls is not None:
        return cls
    known = sorted({*SHORTCUTS, *_custom} - {"initializer", "assign"})
    raise ValueError(
        f"Unknown initializer {name!r}.{nearest(name, [*ALIASES, *_custom])} Known ones are "
        f"{', '.join(known)}; a custom class must be registered with `oneseed.initializers.register`. "
        f"Received: identifier={name!r}"
    )


def find_registered(name: str) -> Any:
    """Return the registered class of a name, in full or bare if only one has it; None if there is none."""
    bare = [cls for full, cls in _custom.items() if full.rpartition(">")[2] == name]
    return _custom.get(name) or (bare[0] if len(bare) == 1 else None)
