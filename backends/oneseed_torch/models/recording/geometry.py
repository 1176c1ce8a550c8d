"""Views of storages as plain numbers: which elements they share, and where one lies in another."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape

SMALL = 1 << 22
"""Elements up to which views are compared one by one where nothing quicker tells."""

Range = tuple[int, int, int]


class Ref(NamedTuple):
    """A view of a storage: all that a tensor is, without its values."""

    storage: int
    dtype: Any
    offset: int
    size: Shape
    stride: Shape

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.size)

    @property
    def span(self) -> tuple[int, int]:
        """The first byte and the one after the last."""
        each = int(self.dtype.itemsize)
        if not self.elements:
            return self.offset * each, self.offset * each
        last = sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True))
        return self.offset * each, (self.offset + last + 1) * each

    @property
    def dense(self) -> bool:
        """Whether every byte of the span belongs to one element."""
        first, last = self.span
        return self.elements * int(self.dtype.itemsize) == last - first

    def indices(self) -> NDArray[np.int64] | None:
        """Return where the elements lie in the storage, counted in elements; None if they are too many."""
        if self.elements > SMALL:
            return None
        found = np.array([self.offset])
        for n, step in zip(self.size, self.stride, strict=True):
            found = (found[:, None] + np.arange(n) * step).ravel()
        return found


class Box(NamedTuple):
    """A view as a part of another: start, stop and step of each axis, and the axes in the order of the view."""

    ranges: tuple[Range, ...]
    order: tuple[int, ...]


def covers(outer: Ref, inner: Ref) -> bool:
    """Tell whether all elements of a view belong to another one."""
    (first, last), (low, high) = outer.span, inner.span
    if outer == inner or not (first <= low and high <= last):
        return outer == inner
    if outer.dense or box(outer, inner) is not None:
        return True
    same = outer.dtype.itemsize == inner.dtype.itemsize
    a, b = (outer.indices(), inner.indices()) if same else (None, None)
    return a is not None and b is not None and bool(np.isin(b, a).all())


def disjoint(one: Ref, other: Ref) -> bool:
    """Tell whether two views of a storage share no element; False where that is not known."""
    (first, last), (low, high) = one.span, other.span
    if last <= low or high <= first:
        return True
    if one.dtype.itemsize != other.dtype.itemsize:
        return False
    a, b = one.indices(), other.indices()
    return a is not None and b is not None and not np.intersect1d(a, b).size


def alike(one: Ref, other: Ref) -> bool:
    """Tell whether two views have the same elements in the same places."""
    if (one.offset, one.size) != (other.offset, other.size):
        return False
    return all(a == b for n, a, b in zip(one.size, one.stride, other.stride, strict=True) if n > 1)


def repeats(ref: Ref) -> bool:
    """Tell whether a view has an element in several places, as an expanded one has."""
    axes = sorted((step, n) for n, step in zip(ref.size, ref.stride, strict=True) if n > 1)
    reach, apart = 0, True
    for step, n in axes:
        apart = apart and step > reach
        reach += (n - 1) * step
    if apart or not ref.elements:
        return False
    if axes[0][0] == 0 or ref.elements > reach + 1:
        return True
    places = ref.indices()
    return places is None or len(np.unique(places)) < ref.elements


def box(outer: Ref, inner: Ref) -> Box | None:
    """Find a view among the slices of another, transposed, flattened or with axes taken away; None if it is none."""
    if outer.storage != inner.storage or outer.dtype.itemsize != inner.dtype.itemsize:
        return None
    starts = _starts(outer, inner)
    if starts is None:
        return None
    ranges: dict[int, Range] = {}
    order: list[int] = []
    for size, stride in zip(inner.size, inner.stride, strict=True):
        group = _axes(outer, starts, ranges, size, stride) if size > 1 else []
        if group is None:
            return None
        order += group
    rest = [axis for axis in range(len(outer.size)) if axis not in ranges]
    found = tuple(ranges.get(axis, (starts[axis], starts[axis] + 1, 1)) for axis in range(len(outer.size)))
    return Box(found, (*order, *rest))


def _starts(outer: Ref, inner: Ref) -> list[int] | None:
    """Return where in a view the first element of another one lies."""
    axes = [axis for axis, size in enumerate(outer.size) if size > 1]
    starts, left = [0] * len(outer.size), inner.offset - outer.offset
    if left < 0 or not inner.elements or not outer.elements or any(outer.stride[axis] == 0 for axis in axes):
        return None
    for axis in sorted(axes, key=lambda axis: -outer.stride[axis]):
        starts[axis] = min(left // outer.stride[axis], outer.size[axis] - 1)
        left -= starts[axis] * outer.stride[axis]
    return None if left else starts


def _axes(outer: Ref, starts: list[int], ranges: dict[int, Range], size: int, stride: int) -> list[int] | None:
    """Find the axes of a view that an axis of another one runs over, and note how far in `ranges`."""
    group: list[int] = []
    while size > 1:
        fit = [
            axis
            for axis, room in enumerate(outer.size)
            if room > 1
            and axis not in ranges
            and stride % outer.stride[axis] == 0
            and stride // outer.stride[axis] < room
        ]
        if not fit:
            return None
        axis = max(fit, key=outer.stride.__getitem__)
        step, room = stride // outer.stride[axis], outer.size[axis]
        last = starts[axis] + (size - 1) * step
        if last < room:
            ranges[axis] = (starts[axis], last + 1, step)
            size = 1
        elif step == 1 and starts[axis] == 0 and size % room == 0:  # several axes flattened into one
            ranges[axis] = (0, room, 1)
            size, stride = size // room, stride * room
        else:
            return None
        group.insert(0, axis)
    return group


def within(outer: Ref, inner: Ref, window: Ref) -> Ref | None:
    """Return what a part of a view is of another view of the same shape, such as of the tensor it was copied from."""
    if outer == inner:
        return window
    if outer._replace(dtype=window.dtype) == window:
        return inner._replace(dtype=window.dtype)
    found = box(outer, inner)
    if found is None or outer.size != window.size:
        return None
    sizes = tuple(len(range(*part)) for part in found.ranges)
    offset = window.offset + sum(part[0] * step for part, step in zip(found.ranges, window.stride, strict=True))
    strides = tuple(part[2] * step for part, step in zip(found.ranges, window.stride, strict=True))
    order = found.order
    return window._replace(
        offset=offset, size=tuple(sizes[axis] for axis in order), stride=tuple(strides[axis] for axis in order)
    )
