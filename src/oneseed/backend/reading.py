"""Functions that read, convert and change tensors."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from oneseed import checks
from oneseed.backend.owners import Tensor, array_of, held_by, owned, owner_or_none
from oneseed.checks import Shape, shown
from oneseed.config import floatx
from oneseed.dtypes import dtype_name


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
        If `x` is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.eval(K.ones((2,)))
    array([1., 1.], dtype=float32)
    """
    owner, tensor = owned(x)
    return owner.to_numpy(tensor)


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
        If `x` is not a variable, or `value` holds no numbers.
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
    _assign(x, _fitting(x, value))


def batch_get_value(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Return the values of several tensors or variables as NumPy arrays.

    Parameters
    ----------
    tensors : sequence of tensors and variables
        Of any backend in use.

    Returns
    -------
    list of ndarray
        The values, as `get_value` returns them.

    Raises
    ------
    TypeError
        If one is not a tensor.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> K.batch_get_value([K.ones((2,)), K.zeros((1,))])
    [array([1., 1.], dtype=float32), array([0.], dtype=float32)]
    """
    return [eval(x) for x in _several("tensors", tensors)]


def batch_set_value(tuples: Sequence[tuple[Tensor, Any]]) -> None:
    """Replace the values of several variables in place.

    Parameters
    ----------
    tuples : sequence of tuple
        Variables and their new values, as `set_value` takes them.

    Raises
    ------
    TypeError
        If `tuples` is not a sequence of pairs, one is not a variable, or a value holds no numbers.
    ValueError
        If a shape differs, or a variable's dtype cannot hold its values. No variable has been changed then.

    Examples
    --------
    >>> from oneseed import backend as K
    >>> x, y = K.variable([1, 2]), K.variable(3)
    >>> K.batch_set_value([(x, [3, 4]), (y, 5)])
    >>> K.batch_get_value([x, y])
    [array([3., 4.], dtype=float32), array(5., dtype=float32)]
    """
    pairs = _several("tuples", tuples)
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise TypeError(f"`tuples` must hold pairs of a variable and its new value. Received: tuples={shown(tuples)}")
    for x, array in [(x, _fitting(x, value)) for x, value in pairs]:
        _assign(x, array)


def _several(argument: str, given: Any) -> list[Any]:
    found = checks.listed(given)
    if found is None:
        raise TypeError(f"`{argument}` must be a sequence. Received: {argument}={shown(given)}")
    return found


def _fitting(x: Tensor, value: Any) -> NDArray[Any]:
    """Return a variable's new values as an array of its dtype and shape."""
    owner, tensor = owned(x)
    array = array_of(value, owner.dtype(tensor))
    if array.shape != owner.shape(tensor):
        raise ValueError(
            "`value` must have the shape of the variable, "
            f"{owner.shape(tensor)}. Received: value of shape {array.shape}"
        )
    return array


def _assign(x: Tensor, array: NDArray[Any]) -> None:
    owner, tensor = owned(x)
    if tensor is x:
        owner.assign(x, array)
    else:  # a variable of Keras, which knows where its values belong
        x.assign(array)


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
