"""Draws by compiled functions: which function makes a draw, XLA's or the kernel for GPUs."""

import warnings
from functools import cache, partial
from math import prod
from typing import Any

import jax
from jax import lax
from jax.sharding import SingleDeviceSharding

from oneseed.checks import Shape
from oneseed.distributions import Normal
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8
from oneseed_jax.drawing import xla
from oneseed_jax.drawing.devices import default_device, explicit_axes, tracing
from oneseed_jax.drawing.numbers import Kind, packed

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
    kind, seed, numbers = packed(draw)
    gpu = gpu_for(draw, sharding)
    if gpu is not None and kernel_runs_on(gpu):
        if tracing():
            return _by_platform(kind, draw.block, draw.strides, draw.first % 4 == 0, seed, numbers)
        return _pallas().program(sharding)(kind, draw.block, draw.first % 4 == 0, seed, numbers)
    run = xla.program(sharding, typed=sharding is not None and tracing() and bool(explicit_axes()))
    return run(kind, draw.block, draw.strides, seed, numbers)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _by_platform(kind: Kind, block: Shape, strides: Shape, aligned: bool, seed: Any, numbers: Any) -> Array:
    """Make a draw inside a caller's function: by the kernel if that is compiled for a GPU, else as XLA compiles it."""

    def kernel(numbers: Any, *seed: Array) -> Array:
        return _pallas().by_four(kind, block, aligned, seed or None, numbers)

    def elsewhere(numbers: Any, *seed: Array) -> Array:
        return xla.program(None)(kind, block, strides, seed or None, numbers)

    given = (numbers,) if seed is None else (numbers, *seed)
    values: Array = lax.platform_dependent(*given, cuda=kernel, rocm=kernel, default=elsewhere)
    return values


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
