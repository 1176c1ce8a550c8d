"""Small orthogonal matrices a second time: number by number, in the order of operations that `docs/stream.md` defines.

Python's floats are numbers of float64, of which it rounds each sum, product, quotient and square root once.
"""

import math

import reference


def orthogonal(seed, path, rows, columns, gain=1.0, number=0, imaginary=False):
    """Return matrix `number` of a field as a list of rows."""
    m, n = max(rows, columns), min(rows, columns)

    def x(i, k, *name):
        place = i * columns + k if rows >= columns else k * columns + i
        stream = reference.stream_of((*path, *name))
        return reference.normal(seed, stream, number * rows * columns + place, 0.0, 1.0, "float64")

    values = [[x(i, k) for i in range(k, m)] for k in range(n)]
    if imaginary:
        q = unitary(values, [[x(i, k, "imag") for i in range(k, m)] for k in range(n)], m, gain)
    else:
        q = real(values, m, gain)
    return q if rows >= columns else [list(row) for row in zip(*q, strict=True)]


def real(values, m, gain):
    """Return the matrix of m rows that values make; `values[k]` has those of column k from element k on."""
    vectors, factors, signs = [], [], []
    for x in values:
        r = length(x)
        s = math.copysign(1.0, x[0])
        signs.append(s)
        factors.append(factor(r, abs(x[0])))
        vectors.append([x[0] + s * r, *x[1:]])
    q = product(vectors, factors, m, len(values))
    return [[element * (-s * gain) for element, s in zip(row, signs, strict=True)] for row in q]


def unitary(real_parts, imaginary_parts, m, gain):
    """Return the same of complex numbers."""
    vectors, factors, phases = [], [], []
    for a, b in zip(real_parts, imaginary_parts, strict=True):
        r = length([part for pair in zip(a, b, strict=True) for part in pair])
        size = math.sqrt(a[0] * a[0] + b[0] * b[0])
        c, s = (a[0] / size, b[0] / size) if size else (1.0, 0.0)
        phases.append((-c * gain, -s * gain))
        first, second = [size + r, 0.0], [size + r]
        for x, y in zip(a[1:], b[1:], strict=True):
            first += [c * x + s * y, c * y - s * x]
            second += [-(c * y - s * x), c * x + s * y]
        vectors += [first, second]
        factors += 2 * [factor(r, size)]
    q = product(vectors, factors, 2 * m, len(phases))
    rows = [zip(q[2 * i], q[2 * i + 1], phases, strict=True) for i in range(m)]
    return [[complex(a * c - b * s, a * s + b * c) for a, b, (c, s) in row] for row in rows]


def length(numbers):
    """Return the square root of the sum of squares."""
    total = numbers[0] * numbers[0]
    for number in numbers[1:]:
        total = total + number * number
    return math.sqrt(total)


def factor(r, size):
    """Return what the sums of a reflection are multiplied by."""
    d = r * (r + size)
    return 1.0 / d if d else 0.0


def product(vectors, factors, m, n):
    """Multiply n columns of the identity by reflections; `vectors[k]` begins at row k."""
    each = len(vectors) // n
    q = [[1.0 if i == each * j else 0.0 for j in range(n)] for i in range(m)]
    for k in reversed(range(len(vectors))):
        v = vectors[k]
        for j in range(k // each, n):
            total = v[0] * q[k][j]
            for i in range(k + 1, m):
                total = total + v[i - k] * q[i][j]
            f = total * factors[k]
            for i in range(k, m):
                q[i][j] = q[i][j] - v[i - k] * f
    return q


def copies(normal, parts):
    """Write values that are there already, as large matrices ask for them."""
    for block, out in parts:
        out[...] = normal[block]


def patterns(element):
    """Return the bits of a number in float64, or of the two parts of a complex one."""
    parts = (element.real, element.imag) if isinstance(element, complex) else (element,)
    return [f"{reference.bits(float(part), 'float64'):016x}" for part in parts]
