"""The register of initializers: each class enters itself, with its names and what the docs say of it."""

import builtins
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple, TypeVar

from oneseed.initializers.base import Initializer

Class = TypeVar("Class", bound=type[Initializer])

GROUPS = (
    "Random values",
    "Constants and stored values",
    "Variance by fans",
    "Identities and orthogonal matrices",
    "Kernels of convolutions",
    "Recurrent networks and reservoirs",
    "State space models",
    "Made of others",
)
"""The groups in which docs show the initializers, in their order."""

KERAS = (
    *("RandomNormal", "RandomUniform", "TruncatedNormal", "Zeros", "Ones", "Constant"),
    *("VarianceScaling", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"),
    *("Identity", "Orthogonal", "STFT"),
)
"""Keras's classes, which come first in their groups, in the order in which people look for them."""


class Entry(NamedTuple):
    """What the register knows of a class.

    Attributes
    ----------
    cls : type
        The class.
    name : str
        Its name in snake case.
    aliases : tuple of str
        Its other names.
    group : str
        One of `GROUPS`.
    formula : str
        The values, in Markdown.
    use : str
        When to use it.
    example : str
        An expression that builds one; NumPy is ``np`` in it.
    shape : tuple of int
        A shape for the example.
    dtype : str
        A dtype for the example.
    """

    cls: type[Initializer]
    name: str
    aliases: tuple[str, ...]
    group: str
    formula: str
    use: str
    example: str
    shape: tuple[int, ...]
    dtype: str


_entries: dict[str, Entry] = {}
_shortcuts: dict[str, type[Initializer]] = {"initializer": Initializer}
_aliases: dict[str, type[Initializer]] = {"Initializer": Initializer, "initializer": Initializer}


def known(
    name: str,
    *aliases: str,
    group: str,
    formula: str,
    use: str,
    example: str,
    shape: tuple[int, ...],
    dtype: str = "float32",
) -> Callable[[Class], Class]:
    """Enter the class that is decorated; everything that has a list of initializers takes it from here.

    Parameters
    ----------
    name : str
        The name in snake case, the shortcut of the class.
    *aliases : str
        Further strings that stand for it. Its own name need not be among them.
    group, formula, use, example, shape, dtype
        See `Entry`.

    Returns
    -------
    callable
        The decorator, which returns the class itself.

    Raises
    ------
    ValueError
        If a name is another class's, or there is no such group.
    """

    def enter(cls: Class) -> Class:
        names = (cls.__name__, name, *aliases)
        # A module whose import was interrupted enters its classes again.
        if taken := [each for each in names if place_of(_aliases.get(each, cls)) != place_of(cls)]:
            raise ValueError(f"A name must stand for one class. Received: {taken[0]!r} for {cls!r}")
        if group not in GROUPS:
            raise ValueError(f"`group` must be one of {GROUPS}. Received: group={group!r}")
        _entries[cls.__name__] = Entry(cls, name, aliases, group, formula, use, example, shape, dtype)
        _shortcuts[name] = cls
        _aliases.update(dict.fromkeys(names, cls))
        return cls

    return enter


def place_of(cls: type) -> tuple[str, str]:
    """Return where a class is defined, by which it is known when it is defined again."""
    return cls.__module__, cls.__qualname__


@cache
def complete() -> None:
    """Load the modules that no one has needed yet: then the register has every class, and the package binds it."""
    from pkgutil import walk_packages  # to load this takes as long as some of them

    package = import_module(__name__.rpartition(".")[0])
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    for name, cls in public().items():
        vars(package).setdefault(name, cls)  # users may have put something of their own there


def entries() -> dict[str, Entry]:
    """Return the entries by the names of their classes."""
    complete()
    return _entries


def public() -> dict[str, type[Initializer]]:
    """Return the classes that are loaded by their names in the package.

    Those are a class's own name, its shortcut unless Python has a function of that name, and Keras 3's names of three
    classes.
    """
    own = {cls.__name__: cls for cls in _shortcuts.values()}
    shortcuts = {name: cls for name, cls in _shortcuts.items() if not hasattr(builtins, name)}
    keras = (f"{name}Initializer" for name in ("Identity", "Orthogonal", "STFT"))
    return own | shortcuts | {name: _aliases[name] for name in keras if name in _aliases}


def shortcuts() -> dict[str, type[Initializer]]:
    """Return each class under its name in snake case."""
    complete()
    return _shortcuts


def aliases() -> dict[str, type[Initializer]]:
    """Return every string that stands for a class of this package."""
    complete()
    return _aliases


def find(name: str) -> type[Initializer] | None:
    """Return the class that a string stands for, or None."""
    cls = _aliases.get(name)
    # An import that was interrupted leaves classes behind whose module is gone.
    return cls if cls is not None and cls.__module__ in sys.modules else aliases().get(name)


def has(cls: type) -> bool:
    """Tell whether a class is in the register."""
    return _aliases.get(cls.__name__) is cls


def in_order() -> list[Entry]:
    """Return the entries as docs show them: by group, and in it Keras's, then the others by module and place in it."""
    place = {name: at for at, name in enumerate(KERAS)}
    return sorted(
        entries().values(),
        key=lambda entry: (
            GROUPS.index(entry.group),
            place.get(entry.cls.__name__, len(KERAS)),
            entry.cls.__module__,
        ),
    )
