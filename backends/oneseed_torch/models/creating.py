"""New modules, built without the random values that their constructors would draw and a scheme then replaces."""

import math
from collections.abc import Callable
from contextlib import suppress
from ctypes import memset
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch import nn
from torch.nn import init

from oneseed import seeds
from oneseed.models.collector import CollectorPaused
from oneseed.models.names import Names
from oneseed.models.scheme import Scheme, check_scheme
from oneseed_torch.drawing.watched import PLAIN, is_freed, is_observed
from oneseed_torch.models.leftovers import Made, check_leftovers
from oneseed_torch.models.modules import fill
from oneseed_torch.models.planning import Axes
from oneseed_torch.models.recording.hooks import Exchanged
from oneseed_torch.models.tree import Module

ANY = (init.normal_, init.trunc_normal_, init.uniform_)
"""The functions of torch.nn.init that draw tensors of any shape."""

WEIGHTS = (
    *(init.kaiming_normal_, init.kaiming_uniform_, init.orthogonal_, init.sparse_),
    *(init.xavier_normal_, init.xavier_uniform_),
)
"""Those that draw weights, and refuse what has less than two axes."""

LAYERS = (nn.Linear.reset_parameters, nn.modules.conv._ConvNd.reset_parameters)
"""What draws weight and bias of the layers that there are most of: they are left out at once."""

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
    torch.nn.init that draw, called in this thread, write NaN in place of random values and do not look at their other
    arguments. No generator advances by what they would have drawn. Parameters that `build` draws in other ways are
    drawn, and replaced.

    So `build` must not depend on these values, as with ``torch.nn.utils.skip_init``. Tensors that it computes from them
    are NaN too, and refused if the module keeps them. That is not to be seen of integers and comparisons, of numbers of
    Python and arrays of NumPy: use `initialize_` for a module that keeps such.

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
        If `initialize_` refuses the module, values that were not drawn are left, in the module or elsewhere, or the
        default device is the meta device.

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
    if torch.get_default_device().type == "meta":
        raise ValueError(
            "PyTorch's default device must be one that holds values; for the meta device, build the module and call "
            "initialize_ with `device`. Received: the default device meta"
        )
    with CollectorPaused():
        if is_observed():  # a mode without memory, or one that sees each call
            module = _checked(build())
            fill(module, scheme, seed, names, None, axes)
            return module
        made, left = Made(), list[ReferenceType[Any]]()
        module = _checked(_built(build, left))
        check_leftovers(made, left, *fill(module, scheme, seed, names, None, axes))
        return module


def _checked(module: Any) -> Module:
    if not isinstance(module, nn.Module):
        raise TypeError(f"`build` must return a torch.nn.Module. Received: {module!r}")
    return module


def _built(build: Callable[[], Module], left: list[ReferenceType[Any]]) -> Module:
    """Build a module, with NaN in place of what PyTorch would draw, and note the tensors and layers left so."""

    def leave(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else kwargs.get("tensor")
        if is_observed() or not _forget(tensor):
            return original(*args, **kwargs)
        left.append(ref(tensor))
        return tensor

    def leave_weight(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else kwargs.get("tensor")
        has_axes = isinstance(tensor, torch.Tensor) and tensor.ndim > 1  # others are refused
        return leave(original, *args, **kwargs) if has_axes else original(*args, **kwargs)

    def leave_layer(original: Callable[[Module], None], layer: Module) -> None:
        own = layer._parameters
        weight, bias = own.get("weight"), own.get("bias", layer)  # None where there is none
        usual = not is_observed() and _forget(weight)
        if not usual or not (bias is None or _forget(bias)):
            original(layer)
        else:
            left.append(ref(layer))

    with Exchanged(ANY, leave), Exchanged(WEIGHTS, leave_weight), Exchanged(LAYERS, leave_layer):
        try:
            return build()
        except Exception as error:
            with suppress(AttributeError, TypeError):  # an error that takes no notes
                error.add_note(
                    "It happened in `build`, while oneseed_torch.create leaves out the draws of torch.nn.init, which "
                    "write NaN then. If it looks at such values, use initialize_(build(), ...)."
                )
            raise


_BY_BYTES = frozenset({torch.float32, torch.bfloat16, torch.float16, torch.float64})
"""The dtypes in which a number of bits 1 alone is NaN."""

_STRIDED = torch.strided


def _forget(tensor: Any) -> bool:
    """Write NaN to a tensor of floats whose memory is there; tell whether it is done."""
    if type(tensor) not in PLAIN or tensor.layout is not _STRIDED:
        return False
    if tensor.dtype in _BY_BYTES and tensor.is_cpu and tensor.is_contiguous() and (address := tensor.data_ptr()):
        if (size := tensor.nbytes) < LARGE:
            memset(address, 0xFF, size)
            return True
    elif tensor.is_meta or is_freed(tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
        return False
    with torch.no_grad():
        tensor.fill_(math.nan)
    return True
