"""What `oneseed verify` does: make every value of a checkpoint again and compare."""

import time
from pathlib import Path
from typing import Any

from rich.console import Console

from oneseed import checkpoint
from oneseed.cli.progress import Progress, clock


def verify(directory: Path, quick: bool) -> dict[str, Any]:
    """Return what was found as plain data."""
    start = time.monotonic()
    with Progress("verifying") as progress:
        found = checkpoint.verify(directory, quick=quick, progress=progress)
    return {
        "directory": str(directory),
        "compared": "fingerprints" if quick else "values",
        "equal": found is None,
        "difference": None if found is None else found.as_dict(),
        "message": None if found is None else str(found),
        "seconds": round(time.monotonic() - start, 3),
    }


def show(facts: dict[str, Any], console: Console) -> None:
    """Print what was found."""
    if facts["equal"]:
        console.print(f"{facts['directory']}: all {facts['compared']} are equal, {clock(facts['seconds'])}")
    else:
        console.print(f"{facts['directory']}: {facts['message']}")
