"""What `torch.compile` is told of oneseed: what to skip, what to run while it makes a graph, what to leave outside."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import cycle
from types import FunctionType
from typing import Any

import torch

Tensor = Any

PACKAGES = (
    "oneseed.distributions.recipes",
    "oneseed.draws",
    "oneseed.fans",
    "oneseed.initializers.calls",
    "oneseed.initializers.plans",
    "oneseed.stream",
    "oneseed_numpy",
    "oneseed_torch.drawing",
    "oneseed_torch.models",
)
"""Where the compiler is not to look: it would take NumPy for PyTorch, and integers of 64 bits for tensors."""

TURNS = 256
"""How many tensors that are computed as a whole a graph may hold."""

_turns = cycle(range(TURNS))

CONSTANT = "_dynamo_marked_constant"
"""The mark of `torch.compiler.assume_constant_result`, which would import the compiler."""

REASON = (
    "oneseed draws outside of the graph: a graph would repeat the values of a call without an int as `seed`, and "
    "cannot hold PyTorch's own `generator`, nor the parts of a distributed or wrapped tensor; and where an argument is "
    "refused, the call outside says why"
)


def keep_out() -> None:
    """Have the compiler skip the code that draws; it runs this itself, and puts nothing in its graph."""
    _skip()


@cache
def _skip() -> None:
    # The rules have no public name, and can be done without.
    with suppress(ImportError, AttributeError):
        from torch._dynamo import trace_rules

        for package in PACKAGES:
            trace_rules.add(package)


vars(keep_out)[CONSTANT] = True


def known(value: Any) -> Any:
    """Have Dynamo take an argument for the constant that it is now, and compile again for another one."""
    if isinstance(value, bool):
        return True if value else False  # noqa: SIM210 - so that Dynamo looks at it
    if isinstance(value, int | float):
        from torch.fx.experimental.symbolic_shapes import guard_scalar

        return guard_scalar(value)
    if isinstance(value, str):
        return "".join([value])
    return tuple([known(part) for part in value]) if isinstance(value, tuple | list) else value


def in_turn(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """Return copies of a function that Dynamo runs while it makes a graph, each of another name.

    Dynamo knows a tensor that such a function returns by the function's name, and two of one name in a graph are
    refused. So each call takes another copy: the one that `turn` says.
    """
    copies = []
    for number in range(TURNS):
        code = function.__code__.replace(co_name=f"{function.__name__}_{number}")
        copy = FunctionType(code, function.__globals__, code.co_name)
        vars(copy)[CONSTANT] = True
        copies.append(copy)
    return tuple(copies)


def turn() -> int:
    """Return the number of the next copy of `in_turn`."""
    return next(_turns)


vars(turn)[CONSTANT] = True


def outside(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Tensor:
    """Make a call in eager mode."""
    return torch.compiler.disable(call)(*args, **kwargs)


# As `torch.compiler.disable` does, with a reason that names who it is: the error of `fullgraph=True` shows it.
vars(outside).update(_torchdynamo_disable=True, _torchdynamo_disable_msg=REASON)
