"""How oneseed's initializers become classes of a Keras."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from oneseed.initializers.base import Initializer
from oneseed.initializers.known import aliases

PACKAGE = "oneseed"
"""What comes before ">" in the names by which a Keras knows the classes made here."""

PLAIN = "oneseed.initializers"
"""The same for oneseed's own classes, which a Keras takes too and gives back as they were."""


def classes(keras: ModuleType, call: type[Initializer], home: str) -> dict[str, type[Initializer]]:
    """Make a class of Keras from each of oneseed's, and register both with that Keras.

    Each is oneseed's class with the call of `call`, a subclass of the classes made of its bases, and an instance of
    Keras's class of that name, or of the nearest base that Keras has: where Keras asks for its own classes
    (EinsumDense adapts the fans of a VarianceScaling, BatchNormalization clones an Initializer), these are.

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
        The classes by every name that oneseed has for them.
    """
    classes: dict[type[Initializer], type[Initializer]] = {}
    known = keras.saving.get_custom_objects()
    # The bases of a class are made before it.
    for cls in sorted(set(aliases().values()), key=lambda cls: (len(cls.__mro__), cls.__name__)):
        name = cls.__name__
        base = next((classes[base] for base in cls.__mro__ if base in classes), call)
        theirs = next(
            getattr(keras.initializers, base.__name__)
            for base in cls.__mro__
            if hasattr(keras.initializers, base.__name__)
        )
        # A file has the registered name and __name__; where Keras does not know the first, it takes its own class of
        # the second. None of its classes has this __name__, so it refuses the file instead.
        space = {"__module__": home, "__qualname__": name, "__doc__": cls.__doc__, "stands_for": cls}
        # The call adds nothing that decides the draw.
        kind: Any = type(call)
        classes[cls] = kind(f"Oneseed{name}", (base, cls, theirs), space, repeats=cls._repeats)
        keras.saving.register_keras_serializable(PACKAGE, name)(classes[cls])
        # Keras 3's .h5, and tf_keras's .h5 and SavedModel, go by __name__ alone.
        known[classes[cls].__name__] = classes[cls]
        keras.saving.register_keras_serializable(PLAIN, name)(cls)
    named = {alias: classes[cls] for alias, cls in aliases().items()}
    known.update({f"{PACKAGE}>{alias}": cls for alias, cls in named.items()})
    return named


def getter(keras: ModuleType, classes: dict[str, type[Initializer]]) -> Callable[[Any], Any]:
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
        known = classes.get(identifier) if isinstance(identifier, str) else None
        return keras.initializers.get(identifier) if known is None else known()

    return get
