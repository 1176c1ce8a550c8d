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
    block = index >> 2
    return sample(
        recipe, random_bits(recipe.bits, (block & MASK, block >> 32), index & 3, seed, stream, arrays), arrays
    )


def random_bits(bits: int, block: Halves, place: Array, seed: Halves, stream: Halves, arrays: Arrays) -> Array:
    """Return one random integer of 32 or 64 bits for each element, given its block and its place there.

    All numbers are of the type of the `arrays`' lanes, but for the result: uint32 or uint64.
    """

    def words(plane: int) -> Array:
        counter = (block[0], block[1] | (plane << 29), *stream)
        return arrays.select(place, philox4x32(counter, seed, arrays.product))

    if bits == 32:
        return arrays.cast(words(0), "uint32")
    high, low = (arrays.cast(words(plane), "uint64") for plane in (0, 1))
    return (high << 32) | low
