"""Random tensors without an initializer, under the names of `keras.random`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from oneseed import registry
from oneseed.dtypes import INTEGERS, dtype_name
from oneseed.initializers.elementwise.random import RandomNormal, RandomUniform, TruncatedNormal
from oneseed.seeds import SeedGenerator, set_random_seed

__all__ = ["SeedGenerator", "normal", "randint", "set_random_seed", "truncated_normal", "uniform"]

Seed = int | SeedGenerator | None

KEPT = 256
"""Initializers with an int as the seed that are kept: each has prepared what its next call asks for again."""


def normal(
    shape: Sequence[int],
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    **call: Any,
) -> Any:
    """Draw from a normal distribution.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    mean, stddev : float or scalar tensor
        The mean, complex if it is to be, and the standard deviation, 0 or more.
    dtype : str or dtype, optional
        A float or complex dtype; None is `oneseed.floatx`.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    **call
        `axes`, `path`, `backend`, `device` and the partition arguments of `Initializer.__call__`.

    Returns
    -------
    tensor
        The values.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.random.normal((2, 3), seed=7).shape
    (2, 3)
    """
    return _initializer(RandomNormal, mean, stddev, seed)(shape, dtype, **call)


def uniform(
    shape: Sequence[int],
    minval: Any = 0.0,
    maxval: Any = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    **call: Any,
) -> Any:
    """Draw from the uniform distribution on ``[minval, maxval)``.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    minval, maxval : float or scalar tensor
        The bounds.
    dtype : str or dtype, optional
        A float, integer or complex dtype; None is `oneseed.floatx`.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    **call
        `axes`, `path`, `backend`, `device` and the partition arguments of `Initializer.__call__`.

    Returns
    -------
    tensor
        The values.

    Examples
    --------
    >>> import oneseed
    >>> x = oneseed.random.uniform((1000,), seed=7)
    >>> bool(((0 <= x) & (x < 1)).all())
    True
    """
    return _initializer(RandomUniform, minval, maxval, seed)(shape, dtype, **call)


def truncated_normal(
    shape: Sequence[int],
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    **call: Any,
) -> Any:
    """Draw from a normal distribution, cut at two standard deviations from the mean.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    mean, stddev : float or scalar tensor
        The mean, complex if it is to be, and the standard deviation before truncation, 0 or more.
    dtype : str or dtype, optional
        A float or complex dtype; None is `oneseed.floatx`.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    **call
        `axes`, `path`, `backend`, `device` and the partition arguments of `Initializer.__call__`.

    Returns
    -------
    tensor
        The values.

    Examples
    --------
    >>> import oneseed
    >>> bool(abs(oneseed.random.truncated_normal((1000,), seed=7)).max() <= 2)
    True
    """
    return _initializer(TruncatedNormal, mean, stddev, seed)(shape, dtype, **call)


def randint(
    shape: Sequence[int], minval: Any, maxval: Any, dtype: Any = "int32", seed: Seed = None, **call: Any
) -> Any:
    """Draw integers from the uniform distribution on ``[minval, maxval)``.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    minval, maxval : int or scalar tensor
        The bounds, at most ``2**32`` apart.
    dtype : str or dtype
        An integer dtype.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    **call
        `axes`, `path`, `backend`, `device` and the partition arguments of `Initializer.__call__`.

    Returns
    -------
    tensor
        The values.

    Raises
    ------
    ValueError
        If the dtype is not an integer, or as `RandomUniform` says.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.random.randint((5,), 0, 10, seed=0)
    array([3, 8, 7, 6, 9], dtype=int32)
    """
    name = dtype if isinstance(dtype, str) and dtype in INTEGERS else dtype_name(dtype)
    if name not in INTEGERS:
        raise ValueError(f"`dtype` must be one of {', '.join(INTEGERS)} for integers. Received: dtype={dtype!r}")
    return _initializer(RandomUniform, minval, maxval, seed)(shape, name, **call)


def _initializer(kind: Any, first: Any, second: Any, seed: Seed) -> Any:
    """Return an initializer, one that has been used before if its arguments are the same plain numbers."""
    for _, reads in registry.readers:
        if reads():  # what a compiler reads has nothing to be kept
            return kind(first, second, seed)
    if type(seed) is not int or type(first) not in (int, float) or type(second) not in (int, float):
        return kind(first, second, seed)
    # -0.0 is equal to 0.0, and 1 to 1.0.
    return _kept(kind, repr(first), repr(second), first, second, seed)


@lru_cache(maxsize=KEPT)
def _kept(kind: Any, _first: str, _second: str, first: float, second: float, seed: int) -> Any:
    return kind(first, second, seed)
