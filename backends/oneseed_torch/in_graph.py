"""An initializer's call inside a function that `torch.compile` compiles: what Dynamo reads in its place.

What is not marked as a constant is never run: Dynamo reads it. What decides the draw runs once, while the graph is
made.
"""

from collections.abc import Callable
from typing import Any

import torch

from oneseed.distributions import Fill, Structured
from oneseed.draws import Draw
from oneseed_torch.compiling import CONSTANT, in_turn, keep_out, known, outside, turn
from oneseed_torch.drawing.devices import device_of
from oneseed_torch.drawing.filling import check_device, values_of
from oneseed_torch.drawing.operation import text_of

Tensor = Any
Decide = Callable[[Any, Any, Any, Any], tuple[str, Draw] | None]


def in_graph(
    decide: Decide, initializer: Any, state: Any, given: Any, backend: Any, device: Any, latest: Any
) -> Tensor:
    """Make the tensor of an initializer's call.

    Parameters
    ----------
    decide : callable
        Returns the backend's name and the draw, from `state`, the arguments, `backend` and `latest`; None where the
        draw must not be a part of a program.
    initializer : Initializer
        The initializer.
    state : tuple or None
        The initializer as plain data.
    given : tuple
        The arguments of its call: shape, dtype, axes, path, partition_shape, partition_offset.
    backend, device
        The others.
    latest : Settings
        The settings as Dynamo sees them.

    Returns
    -------
    torch.Tensor
        The tensor; of another backend, its own.
    """
    keep_out()
    asked = (decide, known(state), known(given), backend, known(tuple(latest)))
    plan = planned(*asked, device)
    if plan == "outside":
        shape, dtype, axes, path, part, offset = given
        named = {"axes": axes, "path": path, "backend": backend, "device": device}
        return outside(initializer, shape, dtype, **named, partition_shape=part, partition_offset=offset)
    shape, dtype, axes, path, part, offset = asked[2]
    tensor = torch.empty(shape if part is None else part, dtype=getattr(torch, dtype_of(*asked)), device=device)
    if plan == "fill":
        tensor.fill_(number(*asked))
    elif plan == "values":
        tensor.copy_(VALUES[turn()](*asked))
    elif plan != "nothing" and tensor.is_complex():  # which Inductor does not write in place
        tensor.copy_(torch.ops.oneseed.draw(plan, str(tensor.device)))
    elif plan != "nothing":
        torch.ops.oneseed.draw_(tensor, plan)
    return tensor


def planned(decide: Decide, state: Any, given: Any, backend: Any, latest: Any, device: Any) -> str:
    """Return what a call does: a word, or the text of a draw."""
    try:
        decided = decide(state, given, backend, latest)
        if decided is None or decided[0] != "torch":
            return "outside"
        where = device_of(device)
        check_device(torch.get_default_device() if where is None else where, decided[1].dtype)
    except (TypeError, ValueError, NotImplementedError):  # which the call outside is to raise
        return "outside"
    asked = decided[1]
    if asked.native:
        return "outside"
    if 0 in asked.block:
        return "nothing"
    if isinstance(asked.distribution, Fill):
        return "fill"
    return "values" if isinstance(asked.distribution, Structured) else text_of(asked)


def dtype_of(*asked: Any) -> str:
    """Return the name of the tensor's dtype."""
    return _draw(*asked).dtype


def number(*asked: Any) -> Any:
    """Return what a tensor is filled with."""
    drawn = _draw(*asked)
    assert isinstance(drawn.distribution, Fill)
    return drawn.distribution.scalar(drawn.dtype).item()


def values(*asked: Any) -> Tensor:
    """Return what is computed as a whole: a constant of the graph, on the CPU."""
    return values_of(_draw(*asked))


def _draw(decide: Decide, *asked: Any) -> Draw:
    decided = decide(*asked)
    assert decided is not None
    return decided[1]


VALUES = in_turn(values)
for _constant in (planned, dtype_of, number):
    vars(_constant)[CONSTANT] = True
