"""Checks of arguments that several modules share, and the words of their messages."""

import math
import operator
import os
import stat
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

import numpy as np

Shape = tuple[int, ...]
MAX_SIZE = 2**63
MAX_RANK = 64  # NumPy's own limit, and above that of every framework


SPECIAL = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What a path may lead to in place of a regular file."""

LONGEST = 200
"""Characters of a value that a message shows."""


def shown(value: Any) -> str:
    """Return a value as a message shows it: cut where it is long, and by its type where it cannot be written."""
    try:
        text = repr(value[:LONGEST]) + "..." if isinstance(value, str) and len(value) > LONGEST else repr(value)
    except Exception:  # an integer of more digits than Python writes, a structure nested too deep, an object's own
        return f"<{type(value).__name__}>"
    return text if len(text) <= 2 * LONGEST else f"{text[:LONGEST]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name most like `name`, or an empty string."""
    from difflib import get_close_matches

    if len(name) > LONGEST:
        return ""
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
        If it is not among the accepted ones.
    """
    if isinstance(value, str) and value in accepted:
        return value
    choices = ", ".join(repr(item) for item in sorted(accepted))
    hint = nearest(value, accepted) if isinstance(value, str) else ""
    kind = ValueError if isinstance(value, str) else TypeError
    raise kind(f"`{argument}` must be one of {choices}.{hint} Received: {argument}={shown(value)}")


def index(argument: str, value: Any, low: int, high: int) -> int:
    """Check an integer of any integer type, ``low <= value < high``; booleans are not integers here.

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
        raise TypeError(
            f"`{argument}` must be an integer, not {type(value).__name__}. Received: {argument}={shown(value)}"
        )
    try:
        number = int(value.__index__())
    except TypeError:  # an array that is not a scalar
        raise TypeError(f"`{argument}` must be an integer. Received: {argument}={shown(value)}") from None
    if not low <= number < high:
        raise ValueError(f"`{argument}` must lie in [{power(low)}, {power(high)}). Received: {argument}={shown(value)}")
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
        If a size is negative, or the tensor has ``2**63`` elements or more, or more axes than NumPy has.
    """
    sizes = value if type(value) is tuple and set(map(type, value)) == {int} else counts(value, argument)
    return _measured(sizes, argument)


@lru_cache(maxsize=1024)
def _measured(sizes: Shape, argument: str) -> Shape:
    if min(sizes, default=0) < 0:
        counts(sizes, argument)
    if len(sizes) > MAX_RANK:
        raise ValueError(f"`{argument}` must have at most {MAX_RANK} axes. Received: {argument}={shown(sizes)}")
    if span(sizes) >= MAX_SIZE:
        raise ValueError(f"`{argument}` must have fewer than 2**63 elements. Received: {argument}={shown(sizes)}")
    return sizes


def counts(value: Any, argument: str) -> Shape:
    """Check a sequence of integers of 0 or more; errors as in `shape`."""
    sizes = _entries(value)
    if sizes is None:
        positive = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_SIZE
        fix = f" Write ({value},) for one axis." if positive else ""
        raise TypeError(f"`{argument}` must be a sequence of integers.{fix} Received: {argument}={shown(value)}")
    for size in sizes:
        if type(size) is not int:
            raise TypeError(
                f"`{argument}` must hold integers; {shown(size)} is of type {type(size).__name__}. "
                f"Received: {argument}={shown(value)}"
            )
        if size < 0:
            raise ValueError(f"`{argument}` must hold sizes of 0 or more. Received: {argument}={shown(value)}")
    return sizes


@lru_cache(maxsize=1024)
def span(sizes: Shape) -> int:
    """Return the product of the sizes, a 0 counted as 1: strides need the product of the others."""
    return math.prod(max(size, 1) for size in sizes)


def listed(value: Any) -> list[Any] | None:
    """Return what a sequence holds; None for texts, mappings, and what is not a sequence, as arrays without axes."""
    if isinstance(value, str | bytes | Mapping):
        return None
    try:
        return list(value)
    except TypeError:
        return None


def _entries(value: Any) -> tuple[Any, ...] | None:
    """Return what a sequence holds, integers of other types as Python's; None for anything that is not a sequence."""
    if isinstance(value, str | bytes | Set | Mapping):
        return None
    try:
        return tuple(size if type(size) is int else _as_int(size) for size in value)
    except TypeError:  # not iterable, as arrays without axes are not
        return None


def _as_int(value: Any) -> Any:
    try:
        return value if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        return value


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
        If `value` is not a real number.
    ValueError
        If it has axes, is NaN or infinite.
    """
    number: float = _finite(argument, value, int | float, "a real number")
    return number


def bound(argument: str, value: Any) -> float:
    """Return a real number, or an infinity; errors as in `scalar`."""
    number: float = _finite(argument, value, int | float, "a real number", bounded=False)
    return number


def complex_scalar(argument: str, value: Any) -> complex:
    """Return a finite number given as a Python scalar or a scalar tensor; errors as in `scalar`."""
    number: complex = _finite(argument, value, int | float | complex, "a number")
    return number


def _finite(argument: str, value: Any, kinds: Any, what: str, bounded: bool = True) -> Any:
    if type(value) is float and value - value == 0.0:  # a finite one, as most are
        return value
    number = value
    if hasattr(value, "shape") and hasattr(value, "__float__") and not isinstance(value, type):
        if tuple(value.shape) != ():
            raise ValueError(
                f"`{argument}` must be a scalar, a tensor of shape (). Received: {argument} of shape "
                f"{tuple(value.shape)}"
            )
        number = value.item() if hasattr(value, "item") else _converted(value)
    # A span of time, in NumPy, becomes an int.
    if isinstance(number, bool) or not isinstance(number, kinds) or "time" in str(getattr(value, "dtype", "")):
        raise TypeError(f"`{argument}` must be {what} or a scalar tensor of one. Received: {argument}={shown(value)}")
    try:
        parts = number.real, number.imag
        fits = all(map(math.isfinite, parts)) if bounded else not any(map(math.isnan, parts))
    except OverflowError:  # an int beyond every float
        fits = False
    if not fits:
        need = "be finite" if bounded else "be a number or infinite, and a float64"
        raise ValueError(f"`{argument}` must {need}. Received: {argument}={shown(value)}")
    return number


def at_least(argument: str, value: Any, low: float) -> float:
    """Return a finite real number of `low` or more; errors as in `scalar`, and ValueError if it is less."""
    number = scalar(argument, value)
    if number < low:
        raise ValueError(f"`{argument}` must be {low} or more. Received: {argument}={shown(value)}")
    return number


def positive(argument: str, value: Any) -> float:
    """Return a finite real number above 0; errors as in `scalar`, and ValueError if it is 0 or less."""
    number = scalar(argument, value)
    if number <= 0:
        raise ValueError(f"`{argument}` must be above 0. Received: {argument}={shown(value)}")
    return number


def probability(argument: str, value: Any) -> float:
    """Return a real number between 0 and 1; errors as in `scalar`, and ValueError if it lies outside."""
    number = scalar(argument, value)
    if not 0 <= number <= 1:
        raise ValueError(f"`{argument}` must lie in [0, 1]. Received: {argument}={shown(value)}")
    return number


def boolean(argument: str, value: Any) -> bool:
    """Return True or False; TypeError for anything else, which might be a mistake."""
    if not isinstance(value, bool):
        raise TypeError(f"`{argument}` must be True or False. Received: {argument}={shown(value)}")
    return value


def _converted(value: Any) -> complex:
    """Return what a tensor of one number without a method for it holds."""
    return complex(value) if "complex" in str(getattr(value, "dtype", "")) else float(value)


def regular_file(path: str | os.PathLike[str]) -> None:
    """Check that a path leads to a regular file: to open a FIFO waits for a writer, and a device may have no end.

    Parameters
    ----------
    path : str or os.PathLike
        The path; links are followed.

    Raises
    ------
    OSError
        If nothing is there, or it cannot be looked at.
    ValueError
        If something else is there.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = SPECIAL.get(stat.S_IFMT(mode), "something else")
        raise ValueError(f"A file must be a regular one, not {kind}. Received: path={shown(os.fspath(path))}")


class RepeatedKey(ValueError):
    """A key comes twice in a JSON object."""


def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dict; RepeatedKey if a key comes twice, of which the json module would drop one."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise RepeatedKey(f"the key {shown(key)} comes twice")
        found[key] = value
    return found
