"""The door to Keras 3, on any of its backends, and to tf_keras: initializers as Keras's own classes, whole models.

A Keras is imported with its classes, and no framework but the one that Keras itself runs on.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oneseed_keras.models import axes_of, initialize, plan_of

__all__ = ["axes_of", "initialize", "plan_of", "recorded_scheme", "register_keras"]

_INITIALIZERS = {"keras": "keras_initializers", "tf_keras": "tf_keras_initializers"}


def register_keras(keras: ModuleType) -> ModuleType:
    """Make oneseed's initializers known to a Keras, by name and for loading models.

    From then on the strings ``"oneseed>HeNormal"`` and ``"oneseed>he_normal"`` stand for initializers wherever that
    Keras takes one, and models that have oneseed's initializers load without `custom_objects`. To import
    `oneseed_keras.keras_initializers`, or `oneseed_keras.tf_keras_initializers`, does the same.

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
    if name in ("axes_of", "initialize", "plan_of"):
        return getattr(import_module(f"{__name__}.models"), name)
    if name == "recorded_scheme":
        return import_module(f"{__name__}.recording").recorded_scheme
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
