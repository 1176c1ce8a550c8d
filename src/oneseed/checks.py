"""Checks of arguments that several rooms of the house share, and the words of their messages."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Shape = tuple[int, ...]
MAX_SIZE = 2**63


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name most like `name`, or an empty string."""
    from difflib import get_close_matches

    by_lower = {item.lower(): item for item in known}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[matches[0]]!r}?" if matches else ""


def one_of(argument: str, value: Any, accepted: Sequence[str]) -> str:
    """Check that `value` is one of the `accepted` strings.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : object
        What was received.
    accepted : sequence of str
        The accepted values.

    Returns
    -------
    str
        The value.

    Raises
    ------
    TypeError
        If `value` is not a str.
    ValueError
        If it is none of the accepted ones.
    """
    if isinstance(value, str) and value in accepted:
        return value
    choices = ", ".join(repr(item) for item in sorted(accepted))
    hint = nearest(value, accepted) if isinstance(value, str) else ""
    kind = ValueError if isinstance(value, str) else TypeError
    raise kind(f"`{argument}` must be one of {choices}.{hint} Received: {argument}={value!r}")


def index(argument: str, value: Any, low: int, high: int) -> int:
    """Check an integer of any integer type, ``low <= value < high``; booleans are none.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : object
        What was received.
    low, high : int
        The half-open range.

    Returns
    -------
    int
        The value as a Python int.

    Raises
    ------
    TypeError
        If `value` is not an integer.
    ValueError
        If it is out of range.
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"`{argument}` must be an integer, not {type(value).__name__}. Received: {argument}={value!r}")
    try:
        number = int(value.__index__())
    except TypeError:  # an array that is not a scalar
        raise TypeError(f"`{argument}` must be an integer. Received: {argument}={value!r}") from None
    if not low <= number < high:
        raise ValueError(f"`{argument}` must lie in [{power(low)}, {power(high)}). Received: {argument}={value!r}")
    return number


def power(value: int) -> str:
    """Write an integer, the large powers of two as such."""
    exponent = value.bit_length() - 1
    return f"2**{exponent}" if exponent >= 16 and value == 2**exponent else str(value)


def shape(value: Any, argument: str = "shape") -> Shape:
    """Check a shape and return it as a tuple of Python ints.

    Parameters
    ----------
    value : sequence of int
        The sizes, each at least 0; their product is below ``2**63``.
    argument : str
        The argument's name, for the message.

    Returns
    -------
    tuple of int
        The shape.

    Raises
    ------
    TypeError
        If `value` is not a sequence, or a size is not an integer.
    ValueError
        If a size is negative, or the tensor has ``2**63`` elements or more.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        fix = f" Write ({value},) for one axis." if isinstance(value, int) else ""
        raise TypeError(f"`{argument}` must be a sequence of integers.{fix} Received: {argument}={value!r}")
    sizes = tuple(value)
    for size in sizes:
        # type() first: the common case costs no call.
        if type(size) is not int and (isinstance(size, bool | np.bool_) or not hasattr(size, "__index__")):
            raise TypeError(
                f"`{argument}` must hold integers; {size!r} is of type {type(size).__name__}. "
                f"Received: {argument}={value!r}"
            )
        if size < 0:
            raise ValueError(f"`{argument}` must hold sizes of 0 or more. Received: {argument}={value!r}")
    sizes = tuple(int(size) for size in sizes)
    # A zero hides no axis that is too large: indices and strides need the product of the others.
    if math.prod(max(size, 1) for size in sizes) >= MAX_SIZE:
        raise ValueError(f"`{argument}` must have fewer than 2**63 elements. Received: {argument}={value!r}")
    return sizes


def scalar(argument: str, value: Any) -> float:
    """Return a finite real number given as a Python scalar or a scalar tensor.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : int, float or scalar tensor
        The number. A tensor of any framework will do if its shape is ``()``.

    Returns
    -------
    int or float
        A Python number.

    Raises
    ------
    TypeError
        If `value` is no number, or complex.
    ValueError
        If it has axes, is NaN or infinite.
    """
    number: int | float = value
    if not isinstance(value, int | float):
        if not hasattr(value, "shape") or not hasattr(value, "__float__"):
            raise TypeError(f"`{argument}` must be a real number or a scalar tensor. Received: {argument}={value!r}")
        if tuple(value.shape) != ():
            raise ValueError(
                f"`{argument}` must be a scalar, a tensor of shape (). Received: {argument} of shape "
                f"{tuple(value.shape)}"
            )
        if "complex" in str(getattr(value, "dtype", "")):
            raise TypeError(f"`{argument}` must be real. Received: {argument}={value!r}")
        number = float(value)
    if isinstance(number, bool):
        raise TypeError(f"`{argument}` must be a real number, not bool. Received: {argument}={value!r}")
    try:
        finite = math.isfinite(number)
    except OverflowError:  # an int beyond every float
        finite = False
    if not finite:
        raise ValueError(f"`{argument}` must be finite. Received: {argument}={value!r}")
    return number
