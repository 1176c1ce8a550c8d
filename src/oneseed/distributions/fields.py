"""Random values for distributions that are computed on the host: other draws with the seed and path of a draw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions.sampled import Integers
from oneseed.draws import Distribution, Draw, Host
from oneseed.stream.paths import stream_number


def drawn(host: Host, draw: Draw, distribution: Distribution, dtype: str) -> NDArray[Any]:
    """Return the values of another distribution for the block of a draw, with its seed, path and order of axes."""
    _check_seed(draw)
    return host.draw(draw._replace(distribution=distribution, dtype=dtype, rng="portable"))


def words(host: Host, draw: Draw) -> NDArray[np.uint32]:
    """Return the random words of the elements of a draw's block."""
    return drawn(host, draw, Integers(0, 2**32), "uint32")


def field(
    host: Host, distribution: Distribution, draw: Draw, shape: Shape, at: int = 0, *names: str
) -> NDArray[np.float64]:
    """Return the values of a random field with the seed and path of a draw, in float64.

    Parameters
    ----------
    host : Host
        What draws.
    distribution : Distribution
        The distribution, one that is sampled.
    draw : Draw
        What has the seed and the path.
    shape : tuple of int
        The shape of a tensor of the field, which holds many of them, one after the other.
    at : int
        Which of them.
    *names : str
        The field's name, for every field of a draw but the first.

    Returns
    -------
    ndarray of float64
        The tensor.
    """
    values = np.empty(shape)
    write_field(host, [(tuple(map(slice, shape)), values)], distribution, draw, shape, at, *names)
    return values


def write_field(
    host: Host,
    parts: Sequence[tuple[tuple[slice, ...], NDArray[np.float64]]],
    distribution: Distribution,
    draw: Draw,
    shape: Shape,
    at: int,
    *names: str,
) -> None:
    """Write parts of the tensor that `field` returns, all at the same time.

    Parameters
    ----------
    host : Host
        What draws.
    parts : sequence of tuple
        A slice for each axis, and the memory for what is there: an array of float64, of any strides.
    distribution, draw, shape, at, names
        As for `field`.
    """
    asked = []
    for cuts, out in parts:
        offset = at, *(cut.indices(size)[0] for cut, size in zip(cuts, shape, strict=True))
        block = out[np.newaxis]
        asked.append((part_of_field(distribution, draw, (at + 1, *shape), offset, block.shape, *names), block))
    host.fill(asked)


def part_of_field(
    distribution: Distribution, draw: Draw, shape: Shape, offset: Shape, block: Shape, *names: str
) -> Draw:
    """Return the draw of a block of a random field, whose tensors lie along the first axis of `shape`."""
    _check_seed(draw)
    path, order = (*draw.path, *names), tuple(range(len(shape)))
    return Draw(distribution, shape, "float64", draw.seed, path, order, 1, 1, offset, block)


def words64(host: Host, draw: Draw, first: int, count: int, *names: str) -> NDArray[np.uint64]:
    """Return the 64-bit words of consecutive elements of a random field with the seed and path of a draw.

    Parameters
    ----------
    host : Host
        What draws.
    draw : Draw
        What has the seed and the path.
    first, count : int
        The index of the first element, and how many.
    *names : str
        The field's name, for every field of a draw but the first.

    Returns
    -------
    ndarray of uint64, shape (count,)
        The words.
    """
    _check_seed(draw)
    return host.words(draw.seed, stream_number((*draw.path, *names)), first, count)


def _check_seed(draw: Draw) -> None:
    if draw.seed is None:
        raise TypeError(
            f"`seed` must not be None for the random values of {draw.distribution.name!r}: derive the initializer from "
            f"oneseed.initializers.RandomInitializer, and call super().__init__(seed). Received: {draw!r}"
        )
