"""Functions that draw, and variables that begin with what is drawn."""

from collections.abc import Sequence
from typing import Any

from oneseed.backend.making import variable
from oneseed.backend.owners import Tensor, in_force
from oneseed.dtypes import FLOATS, dtype_name
from oneseed.host_arrays import HOST
from oneseed.initializers.composed.combination import Sum
from oneseed.initializers.elementwise.constants import Constant
from oneseed.initializers.elementwise.discrete import RandomSign
from oneseed.initializers.elementwise.random import RandomNormal, RandomUniform
from oneseed.random import Seed


def random_bernoulli(shape: Sequence[int], p: Any = 0.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Draw 1 with a probability of `p`, else 0.

    The values are ``Sum([Constant(0.5), RandomSign(p, 0.5, seed)])``: an element is 1 where its random word, in the
    stream of the path ``(1,)``, is below ``p * 2**32``, rounded. The mean is `p` and the variance ``p * (1 - p)``. It
    is computed on the host.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    p : float or scalar tensor
        The probability, from 0 to 1, met to within ``2**-33``.
    dtype : str or dtype, optional
        Any numeric dtype, or bool; None is `floatx`.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.

    Returns
    -------
    tensor
        The values.

    Raises
    ------
    TypeError
        If `p` is not a number.
    ValueError
        If it is below 0 or above 1.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.random_bernoulli((8,), 0.5, seed=7)
    array([1., 1., 0., 1., 0., 0., 0., 0.], dtype=float32)
    """
    name = dtype_name(dtype)
    drawn = Sum([Constant(0.5), RandomSign(p, 0.5, seed)])(shape, name if name in FLOATS else "float32")
    return drawn if name in FLOATS else in_force().cast(drawn, name)


random_binomial = random_bernoulli


def random_uniform_variable(
    shape: Sequence[int], low: Any, high: Any, dtype: Any = None, name: str | None = None, seed: Seed = None
) -> Tensor:
    """Return a new variable that begins uniform on ``[low, high)``.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    low, high : float or scalar tensor
        The bounds.
    dtype : str or dtype, optional
        A float, integer or complex dtype; None is `floatx`.
    name : str, optional
        A name, where the framework's variables have one.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.

    Returns
    -------
    variable
        The framework's own: in NumPy an array. Its values are those of `random_uniform`.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If one is out of range, or as `oneseed.initializers.RandomUniform` says.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.random_uniform_variable((2, 3), low=0.0, high=1.0, seed=7).shape
    (2, 3)
    """
    return _variable(RandomUniform(low, high, seed), shape, dtype, name)


def random_normal_variable(
    shape: Sequence[int], mean: Any, scale: Any, dtype: Any = None, name: str | None = None, seed: Seed = None
) -> Tensor:
    """Return a new variable that begins with values from a normal distribution.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    mean, scale : float or scalar tensor
        The mean, and the standard deviation, 0 or more.
    dtype : str or dtype, optional
        A float or complex dtype; None is `floatx`.
    name : str, optional
        A name, where the framework's variables have one.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.

    Returns
    -------
    variable
        The framework's own: in NumPy an array. Its values are those of `random_normal`.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If one is out of range, or as `oneseed.initializers.RandomNormal` says.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.random_normal_variable((2, 3), mean=0.0, scale=1.0, seed=7).shape
    (2, 3)
    """
    return _variable(RandomNormal(mean, scale, seed), shape, dtype, name)


def _variable(initializer: RandomNormal | RandomUniform, shape: Sequence[int], dtype: Any, name: str | None) -> Tensor:
    drawn = initializer(shape, dtype, backend=HOST)
    return variable(drawn, drawn.dtype, name=name)
