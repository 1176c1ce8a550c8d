"""Draws by compiled functions: an operation of the caller's program, or a program of their own."""

import warnings
from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import jax
from jax.sharding import NamedSharding, SingleDeviceSharding

from oneseed.checks import Shape
from oneseed.distributions import Normal
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8
from oneseed_jax.drawing import xla
from oneseed_jax.drawing.devices import default_device, explicit_axes, tracing
from oneseed_jax.drawing.numbers import packed
from oneseed_jax.drawing.operation import bind

Array = Any

LIMIT = 2**31 - 2**16
"""Elements above which addresses in the kernel for GPUs would need more than 32 bits."""


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
        The values, of shape ``draw.block`` and of the draw's dtype.
    """
    gpu = gpu_for(draw, sharding)
    kernel = gpu is not None and kernel_runs_on(gpu)
    if tracing():
        return _recorded(draw, sharding, kernel)
    kind, seed, numbers = packed(draw)
    if kernel:
        return _pallas().program(sharding)(kind, draw.block, draw.first % 4 == 0, seed, numbers)
    return xla.program(sharding)(kind, draw.block, draw.strides, seed, numbers)


def _recorded(draw: Draw, sharding: Any, kernel: bool) -> Array:
    """Make a draw inside a caller's function."""

    def make() -> Array:
        return bind([draw], kernel)[0]

    if sharding is None:
        return make()
    if axes := explicit_axes():  # of which the sharding is a part of the result's type
        return jax.sharding.auto_axes(make, axes=axes, out_sharding=sharding)()
    return jax.jit(make, out_shardings=sharding)()


def together(draws: Sequence[Draw], shardings: Sequence[Any]) -> list[Array | None]:
    """Return the blocks of random draws that one operation of a caller's function makes, and None for the others.

    Parameters
    ----------
    draws : sequence of Draw
        Draws from sampled distributions.
    shardings : sequence of jax.sharding.Sharding or None
        Where each result goes.

    Returns
    -------
    list of jax.Array or None
        The values, of those with the seed of the first one.
    """
    found: list[Array | None] = [None] * len(draws)
    if explicit_axes():
        return found
    fits = [
        at
        for at, (draw, place) in enumerate(zip(draws, shardings, strict=True))
        if draw.seed is draws[0].seed and isinstance(place, NamedSharding | None) and gpu_for(draw, None) is None
    ]
    if fits:
        for at, values in zip(fits, bind([draws[at] for at in fits]), strict=True):
            place = shardings[at]
            found[at] = values if place is None else jax.lax.with_sharding_constraint(values, place)
    return found


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
    suits = device.platform == "gpu" and 0 < prod(draw.block) <= LIMIT and _is_run(draw.block, draw.strides)
    return device if suits else None


def _is_run(block: Shape, strides: Shape) -> bool:
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
        with jax.core.eval_context():  # a caller may be recording operations
            run = _pallas().program(SingleDeviceSharding(device))
            run(kind, draw.block, True, seed, numbers).block_until_ready()
    except DeprecationWarning:  # where such warnings are errors: JAX 0.11 deprecates Pallas's use of Triton
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


def _pallas() -> Any:
    from oneseed_jax.drawing import pallas  # and with it Pallas, which takes time to import

    return pallas
