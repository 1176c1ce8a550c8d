"""Whose a tensor is."""

from typing import Any

from numpy.typing import NDArray

from oneseed import config, registry
from oneseed.dtypes import cast_array, dtype_name
from oneseed.host_arrays import backend_of, numbers
from oneseed.protocol import Backend

Tensor = Any


def in_force() -> Backend:
    """Return the backend in force."""
    return registry.load(config.backend())


def owner_of(x: Any) -> Backend:
    """Return the backend of a tensor; a TypeError names what it is instead."""
    engine = in_force()
    owner = engine if engine.is_tensor(x) else backend_of(x)
    if owner is None:
        raise TypeError(
            f"`x` must be a tensor of a backend in use; make one with `constant` or `variable`. Received: x={x!r} of "
            f"type {type(x).__name__}"
        )
    return owner


def array_of(value: Any, dtype: Any, argument: str = "value") -> NDArray[Any]:
    """Return numbers given in any way as an array of a dtype; None is the default float dtype."""
    return cast_array(numbers(argument, value), dtype_name(dtype), argument)
