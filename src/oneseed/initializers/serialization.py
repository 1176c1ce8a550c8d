"""Initializers as plain data, in Keras 3's form, and back from that and from Keras 2's two forms."""

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.dtypes import COMPLEX, INTEGERS, NUMERIC, cast_array
from oneseed.host_arrays import backend_of
from oneseed.initializers.base import required
from oneseed.initializers.elementwise.constants import Assign
from oneseed.initializers.names import ALIASES, find, find_registered, registered_name
from oneseed.seeds import SeedGenerator

MODULE = "oneseed.initializers"

_HOMES = ("keras", "keras_core", "oneseed", "tensorflow", "tf_keras")
"""The packages whose class names mean our built-in classes; anything else must be registered."""

_ARRAYS = ("__numpy__", "__tensor__")


def serialize(initializer: Any) -> dict[str, Any]:
    """Return an initializer as plain data, fit for JSON.

    Parameters
    ----------
    initializer : Initializer
        A built-in one, or an instance of a custom class with `get_config`.

    Returns
    -------
    dict
        Keras 3's four keys: "module", "class_name", "config", "registered_name".

    Raises
    ------
    TypeError
        If it is no initializer with a configuration; a function has none.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.serialize(oneseed.initializers.Identity(2.0))["config"]
    {'gain': 2.0}
    """
    cls = type(initializer)
    if isinstance(initializer, type) or not hasattr(initializer, "get_config"):
        raise TypeError(
            "`initializer` must be an instance with `get_config`, such as a subclass of Initializer; a function "
            f"cannot be stored as data. Received: initializer={initializer!r}"
        )
    built_in = ALIASES.get(cls.__name__) is cls
    return {
        "module": MODULE if built_in else None,
        "class_name": cls.__name__,
        "config": initializer.get_config(),
        "registered_name": None if built_in else registered_name(cls) or cls.__name__,
    }


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Build an initializer from plain data.

    Only built-in and registered classes, and those in `custom_objects`, are built. No name in the data is
    ever imported.

    Parameters
    ----------
    config : dict
        The form of Keras 3 or of tf_keras, with or without "module", or the two keys "class_name" and "config"
        alone. "config" may be left out.
    custom_objects : dict, optional
        Classes by name, which come before all others.

    Returns
    -------
    Initializer
        A new initializer.

    Raises
    ------
    TypeError
        If `config` is not a dict.
    ValueError
        If it is malformed, names an unknown class, or has keys the class does not know.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.deserialize({"class_name": "HeNormal", "config": {"seed": 7}})
    HeNormal(seed=7, input_axes=None, output_axes=None)
    """
    if not isinstance(config, dict):
        raise TypeError(f"`config` must be a dict with the key 'class_name'. Received: config={config!r}")
    name, arguments = config.get("class_name"), config.get("config")
    if arguments is None:
        arguments = {}
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError(
            "`config` must have the key 'class_name', a str, and may have 'config', a dict. "
            f"Received: config={config!r}"
        )
    cls = _class_of(config, name, custom_objects or {})
    if not hasattr(cls, "from_config"):
        return cls(**arguments)
    return cls.from_config(arguments)


def _class_of(config: dict[str, Any], name: str, custom_objects: dict[str, Any]) -> Any:
    registered, module = config.get("registered_name"), config.get("module")
    for key, value in (("registered_name", registered), ("module", module)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{key!r} in `config` must be a str or None. Received: config={config!r}")
    for custom in (registered, name):
        if custom in custom_objects:
            return custom_objects[custom]
    # Keras registers no built-in class and names their home: what has neither sign is not taken for ours.
    if registered is None and (module is None or module.partition(".")[0] in _HOMES):
        return find(name)
    cls = find_registered(registered or name)
    if cls is None:
        raise ValueError(
            f"The class {registered or name!r} of module {module!r} is not registered; to be built from data, a custom "
            f"class must be registered with `oneseed.initializers.register`. Received: config={config!r}"
        )
    return cls


def get(identifier: Any) -> Any:
    """Return the initializer that something stands for.

    Parameters
    ----------
    identifier : None, str, dict, class, initializer, callable, array or tensor
        A string is a name or alias; a dict goes to `deserialize`; a class is built with its defaults; an instance or
        any callable is returned as it is; an array becomes an initializer that gives its elements.

    Returns
    -------
    Initializer, callable or None
        The initializer; None for None.

    Raises
    ------
    ValueError
        If `identifier` is an unknown name, a malformed dict, or nothing of the above.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.get("glorot_uniform")
    GlorotUniform(seed=None, input_axes=None, output_axes=None)
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        identifier = find(identifier)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and any("__call__" in vars(cls) for cls in identifier.__mro__):
        if missing := required(identifier):
            raise TypeError(
                f"The class {identifier.__name__} needs arguments: {', '.join(missing)}; give an instance, or a dict. "
                f"Received: identifier={identifier!r}"
            )
        identifier = identifier()
    if isinstance(identifier, np.ndarray) or backend_of(identifier) is not None:
        return Assign(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    if hasattr(identifier, "__array__") and not isinstance(identifier, np.generic):
        return Assign(identifier)
    raise ValueError(
        "Could not interpret the initializer identifier; it must be None, a name, a dict, a class, an initializer, "
        f"a callable or an array. Received: identifier={identifier!r}"
    )


def serialize_seed(seed: SeedGenerator) -> dict[str, Any]:
    """Return a SeedGenerator as plain data."""
    return {
        "module": "oneseed.random",
        "class_name": "SeedGenerator",
        "config": seed.get_config(),
        "registered_name": None,
    }


def deserialize_seed(config: dict[str, Any]) -> SeedGenerator:
    """Build a SeedGenerator from plain data, ours or Keras's."""
    arguments = config.get("config")
    if config.get("class_name") != "SeedGenerator" or not isinstance(arguments, dict):
        raise ValueError(
            "A dict as `seed` must be a serialized SeedGenerator, with 'class_name' and 'config'. "
            f"Received: seed={config!r}"
        )
    return SeedGenerator.from_config(arguments)


def serialize_value(value: Any) -> Any:
    """Return an array or complex number as plain data, in Keras's form; other values as they are, lists copied."""
    if isinstance(value, complex):
        value = np.array(value)
    if not isinstance(value, np.ndarray):
        return deepcopy(value)
    # JSON has no complex numbers: real and imaginary part lie on a last axis.
    real = np.stack([value.real, value.imag], axis=-1) if value.dtype.kind == "c" else value
    config: dict[str, Any] = {"value": real.tolist(), "dtype": value.dtype.name}
    if value.size == 0:  # nested lists lose the axes after one of size 0
        config["shape"] = list(value.shape)
    return {"class_name": "__numpy__", "config": config}


def deserialize_value(value: Any) -> Any:
    """Return the array that plain data stands for; other values as they are."""
    if isinstance(value, str) and value.startswith("["):
        raise ValueError(
            "The configuration holds an array as text, as Keras 2's legacy form has it, without all of its digits; "
            f"it cannot be restored. Received: value={value!r}"
        )
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if value.get("class_name") not in _ARRAYS or not isinstance(config, dict) or "value" not in config:
        raise ValueError(
            "A dict in place of an array must have 'class_name' '__numpy__' or '__tensor__' and 'config' with 'value' "
            f"and 'dtype'. Received: value={value!r}"
        )
    try:
        return _array(config["value"], config.get("dtype", "float32"), config.get("shape"))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"The dict does not hold an array: {error} Received: value={value!r}") from None


def _array(numbers: Any, dtype: Any, shape: Any) -> NDArray[Any]:
    if dtype not in NUMERIC:
        raise ValueError(f"'dtype' must be one of {', '.join(NUMERIC)}.")
    array = np.array(numbers)
    if not isinstance(numbers, int | float | list) or array.dtype.name not in NUMERIC:
        raise TypeError("'value' must hold numbers.")
    if dtype in INTEGERS:
        # NumPy takes a list of integers exactly when it is told which they are.
        made = np.array(numbers, dtype)
    elif dtype in COMPLEX:
        array = array.reshape(-1, 2) if array.size == 0 else array
        if array.shape[-1:] != (2,):
            raise ValueError("'value' must hold pairs of real and imaginary parts.")
        made = np.empty(array.shape[:-1], dtype)
        made.real, made.imag = array[..., 0], array[..., 1]
    else:
        made = cast_array(array, dtype, "value")
    if made.dtype.kind in "biu" and (made != array).any():
        raise ValueError(f"'value' must hold values of {dtype}.")
    return made if shape is None else made.reshape(checks.shape(shape))
