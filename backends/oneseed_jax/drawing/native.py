"""Draws from JAX's own generator, as Keras 3 makes them on its JAX backend."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from oneseed.distributions import Distribution, Haar, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed_jax.drawing.devices import put

Array = Any


def native(draw: Draw, device: Any = None) -> Array:
    """Return the whole tensor of a draw, to the bit what Keras 3 returns.

    Parameters
    ----------
    draw : Draw
        The draw; its seed is an integer.
    device : jax.Device, jax.sharding.Sharding or None
        Where the result goes. One that is spread over devices is made on one of them first, since the numbers depend
        on the whole.

    Returns
    -------
    jax.Array
        The values.
    """
    key = np.asarray(draw.native_seed, np.uint32)
    if isinstance(device, Sharding):
        key = jax.device_put(key, min(device.addressable_devices, key=lambda each: each.id))
    else:
        key = jax.device_put(key, device)
    key = jax.random.wrap_key_data(key, impl="threefry2x32")  # Keras's, whatever generator JAX is set to use
    distribution = draw.distribution
    if isinstance(distribution, Haar):
        return put(_orthogonal(distribution, draw, key), device)
    return put(_values(distribution, draw, key), device)


def _values(distribution: Distribution, draw: Draw, key: Array) -> Array:
    shape, dtype = draw.shape, draw.dtype
    if isinstance(distribution, Uniform):
        return jax.random.uniform(key, shape, dtype, distribution.low, distribution.high)
    assert isinstance(distribution, Normal | TruncatedNormal)
    if isinstance(distribution, Normal):
        standard = jax.random.normal(key, shape, dtype)
    else:
        standard = jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)
    # Two operations, not one compiled function: fused, they would round once.
    return standard * distribution.stddev + distribution.mean


def _orthogonal(haar: Haar, draw: Draw, key: Array) -> Array:
    """QR as Keras does it, a zero on the diagonal and all."""
    q, r = jnp.linalg.qr(jax.random.normal(key, haar.tall, draw.dtype))
    q = q * jnp.sign(jnp.diag(r))
    return haar.gain * jnp.reshape(q.T if haar.rows < haar.columns else q, draw.shape)
