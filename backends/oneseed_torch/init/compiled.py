"""A call inside a function that `torch.compile` compiles: what Dynamo traces in its place.

Dynamo must not look into oneseed: it would take NumPy for PyTorch, and whole numbers of 64 bits for tensors. So while
it traces, the call itself runs on a tensor without memory, and the graph gets the one operation that comes out.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch

from oneseed.distributions import Structured
from oneseed_torch.compiling import CONSTANT, in_turn, keep_out, known, outside, turn
from oneseed_torch.drawing import recording
from oneseed_torch.drawing.filling import values_of
from oneseed_torch.drawing.operation import text_of
from oneseed_torch.drawing.watched import PLAIN

Tensor = Any


def in_graph(
    call: Callable[..., Any], function: Callable[..., Any], tensor: Tensor, *given: Any, **named: Any
) -> Tensor:
    """Trace a call of a function that fills a tensor; Dynamo reads this line by line.

    Parameters
    ----------
    call : callable
        The public function.
    function : callable
        What it does in eager mode.
    tensor : torch.Tensor
        The tensor.
    *given, **named
        The other arguments.

    Returns
    -------
    torch.Tensor
        `tensor` itself.
    """
    keep_out()
    if type(tensor) not in PLAIN:
        return outside(call, tensor, *given, **named)
    args = tuple([known(value) for value in given])
    kwargs = {name: known(value) for name, value in named.items()}
    shape, strides = tuple([known(size) for size in tensor.shape]), tuple([known(step) for step in tensor.stride()])
    plan = planned(function, shape, strides, tensor.dtype, *args, **kwargs)
    if plan == "outside":
        return outside(call, tensor, *given, **named)
    # As under no_grad, which a graph without a use of the result cannot always hold.
    plain = tensor.detach() if tensor.requires_grad else tensor
    if plan == "fill":
        plain.fill_(number(function, tensor.dtype, *args, **kwargs))
    elif plan == "eye":
        plain.zero_()
        plain.diagonal().fill_(1)
    elif plan == "values":
        plain.copy_(VALUES[turn()](function, shape, tensor.dtype, *args, **kwargs))
    elif plan != "nothing" and tensor.is_complex():  # which Inductor does not write in place
        plain.copy_(torch.ops.oneseed.draw(plan, str(tensor.device)))
    elif plan != "nothing":
        torch.ops.oneseed.draw_(plain, plan)
    return tensor


def planned(function: Callable[..., Any], shape: Any, strides: Any, dtype: Any, /, *args: Any, **kwargs: Any) -> str:
    """Return what a call does: a word, or the text of a draw."""
    parameters = inspect.signature(function).parameters
    call = inspect.signature(function).bind(None, *args, **kwargs).arguments
    if call.get("generator") is not None or ("generator" in parameters and not _is_int(call.get("seed"))):
        return "outside"
    try:
        kind, what = _noted(function, shape, strides, dtype, args, kwargs)
    except (TypeError, ValueError):
        return "outside"
    if kind != "draw" or isinstance(what.distribution, Structured):
        return "values" if kind == "draw" else kind
    return text_of(what)


def number(function: Callable[..., Any], dtype: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Return what a tensor is filled with."""
    return _noted(function, (1,), (1,), dtype, args, kwargs)[1]


def values(function: Callable[..., Any], shape: Any, dtype: Any, /, *args: Any, **kwargs: Any) -> Tensor:
    """Return what is computed as a whole: a constant of the graph, on the CPU."""
    tensor = torch.empty(shape, dtype=dtype, device="cpu")
    kind, what = _noted(function, shape, tensor.stride(), dtype, args, kwargs)
    return values_of(what) if kind == "draw" else function(tensor, *args, **kwargs)


VALUES = in_turn(values)
for _constant in (planned, number):
    vars(_constant)[CONSTANT] = True


def _noted(
    function: Callable[..., Any], shape: Any, strides: Any, dtype: Any, args: Any, kwargs: Any
) -> tuple[str, Any]:
    """Make a call for a tensor without memory, and return what it would have written."""
    with recording.recorded() as found:
        function(torch.empty_strided(shape, strides, dtype=dtype, device="meta"), *args, **kwargs)
    return found[-1] if found else ("nothing", None)


def _is_int(seed: Any) -> bool:
    return hasattr(seed, "__index__") and not isinstance(seed, bool)
