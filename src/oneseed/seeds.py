"""Seeds: where a random initializer's address comes from."""

import os
import sys
import warnings
from threading import Lock
from typing import Any

import numpy as np

from oneseed import registry
from oneseed.checks import index, shown
from oneseed.host_arrays import backend_of, backends_present, host
from oneseed.protocol import Backend
from oneseed.stream.paths import Path, stream_number

_LIMIT = 2**64

_lock = Lock()
"""Held while a number is counted; a forked process gets a new one, since no thread there would release the old one."""

AT_ONCE = 256
"""Seeds of objects built without one that are made together."""


class SeedGenerator:
    """A seed that gives a new draw at each use, and the same sequence for the same seed.

    Its n-th draw, counted from 0, appends the integer n to the path of the draw. It is safe to share
    between threads: no two draws get the same number.

    Parameters
    ----------
    seed : int, optional
        An integer in ``[0, 2**64)``. None takes one as an unseeded initializer does.

    Raises
    ------
    TypeError
        If `seed` is not an integer.
    ValueError
        If it is out of range.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.GlorotUniform(seed=oneseed.random.SeedGenerator(7))
    >>> a, b = init((2, 3)), init((2, 3))
    >>> bool((a == b).any())
    False
    >>> again = oneseed.initializers.GlorotUniform(seed=oneseed.random.SeedGenerator(7))
    >>> bool((a == again((2, 3))).all())
    True
    """

    def __init__(self, seed: int | None = None) -> None:
        self._given = seed if seed is None else check_seed(seed)
        self.seed: int = unseeded() if self._given is None else self._given
        self._count = 0

    @property
    def count(self) -> int:
        """How many draws have been numbered so far, which is the number of the next one."""
        return self._count

    def next(self) -> int:
        """Return the number of the next draw, and count it.

        Returns
        -------
        int
            0 at the first call.
        """
        warn_if_recorded()
        with _lock:
            number = self._count
            self._count += 1
        return number

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments.

        Returns
        -------
        dict
            ``{"seed": ...}``; None stays None.
        """
        return {"seed": self._given}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SeedGenerator":
        """Build a generator that starts at its first draw.

        Parameters
        ----------
        config : dict
            As from `get_config`; Keras's "name" is ignored.

        Returns
        -------
        SeedGenerator
            The generator.

        Raises
        ------
        TypeError
            If `config` is not a dict.
        ValueError
            If it has other keys.
        """
        if not isinstance(config, dict):
            raise TypeError(f"`config` must be a dict. Received: config={shown(config)}")
        if unknown := sorted(map(str, set(config) - {"seed", "name"})):
            raise ValueError(
                "The configuration of a SeedGenerator must have no keys but 'seed' and 'name'; it has "
                f"{', '.join(map(repr, unknown))}. Received: config={shown(config)}"
            )
        return cls(config.get("seed"))

    def __repr__(self) -> str:
        """Show seed and count."""
        return f"<SeedGenerator seed={self.seed} count={self._count}>"

    def __getstate__(self) -> tuple[int | None, int, int]:
        """Return what copies and pickles hold."""
        return self._given, self.seed, self._count

    def __setstate__(self, state: tuple[int | None, int, int]) -> None:
        """Restore it."""
        self._given, self.seed, self._count = state


def serialized(seed: SeedGenerator) -> dict[str, Any]:
    """Return a SeedGenerator as plain data."""
    return {
        "module": "oneseed.random",
        "class_name": "SeedGenerator",
        "config": seed.get_config(),
        "registered_name": None,
    }


def deserialized(config: dict[str, Any]) -> SeedGenerator:
    """Build a SeedGenerator from plain data, ours or Keras's."""
    arguments = config.get("config")
    if config.get("class_name") != "SeedGenerator" or not isinstance(arguments, dict):
        raise ValueError(
            "A dict as `seed` must be a serialized SeedGenerator, with 'class_name' and 'config'. "
            f"Received: seed={shown(config)}"
        )
    return SeedGenerator.from_config(arguments)


def check_seed(seed: Any) -> int:
    """Check a seed given as an integer; ValueError or TypeError if it is not in ``[0, 2**64)``."""
    return index("seed", seed, 0, _LIMIT)


def is_framework_seed(seed: Any) -> bool:
    """Tell whether a seed is a framework's own: a tensor or key, perhaps without a value yet."""
    return hasattr(seed, "dtype") and not isinstance(seed, np.generic | np.ndarray) and backend_of(seed) is not None


def resolve(seed: Any) -> Any:
    """Return what an initializer draws with: the generator, the integer, or for None a seed of its own.

    Parameters
    ----------
    seed : int, SeedGenerator, framework's seed or None
        The constructor's argument.

    Returns
    -------
    int, SeedGenerator or framework's seed
        The seed.

    Raises
    ------
    TypeError
        If `seed` is of another type.
    ValueError
        If it is an integer out of range.
    """
    if seed is None:
        return unseeded()
    if isinstance(seed, SeedGenerator) or is_framework_seed(seed):
        return seed
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(
            "`seed` must be an integer in [0, 2**64), a SeedGenerator, a framework's own seed, or None for a new one. "
            f"Received: seed={shown(seed)}"
        )
    return check_seed(seed)


class Ahead:
    """The numbers that generators would give to the next draws, none of which is counted."""

    def __init__(self) -> None:
        self._asked: list[SeedGenerator] = []

    def __bool__(self) -> bool:
        """Tell whether a generator has been asked."""
        return bool(self._asked)

    def next(self, generator: SeedGenerator) -> int:
        """Return the number of a draw that follows those asked for here before."""
        number = generator.count + sum(asked is generator for asked in self._asked)
        self._asked.append(generator)
        return number


def address(seed: Any, path: Path, advance: bool | Ahead) -> tuple[Any, Path]:
    """Return seed and path of the next draw: True counts it in a generator, False does not, an `Ahead` looks on."""
    if type(seed) is int and not _of_programs:
        return seed, path
    if isinstance(seed, SeedGenerator):
        ahead = advance if isinstance(advance, Ahead) else Ahead()
        return seed.seed, (*path, seed.next() if advance is True else ahead.next(seed))
    if _of_programs and advance is True and type(seed) is int and seed in _of_programs:
        warn_if_recorded()
    return seed, path


def derived(seed: int, path: Path) -> int:
    """Return a seed that follows from another and a path: the first 64-bit word of their stream."""
    return int(host().words(seed, stream_number(path), 0, 1)[0])


class _Unseeded:
    """The sequence of seeds of objects that are built without one."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.count = 0
        self.from_entropy = True
        self.of_worker = False
        self.ahead: list[int] = []
        """Seeds that come next, the last first; of which worker they are."""
        self.worker: Path = ()

    def start(self, seed: int | None) -> None:
        of_worker = seed is not None and bool(_worker())
        with _lock:
            self.seed, self.count, self.from_entropy, self.of_worker, self.ahead = seed, 0, seed is None, of_worker, []

    def next(self) -> int:
        # A seed that a worker process has chosen for itself is for it alone; one from before, it shares with others.
        worker = () if self.of_worker else _worker()
        with _lock:
            if self.ahead and self.worker == worker:
                self.count += 1
                return self.ahead.pop()
            if self.seed is None:
                self.seed = int.from_bytes(os.urandom(8), "little")
            seed, number = self.seed, self.count
            self.count = number + 1
        first = number // AT_ONCE * AT_ONCE
        words = host().words(seed, stream_number(("unseeded", *worker)), first, AT_ONCE).tolist()[number - first :]
        with _lock:
            if (self.seed, self.count) == (seed, number + 1):  # nobody has come between
                self.ahead, self.worker = words[:0:-1], worker
        return int(words[0])

    def after_fork(self) -> None:
        # A child must not repeat its parent's seeds, unless the user chose them.
        if self.from_entropy:
            self.seed, self.count, self.ahead = None, 0, []


_unseeded = _Unseeded()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - see its definition
    _lock = Lock()
    _unseeded.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


_of_programs: set[int] = set()
"""The seeds of objects that were built without one while a framework recorded a program."""


def unseeded(asked: str | None = None) -> int:
    """Return the seed of the next object that is built without one.

    Parameters
    ----------
    asked : str, optional
        The name of a backend of which the caller knows that it records no program and compiles no code now.

    Returns
    -------
    int
        The seed.
    """
    for reader, reads in registry.readers:
        if reader.name != asked and reads():
            late: int = reader.outside(unseeded)
            return late
    seed = _unseeded.next()
    for backend, records in registry.recorders():
        if backend.name != asked and records():
            # Not every object draws with its seed, so that the draw is what warns.
            _of_programs.add(seed)
            break
    return seed


def _worker() -> Path:
    """Return what tells this process apart from others that load data for the same program; () if it does not."""
    # The main process, most often: it asks nobody.
    module = sys.modules.get("multiprocessing.process")
    if module is None or module.parent_process() is None:
        return ()
    for backend in backends_present():
        worker: Path = getattr(backend, "worker", tuple)()
        if worker:
            return worker
    return ()


def _recorder() -> Backend | None:
    """Return the backend whose framework records a program now, or None."""
    for backend, records in registry.recorders():
        if records():
            return backend
    return None


def warn_if_recorded() -> None:
    """Warn if a framework records a program, in which the next number of a sequence is one number for ever."""
    backend = _recorder()
    if backend is not None:
        warnings.warn(
            f"A draw without an int as `seed`, in a program that {backend.name} records: the program repeats the "
            "values of this one draw at each run. Give an int, or a seed of the framework's own, as `seed`; or draw "
            "outside of the program.",
            UserWarning,
            stacklevel=level_of_caller(),
        )


def level_of_caller() -> int:
    """Return the `stacklevel` with which the function that calls this warns of what a user wrote."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("oneseed"):
        level, frame = level + 1, frame.f_back
    return level


def chosen() -> bool:
    """Tell whether `set_random_seed` decides the seeds of objects that are built without one."""
    return not _unseeded.from_entropy


def set_random_seed(seed: int) -> None:
    """Fix the seeds of all initializers and generators built without one from here on.

    The n-th of them, counted from this call, always gets the same seed. Python's, NumPy's and the
    frameworks' own generators are not touched.

    Parameters
    ----------
    seed : int
        An integer in ``[0, 2**64)``.

    Raises
    ------
    TypeError
        If `seed` is not an integer.
    ValueError
        If it is out of range.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.set_random_seed(1)
    >>> first = oneseed.initializers.HeNormal().seed
    >>> oneseed.set_random_seed(1)
    >>> first == oneseed.initializers.HeNormal().seed
    True
    """
    _unseeded.start(check_seed(seed))
