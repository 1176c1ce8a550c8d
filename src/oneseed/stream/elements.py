"""Stream v1 one element at a time: what a compiled function runs on the indices of its own elements."""

from typing import Any

from oneseed.stream.arrays import Array, Arrays
from oneseed.stream.philox import MASK, philox4x32
from oneseed.stream.sample import Recipe, sample

Halves = tuple[Any, Any]
"""A number of 64 bits as its low and high 32 bits, uint64 scalars of the framework."""


def draw_elements(recipe: Recipe, index: Array, seed: Halves, stream: Halves, arrays: Arrays) -> Array:
    """Return the values of the elements with these indices.

    Every element makes the four words of its block and keeps one: four times the integer work of the host engine, but
    no exchange between elements, so that a compiler can fuse all of it into one loop and cut it anywhere.

    Parameters
    ----------
    recipe : Recipe
        What to draw; its numbers may be the framework's scalars.
    index : array of uint64
        The elements' indices.
    seed, stream : tuple
        The address.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of ``recipe.dtype``
        The values, in the shape of `index`.
    """

    def words(plane: int) -> Array:
        block = index >> 2
        counter = (block & MASK, (block >> 32) | (plane << 29), *stream)
        return arrays.select(index & 3, philox4x32(counter, seed))

    high = words(0)
    u = arrays.cast(high, "uint32") if recipe.bits == 32 else (high << 32) | words(1)
    return sample(recipe, u, arrays)
