"""oneseed's initializers as Keras 3's own, on any of Keras's backends.

Importing this module registers them. `get`, `serialize` and `deserialize` are here as in `keras.initializers`, for
which it can stand.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import keras

from oneseed import registry
from oneseed.host_arrays import HOST
from oneseed.initializers.base import Initializer, Tensor
from oneseed.stream.paths import Part
from oneseed_keras import classes


class KerasInitializer(Initializer, describes=True):
    """What the classes here share: they make tensors of Keras's backend, where Keras puts its variables."""

    def __call__(  # type: ignore[override]
        self,
        shape: Sequence[int],
        dtype: Any = None,
        layout: Any = None,
        *,
        axes: str | None = None,
        path: str | Sequence[Part] | None = None,
    ) -> Tensor:
        """Make a tensor.

        Parameters
        ----------
        shape : sequence of int
            The shape.
        dtype : str or dtype, optional
            The dtype; None is `keras.config.floatx`.
        layout : keras.distribution.TensorLayout or jax.sharding.Sharding, optional
            How Keras's JAX backend distributes the tensor; each device makes its own shard.
        axes : str, optional
            Names of the axes, as in `oneseed.initializers.Initializer`.
        path : str or sequence of str and int, optional
            The parameter's name, as there.

        Returns
        -------
        tensor
            A tensor of Keras's backend.

        Raises
        ------
        TypeError
            If an argument is of the wrong type.
        ValueError
            If one is out of range or malformed, or does not fit the others or the backend; on JAX also for a dtype of
            64 bits that is not enabled, which Keras would narrow.
        """
        name = keras.backend.backend()
        # Keras takes arrays in host memory on a backend that oneseed does not have, such as OpenVINO.
        engine = name if registry.is_loaded(name) or name in registry.available_backends() else HOST
        return super().__call__(
            shape,
            keras.config.floatx() if dtype is None else dtype,
            axes=axes,
            path=path,
            backend=engine,
            device=_device(name, layout),
        )


def _device(name: str, layout: Any) -> Any:
    """Return where Keras wants a variable; None leaves it to the framework, whose scopes Keras enters."""
    if name == "torch" and layout is None:
        return _torch_device()()
    if layout is None:
        return None
    if name != "jax":
        raise ValueError(f"`layout` must be None on Keras's {name} backend. Received: layout={layout!r}")
    return _sharding(getattr(layout, "backend_layout", layout))


@cache
def _torch_device() -> Callable[[], Any]:
    """Return what tells the device of Keras's scope; None if it is PyTorch's default."""
    import torch

    from oneseed_torch.drawing.watched import functions_overridden

    try:
        from keras.src.backend.torch.core import get_device
    except ImportError:  # it has no public name: a tensor tells too, and takes longer

        def get_device() -> Any:
            return keras.ops.zeros(()).device

    def read() -> Any:
        chosen = get_device()
        if chosen == "cpu" and functions_overridden() == 0:  # as most often; PyTorch takes longer to say so
            return None
        device = torch.device(chosen)
        return None if device == torch.get_default_device() else device

    return read


def _sharding(layout: Any) -> Any:
    """Return a sharding on devices; of a mesh without devices Keras has set the one that has them."""
    import jax

    if not isinstance(layout, jax.sharding.Sharding):
        raise TypeError(
            "`layout` must be None, a keras.distribution.TensorLayout or a jax.sharding.Sharding. "
            f"Received: layout={layout!r}"
        )
    if isinstance(getattr(layout, "mesh", None), jax.sharding.AbstractMesh):
        return jax.sharding.NamedSharding(jax.sharding.get_mesh(), layout.spec)
    return layout


CLASSES = classes.classes(keras, KerasInitializer, __name__)
"""The classes by all their names."""

globals().update(CLASSES)
get = classes.getter(keras, CLASSES)
serialize = keras.initializers.serialize
deserialize = keras.initializers.deserialize


def __getattr__(name: str) -> Any:
    """Tell type checkers that there are more names than they can see."""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
