"""Stream v1 as a Pallas kernel for GPUs: one Philox counter for four elements, where the compiled function has four.

XLA cannot fuse an exchange between elements into one loop; a kernel that writes the value of each word to its own place
needs none. Only elements that follow each other are made so, those of a whole tensor in the order of its own axes, and
no float64 or float8, whose operations Pallas does not lower to Triton.
"""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jax.sharding import SingleDeviceSharding
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8, numpy_dtype
from oneseed.stream.philox import MASK, philox4x32
from oneseed.stream.quantile import table
from oneseed.stream.sample import sample
from oneseed_jax.compiled import JaxArrays, as_recipe, joined
from oneseed_jax.places import default_device, tracing

Array = Any

COUNTERS = 256
"""Philox counters of a program, each of four elements."""

LIMIT = 2**31 - 4 * COUNTERS
"""Elements above which addresses would need more than 32 bits."""


class KernelArrays(JaxArrays):
    """`oneseed.stream.arrays.Arrays` inside a kernel, which gets the table as an argument."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up each column; the rows come from 31 or 63 bit numbers and fit."""
        width = table.shape[1]
        at = rows.astype(jnp.int32) * width
        return [plgpu.load(self.table.at[at + column]) for column in range(width)]


def suits(draw: Draw, sharding: Any) -> bool:
    """Tell whether the kernel can make a draw: eagerly, on one GPU, of 32 bits an element that follow each other."""
    if (
        draw.dtype in ("float64", *FLOAT8)
        or tracing()
        or not (sharding is None or isinstance(sharding, SingleDeviceSharding))
    ):
        return False
    device = default_device() if sharding is None else next(iter(sharding.device_set))
    return bool(device.platform == "gpu") and 0 < prod(draw.block) <= LIMIT and is_run(draw.block, draw.strides)


def is_run(block: Shape, strides: Shape) -> bool:
    """Tell whether the index grows by one from each element of a block to the next."""
    step = 1
    for size, stride in zip(reversed(block), reversed(strides), strict=True):
        if size > 1 and stride != step:
            return False
        step *= size
    return True


@lru_cache(maxsize=128)
def program(sharding: Any, interpret: bool = False) -> Callable[..., Array]:
    """Return the compiled function for a device; it takes what `oneseed_jax.compiled` gives its own, but strides."""

    def run(kind: Any, block: Shape, seed: Any, stream: Any, first: Any, numbers: Any) -> Array:
        return by_four(kind, block, seed, stream, first, numbers, interpret)

    compiled: Callable[..., Array] = jax.jit(run, static_argnums=(0, 1), out_shardings=sharding)
    return compiled


def by_four(
    kind: tuple[str, str, str, int], block: Shape, seed: Any, stream: Any, first: Any, numbers: Any, interpret: bool
) -> Array:
    """Call the kernel for a run of elements of 32 random bits each; every number is an argument of it."""
    size = prod(block)
    names = [name for name in ("scale", "offset", "low", "high") if numbers[name] is not None]
    with jax.enable_x64(True):
        halves = jnp.stack([jnp.asarray(half, jnp.uint32) for half in (*seed, *stream, *first)])
        windows = jnp.stack([jnp.asarray(half, jnp.uint32) for half in (*numbers["first"], *numbers["width"])])
        reals = jnp.stack([numbers[name] for name in names] or [jnp.float32(0)])
        look_up = jnp.asarray(table(32).reshape(-1))

        def kernel(halves: Any, windows: Any, reals: Any, look_up: Any, out: Any) -> None:
            *address, low, high = (halves[at].astype(jnp.uint64) for at in range(6))
            given = dict.fromkeys(numbers) | {name: reals[at] for at, name in enumerate(names)}
            given |= {"first": (windows[0], windows[1]), "width": (windows[2], windows[3])}
            made, arrays = as_recipe(kind, given), KernelArrays(look_up)
            start = joined((low, high))
            group = pl.program_id(0) * COUNTERS + lax.iota(jnp.int32, COUNTERS)
            counter = (start >> 2) + group.astype(jnp.uint64)

            at = (counter & MASK, counter >> 32, address[2], address[3])
            for lane, word in enumerate(philox4x32(at, (address[0], address[1]))):
                place = 4 * group + lane - (start & 3).astype(jnp.int32)
                value = sample(made, word.astype(jnp.uint32), arrays)
                plgpu.store(out.at[place], value, mask=(place >= 0) & (place < size))

        made = pl.pallas_call(
            kernel,
            jax.ShapeDtypeStruct((size,), numpy_dtype(kind[1])),
            grid=(pl.cdiv(size + 3, 4 * COUNTERS),),
            interpret=interpret,
            compiler_params=plgpu.CompilerParams(num_warps=4),
        )(halves, windows, reals, look_up)
        return made.reshape(block)
