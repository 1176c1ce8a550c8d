"""Tensors of any size, a block at a time in a reused piece of memory."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from oneseed import registry
from oneseed.checkpoint.durable import PAGE
from oneseed.checks import Shape
from oneseed.digest import Digest
from oneseed.distributions import Complex, Elementwise, Fill, Structured
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import HOST
from oneseed.protocol import HostBackend

Array = NDArray[Any]

BLOCK = 1 << 24
"""The bytes of a block: enough to hide the cost of a call."""

ELEMENTS = 1 << 20
"""The elements of a block of what NumPy computes in float64, with several arrays of that size."""

BY_BLOCKS = frozenset(
    (
        *("array", "combination", "concatenated", "dirac", "file", "hippo", "identity", "integers", "mamba_a"),
        *("mamba_dt_bias", "noisy_identity", "packed", "random_sign", "range", "s4d", "stft", "truncated_normal"),
    )
)
"""The distributions that NumPy computes of which a block costs no more than its part of the whole."""

_whole = threading.Lock()
"""Held by the thread that makes a tensor as a whole: two of them at once would take twice the memory."""


def pieces(shape: Shape, limit: int) -> Iterator[tuple[Shape, Shape]]:
    """Cut a tensor into parts that follow one another in row-major order, of at most `limit` elements each.

    Parameters
    ----------
    shape : tuple of int
        The shape.
    limit : int
        The most elements, 1 or more.

    Yields
    ------
    tuple
        Offset and shape of a part; nothing for a tensor without elements.
    """
    if 0 in shape:
        return
    cut, size = len(shape), 1
    while cut and size * shape[cut - 1] <= limit:
        cut -= 1
        size *= shape[cut]
    if cut == 0:
        yield (0,) * len(shape), shape
        return
    axis, each = cut - 1, limit // size
    rest = (0,) * (len(shape) - cut)
    for before in product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], each):
            offset = (*before, start, *rest)
            yield offset, (*(1,) * axis, min(each, shape[axis] - start), *shape[cut:])


def made_whole(draw: Draw) -> bool:
    """Tell whether a tensor is computed as a whole, so that blocks of it would each cost as much as all of it."""
    distribution = draw.distribution
    if distribution.draws:
        return any(made_whole(part) for part in distribution.draws)
    by_blocks = isinstance(distribution, Elementwise) or distribution.name in BY_BLOCKS
    return isinstance(distribution, Structured) and not by_blocks


def limit(draw: Draw) -> int:
    """Return the most elements of a block."""
    most = BLOCK // numpy_dtype(draw.dtype).itemsize
    return min(most, ELEMENTS) if isinstance(draw.distribution, Structured) else most


def logical_shape(draw: Draw) -> Shape:
    """Return the shape of a tensor in the logical order of its axes."""
    return tuple(draw.shape[axis] for axis in draw.order)


def in_order(draw: Draw) -> bool:
    """Tell whether a tensor's values lie in a file in their logical order."""
    # Axes of size 1 change nothing.
    order = [axis for axis in draw.order if draw.shape[axis] > 1]
    return order == sorted(order)


class Scratch(threading.local):
    """Memory of each thread, used again for each block."""

    def __init__(self) -> None:
        self._memory: dict[int, NDArray[np.uint8]] = {}

    def take(self, dtype: str, shape: Sequence[int], which: int = 0, place: int = 0) -> Array:
        """Return an array whose values are not defined; what was taken before with the same number is lost.

        It is aligned as its `place` in a file is.
        """
        kind = numpy_dtype(dtype)
        needed = math.prod(shape) * kind.itemsize
        memory = self._memory.get(which)
        if memory is None or memory.size < needed + 2 * PAGE:
            self._memory[which] = memory = np.empty(max(needed, BLOCK) + 2 * PAGE, np.uint8)
        start = -memory.ctypes.data % PAGE + place % PAGE
        return memory[start : start + needed].view(kind).reshape(shape)


def fill(draw: Draw, out: Array) -> None:
    """Write the block of a draw into an array of its shape and dtype, of any strides."""
    distribution = draw.distribution
    host = cast(HostBackend, registry.load(HOST))
    if isinstance(distribution, Fill):
        out[...] = 0 if distribution.zero else distribution.scalar(draw.dtype)
    elif isinstance(distribution, Structured):
        out[...] = host.draw(draw)
    elif isinstance(distribution, Complex):
        host.fill(list(zip(distribution.split(draw), (out.real, out.imag), strict=True)))
    else:
        host.fill([(draw, out)])


@contextmanager
def whole(draw: Draw) -> Iterator[Array]:
    """Make a tensor that is made as a whole; memory for one of them at a time is in use.

    Parameters
    ----------
    draw : Draw
        The draw.

    Yields
    ------
    ndarray
        The tensor.
    """
    with _whole:
        yield np.ascontiguousarray(registry.load(HOST).draw(draw))


def blocks(draw: Draw, scratch: Scratch, place: int) -> Iterator[Array]:
    """Make a tensor in the order in which a file holds its values.

    Parameters
    ----------
    draw : Draw
        The draw of the whole tensor.
    scratch : Scratch
        Memory.
    place : int
        Where in the file the values begin.

    Yields
    ------
    ndarray
        The next values, which last until others are asked for.
    """
    for offset, block in pieces(draw.shape, limit(draw)):
        out = scratch.take(draw.dtype, block, place=place)
        fill(draw._replace(offset=offset, block=block), out)
        yield out
        place += out.nbytes


def fingerprint(draw: Draw, scratch: Scratch, tick: Callable[[int], None]) -> str:
    """Return the fingerprint of a tensor, made block by block in its logical order and not kept.

    Parameters
    ----------
    draw : Draw
        The draw of the whole tensor.
    scratch : Scratch
        Memory.
    tick : callable
        Called after each block; what it raises ends the work.

    Returns
    -------
    str
        What `oneseed.fingerprint` returns for the tensor.
    """
    digest = Digest(draw.dtype, logical_shape(draw))
    back = [draw.order.index(axis) for axis in range(len(draw.order))]
    for offset, block in pieces(logical_shape(draw), limit(draw)):
        out = scratch.take(draw.dtype, block)
        part = draw._replace(offset=tuple(offset[at] for at in back), block=tuple(block[at] for at in back))
        fill(part, out.transpose(back))
        digest.update(out)
        tick(0)
    return digest.hexdigest()
