"""Stream v1 as a Pallas kernel for GPUs: one Philox counter for four elements, where the compiled function has four.

XLA cannot fuse an exchange between elements into one loop. A program of this kernel makes the four values of each of
its counters, and stores them as neighbours.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.dtypes import numpy_dtype
from oneseed.stream.philox import round_keys, rounds
from oneseed.stream.quantile import table
from oneseed.stream.sample import sample
from oneseed_jax.drawing.arrays import NarrowArrays, own_types
from oneseed_jax.drawing.numbers import Kind, joined, unpacked

Array = Any

COUNTERS = 512
"""Philox counters of a program, each of four elements."""


class KernelArrays(NarrowArrays):
    """`oneseed.stream.arrays.Arrays` inside a kernel, which gets the table as an argument, two columns in a uint64."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up two columns at once: what limits the kernel are its loads from addresses in no order.

        The rows have shape (n,), and so has each of the four columns of uint32.
        """
        at = rows.astype(jnp.int32) * 2
        pairs = [plgpu.load(self.table.at[at + pair]) for pair in range(2)]
        return [half.astype(jnp.uint32) for pair in pairs for half in (pair, pair >> 32)]


@lru_cache(maxsize=128)
def program(sharding: Any, interpret: bool = False) -> Callable[..., Array]:
    """Return the compiled function for a device.

    Parameters
    ----------
    sharding : jax.sharding.SingleDeviceSharding or None
        The device; None for JAX's choice.
    interpret : bool
        Whether JAX interprets the kernel, as on a CPU.

    Returns
    -------
    callable
        ``run(kind, block, aligned, seed, numbers)``, as `by_four`, the first three static.
    """
    run: Callable[..., Array] = jax.jit(
        partial(by_four, interpret=interpret), static_argnums=(0, 1, 2), out_shardings=sharding
    )
    return run


def by_four(kind: Kind, block: Shape, aligned: bool, seed: Any, numbers: Any, interpret: bool = False) -> Array:
    """Call the kernel for a run of elements of 32 random bits each; every number is an argument of it.

    Parameters
    ----------
    kind : Kind
        What is static of the draw.
    block : tuple of int
        The shape of the result.
    aligned : bool
        Whether the first element is the first of its counter's four.
    seed : tuple of 2 or None
        The seed's halves, scalars of uint32; None where the seed is among the numbers.
    numbers : array of uint32, shape (n,)
        The numbers, as from `oneseed_jax.drawing.numbers.packed`.
    interpret : bool
        Whether JAX interprets the kernel.

    Returns
    -------
    array of ``kind.dtype``, shape `block`
        The values.
    """
    size, many = prod(block), 4 * COUNTERS
    look_up = np.ascontiguousarray(table(32)).view(np.uint64).reshape(-1)
    if seed is not None:
        numbers = jnp.concatenate([jnp.stack(seed), numbers[2:]])

    def kernel(numbers: Any, look_up: Any, out: Any) -> None:
        given, arrays = unpacked(kind, numbers), KernelArrays(look_up)
        start = pl.program_id(0) * COUNTERS
        counter = (joined(given.first) >> 2) + (start + lax.iota(jnp.int32, COUNTERS)).astype(jnp.uint64)
        at = counter.astype(jnp.uint32), (counter >> 32).astype(jnp.uint32)
        stream = (jnp.broadcast_to(half, at[0].shape) for half in given.stream)
        words = rounds((*at, *stream), round_keys(given.seed), arrays.product)
        values = side_by_side(*(sample(given.recipe, word, arrays) for word in words))

        def store_all() -> None:
            plgpu.store(out.at[pl.ds(4 * start, many)], values)

        def store_some() -> None:
            place = 4 * start + lax.iota(jnp.int32, many) - (given.first[0] & 3).astype(jnp.int32)
            plgpu.store(out.at[place], values, mask=(place >= 0) & (place < size))

        if aligned:  # without a mask stores are wide, whatever the size
            inside = 4 * (start + COUNTERS) <= size
            pl.when(inside)(store_all)
            pl.when(jnp.logical_not(inside))(store_some)
        else:
            store_some()

    with own_types():
        values = pl.pallas_call(
            kernel,
            jax.ShapeDtypeStruct((size,), numpy_dtype(kind.dtype)),
            grid=(pl.cdiv(size + (0 if aligned else 3), many),),
            interpret=interpret,
            compiler_params=plgpu.CompilerParams(num_warps=4),
        )(numbers, look_up)
    return values.reshape(block)


def side_by_side(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Return the values of each counter's four words next to each other, without an exchange between threads.

    Four arrays of shape (n,) become one of shape (4 n,) and the same dtype.
    """
    even, odd = (jnp.stack(pair, axis=-1) for pair in ((a, c), (b, d)))
    return jnp.stack([even, odd], axis=-1).reshape(-1)
