"""From arguments to values, against the second implementation: fans, truncation, narrow windows, fields, matrices."""

import math

import numpy as np
import pytest
import reference
import reference_arguments
from hypothesis import given, settings
from hypothesis import strategies as st

import oneseed
from oneseed import initializers as I
from oneseed.exact import moments

INF = math.inf
FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")

deterministic = settings(max_examples=40, deadline=None, derandomize=True, database=None)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
windows = st.sampled_from([(-2.0, 2.0), (-3.0, 3.0), (-1.0, 0.25), (0.0, INF), (-INF, 1.0), (4.5, 6.0), (5.0, INF)])


def patterns(element, dtype, count, seed, stream=0):
    return [reference.bits(element(seed, stream, i), dtype) for i in range(count)]


def fans(shape):
    field = math.prod(shape[:-2])
    return (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (math.prod(shape),) * 2


@deterministic
@given(
    shapes,
    st.sampled_from(FLOATS[:4]),
    st.floats(1e-3, 1e3) | st.integers(1, 9),
    st.sampled_from(["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]),
    st.sampled_from(["truncated_normal", "untruncated_normal", "uniform"]),
    st.sampled_from([None, "relu", "tanh", "selu"]),
    windows,
    st.sampled_from(["after", "before"]),
)
def test_variance_scaling(shape, dtype, scale, mode, distribution, nonlinearity, window, std):
    given = {"lower": window[0], "upper": window[1], "std": std} if distribution == "truncated_normal" else {}
    init = I.VarianceScaling(scale, mode, distribution, seed=7, nonlinearity=nonlinearity, **given)
    element = reference_arguments.fan_scaled(
        dtype, dtype, fans(shape), scale, mode, distribution, nonlinearity or "linear", window, std
    )
    assert reference.patterns(init(shape, dtype)) == patterns(element, dtype, math.prod(shape), 7)


@pytest.mark.parametrize(("dtype", "part"), [("complex64", "float32"), ("complex128", "float64")])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_complex_variance_scaling(dtype, part, distribution):
    values = I.VarianceScaling(3.0, "fan_avg", distribution, seed=7)((3, 4), dtype)
    element = reference_arguments.fan_scaled(part, dtype, (3, 4), 3.0, "fan_avg", distribution)
    assert reference.patterns(values.real) == patterns(element, part, 12, 7)
    assert reference.patterns(values.imag) == patterns(element, part, 12, 7, reference.stream_of(("imag",)))


@pytest.mark.parametrize(
    "window", [(-2.0, 2.0), (-3.0, 3.0), (-1.0, 0.25), (0.0, INF), (-INF, 1.0), (5.0, INF), (-9.0, 8.0)]
)
def test_the_standard_deviation_after_truncation(window):
    assert moments.stddev_after(*window) == reference_arguments.after(*window)


@deterministic
@given(
    st.floats(-2, 2),
    st.floats(1e-3, 3) | st.just(0.0),
    st.floats(-3, 0),
    st.floats(0.01, 3),
    st.sampled_from(FLOATS[:4]),
)
def test_absolute_bounds(mean, stddev, lower, width, dtype):
    upper = lower + width
    if stddev == 0 and not lower <= mean <= upper:
        return
    a, b = reference_arguments.in_stddevs(mean, stddev, lower, upper)
    assert moments.in_sigmas(mean, stddev, lower, upper) == (a, b)
    if reference.window(a, b, 64)[1] <= 0:
        return
    init = I.TruncatedNormal(mean, stddev, 7, lower=lower, upper=upper, bounds="absolute")
    expected = patterns(lambda *at: reference_arguments.cut_normal(*at, mean, stddev, dtype, a, b), dtype, 6, 7)
    assert reference.patterns(init((6,), dtype)) == expected


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.5, 1.5), (0.0, INF), (-INF, -0.25), (-3.0, 0.125)])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_the_standard_deviation_before_truncation(low, high, share):
    stddev = share * min(high - low, 4.0) / math.sqrt(12)
    assert moments.stddev_before(stddev, low, high) == reference_arguments.before(stddev, low, high)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "window", [(4.2, 9.0), (4.0, INF), (5.0, INF), (-INF, -6.0), (0.0, 1e-6), (-7e-6, 7e-6), (-2e-5, 2e-5)]
)
def test_narrow_windows(window, dtype):
    init = I.TruncatedNormal(0.25, 2.0, 7, lower=window[0], upper=window[1])
    expected = patterns(lambda *at: reference_arguments.cut_normal(*at, 0.25, 2.0, dtype, *window), dtype, 32, 7)
    assert reference.patterns(init((32,), dtype)) == expected


def test_the_narrowest_window_of_32_bits():
    # One integer fewer, and all values come from 64 bits.
    for upper, bits in ((3.8250e-5, 32), (3.8244e-5, 64)):
        width = reference.window(0.0, upper, 32)[1]
        assert (width >= 2**16) == (bits == 32)
        assert abs(width - 2**16) < 20
        init = I.TruncatedNormal(0.0, 1.0, 7, lower=0.0, upper=upper)
        assert init.describe((3,)).distribution.name == "truncated_normal"
        element = reference.truncated_normal if bits == 32 else reference_arguments.cut_normal
        expected = patterns(lambda *at: element(*at, 0.0, 1.0, "float32", 0.0, upper), "float32", 32, 7)  # noqa: B023
        assert reference.patterns(init((32,))) == expected


def test_objects_that_are_built_without_a_seed():
    oneseed.set_random_seed(9)
    found = [
        I.HeNormal().seed,
        oneseed.SeedGenerator().seed,
        I.get("orthogonal").seed,
        I.deserialize({"class_name": "RandomNormal", "config": {"seed": None}}).seed,
    ]
    init = I.RandomUniform(0.0, 1.0)
    found.append(init.seed)
    init((3,)), init((3,)), I.Zeros(), I.HeNormal(seed=3), oneseed.SeedGenerator(5)
    found.append(init.clone().seed)
    with pytest.raises(ValueError, match="stddev"):
        I.RandomNormal(stddev=-1)
    drawn = oneseed.random.uniform((3,))
    found.append(I.Blockwise(["he_normal", "zeros"], [1, 1]).initializers[0].seed)
    spectral = I.Spectral()
    found += [spectral.base.seed, spectral.seed, I.HeNormal().seed]
    numbers = [*range(6), 7, 8, 9, 10]
    assert found == [reference_arguments.unseeded(9, n) for n in numbers]
    assert (drawn == I.RandomUniform(0.0, 1.0, reference_arguments.unseeded(9, 6))((3,))).all()


@pytest.mark.parametrize("p", [0.0, 0.25, 0.3, 1.0, 2.0**-33, 3 * 2.0**-33, 1 - 2.0**-33])
def test_random_signs(p):
    limit = round(reference.Fraction(p) * 2**32)
    expected = [3.0 if reference.word(7, 0, i) < limit else -3.0 for i in range(64)]
    assert I.RandomSign(p, 3.0, seed=7)((64,)).tolist() == expected


@pytest.mark.parametrize("shape", [(16, 1), (7, 5), (3, 4, 5)])
@pytest.mark.parametrize("dtype", FLOATS[:4])
def test_sparse_normals(shape, dtype):
    values = I.Sparse(0.5, stddev=2.0, seed=7)(shape, dtype).reshape(-1, shape[-1])
    n, stream = len(values), reference.stream_of(("mask",))
    normal = [reference.normal(7, 0, i, 0.0, 2.0, dtype) for i in range(values.size)]
    for output in range(shape[-1]):
        zero = reference_arguments.first_of(7, stream, output * n, n, math.ceil(0.5 * n))
        expected = [0.0 if j in zero else normal[j * shape[-1] + output] for j in range(n)]
        assert values[:, output].astype("float64").tolist() == expected


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (1, 1), (5, 1), (1, 5), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_orthogonal_matrices(shape, dtype):
    values = I.Orthogonal(1.5, seed=7)(shape, dtype, path="w").reshape(-1, shape[-1])
    expected = reference_arguments.orthogonal(7, ("w",), *values.shape, gain=1.5, imaginary=dtype == "complex128")
    np.testing.assert_allclose(values, np.array(expected), atol=1e-14)


def test_orthogonal_matrices_of_a_batch():
    values = I.Orthogonal(seed=7)((3, 4, 2), "float64", axes="e i o")
    for number, matrix in enumerate(values):
        np.testing.assert_allclose(matrix, np.real(reference_arguments.orthogonal(7, (), 4, 2, number)), atol=1e-14)


@pytest.mark.parametrize(
    "name", ["Orthogonal", "DeltaOrthogonal", "GlorotOrthogonal", "Sparse", "Spectral", "NoisyIdentity"]
)
def test_halves_are_roundings_of_float32(name):
    arguments = {"Sparse": {"sparsity": 0.5}}.get(name, {})
    init = getattr(I, name)(seed=7, **arguments)
    shape = (1, 1, 64, 64) if name == "DeltaOrthogonal" else (64, 64)
    single = init(shape, "float32")
    for dtype in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"):
        narrow = init(shape, dtype)
        assert narrow.tobytes() == single.astype(narrow.dtype).tobytes(), dtype
