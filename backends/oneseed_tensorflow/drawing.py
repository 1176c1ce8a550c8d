"""Which way a draw takes: TensorFlow's own operations, the host engine, or a function compiled by XLA."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
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
from oneseed_tensorflow.memory import COPIED, as_tensor
from oneseed_tensorflow.native import native

Tensor = Any


def execute(draw: Draw, device: str | None) -> Tensor:
    """Execute a draw.

    Parameters
    ----------
    draw : Draw
        The draw; its seed may be a tensor, which has no value yet inside a function.
    device : str or None
        The device; None leaves the placement to TensorFlow.

    Returns
    -------
    tf.Tensor
        The block.

    Raises
    ------
    TypeError
        If the seed is neither an integer nor a scalar tensor of integers, or a tensor for what is computed on the host.
    ValueError
        If the seed is negative.
    """
    with placed(device):
        return _draw(draw._replace(seed=_seed(draw.seed)))


def prepared(draw: Draw) -> Callable[[], Tensor] | None:
    """Return a function that makes a tensor of a draw, and does little else where TensorFlow executes eagerly.

    Parameters
    ----------
    draw : Draw
        The draw, from the portable stream with an int as the seed.

    Returns
    -------
    callable or None
        None for larger tensors that are drawn, for larger constants whose first call is in a graph, and for what the
        kernels do not sample.
    """
    make: Callable[[], Tensor] | None = host().prepared(draw)
    if make is None:
        return None
    if math.prod(draw.block) * numpy_dtype(draw.dtype).itemsize < COPIED:
        make = partial(_copied, make)
    elif isinstance(draw.distribution, Fill) and tf.executing_eagerly():  # tensors of a graph are gone with it
        with tf.device("CPU"):  # from which TensorFlow takes them to where a tensor is made
            make = partial(_fill, *_constants(draw.block, draw.distribution.scalar(draw.dtype)))
    else:
        return None

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def eager() -> Tensor:
        return make() if tf.executing_eagerly() else execute(draw, None)

    return eager  # type: ignore[no-any-return]


def _copied(make: Callable[[], NDArray[Any]]) -> Tensor:
    return tf.constant(make())


def placed(device: str | None) -> AbstractContextManager[Any]:
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


def _structured(distribution: Structured, draw: Draw) -> Tensor:
    if isinstance(distribution, Concatenated):
        return tf.concat(
            [_draw(part._replace(seed=_seed(part.seed))) for part in distribution.within(draw)], axis=distribution.axis
        )
    if not isinstance(draw.seed, int | None):
        raise TypeError(
            "`seed` must be an integer, or an eager tensor on a CPU, for what is computed on the host. "
            f"Received: seed={draw.seed!r}"
        )
    put = distribution.onto_zeros(draw)
    if put is not None and _on_host():
        out = host().full(draw.block, numpy_dtype(draw.dtype).type(0))
        put(out)
        return as_tensor(out)
    return tf.constant(distribution.checked_values(draw, host()))


def _filled(shape: Shape, value: Any) -> Tensor:
    return _fill(*_constants(shape, value))


def _constants(shape: Shape, value: Any) -> tuple[Tensor, Tensor, str]:
    """Return a shape, a value that `tf.fill` takes, and the dtype meant: there is none for float8."""
    narrow = value.dtype.name in FLOAT8
    return (
        tf.constant(shape, tf.int64),
        tf.constant(value.astype("float32") if narrow else value),
        value.dtype.name if narrow else "",
    )


def _fill(shape: Tensor, value: Tensor, narrow: str) -> Tensor:
    return tf.cast(tf.fill(shape, value), narrow) if narrow else tf.fill(shape, value)


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
