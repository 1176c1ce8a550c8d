"""Initializers of tensors that hold several weights side by side."""

from collections.abc import Sequence
from typing import Any

from oneseed import checks
from oneseed.checks import shown
from oneseed.composites import Concatenated
from oneseed.initializers.composed.composite import CompositeInitializer, axis_of, resolved, several
from oneseed.initializers.known import known
from oneseed.initializers.serialization import serialize
from oneseed.initializers.targets import Target
from oneseed.stream.paths import Part, as_path


@known(
    "blockwise",
    group="Made of others",
    formula="blocks along an axis, each with fans and path of its own",
    use="Packed weights, such as query, key and value in one matrix.",
    example='Blockwise(["zeros", GlorotUniform(seed=7), Identity()], [16, 16, 16], names=["q", "k", "v"])',
    shape=(16, 48),
)
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
                    f"Received: {argument}={shown(given)}"
                )

    def distribution_for(self, target: Target) -> Concatenated:
        """Return the blocks' draws, side by side."""
        shape = target.shape
        axis = axis_of(self.axis, shape)
        if sum(self.sizes) != shape[axis]:
            raise ValueError(
                f"`shape` must have the size {sum(self.sizes)} on axis {self.axis}, which the blocks add up to. "
                f"Received: shape={shape}"
            )
        names: Sequence[Part] = self.names or range(len(self.sizes))
        parts = (
            target.part(initializer, (*shape[:axis], size, *shape[axis + 1 :]), name)
            for initializer, size, name in zip(self.initializers, self.sizes, names, strict=True)
        )
        return Concatenated(tuple(parts), axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializers as plain data."""
        return {
            "initializers": [serialize(initializer) for initializer in self.initializers],
            "sizes": list(self.sizes),
            "axis": self.axis,
            "names": None if self.names is None else list(self.names),
        }


@known(
    "per_group",
    group="Made of others",
    formula="equal blocks along an axis, each with fans and path of its own",
    use="Grouped convolutions, experts, fused gates.",
    example="PerGroup(Orthogonal(seed=7), groups=3)",
    shape=(16, 48),
)
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

    def distribution_for(self, target: Target) -> Concatenated:
        """Return the blocks' draws, side by side."""
        shape = target.shape
        axis = axis_of(self.axis, shape)
        if shape[axis] % self.groups:
            raise ValueError(
                f"`groups` must divide the size of axis {self.axis} of the shape {shape}. "
                f"Received: groups={self.groups}"
            )
        group = (*shape[:axis], shape[axis] // self.groups, *shape[axis + 1 :])
        return Concatenated(tuple(target.part(self.initializer, group, number) for number in range(self.groups)), axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializer as plain data."""
        return {"initializer": serialize(self.initializer), "groups": self.groups, "axis": self.axis}


def _names(names: Any) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"`names` must be a sequence of str. Received: names={shown(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"`names` must name each block once. Received: names={shown(names)}")
    return [str(part) for part in as_path(names)]
