"""Functions that read, convert and change tensors."""

from typing import Any

from numpy.typing import NDArray

from oneseed.backend.owners import Tensor, array_of, in_force, owner_of
from oneseed.checks import Shape
from oneseed.config import floatx
from oneseed.dtypes import dtype_name
from oneseed.host_arrays import backend_of


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
    return owner_of(x).to_numpy(x)


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
    owner = owner_of(x)
    array = array_of(value, owner.dtype(x))
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
    return owner_of(x).cast(x, dtype_name(dtype))


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
    if in_force().is_tensor(x) or backend_of(x):
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
    return in_force().is_tensor(x) or backend_of(x) is not None


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
    return owner_of(x).dtype(x)


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
    return owner_of(x).shape(x)


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
