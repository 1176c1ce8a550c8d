"""TensorFlow's tensors and Keras's layers: the backend, and the initializers as classes of Keras 3 and of tf_keras.

TensorFlow is imported with the backend, and a Keras with its initializers, for Keras 3 runs without TensorFlow too.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oneseed_tensorflow.models import axes_of, initialize

__all__ = ["axes_of", "backend", "initialize", "register_keras"]

_INITIALIZERS = {"keras": "keras_initializers", "tf_keras": "tf_keras_initializers"}


def register_keras(keras: ModuleType) -> ModuleType:
    """Make oneseed's initializers known to a Keras, by name and for loading models.

    From then on the strings ``"oneseed>HeNormal"`` and ``"oneseed>he_normal"`` stand for initializers wherever that
    Keras takes one, and models that have oneseed's initializers load without `custom_objects`. To import
    `oneseed_tensorflow.keras_initializers`, or `oneseed_tensorflow.tf_keras_initializers`, does the same.

    Parameters
    ----------
    keras : module
        ``keras``, of version 3 on any of its backends, or ``tf_keras``; ``tf.keras`` is one of them.

    Returns
    -------
    module
        The initializers as classes of that Keras, under the names that `oneseed.initializers` has.

    Raises
    ------
    TypeError
        If `keras` is not a module.
    ValueError
        If it is another module than those.

    Examples
    --------
    >>> import keras
    >>> initializers = register_keras(keras)
    >>> layer = keras.layers.Dense(5, kernel_initializer=initializers.HeNormal(seed=7))
    """
    if not isinstance(keras, ModuleType):
        raise TypeError(f"`keras` must be a module, keras or tf_keras. Received: keras={keras!r}")
    # What TensorFlow calls tf.keras is a part of one of them.
    found = _INITIALIZERS.get(keras.__name__.partition(".")[0])
    if found is None:
        raise ValueError(f"`keras` must be the module keras or tf_keras. Received: keras={keras!r}")
    return import_module(f"{__name__}.{found}")


def __getattr__(name: str) -> Any:
    if name == "backend":
        from oneseed_tensorflow.adapter import TensorflowBackend

        return TensorflowBackend
    if name in ("axes_of", "initialize"):
        return getattr(import_module(f"{__name__}.models"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
