"""The initializers of `jax.nn.initializers`, by their names and signatures, drawn from oneseed's stream.

``from oneseed_jax import initializers`` in place of ``from jax.nn import initializers`` is all there is to change. A
key is a seed: ``normal(0.02)(jax.random.key(7), shape)`` holds the bits that ``RandomNormal(stddev=0.02, seed=7)`` of
`oneseed.initializers` makes on every backend: eagerly and compiled, under `jax.vmap` and in shards.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer

from oneseed import checks
from oneseed.initializers import Constant, Ones, RandomNormal, TruncatedNormal, Zeros
from oneseed.initializers import Initializer as OneseedInitializer
from oneseed.initializers.targets import describes
from oneseed_jax.drawing.devices import put
from oneseed_jax.initializers.conventions import NO_SEED, FloatUniform, OneSided
from oneseed_jax.initializers.keyed import KeyedInitializer, bound, keyed, name_of, number, place_of
from oneseed_jax.initializers.matrices import delta_orthogonal, orthogonal
from oneseed_jax.initializers.scaling import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)

Array = Any

__all__ = [
    "Initializer",
    "constant",
    "delta_orthogonal",
    "from_oneseed",
    "glorot_normal",
    "glorot_uniform",
    "haiku",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def _plain(shape: Any) -> None:
    """Name no axes: the elements count in row-major order."""


def zeros(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Array:
    """Return an array of zeros.

    Parameters
    ----------
    key : object
        Not used; it may be anything.
    shape : sequence of int
        The shape.
    dtype : dtype, optional
        Any numeric dtype or bool; None is JAX's default float dtype.
    out_sharding : jax.sharding.NamedSharding, jax.sharding.PartitionSpec or None
        Where the array goes.

    Returns
    -------
    jax.Array
        The zeros.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is malformed or does not fit the others.

    Examples
    --------
    >>> zeros(None, (2, 2), "int8")
    Array([[0, 0],
           [0, 0]], dtype=int8)
    """
    return _ZEROS(key, shape, dtype, out_sharding)


def ones(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Array:
    """Return an array of ones.

    Parameters
    ----------
    key : object
        Not used; it may be anything.
    shape : sequence of int
        The shape.
    dtype : dtype, optional
        Any numeric dtype or bool; None is JAX's default float dtype.
    out_sharding : jax.sharding.NamedSharding, jax.sharding.PartitionSpec or None
        Where the array goes.

    Returns
    -------
    jax.Array
        The ones.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is malformed or does not fit the others.

    Examples
    --------
    >>> ones(None, (3,))
    Array([1., 1., 1.], dtype=float32)
    """
    return _ONES(key, shape, dtype, out_sharding)


_ZEROS, _ONES = (keyed(cls(), None, _plain) for cls in (Zeros, Ones))


def constant(value: Any, dtype: Any = None) -> KeyedInitializer:
    """Return an initializer that fills with a value, or with an array that is broadcast to the shape.

    Parameters
    ----------
    value : scalar or array_like
        The value, which may be traced. It is cast to the dtype of the call.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``; it does not use the key.

    Raises
    ------
    TypeError
        If `value` holds no numbers.
    ValueError
        At the call, if `value` cannot be broadcast to the shape or does not fit the dtype.

    Examples
    --------
    >>> constant([1, 2, 3])(None, (2, 3))
    Array([[1., 2., 3.],
           [1., 2., 3.]], dtype=float32)
    """
    if not isinstance(value, jax.core.Tracer):
        return keyed(Constant(value), dtype, _plain)

    def init(key: Any, shape: Any, dtype: Any = dtype, out_sharding: Any = None) -> Array:
        whole, name = checks.shape(shape), name_of(dtype)
        return put(jnp.broadcast_to(value.astype(name), whole), place_of(out_sharding, whole))

    return init


def uniform(scale: Any = 1e-2, dtype: Any = None) -> KeyedInitializer:
    """Return an initializer that draws from the uniform distribution on ``[0, scale)``, of variance ``scale**2 / 12``.

    Parameters
    ----------
    scale : float
        The upper bound, 0 or more, which is never drawn.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If `scale` is not a real number, or has no value yet.
    ValueError
        If it is negative, NaN or infinite. At the call, if the dtype is not a float.

    Examples
    --------
    >>> import jax
    >>> w = uniform(10.0)(jax.random.key(7), (1000,))
    >>> bool((w >= 0).all() and (w < 10).all())
    True
    """
    return keyed(FloatUniform(checks.at_least("scale", number("scale", scale), 0)), dtype, _plain)


def normal(stddev: Any = 1e-2, dtype: Any = None) -> KeyedInitializer:
    """Return an initializer that draws from a normal distribution, of mean 0 and variance ``stddev**2``, not truncated.

    Parameters
    ----------
    stddev : float
        The standard deviation, 0 or more.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If `stddev` is not a real number, or has no value yet.
    ValueError
        If it is negative, NaN or infinite. At the call, if the dtype is not a float.

    Examples
    --------
    >>> import jax
    >>> normal(1.0)(jax.random.key(0), (2,))
    Array([-0.25581595,  1.1775912 ], dtype=float32)
    """
    return keyed(RandomNormal(0.0, number("stddev", stddev), NO_SEED), dtype, _plain)


def truncated_normal(stddev: Any = 1e-2, dtype: Any = None, lower: Any = -2.0, upper: Any = 2.0) -> KeyedInitializer:
    """Return an initializer that draws from a normal distribution of mean 0, cut at `lower` and `upper` times `stddev`.

    `stddev` is that of the distribution before it is cut; the values' own is smaller, by 0.8796 for the default
    bounds. `variance_scaling` corrects for that, this function does not.

    Parameters
    ----------
    stddev : float
        The standard deviation before truncation, 0 or more.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.
    lower, upper : float
        The bounds, in standard deviations, ``lower < upper``; ``-math.inf`` and ``math.inf`` leave a side as it is.
        None of oneseed's normal values lies beyond 9.1.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an argument is not a real number, or has no value yet.
    ValueError
        If one is NaN, `stddev` is negative or infinite, or ``lower >= upper``. At the call, if the dtype is not a
        float, or too little of the distribution is left between the bounds: beyond 4.2 standard deviations on one side,
        in float32 and narrower dtypes, both bounds must be finite.

    Examples
    --------
    >>> import jax
    >>> w = truncated_normal(5.0, lower=0.0, upper=1.0)(jax.random.key(7), (1000,))
    >>> bool((w >= 0).all() and (w <= 5).all())
    True
    """
    low, high, before = bound("lower", lower), bound("upper", upper), number("stddev", stddev)
    if math.isinf(low) or math.isinf(high):
        return keyed(OneSided(before, low, high), dtype, _plain)
    return keyed(TruncatedNormal(0.0, before, NO_SEED, lower=low, upper=high), dtype, _plain)


def from_oneseed(initializer: OneseedInitializer, axes: str | None = None, dtype: Any = None) -> KeyedInitializer:
    """Return any of oneseed's initializers as one of JAX's, which draws with the key of each call.

    So those that `jax.nn.initializers` does not have serve as `kernel_init` in Flax, too.

    Parameters
    ----------
    initializer : oneseed.initializers.Initializer
        What decides the distribution; its own seed and those of its parts are not used. Where parts are computed on
        the host, as those of ``Sum`` and ``Scaled`` are, the key must have its value: it may not be traced.
    axes : str, optional
        Names of the axes, as at the call of one of oneseed's initializers.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If `initializer` is not one of oneseed's, or has a call of its own.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> init = from_oneseed(oneseed.initializers.Identity(2.0))
    >>> init(jax.random.key(7), (2, 2))
    Array([[2., 0.],
           [0., 2.]], dtype=float32)
    """
    if not describes(initializer):
        raise TypeError(
            "`initializer` must be one that comes with oneseed, such as oneseed.initializers.HeNormal(), or one whose "
            "class has a `distribution_for`; one with a `__call__` of its own needs a function of its own. "
            f"Received: initializer={initializer!r}"
        )
    return keyed(initializer, dtype, lambda shape: axes, changes=True)


def haiku(init: KeyedInitializer) -> Callable[..., Array]:
    """Return a JAX initializer as Haiku calls one, without a key: each call takes the next one of the module.

    Parameters
    ----------
    init : callable
        An initializer of this module, or any that is called ``init(key, shape, dtype)``.

    Returns
    -------
    callable
        ``init(shape, dtype)``, for `w_init` and the like; to be called inside `haiku.transform`.

    Examples
    --------
    >>> w_init = haiku(he_normal())
    """

    def call(shape: Any, dtype: Any) -> Array:
        import haiku as hk

        return init(hk.next_rng_key(), shape, dtype)

    return call
