"""What an initializer is asked for: a call, and the tensor that a distribution is for."""

from collections.abc import Callable
from typing import Any, NamedTuple

from oneseed import checks
from oneseed.checks import Shape
from oneseed.composites import Called
from oneseed.draws import Draw
from oneseed.fans import Layout
from oneseed.seeds import Ahead
from oneseed.stream.paths import Part, Path, as_path

AS_GIVEN = tuple(range(checks.MAX_RANK))
"""The order of the axes of a tensor without a layout."""


class Target(NamedTuple):
    """The whole tensor that a distribution is for, checked.

    Attributes
    ----------
    shape : tuple of int
        The shape.
    dtype : str
        The name of the dtype.
    layout : Layout or None
        What `axes` says of the shape; None where no axes are named.
    fan_in, fan_out : int
        The fans.
    axes : str or None
        Names of the axes, as at the call.
    path : tuple of str and int
        The path.
    """

    shape: Shape
    dtype: str
    layout: Layout | None
    fan_in: int
    fan_out: int
    axes: str | None = None
    path: Path = ()
    advance: bool | Ahead = False
    """Whether the generators of parts count their draws; see `oneseed.seeds.address`."""

    def part(
        self,
        initializer: Any,
        shape: Shape | None = None,
        name: Part | None = None,
        *,
        dtype: str | None = None,
        axes: str | None = None,
    ) -> Draw:
        """Return the draw of a part of the tensor, as an initializer decides it.

        Parameters
        ----------
        initializer : Initializer or callable
            What fills the part. A function, or an initializer with a `__call__` of its own, is called for all of it.
        shape : tuple of int, optional
            The part's shape; None is that of the tensor.
        name : str or int, optional
            What is appended to the path, so that the part has a stream of its own. None keeps the path.
        dtype : str, optional
            The part's dtype; None is that of the tensor.
        axes : str, optional
            Names of the part's axes; None is those of the tensor.

        Returns
        -------
        Draw
            The draw of the whole part.
        """
        path = self.path if name is None else (*self.path, name)
        return draw_of(
            initializer,
            self.shape if shape is None else shape,
            self.dtype if dtype is None else dtype,
            self.axes if axes is None else axes,
            path,
            self.advance,
        )


class Call(NamedTuple):
    """The arguments of a call, and the settings that it is made under."""

    shape: Any
    dtype: str
    axes: Any
    path: Any
    partition_shape: Any
    partition_offset: Any
    rng: str
    advance: bool | Ahead


def describes(initializer: Any) -> bool:
    """Tell whether an initializer says what it draws; functions, and classes with a `__call__` of their own, do not."""
    return getattr(type(initializer), "_describes", False) is True


def draw_of(
    initializer: Any, shape: Shape, dtype: str, axes: str | None, path: Path, advance: bool | Ahead = False
) -> Draw:
    """Return the draw of a whole tensor by anything that fills one: an initializer that describes it, or a callable.

    Parameters
    ----------
    initializer : Initializer or callable
        What fills the tensor.
    shape : tuple of int
        The shape.
    dtype : str
        The name of the dtype.
    axes : str or None
        Names of the axes.
    path : tuple of str and int
        The path.
    advance : bool or Ahead
        Whether a generator counts the draw; see `oneseed.seeds.address`.

    Returns
    -------
    Draw
        The draw, from the portable stream.
    """
    first = (0,) * len(shape)
    if not describes(initializer):
        return Draw(Called(initializer), shape, dtype, None, path, AS_GIVEN[: len(shape)], 1, 1, first, shape)
    # Nothing is made yet: asked for an empty block, the tensor may be larger than any memory.
    call = Call(shape, dtype, axes, path, first, first, "portable", advance)
    found: Draw = initializer._draw(call)
    return found._replace(offset=first, block=shape)


def decided_once(
    known: dict[tuple[Any, ...], tuple[Any, Draw]],
    asked: tuple[Any, Shape, str, str | None, Path],
    decide: Callable[..., Draw],
    *given: Any,
) -> Draw:
    """Return a draw that `decide` returns; one that differs from an earlier one in its path alone is made from that.

    Parameters
    ----------
    known : dict
        The earlier draws. It may be used as long as no initializer changes: within one call of a function.
    asked : tuple
        Initializer, shape, dtype, axes and path.
    decide : callable
        Decides the draw.
    *given
        What it takes.

    Returns
    -------
    Draw
        The draw.
    """
    initializer, shape, dtype, axes, path = asked
    if not isinstance(axes, str | None):
        return decide(*given)
    key = id(initializer), shape, dtype, axes
    if (kept := known.get(key)) is not None:
        return at_path(kept[1], path)
    draw = decide(*given)
    if repeats(initializer):
        known[key] = initializer, draw
    return draw


def at_path(draw: Draw, path: Any) -> Draw:
    """Return a draw that differs in its path alone: what `_replace` does, in half the time."""
    return Draw._make((*draw[:4], as_path(path), *draw[5:]))


def repeats(initializer: Any) -> bool:
    """Tell whether an initializer draws from the same distribution at each path and each integer seed."""
    return getattr(type(initializer), "_repeats", False) and (
        initializer.seed is None or isinstance(initializer.seed, int)
    )
