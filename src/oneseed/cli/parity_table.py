"""What `oneseed parity` shows."""

from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from oneseed.cli.parity import Check, all_agree, check, plan


def run(backends: list[str]) -> list[Check]:
    """Check everything on these backends, behind a progress bar."""
    planned = plan(backends)
    console = Console(stderr=True)
    bar = track(
        check(planned), "checking", len(planned), console=console, transient=True, disable=not console.is_terminal
    )
    return list(bar)


def as_dict(checks: list[Check], missing: dict[str, str]) -> dict[str, Any]:
    """Return the results as plain data."""
    return {
        "agree": all_agree(checks),
        "checks": [
            {
                "initializer": item.case,
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
    """Print a table for each backend: a row for each initializer, a column for each mode, the dtypes in a cell.

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
            table.add_row(case, *(_cell([i for i in mine if (i.case, i.mode) == (case, mode)]) for mode in modes))
        console.print(table)
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


def _cell(items: list[Check]) -> str:
    """Say how many dtypes agree, and name those that do not."""
    others = [f"{item.dtype} {_fate(item)}" for item in items if not item.agrees]
    return ", ".join([f"{len(items) - len(others)} dtypes equal", *others])


def _fate(item: Check) -> str:
    return "refused" if item.refusal is not None else "failed" if item.error is not None else "differs"
