"""The way between a framework's tensors and arrays in host memory."""

import sys
from collections.abc import Sequence
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


def field(law: Distribution, draw: Draw, shape: Shape, at: int = 0, *names: str) -> NDArray[np.float64]:
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

    Returns
    -------
    ndarray of float64
        The tensor.
    """
    made = np.empty(shape)
    write_field([(tuple(map(slice, shape)), made)], law, draw, shape, at, *names)
    return made


def write_field(
    parts: Sequence[tuple[tuple[slice, ...], NDArray[np.float64]]],
    law: Distribution,
    draw: Draw,
    shape: Shape,
    at: int,
    *names: str,
) -> None:
    """Write parts of the tensor that `field` returns, all at the same time.

    Parameters
    ----------
    parts : sequence of tuple
        A slice for each axis, and the memory for what is there: an array of float64, of any strides.
    law, draw, shape, at, names
        As for `field`.
    """
    path, order = (*draw.path, *names), tuple(range(len(shape) + 1))
    asked = []
    for cuts, out in parts:
        offset = at, *(cut.indices(size)[0] for cut, size in zip(cuts, shape, strict=True))
        block = out[np.newaxis]
        asked.append((Draw(law, (at + 1, *shape), "float64", draw.seed, path, order, 1, 1, offset, block.shape), block))
    cast(HostBackend, registry.load(HOST)).fill(asked)


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
