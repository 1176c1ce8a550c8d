"""Small orthogonal matrices in NumPy: what makes them where the kernels were not built, to the bit what those make."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@np.errstate(all="ignore")
def reflect(values: Array, out: Array, gain: float) -> None:
    """Turn normal values into orthogonal or unitary matrices by reflections, as ``docs/stream.md`` defines it.

    Every sum runs down the rows, one product after the other, so that no column needs another one.

    Parameters
    ----------
    values : ndarray of float64 or complex128, shape (count, rows, columns)
        The values.
    out : ndarray, shape (count, rows, columns)
        The memory for the matrices: of float32 or float64, or complex like the values.
    gain : float
        What they are multiplied by.
    """
    if values.shape[1] < values.shape[2]:
        values, out = values.transpose(0, 2, 1), out.transpose(0, 2, 1)
    (_unitary if values.dtype.kind == "c" else _orthogonal)(values, out, gain)


def _orthogonal(values: Array, out: Array, gain: float) -> None:
    count, m, n = values.shape
    number = np.arange(n)
    # With a further column of zeros: NumPy adds the elements of a single one in another order.
    vectors = np.zeros((count, m, n + 1))
    np.copyto(vectors[:, :, :n], values, where=np.arange(m)[:, np.newaxis] >= number)
    norms = np.sqrt(np.add.reduce(np.square(vectors), axis=1)[:, :n])
    heads = vectors[:, number, number]
    signs = np.copysign(1.0, heads)
    vectors[:, number, number] = heads + signs * norms
    matrices = _product(vectors, _factors(norms, np.abs(heads)), n)
    np.multiply(matrices, (-signs * gain)[:, np.newaxis], out=out, casting="unsafe")


def _unitary(values: Array, out: Array, gain: float) -> None:
    """Take a row of complex numbers as two of real ones, and a reflection as two."""
    count, m, n = values.shape
    number, row = np.arange(n), np.arange(m)[:, np.newaxis]
    a, b = values.real, values.imag
    parts = np.zeros((count, 2 * m, n + 1))
    np.copyto(parts[:, 0::2, :n], a, where=row >= number)
    np.copyto(parts[:, 1::2, :n], b, where=row >= number)
    norms = np.sqrt(np.add.reduce(np.square(parts), axis=1)[:, :n])
    x, y = a[:, number, number], b[:, number, number]
    sizes = np.sqrt(x * x + y * y)
    cosine, sine = np.where(sizes > 0, x / sizes, 1.0), np.where(sizes > 0, y / sizes, 0.0)
    c, s = cosine[:, np.newaxis], sine[:, np.newaxis]
    turned, other = c * a + s * b, c * b - s * a
    vectors = np.zeros((count, 2 * m, 2 * n + 1))
    for below, right, part in ((0, 0, turned), (1, 0, other), (0, 1, -other), (1, 1, turned)):
        np.copyto(vectors[:, below::2, right : 2 * n : 2], part, where=row > number)
        if below == right:
            vectors[:, 2 * number + below, 2 * number + right] = sizes + norms
    matrices = _product(vectors, np.repeat(_factors(norms, sizes), 2, axis=1), n)
    real, imaginary, c, s = matrices[:, 0::2], matrices[:, 1::2], -c * gain, -s * gain
    np.subtract(real * c, imaginary * s, out=out.real, casting="unsafe")
    np.add(real * s, imaginary * c, out=out.imag, casting="unsafe")


def _factors(norms: Array, sizes: Array) -> Array:
    squares = norms * (norms + sizes)
    return np.where(squares > 0, 1.0 / squares, 0.0)


def _product(vectors: Array, factors: Array, n: int) -> Array:
    """Multiply columns of the identity by reflections; where there are twice as many, by every other column."""
    count, m, _ = vectors.shape
    number, each = np.arange(n), max(1, factors.shape[1] // max(1, n))
    matrices, room = np.zeros((count, m, n + 1)), np.empty((count, m, n + 1))
    matrices[:, each * number, number] = 1.0
    for k in reversed(range(factors.shape[1])):
        part, vector = matrices[:, k:, k // each :], vectors[:, k:, k, np.newaxis]  # the rest is as it was
        product = room.reshape(-1)[: part.size].reshape(part.shape)
        sums = np.add.reduce(np.multiply(vector, part, out=product), axis=1, keepdims=True)
        np.multiply(vector, sums * factors[:, k, np.newaxis, np.newaxis], out=product)
        np.subtract(part, product, out=part)
    return matrices[:, :, :n]
