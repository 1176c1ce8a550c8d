"""Learning what a call would write, instead of writing it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_here = threading.local()


@contextmanager
def recorded() -> Iterator[list[tuple[str, Any]]]:
    """Collect what is asked for in this thread: pairs of a kind, such as "draw", and what belongs to it."""
    found: list[tuple[str, Any]] = []
    _here.found = found
    try:
        yield found
    finally:
        del _here.found


def note(kind: str, what: Any) -> bool:
    """Note what a tensor on the meta device is asked to hold, if that is collected; tell whether it is."""
    found = getattr(_here, "found", None)
    if found is None:
        return False
    found.append((kind, what))
    return True
