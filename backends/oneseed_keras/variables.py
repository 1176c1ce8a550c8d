"""Variables of TensorFlow that lie in parts: shards on parameter servers, and DTensors.

Variables of other frameworks, of Keras 3, pass through here as their only part, and TensorFlow need not be installed.
"""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from oneseed.checks import Shape

Variable = Any


class Part(NamedTuple):
    """A block of a variable, and the device that it is made on; None leaves that to the framework."""

    block: Shape
    offset: Shape
    device: Any


def wholes(weights: Iterable[Variable]) -> list[Variable]:
    """Return the variables of a model, each once, with what was cut into shards in the shards' place."""
    found: dict[int, Variable] = {}
    for weight in weights:
        container = getattr(weight, "_sharded_container", None)
        whole = weight if container is None else container()
        if whole is None:
            raise ValueError(
                "`model` must hold its ShardedVariables as attributes of its layers: one shard does not tell how the "
                f"others lie. Received: the shard {weight.name!r} alone"
            )
        found.setdefault(id(whole), whole)
    return list(found.values())


def name_of(weight: Variable) -> str:
    """Return the name of a variable of Keras 3 or of TensorFlow; that of shards is without their number."""
    path = getattr(weight, "path", None)
    if path is not None:
        return str(path)
    if is_sharded(weight):
        return str(weight.variables[0].name).removesuffix(":0").removesuffix("/part_0")
    return str(weight.name).removesuffix(":0")


def is_sharded(variable: Variable) -> bool:
    """Tell whether a variable was cut by a partitioner of ParameterServerStrategy."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(variable, tf.__internal__.distribute.ShardedVariable)


def parts_of(weight: Variable) -> list[Part]:
    """Return the parts that `assign` takes the values of, in their order.

    Raises
    ------
    ValueError
        If they could not be assigned here.
    """
    variable = _held(weight)
    shape = tuple(variable.shape)
    if is_sharded(variable):
        found, start = [], 0
        for shard in variable.variables:  # they are cut along the first axis alone
            found.append(Part(tuple(shard.shape), (start, *(0 for _ in shape[1:])), None))
            start += shard.shape[0]
        return found
    if (layout := _layout(variable)) is not None:
        import tensorflow as tf

        if not tf.executing_eagerly():
            raise ValueError(
                "A model of DTensors must be initialized eagerly, outside of every tf.function. "
                f"Received: the DTensor {name_of(weight)!r} in a graph"
            )
        return blocks(shape, layout)
    return [Part(shape, (0,) * len(shape), _device(variable))]


def assign(weight: Variable, values: Iterable[Any]) -> None:
    """Give a variable the values of its parts; shards get theirs one after the other."""
    variable = _held(weight)
    if is_sharded(variable):
        for shard, value in zip(variable.variables, values, strict=True):
            shard.assign(value)
    elif (layout := _layout(variable)) is not None:
        import tensorflow as tf

        weight.assign(tf.experimental.dtensor.pack(list(values), layout))
    else:
        (value,) = values
        weight.assign(value)


def check_place() -> None:
    """Refuse to go on where an assignment would not be what it says.

    Raises
    ------
    ValueError
        If this is called by a strategy's `run`, where what replicas assign is averaged, or summed, between them, or in
        a graph of TensorFlow 1, where nothing would run an assignment.
    """
    tf = sys.modules.get("tensorflow")
    if tf is None:
        return
    if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
        raise ValueError(
            "A model must be initialized for all replicas at once: outside of the strategy's `run`, under its scope or "
            f"not. Received: a call in a replica of {type(tf.distribute.get_strategy()).__name__}"
        )
    if not (tf.executing_eagerly() or tf.inside_function()):
        raise ValueError(
            "A model must be initialized eagerly or in a tf.function; in a graph of TensorFlow 1, give its layers "
            f"oneseed's initializers. Received: a call in {tf.compat.v1.get_default_graph()!r}"
        )


def blocks(shape: Shape, layout: Any) -> list[Part]:
    """Return the block of each of this client's devices, in the order of `tf.experimental.dtensor.pack`.

    Raises
    ------
    TypeError
        If `layout` is not a layout of DTensors.
    ValueError
        If it does not fit the shape.
    """
    import tensorflow as tf

    if not isinstance(layout, tf.experimental.dtensor.Layout):
        raise TypeError(f"`layout` must be None or a tf.experimental.dtensor.Layout. Received: layout={layout!r}")
    mesh, specs = layout.mesh, layout.sharding_specs
    if len(specs) != len(shape):
        raise ValueError(f"`layout` must have {len(shape)} axes, as the shape has. Received: layout={layout!r}")
    counts = [1 if spec == tf.experimental.dtensor.UNSHARDED else mesh.dim_size(spec) for spec in specs]
    if any(size % count for size, count in zip(shape, counts, strict=True)):
        raise ValueError(f"`layout` must cut the shape {shape} into equal blocks. Received: layout={layout!r}")
    block = tuple(size // count for size, count in zip(shape, counts, strict=True))
    devices = map(tf.DeviceSpec.from_string, mesh.local_devices())
    return [
        Part(
            block,
            tuple(at.get(spec, 0) * size for spec, size in zip(specs, block, strict=True)),
            f"{device.device_type}:{device.device_index}",
        )
        for at, device in zip(mesh.local_device_locations(), devices, strict=True)
    ]


def _held(weight: Variable) -> Variable:
    """Return what a variable of Keras 3 holds of its backend; TensorFlow's own has a method of that name."""
    value = getattr(weight, "value", weight)
    return weight if callable(value) else value


def _layout(variable: Variable) -> Any:
    """Return the layout of a DTensor; arrays of other frameworks may have one of another kind."""
    tf = sys.modules.get("tensorflow")
    layout = getattr(variable, "layout", None)
    return layout if tf is not None and isinstance(layout, tf.experimental.dtensor.Layout) else None


def _device(variable: Variable) -> Any:
    """Return where the values of a variable belong, in its framework's terms; TensorFlow moves them by itself."""
    framework = type(variable).__module__.partition(".")[0]
    if framework == "torch":
        return variable.device
    # A JAX array that was given a place, as under keras.distribution, has its parts made where they belong.
    return variable.sharding if framework in ("jax", "jaxlib") and variable.committed else None
