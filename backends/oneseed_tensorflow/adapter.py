"""TensorFlow tensors as oneseed's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8, numpy_dtype
from oneseed_tensorflow.drawing import execute, placed, prepared

Tensor = Any


class TensorflowBackend:
    """Implements `oneseed.protocol.Backend`."""

    name = "tensorflow"

    def device(self, device: Any) -> str | None:
        """Check the name of a device; None leaves the placement to TensorFlow."""
        if device is None:
            return None
        known = [tf.DeviceSpec.from_string(item.name) for item in tf.config.list_logical_devices()]
        try:
            asked = tf.DeviceSpec.from_string(device)
            if asked.device_type and any(item.make_merged_spec(asked) == item for item in known):
                return str(asked.to_string())
        except (TypeError, ValueError, AttributeError):  # no str, or one that names no device
            pass
        names = ", ".join(repr(item.to_string()) for item in known)
        raise ValueError(
            f"`device` must be None or the name of a device that TensorFlow sees: {names}. Received: device={device!r}"
        ) from None

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def check_dtype(self, dtype: str) -> None:
        """Accept every dtype: TensorFlow has them all, some under `tf.dtypes.experimental`."""

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def draw(self, draw: Draw, device: str | None = None) -> Tensor:
        """Execute a draw."""
        return execute(draw, device)

    def prepared(self, draw: Draw) -> Callable[[], Tensor] | None:
        """Return a function that makes a small tensor with the kernels."""
        return prepared(draw)

    def from_numpy(self, array: NDArray[Any], device: str | None = None) -> Tensor:
        """Return a copy: tensors never change, and the array may."""
        with placed(device):
            return tf.constant(array)

    def to_numpy(self, x: Tensor) -> NDArray[Any]:
        """Return a copy."""
        if not hasattr(x, "numpy"):
            raise TypeError(f"A symbolic tensor has no values before its function runs. Received: {x!r}")
        array: NDArray[Any] = x.numpy()
        return np.asarray(array)

    def is_tensor(self, x: Any) -> bool:
        """Tell whether `x` is a tensor, with values or symbolic, or a variable."""
        return isinstance(x, tf.Tensor | tf.Variable)

    def dtype(self, x: Tensor) -> str:
        """Return the name of the dtype."""
        return str(x.dtype.name)

    def shape(self, x: Tensor) -> Shape:
        """Return the shape."""
        return tuple(x.shape)

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        """Convert to another dtype."""
        # Of float8 there are conversions from and to floats only.
        narrow = {dtype, self.dtype(x)} & set(FLOAT8)
        return tf.cast(tf.cast(x, tf.float32) if narrow else x, dtype)

    def full_like(self, x: Tensor, value: int, dtype: str) -> Tensor:
        """Fill a tensor of the same shape, of which sizes may be unknown before the function runs."""
        wide = "float32" if dtype in FLOAT8 else dtype  # for which there is no tf.fill
        filled = tf.fill(tf.shape(x), tf.constant(np.array(value, numpy_dtype(wide))))
        filled.set_shape(x.shape)
        return filled if wide == dtype else tf.cast(filled, dtype)

    def identity(self, x: Tensor) -> Tensor:
        """Return a copy, through which gradients flow."""
        return tf.identity(x)

    def sizes(self, x: Tensor) -> Tensor:
        """Return the shape."""
        return tf.shape(x)

    def variable(self, array: NDArray[Any], name: str | None = None) -> Tensor:
        """Return a variable with a copy of the values."""
        return tf.Variable(array, name=name)

    def assign(self, variable: Tensor, array: NDArray[Any]) -> None:
        """Copy the values in."""
        if not isinstance(variable, tf.Variable):
            raise TypeError(f"`x` must be a tf.Variable: tensors cannot be changed. Received: x={variable!r}")
        if not (tf.executing_eagerly() or tf.inside_function()):
            raise ValueError(
                "`x` must be changed eagerly or in a tf.function: in a graph of TensorFlow 1, no session would run the "
                f"change. Received: x={variable!r}"
            )
        variable.assign(array)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def records(self) -> bool:
        """Tell whether a `tf.function` is traced; the graphs of TensorFlow 1 are for one session, and no warning."""
        return bool(tf.inside_function())

    def modes(self) -> dict[str, Callable[[Callable[[], Tensor]], Tensor]]:
        """Return eager execution, graphs, and graphs compiled by XLA."""
        return {
            "eager": lambda make: make(),
            "function": lambda make: tf.function(make, autograph=False)(),
            "xla": lambda make: tf.function(make, autograph=False, jit_compile=True)(),
        }
