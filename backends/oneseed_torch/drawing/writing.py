"""Writing draws into what PyTorch programs hold: plain tensors, DTensors, tensors whose class wraps others."""

from typing import Any

import torch

from oneseed.checks import Shape
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed_torch.drawing.filling import check_memory, fill_
from oneseed_torch.drawing.memory import refuse_freed
from oneseed_torch.drawing.owners import check_owner
from oneseed_torch.drawing.shards import count_change, is_distributed, local_parts
from oneseed_torch.drawing.watched import PLAIN, TRACED, has_no_values, is_freed, sizes_of

Tensor = Any


def parts_to_write(tensor: Tensor) -> list[tuple[Tensor, Shape]]:
    """Return what `write` takes of a tensor: its parts on this rank; none of one whose class knows where values lie."""
    return [] if is_wrapper(tensor) else list(local_parts(tensor))


def write(draw: Draw, tensor: Tensor, parts: list[tuple[Tensor, Shape]]) -> Tensor:
    """Fill each part of a tensor with the same part of a whole draw, and return the tensor."""
    if is_wrapper(tensor):
        fresh = torch.empty(draw.shape, dtype=tensor.dtype, device=tensor.device)
        with torch.no_grad():
            return tensor.copy_(fill_(draw, fresh))
    if isinstance(draw.distribution, Structured) and len(parts) > 1:
        # Made whole for any block, perhaps: so only once.
        whole = torch.empty(draw.shape, dtype=tensor.dtype, device="cpu")
        fill_(draw, whole)
        with torch.no_grad():
            for part, at in parts:
                cuts = tuple(slice(start, start + size) for start, size in zip(at, sizes_of(part), strict=True))
                part.copy_(whole[cuts])
    else:
        for part, at in parts:
            fill_(draw._replace(offset=at, block=sizes_of(part)), part)
    count_change(tensor)
    return tensor


def shape_of(tensor: Any) -> Shape:
    """Check what is to be filled and return its shape; what every function does first."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"`tensor` must be a torch.Tensor. Received: tensor={tensor!r}")
    if torch.nn.parameter.is_lazy(tensor):
        raise ValueError(
            "`tensor` must have a shape; that of a lazy module's parameter is known after its first call. "
            f"Received: tensor={tensor!r}"
        )
    if tensor.layout != torch.strided or tensor.is_nested:
        kind = "a nested tensor" if tensor.is_nested else f"a tensor of layout {tensor.layout}"
        raise ValueError(f"`tensor` must be dense. Received: {kind}")
    if type(tensor) in PLAIN and is_freed(tensor) and tensor.numel():
        refuse_freed(tensor)
    check_memory(tensor)
    check_owner(tensor)
    return sizes_of(tensor)


def is_usual(tensor: Tensor) -> bool:
    """Tell whether a tensor is a dense one without gaps, whose class does not know more of it."""
    usual: bool = (
        type(tensor) in PLAIN and tensor.layout is _STRIDED and tensor.is_contiguous() and not tensor.is_nested
    )
    return usual


_STRIDED = torch.strided


def address_of(tensor: Tensor) -> int:
    """Return where the values of a tensor lie in the order of their indices, for kernels to write; 0 where they do not.

    Whether a mode or a transform of PyTorch has to see the write is not asked.
    """
    direct = is_usual(tensor) and tensor.is_cpu and not (tensor.is_neg() or tensor.is_conj())
    return tensor.data_ptr() if direct else 0  # 0 also without memory


def layout_of_weights(rank: int) -> str | None:
    """Return the pattern of PyTorch's weights, outputs before inputs before spatial axes; None below two axes."""
    return None if rank < 2 else " ".join(["o", "i", *(f"s{number}" for number in range(rank - 2))])


def no_values(tensor: Tensor) -> bool:
    """Tell whether a tensor is on the meta device or fake, also as the local part of a DTensor."""
    if is_distributed(tensor):
        with torch.no_grad():
            return has_no_values(tensor.to_local())
    return has_no_values(tensor)


def is_wrapper(tensor: Tensor) -> bool:
    """Tell whether a tensor's values lie in other tensors, in a way that its own class knows."""
    kind = type(tensor)
    if kind in PLAIN or kind.__torch_dispatch__ is torch.Tensor.__torch_dispatch__:
        return False
    return not isinstance(tensor, TRACED) and not is_distributed(tensor)
