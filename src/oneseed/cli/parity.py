"""Whether the backends of this machine make the known answers."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from oneseed import registry
from oneseed.cli import parity_cases, processes, states
from oneseed.config import using
from oneseed.protocol import Backend


@dataclass(frozen=True)
class Check:
    """One draw on one backend in one mode, and what came of it.

    Attributes
    ----------
    case, dtype, backend, mode : str
        What was drawn, and how.
    expected, found : str
        The known fingerprint and the one that came out; None where nothing did.
    refusal : str or None
        Why the backend does not have the dtype, as its `check_dtype` says.
    error : str or None
        The error of a draw that failed.
    """

    case: str
    dtype: str
    backend: str
    mode: str
    expected: str | None
    found: str | None
    refusal: str | None = None
    error: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether the bits are the known ones."""
        return self.found is not None and self.found == self.expected

    @property
    def wrong(self) -> bool:
        """Whether they are not, though the backend has the dtype."""
        return not self.agrees and self.refusal is None


def all_agree(checks: list[Check]) -> bool:
    """Tell whether backends make the known answers: nothing is wrong, and each has made at least one."""
    able = {item.backend for item in checks if item.agrees}
    return able == {item.backend for item in checks} != set() and not any(item.wrong for item in checks)


def plan(backend: str, modes: list[str]) -> list[Check]:
    """List what there is to check on a backend, with nothing found yet."""
    return [
        Check(case, dtype, backend, mode, None, None)
        for mode in modes
        for case, asked in parity_cases.CASES.items()
        for dtype in asked.dtypes
    ]


def check(planned: list[Check]) -> Iterator[Check]:
    """Make each draw and compare its fingerprint.

    A dtype that the backend's `check_dtype` refuses is not a failure of the backend; any other error is.

    Parameters
    ----------
    planned : list of Check
        From `plan`.

    Yields
    ------
    Check
        What came of each draw.
    """
    for item in planned:
        engine = registry.load(item.backend)
        expected = parity_cases.answer(item.case, item.dtype)
        yield _checked(replace(item, expected=expected), engine, engine.modes()[item.mode])


def _checked(item: Check, engine: Backend, run: Callable[[Callable[[], Any]], Any]) -> Check:
    asking: list[str] = []
    asked = parity_cases.CASES[item.case]

    def make() -> Any:
        # Asked where the draw is made: the answer may depend on the device that the mode sets.
        asking.append(item.dtype)
        engine.check_dtype(item.dtype)
        asking.clear()
        return asked.draw(item.dtype)

    try:
        with using(backend=item.backend, rng="portable"):
            return replace(item, found=asked.digest(run(make)))
    except Exception as error:  # of whatever kind: a backend under test may be broken in any way
        if asking and isinstance(error, ValueError):
            return replace(item, refusal=str(error))
        return replace(item, error=f"{type(error).__name__}: {error}")


def told(name: str) -> Iterator[dict[str, Any]]:
    """Check a backend in this process.

    Parameters
    ----------
    name : str
        The backend's name.

    Yields
    ------
    dict
        Plain data: the names of its modes, then each check; or why the backend cannot be used.
    """
    state = states.state(name)
    if state != states.READY:
        yield {"unusable": state}
        return
    modes = list(registry.load(name).modes())
    yield {"modes": modes}
    for item in check(plan(name, modes)):
        yield asdict(item)


Tick = Callable[[str, int, int], None]
"""Takes a backend's name, how many of its draws are checked, and how many there are; 0 of 0 when it begins to load."""


class UnusableError(ImportError):
    """A backend that cannot be loaded."""


def follow(name: str, told: Iterator[dict[str, Any]], tick: Tick) -> list[Check]:
    """Gather the checks of a backend as they come in.

    Parameters
    ----------
    name : str
        The backend's name.
    told : iterator of dict
        From `told`. Where it ends with an error, all that was not told has failed.
    tick : callable
        Is told how far it has come.

    Returns
    -------
    list of Check
        All that was planned.

    Raises
    ------
    UnusableError
        If the backend cannot be loaded.
    """
    tick(name, 0, 0)
    planned: list[Check] = []
    done: list[Check] = []
    try:
        for facts in told:
            if "unusable" in facts:
                raise UnusableError(facts["unusable"])
            if "modes" in facts:
                planned = plan(name, facts["modes"])
            else:
                done.append(Check(**facts))
            tick(name, len(done), len(planned))
    except processes.EndedError as error:
        if not planned:
            raise UnusableError(str(error)) from error
        done += [replace(item, error=str(error)) for item in planned[len(done) :]]
    return done
