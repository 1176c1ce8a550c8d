"""Philox4x32-10, the counter-based generator under stream v1.

A pure function of a counter and a key, so that any word can be made without the others.

References
----------
Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""

from collections.abc import Callable
from typing import Any

Array = Any

PHILOX_M4x32_0 = 0xD2511F53
PHILOX_M4x32_1 = 0xCD9E8D57
PHILOX_W32_0 = 0x9E3779B9
PHILOX_W32_1 = 0xBB67AE85
ROUNDS = 10
MASK = 0xFFFFFFFF


def product64(a: Array, b: Array | int) -> tuple[Array, Array]:
    """Return the high and the low 32 bits of the product of two numbers below ``2**32``, in uint64."""
    product = a * b
    return product >> 32, product & MASK


def philox4x32(counter: tuple[Array, Array, Array, Array], key: tuple[Array, Array]) -> tuple[Array, ...]:
    """Return the four words of each counter.

    Parameters
    ----------
    counter : tuple of 4
        Python integers or uint64 arrays that broadcast together, every value below ``2**32``.
        The first must be an array.
    key : tuple of 2
        Python integers or uint64 scalars below ``2**32``.

    Returns
    -------
    tuple of 4
        uint64 arrays, every value below ``2**32``.

    Examples
    --------
    >>> import numpy as np
    >>> [hex(int(word[0])) for word in philox4x32((np.zeros(1, np.uint64), 0, 0, 0), (0, 0))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    return rounds(counter, round_keys(key), product64)


def round_keys(key: tuple[Array, Array]) -> list[tuple[Array, Array]]:
    """Return the two keys of each round, given those of the first: Python integers, or scalars of uint32 or uint64."""
    keys = [key]
    for _ in range(ROUNDS - 1):
        k0, k1 = keys[-1]
        keys.append(((k0 + PHILOX_W32_0) & MASK, (k1 + PHILOX_W32_1) & MASK))
    return keys


def rounds(
    counter: tuple[Array, Array, Array, Array],
    keys: list[tuple[Array, Array]],
    product: Callable[[Array, int], tuple[Array, Array]],
) -> tuple[Array, ...]:
    """Return the four words of each counter, by the keys of the rounds and a function that multiplies words."""
    c0, c1, c2, c3 = counter
    for k0, k1 in keys:
        high0, low0 = product(c0, PHILOX_M4x32_0)
        high1, low1 = product(c2, PHILOX_M4x32_1)
        c0, c1, c2, c3 = _xor(high1, _xor(c1, k0)), low1, _xor(high0, _xor(c3, k1)), low0
    return c0, c1, c2, c3


def _xor(a: Array, b: Array) -> Array:
    """Return ``a ^ b``, an array on the left: of an integer on the left not every framework's arrays know it."""
    return b ^ a if isinstance(a, int) else a ^ b


def words_of_blocks(blocks: Array, seed: Array, stream: Array, plane: Array = 0) -> tuple[Array, ...]:
    """Return the words of the elements ``4*block .. 4*block + 3`` for each block.

    Parameters
    ----------
    blocks : array of uint64
        Element index // 4, below ``2**61``.
    seed, stream : int or array of uint64
        The address, each in ``[0, 2**64)``.
    plane : int or array of uint64
        0 for the high words, 1 for the low words of 64-bit samples.

    Returns
    -------
    tuple of 4
        uint64 arrays of the shape of `blocks`: word number ``index & 3`` of each element.
    """
    counter = (blocks & MASK, (blocks >> 32) | (plane << 29), stream & MASK, stream >> 32)
    return philox4x32(counter, (seed & MASK, seed >> 32))
