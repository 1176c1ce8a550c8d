"""Arrays and complex numbers as plain data, in Keras's form, and back."""

import math
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.dtypes import COMPLEX, INTEGERS, NUMERIC, cast_array, numpy_dtype

_ARRAYS = ("__numpy__", "__tensor__")


def serialize_value(value: Any) -> Any:
    """Return an array or complex number as plain data, in Keras's form; other values as they are, lists copied."""
    if isinstance(value, complex):
        value = np.array(value)
    if not isinstance(value, np.ndarray):
        return deepcopy(value)
    # JSON has no complex numbers: real and imaginary part lie on a last axis.
    real = np.stack([value.real, value.imag], axis=-1) if value.dtype.kind == "c" else value
    config: dict[str, Any] = {"value": real.tolist(), "dtype": value.dtype.name}
    if value.size == 0:  # nested lists lose the axes after one of size 0
        config["shape"] = list(value.shape)
    return {"class_name": "__numpy__", "config": config}


def deserialize_value(value: Any) -> Any:
    """Return the array that plain data stands for; other values as they are."""
    if isinstance(value, str) and value.startswith("["):
        raise ValueError(
            "The configuration holds an array as text, as Keras 2's legacy form has it, without all of its digits; "
            f"it cannot be restored. Received: value={shown(value)}"
        )
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if value.get("class_name") not in _ARRAYS or not isinstance(config, dict) or "value" not in config:
        raise ValueError(
            "A dict in place of an array must have 'class_name' '__numpy__' or '__tensor__' and 'config' with 'value' "
            f"and 'dtype'. Received: value={shown(value)}"
        )
    try:
        return _array(config["value"], config.get("dtype", "float32"), config.get("shape"))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"The dict does not hold an array: {error} Received: value={shown(value)}") from None


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """Return an array as plain data: shape, dtype, and its bytes, little-endian, compressed and written in base64."""
    import base64
    import zlib

    little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array
    text = base64.b64encode(zlib.compress(np.ascontiguousarray(little).tobytes(), 9)).decode("ascii")
    return {"shape": list(array.shape), "dtype": array.dtype.name, "zlib": text}


def unpacked(value: Any) -> Any:
    """Return the array that `packed` made plain data of; other values as they are.

    Raises
    ------
    ValueError
        If a dict does not hold an array.
    """
    if not isinstance(value, dict):
        return value
    if set(value) != {"shape", "dtype", "zlib"} or value["dtype"] not in NUMERIC:
        raise ValueError(
            "A dict in place of an array must have 'shape', 'dtype', one of "
            f"{', '.join(NUMERIC)}, and 'zlib'. Received: {shown(value)}"
        )
    import base64
    import binascii
    import zlib

    dtype, shape = numpy_dtype(value["dtype"]), checks.shape(value["shape"])
    size = math.prod(shape) * dtype.itemsize
    try:
        # No more is unpacked than there can be: a few bytes may stand for very many.
        data = zlib.decompressobj().decompress(base64.b64decode(value["zlib"], validate=True), size + 1)
    except (TypeError, binascii.Error, zlib.error) as error:
        raise ValueError(f"'zlib' must hold compressed bytes in base64: {error}. Received: {shown(value)}") from None
    if len(data) != size:
        raise ValueError(f"'zlib' must hold {size} bytes for the shape {shape}. Received: {len(data)} bytes, or more")
    found: NDArray[Any] = np.frombuffer(data, dtype).reshape(shape)
    return found


def _array(numbers: Any, dtype: Any, shape: Any) -> NDArray[Any]:
    if dtype not in NUMERIC:
        raise ValueError(f"'dtype' must be one of {', '.join(NUMERIC)}.")
    array = np.array(numbers)
    if not isinstance(numbers, int | float | list) or array.dtype.name not in NUMERIC:
        raise TypeError("'value' must hold numbers.")
    if dtype in INTEGERS:
        # NumPy takes a list of integers exactly when it is told which they are.
        result = np.array(numbers, dtype)
    elif dtype in COMPLEX:
        array = array.reshape(-1, 2) if array.size == 0 else array
        if array.shape[-1:] != (2,):
            raise ValueError("'value' must hold pairs of real and imaginary parts.")
        result = np.empty(array.shape[:-1], dtype)
        result.real, result.imag = array[..., 0], array[..., 1]
    else:
        result = cast_array(array, dtype, "value")
    if result.dtype.kind in "biu" and (result != array).any():
        raise ValueError(f"'value' must hold values of {dtype}.")
    return result if shape is None else result.reshape(checks.shape(shape))
