"""Functions that convert tensors, and tell what they are."""

import math
from typing import Any

from oneseed.backend.owners import Tensor, array_of, held_by, owned, owner_or_none
from oneseed.checks import Shape
from oneseed.config import floatx
from oneseed.dtypes import dtype_name


def cast(x: Tensor, dtype: Any) -> Tensor:
    """Convert a tensor to another dtype.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.
    dtype : str or dtype
        The dtype.

    Returns
    -------
    tensor
        A tensor of the same framework.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.cast(K.ones((2,)), "int32")
    array([1, 1], dtype=int32)
    """
    owner, tensor = owned(x)
    return owner.cast(tensor, dtype_name(dtype))


def cast_to_floatx(x: Any) -> Any:
    """Convert to the default float dtype.

    Parameters
    ----------
    x : tensor or array_like
        A tensor keeps its framework; anything else becomes a NumPy array, as in Keras.

    Returns
    -------
    tensor
        The values in `floatx`.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.cast_to_floatx([1, 2])
    array([1., 2.], dtype=float32)
    """
    if is_tensor(x):
        return cast(x, floatx())
    return array_of(x, floatx(), "x")


def is_tensor(x: Any) -> bool:
    """Tell whether something is a tensor or variable of a backend in use.

    Parameters
    ----------
    x : object
        Anything.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.is_tensor(K.ones((2,))), K.is_tensor([1, 1])
    (True, False)
    """
    return owner_or_none(held_by(x)) is not None


def dtype(x: Tensor) -> str:
    """Return the name of a tensor's dtype.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    str
        The name.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.dtype(K.zeros((2,)))
    'float32'
    """
    owner, tensor = owned(x)
    return owner.dtype(tensor)


def int_shape(x: Tensor) -> Shape:
    """Return the shape of a tensor.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    tuple of int
        The shape; in a graph a size may be None, unknown before it runs.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.int_shape(K.zeros((2, 3)))
    (2, 3)
    """
    owner, tensor = owned(x)
    return owner.shape(tensor)


def shape(x: Tensor) -> Tensor:
    """Return the shape of a tensor as a tensor, which in a graph may have sizes that are unknown before it runs.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    tensor of int32, shape (ndim,)
        The sizes, in the same framework.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.shape(K.zeros((2, 3)))
    array([2, 3], dtype=int32)
    """
    owner, tensor = owned(x)
    return owner.sizes(tensor)


def count_params(x: Tensor) -> int:
    """Return the number of elements of a tensor.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TypeError
        If `x` is not a tensor.
    ValueError
        If a size is unknown before the function runs.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.count_params(K.zeros((2, 3)))
    6
    """
    sizes = int_shape(x)
    if None in sizes:
        raise ValueError(f"`x` must have a known shape. Received: x of shape {sizes}")
    return math.prod(sizes)


def identity(x: Tensor, name: str | None = None) -> Tensor:
    """Return a tensor with the values of another, or of a variable, which may then change by itself.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        A tensor of the same framework.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.identity(K.variable([1, 2]))
    array([1., 2.], dtype=float32)
    """
    owner, tensor = owned(x)
    return owner.identity(tensor)


def ndim(x: Tensor) -> int:
    """Return the number of axes of a tensor.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.ndim(K.zeros((2, 3)))
    2
    """
    return len(int_shape(x))
