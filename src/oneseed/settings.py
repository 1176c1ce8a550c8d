"""The state of the settings; `oneseed.config` is how users read and change it.

There is a default for the whole process, which every thread sees, and a ContextVar with what `using` blocks override.
"""

import os
from contextvars import ContextVar
from typing import Any, NamedTuple

from oneseed.checks import one_of

FLOATX = ("bfloat16", "float16", "float32", "float64")
IMAGE_DATA_FORMATS = ("channels_first", "channels_last")
RNGS = ("native", "portable")


class Settings(NamedTuple):
    """The values in force."""

    backend: str
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    rng: str = "portable"


_defaults = Settings(
    backend=os.environ.get("ONESEED_BACKEND") or "numpy", rng=os.environ.get("ONESEED_RNG") or "portable"
)
latest = _defaults
"""What was in force when a setting last changed, in whatever thread: compilers that read code ask for what they see."""


class Overrides:
    """What the `using` blocks around some code set."""

    __slots__ = ("_made", "values")

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self._made: tuple[Settings, Settings] | None = None

    def over(self, defaults: Settings) -> Settings:
        """Return the defaults with these values in their place; the same object for the same defaults."""
        made = self._made
        if made is None or made[0] is not defaults:
            made = self._made = defaults, defaults._replace(**self.values)
        return made[1]


scope: ContextVar[Overrides | None] = ContextVar("oneseed.config", default=None)


one_of("ONESEED_RNG", _defaults.rng, RNGS)


def in_force() -> Settings:
    """Return the settings in force here: the defaults, and over them those of the `using` blocks."""
    overrides = scope.get()
    return _defaults if overrides is None else overrides.over(_defaults)


def change(**values: Any) -> None:
    """Change defaults of the process."""
    global _defaults  # noqa: PLW0603 - the one place where the process-wide default changes
    _defaults = _defaults._replace(**values)
    note()


def note() -> None:
    """Note that what is in force has changed."""
    global latest  # noqa: PLW0603 - see its definition
    latest = in_force()
