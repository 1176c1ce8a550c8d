"""What initializers made of others share."""

import inspect
from collections.abc import Sequence
from typing import Any

from oneseed import checks
from oneseed.checks import Shape, shown
from oneseed.draws import Draw
from oneseed.initializers.base import Initializer
from oneseed.initializers.serialization import get


class CompositeInitializer(Initializer):
    """An initializer made of others: each part decides its own draw, which `Target.part` returns."""

    def __repr__(self) -> str:
        """Show the arguments."""
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in inspect.signature(type(self)).parameters)
        return f"{type(self).__name__}({arguments})"


def resolved(argument: str, identifier: Any) -> Any:
    """Return the initializer that `identifier` stands for, as `get` reads it; None is refused."""
    if identifier is None:
        raise TypeError(f"`{argument}` must be an initializer, or what `get` makes one of. Received: {argument}=None")
    return get(identifier)


def several(argument: str, identifiers: Any) -> list[Any]:
    """Return a list of initializers, at least one."""
    given = checks.listed(identifiers)
    if given is None:
        raise TypeError(f"`{argument}` must be a sequence of initializers. Received: {argument}={shown(identifiers)}")
    found = [resolved(argument, identifier) for identifier in given]
    if not found:
        raise ValueError(f"`{argument}` must hold at least one initializer. Received: {argument}={shown(identifiers)}")
    return found


def axis_of(axis: int, shape: Shape) -> int:
    """Return an axis counted from the front, or raise ValueError if the shape lacks it."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"`shape` must have the axis {axis}. Received: shape={shape}")
    return axis % len(shape)


def check_on_host(draws: Sequence[Draw], name: str) -> None:
    """Refuse seeds whose values may not be at hand, for what is computed on the host."""
    for draw in draws:
        for leaf in draw.leaves:
            if not isinstance(leaf.seed, int | None):
                raise TypeError(
                    f"`seed` must be an integer or a SeedGenerator in the parts of {name}, which is computed on the "
                    f"host. Received: seed={shown(leaf.seed)}"
                )
