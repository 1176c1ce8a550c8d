"""How a draw is cut into tiles for the Triton kernel, and the launch of it."""

from contextlib import nullcontext
from functools import lru_cache
from itertools import product
from math import prod
from operator import itemgetter
from typing import Any, NamedTuple

import torch

from oneseed.checks import Shape
from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.stream.sample import Recipe
from oneseed_torch.drawing.tables import device_table
from oneseed_torch.drawing.triton_kernel import fill_kernel

Tensor = Any

COUNTERS = {32: 512, 64: 256}
"""Philox counters of a tile, each of four elements, for 32 or 64 random bits an element."""

OF_ROWS = {32: 256, 64: 64}
"""The same where there are several rows, whose addresses take registers."""

TURNS = 8
"""The most tiles that a program makes, one after the other."""

BUSY = 4096
"""Programs that keep a device busy; each makes no more tiles than leaves so many."""

GROUPS = (1, 4, 16, 64, 256)
"""Counters along a row: few numbers, since each is another kernel to compile."""

ACROSS = 4
"""The most counters along a row where memory runs across the rows: a program writes 32 or 64 neighbours."""

WARPS = 4

AXES = 4
"""The most axes that number the rows of one launch; there is one for each position along the others."""

PROGRAMS = 2**31 - 1
"""CUDA's limit for one launch."""

_in_order = itemgetter(*fill_kernel.arg_names)
_kernels: dict[tuple[Any, ...], Any] = {}
"""Those that are compiled, by all that they are compiled for."""


class Axis(NamedTuple):
    """An axis: its size, and how far apart its elements are in index and in memory."""

    size: int
    step: int
    stride: int


class Layout(NamedTuple):
    """A block as rows in which the index grows by one: one of them, and the axes that number them, innermost first."""

    row: Axis
    axes: tuple[Axis, ...]


@lru_cache(maxsize=1024)
def layout(block: Shape, steps: Shape, strides: Shape) -> Layout:
    """Find the rows of a block.

    Parameters
    ----------
    block : tuple of int
        Its shape, without a 0.
    steps, strides : tuple of int
        How far apart the elements of each axis are in index and in memory.

    Returns
    -------
    Layout
        As few axes as there can be; those that number the rows are in the order in which the rows lie in memory.
    """
    axes: list[Axis] = []
    for axis in sorted(map(Axis, block, steps, strides), key=lambda axis: axis.step):
        if axis.size == 1:
            continue
        if axes and all(inner * axes[-1].size == outer for inner, outer in zip(axes[-1][1:], axis[1:], strict=True)):
            axes[-1] = axes[-1]._replace(size=axes[-1].size * axis.size)
        else:
            axes.append(axis)
    row = axes.pop(0) if axes and axes[0].step == 1 else Axis(1, 1, 1)
    return Layout(row, tuple(sorted(axes, key=lambda axis: axis.stride)))


def fill(draw: Draw, out: Tensor) -> None:
    """Write the block of a random draw into a tensor, in one pass and without a temporary.

    Parameters
    ----------
    draw : Draw
        The draw; its distribution is one that is sampled.
    out : torch.Tensor
        A tensor of shape ``draw.block`` and of the draw's dtype, with any strides, on a CUDA device, or on the CPU
        under Triton's interpreter. The call returns before the work is done.
    """
    if out.numel() == 0:
        return
    spec = recipe(draw.distribution, draw.dtype)
    if spec.kind == "integers":
        out = out.view(getattr(torch, f"int{8 * out.element_size()}"))  # one kernel for both of a width
    row, axes = layout(draw.block, draw.strides, out.stride())
    inner, outer = axes[:AXES], axes[AXES:]
    for at in product(*(range(axis.size) for axis in outer)):
        first = draw.first + sum(number * axis.step for number, axis in zip(at, outer, strict=True))
        far = sum(number * axis.stride for number, axis in zip(at, outer, strict=True))
        part = out.as_strided((1,), (1,), out.storage_offset() + far) if far else out
        _launch(draw, spec, part, first, Layout(row, inner))


class Tiling(NamedTuple):
    """How rows are cut into tiles: how many programs make how many each, and what the kernel is told of it."""

    programs: int
    turns: int
    arguments: dict[str, int]
    constants: dict[str, int]


@lru_cache(maxsize=1024)
def tiling(part: Layout, aligned: bool, bits: int) -> Tiling:
    """Cut rows into tiles.

    Parameters
    ----------
    part : Layout
        The rows of one launch.
    aligned : bool
        Whether every row starts at an index that is a multiple of four.
    bits : {32, 64}
        The random bits of an element.

    Returns
    -------
    Tiling
        The tiles.
    """
    row, axes = part
    stored = joined(axes)
    counters = (OF_ROWS if axes else COUNTERS)[bits]
    rows = prod(axis.size for axis in axes)
    needed = (row.size + (3 if aligned else 6)) // 4
    groups = min(counters, next((few for few in GROUPS if few >= needed), counters))
    if any(axis.stride < row.stride for axis in axes):
        groups = min(groups, ACROSS)
    tiles = -(-needed // groups)
    total = tiles * -(-rows * groups // counters)
    turns = min(TURNS, max(1, total // BUSY))
    quads = aligned and row.stride == 1 and all(axis.stride % 4 == 0 for axis in stored)
    arguments = {
        "length": row.size,
        "rows": rows,
        "stride": row.stride,
        "tiles": tiles,
        **_numbered("size", [axis.size for axis in axes], AXES - 1),
        **_numbered("step", [axis.step for axis in axes], AXES),
        **_numbered("stored", [axis.size for axis in stored], AXES - 1),
        **_numbered("stride", [axis.stride // (4 if quads else 1) for axis in stored], AXES),
    }
    constants = {
        "WIDE": bits == 64,
        "ALIGNED": aligned,
        "DENSE": row.stride == 1,
        "QUADS": quads,
        "ACROSS": bool(stored) and stored[0].stride == 1,
        "AXES": len(axes),
        "STORED": len(stored),
        "ROWS": counters // groups,
        "GROUPS": groups,
    }
    return Tiling(-(-total // turns), turns, arguments, constants)


def _launch(draw: Draw, spec: Recipe, out: Tensor, first: int, part: Layout) -> None:
    """Fill rows, the first of which starts where `out` does, at the index `first`."""
    aligned = all(number % 4 == 0 for number in (first, *(axis.step for axis in part.axes)))
    programs, turns, arguments, constants = tiling(part, aligned, spec.bits)
    # Where nothing is looked up, any tensor does.
    table = device_table(spec.bits, out.device).view(torch.int64) if "normal" in spec.kind else out
    given = {
        "out": out,
        "table": table,
        "seed": signed(draw.seed),
        "number": signed(draw.stream),
        "first": first,
        "turns": turns,
        **arguments,
        **numbers(spec),
        **constants,
        "KIND": spec.kind,
        "SHIFTED": spec.offset is not None,
        "PTX": out.is_cuda and not torch.version.hip,
    }
    kernel = out.device, out.dtype, out.data_ptr() % 16 == 0, spec.kind, given["SHIFTED"], *constants.values()
    with torch.cuda.device(out.device) if out.is_cuda else nullcontext():
        for start in range(0, programs, PROGRAMS):
            _run(kernel, (min(PROGRAMS, programs - start), 1, 1), given | {"start": start * turns})


def _run(kernel: tuple[Any, ...], grid: tuple[int, int, int], given: dict[str, Any]) -> None:
    """Launch a kernel; all that it is compiled for is in `kernel`.

    Triton looks at each of the many arguments to find out whether there is a kernel for them, which takes five times as
    long as the launch. So that is left out from the second time on.
    """
    if kernel in _kernels:
        _kernels[kernel][grid](*_in_order(given))
        return
    compiled = fill_kernel[grid](**given, num_warps=WARPS, enable_fp_fusion=True)  # fusion changes no bit: see `affine`
    if compiled is not None:  # Triton's interpreter has nothing to return
        _kernels[kernel] = compiled


def _numbered(name: str, given: list[int], count: int) -> dict[str, int]:
    """Name numbers one by one: those of a tuple, Triton would compile into the kernel."""
    return {f"{name}{at}": number for at, number in zip(range(count), [*given, *[0] * count], strict=False)}


def joined(axes: tuple[Axis, ...]) -> list[Axis]:
    """Join the axes that run on into each other in memory; their steps lose their meaning."""
    found: list[Axis] = []
    for axis in axes:
        if found and found[-1].stride * found[-1].size == axis.stride:
            found[-1] = found[-1]._replace(size=found[-1].size * axis.size)
        else:
            found.append(axis)
    return found


@lru_cache(maxsize=1024)
def numbers(spec: Recipe) -> dict[str, int]:
    """Return a recipe's numbers as the kernel takes them: 64 bits each, floats as theirs."""
    reals = {name: getattr(spec, name) for name in ("scale", "offset", "low", "high")}
    bits = {name: 0 if x is None else int(x.view(f"int{8 * x.itemsize}")) for name, x in reals.items()}
    return {**bits, "window": signed(spec.first), "width": spec.width if spec.bits == 32 else signed(spec.width)}


def signed(number: int) -> int:
    """Return the int64 of the same 64 bits as a number below ``2**64``."""
    return number - 2**64 if number >= 2**63 else number
