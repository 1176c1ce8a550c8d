"""The way between a framework's tensors and arrays in host memory, and the backend that draws there."""

import sys
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from oneseed import registry
from oneseed.checks import shown
from oneseed.dtypes import NUMERIC
from oneseed.protocol import Backend, HostBackend

HOST = "numpy"


def host() -> HostBackend:
    """Return the backend that draws in host memory."""
    return cast(HostBackend, registry.load(HOST))


def backends_present() -> Iterator[Backend]:
    """Give the backends that have been loaded, and those whose framework has been imported: a backend has its name.

    Only these can have tensors, compiled programs and processes.
    """
    yield from registry.loaded()
    for name in registry.available_backends():
        if sys.modules.get(name) is not None and not registry.is_loaded(name):
            try:
                backend = registry.load(name)
            except (ImportError, ValueError):  # what cannot be used has no tensors in use
                continue
            yield backend


def backend_of(x: Any) -> Backend | None:
    """Return the backend whose tensor `x` is, or None."""
    return next((backend for backend in backends_present() if backend.is_tensor(x)), None)


def to_numpy(x: Any) -> NDArray[Any]:
    """Return a tensor of any framework, or what NumPy can read, as an array; memory may be shared."""
    owner = None if isinstance(x, np.ndarray) else backend_of(x)
    return owner.to_numpy(x) if owner else np.asarray(x)


def numbers(argument: str, value: Any) -> NDArray[Any]:
    """Return numbers given in any way as an array.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : array_like or tensor
        The numbers.

    Returns
    -------
    ndarray
        An array of a numeric dtype or bool; memory may be shared.

    Raises
    ------
    TypeError
        If `value` holds anything else.
    """
    try:
        array = to_numpy(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{argument}` must hold numbers ({error}). Received: {argument}={shown(value)}") from None
    if array.dtype.name not in NUMERIC:
        raise TypeError(
            f"`{argument}` must hold numbers, in one of {', '.join(NUMERIC)}; these are of dtype {array.dtype}. "
            f"Received: {argument}={shown(value)}"
        )
    return array
