"""An initializer's call inside a function that `torch.compile` compiles: what Dynamo reads in its place.

The code here that is not marked as a constant is never run: Dynamo reads it, and follows each attribute of the
initializer, so that a graph is made anew where one of them, or a setting, has changed. What decides the draw is run
once, while the graph is made.
"""

from types import FunctionType
from typing import Any

import torch

from oneseed import registry, settings
from oneseed.distributions import Fill, Structured
from oneseed.draws import Draw
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed_torch.compiling import CONSTANT, REASON, keep_out, known, outside
from oneseed_torch.drawing.devices import device_of
from oneseed_torch.drawing.filling import check_device, draw, draw_, values_of
from oneseed_torch.drawing.operation import text_of

Tensor = Any

SCALARS = (int, float, complex, str, bool, type, torch.dtype, FunctionType, type(None))
"""What an attribute may be, beside initializers, lists and tuples of these."""


def in_graph(
    initializer: Any,
    shape: Any,
    dtype: Any,
    axes: Any,
    path: Any,
    backend: Any,
    device: Any,
    partition_shape: Any,
    partition_offset: Any,
) -> Tensor:
    """Make the tensor of an initializer's call.

    Parameters
    ----------
    initializer : Initializer
        The initializer, from outside of the function or built in it.
    shape, dtype, axes, path, backend, device, partition_shape, partition_offset
        The arguments of its call.

    Returns
    -------
    torch.Tensor
        The tensor; of another backend, its own.
    """
    keep_out()
    if not is_fixed(initializer):
        return outside(initializer, shape, dtype, axes, path, backend, device, partition_shape, partition_offset)
    state = state_of(initializer)
    call = known((shape, dtype, axes, path, partition_shape, partition_offset))
    plan = planned(state, call, backend, device, settings.latest)
    if plan == "outside":
        return outside(initializer, shape, dtype, axes, path, backend, device, partition_shape, partition_offset)
    block = call[0] if partition_shape is None else call[4]
    tensor = torch.empty(block, dtype=getattr(torch, dtype_of(state, call)), device=device)
    if plan == "fill":
        tensor.fill_(number(state, call))
    elif plan == "values":
        tensor.copy_(values(state, call))
    elif tensor.is_complex():  # which Inductor does not write in place
        tensor.copy_(draw(plan, str(tensor.device)))
    elif plan != "nothing":
        draw_(tensor, plan)
    return tensor


def is_fixed(value: Any) -> bool:
    """Tell whether a value is made of what Dynamo takes for constants; arrays and generators are not."""
    if isinstance(value, Initializer):
        return all([is_fixed(part) for part in vars(value).values()])
    if isinstance(value, list | tuple):
        return all([is_fixed(part) for part in value])
    return isinstance(value, SCALARS)


def state_of(value: Any) -> Any:
    """Return an initializer as plain data, from which `rebuilt` makes another."""
    if isinstance(value, Initializer):
        return (type(value), tuple([(name, state_of(part)) for name, part in vars(value).items()]))
    if isinstance(value, list | tuple):
        return (type(value), tuple([state_of(part) for part in value]))
    return (None, known(value))


def rebuilt(state: Any) -> Any:
    """Return what `state_of` has read."""
    kind, parts = state
    if kind is None:
        return parts
    if not issubclass(kind, Initializer):
        return kind(map(rebuilt, parts))
    initializer = object.__new__(kind)
    vars(initializer).update((name, rebuilt(part)) for name, part in parts)
    return initializer


def is_seeded(initializer: Any) -> bool:
    """Tell whether an initializer, and each one that it is made of, has an int as its seed, if it has one."""
    for value in vars(initializer).values():
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, Initializer) and not is_seeded(part):
                return False
    return not isinstance(initializer, RandomInitializer) or getattr(initializer, "_given", initializer.seed) is not None


def planned(state: Any, call: Any, backend: Any, device: Any, latest: Any) -> str:
    """Return what a call does: a word, or the text of a draw."""
    set_ = settings.in_force()
    if set_ != latest:  # another thread has changed them, and Dynamo looks at the others
        return "outside"
    try:
        engine = registry.load(set_.backend if backend is None else backend)
        if engine.name != "torch" or not is_seeded(rebuilt(state)):
            return "outside"
        where = device_of(device)
        described = _described(state, call)
        check_device(torch.get_default_device() if where is None else where, described.dtype)
    except (TypeError, ValueError, ImportError, NotImplementedError):
        return "outside"
    if described.native:
        return "outside"
    if 0 in described.block:
        return "nothing"
    if isinstance(described.distribution, Fill):
        return "fill"
    return "values" if isinstance(described.distribution, Structured) else text_of(described)


def dtype_of(state: Any, call: Any) -> str:
    """Return the name of the tensor's dtype."""
    return _described(state, call).dtype


def number(state: Any, call: Any) -> Any:
    """Return what a tensor is filled with."""
    described = _described(state, call)
    assert isinstance(described.distribution, Fill)
    return described.distribution.scalar(described.dtype).item()


def values(state: Any, call: Any) -> Tensor:
    """Return what is computed as a whole: a constant of the graph, on the CPU."""
    return values_of(_described(state, call))


def _described(state: Any, call: Any) -> Draw:
    shape, dtype, axes, path, partition_shape, partition_offset = call
    found: Draw = rebuilt(state).describe(shape, dtype, axes, path, partition_shape, partition_offset)
    return found


for _constant in (planned, dtype_of, number, values):
    vars(_constant)[CONSTANT] = True
