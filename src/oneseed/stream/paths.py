"""From a parameter's name to the number of its stream."""

import operator
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from oneseed.checks import shown

Part = str | int
Path = tuple[Part, ...]


def as_path(path: str | Sequence[Part] | None) -> Path:
    """Check a path and return it as a tuple.

    Parameters
    ----------
    path : str, sequence of str and int, or None
        A string is one part; None is the empty path. Integers lie in ``[0, 2**64)``.

    Returns
    -------
    tuple of str and int
        The path's parts.

    Raises
    ------
    TypeError
        If `path`, or a part of it, is of another type.
    ValueError
        If an integer part is out of range, or a string part has no UTF-8 form.

    Examples
    --------
    >>> as_path("encoder/kernel"), as_path(["encoder", 3])
    (('encoder/kernel',), ('encoder', 3))
    """
    if path is None:
        return ()
    if type(path) is str and path.isascii():  # as most are, and nothing can be wrong with it
        return (path,)
    if type(path) is tuple and len(path) == 1 and type(path[0]) is str and path[0].isascii():
        return path
    if isinstance(path, str):
        path = (path,)
    elif not isinstance(path, Sequence) or isinstance(path, bytes | bytearray | memoryview):
        raise TypeError(
            "`path` must be a str, or a sequence of str and int such as ('encoder', 3, 'kernel'). "
            f"Received: path={shown(path)}"
        )
    return tuple(_checked(part, path) for part in path)


def _checked(part: object, path: Sequence[Part]) -> Part:
    if isinstance(part, str):
        try:
            part.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"A str in `path` must have a UTF-8 form: it holds a lone surrogate. Received: path={shown(path)}"
            ) from None
        return str.__str__(part)  # of a subclass, such as NumPy's, the plain text
    try:
        number = None if isinstance(part, bool) else operator.index(part)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None:
        raise TypeError(
            f"The parts of `path` must be str or int; {shown(part)} is of type {type(part).__name__}. "
            f"Received: path={shown(path)}"
        )
    if not 0 <= number < 2**64:
        raise ValueError(f"An int in `path` must lie in [0, 2**64). Received: path={shown(path)}")
    return number


@cache
def _blake2b() -> Callable[..., Any]:
    try:
        from _blake2 import blake2b  # what `hashlib` has; that one loads OpenSSL, which takes longer than all the rest
    except ImportError:
        from hashlib import blake2b
    return blake2b


@lru_cache(maxsize=4096)
def _number(typed: tuple[tuple[type, Part], ...]) -> int:
    return _hashed(b"".join(_bytes(part) for _, part in typed))


@lru_cache(maxsize=4096)
def _number_of_name(name: str) -> int:
    return _hashed(_bytes(name))


def _bytes(part: Part) -> bytes:
    kind, data = (b"s", part.encode()) if isinstance(part, str) else (b"i", part.to_bytes(8, "little"))
    return kind + len(data).to_bytes(8, "little") + data


def _hashed(data: bytes) -> int:
    return int.from_bytes(_blake2b()(data, digest_size=8).digest(), "little")


def stream_number(path: Path) -> int:
    """Return the stream of a path: 0 for the empty one, else 64 bits of BLAKE2b over its parts.

    Parameters
    ----------
    path : tuple of str and int
        A checked path, see `as_path`.

    Returns
    -------
    int
        The stream, ``0 <= stream < 2**64``.

    References
    ----------
    Saarinen and Aumasson, "The BLAKE2 Cryptographic Hash and MAC", RFC 7693, 2015.

    Examples
    --------
    >>> stream_number(())
    0
    >>> hex(stream_number(("encoder", 3, "kernel")))
    '0x1cfd108b50370df'
    """
    if len(path) == 1 and type(path[0]) is str:  # as those of parameters are, of which there may be thousands
        return _number_of_name(path[0])
    return _number(tuple([(type(part), part) for part in path])) if path else 0
