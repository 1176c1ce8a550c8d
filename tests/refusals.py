"""What the tests of bad input share: an error must come early, from our own code, and say what to do."""

import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from oneseed import checks, config, registry

ANYTHING = object()
"""What no argument accepts."""

ALLOCATORS = ("empty", "full", "ones", "zeros")


def shown(value):
    """Name a value alike in every process, without its place in memory, so that tests can run side by side."""
    return checks.shown(value).encode("ascii", "backslashreplace").decode().partition(" at 0x")[0][:80]


@contextmanager
def refused(kind, *words, received="", may=()):
    """Expect an error of exactly this type, with all these words, before anything is allocated or drawn.

    `received` is how the message goes on after "Received: ". What is named in `may` is allowed: to "reach" the backend,
    as one must to have a device refused, or to "allocate", as SciPy does to tell whether it knows a window.
    """

    def made(*args, **kwargs):
        raise AssertionError("the input was not refused before something was made")

    engine = type(registry.load(config.backend()))  # loaded now: importing a framework allocates
    with pytest.MonkeyPatch.context() as patch:
        for name in () if "allocate" in may else ALLOCATORS:
            patch.setattr(np, name, made)
        if "reach" not in may:
            patch.setattr(engine, "draw", made)
        with pytest.raises(kind) as caught:
            yield
    error = caught.value
    message = str(error)
    assert type(error) is kind
    for word in words:
        assert word in message, f"{word!r} is not in the message: {message}"
    assert f"Received: {received}" in message, f"'Received: {received}' is not in the message: {message}"
    source = Path(caught.traceback[-1].path)
    homes = (Path(sys.modules[package].__file__).parent for package in ("oneseed", engine.__module__))
    assert any(source.is_relative_to(home) for home in homes), f"raised in {source}: {message}"
