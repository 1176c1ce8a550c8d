"""New modules, built without the random values that their constructors would draw and a scheme then replaces."""

import math
from collections.abc import Callable
from ctypes import memset
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch import nn
from torch.nn import init

from oneseed import seeds
from oneseed.host_arrays import host
from oneseed.models.collector import CollectorPaused
from oneseed.models.names import Names
from oneseed.models.scheme import Scheme, check_scheme
from oneseed_torch.drawing.watched import PLAIN, is_freed, is_observed
from oneseed_torch.drawing.writing import address_of
from oneseed_torch.models.modules import fill
from oneseed_torch.models.planning import Axes
from oneseed_torch.models.recording.hooks import exchanged
from oneseed_torch.models.tree import Held, Module, Tensor, walk

DRAWING = (
    *(init.kaiming_normal_, init.kaiming_uniform_, init.normal_, init.orthogonal_, init.sparse_, init.trunc_normal_),
    *(init.uniform_, init.xavier_normal_, init.xavier_uniform_),
)
"""The functions of torch.nn.init that draw."""

LAYERS = (nn.Linear.reset_parameters, nn.modules.conv._ConvNd.reset_parameters)
"""What draws weight and bias of the layers that there are most of: they are left out at once."""

SHOWN = 5
"""As many tensors an error names at most."""

LARGE = 1 << 20
"""Bytes from which on PyTorch, which has several threads, writes sooner than the C library."""


def create(
    build: Callable[[], Module],
    scheme: Scheme | None = None,
    *,
    seed: int,
    names: Names = None,
    axes: Axes = None,
) -> Module:
    """Build a module with the values of a scheme, in less time than its constructors take to draw their own.

    The module is that of ``initialize_(build(), scheme, seed=seed)``. But while `build` runs, the functions of
    torch.nn.init that draw, called in this thread, write NaN in place of random values. PyTorch's generator does not
    advance by what they would have drawn. What `build` draws in other ways is drawn, and replaced.

    Parameters
    ----------
    build : callable
        Builds the module, without arguments: a class, or ``lambda: Net(config)``.
    scheme : Scheme, optional
        What each parameter gets. None is `default_scheme` of the module: what the constructors of torch.nn draw from.
    seed : int
        The seed of all initializers that have none of their own, in ``[0, 2**64)``.
    names, axes : optional
        As in `initialize_`.

    Returns
    -------
    torch.nn.Module
        The module.

    Raises
    ------
    TypeError
        If an argument is of another type, or `build` returns something else than a module.
    ValueError
        If `initialize_` refuses the module, or it would keep values that `build` made from those that were not drawn:
        by a rule with KEEP, or in a buffer.

    Examples
    --------
    >>> import oneseed
    >>> import oneseed_torch
    >>> import torch
    >>> module = oneseed_torch.create(lambda: torch.nn.Linear(64, 10), seed=7)
    >>> scheme = oneseed_torch.default_scheme(module)
    >>> same = oneseed_torch.initialize_(torch.nn.Linear(64, 10), scheme, seed=7)
    >>> torch.equal(module.weight, same.weight)
    True
    """
    if isinstance(build, nn.Module):
        raise TypeError("`build` must build the module; for one that is there, call initialize_. Received: a module")
    if not callable(build):
        raise TypeError(f"`build` must be callable. Received: build={build!r}")
    if scheme is not None:
        check_scheme(scheme)
    if not seeds.is_framework_seed(seed):
        seeds.check_seed(seed)
    with CollectorPaused():
        left: list[ReferenceType[Tensor]] = []
        module = _built(build, left)
        if not isinstance(module, nn.Module):
            raise TypeError(f"`build` must return a torch.nn.Module. Received: {module!r}")
        kept = fill(module, scheme, seed, names, None, axes)
        _check_made(module, kept, left)
        return module


def _built(build: Callable[[], Module], left: list[ReferenceType[Tensor]]) -> Module:
    """Build a module, and note what has been left without values, but for weights and biases of `LAYERS`."""
    if is_observed():  # a mode that has no memory to write to, or sees each call
        return build()

    def leave(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else kwargs.get("tensor")
        if is_observed() or not _forget(tensor):
            return original(*args, **kwargs)
        left.append(ref(tensor))
        return tensor

    def leave_layer(original: Callable[[Module], None], layer: Module) -> None:
        own = layer._parameters
        weight, bias = own.get("weight"), own.get("bias", layer)  # None where there is none
        usual = not is_observed() and _forget(weight)
        if not usual or not (bias is None or _forget(bias)):
            original(layer)

    with exchanged(DRAWING, leave), exchanged(LAYERS, leave_layer):
        return build()


_BY_BYTES = frozenset({torch.float32, torch.bfloat16, torch.float16, torch.float64})
"""The dtypes in which a number of bits 1 alone is NaN."""


def _forget(tensor: Any) -> bool:
    """Write NaN to a tensor of floats whose memory is there; tell whether it is done."""
    if type(tensor) not in PLAIN:
        return False
    if tensor.dtype in _BY_BYTES and (address := address_of(tensor)):
        size = tensor.nbytes
        if size < LARGE:
            memset(address, 0xFF, size)
            return True
        host().prepare(address, size)
    elif tensor.is_meta or is_freed(tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
        return False
    with torch.no_grad():
        tensor.fill_(math.nan)
    return True


def _check_made(module: Module, kept: list[Held], left: list[ReferenceType[Tensor]]) -> None:
    """Refuse values that would have been random ones, or were computed from such."""
    found = [(repr(one.names[0]), one.tensor) for one in kept]
    every = walk(module)
    for path, _, layer in every:
        if not type(layer).__module__.startswith("torch.nn.modules."):
            before = f"{path}." if path else ""
            found += [(repr(before + name), value) for name, value in vars(layer).items() if type(value) in PLAIN]
    if alive := [tensor for reference in left if (tensor := reference()) is not None]:
        own = {
            id(tensor) for _, _, layer in every for tensor in (*layer._parameters.values(), *layer._buffers.values())
        }
        found += [(f"a tensor of shape {tuple(each.shape)} elsewhere", each) for each in alive if id(each) not in own]
    if lost := list(dict.fromkeys(name for name, tensor in found if _has_nan(tensor))):
        raise ValueError(
            "The scheme must fill all that `build` draws by torch.nn.init, and what it computes from that, since these "
            "draws are left out. Give rules for the tensors, or initialize_(build(), ...), which keeps the values of "
            f"the constructors. Received: NaN in {', '.join(lost[:SHOWN])}"
            + (f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else "")
        )


def _has_nan(tensor: Tensor) -> bool:
    if tensor.is_meta or nn.parameter.is_lazy(tensor):
        return False
    return bool((tensor.is_floating_point() or tensor.is_complex()) and torch.isnan(tensor).any())
