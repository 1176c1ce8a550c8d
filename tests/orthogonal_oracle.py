"""Small orthogonal matrices a second time: number by number, in the order of operations that `docs/stream.md` defines.

Python's floats are numbers of float64, of which it rounds each sum, product, quotient and square root once.
"""

import math

import reference


def orthogonal(seed, path, rows, columns, gain=1.0, number=0):
    """Return matrix `number` of a field as a list of rows."""
    stream = reference.stream_of(tuple(path))
    m, n = max(rows, columns), min(rows, columns)

    def x(i, k):
        place = i * columns + k if rows >= columns else k * columns + i
        return reference.normal(seed, stream, number * rows * columns + place, 0.0, 1.0, "float64")

    q = product([[x(i, k) for i in range(k, m)] for k in range(n)], m, gain)
    return q if rows >= columns else [list(row) for row in zip(*q, strict=True)]


def product(vectors, m, gain):
    """Return the matrix of m rows that reflections make; `vectors[k]` has the elements of x_k from element k on."""
    n = len(vectors)
    factors, scales = [], []
    for x in vectors:
        total = x[0] * x[0]
        for element in x[1:]:
            total = total + element * element
        r, s = math.sqrt(total), math.copysign(1.0, x[0])
        divisor = r * (r + abs(x[0]))
        factors.append(1.0 / divisor if divisor else 0.0)
        scales.append(-s * gain)
        x[0] = x[0] + s * r
    q = [[1.0 if i == j else 0.0 for j in range(n)] for i in range(m)]
    for k in reversed(range(n)):
        v = vectors[k]
        for j in range(k, n):
            total = v[0] * q[k][j]
            for i in range(k + 1, m):
                total = total + v[i - k] * q[i][j]
            factor = total * factors[k]
            for i in range(k, m):
                q[i][j] = q[i][j] - v[i - k] * factor
    return [[element * scale for element, scale in zip(row, scales, strict=True)] for row in q]
