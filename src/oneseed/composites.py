"""Tensors made of other draws: side by side, added up, or packed into a vector.

Each part is a `Draw` of its own, with its own shape, fans and path. A block of the whole asks each part for no more
than what lies in the block.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import shown
from oneseed.distributions import Fill, Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import cast_array, narrowed, numpy_dtype, wide_dtype
from oneseed.host_arrays import numbers

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Composite(Structured):
    """What is made of parts."""

    parts: tuple[Draw, ...]
    """The draws of the whole parts."""

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"parts": [part.as_dict() for part in self.parts]}

    @property
    def draws(self) -> tuple[Draw, ...]:
        """The parts."""
        return self.parts


@dataclass(frozen=True, eq=False, slots=True)
class Concatenated(Composite):
    """Parts that lie one behind the other along an axis.

    A backend may draw what `within` returns itself, wherever it draws, and concatenate it.
    """

    name: ClassVar[str] = "concatenated"

    axis: int

    def within(self, draw: Draw) -> list[Draw]:
        """Return what the block takes of each part, at least one draw, in order."""
        first, last = draw.offset[self.axis], draw.offset[self.axis] + draw.block[self.axis]
        found, start = [], 0
        for part in self.parts:
            low, high = max(first - start, 0), min(last - start, part.shape[self.axis])
            if low < high and 0 not in draw.block:
                offset, block = list(draw.offset), list(draw.block)
                offset[self.axis], block[self.axis] = low, high - low
                found.append(part._replace(offset=tuple(offset), block=tuple(block)))
            start += part.shape[self.axis]
        return found or [draw._replace(distribution=Fill(0), seed=None)]

    def values(self, draw: Draw, host: Host) -> Array:
        """Make the parts of the block."""
        return np.concatenate([host.draw(part) for part in self.within(draw)], axis=self.axis)


@dataclass(frozen=True, eq=False, slots=True)
class Combination(Composite):
    """The sum of parts, each times a factor, in float64; then it is rounded."""

    name: ClassVar[str] = "combination"

    factors: tuple[float, ...]

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"factors": list(self.factors), "parts": [part.as_dict() for part in self.parts]}

    def values(self, draw: Draw, host: Host) -> Array:
        """Add up the block."""
        wide = wide_dtype(draw.dtype)
        values = [host.draw(part._replace(offset=draw.offset, block=draw.block)).astype(wide) for part in self.parts]
        with np.errstate(all="ignore"):  # what does not fit is refused at the end
            terms = [value * factor for value, factor in zip(values, self.factors, strict=True)]
            total = sum(terms[1:], start=terms[0])
        return narrowed(total, draw.dtype)


@dataclass(frozen=True, eq=False, slots=True)
class Packed(Composite):
    """Matrices and vectors, each in row-major order, one behind the other in a vector."""

    name: ClassVar[str] = "packed"

    def values(self, draw: Draw, host: Host) -> Array:
        """Make the block, from those rows of each part that it touches, or the part of a row in which it lies."""
        out = np.empty(draw.block, numpy_dtype(draw.dtype))
        first, last, start = draw.offset[0], draw.offset[0] + draw.block[0], 0
        for part in self.parts:
            size = int(np.prod(part.shape))
            low, high = max(first - start, 0), min(last - start, size)
            if low < high:
                row = size // part.shape[0]
                top, bottom = low // row, -(-high // row)
                left, right = (low - top * row, high - top * row) if bottom - top == 1 else (0, row)
                rank = len(part.shape)
                offset, block = (top, left)[:rank], (bottom - top, right - left)[:rank]
                array = host.draw(part._replace(offset=offset, block=block)).reshape(-1)
                at, skipped = start + low - first, low - top * row - left
                out[at : at + high - low] = array[skipped : skipped + high - low]
            start += size
        return out


@dataclass(frozen=True, eq=False, slots=True)
class Called(Structured):
    """What a function of shape and dtype returns."""

    name: ClassVar[str] = "called"

    function: Any

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"function": repr(self.function)}

    def values(self, draw: Draw, host: Host) -> Array:
        """Call the function for the whole tensor, and cut the block out."""
        array = numbers("initializer", self.function(draw.shape, draw.dtype))
        if array.shape != draw.shape:
            raise ValueError(
                f"An initializer must return a tensor of the shape that it is asked for, {draw.shape}. Received: a "
                f"tensor of shape {array.shape} from {shown(self.function)}"
            )
        return cast_array(array[draw.slices], draw.dtype, "initializer")
