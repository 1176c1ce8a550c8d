"""What a compiled draw takes: its static kind, its seed, and one vector of all other numbers."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.stream.elements import Halves
from oneseed.stream.sample import Recipe
from oneseed_jax.drawing.keys import halves

Array = Any

REALS = ("scale", "offset", "low", "high")
"""The real numbers of a recipe."""


class Kind(NamedTuple):
    """What decides the operations of a draw, and so is static."""

    kind: str
    dtype: str
    working: str
    bits: int
    reals: tuple[str, ...]
    """Those of `REALS` that the recipe has."""


class Numbers(NamedTuple):
    """The numbers of a draw inside a compiled function; those of 64 bits as their low and high halves, in uint32."""

    seed: Halves
    stream: Halves
    first: Halves
    recipe: Recipe


def packed(draw: Draw) -> tuple[Kind, Any, NDArray[np.uint32]]:
    """Return what is static of a draw, and what is not.

    All numbers are arguments of the compiled function: XLA may fold constants into each other, which changes bits, and
    another seed, path, mean or deviation must not compile again. They are one argument, since each argument is a
    transfer to the device of its own. Numbers of 64 bits are halves, which a caller's function without 64-bit types
    could not take whole.

    Parameters
    ----------
    draw : Draw
        A draw from a sampled distribution.

    Returns
    -------
    kind : Kind
        What is static.
    seed : tuple of 2 or None
        The halves of a seed that is an array, scalars of uint32; None for an integer, which is among the numbers.
    numbers : ndarray of uint32, shape (n,)
        Seed, stream, first index, and the recipe's `first` and `width`, two words each; then the recipe's real
        numbers, of one word each, or of two in float64.
    """
    plan = recipe(draw.distribution, draw.dtype)
    kind = Kind(*plan[:4], tuple(name for name in REALS if getattr(plan, name) is not None))
    seed = None if isinstance(draw.seed, int) else halves(draw.seed)
    whole = np.array([draw.seed if seed is None else 0, draw.stream, draw.first, plan.first, plan.width], "<u8")
    reals = np.array([getattr(plan, name) for name in kind.reals], f"<f{plan.bits // 8}")
    return kind, seed, np.concatenate([whole.view("<u4"), reals.view("<u4")])


def unpacked(kind: Kind, numbers: Array) -> Numbers:
    """Take apart the vector that `packed` has put together, with 64-bit types on."""
    seed, stream, first, window, width = ((numbers[at], numbers[at + 1]) for at in range(0, 10, 2))
    if kind.bits == 32:
        words = [numbers[10 + at] for at in range(len(kind.reals))]
    else:
        words = [joined((numbers[10 + 2 * at], numbers[11 + 2 * at])) for at in range(len(kind.reals))]
    reals = {name: lax.bitcast_convert_type(x, kind.working) for name, x in zip(kind.reals, words, strict=True)}
    lowest = joined(window).astype("uint64" if kind.kind == "integers" else f"uint{kind.bits}")
    return Numbers(seed, stream, first, Recipe(*kind[:4], **reals, first=lowest, width=joined(width)))


def joined(pair: Halves) -> Array:
    """Return the uint64 whose two halves are given, with 64-bit types on."""
    low, high = pair
    return high.astype(jnp.uint64) << 32 | low.astype(jnp.uint64)
