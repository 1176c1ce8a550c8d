"""Complex dtypes: two real draws, half of the variance in each, and unitary matrices."""

import json
import math
from functools import partial

import mpmath
import numpy as np
import pytest
import reference
from frameworks import ALL, installed
from orthogonal_oracle import copies

import oneseed
from oneseed import initializers as I
from oneseed import registry
from oneseed.distributions import Complex, Normal, TruncatedNormal, Uniform
from oneseed.distributions import orthogonal as haar

PARTS = {"complex64": "float32", "complex128": "float64"}
IMAG = reference.stream_of(("imag",))


@pytest.fixture(params=ALL)
def engine(request):
    if request.param == "jax":
        import jax

        with jax.enable_x64(True), oneseed.using(backend="jax"):
            yield registry.load("jax")
    else:
        with oneseed.using(backend=request.param):
            yield registry.load(request.param)


# Bits


def elements(element, seed, count, dtype, streams=(0, IMAG)):
    """Make complex numbers from two streams by the definition; `element` takes part, seed, stream, index and dtype."""
    part = PARTS[dtype]
    return [
        complex(*(element(which, seed, stream, i, part) for which, stream in enumerate(streams))) for i in range(count)
    ]


HALF = math.sqrt(2)
DEFINITIONS = {
    "normal": (
        I.RandomNormal(0.5 - 2j, 0.3, 5),
        lambda which, *at: reference.normal(*at[:3], (0.5, -2.0)[which], 0.3 / HALF, at[3]),
    ),
    "normal of a real mean": (
        I.RandomNormal(0.5, 0.3, 5),
        lambda which, *at: reference.normal(*at[:3], (0.5, 0.0)[which], 0.3 / HALF, at[3]),
    ),
    "truncated": (
        I.TruncatedNormal(1j, 0.02, 5),
        lambda which, *at: reference.truncated_normal(*at[:3], (0.0, 1.0)[which], 0.02 / HALF, at[3]),
    ),
    "uniform": (I.RandomUniform(-0.3, 2.0, 5), lambda which, *at: reference.uniform(*at[:3], -0.3, 2.0, at[3])),
}


@pytest.mark.parametrize("dtype", PARTS)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_bits_of_the_definition(name, dtype):
    init, element = DEFINITIONS[name]
    made = init((150,), dtype)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, np.array(elements(element, 5, 150, dtype), dtype))


def test_the_imaginary_part_has_a_stream_of_its_own():
    init = I.RandomNormal(0.0, 1.0, 5)
    made = init((3, 4), "complex64", path=("layer", 3))
    assert not np.isin(made.real, made.imag).any()
    half = I.RandomNormal(0.0, 1 / HALF, 5)
    np.testing.assert_array_equal(made.real, half((3, 4), path=("layer", 3)))
    np.testing.assert_array_equal(made.imag, half((3, 4), path=("layer", 3, "imag")))
    generator = oneseed.SeedGenerator(5)
    counted = I.RandomNormal(0.0, 1.0, generator)
    for n in range(3):
        drawn = counted((6,), "complex64")
        np.testing.assert_array_equal(drawn.real, half((6,), path=(n,)))
        np.testing.assert_array_equal(drawn.imag, half((6,), path=(n, "imag")))
    assert generator.count == 3


CASES = [
    (I.RandomNormal(0.3 + 1j, 0.02, 7), (5, 7), {}),
    (I.TruncatedNormal(-5.0, 0.01, 8), (33,), {"path": ("a", 3)}),
    (I.RandomUniform(2.0, 3.0, 9), (4, 3, 2), {"axes": "o i h"}),
    (I.HeNormal(2**64 - 1), (3, 3, 8, 4), {"axes": "h w i o"}),
    (
        I.GlorotUniform(1),
        (64, 32, 3),
        {"axes": "o i k", "partition_shape": (5, 32, 2), "partition_offset": (7, 0, 1)},
    ),
    (I.HeUniform(3), (0, 3), {}),
    (I.HeUniform(3), (), {}),
    (I.Orthogonal(1.5, 4), (6, 4), {}),
    (I.Identity(2.5), (3, 4), {}),
    (I.Constant(1 - 2j), (3, 2), {}),
]


@pytest.mark.parametrize("dtype", PARTS)
def test_the_same_bits_in_every_mode(engine, dtype):
    for run in engine.modes().values():
        for init, shape, call in CASES if dtype == "complex64" else CASES[::3]:
            made = run(lambda init=init, shape=shape, call=call: init(shape, dtype, **call))
            assert engine.is_tensor(made)
            assert engine.dtype(made) == dtype
            expected = init(shape, dtype, backend="numpy", **call)
            np.testing.assert_array_equal(engine.to_numpy(made), expected, strict=True)


@pytest.mark.parametrize("init", [I.LecunNormal(3), I.RandomUniform(seed=3), I.Orthogonal(seed=3)])
def test_layouts_and_blocks(init):
    whole = init((6, 5, 4), "complex64", axes="o i k")
    turned = init((4, 5, 6), "complex64", axes="k i o")
    np.testing.assert_array_equal(whole, turned.transpose(2, 1, 0))
    block = init((6, 5, 4), "complex64", axes="o i k", partition_shape=(2, 5, 3), partition_offset=(3, 0, 1))
    np.testing.assert_array_equal(block, whole[3:5, :, 1:])


def test_on_a_device_of_its_own():
    torch = pytest.importorskip("torch")
    for init in (I.HeNormal(1), I.Orthogonal(seed=1)):
        made = init((4, 6), "complex64", backend="torch", device="meta")
        assert (made.device.type, made.dtype, made.shape) == ("meta", torch.complex64, (4, 6))


def test_seeds_and_places_of_jax():
    jax = pytest.importorskip("jax")

    for make in (I.HeNormal, I.Orthogonal):
        expected = make(seed=7)((6, 4), "complex64")
        run = jax.jit(lambda key, make=make: make(seed=key)((6, 4), "complex64", backend="jax"))
        np.testing.assert_array_equal(run(jax.random.key(7)), expected)
        keys = jax.vmap(jax.random.key)(np.array([3, 7]))
        np.testing.assert_array_equal(jax.vmap(run)(keys)[1], expected)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("x",))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x", None))
    made = I.HeNormal(7)((6, 4), "complex64", backend="jax", device=place)
    assert made.sharding == place
    np.testing.assert_array_equal(made, I.HeNormal(7)((6, 4), "complex64"))
    with pytest.raises(ValueError, match="`dtype` must have at most 32 bits"):
        I.HeNormal(7)((6, 4), "complex128", backend="jax")


# Variances


@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_the_variance_is_scale_by_fan_in_theory(distribution, mode):
    found = I.VarianceScaling(3.0, mode, distribution, seed=1).describe((50, 150), "complex64").distribution
    assert isinstance(found, Complex)
    assert found.real == found.imag
    with mpmath.workdps(40):
        total = 2 * variance(found.real)
        exact = mpmath.mpf(3) / {"fan_in": 50, "fan_out": 150, "fan_avg": 100}[mode]
        assert abs(total / exact - 1) < mpmath.mpf(2) ** -50
    assert found.numbers["stddev"] == pytest.approx(math.sqrt(exact), rel=1e-15)


def variance(distribution):
    """The variance of a real distribution centred on 0, to 40 digits."""
    if isinstance(distribution, Uniform):
        return mpmath.mpf(distribution.high) ** 2 / 3
    if isinstance(distribution, Normal):
        return mpmath.mpf(distribution.stddev) ** 2
    assert isinstance(distribution, TruncatedNormal)
    inside = 1 - 4 * mpmath.npdf(2) / (2 * mpmath.ncdf(2) - 1)
    return mpmath.mpf(distribution.stddev) ** 2 * inside


@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_the_variance_of_draws(distribution):
    # The mean of n values |w|**2 has a relative standard error of at most 1/sqrt(n); 6 of them are passed with 2e-9.
    w = I.VarianceScaling(2.0, distribution=distribution, seed=11)((1000, 1000), "complex64").astype("complex128")
    assert abs((abs(w) ** 2).mean() * 500 - 1) < 6e-3
    # Circular to second order: E[w**2] = 0, and mean 0.
    assert abs((w**2).mean() * 500) < 6e-3
    assert abs(w.mean()) * math.sqrt(500) < 6e-3


def test_jax_cuts_the_modulus_and_misses_the_variance():
    if not installed("jax"):
        pytest.skip("jax is not installed")
    import jax

    theirs = jax.nn.initializers.lecun_normal(dtype="complex64")(jax.random.key(1), (1000, 1000))
    ours = I.LecunNormal(1)((1000, 1000), "complex64")
    # E|w|**2 * fan_in is 1 here; there (.96196.../.95311...)**2 = 1.0187, standard errors 0.001.
    assert abs((abs(ours) ** 2).mean() * 1000 - 1) < 0.006
    assert abs((abs(np.asarray(theirs)) ** 2).mean() * 1000 - 1.0187) < 0.006


def test_truncation_cuts_each_part():
    mean, stddev = 3 - 1j, 0.5
    w = I.TruncatedNormal(mean, stddev, 2)((300_000,), "complex128") - mean
    limit = 2 * stddev / math.sqrt(2)
    for part in (w.real, w.imag):
        assert 0.999 * limit < abs(part).max() <= limit * (1 + 1e-15)
    assert abs(w).max() > 1.2 * limit  # corners, which a cut of the modulus would take off
    total = I.TruncatedNormal(mean, stddev, 2).describe((1,), "complex128").distribution.numbers["stddev"]
    assert total == pytest.approx(0.87962566103423975 * stddev, rel=1e-14)
    assert abs((abs(w) ** 2).mean() / total**2 - 1) < 0.01


# Unitary matrices


def normals(seed, rows, columns):
    """The complex normal values of a matrix, by the definition."""
    element = lambda _, *at: reference.normal(*at[:3], 0.0, 1.0, at[3])  # noqa: E731
    return np.array(elements(element, seed, rows * columns, "complex128")).reshape(rows, columns)


def product_of_reflections(normal):
    """Multiply whole Householder matrices, one for each column, as plainly as it can be written."""
    m, n = normal.shape
    if m < n:
        return product_of_reflections(normal.T).T
    q, phases = np.eye(m, dtype=normal.dtype), []
    for k in range(n):
        x = np.zeros(m, normal.dtype)
        x[k:] = normal[k:, k]
        phases.append(x[k] / abs(x[k]))
        v = x.copy()
        v[k] += phases[k] * np.linalg.norm(x)
        q -= np.outer(q @ v, 2 * v.conj() / np.vdot(v, v))
    return q[:, :n] * -np.array(phases)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (1, 1), (4, 1)])
def test_unitary_values_of_the_definition(shape):
    normal = normals(9, *shape)
    made = I.Orthogonal(2.0, 9)(shape, "complex128")
    np.testing.assert_allclose(made, 2 * product_of_reflections(normal), rtol=0, atol=1e-14)
    # The first column is that of a QR decomposition with a positive diagonal of R.
    np.testing.assert_allclose(made[:, 0], 2 * normal[:, 0] / np.linalg.norm(normal[:, 0]), rtol=0, atol=1e-14)


@pytest.mark.parametrize("imag", [0, 1j])
@pytest.mark.parametrize("shape", [(16, 16), (17, 16), (17, 17), (40, 100), (150, 140), (290, 271), (120, 500)])
def test_panels_of_reflections(monkeypatch, shape, imag):
    monkeypatch.setattr(haar, "PANEL", 16)  # the last one is narrower
    rng = np.random.default_rng(3)
    normal = rng.normal(size=shape) + imag * rng.normal(size=shape)
    made, asked = np.empty_like(normal), []

    def write(parts):
        asked.extend(block for block, out in parts)
        copies(normal, parts)

    haar.orthonormal(write, made)
    np.testing.assert_allclose(made, product_of_reflections(normal), rtol=0, atol=1e-13)
    assert all(rows.start == columns.start for rows, columns in asked)  # nothing above the diagonal, or below it


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(1, 300, 270), (1, 200, 300), (2, 140, 150), (2, 2100, 20)])
def test_panels_are_of_one_field(shape, dtype):
    normal = I.RandomNormal(0.0, 1.0, 9)(shape, "float64")
    if dtype == "complex128":
        normal = normal + 1j * I.RandomNormal(0.0, 1.0, 9)(shape, "float64", path="imag")
    for made, values in zip(I.Orthogonal(seed=9)(shape, dtype, axes="e i o"), normal, strict=True):
        np.testing.assert_allclose(made, product_of_reflections(values), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("dtype", "precision"), [("complex64", 1e-6), ("complex128", 1e-14)])
@pytest.mark.parametrize("shape", [(40, 40), (50, 20), (20, 50), (3, 3, 4, 30)])
def test_unitary(shape, dtype, precision):
    q = I.Orthogonal(seed=1)(shape, dtype).reshape(-1, shape[-1]).astype("complex128")
    gram = q.conj().T @ q if q.shape[0] >= q.shape[1] else q @ q.conj().T
    np.testing.assert_allclose(gram, np.eye(min(q.shape)), rtol=0, atol=precision)


def test_a_matrix_for_each_element_of_the_batch_axes():
    q = I.Orthogonal(seed=1)((3, 8, 5), "complex128", axes="e i o")
    np.testing.assert_allclose(q.conj().transpose(0, 2, 1) @ q, [np.eye(5)] * 3, rtol=0, atol=1e-14)
    assert abs(q[0] - q[1]).max() > 0.1


def test_a_zero_on_the_diagonal():
    normal = np.ones((3, 3), complex) * (1 + 2j)
    normal[0, 0] = normal[2, 2] = 0
    q = np.empty_like(normal)
    haar.orthonormal(partial(copies, normal), q)
    np.testing.assert_allclose(q.conj().T @ q, np.eye(3), rtol=0, atol=1e-14)


def test_uniform_on_the_unitary_group():
    # Of the Haar measure on U(n): E tr U = E (tr U)**2 = 0, E|tr U|**2 = 1, E|tr U**2|**2 = 2, and E|tr U|**4 = 2.
    # 20,000 matrices; each bound is at least 6 standard errors, which is passed with a probability below 1e-8.
    count = 20_000
    u = I.Orthogonal(seed=5)((count, 3, 3), "complex128", axes="e i o")
    trace = np.trace(u, axis1=1, axis2=2)
    of_square = np.trace(u @ u, axis1=1, axis2=2)
    error = 6 / math.sqrt(count)
    assert abs(trace.mean()) < error
    assert abs((trace**2).mean()) < error * math.sqrt(2)
    assert abs((abs(trace) ** 2).mean() - 1) < error
    assert abs((abs(of_square) ** 2).mean() - 2) < error * 2
    assert abs((abs(trace) ** 4).mean() - 2) < error * math.sqrt(20)
    # |u_11|**2 of a 3 x 3 matrix is Beta(1, 2): mean 1/3, variance 1/18; det U is uniform on the circle.
    assert abs((abs(u[:, 0, 0]) ** 2).mean() - 1 / 3) < error / math.sqrt(18)
    determinant = np.linalg.det(u)
    assert abs(determinant.mean()) < error
    assert abs((determinant**2).mean()) < error


# Arguments and configurations


@pytest.mark.parametrize("cls", [I.RandomNormal, I.TruncatedNormal])
def test_a_complex_mean_in_a_configuration(cls):
    init = cls(0.5 - 2j, 0.1, 3)
    rebuilt = I.deserialize(json.loads(json.dumps(I.serialize(init))))
    for other in (rebuilt, init.clone()):
        assert other.mean == 0.5 - 2j
        np.testing.assert_array_equal(other((9,), "complex64"), init((9,), "complex64"))
    assert cls(0.5, 0.1, 3).get_config() == {"seed": 3, "mean": 0.5, "stddev": 0.1}  # Keras's own


def test_a_mean_given_as_a_tensor(engine):
    mean = engine.from_numpy(np.array(0.5 - 2j, "complex64"))
    made = I.RandomNormal(mean, 0.1, 3)((9,), "complex64")
    expected = I.RandomNormal(0.5 - 2j, 0.1, 3)((9,), "complex64", backend="numpy")
    np.testing.assert_array_equal(engine.to_numpy(made), expected)
    with pytest.raises(TypeError, match="`stddev` must be a real number"):
        I.RandomNormal(0.0, mean)


def test_a_mean_without_imaginary_part_is_real():
    np.testing.assert_array_equal(I.RandomNormal(2 + 0j, 1.0, 3)((9,)), I.RandomNormal(2.0, 1.0, 3)((9,)))


def test_descriptions_are_plain_data():
    for init, shape, call in CASES:
        facts = init.describe(shape, "complex64", **call).as_dict()
        assert json.loads(json.dumps(facts)) == facts
    facts = I.RandomNormal(1 + 2j, 0.5, 3).describe((4,), "complex64").as_dict()
    assert facts["distribution"] == "complex_normal"
    assert (facts["real_mean"], facts["imag_mean"], facts["stddev"]) == (1, 2, pytest.approx(0.5))


@pytest.mark.parametrize("init", [I.RandomNormal(1j, 0.0, 3), I.TruncatedNormal(1j, 0.0, 3)])
def test_no_deviation(init):
    assert init((3,), "complex64").tolist() == [1j] * 3
    assert init.describe((3,), "complex64").distribution.numbers["stddev"] == 0


def test_keras_has_no_complex_draws(engine):
    generator = oneseed.SeedGenerator(1)
    for init in (I.HeNormal(generator), I.RandomNormal(1j, 1.0, generator), I.Orthogonal(1.0, generator)):
        with (
            oneseed.using(rng="native"),
            pytest.raises(ValueError, match=r"use rng='portable'\. Received: dtype='comp"),
        ):
            init((2, 2), "complex64")
    assert generator.count == 0


def test_functions(engine):
    made = oneseed.random.normal((9,), 1j, 2.0, "complex64", seed=3)
    np.testing.assert_array_equal(engine.to_numpy(made), I.RandomNormal(1j, 2.0, 3)((9,), "complex64", backend="numpy"))
    assert oneseed.fingerprint(made) == oneseed.fingerprint(engine.to_numpy(made))
