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
    law = draw.distribution
    values = _orthogonal(law, draw, key) if isinstance(law, Haar) else _values(law, draw, key)
    return put(values, device)


def _values(law: Distribution, draw: Draw, key: Array) -> Array:
    shape, dtype = draw.shape, draw.dtype
    if isinstance(law, Uniform):
        return jax.random.uniform(key, shape, dtype, law.low, law.high)
    assert isinstance(law, Normal | TruncatedNormal)
    if isinstance(law, Normal):
        standard = jax.random.normal(key, shape, dtype)
    else:
        standard = jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)
    # Two operations, not one compiled function: fused, they would round once.
    return standard * law.stddev + law.mean


def _orthogonal(law: Haar, draw: Draw, key: Array) -> Array:
    """QR as Keras does it, a zero on the diagonal and all."""
    q, r = jnp.linalg.qr(jax.random.normal(key, law.tall, draw.dtype))
    q = q * jnp.sign(jnp.diag(r))
    return law.gain * jnp.reshape(q.T if law.rows < law.columns else q, draw.shape)
