"""Memory that NumPy writes and TensorFlow then owns."""

from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from oneseed.dtypes import FLOAT8

COPIED = 1 << 17
"""Bytes below which TensorFlow copies an array sooner than it takes it over."""

NOT_BITCAST = (*FLOAT8, "bool", "complex128")
"""Dtypes that TensorFlow does not take other bits for."""


def as_tensor(array: NDArray[Any]) -> Any:
    """Hand an array over for good: the tensor shares its memory, unless tensors are made on another device now."""
    if array.nbytes < COPIED or array.dtype.name in NOT_BITCAST:
        return tf.constant(array)
    # TensorFlow copies arrays, but not what comes by DLPack, for which NumPy has no bfloat16.
    tensor = tf.experimental.dlpack.from_dlpack(array.view(f"u{array.itemsize}").__dlpack__())
    return tf.identity(tf.bitcast(tensor, array.dtype))
