"""Python's garbage collector, kept from what it could not free."""

import gc
from typing import Self


class CollectorPaused:
    """A context in which Python's garbage collector does not run of itself.

    The rows and draws of a model's parameters are all in use until the call ends, and are freed then without it. There
    are thousands of small ones: the collector would go through them, and through everything else that the process
    holds, several times in one call, which takes longer than filling the parameters. It runs again afterwards, unless
    it was off before.
    """

    __slots__ = ("_enabled",)

    def __enter__(self) -> Self:
        """Pause it."""
        self._enabled = gc.isenabled()
        gc.disable()
        return self

    def __exit__(self, *error: object) -> None:
        """Let it run again."""
        if self._enabled:
            gc.enable()
