"""What initializers of matrices and convolution kernels share: the sides of a kernel, and blocks of one."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import MAX_RANK, Shape
from oneseed.distributions import Distribution, Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import narrowed, numpy_dtype
from oneseed.fans import BATCH, INPUT, OUTPUT, SPATIAL
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.targets import Target

Matrix = NDArray[np.float64]
Indices = NDArray[np.int64]

MAX_SPATIAL = MAX_RANK - 3
"""Spatial axes at most: kernels are computed with one more axis for inputs, one for outputs and one for the batch."""


class Sides(NamedTuple):
    """The sizes of a kernel's axes by their kinds, which is their logical order."""

    batch: Shape
    spatial: Shape
    inputs: Shape
    outputs: Shape

    @property
    def matrices(self) -> int:
        """How many independent kernels there are: one for each element of the batch axes."""
        return math.prod(self.batch)

    @property
    def taps(self) -> int:
        """The taps of a kernel, which is the product of its spatial axes."""
        return math.prod(self.spatial)

    @property
    def fan_in(self) -> int:
        """The inputs, without the spatial axes."""
        return math.prod(self.inputs)

    @property
    def fan_out(self) -> int:
        """The outputs, without the spatial axes."""
        return math.prod(self.outputs)

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows of them."""
        shape = {"spatial": list(self.spatial)} if self.spatial else {}
        return {"matrices": self.matrices, **shape, "inputs": self.fan_in, "outputs": self.fan_out}


class Block(NamedTuple):
    """The indices of a block's elements: inputs, outputs and batch elements each counted through all of their axes."""

    batch: Indices
    spatial: tuple[Indices, ...]
    inputs: Indices
    outputs: Indices

    @property
    def shape(self) -> Shape:
        """The shape of the block as a batch of kernels of two sides."""
        return len(self.batch), *map(len, self.spatial), len(self.inputs), len(self.outputs)

    def at_tap(self, kernel: NDArray[Any], place: Shape) -> NDArray[Any] | None:
        """Return a view of the matrices at a tap, of shape (batch, inputs, outputs); None if it is not in the block."""
        view = kernel
        for want, axis in zip(place, self.spatial, strict=True):
            if not axis[0] <= want <= axis[-1]:
                return None
            view = view[:, want - axis[0]]
        return view


def sides_of(target: Target) -> Sides:
    """Return the sides of a tensor: by `axes`, or by Keras's rules.

    Parameters
    ----------
    target : Target
        The tensor.

    Returns
    -------
    Sides
        The sides. Without `axes` the last two axes are inputs and outputs, all before them spatial.

    Raises
    ------
    ValueError
        If there are no `axes` and fewer than 2 axes, or more spatial axes than NumPy has room for beside the others.
    """
    sides = _sides(target)
    if len(sides.spatial) > MAX_SPATIAL:
        raise ValueError(
            f"`shape` must have at most {MAX_SPATIAL} spatial axes for this initializer. Received: shape={target.shape}"
        )
    return sides


def _sides(target: Target) -> Sides:
    shape = target.shape
    if target.layout is None:
        if len(shape) < 2:
            raise ValueError(f"`shape` must have at least 2 axes, for inputs and outputs. Received: shape={shape}")
        return Sides((), shape[:-2], shape[-2:-1], shape[-1:])
    pairs = list(zip(shape, target.layout.kinds, strict=True))
    parts = [tuple(size for size, role in pairs if role == kind) for kind in (BATCH, SPATIAL, INPUT, OUTPUT)]
    return Sides(*parts)


def check_spatial(sides: Sides, shape: Shape, accepted: Sequence[int], what: str) -> None:
    """Raise ValueError if the number of spatial axes is not among the accepted ones."""
    if len(sides.spatial) not in accepted:
        numbers = " or ".join(map(str, accepted)) if accepted[-1] < 9 else f"at least {accepted[0]}"
        raise ValueError(
            f"`shape` must have {numbers} spatial axes for {what}, beside those of inputs and outputs; "
            f"it has {len(sides.spatial)}. Name the axes with `axes`. Received: shape={shape}"
        )


def check_square(sides: Sides, shape: Shape) -> None:
    """Raise ValueError if a matrix has not as many inputs as outputs, or has spatial axes."""
    check_spatial(sides, shape, (0,), "a square matrix")
    if sides.fan_in != sides.fan_out:
        raise ValueError(
            f"`shape` must have as many inputs as outputs; it has {sides.fan_in} and {sides.fan_out}. "
            f"Received: shape={shape}"
        )


def flat(sizes: Iterable[int], ranges: Iterable[Indices]) -> Indices:
    """Return the row-major indices of the elements that ranges along axes of these sizes hold."""
    index = None
    for size, along in zip(sizes, ranges, strict=True):
        index = along if index is None else (index[:, None] * size + along).reshape(-1)
    return np.zeros(1, np.int64) if index is None else index


class Kernel(Structured):
    """Kernels computed in logical order, of which the block asked for is made."""

    __slots__ = ()

    sides: Sides

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return self.sides.numbers

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block, round it, and put its axes in their places."""
        dtype = numpy_dtype(draw.dtype)
        if 0 in draw.block:
            return np.empty(draw.block, dtype)
        ranges = [np.arange(draw.slices[axis].start, draw.slices[axis].stop) for axis in draw.order]
        batch, spatial, inputs, outputs = _split(ranges, self.sides)
        block = Block(
            flat(self.sides.batch, batch),
            tuple(spatial),
            flat(self.sides.inputs, inputs),
            flat(self.sides.outputs, outputs),
        )
        array = self.make(draw, host, block).reshape([draw.block[axis] for axis in draw.order])
        if array.dtype != dtype:
            array = narrowed(array, draw.dtype)
        return array.transpose(np.argsort(draw.order))

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Return the block, in the shape that it names."""
        raise NotImplementedError


class WholeKernel(Kernel):
    """Kernels that are computed whole, one for each element of the batch axes, and cut."""

    __slots__ = ()

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make each kernel that the block takes part in."""
        kernels = np.empty(block.shape)
        cut = np.ix_(*block.spatial, block.inputs, block.outputs)
        for out, whole in zip(kernels, self.wholes(draw, host, block.batch.tolist()), strict=True):
            out[...] = whole[cut]
        return kernels

    def wholes(self, draw: Draw, host: Host, numbers: list[int]) -> Iterator[Matrix]:
        """Yield the kernels of these numbers."""
        return (self.whole(draw, host, at) for at in numbers)

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Return kernel number `at`, in float64, of shape (*spatial, inputs, outputs)."""
        raise NotImplementedError


class RandomKernel(RandomInitializer):
    """What random initializers of kernels share: a float dtype, and sides."""

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        return self._distribution_of(target, self._sides(target))

    def _sides(self, target: Target) -> Sides:
        return sides_of(target)

    def _distribution_of(self, target: Target, sides: Sides) -> Distribution:
        """Return the distribution for a tensor with these sides."""
        raise NotImplementedError


def _split(ranges: list[Indices], sides: Sides) -> list[list[Indices]]:
    """Give each kind of axes its ranges."""
    rest = iter(ranges)
    return [[next(rest) for _ in sizes] for sizes in sides]
