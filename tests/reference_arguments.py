"""From arguments of initializers to elements a second time, on the distributions of `reference`."""

import math

import mpmath
from reference import INF, from_bits, normal, rounded, stream_of, truncated_normal, uniform, window, word64

# From arguments to distributions --------------------------------------------------------------------------------------

PM2 = float.fromhex("0x1.c25e4b6dba981p-1")
GAINS = {"linear": 1.0, "relu": 2.0, "tanh": 25 / 9, "selu": 9 / 16}


def after(a, b):
    """Return the standard deviation of the standard normal distribution, cut at a and b."""
    if (a, b) == (-2.0, 2.0):
        return PM2
    with mpmath.workdps(120):
        at_a, at_b = (mpmath.mpf(0) if math.isinf(x) else mpmath.npdf(x) for x in (a, b))
        mass = mpmath.ncdf(b) - mpmath.ncdf(a)
        least, largest = (mpmath.mpf(0) if math.isinf(x) else mpmath.mpf(x) for x in (a, b))
        variance = 1 + (least * at_a - largest * at_b) / mass - ((at_a - at_b) / mass) ** 2
        return math.sqrt(float(variance))


def in_stddevs(mean, stddev, lower, upper):
    """Return absolute bounds in standard deviations from the mean."""
    largest = from_bits(0x7FEFFFFFFFFFFFFF, "float64")
    found = []
    for end, side in ((lower, -1), (upper, 1)):
        z = (end - mean) / stddev if stddev else math.copysign(INF, side)
        found.append(end if math.isinf(end) else math.copysign(largest, z) if math.isinf(z) else z)
    a, b = found
    while mean + a * stddev < lower:
        a = math.nextafter(a, INF)
    while mean + b * stddev > upper:
        b = math.nextafter(b, -INF)
    return a, b


def before(stddev, low, high):
    """Return the standard deviation before truncation, by halving; `low` and `high` are distances from the mean."""

    def f(s):
        return s * after(low / s, high / s)

    least = largest = max(stddev, max(low, -high) / 9.1)
    while f(largest) < stddev:
        least, largest = largest, 2 * largest
    while least < (middle := (least + largest) / 2) < largest:
        least, largest = (middle, largest) if f(middle) < stddev else (least, middle)
    return largest


def fan_scaled(at, dtype, fans, scale, mode, distribution, nonlinearity="linear", window=(-2.0, 2.0), std="after"):
    """Return an element of variance scaling."""
    fan_in, fan_out = fans
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}.get(mode)
    n = math.sqrt(fan_in * fan_out) if n is None else n
    variance = GAINS[nonlinearity] * scale / max(1, n)
    if dtype.startswith("complex"):
        variance = variance / 2
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return lambda *where: uniform(*where, -limit, limit, at)
    stddev = math.sqrt(variance)
    if distribution == "untruncated_normal":
        return lambda *where: normal(*where, 0.0, stddev, at)
    stddev = stddev / after(*window) if std == "after" else stddev
    return lambda *where: cut_normal(*where, 0.0, stddev, at, *window)


def cut_normal(seed, stream, i, mean, stddev, dtype, lower, upper):
    """Return an element of an initializer's truncated normal distribution: of a narrow window drawn from 64 bits."""
    if window(lower, upper, 32)[1] >= 2**16 or dtype == "float64":
        return truncated_normal(seed, stream, i, mean, stddev, dtype, lower, upper)
    wide = truncated_normal(seed, stream, i, mean, stddev, "float64", lower, upper)
    return rounded(rounded(wide, "float32"), dtype)


# Fields ---------------------------------------------------------------------------------------------------------------


def first_of(seed, stream, start, count, k):
    """Return which of `count` elements of a field, from index `start` on, are the k first."""
    ranked = sorted((word64(seed, stream, start + j), j) for j in range(count))
    return {j for _, j in ranked[:k]}


def unseeded(s, n):
    """Return the seed of the n-th object that is built without one after set_random_seed(s)."""
    return word64(s, stream_of(("unseeded",)), n)


def orthogonal(seed, path, m, n, number=0, gain=1.0, imaginary=False):
    """Return an orthogonal or unitary matrix, with 40 digits."""
    if m < n:
        values = [list(row) for row in zip(*_normals(seed, path, m, n, number, imaginary), strict=True)]
        return _transposed(_reflected(values, n, m, gain))
    return _reflected(_normals(seed, path, m, n, number, imaginary), m, n, gain)


def _normals(seed, path, m, n, number, imaginary):
    def value(i, *names):
        return mpmath.mpf(normal(seed, stream_of((*path, *names)), number * m * n + i, 0.0, 1.0, "float64"))

    fields = [value(i) + (mpmath.mpc(0, 1) * value(i, "imag") if imaginary else 0) for i in range(m * n)]
    return [fields[row * n : row * n + n] for row in range(m)]


def _transposed(matrix):
    return [list(row) for row in zip(*matrix, strict=True)]


def _reflected(values, m, n, gain):
    with mpmath.workdps(40):
        q = [[mpmath.mpc(i == j) for j in range(n)] for i in range(m)]
        signs = []
        vectors = []
        for k in range(n):
            x = [values[i][k] for i in range(k, m)]
            r = mpmath.sqrt(sum(abs(each) ** 2 for each in x))
            sign = x[0] / abs(x[0]) if x[0] else mpmath.mpf(1)
            v = [mpmath.mpc(0)] * k + [x[0] + sign * r, *x[1:]]
            vectors.append((v, r * (r + abs(x[0]))))
            signs.append(sign)
        for v, scale in reversed(vectors):
            for j in range(n):
                along = sum(mpmath.conj(v[i]) * q[i][j] for i in range(m)) / scale
                for i in range(m):
                    q[i][j] -= v[i] * along
        return [[complex(-q[i][j] * signs[j] * gain) for j in range(n)] for i in range(m)]
