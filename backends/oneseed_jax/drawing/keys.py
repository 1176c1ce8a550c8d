"""Seeds in JAX's own terms: keys, and scalars that may have no value yet."""

from enum import IntEnum
from functools import cache
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from oneseed.checks import Shape
from oneseed.stream.philox import MASK, philox4x32, round_keys, rounds
from oneseed_jax.drawing.arrays import NarrowArrays, own_types

Array = Any

THREEFRY = "threefry2x32"
"""JAX's default generator, of whose keys the two words are the seed."""

MASK64 = 2**64 - 1

HASH_KEY = 0x6B657973, 0
"""The key of Philox by which the words of a key become a seed, unless the key is one of "threefry2x32"."""


def check(argument: str, seed: Any) -> None:
    """Check a seed that is not an integer of Python; see `halves` for what is accepted and what is raised.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    seed : object
        The seed.
    """
    if not isinstance(seed, jax.Array | np.ndarray | np.generic):
        raise not_a_key(argument, seed)
    impl = _impl(seed)
    if impl is None:
        _check_scalar(argument, seed)
        return
    shape = _key_shape(impl)
    if seed.shape != (() if _is_typed(seed) else shape):
        raise ValueError(
            f"`{argument}` must be one key; use jax.vmap over an array of keys. Received: {argument}={seed!r}"
        )
    if prod(shape) > 4:
        raise ValueError(
            f"`{argument}` must be a key of at most four words of 32 bits; this one has {prod(shape)}. Use a key of "
            f"one of JAX's own generators. Received: {argument}={seed!r}"
        )


def not_a_key(argument: str, seed: Any) -> TypeError:
    """Return the error for what is neither an array of JAX nor an integer."""
    return TypeError(
        f"`{argument}` must be a JAX key, such as jax.random.key(7), or an integer in [0, 2**64). "
        f"Received: {argument}={seed!r}"
    )


def _check_scalar(argument: str, seed: Any) -> None:
    if not jnp.issubdtype(seed.dtype, jnp.integer) or seed.shape:
        raise TypeError(
            f"`{argument}` must be an int, a SeedGenerator, a JAX key, or an integer scalar of JAX; use jax.vmap over "
            f"an array of seeds. A raw key is an array of uint32. Received: {argument}={seed!r}"
        )
    if jnp.issubdtype(seed.dtype, jnp.signedinteger) and not isinstance(seed, jax.core.Tracer) and int(seed) < 0:
        raise ValueError(f"`{argument}` must lie in [0, 2**64). Received: {argument}={seed!r}")


def _is_typed(seed: Any) -> bool:
    return bool(jnp.issubdtype(seed.dtype, jax.dtypes.prng_key))


def is_threefry(seed: Any) -> bool:
    """Tell whether a seed is a key, or keys, of JAX's default generator."""
    return isinstance(seed, jax.Array) and _impl(seed) == THREEFRY


def _impl(seed: Any) -> Any:
    """Return the generator of a key, typed or raw, as `jax.random.key` takes it; None for what is not a key.

    A raw key is an array of uint32: of the generator that JAX is set to use where it fits that, else of "threefry2x32"
    or "rbg", whose keys have two and four words.
    """
    if _is_typed(seed):
        return jax.random.key_impl(seed)
    if seed.dtype == np.uint32 and seed.shape:
        for impl in (jax.config.jax_default_prng_impl, THREEFRY, "rbg"):
            shape = _key_shape(impl)
            if seed.shape[-len(shape) :] == shape:
                return impl
    return None


@cache
def _key_shape(impl: Any) -> Shape:
    """Return the shape of a generator's raw keys."""
    return tuple(jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0, impl=impl))).shape)


class Form(IntEnum):
    """How words make a seed, as ``native/xla.c`` numbers the ways."""

    HALVES = 0
    """The low and the high 32 bits."""
    THREEFRY = 1
    """A key of "threefry2x32": the high and the low ones."""
    HASHED = 2
    """A key of another generator, of at most four words."""


def words_of(seed: Any) -> tuple[Any, Form]:
    """Return a seed as an array of words, and what they are; see `halves` for what is accepted and what is raised.

    Parameters
    ----------
    seed : int or jax.Array
        The seed.

    Returns
    -------
    words : array of uint32, shape (n,)
        The words.
    form : Form
        How they make the seed.
    """
    if isinstance(seed, int):
        return np.array([seed & MASK, seed >> 32], np.uint32), Form.HALVES
    check("seed", seed)
    impl = _impl(seed)
    if impl is None:
        return jax.jit(_halves_of_integer)(seed), Form.HALVES
    return (key_words(seed), Form.THREEFRY) if impl == THREEFRY else (key_words(seed).reshape(-1), Form.HASHED)


def key_words(key: Any) -> Any:
    """Return the words of a key, typed or raw."""
    if not _is_typed(key):
        return key
    # What is there already is had without an operation, which takes longer than a small draw.
    words = None if isinstance(key, jax.core.Tracer) else getattr(key, "_base_array", None)
    return jax.random.key_data(key) if words is None else words


def halves_of(words: Any, form: Form) -> tuple[Any, Any]:
    """Return the low and the high 32 bits, scalars of uint32, of the seed that words make."""
    if form is Form.HASHED:
        low, high = _hashed(words)
        return low, high
    return (words[0], words[1]) if form is Form.HALVES else (words[1], words[0])


def halves(seed: Any) -> tuple[Any, Any]:
    """Return a seed as its low and high 32 bits.

    Parameters
    ----------
    seed : int or jax.Array
        An integer; a key of any of JAX's generators, typed or raw, of at most four words; an integer scalar, which is
        taken modulo ``2**64`` where it has no value yet. ``key(7)`` of the generator "threefry2x32" is seed 7. For
        other generators the words are hashed: words 0 and 1 of a block of Philox are the halves.

    Returns
    -------
    tuple of 2
        Scalars of uint32.

    Raises
    ------
    TypeError
        If the seed is neither a key nor an integer scalar.
    ValueError
        If it is an array of keys, a key of more than four words, or a negative number.
    """
    if isinstance(seed, int):
        return np.uint32(seed & MASK), np.uint32(seed >> 32)
    words, form = words_of(seed)
    low, high = jax.jit(halves_of, static_argnums=1)(words, form) if form is Form.HASHED else halves_of(words, form)
    return low, high


def _halves_of_integer(seed: Array) -> Array:
    """Return the low and the high 32 bits, in uint32, of an integer scalar of any dtype."""
    with own_types():
        wide = seed.astype(jnp.uint64)
        return jnp.stack([wide.astype(jnp.uint32), (wide >> 32).astype(jnp.uint32)])


def _hashed(words: Array) -> tuple[Array, Array]:
    """Return words 0 and 1 of the block of Philox whose counter is an array of uint32, of shape (n,), n at most 4."""
    with own_types():
        counter = jnp.zeros(4, jnp.uint32).at[: words.size].set(words)
        low, high, _, _ = rounds(tuple(counter), round_keys(HASH_KEY), NarrowArrays().product)
        return low, high


def as_int(seed: Any) -> int:
    """Return a seed that has a value as an integer, also where a function is being traced around it."""
    if isinstance(seed, int):
        return seed
    check("seed", seed)
    impl = _impl(seed)
    with jax.ensure_compile_time_eval():
        data = jax.device_get(key_words(seed))
    if impl is None:
        return int(data) & MASK64
    words = [int(word) for word in data.flat]
    if impl == THREEFRY:
        high, low = words
    else:
        w0, w1, w2, w3 = words + [0] * (4 - len(words))
        low, high, _, _ = philox4x32((w0, w1, w2, w3), HASH_KEY)
    return high << 32 | low


def value_of(seed: Any) -> int | None:
    """Return a seed as an integer; None for one that is traced, or that this process cannot read."""
    if isinstance(seed, jax.core.Tracer) or (
        isinstance(seed, jax.Array) and not (seed.is_fully_addressable or seed.is_fully_replicated)
    ):
        return None
    return as_int(seed)


def place_of(seed: Any) -> Any:
    """Return where a seed is bound to, which draws without a device follow: a device, a sharding, or None."""
    if not isinstance(seed, jax.Array) or isinstance(seed, jax.core.Tracer) or not seed.committed:
        return None
    if len(seed.sharding.device_set) == 1:
        return next(iter(seed.sharding.device_set))
    mesh = getattr(seed.sharding, "mesh", None)
    return None if mesh is None else NamedSharding(mesh, PartitionSpec())
