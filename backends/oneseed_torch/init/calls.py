"""What happens around every function here, before it looks at its tensor: who else may want the call."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch.compiler import is_dynamo_compiling
from torch.overrides import handle_torch_function, has_torch_function_variadic

from oneseed_torch.drawing.watched import PLAIN

P = ParamSpec("P")
R = TypeVar("R")
Again = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], bool]


def in_place_again(again: Again) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return what makes a function that fills its first argument, `tensor`, one that PyTorch and its libraries know.

    - `torch.compile` gets the draw as one operation of its graph.
    - Modes and classes that override `__torch_function__` see the call as they see one of the function of that name in
      `torch.nn.init`: as such a function, of such a module.
    - A tensor that transformers has marked as loaded is left as it is.
    - One that autograd has computed is filled with a warning.

    Parameters
    ----------
    again : callable
        Tries each usual call first; see `repeated`.

    Returns
    -------
    callable
        The decorator, which returns a function of the same name, arguments and docstring.
    """
    return lambda function: _around(function, again)


def _around(function: Callable[P, R], again: Again) -> Callable[P, R]:
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        tensor: Any = args[0] if args else kwargs.get("tensor")
        if is_dynamo_compiling():
            from oneseed_torch.init.compiled import in_graph

            return cast(R, in_graph(call, function, *args, **kwargs))
        plain = type(tensor) in PLAIN and not has_torch_function_variadic(tensor)
        if plain and again(function, tensor, args, kwargs):
            filled: R = tensor
            return filled
        if has_torch_function_variadic(tensor) and not torch.nn.parameter.is_lazy(tensor):
            result: R = handle_torch_function(seen, (tensor,), *args, **kwargs)
            return result
        if getattr(tensor, "_is_hf_initialized", False):
            return cast(R, tensor)
        if isinstance(tensor, torch.Tensor) and tensor.grad_fn is not None and not tensor._is_view():
            warnings.warn(
                "`tensor` is the result of a computation: writing to it does not change what it was computed from. "
                "The weight of a parametrized module has its values in "
                "`module.parametrizations.weight.original`. "
                f"Received: a tensor of shape {tuple(tensor.shape)} with grad_fn={tensor.grad_fn}",
                stacklevel=2,
            )
        return function(*args, **kwargs)

    @wraps(function)
    def seen(*args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    # By the module they tell the functions that they are to skip.
    seen.__module__ = "torch.nn.init"
    return call
