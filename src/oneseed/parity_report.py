"""What `oneseed parity` shows."""

from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from oneseed.parity import Check, check, plan


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
        "agree": all(item.agrees for item in checks if item.refusal is None),
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
            }
            for item in checks
        ],
        "missing": missing,
    }


def show(checks: list[Check], missing: dict[str, str], console: Console) -> None:
    """Print a row for each draw and a column for each backend and mode.

    Parameters
    ----------
    checks : list of Check
        The results.
    missing : dict
        Backends that cannot be used, and why.
    console : Console
        Where to print.
    """
    columns = list(dict.fromkeys((item.backend, item.mode) for item in checks))
    rows = list(dict.fromkeys((item.case, item.dtype, item.expected) for item in checks))
    cells = {(item.case, item.dtype, item.backend, item.mode): _cell(item) for item in checks}
    table = Table("initializer", "dtype", "fingerprint", *(f"{backend}\n{mode}" for backend, mode in columns))
    for case, dtype, expected in rows:
        table.add_row(case, dtype, expected, *(cells[case, dtype, backend, mode] for backend, mode in columns))
    console.print(table)
    differ = [item for item in checks if not item.agrees and item.refusal is None]
    for reason in dict.fromkeys(f"{item.backend}: {item.refusal}" for item in checks if item.refusal):
        console.print(f"refused by {reason}", highlight=False)
    for name, reason in missing.items():
        console.print(f"not checked: {name}: {reason}", highlight=False)
    agree = sum(item.agrees for item in checks)
    console.print(f"{agree} of {len(checks)} draws agree, {len(differ)} differ.", highlight=False)


def _cell(item: Check) -> str:
    if item.refusal is not None:
        return "refused"
    return "equal" if item.agrees else f"[bold red]{item.found}[/]"
