"""Initializers as plain data, in Keras 3's form, and back from that and from Keras 2's two forms."""

from typing import Any

import numpy as np

from oneseed.dtypes import NUMERIC, numpy_dtype
from oneseed.host import backend_of
from oneseed.initializers.constants import Assign
from oneseed.initializers.names import ALIASES, find, registered_name
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
    cls = find(_name_to_find(config, name), custom_objects)
    if not hasattr(cls, "from_config"):
        return cls(**arguments)
    return cls.from_config(arguments)


def _name_to_find(config: dict[str, Any], name: str) -> str:
    """Return the registered name where there is one, so that a stranger's class is not taken for ours."""
    registered, module = config.get("registered_name"), config.get("module")
    for key, value in (("registered_name", registered), ("module", module)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{key!r} in `config` must be a str or None. Received: config={config!r}")
    if registered is not None and registered != name:
        return str(registered)
    if module is not None and module.partition(".")[0] not in _HOMES and name in ALIASES:
        raise ValueError(
            f"The class {name!r} of module {module!r} is not registered; a class must be, with "
            f"`oneseed.initializers.register`, to be built from data. Received: config={config!r}"
        )
    return name


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
    if isinstance(identifier, type):
        identifier = identifier()
    if isinstance(identifier, np.ndarray) or backend_of(identifier) is not None:
        return Assign(identifier)
    if callable(identifier):
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
    """Return an array as plain data, in Keras's form; other values as they are."""
    if isinstance(value, complex):
        value = np.array(value)
    if not isinstance(value, np.ndarray):
        return value
    # JSON has no complex numbers: real and imaginary part lie on a last axis.
    real = np.stack([value.real, value.imag], axis=-1) if value.dtype.kind == "c" else value
    return {"class_name": "__numpy__", "config": {"value": real.tolist(), "dtype": value.dtype.name}}


def deserialize_value(value: Any) -> Any:
    """Return the array that plain data stands for; other values as they are."""
    if not isinstance(value, dict):
        if isinstance(value, str) and value.startswith("["):
            raise ValueError(
                "The configuration holds an array as text, which Keras 2's legacy form stored without its digits; "
                f"it cannot be restored. Received: value={value!r}"
            )
        return value
    config = value.get("config")
    if value.get("class_name") not in _ARRAYS or not isinstance(config, dict) or "value" not in config:
        raise ValueError(
            "A dict in place of an array must have 'class_name' '__numpy__' or '__tensor__' and 'config' with 'value' "
            f"and 'dtype'. Received: value={value!r}"
        )
    name = config.get("dtype", "float32")
    if name not in NUMERIC:
        raise ValueError(f"The 'dtype' of an array must be one of {', '.join(NUMERIC)}. Received: value={value!r}")
    try:
        if name.startswith("complex"):
            parts = np.array(config["value"], "float64")
            return (parts[..., 0] + 1j * parts[..., 1]).astype(name)
        return np.array(config["value"], numpy_dtype(name))
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"The 'value' of an array must hold numbers ({error}). Received: value={value!r}") from None
