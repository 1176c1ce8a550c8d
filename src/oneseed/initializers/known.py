"""The register of initializers: each class enters itself, with its names and what the docs say of it."""

from collections.abc import Callable
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


ENTRIES: dict[str, Entry] = {}
"""The entries by the names of their classes."""

SHORTCUTS: dict[str, type[Initializer]] = {"initializer": Initializer}
"""Each class under its name in snake case."""

ALIASES: dict[str, type[Initializer]] = {"Initializer": Initializer, "initializer": Initializer}
"""Every string that stands for a class of this package."""


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
        if taken := [each for each in names if each in ALIASES]:
            raise ValueError(f"A name must stand for one class. Received: {taken[0]!r} for {cls!r}")
        if group not in GROUPS:
            raise ValueError(f"`group` must be one of {GROUPS}. Received: group={group!r}")
        ENTRIES[cls.__name__] = Entry(cls, name, aliases, group, formula, use, example, shape, dtype)
        SHORTCUTS[name] = cls
        ALIASES.update(dict.fromkeys(names, cls))
        return cls

    return enter


def in_order() -> list[Entry]:
    """Return the entries as docs show them: by group, and in it Keras's, then the others by module and place in it."""
    place = {name: at for at, name in enumerate(KERAS)}
    return sorted(
        ENTRIES.values(),
        key=lambda entry: (
            GROUPS.index(entry.group),
            place.get(entry.cls.__name__, len(KERAS)),
            entry.cls.__module__,
        ),
    )
