"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every shortcut in snake case as the class itself (``he_normal is HeNormal``, as in Keras; but
not those that Python has, ``range`` and ``sum``), and `get`, `serialize`, `deserialize` and `register`.
"""

import builtins
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from oneseed.initializers import known
from oneseed.initializers.base import Initializer as Initializer
from oneseed.initializers.base import RandomInitializer as RandomInitializer
from oneseed.initializers.elementwise.gains import calculate_gain as calculate_gain
from oneseed.initializers.names import register as register
from oneseed.initializers.serialization import deserialize as deserialize
from oneseed.initializers.serialization import get as get
from oneseed.initializers.serialization import serialize as serialize

# Each class enters itself into the register when its module is imported.
for _module in walk_packages(__path__, f"{__name__}."):
    import_module(_module.name)

globals().update({cls.__name__: cls for cls in known.SHORTCUTS.values()})
globals().update({name: cls for name, cls in known.SHORTCUTS.items() if not hasattr(builtins, name)})

# Keras 3's names of three classes.
IdentityInitializer, OrthogonalInitializer, STFTInitializer = (
    known.ALIASES[f"{name}Initializer"] for name in ("Identity", "Orthogonal", "STFT")
)

__all__ = sorted(  # noqa: PLE0605 - as the register has them
    {
        *(cls.__name__ for cls in known.SHORTCUTS.values()),
        *(name for name in known.SHORTCUTS if not hasattr(builtins, name)),
        *("IdentityInitializer", "OrthogonalInitializer", "STFTInitializer", "RandomInitializer"),
        *("calculate_gain", "deserialize", "get", "register", "serialize"),
    },
    key=lambda name: (name.upper() != name, name[0].islower(), name),
)


def __getattr__(name: str) -> Any:
    """Tell type checkers that there are more names than they can see."""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
