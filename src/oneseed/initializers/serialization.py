"""Initializers as plain data, in Keras 3's form, and back from that and from Keras 2's two forms."""

import re
from typing import Any

import numpy as np

from oneseed.checks import shown
from oneseed.host_arrays import backend_of
from oneseed.initializers import known
from oneseed.initializers.base import Initializer
from oneseed.initializers.configs import required
from oneseed.initializers.names import find, find_registered, registered_name

MODULE = "oneseed.initializers"

_HOMES = ("keras", "keras_core", "oneseed", "tensorflow", "tf_keras")
"""The packages whose class names mean our built-in classes; anything else must be registered."""

_IN_KERAS = r"oneseed(?:[.-]initializers)?>(\w+)"
"""The names by which a Keras that knows our classes calls them, and its own subclasses of them, in files."""


def serialize(initializer: Any) -> dict[str, Any]:
    """Return an initializer as plain data, fit for JSON.

    Parameters
    ----------
    initializer : Initializer
        A built-in one, or an instance of a custom class with `get_config`.

    Returns
    -------
    dict
        Keras 3's four keys: "module", "class_name", "config", "registered_name". The last is the name by which
        `oneseed_keras.register_keras` makes a class known, so that a Keras reads the data as oneseed's class, not as
        its own of that name. The classes that it returns are stored as those that they stand for.

    Raises
    ------
    TypeError
        If it is not an initializer with a configuration; a function lacks one.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.serialize(oneseed.initializers.Identity(2.0))["config"]
    {'gain': 2.0}
    """
    cls = vars(type(initializer)).get("stands_for", type(initializer))
    if isinstance(initializer, type) or not hasattr(initializer, "get_config"):
        raise TypeError(
            "`initializer` must be an instance with `get_config`, such as a subclass of Initializer; a function "
            f"cannot be stored as data. Received: initializer={shown(initializer)}"
        )
    built_in = known.has(cls)
    return {
        "module": MODULE if built_in else None,
        "class_name": cls.__name__,
        "config": initializer.get_config(),
        "registered_name": f"{MODULE}>{cls.__name__}" if built_in else registered_name(cls) or cls.__name__,
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
        raise TypeError(f"`config` must be a dict with the key 'class_name'. Received: config={shown(config)}")
    name, arguments = config.get("class_name"), config.get("config")
    if arguments is None:
        arguments = {}
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError(
            "`config` must have the key 'class_name', a str, and may have 'config', a dict. "
            f"Received: config={shown(config)}"
        )
    cls = _class_of(config, name, custom_objects or {})
    try:
        return cls.from_config(arguments) if hasattr(cls, "from_config") else cls(**arguments)
    except RecursionError:
        raise ValueError(f"`config` must not be nested so deep. Received: config={shown(config)}") from None


def _class_of(config: dict[str, Any], name: str, custom_objects: dict[str, Any]) -> Any:
    registered, module = config.get("registered_name"), config.get("module")
    for key, value in (("registered_name", registered), ("module", module)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{key!r} in `config` must be a str or None. Received: config={shown(config)}")
    for custom in (registered, name):
        if custom in custom_objects:
            return custom_objects[custom]
    if found := _built_in(registered) or _built_in(name):
        return found
    # Keras registers no built-in class and names their home: what has neither sign is not taken for ours.
    if registered is None and (module is None or module.partition(".")[0] in _HOMES):
        return find(name)
    cls = find_registered(registered or name)
    if cls is None:
        raise ValueError(
            f"The class {registered or name!r} of module {module!r} is not registered; to be built from data, a custom "
            f"class must be registered with `oneseed.initializers.register`. Received: config={shown(config)}"
        )
    return cls


def _built_in(name: str | None) -> Any:
    """Return the class that a Keras knows by a name, or None; a class that was registered here comes before it."""
    found = re.fullmatch(_IN_KERAS, name or "")
    return known.find(found[1]) if found and find_registered(name or "") is None else None


def callable_instances(cls: Any) -> bool:
    """Tell whether the instances of a class can be called."""
    return any("__call__" in vars(base) for base in cls.__mro__)


def get(identifier: Any) -> Any:
    """Return the initializer that something stands for.

    Parameters
    ----------
    identifier : None, str, dict, class, initializer, callable, array or tensor
        A string is a name or alias, with or without the "oneseed>" that a Keras wants before it; a dict goes to
        `deserialize`; a class is built with its defaults; an instance or any callable is returned as it is; an array
        becomes an initializer that gives its elements.

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
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, str):
        identifier = _built_in(identifier) or find(identifier)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    cls: Any = identifier
    if isinstance(cls, type) and not issubclass(cls, type) and callable_instances(cls):
        if missing := required(identifier):
            raise TypeError(
                f"The class {identifier.__name__} needs arguments: {', '.join(missing)}; give an instance, or a dict. "
                f"Received: identifier={shown(identifier)}"
            )
        try:
            identifier = identifier()
        except TypeError as error:
            raise TypeError(
                f"The class {identifier.__name__} must be one that is built without arguments ({error}); give an "
                f"instance. Received: identifier={shown(identifier)}"
            ) from error
    if isinstance(identifier, np.ndarray) or backend_of(identifier) is not None:
        return find("assign")(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    if hasattr(identifier, "__array__") and not isinstance(identifier, np.generic):
        return find("assign")(identifier)
    raise ValueError(
        "Could not interpret the initializer identifier; it must be None, a name, a dict, a class, an initializer, "
        f"a callable or an array. Received: identifier={shown(identifier)}"
    )
