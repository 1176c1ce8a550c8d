"""Where a draw happens: devices, shardings, and whether JAX is tracing."""

from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

import jax
import numpy as np
from jax._src.interpreters import pxla  # what `jax.device_put` calls: in place of 30 microseconds it takes 2
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from oneseed.checks import Shape
from oneseed.dtypes import numpy_dtype

try:
    # Where JAX has it for others, `jax.extend.core`, loads Pallas: more than a hundred times a small draw.
    from jax._src.core import get_opaque_trace_state
except ImportError:
    from jax.extend.core import get_opaque_trace_state
try:
    from jax.sharding import get_mesh
except ImportError:  # in JAX 0.8
    from jax._src.mesh import get_concrete_mesh as get_mesh

WIDE = {"float64", "complex128", "int64", "uint64"}
"""The dtypes that JAX silently narrows unless 64-bit types are enabled."""


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
    if device is None or isinstance(device, jax.Device):
        return device
    if isinstance(device, Sharding):
        return one_device(on_devices("device", device))
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


def on_devices(argument: str, sharding: Any) -> Any:
    """Return a sharding whose mesh has devices, where functions are run rather than traced.

    Under `jax.set_mesh`, `jax.eval_shape` gives shardings on an `AbstractMesh`: its devices are those of the mesh set.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    sharding : jax.sharding.Sharding
        The sharding.

    Returns
    -------
    jax.sharding.Sharding or None
        The sharding; None for one on an empty mesh, which says nothing.

    Raises
    ------
    ValueError
        If no mesh of this shape and these names is set.
    """
    mesh = getattr(sharding, "mesh", None)
    if not isinstance(mesh, AbstractMesh):
        return sharding
    if mesh.empty:
        return None
    around = jax.sharding.get_abstract_mesh() if tracing() else get_mesh()
    if around.empty or tuple(around.shape.items()) != tuple(mesh.shape.items()):
        set_now = "no mesh is set" if around.empty else f"the mesh that is set has {dict(around.shape)}"
        raise ValueError(
            f"`{argument}` must be on a mesh with devices; this AbstractMesh has none. Enter its mesh with "
            f"jax.set_mesh(mesh), or give a sharding on a jax.sharding.Mesh. {set_now.capitalize()}. "
            f"Received: {argument}={sharding!r}"
        )
    return sharding if tracing() else NamedSharding(around, sharding.spec, memory_kind=sharding.memory_kind)


def one_device(place: Any) -> Any:
    """Return the one device of a sharding that has no more, which the host kernels can serve, or the place itself."""
    if isinstance(place, SingleDeviceSharding) and place.memory_kind in (None, "device", "unpinned_host"):
        return next(iter(place.device_set))
    return place


def sharding_of(argument: str, value: Any, shape: Shape) -> Any:
    """Check a sharding for a tensor of `shape`, and complete a PartitionSpec with the mesh in force.

    Parameters
    ----------
    argument : str
        The argument's name, for messages.
    value : jax.sharding.Sharding or jax.sharding.PartitionSpec
        Where the tensor goes.
    shape : tuple of int
        The shape of the whole tensor.

    Returns
    -------
    jax.sharding.Sharding or None
        The sharding; None for one on an empty mesh.

    Raises
    ------
    ValueError
        If it does not fit the shape, has no mesh, another mesh than the one in force, or an axis inside of `shard_map`.
    """
    received = f"Received: {argument}={value!r}"
    around = jax.sharding.get_abstract_mesh()
    if isinstance(value, PartitionSpec):
        if around.empty:
            raise ValueError(
                f"`{argument}` must be a NamedSharding where no mesh is in force; enter one with jax.set_mesh(mesh). "
                f"{received}"
            )
        try:
            sharding = NamedSharding(around if tracing() else get_mesh(), value)
        except ValueError as error:  # an axis that the mesh does not have
            raise ValueError(f"`{argument}` must name axes of the mesh in force: {error} {received}") from None
    else:
        sharding = on_devices(argument, value)
    if isinstance(sharding, NamedSharding):
        mesh = sharding.mesh.abstract_mesh
        if AxisType.Explicit in (*mesh.axis_types, *around.axis_types) and mesh != around and not around.empty:
            raise ValueError(f"`{argument}` must be on the mesh in force, {around}. {received}")
        manual = {name for name, kind in zip(mesh.axis_names, mesh.axis_types, strict=True) if kind is AxisType.Manual}
        if manual & set(jax.tree.leaves(tuple(sharding.spec))):
            raise ValueError(f"`{argument}` must name no axis that shard_map maps over, {sorted(manual)}. {received}")
    if sharding is not None:
        check_sharding(argument, sharding, shape)
    return sharding


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
    if tracing():
        if not isinstance(device, Sharding):
            return jax.device_put(x, device)
        # `device_put` would leave the choice to the compiler.
        return jax.sharding.reshard(x, device) if explicit_axes() else jax.jit(_same, out_shardings=device)(x)
    if device is None and not (mesh := get_mesh()).empty:
        # Arrays made under a mesh are on all of its devices.
        device = NamedSharding(mesh, PartitionSpec())
    if device is None and isinstance(x, np.ndarray) and x.dtype.name not in WIDE and not guarded():
        where = default_device()
        if isinstance(where, jax.Device):
            return put_alone(x, *_alone(x.shape, x.dtype, where), where)
    return jax.device_put(x, device)


def put_alone(x: np.ndarray[Any, Any], aval: Any, sharding: Any, device: jax.Device) -> Any:
    """Return an array on one device to which it is not committed: it follows those it meets, as JAX's own draws do."""
    return pxla.batched_device_put(aval, sharding, [x], [device], False)


@lru_cache(maxsize=1024)
def _alone(shape: Shape, dtype: Any, device: jax.Device) -> tuple[Any, Any]:
    return jax.core.ShapedArray(shape, dtype), SingleDeviceSharding(device)


def _same(x: Any) -> Any:
    return x


def guarded() -> bool:
    """Tell whether `jax.transfer_guard` logs or forbids transfers to devices."""
    set_ = jax.config.jax_transfer_guard_host_to_device
    return set_ is not None and set_ != "allow"


def under_mesh() -> bool:
    """Tell whether arrays are made on the devices of a mesh."""
    return not get_mesh().empty


def explicit_axes() -> tuple[str, ...]:
    """Return the axes of the mesh around a function whose use is a part of the types of its arrays."""
    around = jax.sharding.get_abstract_mesh()
    types = zip(around.axis_names, around.axis_types, strict=True)
    return tuple(name for name, kind in types if kind is AxisType.Explicit)


def cuts(context: Any) -> bool:
    """Tell whether the program that is lowered will be cut by the partitioner."""
    axes = context.module_context.axis_context
    if hasattr(axes, "manual_axes"):  # inside of shard_map
        return set(axes.manual_axes) != set(axes.mesh.axis_names)
    return bool(getattr(axes, "num_devices", 1) > 1)


def batched_type(words: Any, block: Shape, dtype: str) -> Any:
    """Return the type of what an operation makes of an array of seeds, shape ``(*batch, n)``: a block for each.

    Along the batch axes it is cut as the seeds are, and it varies between the devices of `jax.shard_map` as they do.
    """
    batch = words.ndim - 1
    spec = [*words.sharding.spec, *[None] * words.ndim][:batch]
    place = words.sharding.update(spec=PartitionSpec(*spec, *[None] * len(block)))
    kind = numpy_dtype(dtype)
    return words.update(shape=words.shape[:-1] + block, dtype=kind, weak_type=False, sharding=place)


def trace() -> Any:
    """Return what stands for the program that is recorded now, or for none: equal as long as that is the same."""
    return get_opaque_trace_state()


def tracing() -> bool:
    """Tell whether operations are being recorded or transformed rather than run."""
    return bool(trace() != _running())


def recording() -> bool:
    """Tell whether operations become a program that runs later: under `vmap` and `grad` alone they run at once."""
    return tracing() and isinstance(jax.numpy.zeros(()), jax.core.Tracer)


@cache
def _running() -> Any:
    with jax.core.eval_context():
        return get_opaque_trace_state()
