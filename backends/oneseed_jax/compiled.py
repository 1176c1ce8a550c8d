"""Stream v1 compiled by XLA: elementwise on the indices, so that it fuses into one loop and can be cut anywhere."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.stream.elements import draw_elements
from oneseed.stream.philox import MASK
from oneseed.stream.sample import Recipe, recipe
from oneseed_jax.places import explicit_axes, tracing
from oneseed_jax.seeds import halves

Array = Any

SWITCH = "ONESEED_JAX_PALLAS"
"""The environment variable that has GPUs run the Pallas kernel, where it is "1"."""


class JaxArrays:
    """`oneseed.stream.arrays.Arrays` for JAX."""

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert values."""
        return lax.convert_element_type(x, dtype)

    def bits(self, x: Array, dtype: str) -> Array:
        """Read the same bits as another type."""
        return lax.bitcast_convert_type(x, dtype)

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up each column; the rows come from 31 or 63 bit numbers and fit."""
        place = jax.typeof(rows).sharding if explicit_axes() else None
        return [jnp.asarray(column).at[rows].get(mode="promise_in_bounds", out_sharding=place) for column in table.T]

    def clamp(self, x: Array, low: Any, high: Any) -> Array:
        """``max(low, min(x, high))``."""
        return jnp.maximum(jnp.minimum(x, high), low)

    def select(self, which: Array, choices: Sequence[Array]) -> Array:
        """Take each element from the choice that `which` names."""
        return lax.select_n(which.astype(jnp.int32), *choices)


_ARRAYS = JaxArrays()


def elements(draw: Draw, sharding: Any = None) -> Array:
    """Return the block of a random draw, made by compiled code.

    Parameters
    ----------
    draw : Draw
        The draw; its seed may be traced.
    sharding : jax.sharding.Sharding, optional
        Where the result goes; each device makes its own part.

    Returns
    -------
    jax.Array
        The values.
    """
    made = recipe(draw.distribution, draw.dtype)
    kind = (made.kind, made.dtype, made.working, made.bits)
    address = halves(draw.seed), _pair(draw.stream), _pair(draw.first)
    if os.environ.get(SWITCH) == "1":
        from oneseed_jax import by_four

        if by_four.suits(draw, sharding):
            return by_four.program(sharding)(kind, draw.block, *address, _numbers(made))
    run = program(sharding, typed=tracing() and sharding is not None and bool(explicit_axes()))
    return run(kind, draw.block, draw.strides, *address, _numbers(made))


def _numbers(made: Recipe) -> dict[str, Any]:
    """Return what is no part of the compiled function.

    What decides the operations is static. All numbers are arguments: XLA may fold constants into each other, which
    changes bits, and another seed, path, mean or deviation must not compile anew.
    """
    return {
        "scale": made.scale,
        "offset": made.offset,
        "low": made.low,
        "high": made.high,
        "first": _pair(made.first),
        "width": _pair(made.width),
    }


def _pair(number: int) -> tuple[np.uint32, np.uint32]:
    """Split a number of 64 bits, which a caller's function without 64-bit types could not take whole."""
    return np.uint32(number & MASK), np.uint32(number >> 32)


@lru_cache(maxsize=128)
def program(sharding: Any, typed: bool = False) -> Callable[..., Array]:
    """Return the compiled function for a sharding, None for what the caller's context decides.

    With `typed` the sharding is a part of the result's type, as a caller under a mesh with explicit axes needs it.
    """
    run: Callable[..., Array]
    if typed:
        run = jax.jit(partial(_program_of_typed, sharding), static_argnums=(0, 1, 2))
    else:
        run = jax.jit(_program, static_argnums=(0, 1, 2), out_shardings=sharding)
    return run


def _program_of_typed(
    sharding: Any, kind: tuple[str, str, str, int], block: Shape, strides: Shape, *numbers: Any
) -> Array:
    inside = partial(_program, kind, block, strides)
    return jax.sharding.auto_axes(inside, axes=explicit_axes(), out_sharding=sharding)(*numbers)


def _program(
    kind: tuple[str, str, str, int], block: Shape, strides: Shape, seed: Any, stream: Any, first: Any, numbers: Any
) -> Array:
    # Inside a caller's compiled function the arguments are constants again, unless XLA is kept from seeing so.
    stream, first, numbers = lax.optimization_barrier((stream, first, numbers))
    with jax.enable_x64(True):
        seed, stream = (tuple(half.astype(jnp.uint64) for half in pair) for pair in (seed, stream))
        index = jnp.broadcast_to(joined(first), block)
        for axis, (size, stride) in enumerate(zip(block, strides, strict=True)):
            if size > 1:
                index = index + lax.broadcasted_iota(jnp.uint64, block, axis) * np.uint64(stride)
        return draw_elements(as_recipe(kind, numbers), index, seed, stream, _ARRAYS)


def as_recipe(kind: tuple[str, str, str, int], numbers: dict[str, Any]) -> Recipe:
    """Put together again what was static and what were arguments, with 64-bit types on."""
    made = Recipe(*kind, **numbers)
    integers = jnp.uint64 if made.kind == "integers" or made.bits == 64 else jnp.uint32
    return made._replace(first=joined(made.first).astype(integers), width=joined(made.width))


def joined(pair: Any) -> Array:
    """Return the number whose two halves are given, with 64-bit types on."""
    low, high = pair
    return high.astype(jnp.uint64) << 32 | low.astype(jnp.uint64)
