"""Functions that make tensors and variables."""

import math
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from oneseed import checks
from oneseed.backend.owners import Tensor, array_of, in_force, owned
from oneseed.dtypes import dtype_name
from oneseed.initializers import Constant, Identity, Ones, Zeros


def variable(value: Any, dtype: Any = None, constraint: None = None, name: str | None = None) -> Tensor:
    """Return a new variable.

    Parameters
    ----------
    value : array_like or tensor
        Its first values, copied.
    dtype : str or dtype, optional
        The dtype; None is `floatx`, as in Keras.
    constraint : None
        Keras's third argument; optimizers use it, and there are none here.
    name : str, optional
        A name, where the framework's variables have one.

    Returns
    -------
    variable
        The framework's own: in NumPy an array.

    Raises
    ------
    TypeError
        If `value` holds no numbers.
    ValueError
        If the dtype cannot hold them, or `constraint` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from oneseed import backend as K
    >>> kvar = K.variable(np.random.random((2, 3)))
    >>> K.eval(K.zeros_like(kvar))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    if constraint is not None:
        raise ValueError(f"`constraint` must be None. Received: constraint={constraint!r}")
    return in_force().variable(array_of(value, dtype), name)


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """Return a new tensor.

    Parameters
    ----------
    value : array_like or tensor
        Its values, copied.
    dtype : str or dtype, optional
        The dtype; None is `floatx`, as in Keras.
    shape : sequence of int, optional
        The shape: `value` is reshaped to it if it has as many elements, and else broadcast. None is its own.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        The framework's own.

    Raises
    ------
    TypeError
        If `value` holds no numbers.
    ValueError
        If the dtype cannot hold them, or `value` can be neither reshaped nor broadcast to `shape`.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.constant([1, 2])
    array([1., 2.], dtype=float32)
    >>> K.constant([1, 2, 3, 4], shape=(2, 2))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    array = array_of(value, dtype)
    whole = array.shape if shape is None else checks.shape(shape)
    if array.size == math.prod(whole):
        array = array.reshape(whole)
    return Constant(array)(whole, array.dtype)


def zeros(shape: Sequence[int], dtype: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor of zeros.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    dtype : str or dtype, optional
        The dtype; None is `floatx`.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        The zeros.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.zeros((2,))
    array([0., 0.], dtype=float32)
    """
    return Zeros()(shape, dtype)


def ones(shape: Sequence[int], dtype: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor of ones.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    dtype : str or dtype, optional
        The dtype; None is `floatx`.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        The ones.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.ones((2,))
    array([1., 1.], dtype=float32)
    """
    return Ones()(shape, dtype)


def zeros_like(x: Tensor, dtype: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor of zeros in the shape of another, in the same framework and where the other lies.

    Parameters
    ----------
    x : tensor or variable
        The model, of any backend in use, or of Keras 3; in a graph sizes may be unknown.
    dtype : str or dtype, optional
        The dtype; None is that of `x`.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        The zeros.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> import numpy as np
    >>> from oneseed import backend as K
    >>> K.zeros_like(np.ones((2, 2), "int8"))
    array([[0, 0],
           [0, 0]], dtype=int8)
    """
    return _like(0, x, dtype)


def ones_like(x: Tensor, dtype: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor of ones in the shape of another, in the same framework and where the other lies.

    Parameters
    ----------
    x : tensor or variable
        The model, of any backend in use, or of Keras 3; in a graph sizes may be unknown.
    dtype : str or dtype, optional
        The dtype; None is that of `x`.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        The ones.

    Raises
    ------
    TypeError
        If `x` is not a tensor.

    Examples
    --------
    >>> import numpy as np
    >>> from oneseed import backend as K
    >>> K.ones_like(np.zeros(3))
    array([1., 1., 1.])
    """
    return _like(1, x, dtype)


def _like(value: int, x: Tensor, dtype: Any) -> Tensor:
    owner, tensor = owned(x)
    name = owner.dtype(tensor) if dtype is None else dtype_name(dtype)
    owner.check_dtype(name)
    return owner.full_like(tensor, value, name)


def eye(size: SupportsIndex | Sequence[int], dtype: Any = None, name: str | None = None) -> Tensor:
    """Return an identity matrix.

    Parameters
    ----------
    size : int or sequence of int
        Its rows and columns: one number for both, or two.
    dtype : str or dtype, optional
        The dtype; None is `floatx`.
    name : str, optional
        Taken for Keras's sake; tensors have no names.

    Returns
    -------
    tensor
        The matrix.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.eye(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    try:
        shape: Any = size if isinstance(size, bool) else (operator.index(size),) * 2  # type: ignore[arg-type]
    except TypeError:
        shape = size
    if len(checks.shape(shape)) != 2:
        raise ValueError(f"`size` must be a number, or two for a matrix of 2 axes. Received: size={size!r}")
    return Identity()(shape, dtype)
