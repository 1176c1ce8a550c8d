"""Tensors on the CPU and NumPy arrays in the same memory."""

from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray


def memory(tensor: Any) -> NDArray[Any]:
    """Return the memory of a tensor on the CPU as an array; NumPy has no bfloat16 that PyTorch knows of."""
    if tensor.dtype != torch.bfloat16:
        array: NDArray[Any] = tensor.numpy()
        return array
    return np.asarray(tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16))


def from_numpy(array: NDArray[Any]) -> Any:
    """Return an array as a tensor on the CPU, in the array's own memory if that may be written to."""
    # What PyTorch cannot take over, such as a read-only array, is copied.
    array = np.require(array, array.dtype.newbyteorder("="), ["C", "W"])
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)
