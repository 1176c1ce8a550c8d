"""Draws in host memory: by the host engine, and of tensors that are computed as a whole."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import SingleDeviceSharding
from numpy.typing import NDArray

from oneseed.distributions import Fill, Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import host
from oneseed_jax.drawing.devices import WIDE, default_device, guarded, put_alone, tracing, under_mesh
from oneseed_jax.drawing.keys import value_of

Array = Any

COPIED = 1 << 16
"""Bytes below which JAX copies a new array sooner than one is aligned for it to take over."""


def sampled(draw: Draw) -> NDArray[Any]:
    """Return the block of a draw from a sampled distribution, with an integer as seed, in memory that JAX takes over.

    Parameters
    ----------
    draw : Draw
        The draw.

    Returns
    -------
    ndarray of the draw's dtype, shape ``draw.block``
        The values.
    """
    out = host().empty(draw.block, draw.dtype)
    host().fill([(draw, out)])
    return out


def prepared(draw: Draw, otherwise: Callable[[], Array]) -> Callable[[], Array] | None:
    """Return a function that makes an array of a draw where JAX runs on the CPU and nothing is traced or set apart.

    Parameters
    ----------
    draw : Draw
        The draw, from the portable stream with an int as the seed.
    otherwise : callable
        Makes the array everywhere else.

    Returns
    -------
    callable or None
        None for what the kernels do not make, for 64-bit dtypes, which JAX may refuse by now, and where one of these
        other cases is met now.
    """
    make, device = host().prepared(draw), default_device()
    if make is None or draw.dtype in WIDE or _is_special(device) or device.platform != "cpu":
        return None
    kind = numpy_dtype(draw.dtype)
    aval, sharding = jax.core.ShapedArray(draw.block, kind), SingleDeviceSharding(device)
    large = aval.size * kind.itemsize >= COPIED
    if isinstance(draw.distribution, Fill):
        value = draw.distribution.scalar(draw.dtype)
        if np.isnan(value):
            return None  # `jax_debug_nans` may refuse it
        if large:
            make = partial(host().full, draw.block, value)
    elif large and not isinstance(draw.distribution, Structured):
        make = partial(sampled, draw)

    def put() -> Array:
        if _is_special(device):
            return otherwise()
        return put_alone(make(), aval, sharding, device)

    return put


def _is_special(device: Any) -> bool:
    """Tell whether a new array is more than memory on this device."""
    return tracing() or guarded() or default_device() is not device or under_mesh()


def computes(draw: Draw) -> bool:
    """Tell whether a draw is of a tensor that is computed as a whole, on the host."""
    return isinstance(draw.distribution, Structured)


def structured(draw: Draw) -> Array:
    """Return the block of a tensor that is computed as a whole: now, or where its seed is traced when the program runs.

    Parameters
    ----------
    draw : Draw
        The draw; its seed may be traced, and those of its parts are integers.

    Returns
    -------
    ndarray or jax.Array, of the draw's dtype, shape ``draw.block``
        The values.
    """
    distribution = draw.distribution
    assert isinstance(distribution, Structured)
    number = None if draw.seed is None else value_of(draw.seed)
    if draw.seed is None or number is not None:
        return distribution.checked_values(draw._replace(seed=number), host())

    from oneseed_jax.drawing.run_time import computed  # with a part of JAX that loads much more

    return computed(draw)
