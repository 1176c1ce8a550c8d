"""JAX arrays as oneseed's tensors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.composites import Concatenated
from oneseed.distributions import Complex, Fill, Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed_jax.drawing import host
from oneseed_jax.drawing.compiled import elements
from oneseed_jax.drawing.devices import (
    check_dtype,
    check_sharding,
    default_device,
    device_of,
    explicit_axes,
    put,
    tracing,
)
from oneseed_jax.drawing.keys import place_of, value_of
from oneseed_jax.drawing.native import native

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
        if isinstance(device, Sharding):
            check_sharding("device", device, draw.block)
        distribution = draw.distribution
        if draw.native:
            return native(draw, device)
        if isinstance(distribution, Fill):
            known = device if explicit_axes() or not tracing() else None
            return put(jnp.full(draw.block, distribution.scalar(draw.dtype), device=known), device)
        if isinstance(distribution, Complex):
            return jax.lax.complex(*(self.draw(part, device) for part in draw.parts))
        draw, device = _bound(draw, device)
        if isinstance(distribution, Structured):
            return self._structured(distribution, draw, device)
        return _sampled(draw, device)

    def _structured(self, distribution: Structured, draw: Draw, device: Any) -> Array:
        if isinstance(distribution, Concatenated) and (tracing() or not _all_integers(draw)):
            parts = [self.draw(part) for part in distribution.within(draw)]
            return put(jnp.concatenate(parts, axis=distribution.axis), device)
        return put(host.structured(draw), device)

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

    def variable(self, array: NDArray[Any], name: str | None = None) -> Array:
        """Return a copy: JAX's variables are arrays, and have no names."""
        return self.from_numpy(array)

    def assign(self, variable: Array, array: NDArray[Any]) -> None:
        """Refuse."""
        raise TypeError(
            "JAX arrays cannot be changed in place; make a new one with `variable`. "
            f"Received: variable of shape {tuple(variable.shape)} and dtype {variable.dtype}"
        )

    def modes(self) -> dict[str, Callable[[Callable[[], Array]], Array]]:
        """Return the ways there are, with 64-bit types on in each; "sharded" where several devices are."""
        modes: dict[str, Any] = {"eager": lambda make: make(), "jit": lambda make: jax.jit(make)()}
        if jax.local_device_count() > 1:
            modes["sharded"] = _sharded
        return {mode: jax.enable_x64(True)(run) for mode, run in modes.items()}


def _all_integers(draw: Draw) -> bool:
    return all(isinstance(part.seed, int | None) for part in draw.leaves)


def _bound(draw: Draw, device: Any) -> tuple[Draw, Any]:
    """Return a draw and where to make it: at the device given, else where its seed is bound to, as in JAX.

    A seed that is bound elsewhere becomes a number.
    """
    if not isinstance(draw.seed, jax.Array):
        return draw, device
    bound = None if tracing() else place_of(draw.seed)
    if tracing() or (bound is not None and device is not None and bound != device):
        number = value_of(draw.seed)
        return (draw if number is None else draw._replace(seed=number)), device
    return draw, bound if device is None else device


def _sampled(draw: Draw, device: Any) -> Array:
    where = default_device() if device is None else device
    if not tracing() and isinstance(where, jax.Device) and where.platform == "cpu":
        number = value_of(draw.seed)
        if number is not None:
            # An array without a device of its own follows those it meets, as JAX's own draws do.
            return put(host.sampled(draw._replace(seed=number)), device)
    return elements(draw, SingleDeviceSharding(device) if isinstance(device, jax.Device) else device)


def _sharded(make: Callable[[], Array]) -> Array:
    """Compile for all local devices, the result cut along the first axis that they divide."""
    devices = jax.local_devices()

    def run() -> Array:
        made = make()
        cut = next((axis for axis, size in enumerate(made.shape) if size and size % len(devices) == 0), None)
        names = ["devices" if axis == cut else None for axis in range(made.ndim)]
        mesh = Mesh(np.array(devices), ("devices",))
        return jax.lax.with_sharding_constraint(made, NamedSharding(mesh, PartitionSpec(*names)))

    return jax.jit(run)()
