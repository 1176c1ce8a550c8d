"""How oneseed's initializers become classes of a Keras."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from oneseed.initializers.base import Initializer
from oneseed.initializers.known import ALIASES, SHORTCUTS

PACKAGE = "oneseed"
"""What comes before ">" in the names by which a Keras knows the classes made here."""

PLAIN = "oneseed.initializers"
"""The same for oneseed's own classes, which a Keras takes too and gives back as they were."""


def classes(keras: ModuleType, call: type[Initializer], home: str) -> dict[str, type[Initializer]]:
    """Make a class of Keras from each of oneseed's, and register them.

    Each is oneseed's class with the call of `call`, and an instance of Keras's class of that name, or of the nearest
    base that Keras has: where Keras asks for its own classes (EinsumDense adapts the fans of a VarianceScaling,
    BatchNormalization clones an Initializer), these are.

    Parameters
    ----------
    keras : module
        Keras 3 or tf_keras.
    call : type
        A subclass of `Initializer` with the `__call__` that suits this Keras.
    home : str
        The module whose attributes the classes are.

    Returns
    -------
    dict
        The classes by their names, and by those in snake case.
    """
    made: dict[str, type[Initializer]] = {}
    for alias, cls in SHORTCUTS.items():
        name = cls.__name__
        theirs = next(
            getattr(keras.initializers, base.__name__)
            for base in cls.__mro__
            if hasattr(keras.initializers, base.__name__)
        )
        # A file has the registered name and __name__; where Keras does not know the first, it takes its own class of
        # the second. None of its classes has this __name__, so it refuses the file instead.
        space = {"__module__": home, "__qualname__": name, "__doc__": cls.__doc__}
        made[name] = made[alias] = type(f"Oneseed{name}", (call, cls, theirs), space)
        keras.saving.register_keras_serializable(PACKAGE, name)(made[name])
        # In files of tf_keras's older formats, .h5 and SavedModel, it goes by __name__ alone.
        keras.saving.get_custom_objects().update({f"{PACKAGE}>{alias}": made[name], made[name].__name__: made[name]})
        keras.saving.register_keras_serializable(PLAIN, name)(cls)
    return made


def getter(keras: ModuleType, made: dict[str, type[Initializer]]) -> Callable[[Any], Any]:
    """Return the function `get` for the module that has the classes made."""

    def get(identifier: Any) -> Any:
        """Return the initializer that `identifier` stands for, as Keras's `initializers.get` does.

        Parameters
        ----------
        identifier : None, str, dict, class, initializer, callable or tensor
            A name or alias that `oneseed.initializers` knows means the class here. All else means what it means to
            Keras, so a dict or a tensor gives what Keras makes of it.

        Returns
        -------
        Initializer, callable or None
            The initializer; None for None.

        Raises
        ------
        ValueError
            If Keras knows nothing by this name.
        """
        known = ALIASES.get(identifier) if isinstance(identifier, str) else None
        return keras.initializers.get(identifier) if known is None else made[known.__name__]()

    return get
