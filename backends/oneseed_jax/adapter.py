"""JAX arrays as oneseed's tensors."""

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed_jax.drawing.devices import check_dtype, device_of, recording
from oneseed_jax.drawing.dispatch import execute
from oneseed_jax.drawing.host import prepared

Array = Any


class JaxBackend:
    """Implements `oneseed.protocol.Backend`."""

    name = "jax"

    def device(self, device: Any) -> Any:
        """Accept a device, a sharding, or a platform's name."""
        return device_of(device)

    def check_dtype(self, dtype: str) -> None:
        """Refuse dtypes that JAX would silently narrow."""
        check_dtype(dtype)

    def draw(self, draw: Draw, device: Any = None) -> Array:
        """Execute a draw."""
        return execute(draw, device)

    def prepared(self, draw: Draw) -> Callable[[], Array] | None:
        """Return a function that makes an array in memory with the kernels, and elsewhere what `draw` makes."""

        def otherwise() -> Array:
            check_dtype(draw.dtype)
            return execute(draw)

        return prepared(draw, otherwise)

    def from_numpy(self, array: NDArray[Any], device: Any = None) -> Array:
        """Return a copy: a JAX array never changes, the given one may."""
        check_dtype(array.dtype.name)
        return jax.device_put(array.copy(), device)

    def to_numpy(self, x: Array) -> NDArray[Any]:
        """Return the array in host memory, which is read-only where it is shared."""
        return np.asarray(x)

    def is_tensor(self, x: Any) -> bool:
        """Tell whether `x` is a JAX array, traced or not; keys are arrays too."""
        return isinstance(x, jax.Array)

    def dtype(self, x: Array) -> str:
        """Return the name of the dtype."""
        return str(x.dtype.name)

    def shape(self, x: Array) -> Shape:
        """Return the shape."""
        return tuple(x.shape)

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert to another dtype."""
        check_dtype(dtype)
        return x.astype(numpy_dtype(dtype))

    def full_like(self, x: Array, value: int, dtype: str) -> Array:
        """Fill an array of the same shape, which may be symbolic."""
        check_dtype(dtype)
        return jnp.full_like(x, value, dtype=numpy_dtype(dtype))

    def identity(self, x: Array) -> Array:
        """Return the array itself, which never changes."""
        return x

    def sizes(self, x: Array) -> Array:
        """Return the shape."""
        return jnp.array(x.shape, jnp.int32)

    def variable(self, array: NDArray[Any], name: str | None = None) -> Array:
        """Return a copy: JAX's variables are arrays, and have no names."""
        return self.from_numpy(array)

    def assign(self, variable: Array, array: NDArray[Any]) -> None:
        """Refuse."""
        raise TypeError(
            "JAX arrays cannot be changed in place; make a new one with `variable`. "
            f"Received: variable of shape {tuple(variable.shape)} and dtype {variable.dtype}"
        )

    def records(self) -> bool:
        """Tell whether JAX traces what runs now for a compiled function."""
        return recording()

    def modes(self) -> dict[str, Callable[[Callable[[], Array]], Array]]:
        """Return the ways there are, with 64-bit types on in each; "sharded" where several devices are."""
        modes: dict[str, Any] = {"eager": lambda make: make(), "jit": lambda make: _once(jax.jit(make))}
        if jax.local_device_count() > 1:
            modes["sharded"] = _sharded
        return {mode: jax.enable_x64(True)(run) for mode, run in modes.items()}


def _once(compiled: Callable[[], Array]) -> Array:
    """Call a compiled function that is called no more, so that it does not matter whether it would repeat a draw."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A draw without an int as `seed`, in a program that jax records")
        return compiled()


def _sharded(make: Callable[[], Array]) -> Array:
    """Compile for all local devices, the result cut along the first axis that they divide."""
    devices = jax.local_devices()

    def run() -> Array:
        tensor = make()
        cut = next((axis for axis, size in enumerate(tensor.shape) if size and size % len(devices) == 0), None)
        names = ["devices" if axis == cut else None for axis in range(tensor.ndim)]
        mesh = Mesh(np.array(devices), ("devices",))
        return jax.lax.with_sharding_constraint(tensor, NamedSharding(mesh, PartitionSpec(*names)))

    return _once(jax.jit(run))
