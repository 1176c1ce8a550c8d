"""Functions that read the values of tensors, and replace those of variables."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from oneseed import checks
from oneseed.backend.owners import Tensor, array_of, owned
from oneseed.checks import shown


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
