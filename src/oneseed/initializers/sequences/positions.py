"""Numbers by position: sinusoids, frequencies of rotary positions, slopes of linear biases, ramps over heads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import Shape
from oneseed.distributions import Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import narrowed
from oneseed.exact import functions
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ByPlace(Structured):
    """A function of the place alone, computed in float64 and rounded once."""

    name: ClassVar[str] = "by_place"

    kind: str
    options: tuple[float, ...]

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"kind": self.kind, "options": list(self.options)}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` is not a float dtype."""
        check_float(dtype)

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Compute the block."""
        places = [np.arange(at, at + size, dtype=np.float64) for at, size in zip(draw.offset, draw.block, strict=True)]
        table = _FUNCTIONS[self.kind](places, draw.shape, *self.options)
        return narrowed(np.broadcast_to(table, draw.block), draw.dtype)


def _rank(target: Target, rank: int) -> None:
    if len(target.shape) != rank:
        raise ValueError(f"`shape` must have {rank} axes. Received: shape={target.shape}")


@known(
    "sinusoidal",
    group="Constants and stored values",
    formula="`sin` and `cos` of `position / base**(2 i / width)`",
    use="Fixed position embeddings of the first transformers, of BERT-like encoders and of Whisper.",
    example="Sinusoidal()",
    shape=(32, 24),
)
class Sinusoidal(Initializer, repeats=True):
    """Fill a table of positions with sines and cosines of geometrically spaced frequencies.

    ``w[p, 2 i] = sin(p f_i)`` and ``w[p, 2 i + 1] = cos(p f_i)``, ``f_i = base**(-2 i / width)``. With `halves`, all
    sines come before all cosines, and ``f_i = base**(-i / (width / 2 - 1))``, as in Whisper and tensor2tensor.

    Parameters
    ----------
    base : float
        The ratio of the largest wavelength to the smallest, above 1.
    halves : bool
        Whether sines and cosines lie in a half each.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `base` is not above 1. At the call, if the shape does not have 2 axes of which the last is even, or the dtype
        is not a float.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Sinusoidal()((2, 2)).round(4).tolist()
    [[0.0, 1.0], [0.8414999842643738, 0.5403000116348267]]
    """

    def __init__(self, base: Any = 10000.0, halves: bool = False) -> None:
        self.base = _above_one(base)
        self.halves = checks.boolean("halves", halves)

    def distribution_for(self, target: Target) -> ByPlace:
        """Return the distribution for a tensor."""
        _rank(target, 2)
        if target.shape[1] % 2:
            raise ValueError(f"`shape` must have an even number of columns. Received: shape={target.shape}")
        return ByPlace("sinusoidal", (self.base, float(self.halves)))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"base": self.base, "halves": self.halves}


@known(
    "rotary_frequencies",
    group="Constants and stored values",
    formula="`w_i = base**(-i / n)`",
    use="`inv_freq` of rotary position embeddings, of half the size of a head.",
    example="RotaryFrequencies()",
    shape=(32,),
)
class RotaryFrequencies(Initializer, repeats=True):
    """Fill a vector with the frequencies of rotary positions: ``base**(-i / n)`` for i = 0 ... n - 1.

    Parameters
    ----------
    base : float
        The ratio of the largest wavelength to the smallest, above 1.

    Raises
    ------
    TypeError
        If `base` is not a number.
    ValueError
        If it is not above 1. At the call, if the shape does not have 1 axis, or the dtype is not a float.

    References
    ----------
    Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.RotaryFrequencies(10000.0)((4,)).round(4).tolist()
    [1.0, 0.10000000149011612, 0.009999999776482582, 0.0010000000474974513]
    """

    def __init__(self, base: Any = 10000.0) -> None:
        self.base = _above_one(base)

    def distribution_for(self, target: Target) -> ByPlace:
        """Return the distribution for a tensor."""
        _rank(target, 1)
        return ByPlace("rotary", (self.base,))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"base": self.base}


@known(
    "alibi_slopes",
    group="Constants and stored values",
    formula="`w_h = 2**(-8 h / n)`, h = 1 ... n",
    use="Attention with linear biases, one slope for each head.",
    example="AlibiSlopes()",
    shape=(16,),
)
class AlibiSlopes(Initializer, repeats=True):
    """Fill a vector with the slopes of linear attention biases, one for each head.

    For a power of two, ``n`` heads have ``2**(-8 h / n)``, h = 1 ... n. Other numbers of heads have those of the power
    of two below, and then every other one of twice that power.

    Raises
    ------
    ValueError
        At the call, if the shape does not have 1 axis, or the dtype is not a float.

    References
    ----------
    Press, Smith and Lewis, "Train short, test long: Attention with linear biases enables input length extrapolation",
    ICLR 2022.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.AlibiSlopes()((4,)).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """

    def distribution_for(self, target: Target) -> ByPlace:
        """Return the distribution for a tensor."""
        _rank(target, 1)
        return ByPlace("alibi", ())


@known(
    "ramp",
    group="Constants and stored values",
    formula="from `first` to `last` in equal steps along the last axis",
    use="Forget gate biases of xLSTM, `Ramp(3, 6)`; decays that grow from channel to channel.",
    example="Ramp(3.0, 6.0)",
    shape=(8, 24),
)
class Ramp(Initializer, repeats=True):
    """Fill a tensor with numbers in equal steps along its last axis, from `first` to `last`, both included.

    Parameters
    ----------
    first, last : float
        The ends. A single element is `first`.
    power : float
        The power of the position in [0, 1] that the steps go by, above 0; 1 is equal steps. RWKV's decays have one that
        depends on the layer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is not finite, or `power` not above 0. At the call, if the shape is that of a scalar, or the dtype is not
        a float.

    References
    ----------
    Beck et al., "xLSTM: Extended long short-term memory", NeurIPS 2024; Peng et al., "RWKV: Reinventing RNNs for the
    transformer era", EMNLP 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Ramp(3.0, 6.0)((4,)).tolist()
    [3.0, 4.0, 5.0, 6.0]
    """

    def __init__(self, first: Any, last: Any, power: Any = 1.0) -> None:
        self.first, self.last = float(checks.scalar("first", first)), float(checks.scalar("last", last))
        self.power = float(checks.positive("power", power))

    def distribution_for(self, target: Target) -> ByPlace:
        """Return the distribution for a tensor."""
        if not target.shape:
            raise ValueError(f"`shape` must have an axis. Received: shape={target.shape}")
        return ByPlace("ramp", (self.first, self.last, self.power))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"first": self.first, "last": self.last, "power": self.power}


def _above_one(base: Any) -> float:
    found = float(checks.scalar("base", base))
    if found <= 1:
        raise ValueError(f"`base` must be above 1. Received: base={base!r}")
    return found


def _sinusoidal(places: list[Array], shape: Shape, base: float, halves: float) -> Array:
    positions, columns = places
    width = shape[1]
    half = width // 2
    pair = columns % half if halves else columns // 2
    cosines = columns >= half if halves else columns % 2 == 1
    exponents = pair / max(1, half - 1) if halves else 2 * pair / width
    angles = positions[:, None] * functions.exp(-exponents * functions.log(np.array(base, np.float64)))
    return np.where(cosines, functions.cos(angles), functions.sin(angles))


def _rotary(places: list[Array], shape: Shape, base: float) -> Array:
    return functions.exp(-(places[0] / shape[0]) * functions.log(np.array(base, np.float64)))


def _alibi(places: list[Array], shape: Shape) -> Array:
    heads = places[0]
    below = 1 << max(0, shape[0].bit_length() - 1)
    exponents = np.where(heads < below, 8 * (heads + 1) / below, 4 * (2 * (heads - below) + 1) / below)
    whole = np.floor(exponents)
    return np.ldexp(functions.exp(-(exponents - whole) * functions.LN2), -whole.astype(np.int64))


def _ramp(places: list[Array], shape: Shape, first: float, last: float, power: float) -> Array:
    along = places[-1] / max(1, shape[-1] - 1)
    return first + (last - first) * functions.power(along, np.array(power, np.float64))


_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "alibi": _alibi,
    "ramp": _ramp,
    "rotary": _rotary,
    "sinusoidal": _sinusoidal,
}
