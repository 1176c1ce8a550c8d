"""How a draw is cut into tiles for the Triton kernel, and the launch of it."""

from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch

from oneseed.checks import Shape
from oneseed.draws import Draw
from oneseed.stream.sample import Recipe, recipe
from oneseed_torch.tables import device_table
from oneseed_torch.triton_kernel import fill_kernel

Tensor = Any

COUNTERS = {32: 1024, 64: 256}
"""Philox counters of a program, each of four elements, for 32 or 64 random bits an element; a quarter where there are
several rows, whose addresses take registers."""

GROUPS = (1, 4, 16, 64, 256, 1024)
"""Counters along a row: few numbers, since each is another kernel to compile."""

ACROSS = 4
"""The most counters along a row where memory runs across the rows: a program writes 32 or 64 neighbours."""

WARPS = 4

PROGRAMS = 2**31 - 1
"""CUDA's limit for one launch."""


class Axis(NamedTuple):
    """An axis: its size, and how far apart its elements are in index and in memory."""

    size: int
    step: int
    stride: int


class Layout(NamedTuple):
    """A block as rows in which the index grows by one: one of them, and the axes that number them, innermost first."""

    row: Axis
    axes: tuple[Axis, ...]


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
    made = recipe(draw.distribution, draw.dtype)
    if made.kind == "integers":
        out = out.view(getattr(torch, f"int{8 * out.element_size()}"))  # one kernel for both of a width
    row, axes = layout(draw.block, draw.strides, out.stride())
    first, counters = draw.first, COUNTERS[made.bits] // (4 if axes else 1)
    aligned = all(number % 4 == 0 for number in (first, *(axis.step for axis in axes)))
    across = any(axis.stride < row.stride for axis in axes)
    rows = int(np.prod([axis.size for axis in axes], dtype=np.int64))
    needed = (row.size + (3 if aligned else 6)) // 4
    groups = min(counters, next((few for few in GROUPS if few >= needed), counters))
    groups = min(groups, ACROSS) if across else groups
    tiles = -(-needed // groups)
    programs = tiles * -(-rows * groups // counters)
    stored = joined(axes)
    quads = aligned and row.stride == 1 and all(axis.stride % 4 == 0 for axis in stored)
    # Where nothing is looked up, any tensor does.
    table = device_table(made.bits, out.device).view(torch.int64) if "normal" in made.kind else out
    arguments = {
        "seed": signed(draw.seed),
        "stream": signed(draw.stream),
        "first": first,
        "length": row.size,
        "row_count": rows,
        "stride": row.stride,
        "tiles": tiles,
        "index_sizes": tuple(axis.size for axis in axes) or (1,),
        "index_steps": tuple(axis.step for axis in axes) or (0,),
        "memory_sizes": tuple(axis.size for axis in stored) or (1,),
        "memory_strides": tuple(axis.stride // (4 if quads else 1) for axis in stored) or (0,),
        **numbers(made),
    }
    with torch.cuda.device(out.device) if out.device.type == "cuda" else nullcontext():
        for start in range(0, programs, PROGRAMS):
            fill_kernel[(min(PROGRAMS, programs - start),)](
                out,
                table,
                start=start,
                **arguments,
                KIND=made.kind,
                WIDE=made.bits == 64,
                SHIFTED=made.offset is not None,
                ALIGNED=aligned,
                DENSE=row.stride == 1,
                QUADS=quads,
                SINGLE=not axes,
                ROWS=counters // groups,
                GROUPS=groups,
                num_warps=WARPS,
                enable_fp_fusion=True,  # changes no bit: see `affine`
            )


def joined(axes: tuple[Axis, ...]) -> list[Axis]:
    """Join the axes that run on into each other in memory; their steps lose their meaning."""
    found: list[Axis] = []
    for axis in axes:
        if found and found[-1].stride * found[-1].size == axis.stride:
            found[-1] = found[-1]._replace(size=found[-1].size * axis.size)
        else:
            found.append(axis)
    return found


def numbers(made: Recipe) -> dict[str, int]:
    """Return a recipe's numbers as the kernel takes them: 64 bits each, floats as theirs."""
    reals = {name: getattr(made, name) for name in ("scale", "offset", "low", "high")}
    bits = {name: 0 if x is None else int(x.view(f"int{8 * x.itemsize}")) for name, x in reals.items()}
    return {**bits, "window": signed(made.first), "width": made.width if made.bits == 32 else signed(made.width)}


def signed(number: int) -> int:
    """Return the int64 of the same 64 bits as a number below ``2**64``."""
    return number - 2**64 if number >= 2**63 else number
