"""Who has to know of a write: PyTorch's dispatch modes, its function transforms and its tracers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._C._functorch import peek_interpreter_stack
from torch._subclasses import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor
from torch.autograd.graph import increment_version

Tensor = Any

PLAIN = (torch.Tensor, torch.nn.Parameter)
"""The classes of tensors that hold their own values."""

TRACED = (FakeTensor, FunctionalTensor)
"""The classes with which PyTorch traces: a write into one is the dispatcher's."""

_RECORDING = tuple(torch._C._TorchDispatchModeKey.__members__[name] for name in ("PROXY", "FUNCTIONAL"))
_PRE_DISPATCH = torch._C.DispatchKey.PreDispatch

_set_trace: Any = getattr(torch._C, "_set_tracing_state")  # noqa: B009 - of which PyTorch's types say nothing
functions_overridden = torch._C._len_torch_function_stack
"""How many modes there are that see calls of functions, such as one that chooses a device."""

_modes = torch._C._len_torch_dispatch_stack
_trace = torch._C._get_tracing_state
_included = torch._C._dispatch_tls_is_dispatch_key_included


def _counting() -> Callable[[tuple[Tensor]], Any]:
    """Return what tells autograd that a tensor has been written to; one made in inference mode need not know."""
    direct: Any = getattr(torch._C, "_increment_version")  # noqa: B009 - of which PyTorch's types say nothing
    with torch.inference_mode():
        example = torch.empty(0, device="cpu")
    try:
        direct((example,))
    except (TypeError, RuntimeError):  # before PyTorch 2.6
        return lambda tensors: None if tensors[0].is_inference() else increment_version(tensors[0])
    counting: Callable[[tuple[Tensor]], Any] = direct
    return counting


count_write = _counting()
"""Tells autograd, which did not see it, of a write into the tensor of a tuple."""


@contextmanager
def unnoticed() -> Iterator[None]:
    """Stop `torch.jit.trace`: while it records, sizes are tensors, and their use as numbers warns."""
    state = _trace()
    if state is None:
        yield
        return
    _set_trace(None)
    try:
        yield
    finally:
        _set_trace(state)


def sizes_of(tensor: Tensor) -> tuple[int, ...]:
    """Return the shape of a tensor as integers, also where PyTorch has symbols or tensors in their place."""
    if _trace() is None:
        return tuple(map(int, tensor.shape))
    with unnoticed():
        return tuple(tensor.shape)


def is_watched(tensor: Tensor) -> bool:
    """Tell whether a write into a tensor must go through PyTorch's dispatcher.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor.

    Returns
    -------
    bool
        False for an eager call with nothing around it, in which a kernel may write to the tensor's memory by itself.
    """
    return is_observed() or (type(tensor) not in PLAIN and isinstance(tensor, TRACED))


def is_observed() -> bool:
    """Tell whether a dispatch mode, a transform of `torch.func` or `torch.jit.trace` is at work."""
    included: bool = _included(_PRE_DISPATCH)
    return included or _modes() > 0 or peek_interpreter_stack() is not None or _trace() is not None


def is_freed(tensor: Tensor) -> bool:
    """Tell whether a tensor on the CPU has no memory, or no elements: there PyTorch's own operations crash."""
    return bool(tensor.is_cpu) and not is_observed() and tensor.data_ptr() == 0


def is_transformed() -> bool:
    """Tell whether a transform of `torch.func` is at work."""
    return peek_interpreter_stack() is not None


def is_recorded() -> bool:
    """Tell whether what runs now becomes a program that runs later: an export, a compiler's graph, a trace."""
    if _trace() is not None or _included(_PRE_DISPATCH):
        return True
    return _modes() > 0 and any(torch._C._get_dispatch_mode(key) is not None for key in _RECORDING)


def is_abstract(tensor: Tensor) -> bool:
    """Tell whether a tensor is on the meta device, or a fake one."""
    return bool(tensor.is_meta) or (type(tensor) not in PLAIN and isinstance(tensor, FakeTensor))


def has_no_values(tensor: Tensor) -> bool:
    """Tell whether a draw into a tensor has no effect: it is abstract, and no program is being recorded of it."""
    return is_abstract(tensor) and not is_recorded()
