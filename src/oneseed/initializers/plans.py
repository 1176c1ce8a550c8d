"""Draws that an initializer has prepared before: a repeated call then costs little beside the values themselves.

What is kept holds for the initializer's attributes, the arguments of the call and the settings, as they were. It is
kept for classes that say of themselves that nothing else decides what they draw, and for plain attributes, which cannot
change unnoticed.
"""

import weakref
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from oneseed import settings
from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.protocol import Backend
from oneseed.settings import Settings

Make = Callable[[], Any]
Key = tuple[Any, ...]

PLAIN = frozenset({int, float, str, bool, type(None)})
"""Types of attributes that are compared with those of before in no time; tuples of them are too."""

OWN = frozenset(
    {
        *("__init__", "get_config", "from_config"),
        # What Python itself puts into a class.
        *("__annotations__", "__dict__", "__doc__", "__firstlineno__", "__module__", "__orig_bases__"),
        *("__parameters__", "__qualname__", "__static_attributes__", "__weakref__"),
    }
)
"""What a class may have and still draw what its base does, given the same attributes."""

MOST = 64
"""Draws that are kept of one initializer."""


class Kept(NamedTuple):
    """What an initializer has prepared."""

    owner: "weakref.ref[Any]"
    """The initializer; what is kept goes with it."""
    kind: type
    """Its class then."""
    attributes: dict[str, Any]
    """Its `__dict__`, which tells it from another one that has its number later."""
    state: dict[str, Any]
    """What was in there. None of the values can change in place."""
    makers: dict[Key, Make]

    def holds(self, initializer: Any) -> bool:
        """Tell whether the initializer is what it was."""
        now = initializer.__dict__
        return now is self.attributes and type(initializer) is self.kind and _same(self.state, now)


def _same(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Tell whether attributes are the same objects: equal ones may mean something else, as 0.0 and -0.0 do."""
    if len(then) != len(now):
        return False
    for name, value in then.items():  # noqa: SIM110 - a generator takes longer
        if now.get(name, then) is not value:
            return False
    return True


def inherits(cls: type) -> bool:
    """Tell whether a class draws what a base does that says of itself that it repeats, given the same attributes."""
    for each in cls.__mro__[1:]:
        if "_repeats" in vars(each):
            return bool(vars(each)["_repeats"]) and vars(cls).keys() <= OWN
        if not vars(each).keys() <= OWN:
            return False
    return False


def key_of(sizes: Shape, dtype: Any, axes: Any, path: Any, backend: Any, set_: Settings) -> Key:
    """Return what a call is known by."""
    backend = set_.backend if backend is None else backend
    # TensorFlow's dtypes are equal to numbers, which are none.
    return sizes, type(dtype), dtype, axes, path, backend, set_.floatx, set_.rng


def interpreted(
    initializer: Any, shape: Any, dtype: Any, axes: Any, path: Any, backend: Any, set_: Settings
) -> Make | None:
    """Return what makes the tensor of a call, if it is known: `recall` in Python."""
    kept = held.get(id(initializer))
    if kept is None or not (_is_text(axes) and _is_text(path) and _is_text(backend)):
        return None
    try:
        sizes = shape if type(shape) is tuple else tuple(shape) if isinstance(shape, tuple | list) else (None,)
        if not _are_ints(sizes) or not kept.holds(initializer):
            return None
        make: Make | None = kept.makers.get(key_of(sizes, dtype, axes, path, backend, set_))
    except Exception:  # an argument is not hashable
        return None
    return make


try:
    from oneseed.initializers._recall import held as held  # noqa: PLC0414 - for others too
    from oneseed.initializers._recall import recall as recall  # noqa: PLC0414
except ImportError:  # there was no compiler
    held, recall = {}, interpreted
"""What is kept, by the initializer's number: attributes of its own would be copied and stored with it."""


def keep(
    initializer: Any,
    state: dict[str, Any],
    call: tuple[Any, ...],
    set_: Settings,
    engine: Backend,
    draw: Draw,
) -> Make | None:
    """Keep and return what makes the tensor of a call; None where it might make another's.

    Parameters
    ----------
    initializer : Initializer
        The initializer.
    state : dict
        Its attributes before the draw was decided.
    call : tuple
        Shape, dtype, axes, path and backend of the call, which is for the whole tensor.
    set_ : Settings
        The settings that were in force then.
    engine : Backend
        The backend.
    draw : Draw
        What it draws.

    Returns
    -------
    callable or None
        None for arguments that may be equal to others which mean something else, as True in a path to 1; where an
        attribute could change unnoticed; and where another thread has changed one, or a setting, meanwhile.
    """
    shape, dtype, axes, path, backend = call
    if (
        set_.rng != "portable"
        or settings.in_force() is not set_
        or not (type(draw.seed) is int or draw.seed is None)
        or not (_is_text(axes) and _is_text(path) and _is_text(backend))
        or not (isinstance(shape, tuple | list) and _are_ints(shape) and _are_plain(state))
    ):
        return None
    attributes, number = initializer.__dict__, id(initializer)
    if not _same(state, attributes):
        return None
    kept = held.get(number)
    if kept is None or not kept.holds(initializer) or len(kept.makers) >= MOST:
        forget = held.pop  # by its own name: when Python ends, modules lose theirs
        owner = weakref.ref(initializer, lambda _: forget(number, None))
        kept = held[number] = Kept(owner, type(initializer), attributes, state, {})
    prepare = getattr(engine, "prepared", None) if _prepares(type(engine)) else None
    make = (prepare(draw) if prepare else None) or _Again(engine, draw)
    kept.makers[key_of(draw.shape, dtype, axes, path, backend, set_)] = make
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


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str


def _are_ints(sizes: Iterable[Any]) -> bool:
    for size in sizes:  # noqa: SIM110 - a generator takes longer
        if type(size) is not int:  # 8.0 and True are equal to integers, but refused
            return False
    return True


def _are_plain(state: dict[str, Any]) -> bool:
    for value in state.values():
        if type(value) not in PLAIN and (type(value) is not tuple or any(type(item) not in PLAIN for item in value)):
            return False
    return True


class _Again:
    """Executes a draw once more; what the framework may refuse by now is checked each time."""

    __slots__ = ("draw", "engine")

    def __init__(self, engine: Backend, draw: Draw) -> None:
        self.engine, self.draw = engine, draw

    def __call__(self) -> Any:
        where = self.engine.device(None)
        self.engine.check_dtype(self.draw.dtype)
        return self.engine.draw(self.draw, where)
