"""Tensors on the CPU and NumPy arrays in the same memory."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.dtypes import NOT_IN_NUMPY, numpy_dtype
from oneseed.host_arrays import host


def memory(tensor: Any) -> NDArray[Any]:
    """Return the memory of a tensor on the CPU as an array; some dtypes NumPy has under another roof."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in NOT_IN_NUMPY:
        array: NDArray[Any] = tensor.numpy()
        return array
    integers = tensor.view(torch.int16 if tensor.itemsize == 2 else torch.int8)
    return np.asarray(integers.numpy().view(numpy_dtype(name)))


def fresh(shape: Shape, dtype: Any, device: Any) -> Any:
    """Return a tensor that has not been written to yet."""
    tensor = torch.empty(shape, dtype=dtype, device=device)
    if device.type == "cpu":
        host().prepare(tensor.data_ptr(), tensor.nbytes)
    return tensor


def from_numpy(array: NDArray[Any]) -> Any:
    """Return an array as a tensor on the CPU, in the array's own memory if that may be written to."""
    # What PyTorch cannot take over, such as a read-only array, is copied.
    array = np.require(array, array.dtype.newbyteorder("="), ["C", "W"])
    if array.dtype.name in NOT_IN_NUMPY:
        return torch.from_numpy(array.view(f"i{array.itemsize}")).view(getattr(torch, array.dtype.name))
    return torch.from_numpy(array)
