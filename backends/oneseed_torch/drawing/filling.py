"""Writing a draw into a tensor that is there already, on any device."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch._C import _DisableFuncTorch
from torch.utils._python_dispatch import _disable_current_modes

from oneseed.checks import Shape
from oneseed.distributions import Complex, Fill, Structured
from oneseed.draws import Draw
from oneseed.host_arrays import host
from oneseed_torch.compiling import keep_out
from oneseed_torch.drawing.memory import byte_strides, copied, fresh, memory, put_array
from oneseed_torch.drawing.operation import define, text_of
from oneseed_torch.drawing.watched import (
    count_write,
    functions_overridden,
    has_no_values,
    is_observed,
    is_recorded,
    is_transformed,
    is_watched,
    sizes_of,
    unnoticed,
)

Tensor = Any


def fill_(draw: Draw, tensor: Tensor) -> Tensor:
    """Write the block of a draw into a tensor, in place.

    Parameters
    ----------
    draw : Draw
        The draw; ``draw.block`` and ``draw.dtype`` are the tensor's.
    tensor : torch.Tensor
        A tensor of any strides on any device. It may require gradients: nothing is recorded, as in ``torch.nn.init``.

    Returns
    -------
    torch.Tensor
        `tensor` itself. One without values, on the meta device or fake, is left as it is. The call returns before the
        work is done, where the device works asynchronously. Where PyTorch traces, exports, transforms or looks on, the
        draw is an operation that it knows.

    Raises
    ------
    TypeError
        If the seed is not an integer.
    ValueError
        If shape or dtype is not the draw's, elements share memory, or the device lacks the dtype's operations.
    """
    if torch.compiler.is_dynamo_compiling():  # a call that began before anything else of this package was used
        keep_out()
    check_seed(draw.seed)
    if sizes_of(tensor) != draw.block or tensor.dtype is not getattr(torch, draw.dtype):
        raise ValueError(
            f"`tensor` must be of shape {draw.block} and dtype {draw.dtype}. "
            f"Received: tensor of shape {tuple(tensor.shape)} and dtype {tensor.dtype}"
        )
    if has_no_values(tensor) or 0 in draw.block:
        return tensor
    check_memory(tensor)
    if isinstance(draw.distribution, Fill):
        with torch.no_grad():
            return tensor.fill_(draw.distribution.scalar(draw.dtype).item())
    if is_watched(tensor):
        with torch.no_grad():
            _dispatched(draw, tensor)
    else:
        _written(draw, tensor)
    return tensor


def prepared(draw: Draw, otherwise: Callable[[], Tensor]) -> Callable[[], Tensor] | None:
    """Return a function that makes a tensor of a draw where the default device is the CPU and nobody looks on.

    Parameters
    ----------
    draw : Draw
        The draw, from the portable stream with an int as the seed.
    otherwise : callable
        Makes the tensor everywhere else.

    Returns
    -------
    callable or None
        None where a function would gain nothing: without elements or a kernel, or for what is computed as a whole, if
        it is random or large.
    """
    if 0 in draw.block:
        return None
    dtype, sizes, stream = getattr(torch, draw.dtype), draw.block or ((),), draw.stream
    if isinstance(draw.distribution, Fill):
        fills = filled(draw.distribution, draw)
        return lambda: otherwise() if functions_overridden() > 0 else fills()
    if isinstance(draw.distribution, Structured) and not draw.distribution.random:
        return _constant_again(draw.distribution, draw, otherwise)
    like = torch.empty(draw.block, dtype=dtype, device="meta")
    fill = host().filling(draw, byte_strides(like))
    if fill is None:
        return None
    size, prepare = like.nbytes, host().prepare

    def make() -> Tensor:
        if is_observed() or functions_overridden() > 0:
            return otherwise()
        tensor = torch.empty(*sizes, dtype=dtype)  # sizes one by one take less time to read than a tuple of them
        if not tensor.is_cpu:
            return otherwise()
        address = tensor.data_ptr()
        prepare(address, size)
        fill(address, draw.seed, stream)
        return tensor

    return make


def _constant_again(
    distribution: Structured, draw: Draw, otherwise: Callable[[], Tensor]
) -> Callable[[], Tensor] | None:
    """Return a function that makes a tensor in which nothing is random; None where it would be of no use."""
    put, array = distribution.onto_zeros(draw), host().prepared(draw)
    if array is None:
        return None
    sizes, dtype, create = draw.block or ((),), getattr(torch, draw.dtype), torch.zeros if put else torch.empty

    def make() -> Tensor:
        if is_observed() or functions_overridden() > 0:
            return otherwise()
        tensor = create(*sizes, dtype=dtype)
        if not tensor.is_cpu:
            return otherwise()
        if put is None:
            put_array(array(), tensor)
        else:
            put(memory(tensor))
        return tensor

    return make


def filled(distribution: Fill, draw: Draw) -> Callable[..., Tensor]:
    """Return PyTorch's own function for a tensor of one value, which takes a device."""
    dtype, value = getattr(torch, draw.dtype), distribution.scalar(draw.dtype).item()
    if distribution.zero or value == 1:
        # Sizes one by one take less time to read than a tuple of them.
        return partial(torch.zeros if distribution.zero else torch.ones, *(draw.block or ((),)), dtype=dtype)
    return partial(torch.full, draw.block, value, dtype=dtype)


def made(draw: Draw, device: Any) -> Tensor:
    """Return a draw of a distribution that is sampled or computed as a whole as a new tensor on a device."""
    if not is_observed():
        return _written(draw, fresh(draw.block, getattr(torch, draw.dtype), device))
    with torch.no_grad():
        if isinstance(draw.distribution, Structured):
            return torch.empty(draw.block, dtype=getattr(torch, draw.dtype), device=device).copy_(_constant(draw))
        if is_recorded() and not is_transformed():
            # Where it lies is then an argument of PyTorch's own operation, which knows how to change it.
            return _dispatched(draw, torch.empty(draw.block, dtype=getattr(torch, draw.dtype), device=device))
        return _returned(draw, device)


def sample_(draw: Draw, out: Tensor) -> Tensor:
    """Write a random draw that stream v1 defines into a tensor with values, in whichever way its device allows."""
    if out.device.type == "cpu":
        host().fill([(draw, memory(out))])
    else:
        from oneseed_torch.drawing.accelerators import sample_on  # of no use to a program on the CPU alone

        sample_on(draw, out)
    return out


def check_seed(seed: Any) -> None:
    """Refuse the seeds of other frameworks."""
    if not isinstance(seed, int | None):
        raise TypeError(f"`seed` must be an integer on the torch backend. Received: seed={seed!r}")


def check_memory(tensor: Tensor) -> None:
    """Refuse a tensor of which several elements lie at one place."""
    if tensor.is_contiguous():
        return
    reach, apart = 0, True
    for step, size in sorted(zip(tensor.stride(), sizes_of(tensor), strict=True)):
        if size > 1:
            apart = apart and step > reach
            reach += (size - 1) * step
    if not apart and _overlaps(sizes_of(tensor), tensor.stride()):
        raise ValueError(
            "`tensor` must have memory of its own for each element; use .contiguous() on what was expanded. "
            f"Received: tensor of shape {tuple(tensor.shape)} and strides {tensor.stride()}"
        )


def _overlaps(shape: Shape, strides: tuple[int, ...]) -> bool:
    """Tell whether two elements lie at one place: one by one, for axes that do not lie within each other."""
    if 0 in shape:
        return False
    if any(step == 0 and size > 1 for size, step in zip(shape, strides, strict=True)):
        return True
    places = np.zeros(1, np.int64)
    for size, step in zip(shape, strides, strict=True):
        places = (places[:, None] + np.arange(size) * step).reshape(-1)
    return len(np.unique(places)) < len(places)


def check_device(device: Any, dtype: str) -> None:
    """Refuse the dtypes that Metal lacks, and PyTorch with it."""
    if device.type == "mps" and dtype in ("float64", "complex128"):
        raise ValueError(
            f"`dtype` must not be float64 or complex128 on the device {device}, which has neither; draw in float32, "
            f"or on the CPU. Received: dtype={dtype!r}"
        )


def check_native(draw: Draw) -> None:
    """Refuse to record a draw of PyTorch's own generator in a program: it would not be part of it."""
    if is_recorded():
        raise ValueError(
            "`rng` must be 'portable' where PyTorch traces or exports: a draw of oneseed's with its own generator "
            f"cannot be recorded. Received: rng={draw.rng!r}"
        )


def native_values(draw: Draw, device: Any) -> Tensor:
    """Return the values of PyTorch's own generator."""
    from oneseed_torch.drawing.native import native

    return native(draw, device)


def _dispatched(draw: Draw, tensor: Tensor) -> Tensor:
    """Write a draw by operations that PyTorch knows."""
    if draw.native:
        check_native(draw)
        tensor.copy_(native_values(draw, tensor.device))
    elif isinstance(draw.distribution, Structured):
        tensor.copy_(_constant(draw))
    elif is_transformed() or tensor.is_complex() or tensor.is_neg():
        # Every transform knows a copy, and Inductor one of complex numbers.
        tensor.copy_(_returned(draw, tensor.device))
    else:
        torch.ops.oneseed.draw_(tensor, text_of(draw))
    return tensor


def _written(draw: Draw, tensor: Tensor) -> Tensor:
    """Write a draw into memory at once, and tell PyTorch of it."""
    distribution = draw.distribution
    if draw.native or tensor.is_neg() or tensor.is_conj():  # of the last two, what is stored is not what is read
        with torch.no_grad():
            return tensor.copy_(_apart(draw, tensor))
    plain = tensor.detach() if tensor.requires_grad else tensor
    if isinstance(distribution, Structured):
        put_array(distribution.checked_values(draw, host()), plain)
    elif isinstance(distribution, Complex):
        for part, place in zip(distribution.split(draw), torch.view_as_real(plain).unbind(-1), strict=True):
            sample_(part, place)
    else:
        sample_(draw, plain)
    # Autograd did not see the write, and must refuse a backward pass that saved the old values.
    count_write((tensor,))
    return tensor


def _apart(draw: Draw, like: Tensor) -> Tensor:
    """Return the values of a draw in memory of their own."""
    if draw.native:
        return native_values(draw, like.device)
    return _written(draw, torch.empty(like.shape, dtype=like.dtype, device=like.device))


def values_of(draw: Draw) -> Tensor:
    """Return what is computed as a whole, on the CPU, whatever modes and transforms are at work."""
    assert isinstance(draw.distribution, Structured)
    with _disable_current_modes(), _DisableFuncTorch(), unnoticed():
        return copied(draw.distribution.checked_values(draw, host()))


def _constant(draw: Draw) -> Tensor:
    """Return what is computed as a whole as a constant of the program that is being recorded."""
    return torch.ops.aten.lift_fresh.default(values_of(draw))


def _returned(draw: Draw, device: Any) -> Tensor:
    """Return the result of the operation that makes a tensor; for a transform it is a constant."""
    with _DisableFuncTorch():
        return torch.ops.oneseed.draw(text_of(draw), str(device))


_library = define(_written)
