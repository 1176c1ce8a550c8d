"""Tensors on the CPU and NumPy arrays in the same memory."""

from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.dtypes import NOT_IN_NUMPY, numpy_dtype
from oneseed.host_arrays import host

Tensor = Any

_DTYPES: dict[Any, tuple[np.dtype[Any], str]] = {}
"""NumPy's dtypes by PyTorch's, those that have been met, and what an array's interface calls them."""


class _Memory:
    """Where a tensor's elements lie, in the words of NumPy's array interface; the array keeps the tensor alive."""

    __slots__ = ("__array_interface__", "tensor")

    def __init__(self, tensor: Tensor, name: str, address: int) -> None:
        self.tensor = tensor
        self.__array_interface__ = {
            "version": 3,
            "data": (address, False),
            "shape": tuple(tensor.shape),
            "strides": byte_strides(tensor),
            "typestr": name,
        }


def byte_strides(tensor: Tensor) -> Shape:
    """Return the strides of a tensor in bytes."""
    size = tensor.itemsize
    return tuple([step * size for step in tensor.stride()])


def memory(tensor: Tensor) -> NDArray[Any]:
    """Return the memory of a tensor on the CPU as an array, and leave the tensor as it is.

    ``tensor.numpy()`` would do, but for one thing: it marks the storage as one that may not be resized from then on.

    Parameters
    ----------
    tensor : torch.Tensor
        A strided tensor on the CPU, with values of its own: not conjugated, not negated, not a view of another kind.

    Returns
    -------
    ndarray
        An array of the tensor's shape, strides and dtype. It keeps the tensor alive, and must not outlive a change of
        the tensor's storage.

    Raises
    ------
    ValueError
        If the tensor has elements but no memory.
    """
    found = _DTYPES.get(tensor.dtype)
    if found is None:
        found = _DTYPES[tensor.dtype] = _dtype(str(tensor.dtype).removeprefix("torch."))
    dtype, name = found
    if tensor.numel() == 0:
        return np.empty(tuple(tensor.shape), dtype)
    address = tensor.data_ptr()
    if address == 0:
        refuse_freed(tensor)
    array = np.asarray(_Memory(tensor, name, address))
    return array if array.dtype == dtype else array.view(dtype)


def refuse_freed(tensor: Tensor) -> NoReturn:
    """Raise ValueError for a tensor with elements and no memory."""
    raise ValueError(
        "`tensor` must have memory of its own; its memory has been freed, or was never allocated. "
        f"Received: a tensor of shape {tuple(tensor.shape)}"
    )


def _dtype(name: str) -> tuple[np.dtype[Any], str]:
    """Return a dtype, and its name in the interface; those of `ml_dtypes` are integers there, which are viewed."""
    dtype = numpy_dtype(name)
    return dtype, np.dtype(f"u{dtype.itemsize}").str if name in NOT_IN_NUMPY else dtype.str


def shared(tensor: Tensor) -> NDArray[Any]:
    """Return the memory of a tensor on the CPU as an array for users: PyTorch does not resize the storage any more."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in NOT_IN_NUMPY:
        array: NDArray[Any] = tensor.numpy()
        return array
    integers = tensor.view(torch.int16 if tensor.itemsize == 2 else torch.int8)
    return np.asarray(integers.numpy().view(numpy_dtype(name)))


def fresh(shape: Shape, dtype: Any, device: Any) -> Tensor:
    """Return a tensor that has not been written to yet."""
    # Sizes one by one take less time to read than a tuple of them.
    tensor = torch.empty(*(shape or ((),)), dtype=dtype, device=device)
    if device.type == "cpu":
        host().prepare(tensor.data_ptr(), tensor.nbytes)
    return tensor


def put_array(array: NDArray[Any], tensor: Tensor) -> None:
    """Copy an array into a tensor of the same shape and dtype, on any device."""
    if tensor.device.type == "cpu":
        # NumPy copies: the threads with which PyTorch does would keep a core from the library that computed the values.
        np.copyto(memory(tensor), array)
    else:
        tensor.copy_(from_numpy(array))


def copied(array: NDArray[Any]) -> Tensor:
    """Return the values of an array as a tensor on the CPU, in memory that PyTorch has taken itself.

    It can be resized, shared with other processes and freed as any other tensor.
    """
    tensor = fresh(array.shape, getattr(torch, array.dtype.name), torch.device("cpu"))
    put_array(array, tensor)
    return tensor


def from_numpy(array: NDArray[Any]) -> Tensor:
    """Return an array as a tensor on the CPU, in the array's own memory if that may be written to."""
    # What PyTorch cannot take over, such as a read-only array, is copied.
    array = np.require(array, array.dtype.newbyteorder("="), ["C", "W"])
    if array.dtype.name in NOT_IN_NUMPY:
        return torch.from_numpy(array.view(f"i{array.itemsize}")).view(getattr(torch, array.dtype.name))
    return torch.from_numpy(array)
