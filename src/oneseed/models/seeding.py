"""A seed for initializers that have none of their own."""

import copy
from typing import Any

from oneseed.initializers.base import Initializer, RandomInitializer


def seeded(initializer: Any, seed: Any, always: bool = False) -> Any:
    """Return an initializer that draws at `seed` where it has no seed of its own, or `always`, in its parts too."""
    if not isinstance(initializer, Initializer):
        return initializer
    made = copy.copy(initializer)
    for name, value in vars(initializer).items():
        if isinstance(value, Initializer):
            setattr(made, name, seeded(value, seed, always))
        elif isinstance(value, list | tuple) and any(isinstance(item, Initializer) for item in value):
            setattr(made, name, type(value)(seeded(item, seed, always) for item in value))
    if isinstance(made, RandomInitializer) and (always or getattr(made, "_given", made.seed) is None):
        made.seed = seed
    return made
