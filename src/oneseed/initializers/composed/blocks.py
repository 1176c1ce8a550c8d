"""Initializers of tensors that hold several weights side by side."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from oneseed import checks, config
from oneseed.checks import Shape
from oneseed.composites import Called, Composite, Concatenated, parts_of
from oneseed.draws import Draw
from oneseed.fans import fans
from oneseed.initializers.base import Initializer, checked_call
from oneseed.seeds import Ahead
from oneseed.stream.paths import Part, Path, as_path


class Call(NamedTuple):
    """The arguments of a call that a part takes over, checked."""

    dtype: str
    axes: str | None
    path: Path
    advance: bool | Ahead

    def part(self, initializer: Any, shape: Shape, name: Part | None = None) -> Draw:
        """Return a part's draw: of its own shape, at the whole's path with its name behind it."""
        path = self.path if name is None else (*self.path, name)
        first = (0,) * len(shape)
        if not describes(initializer):
            order = tuple(range(len(shape)))
            return Draw(Called(initializer), shape, self.dtype, None, path, order, 1, 1, first, shape)
        # Nothing is made yet: asked for an empty block, the part may be larger than any memory.
        made: Draw = initializer._draw(shape, self.dtype, self.axes, path, first, first, self.advance)
        return made._replace(offset=first, block=shape)


class CompositeInitializer(Initializer):
    """What initializers made of others share: each part decides its own draw."""

    def _compose(self, shape: Shape, call: Call) -> Composite:
        """Return the parts of a tensor."""
        raise NotImplementedError

    def _draw(
        self,
        shape: Any,
        name: str,
        axes: Any,
        path: Any,
        partition_shape: Any,
        partition_offset: Any,
        advance: bool | Ahead,
    ) -> Draw:
        whole, layout, parts, offset, block = checked_call(shape, name, axes, path, partition_shape, partition_offset)
        order = layout.order if layout else tuple(range(len(whole)))
        ahead = advance if isinstance(advance, Ahead) else Ahead()

        def composed(advance: bool | Ahead) -> Draw:
            law = self._compose(whole, Call(name, axes, parts, advance))
            return Draw(law, whole, name, None, parts, order, *fans(whole, layout), offset, block)

        with config.using(rng="portable"):  # a part's numbers are its own; below it is said what native ones are
            made = composed(ahead)
        if config.rng() == "native" and any(part.seed is not None for part in parts_of(made)):
            raise ValueError(
                f"`rng` must be 'portable' for {type(self).__name__}, whose parts draw on streams of their own. "
                "Received: rng='native'"
            )
        # All parts have been checked; only now may their generators count.
        return composed(True) if advance is True else made

    def __repr__(self) -> str:
        """Show the arguments."""
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in inspect.signature(type(self)).parameters)
        return f"{type(self).__name__}({arguments})"


def describes(initializer: Any) -> bool:
    """Tell whether an initializer says what it draws; functions, and classes with a `__call__` of their own, do not."""
    cls = type(initializer)
    return (
        isinstance(initializer, Initializer)
        and cls.__call__ is Initializer.__call__
        and (cls._distribution, cls._draw) != (Initializer._distribution, Initializer._draw)
    )


def resolved(argument: str, identifier: Any) -> Any:
    """Return the initializer that `identifier` stands for, as `get` reads it; None is none."""
    from oneseed.initializers.serialization import get

    if identifier is None:
        raise TypeError(f"`{argument}` must be an initializer, or what `get` makes one of. Received: {argument}=None")
    return get(identifier)


def several(argument: str, identifiers: Any) -> list[Any]:
    """Return a list of initializers, at least one."""
    if isinstance(identifiers, str | dict) or not isinstance(identifiers, Iterable):
        raise TypeError(f"`{argument}` must be a sequence of initializers. Received: {argument}={identifiers!r}")
    found = [resolved(argument, identifier) for identifier in identifiers]
    if not found:
        raise ValueError(f"`{argument}` must hold at least one initializer. Received: {argument}={identifiers!r}")
    return found


def serialized(initializer: Any) -> dict[str, Any]:
    """Return an initializer as plain data."""
    from oneseed.initializers.serialization import serialize

    return serialize(initializer)


def axis_of(axis: int, shape: Shape) -> int:
    """Return an axis counted from the front, or raise ValueError if the shape has it not."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"`shape` must have the axis {axis}. Received: shape={shape}")
    return axis % len(shape)


class Blockwise(CompositeInitializer):
    """Fill blocks along an axis, each by an initializer of its own: packed weights such as query, key and value.

    A block is initialized as the separate weight that it stands for: with its own shape, hence its own fans, and at the
    path of the whole with the block's name behind it, or its number if it has none. So the block "q" of a weight at
    path ``("attention",)`` equals the separate weight at path ``("attention", "q")``.

    Parameters
    ----------
    initializers : sequence of initializers
        One for each block, or whatever `get` makes one of. A function, or a custom class with a `__call__` of its own,
        is called for the whole block, without `axes` and `path`.
    sizes : sequence of int
        The size of each block along the axis; together the size of the whole.
    axis : int
        The axis, counted from the end where negative.
    names : sequence of str, optional
        The name of each block in its path.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are not as many sizes, and names, as initializers, or a name comes twice. At the call, if the sizes do
        not add up to that of the axis, or an initializer refuses its block.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017, whose projections are the packed weights.

    Examples
    --------
    >>> import oneseed
    >>> glorot = oneseed.initializers.GlorotUniform(seed=7)
    >>> packed = oneseed.initializers.Blockwise([glorot] * 3, [8, 8, 8], axis=0, names=["q", "k", "v"])
    >>> w = packed((24, 8), axes="o i", path="attention")
    >>> q = glorot((8, 8), axes="o i", path=("attention", "q"))
    >>> bool((w[:8] == q).all())
    True
    """

    def __init__(
        self,
        initializers: Sequence[Any],
        sizes: Sequence[int],
        axis: int = -1,
        names: Sequence[str] | None = None,
    ) -> None:
        self.initializers = several("initializers", initializers)
        self.sizes = list(checks.counts(sizes, "sizes"))
        self.axis = checks.index("axis", axis, -checks.MAX_RANK, checks.MAX_RANK)
        self.names = None if names is None else _names(names)
        for argument, given in (("sizes", self.sizes), ("names", self.names)):
            if given is not None and len(given) != len(self.initializers):
                raise ValueError(
                    f"`{argument}` must have one entry for each of the {len(self.initializers)} initializers. "
                    f"Received: {argument}={given!r}"
                )

    def _compose(self, shape: Shape, call: Call) -> Concatenated:
        axis = axis_of(self.axis, shape)
        if sum(self.sizes) != shape[axis]:
            raise ValueError(
                f"`shape` must have the size {sum(self.sizes)} on axis {self.axis}, which the blocks add up to. "
                f"Received: shape={shape}"
            )
        names: Sequence[Part] = self.names or range(len(self.sizes))
        parts = (
            call.part(initializer, (*shape[:axis], size, *shape[axis + 1 :]), name)
            for initializer, size, name in zip(self.initializers, self.sizes, names, strict=True)
        )
        return Concatenated(tuple(parts), axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializers as plain data."""
        return {
            "initializers": [serialized(initializer) for initializer in self.initializers],
            "sizes": list(self.sizes),
            "axis": self.axis,
            "names": None if self.names is None else list(self.names),
        }


class PerGroup(CompositeInitializer):
    """Fill equal groups along an axis by one initializer: grouped convolutions, experts, fused gates.

    Each group is initialized as a weight of its own, with the fans of its own shape, at the path of the whole with the
    group's number behind it. Where the groups have an axis to themselves, such as experts ``(e, in, out)``, a batch
    axis at the call, ``axes="e i o"``, says the same in one draw; `PerGroup` is for groups that share an axis with
    something else, such as the outputs of a grouped convolution.

    Parameters
    ----------
    initializer : initializer
        What fills each group, or whatever `get` makes one of.
    groups : int
        How many groups, 1 or more.
    axis : int
        The axis, counted from the end where negative.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `groups` is below 1. At the call, if it does not divide the size of the axis, or the initializer refuses a
        group.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.PerGroup(oneseed.initializers.HeNormal(seed=7), groups=4, axis=0)
    >>> w = init((32, 2, 3, 3), axes="o i h w")  # a convolution from 8 to 32 channels in 4 groups
    >>> init.describe((32, 2, 3, 3), axes="o i h w").distribution.parts[0].fan_in
    18
    """

    def __init__(self, initializer: Any, groups: int, axis: int = -1) -> None:
        self.initializer = resolved("initializer", initializer)
        self.groups = checks.index("groups", groups, 1, 2**31)
        self.axis = checks.index("axis", axis, -checks.MAX_RANK, checks.MAX_RANK)

    def _compose(self, shape: Shape, call: Call) -> Concatenated:
        axis = axis_of(self.axis, shape)
        if shape[axis] % self.groups:
            raise ValueError(
                f"`groups` must divide the size of axis {self.axis} of the shape {shape}. "
                f"Received: groups={self.groups}"
            )
        group = (*shape[:axis], shape[axis] // self.groups, *shape[axis + 1 :])
        return Concatenated(tuple(call.part(self.initializer, group, number) for number in range(self.groups)), axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializer as plain data."""
        return {"initializer": serialized(self.initializer), "groups": self.groups, "axis": self.axis}


def _names(names: Any) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"`names` must be a sequence of str. Received: names={names!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"`names` must name each block once. Received: names={names!r}")
    return [str(part) for part in as_path(names)]
