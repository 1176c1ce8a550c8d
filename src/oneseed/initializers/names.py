"""The names of initializers: those of the register, and of custom classes."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from oneseed.checks import nearest, shown
from oneseed.initializers import known

Class = TypeVar("Class", bound=type)

_custom: dict[str, type] = {}
"""Registered classes by "package>name"."""


@overload
def register(cls: Class) -> Class: ...
@overload
def register(*, package: str = "Custom", name: str | None = None) -> Callable[[Class], Class]: ...
def register(cls: Any = None, *, package: str = "Custom", name: str | None = None) -> Any:
    """Make a custom class known, so that `get` and `deserialize` find it by its name.

    Parameters
    ----------
    cls : type, optional
        The class, where `register` is used as a decorator without arguments.
    package : str
        What tells it from others of the same name.
    name : str, optional
        Its name; None is the class's own.

    Returns
    -------
    type or callable
        The class itself, or the decorator.

    Raises
    ------
    TypeError
        If what is decorated is not a class, or `package` or `name` is not a str.
    ValueError
        If the name is another class's.

    Examples
    --------
    >>> import oneseed
    >>> @oneseed.initializers.register(package="readme")
    ... class Sevens(oneseed.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return oneseed.initializers.Constant(7)(shape, dtype)
    >>> oneseed.initializers.get("readme>Sevens")((2,))
    array([7., 7.], dtype=float32)
    """
    for argument, value in (("package", package), ("name", name)):
        if not isinstance(value, str) and not (argument == "name" and value is None):
            raise TypeError(f"`{argument}` must be a str. Received: {argument}={shown(value)}")

    def decorate(custom: Any) -> Any:
        if not isinstance(custom, type):
            raise TypeError(f"`register` must decorate a class. Received: {shown(custom)}")
        full = f"{package}>{name or custom.__name__}"
        before = _custom.get(full, custom)
        # The same class defined again, as in a notebook, replaces its former self.
        if known.place_of(before) != known.place_of(custom):
            raise ValueError(
                f"The name {full!r} belongs to {'.'.join(known.place_of(before))}; choose another `package` "
                f"or `name`. Received: {shown(custom)}"
            )
        _custom[full] = custom
        return custom

    return decorate if cls is None else decorate(cls)


def registered_name(cls: type) -> str | None:
    """Return "package>name" of a registered class, else None."""
    return next((name for name, custom in _custom.items() if custom is cls), None)


def find(name: str) -> Any:
    """Return what a name stands for: a built-in class or a registered one.

    Parameters
    ----------
    name : str
        A class name, an alias, "package>name", or a registered class's bare name if only one has it.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ValueError
        If nothing has this name.
    """
    cls = known.find(name) or find_registered(name)
    if cls is not None:
        return cls
    names = sorted({*known.shortcuts(), *_custom} - {"initializer", "assign"})
    raise ValueError(
        f"Unknown initializer {shown(name)}.{nearest(name, [*known.aliases(), *_custom])} Known ones are "
        f"{', '.join(names)}; a custom class must be registered with `oneseed.initializers.register`. "
        f"Received: identifier={shown(name)}"
    )


def find_registered(name: str) -> Any:
    """Return the registered class of a name, in full or bare if only one has it; None if there is none."""
    bare = [cls for full, cls in _custom.items() if full.rpartition(">")[2] == name]
    return _custom.get(name) or (bare[0] if len(bare) == 1 else None)
