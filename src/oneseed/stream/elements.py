"""Stream v1 one element at a time: what a compiled function runs on the indices of its own elements."""

from typing import Any

from oneseed.stream.arrays import Array, Arrays
from oneseed.stream.philox import MASK, product64, round_keys, rounds
from oneseed.stream.sample import Recipe, sample

Halves = tuple[Any, Any]
"""A number of 64 bits as its low and high 32 bits: Python integers, or unsigned scalars of the framework."""


def draw_elements(recipe: Recipe, index: Array, seed: Halves, stream: Halves, arrays: Arrays) -> Array:
    """Return the values of the elements with these indices.

    Every element makes the four words of its block and keeps one: four times the integer work of the host engine, but
    no exchange between elements, so that a compiler can fuse all of it into one loop and cut it anywhere.

    Parameters
    ----------
    recipe : Recipe
        What to draw, from `oneseed.distributions.recipes.recipe`; its numbers may be the framework's scalars.
    index : array of uint64, of any shape
        The elements' indices.
    seed, stream : tuple of 2
        The address, each the low and the high 32 bits: Python integers, or arrays without axes of uint32 or uint64 for
        the seed, in lanes for the stream.
    arrays : Arrays
        The framework's operations.

    Returns
    -------
    array of ``recipe.dtype``
        The values, in the shape of `index`.
    """
    block = index >> 2
    halves = arrays.lane(block & MASK), arrays.lane(block >> 32)
    return sample(recipe, random_bits(recipe.bits, halves, index & 3, seed, stream, arrays), arrays)


def random_bits(bits: int, block: Halves, place: Array, seed: Halves, stream: Halves, arrays: Arrays) -> Array:
    """Return one random integer of 32 or 64 bits for each element, given its block and its place there.

    The halves of block and stream are in the `arrays`' lanes, unless they are Python integers. The seed's halves are
    best of uint32, where sums of keys wrap by themselves: to XLA a mask that is shared with scalars is an argument, and
    no constant that would tell LLVM how small the factors of products are.
    """

    def lane(key: Any) -> Any:
        return key if isinstance(key, int) else arrays.lane(key)

    keys = [(lane(k0), lane(k1)) for k0, k1 in round_keys(seed)]

    def product(a: Any, b: int) -> tuple[Any, Any]:
        return product64(a, b) if isinstance(a, int) else arrays.product(a, b)

    def words(plane: int) -> Array:
        counter = (block[0], block[1] | (plane << 29), *stream)
        return arrays.select(place, rounds(counter, keys, product))

    if bits == 32:
        return arrays.cast(words(0), "uint32")
    high, low = (arrays.cast(words(plane), "uint64") for plane in (0, 1))
    return (high << 32) | low
