"""Structured matrices a second time, from their definitions: plain loops over elements of `reference`.

Every function takes the arguments of a class and the sides of a kernel, and returns one kernel, number `at` of a batch,
as an array of float64 of shape (spatial..., inputs, outputs). It shares no code with oneseed.
"""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import reference

SEED = 7


def stream(path, *names):
    return reference.stream_of((*path, *names))


def normals(path, shape, at=0, *names):
    size = math.prod(shape)
    number = stream(path, *names)
    return np.array([reference.normal(SEED, number, at * size + i, 0.0, 1.0, "float64") for i in range(size)]).reshape(
        shape
    )


def uniforms(path, shape, at=0):
    size = math.prod(shape)
    values = [reference.uniform(SEED, stream(path), at * size + i, -1.0, 1.0, "float64") for i in range(size)]
    return np.array(values).reshape(shape)


def words(path, name, first, count):
    return [reference.word64(SEED, stream(path, name), first + i) for i in range(count)]


def smallest(ranked, count):
    """Return the places of the smallest words."""
    return set(sorted(range(len(ranked)), key=lambda i: (ranked[i], i))[:count])


def householder(normal):
    """Return the product of reflections, one for each column on and below the diagonal, the diagonal of R positive."""
    m, n = normal.shape
    if m < n:
        return householder(normal.T).T
    q = np.eye(m, n)
    for j in reversed(range(n)):
        v = normal[:, j].copy()
        v[:j] = 0
        sign = math.copysign(1.0, v[j])
        v[j] += sign * math.sqrt(math.fsum(x * x for x in v))
        v /= math.sqrt(math.fsum(x * x for x in v))
        q -= 2 * np.outer(v, v @ q)
        q[:, j] *= -sign
    return q


# Each class -----------------------------------------------------------------------------------------------------------


def by_element(sides, element):
    spatial, inputs, outputs = sides
    made = np.zeros((*spatial, inputs, outputs))
    for place in itertools.product(*map(range, made.shape)):
        made[place] = element(place[:-2], place[-2], place[-1])
    return made


def identity(path, at, sides, gain=1.0, shift=0):
    outputs = sides[2]
    return by_element(sides, lambda _, i, o: gain if i < outputs and (i + shift) % outputs == o else 0.0)


def dirac(path, at, sides, groups=1):
    spatial, _, outputs = sides
    middle = tuple(size // 2 for size in spatial)
    return by_element(sides, lambda tap, i, o: 1.0 if tap == middle and o % (outputs // groups) == i else 0.0)


def id_init(path, at, sides, gain=1.0, taps="middle"):
    spatial, inputs, outputs = sides
    every = list(itertools.product(*map(range, spatial)))
    middle = tuple(size // 2 for size in spatial)
    rows = inputs * (len(every) if taps == "all" else 1)

    def element(tap, i, o):
        row = i * len(every) + every.index(tap) if taps == "all" else i
        return gain if (taps == "all" or tap == middle) and (row - o) % min(rows, outputs) == 0 else 0.0

    return by_element(sides, element)


def orthogonal_features(path, at, sides, stddev=1.0, lengths="normal"):
    spatial, inputs, outputs = sides
    rows = math.prod(spatial) * inputs
    blocks = -(-outputs // rows)
    made = []
    for number in range(at * blocks, (at + 1) * blocks):
        q = householder(normals(path, (rows, rows), number))
        for column, vector in zip(q.T, normals(path, (rows, rows), number, "lengths").T, strict=True):
            made.append(column * stddev * (math.hypot(*vector) if lengths == "normal" else math.sqrt(rows)))
    return np.array(made[:outputs]).T.reshape(*spatial, inputs, outputs)


def noisy_identity(path, at, sides, gain=1.0, stddev=0.01):
    size = sides[1] * sides[2]

    def element(_, i, o):
        index = at * size + i * sides[2] + o
        noise = reference.normal(SEED, stream(path), index, 0.0, stddev, "float64")
        return noise + (gain if i == o else 0.0)

    return by_element(sides, element)


def sparse(path, at, sides, dtype, stddev=0.01, mean=0.0, sparsity=None, connections=None, per="output", exact=True):
    spatial, inputs, outputs = sides
    taps = list(itertools.product(*map(range, spatial)))
    others = inputs if per == "output" else outputs
    population = len(taps) * others

    def zero(tap, i, o):
        unit, other = (at * outputs + o, i) if per == "output" else (at * inputs + i, o)
        ranked = words(path, "mask", unit * population, population)
        place = taps.index(tap) * others + other
        if exact:
            count = population - connections if sparsity is None else math.ceil(sparsity * population)
            return place in smallest(ranked, count)
        share = 1 - connections / population if sparsity is None else sparsity
        return Fraction(ranked[place]) < Fraction(share) * 2**64

    def element(tap, i, o):
        index = ((at * len(taps) + taps.index(tap)) * inputs + i) * outputs + o
        return 0.0 if zero(tap, i, o) else reference.normal(SEED, stream(path), index, mean, stddev, dtype)

    return by_element(sides, element)


def tent(sides, diagonal, normalized):
    def height(size, x):
        factor = (size + 1) // 2
        return 1 - abs(x - Fraction(size - 1, 2)) / factor

    total = math.prod(sum(height(size, x) for x in range(size)) for size in sides[0]) if normalized else 1

    def element(tap, i, o):
        value = math.prod((height(size, x) for size, x in zip(sides[0], tap, strict=True)), start=Fraction(1)) / total
        return float(value) if i == o or not diagonal else 0.0

    return by_element(sides, element)


def bilinear(path, at, sides):
    return tent(sides, False, False)


def upsampling(path, at, sides):
    return tent(sides, sides[1] == sides[2], False)


def downsampling(path, at, sides):
    return tent(sides, sides[1] == sides[2], True)


def zer_o(path, at, sides):
    spatial, inputs, outputs = sides
    if outputs <= inputs:
        return dirac(path, at, sides)
    middle = tuple(size // 2 for size in spatial)
    h = [[1]]
    while len(h) < outputs:
        h = [row + row for row in h] + [row + [-x for x in row] for row in h]
    with mpmath.workdps(40):
        value = float(1 / mpmath.sqrt(len(h)))
    return by_element(sides, lambda tap, i, o: h[o][i] * value if tap == middle else 0.0)


def chain(weights, sides, closed):
    units = sides[1]
    last = units if closed else units - 1
    weights = weights if isinstance(weights, list) else [weights] * units
    return by_element(sides, lambda _, i, o: weights[i] if i < last and o == (i + 1) % units else 0.0)


def ring(path, at, sides, weights=1.0):
    return chain(weights, sides, True)


def line(path, at, sides, weights=1.0):
    return chain(weights, sides, False)


def weighted(path, at, units, distribution, connected, radius):
    made = uniforms(path, (units, units), at) if distribution == "uniform" else normals(path, (units, units), at)
    if distribution == "bernoulli":
        made = np.sign(made)
    made = np.where(connected, made, 0.0)
    return made if radius is None else made * (radius / max(abs(np.linalg.eigvals(made))))


def chosen(path, at, shape, connectivity=1.0, degree=None, direction="in"):
    size = math.prod(shape)
    ranked = words(path, "mask", at * size, size)
    if degree is None:
        zeros = smallest(ranked, size - round(connectivity * size))
        return np.array([place not in zeros for place in range(size)]).reshape(shape)
    connected = np.zeros(shape, bool)
    for unit in range(shape[1 if direction == "in" else 0]):
        places = [(unit, o) if direction == "out" else (o, unit) for o in range(shape[0 if direction == "in" else 1])]
        for place in smallest([ranked[i * shape[1] + o] for i, o in places], degree):
            connected[places[place]] = True
    return connected


def echo_state(path, at, sides, spectral_radius=1.0, distribution="uniform", **connections):
    units = sides[1]
    return weighted(path, at, units, distribution, chosen(path, at, (units, units), **connections), spectral_radius)


def reservoir_input(path, at, sides, input_scaling=1.0, distribution="bernoulli", **connections):
    shape = sides[1:]
    made = uniforms(path, shape, at) if distribution == "uniform" else normals(path, shape, at)
    if distribution == "bernoulli":
        made = np.sign(made)
    scaling = np.broadcast_to(np.array(input_scaling, float), shape[:1])
    return np.where(chosen(path, at, shape, **connections), made, 0.0) * scaling[:, None]


def cluster(path, at, sides, p_in=0.1, p_out=0.01, clusters=3, spectral_radius=None, distribution="normal"):
    units = sides[1]
    each = units // clusters
    ranked = words(path, "mask", at * units**2, units**2)
    connected = [
        ranked[i * units + o] < Fraction(p_in if i // each == o // each else p_out) * 2**64
        for i in range(units)
        for o in range(units)
    ]
    return weighted(path, at, units, distribution, np.reshape(connected, (units, units)), spectral_radius)


def small_world(path, at, sides, neighbors=2, rewiring=0.1, spectral_radius=None, distribution="normal"):
    units = sides[1]
    lattice = [((i + k) % units, i) for k in range(1, neighbors // 2 + 1) for i in range(units)]
    edges = {frozenset(edge) for edge in lattice}
    coins = words(path, "mask", at * len(lattice), len(lattice))
    targets = words(path, "target", at * len(lattice), len(lattice))
    for (i, j), coin, target in zip(lattice, coins, targets, strict=True):
        free = [k for k in range(units) if k != i and frozenset((i, k)) not in edges]
        if coin < Fraction(rewiring) * 2**64 and free:
            edges.remove(frozenset((i, j)))
            edges.add(frozenset((i, free[target * len(free) >> 64])))
    connected = [[frozenset((i, o)) in edges and i != o for o in range(units)] for i in range(units)]
    return weighted(path, at, units, distribution, np.array(connected), spectral_radius)


def delta_orthogonal(path, at, sides, gain=1.0):
    spatial, inputs, outputs = sides
    made = np.zeros((*spatial, inputs, outputs))
    made[tuple((size - 1) // 2 for size in spatial)] = gain * householder(normals(path, (inputs, outputs), at))
    return made


def convolution_orthogonal(path, at, sides, gain=1.0):
    """Sum over all ways to take one of the two taps at every step."""
    spatial, inputs, outputs = sides
    h = gain * householder(normals(path, (inputs, outputs), at))
    steps = (spatial[0] - 1) * len(spatial)
    pairs = []
    for step in range(at * steps, (at + 1) * steps):
        coins = words(path, "mask", step * outputs, outputs)
        q = householder(normals(path, (outputs, outputs), step, "projection"))
        p = sum((np.outer(q[:, k], q[:, k]) for k in range(outputs) if coins[k] >= 2**63), np.zeros((outputs, outputs)))
        pairs.append((p, np.eye(outputs) - p))
    made = np.zeros((*spatial, inputs, outputs))
    for taken in itertools.product((0, 1), repeat=steps):
        tap = tuple(sum(taken[axis :: len(spatial)]) for axis in range(len(spatial)))
        term = h
        for pair, which in zip(pairs, taken, strict=True):
            term = term @ pair[which]
        made[tap] += term
    return made


def glorot_orthogonal(path, at, sides, scale=2.0):
    spatial, inputs, outputs = sides
    field = math.prod(spatial)
    q = householder(normals(path, (field * inputs, outputs), at))
    mean = math.fsum(q.ravel()) / q.size
    variance = math.fsum((x - mean) ** 2 for x in q.ravel()) / (q.size - 1)
    return (q * math.sqrt(scale / (field * (inputs + outputs) * variance))).reshape(*spatial, inputs, outputs)


def convolution_aware(path, at, sides, eps_std=0.05):
    """The sums of cosines that an inverse transform of a real spectrum is, as far as a real filter has it."""
    spatial, inputs, outputs = sides
    last = spatial[-1]
    frequencies = [*map(range, spatial[:-1]), range(last // 2 + 1)]
    points = list(itertools.product(*frequencies))
    size = len(points)
    several = -(-inputs // size)
    raw = normals(path, (outputs, several, size, size), at)
    noise = normals(path, (*spatial, inputs, outputs), at, "noise")
    made = np.zeros((*spatial, inputs, outputs))
    for o in range(outputs):
        rows = []
        for matrix in raw[o]:
            q, r = np.linalg.qr(matrix)
            rows.extend(q * np.sign(np.diag(r)))
        for i in range(inputs):
            for tap in itertools.product(*map(range, spatial)):
                total = 0.0
                for value, k in zip(rows[i], points, strict=True):
                    twice = 1 if k[-1] == 0 or 2 * k[-1] == last else 2
                    angle = sum(x * f / n for x, f, n in zip(tap, k, spatial, strict=True))
                    total += twice * value * math.cos(2 * math.pi * angle)
                made[(*tap, i, o)] = total / math.prod(spatial)
    made += eps_std * noise
    return made * math.sqrt(2 / (math.prod(spatial) * inputs) / np.mean((made - made.mean()) ** 2))


def spectral(path, at, sides, k_coef_lip=1.0, base="orthogonal", bjorck_iterations=15):
    """From the singular values: Bjoerck's iteration leaves the singular vectors as they are."""
    spatial, inputs, outputs = sides
    shape = (math.prod(spatial) * inputs, outputs)
    drawn = {"orthogonal": lambda: householder(normals(path, shape, at)), "uniform": lambda: uniforms(path, shape, at)}
    u, values, v = np.linalg.svd(drawn[base](), full_matrices=False)
    values = values / values.max()
    for _ in range(bjorck_iterations):
        values = 1.5 * values - 0.5 * values**3
    return (k_coef_lip * (u * values) @ v).reshape(*spatial, inputs, outputs)


OF_CLASS = {
    "Bilinear": bilinear,
    "Cluster": cluster,
    "ConvolutionAware": convolution_aware,
    "ConvolutionOrthogonal": convolution_orthogonal,
    "DeltaOrthogonal": delta_orthogonal,
    "Dirac": dirac,
    "DownsamplingFilter": downsampling,
    "EchoState": echo_state,
    "GlorotOrthogonal": glorot_orthogonal,
    "IDInit": id_init,
    "Identity": identity,
    "Line": line,
    "NoisyIdentity": noisy_identity,
    "OrthogonalFeatures": orthogonal_features,
    "ReservoirInput": reservoir_input,
    "Ring": ring,
    "SmallWorld": small_world,
    "Sparse": sparse,
    "Spectral": spectral,
    "UpsamplingFilter": upsampling,
    "ZerO": zer_o,
}
