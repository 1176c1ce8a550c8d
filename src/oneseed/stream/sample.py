"""From words to the values of a distribution."""

from typing import Any, NamedTuple

import numpy as np

from oneseed.dtypes import FLOAT8
from oneseed.stream.affine import affine
from oneseed.stream.arrays import Array, Arrays
from oneseed.stream.narrow import nearest_float8
from oneseed.stream.quantile import mulhi64, quantile32, quantile64

UNIFORM_BITS = {32: 24, 64: 53}


class Recipe(NamedTuple):
    """A distribution made ready for one dtype: everything but the words.

    The strings and `bits` decide which operations run; the rest are numbers. A compiled function takes them as
    arguments, and hands its own scalars to `sample` in their place: as constants they would let a compiler change bits.

    Attributes
    ----------
    kind : {"normal", "truncated_normal", "uniform", "integers"}
        The distribution.
    dtype : str
        The dtype of the values.
    working : {"float32", "float64"}
        The dtype in which they are computed; that of the values for integers.
    bits : {32, 64}
        The random bits of a value.
    scale, offset : scalar of `working` or None
        The factor and what is added; `offset` is None where nothing is, both are None for integers.
    low, high : scalar of `working` or None
        The bounds of values that have some.
    first, width : int
        The first integer of a window of random integers, in ``[0, 2**64)``, and its width, in ``[0, 2**64)``.
    """

    kind: str
    dtype: str
    working: str
    bits: int
    scale: Any = None
    offset: Any = None
    low: Any = None
    high: Any = None
    first: int = 0
    width: int = 0

    def __eq__(self, other: object) -> bool:
        """Tell whether two recipes give the same bits: unlike the numbers, 0.0 and -0.0 are two."""
        return isinstance(other, Recipe) and tuple.__eq__(self, other) and self._signs() == other._signs()

    def __ne__(self, other: object) -> bool:
        """Tell whether they give other bits; a tuple has a method of its own for that."""
        return not self == other

    def __hash__(self) -> int:
        """Hash the numbers."""
        return tuple.__hash__(self)

    def _signs(self) -> list[str]:
        return [str(x) for x in (self.scale, self.low, self.high) if x is not None and not x]


def sample(recipe: Recipe, u: Array, arrays: Arrays) -> Array:
    """Turn random bits into values.

    Parameters
    ----------
    recipe : Recipe
        What to make.
    u : array of uint32 or uint64
        One random integer of ``recipe.bits`` bits an element.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of ``recipe.dtype``
        The values, in the shape of `u`.
    """
    kind, bits, working = recipe.kind, recipe.bits, recipe.working
    if kind == "integers":
        wide = arrays.cast(u, "uint64")
        return arrays.cast(_plus((wide * recipe.width) >> 32, recipe.first), recipe.dtype)
    if kind == "uniform":
        p = UNIFORM_BITS[bits]
        whole = arrays.bits((u >> (bits - p - 1)) | 1, f"int{bits}") - 2**p
    else:
        if kind == "truncated_normal":
            if bits == 32:
                u = arrays.cast(arrays.high(arrays.lane(u), recipe.width), "uint32") + recipe.first
            else:
                u = _plus(mulhi64(u, recipe.width), recipe.first)
        whole = (quantile32 if bits == 32 else quantile64)(u, arrays)
    value = affine(arrays.cast(whole, working), _number(recipe.scale), _number(recipe.offset), arrays, working)
    if kind != "normal":
        value = arrays.clamp(value, _number(recipe.low), _number(recipe.high))
    if recipe.dtype in FLOAT8:
        value = nearest_float8(value, recipe.dtype, arrays)
    return arrays.cast(value, recipe.dtype)


def _number(scalar: Any) -> Any:
    """Return a NumPy scalar as Python's number, which every framework takes beside its arrays; all else as it is."""
    return scalar.item() if isinstance(scalar, np.generic) else scalar


def _plus(x: Array, number: Any) -> Array:
    """Add a number to an array of uint64; Python's in parts below ``2**63``, as not every framework takes more."""
    if isinstance(number, int) and number >> 63:
        half = number >> 1
        return x + half + half + (number & 1)
    return x + number
