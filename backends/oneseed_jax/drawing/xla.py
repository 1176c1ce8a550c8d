"""Stream v1 compiled by XLA: elementwise on the indices, so that it fuses into one loop and can be cut anywhere."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from oneseed.checks import Shape
from oneseed.stream.elements import Halves, random_bits
from oneseed.stream.philox import MASK
from oneseed.stream.sample import sample
from oneseed_jax.drawing.arrays import JaxArrays, NarrowArrays, own_types
from oneseed_jax.drawing.numbers import Kind, joined, unpacked

Array = Any


@lru_cache(maxsize=128)
def program(sharding: Any) -> Callable[..., Array]:
    """Return the compiled function for a sharding.

    Parameters
    ----------
    sharding : jax.sharding.Sharding or None
        Where the result goes; None for JAX's choice.

    Returns
    -------
    callable
        ``run(kind, block, strides, seed, numbers)``, as `values`, the first three static.
    """
    run: Callable[..., Array] = jax.jit(values, static_argnums=(0, 1, 2), out_shardings=sharding)
    return run


def values(kind: Kind, block: Shape, strides: Shape, seed: Any, numbers: Any) -> Array:
    """Make a tensor inside of a function that is compiled.

    Parameters
    ----------
    kind : Kind
        What is static of the draw.
    block, strides : tuple of int
        The shape of the result, and by how much an element's index grows along each axis.
    seed : tuple of 2 or None
        The seed's halves, scalars of uint32; None where the seed is among the numbers.
    numbers : array of uint32, shape (n,)
        The numbers, as from `oneseed_jax.drawing.numbers.packed`.

    Returns
    -------
    array of ``kind.dtype``, shape `block`
        The values.
    """
    numbers = jnp.asarray(numbers)
    # Inside a caller's compiled function the arguments are constants again, unless XLA is kept from seeing so; where
    # the seed is one, Philox's keys may well be.
    seed = (numbers[0], numbers[1]) if seed is None else seed
    numbers = lax.optimization_barrier(numbers)
    with own_types():
        given = unpacked(kind, numbers)
        u = lax.platform_dependent(
            seed,
            given.stream,
            given.first,
            cpu=partial(_bits_in_wide_lanes, kind.bits, block, strides),
            default=partial(_bits_in_narrow_lanes, kind.bits, block, strides),
        )
        values = sample(given.recipe, u, JaxArrays())
        # Where what follows widens the values again, XLA would leave out both conversions, and the rounding with them.
        return lax.optimization_barrier(values) if kind.dtype != kind.working else values


def _bits_in_wide_lanes(bits: int, block: Shape, strides: Shape, seed: Halves, stream: Halves, first: Halves) -> Array:
    index = joined(first) + _offsets(block, strides, jnp.uint64)
    stream = stream[0].astype(jnp.uint64), stream[1].astype(jnp.uint64)
    return random_bits(bits, (index >> 2 & MASK, index >> 34), index & 3, seed, stream, JaxArrays())


def _bits_in_narrow_lanes(
    bits: int, block: Shape, strides: Shape, seed: Halves, stream: Halves, first: Halves
) -> Array:
    if sum((size - 1) * stride for size, stride in zip(block, strides, strict=True)) < 2**32:
        low = first[0] + _offsets(block, strides, jnp.uint32)
        high = first[1] + (low < first[0]).astype(jnp.uint32)
    else:
        index = joined(first) + _offsets(block, strides, jnp.uint64)
        low, high = index.astype(jnp.uint32), (index >> 32).astype(jnp.uint32)
    return random_bits(bits, (low >> 2 | high << 30, high >> 2), low & 3, seed, stream, NarrowArrays())


def _offsets(block: Shape, strides: Shape, dtype: Any) -> Array:
    """Return how far each element's index is from the first one's."""
    offsets = jnp.zeros(block, dtype)
    for axis, (size, stride) in enumerate(zip(block, strides, strict=True)):
        if size > 1:
            offsets = offsets + lax.broadcasted_iota(dtype, block, axis) * np.array(stride, dtype)
    return offsets
