"""Stream v1 compiled by XLA: elementwise on the indices, so that it fuses into one loop and can be cut anywhere."""

import warnings
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import SingleDeviceSharding
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions import Normal
from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8
from oneseed.stream.arrays import Lanes32, Lanes64
from oneseed.stream.elements import Halves, random_bits
from oneseed.stream.philox import MASK
from oneseed.stream.sample import Recipe, sample
from oneseed_jax.drawing.devices import default_device, explicit_axes, tracing
from oneseed_jax.drawing.keys import halves

Array = Any

REALS = ("scale", "offset", "low", "high")

LIMIT = 2**31 - 2**16
"""Elements above which addresses in the kernel for GPUs would need more than 32 bits."""


class JaxArrays(Lanes64):
    """`oneseed.stream.arrays.Arrays` for JAX."""

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert values."""
        return lax.convert_element_type(x, dtype)

    def bits(self, x: Array, dtype: str) -> Array:
        """Read the same bits as another type."""
        return lax.bitcast_convert_type(x, dtype)

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up each column; the rows come from numbers of 31 or 63 bits and fit."""
        place = jax.typeof(rows).sharding if explicit_axes() else None
        return [jnp.asarray(column).at[rows].get(mode="promise_in_bounds", out_sharding=place) for column in table.T]

    def clamp(self, x: Array, low: Any, high: Any) -> Array:
        """``max(low, min(x, high))``."""
        return jnp.maximum(jnp.minimum(x, high), low)

    def select(self, which: Array, choices: Sequence[Array]) -> Array:
        """Take each element from the choice that `which` names."""
        return lax.select_n(which.astype(jnp.int32), *choices)


class NarrowArrays(Lanes32, JaxArrays):
    """`JaxArrays` for GPUs and TPUs."""


class Kind(NamedTuple):
    """What decides the operations of a draw, and so is static."""

    kind: str
    dtype: str
    working: str
    bits: int
    reals: tuple[str, ...]
    """Those of the recipe's real numbers that there are."""


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
    kind, seed, numbers = packed(draw)
    gpu = gpu_for(draw, sharding)
    if gpu is not None and kernel_runs_on(gpu):
        from oneseed_jax.drawing import pallas  # and with it Pallas, which takes time to import

        if tracing():
            return pallas.anywhere(kind, draw.block, draw.strides, draw.first % 4 == 0, seed, numbers)
        return pallas.program(sharding)(kind, draw.block, draw.first % 4 == 0, seed, numbers)
    run = program(sharding, typed=sharding is not None and tracing() and bool(explicit_axes()))
    return run(kind, draw.block, draw.strides, seed, numbers)


def gpu_for(draw: Draw, sharding: Any) -> Any:
    """Return the GPU whose kernel can make a draw, or None: on one device, of elements that follow each other.

    Inside compiled functions that is known where there are no others. It makes no float64 and no float8, whose
    operations Pallas does not lower to Triton.
    """
    if draw.dtype in ("float64", *FLOAT8) or not isinstance(sharding, SingleDeviceSharding | None):
        return None
    if tracing() and (jax.device_count() > 1 or sharding is not None or explicit_axes()):
        return None
    device = default_device() if sharding is None else next(iter(sharding.device_set))
    suits = device.platform == "gpu" and 0 < prod(draw.block) <= LIMIT and is_run(draw.block, draw.strides)
    return device if suits else None


def is_run(block: Shape, strides: Shape) -> bool:
    """Tell whether the index grows by one from each element of a block to the next."""
    step = 1
    for size, stride in zip(reversed(block), reversed(strides), strict=True):
        if size > 1 and stride != step:
            return False
        step *= size
    return True


@cache
def kernel_runs_on(device: Any) -> bool:
    """Try the kernel on one element; where it cannot be compiled or run, say why."""
    draw = Draw(Normal(), (), "float32", 0, (), (), 1, 1, (), ())
    kind, seed, numbers = packed(draw)
    try:
        from oneseed_jax.drawing import pallas

        with jax.core.eval_context():  # a caller may be recording operations
            pallas.program(SingleDeviceSharding(device))(kind, draw.block, True, seed, numbers).block_until_ready()
    except DeprecationWarning:  # an error only for those who want nothing deprecated, as JAX 0.11 calls Pallas's Triton
        return False
    except Exception as error:  # a compiler that is missing, a device too old: there is no common exception for them
        warnings.warn(
            f"The Pallas kernel cannot be used on {device} ({error!r}); oneseed draws with the function that XLA "
            "compiles, the same bits more slowly.",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def packed(draw: Draw) -> tuple[Kind, Any, NDArray[np.uint32]]:
    """Return what is static of a draw, and what is not: a seed that is no integer, and a vector of all numbers.

    All numbers are arguments: XLA may fold constants into each other, which changes bits, and another seed, path, mean
    or deviation must not compile anew. They are one argument, as each is a transfer to the device of its own; numbers
    of 64 bits are halves, which a caller's function without 64-bit types could not take whole.
    """
    made = recipe(draw.distribution, draw.dtype)
    kind = Kind(*made[:4], tuple(name for name in REALS if getattr(made, name) is not None))
    seed = None if isinstance(draw.seed, int) else halves(draw.seed)
    whole = np.array([draw.seed if seed is None else 0, draw.stream, draw.first, made.first, made.width], "<u8")
    reals = np.array([getattr(made, name) for name in kind.reals], f"<f{made.bits // 8}")
    return kind, seed, np.concatenate([whole.view("<u4"), reals.view("<u4")])


class Numbers(NamedTuple):
    """The numbers of a draw inside a compiled function; those of 64 bits as their low and high halves, in uint32."""

    seed: Halves
    stream: Halves
    first: Halves
    recipe: Recipe


def unpacked(kind: Kind, numbers: Array) -> Numbers:
    """Take apart the vector that `packed` has put together, with 64-bit types on."""
    seed, stream, first, window, width = ((numbers[at], numbers[at + 1]) for at in range(0, 10, 2))
    if kind.bits == 32:
        words = [numbers[10 + at] for at in range(len(kind.reals))]
    else:
        words = [joined((numbers[10 + 2 * at], numbers[11 + 2 * at])) for at in range(len(kind.reals))]
    reals = {name: lax.bitcast_convert_type(x, kind.working) for name, x in zip(kind.reals, words, strict=True)}
    lowest = joined(window).astype("uint64" if kind.kind == "integers" else f"uint{kind.bits}")
    made = Recipe(*kind[:4], **reals, first=lowest, width=joined(width))
    return Numbers(seed, stream, first, made)


def joined(pair: Halves) -> Array:
    """Return the number whose two halves are given, with 64-bit types on."""
    low, high = pair
    return high.astype(jnp.uint64) << 32 | low.astype(jnp.uint64)


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


def _program_of_typed(sharding: Any, kind: Kind, block: Shape, strides: Shape, seed: Any, numbers: Any) -> Array:
    inside = partial(_program, kind, block, strides)
    return jax.sharding.auto_axes(inside, axes=explicit_axes(), out_sharding=sharding)(seed, numbers)


def _program(kind: Kind, block: Shape, strides: Shape, seed: Any, numbers: Any) -> Array:
    numbers = jnp.asarray(numbers)
    # Inside a caller's compiled function the arguments are constants again, unless XLA is kept from seeing so; where
    # the seed is one, Philox's keys may well be.
    seed = (numbers[0], numbers[1]) if seed is None else seed
    numbers = lax.optimization_barrier(numbers)
    with jax.enable_x64(True):
        given = unpacked(kind, numbers)
        u = lax.platform_dependent(
            seed,
            given.stream,
            given.first,
            cpu=partial(_bits_in_wide_lanes, kind.bits, block, strides),
            default=partial(_bits_in_narrow_lanes, kind.bits, block, strides),
        )
        made = sample(given.recipe, u, JaxArrays())
        # Where what follows widens the values again, XLA would leave out both conversions, and the rounding with them.
        return lax.optimization_barrier(made) if kind.dtype != kind.working else made


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
