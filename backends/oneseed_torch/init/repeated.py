"""Calls like one before: what they are checked for and decide is kept, and a small draw costs little beside its values.

What is kept belongs to a function, its arguments without seed and path, and the tensor's shape, strides and dtype. What
can differ from call to call with the same of them is looked at each time; where it is not the usual, `False` says that
the function itself has to run.
"""

from collections.abc import Callable
from math import copysign
from typing import Any

import torch

from oneseed import seeds, settings
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import NUMERIC, check_scalar
from oneseed.host_arrays import host
from oneseed.seeds import SeedGenerator
from oneseed.stream.paths import as_path, stream_number
from oneseed_torch.drawing.filling import check_memory
from oneseed_torch.drawing.memory import byte_strides, put_array
from oneseed_torch.drawing.owners import MARKS
from oneseed_torch.drawing.recording import recorded
from oneseed_torch.drawing.watched import count_write, is_freed, is_observed

Tensor = Any
Given = dict[str, Any]
Fill = Callable[[int, int, int], None]

MOST = 4096
"""Kinds of calls that are kept; then the next one starts over."""

FLOATS = frozenset({torch.float32, torch.bfloat16, torch.float16, torch.float64})
"""The dtypes that every device has the identity in, as one operation."""

STRIDED = torch.strided

_known: dict[Any, Fill | Draw | None] = {}
"""What writes into memory, by the kind of call, or a draw that is computed as a whole; None for the function itself."""

_scalars: set[tuple[type, Any, Any]] = set()
"""Values that fit a dtype, each with its type."""


def drawn(function: Callable[..., Any], tensor: Tensor, args: tuple[Any, ...], kwargs: Given) -> bool:
    """Draw into a tensor in memory as a function that draws would; tell whether it is done.

    Parameters
    ----------
    function : callable
        The function without what is around it.
    tensor : torch.Tensor
        The tensor, of a class in `PLAIN`, of which no mode or class overrides functions.
    args : tuple
        All arguments by position, the tensor among them.
    kwargs : dict
        The others.

    Returns
    -------
    bool
        Whether the tensor has been filled; if not, nothing has been counted or written.

    Raises
    ------
    TypeError
        If a part of the path is neither str nor int.
    ValueError
        If the path is malformed.
    """
    seed = path = None
    if kwargs:
        kwargs = dict(kwargs)
        seed, path = kwargs.pop("seed", None), kwargs.pop("path", None)
    if seed is not None and not _is_plain_seed(seed):
        return False
    usual = args and tensor.layout is STRIDED and tensor.is_cpu and not tensor.is_neg()
    if not usual or _is_held(tensor) or is_observed():
        return False
    if not (len(args) == 1 and not kwargs) and not _are_exact(args, kwargs):
        return False
    try:
        key = (function, tensor.shape, tensor.stride(), tensor.dtype, *args[1:], *kwargs.items())
    except RuntimeError:  # a nested one has neither
        return False
    try:
        fill: Any = _known[key]
    except KeyError:
        fill = _learned(key, function, tensor, args, kwargs)
    address = tensor.data_ptr()
    computed = isinstance(fill, Draw)
    if fill is None or address == 0 or settings.in_force().rng != "portable" or (computed and tensor.is_conj()):
        return False  # of a conjugated tensor, what is stored is not what is read; the kernels write real numbers alone
    parts = () if path is None else as_path(path)
    # Whether PyTorch records a program has been asked already.
    number, parts = seeds.address(seeds.unseeded("torch") if seed is None else seed, parts, True)
    if computed:
        _compute(fill._replace(seed=number, path=parts), tensor)
    else:
        fill(address, number, stream_number(parts) if parts else 0)
    # Autograd did not see the write, and must refuse a backward pass that saved the old values.
    count_write((tensor,))
    return True


def _is_plain_seed(seed: Any) -> bool:
    return 0 <= seed < 2**64 if type(seed) is int else type(seed) is SeedGenerator


def _compute(draw: Draw, tensor: Tensor) -> None:
    assert isinstance(draw.distribution, Structured)
    values = draw.distribution.checked_values(draw, host())
    put_array(values, tensor.detach() if tensor.requires_grad else tensor)


def filled(value: Any) -> Callable[..., bool]:
    """Return a function that fills a tensor with a value as one of `zeros_` and `ones_` would, like `drawn`."""

    def fill(function: Callable[..., Any], tensor: Tensor, args: tuple[Any, ...], kwargs: Given) -> bool:
        return len(args) == 1 and not kwargs and _filled(tensor, value)

    return fill


def filled_with(function: Callable[..., Any], tensor: Tensor, args: tuple[Any, ...], kwargs: Given) -> bool:
    """Fill a tensor as `constant_` would, like `drawn`."""
    if len(args) != 2 or kwargs:
        return False
    value = args[1]
    if type(value) is not float and type(value) is not int:
        return False
    return ((type(value), value, tensor.dtype) in _scalars or _fits(value, tensor)) and _filled(tensor, value)


def filled_with_ones_on_the_diagonal(
    function: Callable[..., Any], tensor: Tensor, args: tuple[Any, ...], kwargs: Given
) -> bool:
    """Fill a matrix as `eye_` would, like `drawn`."""
    return len(args) == 1 and not kwargs and tensor.ndim == 2 and _written(tensor, _put_identity, None)


def filled_with_kernels_that_change_nothing(
    function: Callable[..., Any], tensor: Tensor, args: tuple[Any, ...], kwargs: Given
) -> bool:
    """Fill the weight of a convolution as `dirac_` would, like `drawn`."""
    # While `torch.jit.trace` records, sizes are tensors.
    if len(args) != 1 or kwargs or is_observed() or not 3 <= tensor.ndim <= 5 or 0 in tensor.shape:
        return False
    # Of a negated or conjugated tensor, what is stored is not what is read.
    return not tensor.is_neg() and not tensor.is_conj() and _written(tensor, _put_dirac, None)


def _filled(tensor: Tensor, value: Any) -> bool:
    return _written(tensor, _put, value)


def _written(tensor: Tensor, put: Callable[[Tensor, Any], None], value: Any) -> bool:
    """Have PyTorch's own operations write into a tensor, if it is a usual one."""
    if not _is_usual(tensor) or tensor.is_meta or is_freed(tensor):
        return False
    if not tensor.is_contiguous():
        check_memory(tensor)
    if not (tensor.requires_grad and torch.is_grad_enabled()):
        put(tensor, value)
        return True
    torch._C._set_grad_enabled(False)  # what `torch.no_grad` does, and much else beside
    try:
        put(tensor, value)
    finally:
        torch._C._set_grad_enabled(True)
    return True


def _put(tensor: Tensor, value: Any) -> None:
    if type(value) is int and value == 0:  # the float may be -0.0
        tensor.zero_()
    else:
        tensor.fill_(value)


def _put_identity(tensor: Tensor, _: None) -> None:
    if tensor.dtype in FLOATS and not is_observed():  # PyTorch has it for these, and `torch.func` not at all
        torch.eye(*tensor.shape, out=tensor)
    else:
        tensor.zero_().diagonal().fill_(1)


def _put_dirac(tensor: Tensor, _: None) -> None:
    tensor.zero_()
    shape, strides = tensor.shape, tensor.stride()
    at = tensor.storage_offset()
    for size, stride in zip(shape[2:], strides[2:], strict=True):
        at += size // 2 * stride
    tensor.as_strided((min(shape[:2]),), (strides[0] + strides[1],), at).fill_(1)


def _is_held(tensor: Tensor) -> bool:
    """Tell whether another library holds a part of a tensor, or autograd has computed it."""
    marks = tensor.__dict__
    if marks and not MARKS.isdisjoint(marks):
        return True
    return tensor.requires_grad and tensor.grad_fn is not None


def _is_usual(tensor: Tensor) -> bool:
    """Tell whether a tensor is a dense one of its own."""
    return not _is_held(tensor) and tensor.layout is STRIDED and not tensor.is_nested and not tensor.is_quantized


def _are_exact(args: tuple[Any, ...], kwargs: Given) -> bool:
    """Tell whether arguments are equal to others alone that mean the same: True is equal to 1, and -0.0 to 0.0."""
    for value in (*args[1:], *kwargs.values()):
        kind = type(value)
        if kind is float:
            if value == 0.0 and copysign(1.0, value) < 0.0:
                return False
        elif kind is not int and kind is not str and value is not None:
            return False
    return True


def _learned(key: Any, function: Callable[..., Any], tensor: Tensor, args: tuple[Any, ...], kwargs: Given) -> Any:
    """Find out what a call does, on a tensor without memory."""
    if 0 in tensor.shape or tensor.is_quantized:  # which its dtype tells
        return None
    with recorded() as found:
        try:
            function(_without_memory(tensor), *args[1:], **kwargs)
        except (TypeError, ValueError):  # which the function is to raise, of the tensor itself
            return None
    fill: Fill | Draw | None = None
    if len(found) == 1 and found[0][0] == "draw":
        draw = found[0][1]
        fill = host().filling(draw, byte_strides(tensor))
        if fill is None and isinstance(draw.distribution, Structured):
            fill = draw
    if len(_known) >= MOST:
        _known.clear()
    _known[key] = fill
    return fill


def _without_memory(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tuple(tensor.shape), tensor.stride(), dtype=tensor.dtype, device="meta")


def _fits(value: Any, tensor: Tensor) -> bool:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype in NUMERIC:
        try:
            check_scalar(value, dtype, "val")
        except (TypeError, ValueError):  # which the function is to raise
            return False
    if len(_scalars) >= MOST:
        _scalars.clear()
    _scalars.add((type(value), value, tensor.dtype))
    return True
