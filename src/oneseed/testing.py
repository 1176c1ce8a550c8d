"""Assertions for the test suites of those who use oneseed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.dtypes import FLOATS
from oneseed.fans import layout_of
from oneseed.host import numbers

__all__ = ["assert_same_weights"]


def assert_same_weights(a: Any, b: Any, axes_a: str | None = None, axes_b: str | None = None) -> None:
    """Check that two tensors hold the same weights to the bit, whatever their frameworks and layouts.

    Parameters
    ----------
    a, b : tensor or array_like
        The weights, of any backends in use.
    axes_a, axes_b : str, optional
        Names of the axes of each, as at an initializer's call: "h w i o" and "o i h w" are compared axis by axis in
        their logical order. None takes the order as it is.

    Raises
    ------
    AssertionError
        If dtype, logical shape or values differ: how many, where, and by how many units in the last place.
    TypeError
        If one holds no numbers.
    ValueError
        If the axes do not fit the shape.

    Examples
    --------
    >>> from oneseed.initializers import HeNormal
    >>> from oneseed.testing import assert_same_weights
    >>> init = HeNormal(seed=7)
    >>> keras, torch = init((3, 3, 64, 128)), init((128, 64, 3, 3), axes="o i h w")
    >>> assert_same_weights(keras, torch, axes_a="h w i o", axes_b="o i h w")
    """
    left, right = _logical("a", a, axes_a), _logical("b", b, axes_b)
    for what, of_left, of_right in (
        ("dtypes", left.dtype.name, right.dtype.name),
        ("logical shapes", left.shape, right.shape),
    ):
        if of_left != of_right:
            raise AssertionError(f"The {what} differ: {of_left} and {of_right}.")
    # Compared as bytes, so that equal NaNs are equal, and zeros of different signs are not.
    size = left.dtype.itemsize
    same = left.reshape(-1, 1).view(np.uint8).reshape(-1, size) == right.reshape(-1, 1).view(np.uint8).reshape(-1, size)
    differs = ~same.all(axis=1).reshape(left.shape)
    if differs.any():
        raise AssertionError(_difference(left, right, differs))


def _logical(argument: str, x: Any, axes: str | None) -> NDArray[Any]:
    array = numbers(argument, x)
    layout = layout_of(array.shape, axes)
    return np.ascontiguousarray(array if layout is None else array.transpose(layout.order)).reshape(
        array.shape if layout is None else [array.shape[axis] for axis in layout.order]
    )


def _difference(left: NDArray[Any], right: NDArray[Any], differs: NDArray[np.bool_]) -> str:
    count = int(differs.sum())
    places = np.argwhere(differs)
    first = tuple(places[0].tolist())
    message = (
        f"{count} of {left.size} values differ ({count / left.size:.2%}), the first at {first} of the logical order: "
        f"{left[first]} and {right[first]}."
    )
    if left.dtype.name in FLOATS:
        ulps = np.abs(_ordered(left[differs]) - _ordered(right[differs]))
        most = int(ulps.argmax())
        at = tuple(places[most].tolist())
        message += f" The largest difference is {int(ulps[most])} ulp, at {at}: {left[at]} and {right[at]}."
    return message


def _ordered(values: NDArray[Any]) -> NDArray[Any]:
    """Number floats in their order, so that neighbours differ by 1, as Python integers: none overflows."""
    width = 8 * values.dtype.itemsize
    bits = values.view(f"i{values.dtype.itemsize}").astype(object)
    return np.where(bits >= 0, bits, -(bits + 2 ** (width - 1)))
