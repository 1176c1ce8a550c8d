"""What `oneseed parity` shows."""

import sys
import threading
import time
from typing import Any

from rich import progress as bars
from rich.console import Console
from rich.table import Table

from oneseed import registry
from oneseed.cli import parity_cases, processes
from oneseed.cli.parity import Check, UnusableError, all_agree, follow, told
from oneseed.cli.progress import EVERY


class Watch:
    """Shows how far the backends have come: a bar on a terminal, and now and then a line where a log is written."""

    def __init__(self, names: list[str]) -> None:
        self._parts: dict[str, tuple[int, int]] = {}
        self._backends = len(names)
        self._shown = time.monotonic()
        self._lock = threading.Lock()
        console = Console(stderr=True)
        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(20),
            bars.TaskProgressColumn(),
            bars.TimeElapsedColumn(),
        )
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._bar = bars.Progress(*columns, console=console, transient=True, disable=not self._live)
        self._task = self._bar.add_task("loading", total=self._backends)

    def __enter__(self) -> "Watch":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Take how far a backend has come."""
        with self._lock:
            self._parts[name] = done, total
            now = time.monotonic()
            log = not self._live and now - self._shown > EVERY
            if not (self._live or log):
                return
            share = sum(some / all_ for some, all_ in self._parts.values() if all_)
            busy = ", ".join(name for name, (some, all_) in self._parts.items() if some < all_ or not all_)
            what = f"{'checking' if any(all_ for _, all_ in self._parts.values()) else 'loading'} {busy}".rstrip()
            self._bar.update(self._task, completed=share, description=what)
            if log:
                self._shown = now
                print(f"oneseed: {what}: {share / self._backends:.0%}", file=sys.stderr, flush=True)


def run(backends: list[str], leave_out: bool) -> tuple[list[Check], dict[str, str]]:
    """Check everything on these backends, behind a progress bar.

    Parameters
    ----------
    backends : list of str
        Their names.
    leave_out : bool
        Whether a backend that cannot be used is left out; else it is an error.

    Returns
    -------
    list of Check
        What came of each draw.
    dict of str to str
        The backends that were left out, and why.

    Raises
    ------
    UnusableError
        If a backend cannot be used.
    ValueError
        If no backend has this name.
    """
    names = list(dict.fromkeys(backends))
    for name in names:
        if name not in registry.available_backends():
            registry.load(name)  # which says what there is
    missing: dict[str, str] = {}

    def checked(name: str) -> list[Check]:
        try:
            return follow(name, processes.listen("parity", name) if processes.own(name) else told(name), watch)
        except UnusableError as error:
            if not leave_out:
                raise
            missing[name] = str(error)
            return []

    with Watch(names) as watch:
        found = processes.each([name for name in names if processes.own(name)], checked)
        # Those that were registered in this process exist here alone.
        found |= {name: checked(name) for name in names if not processes.own(name)}
    return [item for name in names for item in found[name]], {name: missing[name] for name in names if name in missing}


def as_dict(checks: list[Check], missing: dict[str, str]) -> dict[str, Any]:
    """Return the results as plain data."""
    return {
        "agree": all_agree(checks),
        "checks": [
            {
                "draw": item.case,
                "dtype": item.dtype,
                "backend": item.backend,
                "mode": item.mode,
                "expected": item.expected,
                "found": item.found,
                "agrees": item.agrees,
                "refusal": item.refusal,
                "error": item.error,
            }
            for item in checks
        ],
        "missing": missing,
    }


def show(checks: list[Check], missing: dict[str, str], console: Console) -> None:
    """Print a table for each backend: a row for each kind of draw, a column for each mode, the dtypes in a cell.

    Parameters
    ----------
    checks : list of Check
        The results.
    missing : dict
        Backends that cannot be used, and why.
    console : Console
        Where to print.
    """
    for backend in dict.fromkeys(item.backend for item in checks):
        mine = [item for item in checks if item.backend == backend]
        modes = list(dict.fromkeys(item.mode for item in mine))
        table = Table(backend, *modes)
        for case in dict.fromkeys(item.case for item in mine):
            cells = (_cell([i for i in mine if (i.case, i.mode) == (case, mode)]) for mode in modes)
            table.add_row(case, *cells)
        console.print(table)
    _legend(checks, console)
    differ = [item for item in checks if item.wrong and item.error is None]
    for item in differ:
        console.print(
            f"differs: {item.case} {item.dtype} on {item.backend}, {item.mode}: {item.found}, not {item.expected}",
        )
    failed = [item for item in checks if item.error is not None]
    for reason in dict.fromkeys(f"{item.backend}, {item.mode}: {item.error}" for item in failed):
        console.print(f"failed on {reason}")
    for reason in dict.fromkeys(f"{item.backend}: {item.refusal}" for item in checks if item.refusal):
        console.print(f"refused by {reason}")
    for name, reason in missing.items():
        console.print(f"not checked: {name}: {reason}")
    agree = sum(item.agrees for item in checks)
    console.print(
        f"{agree} of {len(checks)} draws agree, {len(differ)} differ" + (f", {len(failed)} failed." if failed else ".")
    )


def _legend(checks: list[Check], console: Console) -> None:
    drawn = {item.case for item in checks}
    for case, meaning in parity_cases.MEANINGS.items():
        if case in drawn:
            console.print(f"{case}: {meaning}")
    console.print("All is compared with answers that come with the package.")
    console.print('Not compared: other shapes and arguments, devices without a column, rng="native".')


def _cell(items: list[Check]) -> str:
    """Say how many dtypes agree, and name those that do not."""
    others = [f"{item.dtype} {_fate(item)}" for item in items if not item.agrees]
    equal = len(items) - len(others)
    return ", ".join([f"{equal} dtype{'s' * (equal != 1)} equal", *others])


def _fate(item: Check) -> str:
    return "refused" if item.refusal is not None else "failed" if item.error is not None else "differs"
