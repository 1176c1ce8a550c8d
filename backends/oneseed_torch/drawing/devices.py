"""Devices as users name them, and which of them there are."""

from typing import Any

import torch

ACCELERATORS = ("cuda", "mps", "mtia", "xpu")


def device_of(device: Any) -> Any:
    """Return a torch.device that can be used here.

    Parameters
    ----------
    device : str, int, torch.device or None
        What names the device; None leaves the choice to PyTorch.

    Returns
    -------
    torch.device or None
        The device.

    Raises
    ------
    ValueError
        If PyTorch has no such device here.
    """
    if device is None:
        return None
    where = _parsed(device)
    if where is None or not is_usable(where):
        here = sorted(["cpu", "meta", *filter(is_usable, map(torch.device, ACCELERATORS))], key=str)
        raise ValueError(
            "`device` must be None or name a device that PyTorch can use here, as a str, an int or a torch.device: "
            f"one of {', '.join(map(str, here))}. Received: device={device!r}"
        )
    return where


def is_usable(device: Any) -> bool:
    """Tell whether a device is there, without touching it."""
    count = getattr(getattr(torch, device.type, None), "device_count", None)
    return device.type == "meta" or (count is not None and (device.index or 0) < count())


def _parsed(device: Any) -> Any:
    if isinstance(device, bool) or not isinstance(device, str | int | torch.device):
        return None
    try:
        return torch.device(device)
    except RuntimeError:  # not the name of a device, or an index where there is no accelerator
        return None
