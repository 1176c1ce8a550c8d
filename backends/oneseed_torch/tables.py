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
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "The first normal draw on a device copies a table to it, which a CUDA graph cannot capture; run what is "
            f"captured once before the capture, as for any operation. Received: device={device!r}"
        )
    # The copy is over when the call returns, so that every stream may read the table.
    return torch.tensor(table(bits).view(f"int{bits}"), device=device)
