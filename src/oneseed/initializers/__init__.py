"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every shortcut in snake case as the class itself (``he_normal is HeNormal``, as in Keras; but
not those that Python has, ``range`` and ``sum``), and `get`, `serialize`, `deserialize` and `register`.
"""

import builtins
from typing import Any

from oneseed.initializers import known
from oneseed.initializers.base import Initializer as Initializer
from oneseed.initializers.base import RandomInitializer as RandomInitializer
from oneseed.initializers.elementwise import constants, random, scaling, scaling_by_name  # noqa: F401 - see below
from oneseed.initializers.elementwise.gains import calculate_gain as calculate_gain
from oneseed.initializers.matrices import identity, orthogonal  # noqa: F401 - see below
from oneseed.initializers.names import register as register
from oneseed.initializers.serialization import deserialize as deserialize
from oneseed.initializers.serialization import get as get
from oneseed.initializers.serialization import serialize as serialize


def _names(classes: dict[str, type[Initializer]]) -> dict[str, type[Initializer]]:
    """Return classes by their own names and by those in snake case."""
    shortcuts = {name: cls for name, cls in classes.items() if not hasattr(builtins, name)}
    return {cls.__name__: cls for cls in classes.values()} | shortcuts


# Each class enters itself into the register when its module is imported. The modules of Keras's classes are imported
# above, all others when one of their names is asked for: that takes longer than all the rest of the package.
globals().update(_names(known.loaded()))


def __getattr__(name: str) -> Any:
    if name == "__all__" or not name.startswith("_"):
        names = _names(known.shortcuts())
        # Keras 3's names of three classes.
        names |= {f"{keras}Initializer": names[keras] for keras in ("Identity", "Orthogonal", "STFT")}
        globals().update(names)
        others = ("RandomInitializer", "calculate_gain", "deserialize", "get", "register", "serialize")
        every = sorted({*names, *others}, key=lambda name: (name.upper() != name, name[0].islower(), name))
        if name == "__all__":
            return every
        if name in names:
            return names[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
