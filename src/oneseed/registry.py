"""Finding a backend by its name.

Backends are found through the entry-point group ``oneseed.backends``, this project's own as well as a stranger's.
Listing them loads none. Reading entry points takes longer than thousands of small draws, so a package that is named
after its backend, such as ``oneseed_numpy``, is looked for first.
"""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

from oneseed.checks import nearest, shown
from oneseed.requirements import of_extra, pip

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from oneseed.protocol import Backend

GROUP = "oneseed.backends"

_lock = RLock()
"""Held while a backend is loaded or registered; a forked process has a new one, see `_after_fork`."""

_registered: dict[str, "Callable[[], Backend] | str"] = {}
_loaded: dict[str, "Backend"] = {}
_recorders: "tuple[tuple[Backend, Callable[[], bool]], ...]" = ()
readers: "tuple[tuple[Any, Callable[[], bool]], ...]" = ()
"""Those whose framework compiles Python code, each with what tells whether it reads the code that asks."""


@cache
def _entry_points() -> dict[str, "list[EntryPoint]"]:
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        known = found.setdefault(entry.name, [])
        # The same distribution seen twice on sys.path is not a conflict.
        if all(_owner(entry) != _owner(other) for other in known):
            known.append(entry)
    return found


def _owner(entry: "EntryPoint") -> str:
    return entry.dist.name if entry.dist else entry.module


def available_backends() -> tuple[str, ...]:
    """Return the names of all backends that are known, loaded or not.

    Returns
    -------
    tuple of str
        The sorted names. A known backend may still lack its framework.

    Examples
    --------
    >>> import oneseed
    >>> "numpy" in oneseed.config.available_backends()
    True
    """
    # Those that were loaded without an entry point are known too.
    return tuple(sorted({*_entry_points(), *_registered, *_loaded}))


def register_backend(name: str, target: "Callable[[], Backend] | str") -> None:
    """Make a backend known in this process, without an entry point.

    Parameters
    ----------
    name : str
        The name; one that is taken is refused, except for the same target again.
    target : str or callable
        ``"module:attribute"``, imported when first used; or a callable that returns the backend.

    Raises
    ------
    TypeError
        If `name` is not a str, or `target` is neither a str nor callable.
    ValueError
        If the name is taken, or `target` is not of the form ``"module:attribute"``.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.register_backend("numpy-again", "oneseed_numpy:backend")
    >>> oneseed.initializers.Ones()((2,), backend="numpy-again")
    array([1., 1.], dtype=float32)
    """
    if not isinstance(name, str):
        raise TypeError(f"`name` must be a str. Received: name={shown(name)}")
    if not name:
        raise ValueError(f"`name` must not be empty. Received: name={shown(name)}")
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        if not (module and attribute):
            raise ValueError(f"`target` must be of the form 'module:attribute'. Received: target={shown(target)}")
    elif not callable(target):
        raise TypeError(f"`target` must be a str or a callable. Received: target={shown(target)}")
    with _lock:
        if name in _entry_points() or _registered.get(name, target) != target:
            raise ValueError(f"The backend name {name!r} is taken; choose another. Received: name={shown(name)}")
        _registered[name] = target


def load(name: str) -> "Backend":
    """Return the backend of this name, importing its framework when it is first asked for.

    Parameters
    ----------
    name : str
        One of `available_backends`.

    Returns
    -------
    Backend
        The one instance of the process.

    Raises
    ------
    TypeError
        If `name` is not a str.
    ValueError
        If no backend has this name, or two distributions claim it.
    ImportError
        If its framework is not installed; the message has the command that installs it.
    """
    found = _loaded.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    if not isinstance(name, str):
        raise TypeError(f"`backend` must be a str, the name of a backend. Received: backend={shown(name)}")
    global _recorders, readers  # noqa: PLW0603 - tuples, which those who ask see whole
    with _lock:
        if name not in _loaded:
            _loaded[name] = backend = _create(name)
            if records := getattr(backend, "records", None):
                _recorders = (*_recorders, (backend, records))
            if reads := getattr(backend, "reads", None):
                readers = (*readers, (backend, reads))
        return _loaded[name]


def _after_fork() -> None:
    # Another thread may have been loading a backend, and is not there any more.
    global _lock  # noqa: PLW0603 - a lock that nobody would give back
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def is_declared(name: str) -> bool:
    """Tell whether an installed package declares a backend, so that every process finds it."""
    return name in _entry_points()


def is_loaded(name: str) -> bool:
    """Tell whether a backend has been loaded."""
    return name in _loaded


def loaded() -> "tuple[Backend, ...]":
    """Return the backends that have been loaded so far."""
    return tuple(_loaded.values())


def recorders() -> "tuple[tuple[Backend, Callable[[], bool]], ...]":
    """Return those of them whose framework records programs, each with the method that tells whether it does so now."""
    return _recorders


def _create(name: str) -> "Backend":
    target = _registered.get(name)
    if target is None:
        factory = _of_package(name)
        return _called(factory) if factory else _from_entry_point(name)
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        target = getattr(import_module(module), attribute)
    return _called(target)


def _of_package(name: str) -> Any:
    """Return the class `backend` of the package with this name, if there are such."""
    if not name.isidentifier():
        return None
    package = f"oneseed_{name}"
    try:
        found = getattr(import_module(package), "backend", None)
    except ImportError as error:
        if error.name == package or _entry_points():  # which know what to install
            return None
        raise _missing(name, error, (error.name or package).partition(".")[0]) from error
    return found if isinstance(found, type) else None


def _called(factory: Any) -> "Backend":
    instance: Backend = factory()
    return instance


def _from_entry_point(name: str) -> "Backend":
    entries = _entry_points().get(name, [])
    if not entries:
        known = available_backends()
        raise ValueError(
            f"`backend` must be one of {', '.join(map(repr, known))}.{nearest(name, known)} "
            f"Received: backend={shown(name)}"
        )
    if len(entries) > 1:
        owners = " and ".join(sorted(map(_owner, entries)))
        raise ValueError(
            f"The backend name {name!r} is claimed by {owners}; uninstall one of them. Received: backend={shown(name)}"
        )
    (entry,) = entries
    try:
        factory = entry.load()
    except ImportError as error:
        module = (error.name or _owner(entry)).partition(".")[0]
        # What the extra of the backend's name stands for, if its distribution has one.
        packages = of_extra(name, module, entry.dist) if entry.dist else (module,)
        raise _missing(name, error, *packages) from error
    return _called(factory)


def _missing(name: str, error: ImportError, *packages: str) -> ImportError:
    return ImportError(
        f"The backend {name!r} needs a package that cannot be imported ({error}). Install it with: {pip(*packages)}",
        name=error.name,
    )
