"""Whose a tensor is."""

import sys
from typing import Any

from numpy.typing import NDArray

from oneseed import config, registry
from oneseed.checks import shown
from oneseed.dtypes import cast_array, dtype_name
from oneseed.host_arrays import backend_of, numbers
from oneseed.protocol import Backend

Tensor = Any


def in_force() -> Backend:
    """Return the backend in force."""
    return registry.load(config.backend())


def held_by(x: Any) -> Any:
    """Return the tensor that a variable of Keras 3 holds, of the framework that Keras runs on; anything else itself."""
    kind = getattr(sys.modules.get("keras"), "Variable", None)
    if not (isinstance(kind, type) and isinstance(x, kind)):
        return x
    variable: Any = x
    return variable.value


def owner_or_none(x: Any) -> Backend | None:
    """Return the backend of a tensor, or None if no backend in use owns it."""
    engine = in_force()
    return engine if engine.is_tensor(x) else backend_of(x)


def owned(x: Any) -> tuple[Backend, Tensor]:
    """Return the backend of a tensor, and the tensor; a TypeError names what it is instead."""
    tensor = held_by(x)
    owner = owner_or_none(tensor)
    if owner is None:
        raise TypeError(
            "`x` must be a tensor of a backend in use; make one with `constant` or `variable`. "
            f"Received: x={shown(x)} of type {type(x).__name__}"
        )
    return owner, tensor


def array_of(value: Any, dtype: Any, argument: str = "value") -> NDArray[Any]:
    """Return numbers given in any way as an array of a dtype; None is the default float dtype."""
    return cast_array(numbers(argument, value), dtype_name(dtype), argument)
