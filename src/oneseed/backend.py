"""Tensors and variables of the backend in force, under the names of `keras.backend`.

Import it as Keras's documentation does: ``from oneseed import backend as K``. A function that takes a tensor
works on it in the tensor's own framework; one that makes a tensor asks the backend in force.
"""

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from numpy.typing import NDArray

from oneseed import config, registry
from oneseed.checks import Shape
from oneseed.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_backend,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from oneseed.dtypes import cast_array, dtype_name
from oneseed.host import backend_of, numbers
from oneseed.initializers import Identity, Ones, Zeros
from oneseed.protocol import Backend
from oneseed.random import normal as random_normal
from oneseed.random import truncated_normal
from oneseed.random import uniform as random_uniform

__all__ = [
    "backend",
    "cast",
    "cast_to_floatx",
    "constant",
    "dtype",
    "epsilon",
    "eval",
    "eye",
    "floatx",
    "get_value",
    "image_data_format",
    "int_shape",
    "is_tensor",
    "ndim",
    "ones",
    "ones_like",
    "random_normal",
    "random_uniform",
    "set_backend",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_value",
    "truncated_normal",
    "variable",
    "zeros",
    "zeros_like",
]

Tensor = Any


def _in_force() -> Backend:
    return registry.load(config.backend())


def _owner(x: Any) -> Backend:
    """Return the backend of a tensor; a TypeError names what it is instead."""
    engine = _in_force()
    owner = engine if engine.is_tensor(x) else backend_of(x)
    if owner is None:
        raise TypeError(
            f"`x` must be a tensor of a backend in use; make one with `constant` or `variable`. Received: x={x!r} of "
            f"type {type(x).__name__}"
        )
    return owner


def _array(value: Any, dtype: Any, argument: str = "value") -> NDArray[Any]:
    """Return numbers given in any way as an array of a dtype; None is the default float dtype."""
    return cast_array(numbers(argument, value), dtype_name(dtype), argument)


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
    return _in_force().variable(_array(value, dtype), name)


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """Return a new tensor.

    Parameters
    ----------
    value : array_like or tensor
        Its values, copied.
    dtype : str or dtype, optional
        The dtype; None is `floatx`, as in Keras.
    shape : sequence of int, optional
        The shape to which `value` is broadcast; None is its own.
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
        If the dtype cannot hold them, or `value` cannot be broadcast to `shape`.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.constant([1, 2])
    array([1., 2.], dtype=float32)
    """
    from oneseed.initializers import Constant

    array = _array(value, dtype)
    return Constant(array)(array.shape if shape is None else shape, array.dtype)


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
    """Return a tensor of zeros in the shape of another, in the same framework.

    Parameters
    ----------
    x : tensor or variable
        The model.
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
        If `x` is no tensor.

    Examples
    --------
    >>> import numpy as np
    >>> from oneseed import backend as K
    >>> K.zeros_like(np.ones((2, 2), "int8"))
    array([[0, 0],
           [0, 0]], dtype=int8)
    """
    return _like(Zeros(), x, dtype)


def ones_like(x: Tensor, dtype: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor of ones in the shape of another, in the same framework.

    Parameters
    ----------
    x : tensor or variable
        The model.
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
        If `x` is no tensor.

    Examples
    --------
    >>> import numpy as np
    >>> from oneseed import backend as K
    >>> K.ones_like(np.zeros(3))
    array([1., 1., 1.])
    """
    return _like(Ones(), x, dtype)


def _like(initializer: Zeros | Ones, x: Tensor, dtype: Any) -> Tensor:
    owner = _owner(x)
    return initializer(owner.shape(x), owner.dtype(x) if dtype is None else dtype, backend=owner.name)


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
    return Identity()(shape, dtype)


def eval(x: Tensor) -> NDArray[Any]:
    """Return the values of a tensor or variable as a NumPy array.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    ndarray
        The values; memory may be shared.

    Raises
    ------
    TypeError
        If `x` is no tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.eval(K.ones((2,)))
    array([1., 1.], dtype=float32)
    """
    return _owner(x).to_numpy(x)


get_value = eval


def set_value(x: Tensor, value: Any) -> None:
    """Replace the values of a variable in place.

    Parameters
    ----------
    x : variable
        Of any backend in use.
    value : array_like or tensor
        The new values, of the same shape.

    Raises
    ------
    TypeError
        If `x` is no variable, or `value` holds no numbers.
    ValueError
        If the shape differs, or the variable's dtype cannot hold the values.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> x = K.variable([1, 2])
    >>> K.set_value(x, [3, 4])
    >>> x
    array([3., 4.], dtype=float32)
    """
    owner = _owner(x)
    array = _array(value, owner.dtype(x))
    if array.shape != owner.shape(x):
        raise ValueError(
            f"`value` must have the shape of the variable, {owner.shape(x)}. Received: value of shape {array.shape}"
        )
    owner.assign(x, array)


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
        If `x` is no tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.cast(K.ones((2,)), "int32")
    array([1, 1], dtype=int32)
    """
    return _owner(x).cast(x, dtype_name(dtype))


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
    if _in_force().is_tensor(x) or backend_of(x):
        return cast(x, floatx())
    return _array(x, floatx(), "x")


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
    return _in_force().is_tensor(x) or backend_of(x) is not None


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
        If `x` is no tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.dtype(K.zeros((2,)))
    'float32'
    """
    return _owner(x).dtype(x)


def int_shape(x: Tensor) -> Shape:
    """Return the shape of a tensor.

    Parameters
    ----------
    x : tensor or variable
        Of any backend in use.

    Returns
    -------
    tuple of int
        The shape.

    Raises
    ------
    TypeError
        If `x` is no tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.int_shape(K.zeros((2, 3)))
    (2, 3)
    """
    return _owner(x).shape(x)


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
        If `x` is no tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.ndim(K.zeros((2, 3)))
    2
    """
    return len(int_shape(x))
