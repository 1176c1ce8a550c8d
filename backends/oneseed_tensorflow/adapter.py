"""TensorFlow tensors as oneseed's."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.composites import Concatenated
from oneseed.distributions import Complex, Fill, Structured
from oneseed.draws import Draw
from oneseed.dtypes import FLOAT8, numpy_dtype
from oneseed.host_arrays import host
from oneseed_tensorflow.compiled import elements
from oneseed_tensorflow.memory import as_tensor
from oneseed_tensorflow.native import native

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
        with _placed(device):
            return _draw(draw._replace(seed=_seed(draw.seed)))

    def from_numpy(self, array: NDArray[Any], device: str | None = None) -> Tensor:
        """Return a copy: tensors never change, and the array may."""
        with _placed(device):
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

    def modes(self) -> dict[str, Callable[[Callable[[], Tensor]], Tensor]]:
        """Return eager execution, graphs, and graphs compiled by XLA."""
        return {
            "eager": lambda make: make(),
            "function": lambda make: tf.function(make, autograph=False)(),
            "xla": lambda make: tf.function(make, autograph=False, jit_compile=True)(),
        }


def _placed(device: str | None) -> AbstractContextManager[Any]:
    """Place what is made on a device; None, to TensorFlow's own `device`, would undo the placement in force."""
    return nullcontext() if device is None else tf.device(device)


def _draw(draw: Draw) -> Tensor:
    distribution, seed = draw.distribution, draw.seed
    if isinstance(distribution, Fill):
        return _filled(draw.block, distribution.scalar(draw.dtype))
    if draw.native:
        return native(draw)
    if isinstance(distribution, Structured):
        return _structured(distribution, draw)
    if isinstance(distribution, Complex):
        return tf.complex(*map(_draw, distribution.split(draw)))
    if isinstance(seed, int) and _on_host():
        out = host().empty(draw.block, draw.dtype)
        host().fill([(draw, out)])
        return as_tensor(out)
    return elements(draw, tf.constant(np.uint64(seed)) if isinstance(seed, int) else tf.cast(seed, tf.uint64))


def _structured(law: Structured, draw: Draw) -> Tensor:
    if isinstance(law, Concatenated):
        return tf.concat([_draw(part._replace(seed=_seed(part.seed))) for part in law.within(draw)], axis=law.axis)
    if not isinstance(draw.seed, int | None):
        raise TypeError(
            "`seed` must be an integer, or an eager tensor on a CPU, for what is computed on the host. "
            f"Received: seed={draw.seed!r}"
        )
    return tf.constant(law.checked_values(draw, host()))


def _filled(shape: Shape, value: Any) -> Tensor:
    block = tf.constant(shape, tf.int64)
    if value.dtype.name in FLOAT8:  # for which there is no tf.fill
        return tf.cast(tf.fill(block, tf.constant(value.astype("float32"))), value.dtype)
    return tf.fill(block, tf.constant(value))


def _seed(seed: Any) -> Any:
    """Check a seed given as a tensor; one whose value is at hand becomes a number."""
    if isinstance(seed, int | None):
        return seed
    if not isinstance(seed, tf.Tensor | tf.Variable) or not seed.dtype.is_integer or seed.shape != ():
        raise TypeError(
            "`seed` must be an integer, or a tf.Tensor that is a scalar of an integer dtype, on the tensorflow "
            f"backend. Received: seed={seed!r}"
        )
    seed = tf.convert_to_tensor(seed)
    if not hasattr(seed, "numpy") or not _is_cpu(seed):  # nothing waits for an accelerator
        return seed
    number = int(seed)
    if number < 0:
        raise ValueError(f"`seed` must lie in [0, 2**64). Received: seed={seed!r}")
    return number


def _is_cpu(tensor: Tensor) -> bool:
    return bool(tf.DeviceSpec.from_string(tensor.device).device_type == "CPU")


def _on_host() -> bool:
    """Tell whether a tensor made here and now has its values at once, in host memory."""
    return tf.executing_eagerly() and _is_cpu(tf.constant(0.0))
