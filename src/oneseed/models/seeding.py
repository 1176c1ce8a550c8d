"""A seed for initializers that have none of their own."""

import copy
from collections.abc import Iterator
from typing import Any

from oneseed import seeds
from oneseed.composites import Called
from oneseed.distributions import Distribution
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.targets import describes
from oneseed.stream.paths import Path


def seeded(initializer: Any, seed: Any, always: bool = False, path: Path = ()) -> Any:
    """Return an initializer that draws at a seed where it has none of its own, in its parts too.

    Parameters
    ----------
    initializer : initializer
        The initializer, or a function, which is returned as it is.
    seed : int or framework's seed
        The seed.
    always : bool
        Whether the initializers lose seeds of their own.
    path : tuple of str and int
        The path of the draw. One with a `__call__` of its own is not told it, and gets a seed that follows from `seed`
        and the path instead: two parameters would have the same values otherwise.

    Returns
    -------
    initializer
        A copy.

    Raises
    ------
    TypeError
        If `seed` is a framework's own, and no other seed can follow from it.
    """
    if not isinstance(initializer, Initializer):
        return initializer
    copied = copy.copy(initializer)
    for name, value in vars(initializer).items():
        if isinstance(value, Initializer):
            setattr(copied, name, seeded(value, seed, always, (*path, name)))
        elif isinstance(value, list | tuple) and any(isinstance(item, Initializer) for item in value):
            parts = (seeded(item, seed, always, (*path, name, number)) for number, item in enumerate(value))
            setattr(copied, name, type(value)(parts))
    if isinstance(copied, RandomInitializer) and (always or gets_seed(copied)):
        copied.seed = seed if describes(copied) else _derived(copied, seed, path)
    return copied


def gets_seed(initializer: Any) -> bool:
    """Tell whether an initializer by itself, its parts aside, takes a seed and was given none."""
    return isinstance(initializer, RandomInitializer) and getattr(initializer, "_given", initializer.seed) is None


def _derived(initializer: RandomInitializer, seed: Any, path: Path) -> int:
    if not isinstance(seed, int):
        raise TypeError(
            "`seed` must be an integer for an initializer with a `__call__` of its own, whose seed follows from it and "
            f"from the parameter's name. Received: seed={seed!r} for {initializer!r}"
        )
    return seeds.derived(seed, (*path, "seed"))


def called(distribution: Distribution) -> Iterator[Any]:
    """Give what a distribution calls with a shape and a dtype alone: functions, and initializers with such a call."""
    if isinstance(distribution, Called):
        yield distribution.function
    for draw in distribution.draws:
        yield from called(draw.distribution)


def takes_seed(function: Any) -> bool:
    """Tell whether what is called with a shape and a dtype has a seed that a scheme, or its user, decides."""
    return isinstance(function, RandomInitializer)
