"""Draws on a device of their own, in plain PyTorch operations: no data leaves or reaches the device but the table.

PyTorch's unsigned integers know few operations, so the words live in int64 lanes, where sums, products and left
shifts wrap as unsigned ones do.
"""

import operator
from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.stream.arrays import Lanes64
from oneseed.stream.elements import draw_elements
from oneseed.stream.philox import MASK
from oneseed.stream.sample import Recipe
from oneseed_torch.drawing.tables import device_table

Tensor = Any

CHUNK = 1 << 20
"""Elements made at once: enough to keep an accelerator busy, and some 150 MB of temporary memory at most."""


def fill_on(draw: Draw, out: Tensor) -> None:
    """Write the block of a random draw into a tensor, computed on the tensor's device.

    Parameters
    ----------
    draw : Draw
        The draw; its distribution is one that is sampled.
    out : torch.Tensor
        A tensor of shape ``draw.block`` and of the draw's dtype, with any strides. The call returns before the work is
        done, where the device works asynchronously.
    """
    spec = _with_scalars(recipe(draw.distribution, draw.dtype))
    seed, stream = ((number & MASK, number >> 32) for number in (draw.seed, draw.stream))
    if spec.kind == "integers":
        # PyTorch cannot scatter unsigned integers; the signed ones are of the same bits.
        spec = spec._replace(dtype=f"int{8 * out.element_size()}")
        out = out.view(getattr(torch, spec.dtype))
    arrays, device, count = TorchArrays(), out.device, out.numel()
    axes, memory = merged(draw.block, draw.strides), merged(draw.block, out.stride())
    extent = sum((size - 1) * step for size, step in memory) + 1
    flat = out.as_strided((extent,), (1,), out.storage_offset()) if count else out
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        position = torch.arange(start, stop, dtype=torch.int64, device=device)
        index = Unsigned(indices(position, axes) + draw.first, 64)
        values = draw_elements(spec, index, seed, stream, arrays)
        flat[slice(start, stop) if out.is_contiguous() else indices(position, memory)] = values


def merged(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Join neighbouring axes along which the index runs on; return size and step of each axis, the last one first."""
    axes: list[tuple[int, int]] = []
    for size, step in zip(reversed(shape), reversed(strides), strict=True):
        if axes and axes[-1][0] * axes[-1][1] == step:
            axes[-1] = (axes[-1][0] * size, axes[-1][1])
        elif size > 1:
            axes.append((size, step))
    return axes


def indices(position: Tensor, axes: list[tuple[int, int]]) -> Tensor:
    """Return the element indices of positions in the row-major order of the block, relative to its first element."""
    if not axes:
        return position
    index: Tensor = 0
    for size, step in axes[:-1]:
        index = index + position % size * step
        position = position // size
    return index + position * axes[-1][1]


def _with_scalars(spec: Recipe) -> Recipe:
    """Turn scale and offset into tensors without axes in host memory, which PyTorch passes to a kernel by value."""

    def scalar(number: Any) -> Tensor:
        dtype = getattr(torch, spec.working)
        return None if number is None else torch.tensor(float(number), dtype=dtype, device="cpu")

    return spec._replace(scale=scalar(spec.scale), offset=scalar(spec.offset))


def _operator(function: Any, wraps: bool) -> Any:
    """Make a binary operator of `Unsigned`; one that wraps can leave its 32 bits."""

    def operate(self: "Unsigned", other: "Unsigned | int") -> "Unsigned":
        lanes = function(self.lanes, _lanes(other))
        return Unsigned(lanes & MASK if wraps and self.bits == 32 else lanes, self.bits)

    return operate


class Unsigned:
    """Unsigned integers of 32 or 64 bits in an int64 tensor: those of 32 bits below ``2**32``, those of 64 wrapped."""

    __slots__ = ("bits", "lanes")

    def __init__(self, lanes: Tensor, bits: int) -> None:
        self.lanes, self.bits = lanes, bits

    __add__ = __radd__ = _operator(operator.add, wraps=True)
    __sub__ = _operator(operator.sub, wraps=True)
    __mul__ = __rmul__ = _operator(operator.mul, wraps=True)
    __lshift__ = _operator(operator.lshift, wraps=True)
    __and__ = __rand__ = _operator(operator.and_, wraps=False)
    __or__ = __ror__ = _operator(operator.or_, wraps=False)
    __xor__ = __rxor__ = _operator(operator.xor, wraps=False)

    def __invert__(self) -> "Unsigned":
        """Flip the bits."""
        return Unsigned(self.lanes ^ _lanes(2**self.bits - 1), self.bits)

    def __rshift__(self, count: int) -> "Unsigned":
        """Shift zeros in from the left, where int64 shifts in its sign."""
        return Unsigned(self.lanes >> count & (1 << 64 - count) - 1, self.bits)


def _lanes(value: Unsigned | int) -> Tensor:
    """Return the lanes, or a Python integer as the int64 of the same 64 bits."""
    return value.lanes if isinstance(value, Unsigned) else (value + 2**63) % 2**64 - 2**63


class TorchArrays(Lanes64):
    """`oneseed.stream.arrays.Arrays` for PyTorch: `Unsigned`, and tensors for everything else."""

    def cast(self, x: Any, dtype: str) -> Any:
        """Convert values."""
        if dtype in ("uint32", "uint64") and isinstance(x, Unsigned):
            return Unsigned(x.lanes, 64) if dtype == "uint64" else Unsigned(x.lanes & MASK, 32)
        return (x.lanes if isinstance(x, Unsigned) else x).to(getattr(torch, dtype))

    def bits(self, x: Any, dtype: str) -> Any:
        """Read the same bits as another type."""
        if isinstance(x, Unsigned):
            # The conversion to int32 keeps the low 32 bits.
            return (x.lanes if x.bits == 64 else x.lanes.to(torch.int32)).view(getattr(torch, dtype))
        if dtype == "uint32":
            return Unsigned(x.view(torch.int32).to(torch.int64) & MASK, 32)
        return Unsigned(x.view(torch.int64), 64) if dtype == "uint64" else x.view(getattr(torch, dtype))

    def columns(self, table: NDArray[Any], rows: Unsigned) -> list[Unsigned]:
        """Look up whole rows at once."""
        bits = table.dtype.itemsize * 8
        found = device_table(bits, rows.lanes.device).index_select(0, rows.lanes)
        lanes = found.to(torch.int64) & MASK if bits == 32 else found
        return [Unsigned(column, bits) for column in lanes.unbind(1)]

    def clamp(self, x: Tensor, low: Any, high: Any) -> Tensor:
        """``max(low, min(x, high))``."""
        return x.clamp(float(low), float(high))

    def select(self, which: Unsigned, choices: Sequence[Unsigned]) -> Unsigned:
        """Take each element from the choice that `which` names."""
        *others, chosen = (choice.lanes for choice in choices)
        for number, choice in enumerate(others):
            chosen = torch.where(which.lanes == number, choice, chosen)
        return Unsigned(chosen, choices[0].bits)
