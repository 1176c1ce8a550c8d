"""Where a draw happens: devices, shardings, and whether JAX is tracing."""

from contextlib import suppress
from functools import cache
from typing import Any

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec, Sharding

from oneseed.checks import Shape

try:
    from jax.extend.core import get_opaque_trace_state
except ImportError:  # before JAX 0.10
    from jax.core import get_opaque_trace_state
try:
    from jax.sharding import get_mesh
except ImportError:  # in JAX 0.8
    from jax._src.mesh import get_concrete_mesh as get_mesh

WIDE = {"float64", "complex128", "int64", "uint64"}
"""The dtypes that JAX silently narrows unless 64-bit types are enabled."""


def mesh_in_force() -> Any:
    """Return the mesh that `jax.set_mesh` has set, perhaps an empty one."""
    return get_mesh()


def check_dtype(dtype: str) -> None:
    """Raise ValueError for a dtype that JAX would narrow."""
    if dtype in WIDE and not jax.config.jax_enable_x64:
        raise ValueError(
            f"`dtype` must have at most 32 bits (complex: 64) while JAX's 64-bit types are off; enable them with "
            f'jax.config.update("jax_enable_x64", True). Received: dtype={dtype!r}'
        )


def device_of(device: Any) -> Any:
    """Check a device as users name it.

    Parameters
    ----------
    device : jax.Device, jax.sharding.Sharding, str or None
        A str is a platform, with or without the number of a device of this process: "cpu", "gpu:1".

    Returns
    -------
    jax.Device, jax.sharding.Sharding or None
        The device.

    Raises
    ------
    ValueError
        If it is nothing of these, or is not there.
    """
    if device is None or isinstance(device, jax.Device | Sharding):
        return device
    if isinstance(device, str):
        platform, _, number = device.partition(":")
        with suppress(RuntimeError, ValueError, KeyError):  # no such platform, no number, no such device
            return dict(enumerate(jax.local_devices(backend=platform)))[int(number or 0)]
    raise ValueError(
        "`device` must be None, a jax.Device, a jax.sharding.Sharding, or the name of a platform that JAX has here, "
        f"with or without a number, such as 'cpu' or 'cpu:0'. Received: device={device!r}"
    )


def default_device() -> Any:
    """Return the device on which JAX makes arrays unless told otherwise."""
    chosen = jax.config.jax_default_device
    return jax.local_devices()[0] if chosen is None else device_of(chosen)


def check_sharding(argument: str, sharding: Sharding, shape: Shape) -> None:
    """Raise ValueError, with the argument's name, for a sharding that cannot cut a tensor of this shape."""
    try:
        if isinstance(sharding, NamedSharding):  # a specification may be longer than the shape, which cuts do not show
            sharding.check_compatible_aval(shape)
        sharding.shard_shape(shape)
    except ValueError as error:
        raise ValueError(
            f"`{argument}` must be a sharding that fits the shape {shape}: {error} Received: {argument}={sharding!r}"
        ) from None


def put(x: Any, device: Any) -> Any:
    """Return an array, which may be traced, at a place that `device_of` returned."""
    if isinstance(device, Sharding) and tracing():
        # `device_put` would leave the choice to the compiler.
        return jax.sharding.reshard(x, device) if explicit_axes() else jax.jit(_same, out_shardings=device)(x)
    if device is None and not tracing() and not jax.sharding.get_abstract_mesh().empty:
        # Arrays made under a mesh are on all of its devices.
        device = NamedSharding(get_mesh(), PartitionSpec())
    return jax.device_put(x, device)


def _same(x: Any) -> Any:
    return x


def explicit_axes() -> tuple[str, ...]:
    """Return the axes of the mesh around a function whose use is a part of the types of its arrays."""
    around = jax.sharding.get_abstract_mesh()
    types = zip(around.axis_names, around.axis_types, strict=True)
    return tuple(name for name, its in types if its is AxisType.Explicit)


def tracing() -> bool:
    """Tell whether operations are being recorded or transformed rather than run."""
    return bool(get_opaque_trace_state() != _running())


@cache
def _running() -> Any:
    with jax.core.eval_context():
        return get_opaque_trace_state()
