"""Memory that NumPy writes and TensorFlow then owns."""

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.dtypes import FLOAT8, numpy_dtype

ALIGNMENT = 64
"""Bytes to which TensorFlow aligns memory, for the widest vectors."""


def empty(shape: Shape, dtype: str) -> NDArray[Any]:
    """Return an array, not yet written, that is aligned as TensorFlow likes it."""
    kind = numpy_dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    skip = -memory.ctypes.data % ALIGNMENT
    return memory[skip : skip + size].view(kind).reshape(shape)


def as_tensor(array: NDArray[Any]) -> Any:
    """Hand an array over for good: the tensor shares its memory, unless tensors are made on another device now."""
    if array.size == 0 or array.dtype.name in FLOAT8:  # of which there is no bitcast
        return tf.constant(array)
    # TensorFlow copies arrays, but not what comes by DLPack, for which NumPy has no bfloat16.
    tensor = tf.experimental.dlpack.from_dlpack(array.view(f"u{array.itemsize}").__dlpack__())
    return tf.identity(tf.bitcast(tensor, array.dtype))
