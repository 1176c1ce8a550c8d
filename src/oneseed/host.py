"""The way between a framework's tensors and arrays in host memory."""

import sys
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from oneseed import registry
from oneseed.checks import Shape
from oneseed.distributions import Distribution, Integers
from oneseed.draws import Draw
from oneseed.dtypes import NUMERIC
from oneseed.protocol import Backend, HostBackend
from oneseed.stream.paths import stream_number
from oneseed.stream.philox import words_of_blocks

HOST = "numpy"

PLANES = np.array([[0], [1]], np.uint64)
"""The planes of both halves of a 64-bit word: made in one go, which for few words takes half the time."""


def backend_of(x: Any) -> Backend | None:
    """Return the backend whose tensor `x` is, or None.

    A backend that has not been loaded is asked too, if the framework it is named after has been imported: only then can
    there be tensors of it.
    """
    for backend in registry.loaded():
        if backend.is_tensor(x):
            return backend
    for name in registry.available_backends():
        if name in sys.modules and not registry.is_loaded(name):
            try:
                backend = registry.load(name)
            except (ImportError, ValueError):  # what cannot be used has no tensors in use
                continue
            if backend.is_tensor(x):
                return backend
    return None


def to_numpy(x: Any) -> NDArray[Any]:
    """Return a tensor of any framework, or what NumPy can read, as an array; memory may be shared."""
    owner = None if isinstance(x, np.ndarray) else backend_of(x)
    return owner.to_numpy(x) if owner else np.asarray(x)


def numbers(argument: str, value: Any) -> NDArray[Any]:
    """Return numbers given in any way as an array.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : array_like or tensor
        The numbers.

    Returns
    -------
    ndarray
        An array of a numeric dtype or bool; memory may be shared.

    Raises
    ------
    TypeError
        If `value` holds anything else.
    """
    try:
        array = to_numpy(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{argument}` must hold numbers ({error}). Received: {argument}={value!r}") from None
    if array.dtype.name not in NUMERIC:
        raise TypeError(
            f"`{argument}` must hold numbers, in one of {', '.join(NUMERIC)}; these are of dtype {array.dtype}. "
            f"Received: {argument}={value!r}"
        )
    return array


def drawn(draw: Draw, law: Distribution, dtype: str) -> NDArray[Any]:
    """Return the values of another law at the address of a draw, for its block, in its order of axes."""
    values: NDArray[Any] = registry.load(HOST).draw(draw._replace(distribution=law, dtype=dtype, rng="portable"))
    return values


def words(draw: Draw) -> NDArray[np.uint32]:
    """Return the random words of the elements of a draw's block."""
    return drawn(draw, Integers(0, 2**32), "uint32")


def field(
    law: Distribution,
    draw: Draw,
    shape: Shape,
    at: int = 0,
    *names: str,
    block: tuple[slice, ...] | None = None,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the values of a random field at the address of a draw, in float64.

    Parameters
    ----------
    law : Distribution
        The distribution, one that is sampled.
    draw : Draw
        What has the seed and the path.
    shape : tuple of int
        The shape of a tensor of the field, which holds many of them, one after the other.
    at : int
        Which of them.
    *names : str
        The field's name, for every field of a draw but the first.
    block : tuple of slice, optional
        The part of the tensor that is made, a start and a stop for each axis; by default all of it.
    out : ndarray of float64, optional
        The memory to write, of any strides.

    Returns
    -------
    ndarray of float64
        The tensor, or its block.
    """
    cuts = slice(at, at + 1), *(block or map(slice, (0,) * len(shape), shape))
    offset, extent = tuple(cut.start for cut in cuts), tuple(cut.stop - cut.start for cut in cuts)
    path = (*draw.path, *names)
    asked = Draw(law, (at + 1, *shape), "float64", draw.seed, path, tuple(range(len(cuts))), 1, 1, offset, extent)
    made = np.empty(extent[1:]) if out is None else out
    cast(HostBackend, registry.load(HOST)).fill(asked, made[np.newaxis])
    return made


def words64(draw: Draw, first: int, count: int, *names: str) -> NDArray[np.uint64]:
    """Return the 64-bit words of consecutive elements of a random field at the address of a draw.

    Parameters
    ----------
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
    stream = stream_number((*draw.path, *names))
    blocks = np.arange(first >> 2, (first + count + 3) >> 2, dtype=np.uint64)
    high, low = np.stack(words_of_blocks(blocks, draw.seed, stream, PLANES), axis=-1).reshape(2, -1)
    start = first & 3
    made: NDArray[np.uint64] = (high << np.uint64(32) | low)[start : start + count]
    return made
