"""Which way a draw takes: JAX's own generator, host memory, a compiled function, or parts of it one by one."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding

from oneseed import host_arrays
from oneseed.composites import Concatenated
from oneseed.distributions import Complex, Fill, Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed_jax.drawing import host
from oneseed_jax.drawing.devices import check_sharding, default_device, explicit_axes, put, tracing
from oneseed_jax.drawing.keys import place_of, value_of

Array = Any

SAMPLED = Normal, TruncatedNormal, Uniform, Integers


def execute(draw: Draw, device: Any = None) -> Array:
    """Execute a draw.

    Parameters
    ----------
    draw : Draw
        The draw; its seed may be traced.
    device : jax.Device, jax.sharding.Sharding or None
        Where the result goes, as `oneseed_jax.drawing.devices.device_of` returns it.

    Returns
    -------
    jax.Array of the draw's dtype, shape ``draw.block``
        The values.
    """
    if isinstance(device, Sharding):
        check_sharding("device", device, draw.block)
    return _executed(draw, device)


def together(draws: Sequence[Draw], devices: Sequence[Any]) -> list[Array | None]:
    """Execute those of several draws that one operation of the program being recorded can make.

    Parameters
    ----------
    draws : sequence of Draw
        The draws.
    devices : sequence of jax.Device, jax.sharding.Sharding or None
        Where each result goes.

    Returns
    -------
    list of jax.Array or None
        The values; None for what `execute` has to make.
    """
    found: list[Array | None] = [None] * len(draws)
    sampled = [at for at, draw in enumerate(draws) if isinstance(draw.distribution, SAMPLED) and not draw.native]
    if len(sampled) > 1 and tracing():
        from oneseed_jax.drawing import compiled  # with much of JAX that draws on the host do not need

        bound = [_bound(draws[at], None)[0] for at in sampled]
        for at, values in zip(sampled, compiled.together(bound, [devices[at] for at in sampled]), strict=True):
            found[at] = values
    return found


def _executed(draw: Draw, device: Any) -> Array:
    distribution = draw.distribution
    if draw.native:
        from oneseed_jax.drawing.native import native  # which most programs do not ask for

        with _transfers():
            return native(draw, device)
    if isinstance(distribution, Fill):
        with _transfers():
            return put(_filled(distribution, draw, device), device)
    if isinstance(distribution, Complex):
        return jax.lax.complex(*(_executed(part, device) for part in distribution.split(draw)))
    draw, device = _bound(draw, device)
    if isinstance(distribution, Concatenated) and (tracing() or not _all_integers(draw)):
        parts = [_executed(part, None) for part in distribution.within(draw)]
        return put(jnp.concatenate(parts, axis=distribution.axis), device)
    if host.computes(draw):
        with _transfers():
            return put(host.structured(draw), device)
    return _sampled(draw, device)


def _filled(distribution: Fill, draw: Draw, device: Any) -> Any:
    value = distribution.scalar(draw.dtype)
    small = math.prod(draw.block) * value.itemsize < host.COPIED
    if not tracing() and not np.isnan(value):  # which `jax_debug_nans` refuses where XLA makes it
        # JAX would compile a function for each shape.
        if small:
            return np.full(draw.block, value)
        if _on_cpu(device):
            return host_arrays.host().full(draw.block, value)
    return jnp.full(draw.block, value, device=device if explicit_axes() or not tracing() else None)


def _on_cpu(device: Any) -> bool:
    """Tell whether a result is made on one device, a CPU."""
    where = default_device() if device is None else device
    return isinstance(where, jax.Device) and where.platform == "cpu"


def _transfers() -> Any:
    """Allow what `jax.transfer_guard` may forbid: asking for an array is asking for the numbers that decide it."""
    return jax.transfer_guard("allow")


def _all_integers(draw: Draw) -> bool:
    return all(isinstance(part.seed, int | None) for part in draw.leaves)


def _bound(draw: Draw, device: Any) -> tuple[Draw, Any]:
    """Return a draw and where to make it: at the device given, else where its seed is bound to, as in JAX.

    A seed that is bound elsewhere, or to several devices, becomes a number.
    """
    if not isinstance(draw.seed, jax.Array):
        return draw, device
    bound = None if tracing() else place_of(draw.seed)
    where = bound if device is None else device
    if tracing() or isinstance(bound, Sharding) or (bound is not None and bound != where):
        number = value_of(draw.seed)
        return (draw if number is None else draw._replace(seed=number)), where
    return draw, where


def _sampled(draw: Draw, device: Any) -> Array:
    if not tracing() and _on_cpu(device):
        number = value_of(draw.seed)
        if number is not None:
            # An array without a device of its own follows those it meets, as JAX's own draws do.
            return put(host.sampled(draw._replace(seed=number)), device)
    from oneseed_jax.drawing.compiled import elements  # which a draw on the host does not need

    with _transfers():
        if jax.config.jax_disable_jit and not tracing():  # when functions that are not compiled have no place
            return put(elements(draw), device)
        return elements(draw, SingleDeviceSharding(device) if isinstance(device, jax.Device) else device)
