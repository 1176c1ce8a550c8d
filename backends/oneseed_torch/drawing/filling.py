"""Writing a draw into a tensor that is there already, on any device."""

from typing import Any

import torch
from torch._subclasses import FakeTensor

from oneseed.distributions import Complex, Fill, Structured
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8
from oneseed.host_arrays import host
from oneseed_torch.drawing.accelerators import filler
from oneseed_torch.drawing.memory import from_numpy, memory
from oneseed_torch.drawing.native import native
from oneseed_torch.drawing.operations import fill_on

Tensor = Any


def fill_(draw: Draw, tensor: Tensor) -> Tensor:
    """Write the block of a draw into a tensor, in place; functions that PyTorch compiles do not look inside.

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
        work is done, where the device works asynchronously.

    Raises
    ------
    TypeError
        If the seed is no integer.
    ValueError
        If shape or dtype is not the draw's, elements share memory, or the device lacks the dtype's operations.
    """
    if torch.compiler.is_compiling():
        # No decorator: it would import the compiler, a second's work, for those who never compile.
        return torch.compiler.disable(_fill)(draw, tensor)
    return _fill(draw, tensor)


def sample_(draw: Draw, out: Tensor) -> Tensor:
    """Write a random draw that stream v1 defines into a tensor with values, in whichever way its device allows."""
    if out.device.type == "cpu":
        host().fill([(draw, memory(out))])
    elif draw.dtype in FLOAT8:  # which the kernel does not round to
        fill_on(draw, out)
    else:
        filler(out.device)(draw, out)
    return out


def has_no_values(tensor: Tensor) -> bool:
    """Tell whether a tensor is on the meta device, or a fake one."""
    return tensor.is_meta or isinstance(tensor, FakeTensor)


def check_seed(seed: Any) -> None:
    """Refuse the seeds of other frameworks."""
    if not isinstance(seed, int | None):
        raise TypeError(f"`seed` must be an integer on the torch backend. Received: seed={seed!r}")


def check_memory(tensor: Tensor) -> None:
    """Refuse a tensor of which several elements lie at one place."""
    if any(size > 1 and step == 0 for size, step in zip(tensor.shape, tensor.stride(), strict=True)):
        raise ValueError(
            "`tensor` must have memory of its own for each element; use .contiguous() on what was expanded. "
            f"Received: tensor of shape {tuple(tensor.shape)} and strides {tensor.stride()}"
        )


def check_device(device: Any, dtype: str) -> None:
    """Refuse the dtypes that Metal lacks, and PyTorch with it."""
    if device.type == "mps" and dtype in ("float64", "complex128"):
        raise ValueError(
            f"`dtype` must not be float64 or complex128 on the device {device}, which has neither; draw in float32, "
            f"or on the CPU. Received: dtype={dtype!r}"
        )


def _fill(draw: Draw, tensor: Tensor) -> Tensor:
    check_seed(draw.seed)
    if tuple(tensor.shape) != draw.block or str(tensor.dtype) != f"torch.{draw.dtype}":
        raise ValueError(
            f"`tensor` must be of shape {draw.block} and dtype {draw.dtype}. "
            f"Received: tensor of shape {tuple(tensor.shape)} and dtype {tensor.dtype}"
        )
    if has_no_values(tensor) or tensor.numel() == 0:
        return tensor
    check_memory(tensor)
    law = draw.distribution
    with torch.no_grad():
        if isinstance(law, Fill):
            return tensor.fill_(law.scalar(draw.dtype).item())
        if draw.native:
            return tensor.copy_(native(draw, tensor.device))
        if isinstance(law, Structured):
            return tensor.copy_(from_numpy(law.values(draw, host())))
        if tensor.is_neg() or tensor.is_conj():  # what is stored is not what is read
            return tensor.copy_(_fill(draw, torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)))
        if isinstance(law, Complex):
            for part, place in zip(law.split(draw), torch.view_as_real(tensor.detach()).unbind(-1), strict=True):
                sample_(part, place)
        else:
            sample_(draw, tensor.detach())
        # Written past PyTorch's back: it has to know, to refuse a backward pass that saved the old values.
        torch.autograd.graph.increment_version(tensor)
    return tensor
