"""Seeds in JAX's own terms: keys, and scalars that may have no value yet."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from oneseed.stream.philox import MASK


def halves(seed: Any) -> tuple[Any, Any]:
    """Return a seed as its low and high 32 bits.

    Parameters
    ----------
    seed : int or jax.Array
        An integer; a key of the generator "threefry2x32", typed or raw, where ``key(7)`` is seed 7; an integer
        scalar, which is taken modulo ``2**64`` where it has no value yet.

    Returns
    -------
    tuple of 2
        Scalars of uint32.

    Raises
    ------
    TypeError
        If the seed is neither a key nor an integer scalar.
    ValueError
        If it is a key of another generator, an array of keys, or a negative number.
    """
    if isinstance(seed, int):
        return np.uint32(seed & MASK), np.uint32(seed >> 32)
    if jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        data = jax.random.key_data(seed)
        if data.shape != (2,):
            raise ValueError(
                "`seed` must be one key of the generator 'threefry2x32', which has two words; use jax.random.key(7), "
                f"and jax.vmap over an array of keys. Received: seed={seed!r}"
            )
        return data[1], data[0]
    if seed.dtype == jnp.uint32 and seed.shape == (2,):
        return seed[1], seed[0]
    if not jnp.issubdtype(seed.dtype, jnp.integer) or seed.shape:
        raise TypeError(
            "`seed` must be an int, a SeedGenerator, a JAX key, or an integer scalar of JAX; use jax.vmap over an "
            f"array of seeds. Received: seed={seed!r}"
        )
    if jnp.issubdtype(seed.dtype, jnp.signedinteger) and not isinstance(seed, jax.core.Tracer) and int(seed) < 0:
        raise ValueError(f"`seed` must lie in [0, 2**64). Received: seed={seed!r}")
    with jax.enable_x64(True):
        wide = seed.astype(jnp.uint64)
        return wide.astype(jnp.uint32), (wide >> 32).astype(jnp.uint32)


def as_int(seed: Any) -> int:
    """Return a seed that has a value as an integer, also where a function is being traced around it."""
    with jax.ensure_compile_time_eval():
        low, high = halves(seed)
        return int(high) << 32 | int(low)


def number_on(device: Any, seed: Any) -> int | None:
    """Return a seed as an integer; None for an array that is bound to devices, or elsewhere, and so are its values."""
    if isinstance(seed, int):
        return seed
    if isinstance(seed, jax.Array):
        bound = seed.committed or seed.devices() != {device} or not jax.sharding.get_abstract_mesh().empty
        return None if bound else as_int(seed)
    return as_int(seed)
