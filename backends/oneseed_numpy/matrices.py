"""Small orthogonal matrices in host memory: by the compiled kernels, or without them by NumPy, to the same bits."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions.orthogonal import Haar, is_small
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed_numpy import engine, kernel

Array = NDArray[Any]
DTYPES = "float32", "float64"

TOGETHER = 1 << 16
"""Elements of matrices that NumPy makes at once."""


def write(draw: Draw, out: Array, gain: float) -> None:
    """Turn a draw of normal values, some matrices of a field of them, into orthogonal matrices.

    Parameters
    ----------
    draw : Draw
        The draw, of shape (matrices of the field, rows, columns).
    out : ndarray of float32, float64, complex64 or complex128, of the shape of the draw's block
        The memory for the matrices, contiguous. Complex ones have imaginary parts from the path with "imag" behind.
    gain : float
        What they are multiplied by.
    """
    imaginary = draw._replace(path=(*draw.path, "imag")) if out.dtype.kind == "c" else None
    if engine.kernels is not None:
        dtype, stream = kernel.DTYPES[out.real.dtype.name], imaginary.stream if imaginary else None
        engine.kernels.orthogonal(out, out.shape, out.strides, dtype, gain, draw.first, draw.seed, draw.stream, stream)
        return
    from oneseed_numpy import plain, reflections  # of no use beside kernels

    count, *matrix = out.shape
    each = max(1, TOGETHER // max(1, math.prod(matrix)))
    for start in range(0, count, each):
        part = out[start : start + each]
        values = np.empty(part.shape, complex if imaginary else float)
        offset = draw.offset[0] + start, 0, 0
        plain.fill(draw._replace(offset=offset, block=part.shape), values.real)
        if imaginary:
            plain.fill(imaginary._replace(offset=offset, block=part.shape), values.imag)
        reflections.reflect(values, part, gain)


def filling(draw: Draw, strides: Shape) -> Callable[[int, int, int], None] | None:
    """Return a function of address, seed and stream that writes matrices into memory; None without one."""
    arguments = _arguments(draw, strides)
    if arguments is None:
        return None
    run = engine.kernels.orthogonal

    def fill(address: int, seed: int, stream: int) -> None:
        run(address, *arguments, seed, stream, None)

    return fill


def prepared(draw: Draw) -> Callable[[], Array] | None:
    """Return a function that makes an array of matrices and does nothing else; None without one."""
    kind = numpy_dtype(draw.dtype)
    arguments = _arguments(draw, np.empty(draw.block, kind).strides)
    if arguments is None:
        return None
    empty, run, shape = np.empty, engine.kernels.orthogonal, draw.block
    rest = (*arguments, draw.seed, draw.stream, None)

    def make() -> Array:
        out = empty(shape, kind)
        run(out, *rest)
        return out

    return make


def _arguments(draw: Draw, strides: Shape) -> tuple[Any, ...] | None:
    """Return what a kernel is told, between address and seed; None for matrices that it does not write there."""
    haar = draw.distribution
    assert isinstance(haar, Haar)
    if engine.kernels is None or draw.dtype not in DTYPES or draw.block != draw.shape or 0 in draw.shape:
        return None
    sizes = haar.count, haar.rows, haar.columns
    steps = _steps([(draw.shape[axis], strides[axis]) for axis in draw.order], sizes)
    if steps is None or not is_small(haar.rows, haar.columns, draw.dtype):
        return None
    return sizes, steps, kernel.DTYPES[draw.dtype], haar.gain, 0


def _steps(axes: Sequence[tuple[int, int]], sizes: Shape) -> Shape | None:
    """Return the strides of groups of axes, of which each has as many elements as `sizes` says.

    Parameters
    ----------
    axes : sequence of tuple
        Size and stride of each axis, in the logical order.
    sizes : tuple of int
        The sizes of the groups.

    Returns
    -------
    tuple of int or None
        The strides; None where the elements of a group are not evenly spaced.
    """
    left, found = list(axes), []
    for size in sizes:
        extent = step = 1
        while extent < size:
            more, stride = left.pop(0)
            if more > 1:
                if extent > 1 and step != stride * more:
                    return None
                extent, step = extent * more, stride
        found.append(step)
    return tuple(found)
