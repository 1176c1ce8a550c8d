"""Small orthogonal matrices in NumPy: what makes them where the kernels were not built, to the bit what those make."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@np.errstate(all="ignore")
def reflect(values: NDArray[np.float64], out: Array, gain: float) -> None:
    """Turn normal values into orthogonal matrices by Householder reflections, as ``docs/stream.md`` defines it.

    Every sum runs down the rows, one product after the other, so that no column needs another one.

    Parameters
    ----------
    values : ndarray of float64, shape (count, rows, columns)
        The values.
    out : ndarray of float32 or float64, shape (count, rows, columns)
        The memory for the matrices.
    gain : float
        What they are multiplied by.
    """
    if values.shape[1] < values.shape[2]:
        values, out = values.transpose(0, 2, 1), out.transpose(0, 2, 1)
    count, m, n = values.shape
    number = np.arange(n)
    # With a further column of zeros: NumPy adds the elements of a single one in another order.
    vectors, matrices, room = (np.zeros((count, m, n + 1)) for _ in range(3))
    np.copyto(vectors[:, :, :n], values, where=np.arange(m)[:, np.newaxis] >= number)
    heads = vectors[:, number, number]
    norms = np.sqrt(np.add.reduce(np.square(vectors, out=room), axis=1)[:, :n])
    signs = np.copysign(1.0, heads)
    squares = norms * (norms + np.abs(heads))
    factors = np.where(squares > 0, 1.0 / squares, 0.0)
    vectors[:, number, number] = heads + signs * norms
    matrices[:, number, number] = 1.0
    for k in reversed(range(n)):
        part, vector = matrices[:, k:, k:], vectors[:, k:, k, np.newaxis]  # left of it, and above, is the identity
        product = room.reshape(-1)[: part.size].reshape(part.shape)
        sums = np.add.reduce(np.multiply(vector, part, out=product), axis=1, keepdims=True)
        np.multiply(vector, sums * factors[:, k, np.newaxis, np.newaxis], out=product)
        np.subtract(part, product, out=part)
    np.multiply(matrices[:, :, :n], (-signs * gain)[:, np.newaxis], out=out, casting="unsafe")
