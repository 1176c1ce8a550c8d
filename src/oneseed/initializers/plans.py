"""Draws that an initializer has prepared before: a repeated call then costs little beside the values themselves.

What is kept holds for the initializer's attributes, the arguments of the call and the settings, as they were. It is
kept for classes that say of themselves that nothing else decides what they draw, and for plain attributes, which cannot
change unnoticed.
"""

import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

from oneseed.draws import Draw
from oneseed.protocol import Backend
from oneseed.settings import Settings

Make = Callable[[], Any]
Key = tuple[Any, ...]

PLAIN = frozenset({int, float, str, bool, type(None)})
"""Types of attributes that are compared with those of before in no time; tuples of them are too."""

OWN = frozenset({"__init__", "get_config", "from_config", "__doc__", "__module__", "__qualname__", "__firstlineno__"})
"""What a subclass may define and still draw what its base does, given the same attributes."""

MOST = 64
"""Draws that are kept of one initializer."""


class Plans:
    """The draws of an initializer as it is now."""

    __slots__ = ("makers", "numbers", "owner", "state")

    def __init__(self, initializer: Any, state: dict[str, Any], forget: Callable[[Any], Any]) -> None:
        self.owner = weakref.ref(initializer, forget)
        self.state = state
        # Numbers are equal to others that mean something else: 0.0 to -0.0, and 1 to True.
        self.numbers = [(name, value) for name, value in state.items() if value is not None and type(value) is not str]
        self.makers: dict[Key, tuple[Backend, Make]] = {}

    def hold(self, state: dict[str, Any]) -> bool:
        """Tell whether the initializer's attributes are what they were. None of them can change in place."""
        try:
            if self.state != state:
                return False
        except Exception:  # an array, or a value that a program traces, now is where a number was
            return False
        for name, value in self.numbers:  # noqa: SIM110 - a generator takes longer
            if state[name] is not value:
                return False
        return True


_held: dict[int, Plans] = {}
"""By the initializer's number: attributes of its own would be copied and stored with it."""


def inherits(cls: type) -> bool:
    """Tell whether a subclass defines nothing by which it could draw otherwise than its base."""
    return vars(cls).keys() - {"__annotations__", "__static_attributes__", "__parameters__", "__orig_bases__"} <= OWN


def key_of(shape: Any, dtype: Any, axes: Any, path: Any, backend: str, set_: Settings) -> Key | None:
    """Return what a call is known by; None for one whose arguments could be equal to others and yet mean less.

    ``(8.0, True)`` is equal to ``(8, 1)``, but refused.
    """
    if type(shape) is not tuple or set_.rng != "portable":
        return None
    for size in shape:
        if type(size) is not int:
            return None
    if (
        (dtype is None or type(dtype) is str)
        and (axes is None or type(axes) is str)
        and (path is None or type(path) is str)
    ):
        return shape, dtype, axes, path, backend, set_.floatx
    return None


def found(initializer: Any, key: Key, engine: Backend) -> Make | None:
    """Return what makes the tensor of a call, if it is known."""
    plans = _held.get(id(initializer))
    # A signal may have kept the callback of one that is gone from its work.
    if plans is None or plans.owner() is not initializer or not plans.hold(initializer.__dict__):
        return None
    known = plans.makers.get(key)
    return known[1] if known is not None and known[0] is engine else None


def keep(initializer: Any, key: Key, engine: Backend, draw: Draw) -> Make | None:
    """Keep and return what makes the tensor of a call; None where an attribute could change unnoticed."""
    state = dict(initializer.__dict__)
    if not isinstance(draw.seed, int | None) or not all(map(_is_plain, state.values())):
        return None
    number = id(initializer)
    plans = _held.get(number)
    own = plans is not None and plans.owner() is initializer and plans.hold(state)
    if plans is None or not own or len(plans.makers) >= MOST:
        plans = _held[number] = Plans(initializer, state, lambda _: _held.pop(number, None))
    prepare = getattr(engine, "prepared", None) if _prepares(type(engine)) else None
    make = (prepare(draw) if prepare else None) or _Again(engine, draw)
    plans.makers[key] = engine, make
    return make


@cache
def _prepares(kind: Any) -> bool:
    """Tell whether a backend's class has a `prepared` that goes with its `draw`, which a subclass may have changed."""
    for cls in kind.__mro__:
        if "prepared" in vars(cls):
            return True
        if "draw" in vars(cls):
            return False
    return False


def _is_plain(value: Any) -> bool:
    return type(value) in PLAIN or (type(value) is tuple and all(type(item) in PLAIN for item in value))


class _Again:
    """Executes a draw once more; what the framework may refuse by now is checked each time."""

    __slots__ = ("draw", "engine")

    def __init__(self, engine: Backend, draw: Draw) -> None:
        self.engine, self.draw = engine, draw

    def __call__(self) -> Any:
        where = self.engine.device(None)
        self.engine.check_dtype(self.draw.dtype)
        return self.engine.draw(self.draw, where)
