"""Which way of drawing a device gets: the Triton kernel where it runs, PyTorch's own operations elsewhere."""

import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch

from oneseed.distributions import Normal
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8
from oneseed_torch.drawing.operations import fill_on
from oneseed_torch.drawing.tables import refuse_capture

TRITON = (3, 3)
"""The oldest Triton that takes the kernel's arguments."""

CAPABILITY = (8, 0)
"""The oldest NVIDIA devices that Triton supports."""


@cache
def filler(device: Any) -> Callable[[Draw, Any], None]:
    """Return the function that writes a random draw into a tensor on a device.

    Parameters
    ----------
    device : torch.device
        A device with values, and with its number where there can be several.

    Returns
    -------
    callable
        It takes the draw and the tensor. The Triton kernel is tried on one element first: where it cannot be compiled
        or run, a RuntimeWarning says why, and PyTorch's operations make the same bits more slowly.

    Raises
    ------
    RuntimeError
        If a CUDA graph is being captured: nothing can be compiled or copied meanwhile.
    """
    if device.type != "cuda" or find_spec("triton") is None:
        return fill_on
    refuse_capture(device)
    if "tensorflow" in sys.modules and "triton" not in sys.modules:
        # The import would crash the process: both load an LLVM, and TensorFlow's crashes the other if imported first.
        _warn(device, "it must be imported before TensorFlow")
        return fill_on
    try:
        import triton

        number = tuple(int(part) for part in triton.__version__.split(".")[:2])
        if number < TRITON or (not torch.version.hip and torch.cuda.get_device_capability(device) < CAPABILITY):
            return fill_on
        from oneseed_torch.drawing.triton_launch import fill

        fill(Draw(Normal(), (), "float32", 0, (), (), 1, 1, (), ()), torch.empty((), device=device))
    except Exception as error:  # a compiler that is missing, a driver too old: Triton has no common exception for them
        _warn(device, repr(error))
        return fill_on
    return fill


def sample_on(draw: Draw, out: Any) -> None:
    """Write a random draw into a tensor that is not on the CPU."""
    if draw.dtype in FLOAT8:  # which the kernel does not round to
        fill_on(draw, out)
    else:
        filler(out.device)(draw, out)


def _warn(device: Any, reason: str) -> None:
    warnings.warn(
        f"Triton is installed but its kernels cannot be used on {device} ({reason}); oneseed draws with PyTorch's "
        "operations, the same bits more slowly.",
        RuntimeWarning,
        stacklevel=3,
    )
