"""Draws that an initializer has prepared before: a repeated call then costs little beside the values themselves.

What is kept holds for the initializer's attributes, the arguments of the call and the settings, as they were. It is
kept for classes that say of themselves that nothing else decides what they draw, and for plain attributes, which cannot
change unnoticed.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from oneseed.checks import Shape
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


class Kept(NamedTuple):
    """What an initializer has prepared, in its slot `_kept`."""

    state: dict[str, Any]
    """Its attributes then. None of them can change in place."""
    makers: dict[Key, Make]

    def holds(self, state: dict[str, Any]) -> bool:
        """Tell whether the attributes are the same objects: equal ones may mean something else, as 0.0 and -0.0 do."""
        if len(state) != len(self.state):
            return False
        for name, value in self.state.items():  # noqa: SIM110 - a generator takes longer
            if state.get(name, self) is not value:
                return False
        return True


def inherits(cls: type) -> bool:
    """Tell whether a subclass defines nothing by which it could draw otherwise than its base."""
    return vars(cls).keys() - {"__annotations__", "__static_attributes__", "__parameters__", "__orig_bases__"} <= OWN


def key_of(sizes: Shape, dtype: Any, axes: Any, path: Any, backend: Any, set_: Settings) -> Key:
    """Return what a call is known by."""
    backend = set_.backend if backend is None else backend
    # TensorFlow's dtypes are equal to numbers, which are none.
    return sizes, type(dtype), dtype, axes, path, backend, set_.floatx, set_.rng


def interpreted(
    initializer: Any, shape: Any, dtype: Any, axes: Any, path: Any, backend: Any, set_: Settings
) -> Make | None:
    """Return what makes the tensor of a call, if it is known: `recall` in Python."""
    try:
        kept = initializer._kept
        if type(shape) is not tuple:
            if not isinstance(shape, tuple | list):
                return None
            shape = tuple(shape)
        if not _are_ints(shape) or not kept.holds(initializer.__dict__):
            return None
        make: Make | None = kept.makers.get(key_of(shape, dtype, axes, path, backend, set_))
    except Exception:  # nothing is kept yet; an argument is not hashable
        return None
    return make


try:
    from oneseed.initializers import _recall
except ImportError:  # there was no compiler
    recall = interpreted
else:
    recall = _recall.recall


def keep(
    initializer: Any,
    shape: Any,
    dtype: Any,
    axes: Any,
    path: Any,
    backend: Any,
    set_: Settings,
    engine: Backend,
    draw: Draw,
) -> Make | None:
    """Keep and return what makes the tensor of a call; None where it might make another's.

    Parameters
    ----------
    initializer : Initializer
        The initializer.
    shape, dtype, axes, path, backend
        The arguments of the call, which is for the whole tensor.
    set_ : Settings
        The settings in force.
    engine : Backend
        The backend.
    draw : Draw
        What it draws.

    Returns
    -------
    callable or None
        None for arguments that may be equal to others which mean something else, as True in a path to 1, and where an
        attribute could change unnoticed.
    """
    state = dict(initializer.__dict__)
    if (
        set_.rng != "portable"
        or not (type(draw.seed) is int or draw.seed is None)
        or not (axes is None or type(axes) is str)
        or not (path is None or type(path) is str)
        or not (isinstance(shape, tuple | list) and _are_ints(shape) and _are_plain(state))
    ):
        return None
    kept = getattr(initializer, "_kept", None)
    if kept is None or not kept.holds(state) or len(kept.makers) >= MOST:
        kept = initializer._kept = Kept(state, {})
    prepare = getattr(engine, "prepared", None) if _prepares(type(engine)) else None
    make = (prepare(draw) if prepare else None) or _Again(engine, draw)
    kept.makers[key_of(tuple(shape), dtype, axes, path, backend, set_)] = make
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
