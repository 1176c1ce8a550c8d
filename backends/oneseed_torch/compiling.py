"""What `torch.compile` is told of oneseed: what to skip, what to run while it makes a graph, what to leave outside."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import torch

Tensor = Any

PACKAGES = ("oneseed_numpy", "oneseed_torch.drawing", "oneseed_torch.models")
"""Where the compiler is not to look: it would take NumPy for PyTorch, and integers of 64 bits for tensors."""

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


def outside(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Tensor:
    """Make a call in eager mode."""
    return torch.compiler.disable(call)(*args, **kwargs)


# As `torch.compiler.disable` does, with a reason that names who it is: the error of `fullgraph=True` shows it.
vars(outside).update(_torchdynamo_disable=True, _torchdynamo_disable_msg=REASON)
