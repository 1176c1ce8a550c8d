"""Calls in code that a compiler reads instead of running it, as PyTorch's does.

Nothing here but `decide` is run then. The compiler follows each attribute of the initializer, so that it compiles again
where one of them has changed; what decides the draw is run once, while it compiles.
"""

from dataclasses import fields
from types import FunctionType
from typing import Any

from oneseed import settings
from oneseed.composites import Called
from oneseed.draws import Distribution, Draw
from oneseed.initializers.configs import Configured
from oneseed.settings import Settings

SCALARS = (int, float, complex, str, bool, type, FunctionType, type(None))
"""What an attribute may be, beside initializers, distributions, lists and tuples of these."""


def made(
    reader: Any,
    initializer: Any,
    shape: Any,
    dtype: Any,
    axes: Any,
    path: Any,
    backend: Any,
    device: Any,
    partition_shape: Any,
    partition_offset: Any,
) -> Any:
    """Make the tensor of an initializer's call in the program that a framework compiles.

    Parameters
    ----------
    reader : Backend
        The backend of the framework.
    initializer : Initializer
        The initializer, from outside of the code or built in it.
    shape, dtype, axes, path, backend, device, partition_shape, partition_offset
        The arguments of its call.

    Returns
    -------
    tensor
        The tensor.
    """
    # A seed that was not given is not looked at: the program would be compiled for each.
    state = state_of(initializer) if is_seeded(initializer) and is_fixed(initializer) else None
    call = (shape, dtype, axes, path, partition_shape, partition_offset)
    return reader.compiled(decide, initializer, state, call, backend, device, settings.latest)


def decide(state: Any, call: Any, backend: Any, latest: Settings) -> tuple[str, Draw] | None:
    """Return the backend's name and the draw of a call.

    Parameters
    ----------
    state : tuple or None
        The initializer, from `state_of`.
    call : tuple
        Its arguments, but for backend and device.
    backend : str or None
        The backend; None is the one in force.
    latest : Settings
        The settings as the compiler sees them.

    Returns
    -------
    tuple or None
        None where a program must not hold the draw: without an int as the seed, of functions, and under settings of
        this thread that the compiler does not see.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If one is out of range, malformed, or does not fit the others.
    """
    set_ = settings.in_force()
    if state is None or set_ != latest:
        return None
    initializer = rebuilt(state)
    shape, dtype, axes, path, partition_shape, partition_offset = call
    draw = initializer.describe(shape, dtype, axes, path, partition_shape, partition_offset)
    if _calls(draw.distribution):
        return None
    return (set_.backend if backend is None else backend), draw


def is_fixed(value: Any) -> bool:
    """Tell whether a value is made of what a compiler takes for constants; arrays and generators are not."""
    if isinstance(value, Configured):
        return all(map(is_fixed, vars(value).values()))
    if isinstance(value, list | tuple):
        return all(map(is_fixed, value))
    if isinstance(value, Distribution):
        return all(map(is_fixed, _numbers(value)))
    return isinstance(value, SCALARS)


def state_of(value: Any) -> Any:
    """Return an initializer as plain data, from which `rebuilt` makes another."""
    if isinstance(value, Configured):
        return (type(value), tuple([(name, state_of(part)) for name, part in vars(value).items()]))
    if isinstance(value, list | tuple):
        return (type(value), tuple([state_of(part) for part in value]))
    if isinstance(value, Distribution):
        return (type(value), tuple(map(state_of, _numbers(value))))
    return (None, value)


def rebuilt(state: Any) -> Any:
    """Return what `state_of` has read."""
    kind, parts = state
    if kind is None:
        return parts
    if issubclass(kind, Distribution):
        return kind(*map(rebuilt, parts))
    if not issubclass(kind, Configured):
        return kind(map(rebuilt, parts))
    initializer = object.__new__(kind)
    vars(initializer).update((name, rebuilt(part)) for name, part in parts)
    return initializer


def is_seeded(initializer: Any) -> bool:
    """Tell whether an initializer, and each one that it is made of, was given its seed, if it has one."""
    if getattr(initializer, "_given", 0) is None:
        return False
    parts = [part for value in vars(initializer).values() for part in _several(value)]
    return all(is_seeded(part) for part in parts if isinstance(part, Configured))


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _calls(distribution: Distribution) -> bool:
    """Tell whether a distribution calls what says nothing of the values that it returns."""
    return isinstance(distribution, Called) or any(_calls(draw.distribution) for draw in distribution.draws)


def _numbers(distribution: Any) -> list[Any]:
    return [getattr(distribution, field.name) for field in fields(distribution)]
