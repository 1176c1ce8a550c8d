"""The axes of a tensor: which are inputs, which outputs; its fans, and the logical order of its elements.

This is the one place where a layout is read. A pattern such as ``"h w i o"`` names the axes in the
order in which they lie: names that begin with ``i`` are inputs, with ``o`` outputs, with ``e``, ``b``
or ``g`` batch axes (experts, groups); all others are spatial.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from oneseed.checks import MAX_SIZE, Shape, shown

BATCH, SPATIAL, INPUT, OUTPUT = range(4)
"""The kinds of axes, in logical order: an index runs over batch axes first and outputs last."""

_KIND_OF_LETTER = {"i": INPUT, "o": OUTPUT, "e": BATCH, "b": BATCH, "g": BATCH}


class Layout(NamedTuple):
    """What a pattern says of a tensor's axes."""

    kinds: tuple[int, ...]
    """The kind of each axis."""
    order: tuple[int, ...]
    """The axes sorted by kind: axis ``order[k]`` of the tensor is axis ``k`` of the logical one."""


class Guess(str):
    """A pattern of axes that nobody has said: a convention that the layer at hand may not follow.

    An initializer takes it as any pattern; a plan refuses to fill a parameter by it where its fans would matter.

    Examples
    --------
    >>> Guess("o i h") == "o i h"
    True
    """

    __slots__ = ()


def parse(axes: Any) -> Layout:
    """Read a pattern of axes.

    Parameters
    ----------
    axes : str
        Names separated by spaces.

    Returns
    -------
    Layout
        The kinds and the logical order.

    Raises
    ------
    TypeError
        If `axes` is not a str.
    ValueError
        If a name is not an identifier or comes twice.

    Examples
    --------
    >>> parse("o i h w").order
    (2, 3, 1, 0)
    """
    if not isinstance(axes, str):
        raise TypeError(
            f"`axes` must be a str that names the axes, such as 'h w i o' or 'o i'. Received: axes={shown(axes)}"
        )
    return _parse(axes)


@lru_cache(maxsize=256)
def _parse(axes: str) -> Layout:
    names = axes.split()
    for name in names:
        if not name.isidentifier():
            raise ValueError(
                f"`axes` must hold names separated by spaces, such as 'h w i o'; {name!r} is not a name. "
                f"Received: axes={shown(axes)}"
            )
    if len(set(names)) < len(names):
        raise ValueError(
            f"`axes` must name each axis once; tell two inputs apart as 'i1 i2'. Received: axes={shown(axes)}"
        )
    kinds = tuple(_KIND_OF_LETTER.get(name[0], SPATIAL) for name in names)
    order = tuple(sorted(range(len(kinds)), key=kinds.__getitem__))
    return Layout(kinds, order)


def layout_of(shape: Shape, axes: Any) -> Layout | None:
    """Read the pattern for a tensor of `shape`; None stays None.

    Parameters
    ----------
    shape : tuple of int
        The tensor's shape.
    axes : str or None
        The pattern.

    Returns
    -------
    Layout or None
        The layout.

    Raises
    ------
    TypeError
        If `axes` is not a str.
    ValueError
        If `axes` is malformed, or names more or fewer axes than there are.
    """
    if axes is None:
        return None
    layout = parse(axes)
    if len(layout.kinds) != len(shape):
        raise ValueError(
            f"`axes` names {len(layout.kinds)} axes, but the shape {shape} has {len(shape)}. "
            f"Received: axes={shown(axes)}"
        )
    return layout


def fans(shape: Shape, layout: Layout | None = None) -> tuple[int, int]:
    """Return fan_in and fan_out.

    With a layout, ``fan_in`` is the product of the input and spatial axes and ``fan_out`` that of the
    output and spatial axes; batch axes count in neither. Without one, Keras's rules: rank 0 has fans
    (1, 1), rank 1 ``(n, n)``, and otherwise the last two axes are input and output, all before them spatial.

    Parameters
    ----------
    shape : tuple of int
        The shape of the whole tensor.
    layout : Layout, optional
        What the axes are.

    Returns
    -------
    tuple of int
        ``(fan_in, fan_out)``.

    Examples
    --------
    >>> fans((3, 3, 64, 128))
    (576, 1152)
    >>> fans((128, 64, 3, 3), parse("o i h w"))
    (576, 1152)
    """
    if layout is None:
        if len(shape) < 2:
            size = math.prod(shape)
            return size, size
        field = math.prod(shape[:-2])
        return shape[-2] * field, shape[-1] * field

    def product(kind: int) -> int:
        return math.prod(size for size, role in zip(shape, layout.kinds, strict=True) if role == kind)

    field = product(SPATIAL)
    return product(INPUT) * field, product(OUTPUT) * field


def fans_of_axes(shape: Shape, input_axes: Sequence[int], output_axes: Sequence[int]) -> tuple[int, int]:
    """Return the fans as Keras 3 computes them from lists of axes: plain products, without spatial axes.

    Parameters
    ----------
    shape : tuple of int
        The shape of the whole tensor.
    input_axes, output_axes : sequence of int
        Axes, counted from the end where negative.

    Returns
    -------
    tuple of int
        ``(fan_in, fan_out)``.

    Raises
    ------
    ValueError
        If an axis is out of range, or the product of axes that come more than once is ``2**63`` or more.
    """

    def product(argument: str, axes: Sequence[int]) -> int:
        rank = len(shape)
        if any(not -rank <= axis < rank for axis in axes):
            raise ValueError(
                f"`{argument}` must hold axes of the shape {shape}, in [{-rank}, {rank}). "
                f"Received: {argument}={list(axes)}"
            )
        size = math.prod(shape[axis] for axis in axes)
        if size >= MAX_SIZE:  # of axes that are named more than once
            raise ValueError(f"`{argument}` must have a product below 2**63. Received: {argument}={list(axes)}")
        return size

    return product("input_axes", input_axes), product("output_axes", output_axes)
