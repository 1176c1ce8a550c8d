"""Initializers under Keras's names, and what turns them into data and back.

Every class is here, every shortcut in snake case as the class itself (``he_normal is HeNormal``, as in Keras; but
not those that Python has, ``range`` and ``sum``), and `get`, `serialize`, `deserialize` and `register`.
"""

from importlib import import_module
from typing import Any

from oneseed.initializers import known
from oneseed.initializers.base import Initializer as Initializer
from oneseed.initializers.base import RandomInitializer as RandomInitializer
from oneseed.initializers.elementwise.gains import calculate_gain as calculate_gain
from oneseed.initializers.names import register as register
from oneseed.initializers.serialization import deserialize as deserialize
from oneseed.initializers.serialization import get as get
from oneseed.initializers.serialization import serialize as serialize

# Each class enters itself into the register when its module is imported. Those of Keras's classes but STFT are imported
# here, all others when one of their names is asked for: that takes longer than all the rest of the package.
for _module in (
    *("elementwise.constants", "elementwise.random", "elementwise.scaling", "elementwise.scaling_by_name"),
    *("matrices.identity", "matrices.orthogonal"),
):
    import_module(f"{__name__}.{_module}")
globals().update(known.public())


def __getattr__(name: str) -> Any:
    if name == "__all__" or not name.startswith("_"):
        known.complete()
        if name == "__all__":
            others = ("RandomInitializer", "calculate_gain", "deserialize", "get", "register", "serialize")
            return sorted({*known.public(), *others}, key=lambda each: (each.upper() != each, each[0].islower(), each))
        if name in globals():  # a module among them, too
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    public = __getattr__("__all__")
    return sorted({*globals(), *public})
