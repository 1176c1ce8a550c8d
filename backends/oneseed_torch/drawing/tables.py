"""The tables of the normal quantile function, on the devices that draw."""

from functools import cache
from typing import Any

import torch

from oneseed.stream.quantile import table

Tensor = Any


@cache
def device_table(bits: int, device: Any) -> Tensor:
    """Return a table on a device, where it stays.

    Parameters
    ----------
    bits : {32, 64}
        The width of the random integers.
    device : torch.device
        The device, with its number.

    Returns
    -------
    torch.Tensor
        The rows, as signed integers of the same bits: int32 of shape (497, 4), 8 kB; or int64 of shape (2017, 8),
        129 kB.

    Raises
    ------
    RuntimeError
        If a CUDA graph is being captured: a copy from the host cannot be part of it.
    """
    refuse_capture(device)
    # The copy is over when the call returns, so that every stream may read the table.
    return torch.tensor(table(bits).view(f"int{bits}"), device=device)


def refuse_capture(device: Any) -> None:
    """Raise RuntimeError while a CUDA graph is captured, before what cannot be part of one."""
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "The first draw of a kind on a device compiles a kernel and copies a table there, which a CUDA graph "
            f"cannot capture; run what is captured once before, as PyTorch asks anyway. Received: device={device!r}"
        )
