"""From one of oneseed's initializers to what JAX calls one: a function of a key, a shape, a dtype and a sharding."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from oneseed import checks, config, seeds
from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.dtypes import dtype_name
from oneseed.initializers import Initializer
from oneseed.models.seeding import seeded
from oneseed_jax.adapter import JaxBackend
from oneseed_jax.drawing.devices import check_dtype, sharding_of
from oneseed_jax.drawing.keys import as_int, check, not_a_key, value_of

Array = Any
KeyedInitializer = Callable[..., Array]
"""`jax.nn.initializers.Initializer`, whose last two arguments may be left out."""

_BACKEND = JaxBackend()

KEPT = 64
"""Shapes and dtypes for which an initializer keeps what it has decided."""


def keyed(
    initializer: Initializer, dtype: Any, axes: Callable[[Shape], str | None], changes: bool = False
) -> KeyedInitializer:
    """Return JAX's kind of initializer, which draws what `initializer` draws when the key is its seed.

    Parameters
    ----------
    initializer : Initializer
        What decides the distribution; its own seed and those of its parts are not used.
    dtype : dtype or None
        What a call without a dtype gives; None is JAX's own default.
    axes : callable
        From a shape to the names of its axes.
    changes : bool
        Whether somebody may change the initializer later, so that each call has to decide anew.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.
    """

    def describe(whole: Shape, name: str) -> Draw:
        return initializer.describe(whole, name, axes(whole))

    decided = describe if changes else lru_cache(maxsize=KEPT)(describe)

    def init(key: Array, shape: Any, dtype: Any = dtype, out_sharding: Any = None) -> Array:
        seed = None if initializer.seed is None else seed_of(key)
        whole, name = checks.shape(shape), name_of(dtype)
        place = place_of(out_sharding, whole)
        draw = decided(whole, name)
        if not draw.distribution.draws:
            return _BACKEND.draw(draw._replace(seed=seed, path=()), place)
        if any(part.seed is not None for part in draw.leaves):
            draw = seeded(initializer, _number_or_key(key), always=True).describe(whole, name, axes(whole))
        return _BACKEND.draw(draw, place)

    return init


def _number_or_key(key: Any) -> Any:
    """Return a key as an integer where its value is known, since parts that are computed on the host need one."""
    seed = seed_of(key)
    number = value_of(seed)
    return seed if number is None else number


def seed_of(key: Any) -> Any:
    """Check a key, and return it as a seed.

    Parameters
    ----------
    key : jax.Array, ndarray or int
        A key, typed or raw, which may be traced; or the number of a seed.

    Returns
    -------
    jax.Array or int
        The seed.

    Raises
    ------
    TypeError
        If it is not one of these.
    ValueError
        If it is a number out of range, an array of keys, a key of more than four words, or oneseed's settings ask for
        JAX's own random numbers.
    """
    if config.rng() == "native":
        raise ValueError(
            "`rng` must be 'portable' for oneseed_jax.initializers; jax.nn.initializers draw with JAX's own generator. "
            "Received: rng='native'"
        )
    if isinstance(key, jax.Array | np.ndarray):
        check("key", key)
        return as_int(key) if isinstance(key, np.ndarray) else key
    # Not booleans, nor other frameworks' tensors, which have an `__index__` too.
    if isinstance(key, bool) or not (
        isinstance(key, np.integer) or (hasattr(key, "__index__") and not hasattr(key, "dtype"))
    ):
        raise not_a_key("key", key)
    return seeds.check_seed(key)


def number(argument: str, value: Any) -> float:
    """Check a real number that decides a distribution; TypeError for one whose value is not known yet."""
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f"`{argument}` must have its value when the function around it is traced: compute it with Python or NumPy "
            f"(math.sqrt for jnp.sqrt), or multiply what an initializer returned. Received: {argument}={value!r}"
        )
    return checks.scalar(argument, value)


def bound(argument: str, value: Any) -> float:
    """Check a real number as `number` does, which may be infinite."""
    infinite = not isinstance(value, jax.core.Tracer) and np.ndim(value) == 0 and value in (-math.inf, math.inf)
    return float(value) if infinite else number(argument, value)


def name_of(dtype: Any) -> str:
    """Return the name of a dtype; None, and Python's own types, mean what they mean in JAX."""
    # Not by equality: np.dtype("float64") equals float.
    if dtype is None or any(dtype is own for own in (bool, int, float, complex)):
        return str(jnp.result_type(float if dtype is None else dtype).name)
    name = dtype_name(dtype)
    check_dtype(name)
    return name


def place_of(out_sharding: Any, shape: Shape) -> Any:
    """Check `out_sharding` for a tensor of `shape`, and complete a PartitionSpec with the mesh around it.

    Parameters
    ----------
    out_sharding : jax.sharding.NamedSharding, jax.sharding.PartitionSpec or None
        Where the result goes.
    shape : tuple of int
        The shape of the whole tensor.

    Returns
    -------
    jax.sharding.NamedSharding or None
        The sharding.

    Raises
    ------
    TypeError
        If it is nothing of these.
    ValueError
        If it does not fit the shape, has no mesh, another mesh than the one in force, or an axis inside of `shard_map`.
    """
    if out_sharding is None or (isinstance(out_sharding, NamedSharding) and out_sharding.mesh.empty):
        return None
    if not isinstance(out_sharding, NamedSharding | PartitionSpec):
        raise TypeError(
            "`out_sharding` must be a jax.sharding.NamedSharding, a jax.sharding.PartitionSpec or None. "
            f"Received: out_sharding={out_sharding!r}"
        )
    return sharding_of("out_sharding", out_sharding, shape)
