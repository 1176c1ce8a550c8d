"""Numbers against formulas: fans, limits and deviations, identity, orthogonal and Fourier matrices."""

import math
from functools import partial

import numpy as np
import pytest
from frameworks import ALL
from orthogonal_oracle import copies
from scipy.signal import get_window

from oneseed import initializers as I
from oneseed.distributions.orthogonal import orthonormal
from oneseed.dtypes import INTEGERS, NUMERIC, numpy_dtype
from oneseed.host_arrays import to_numpy

EPSILON = {"bfloat16": 2**-7, "float16": 2**-10, "float32": 2**-23, "float64": 2**-52}
STDDEV_OF_PM2 = 0.87962566103423978
NAMED = {
    I.GlorotNormal: (1.0, "fan_avg", "truncated_normal"),
    I.GlorotUniform: (1.0, "fan_avg", "uniform"),
    I.HeNormal: (2.0, "fan_in", "truncated_normal"),
    I.HeUniform: (2.0, "fan_in", "uniform"),
    I.LecunNormal: (1.0, "fan_in", "truncated_normal"),
    I.LecunUniform: (1.0, "fan_in", "uniform"),
}
BY_KERAS = [
    ((), None, 1, 1),
    ((5,), None, 5, 5),
    ((0,), None, 0, 0),
    ((3, 4), None, 3, 4),
    ((0, 4), None, 0, 4),
    ((2, 3, 4), None, 6, 8),
    ((3, 3, 64, 128), None, 576, 1152),
    ((3, 3, 256, 1), None, 2304, 9),
    ((8, 512, 256), None, 4096, 2048),
]
BY_AXES = [
    ((), "", 1, 1),
    ((5,), "o", 1, 5),
    ((5,), "i", 5, 1),
    ((3, 4), "i o", 3, 4),
    ((3, 4), "o i", 4, 3),
    ((3, 3, 64, 128), "h w i o", 576, 1152),
    ((128, 64, 3, 3), "o i h w", 576, 1152),
    ((128, 3, 3, 64), "o h w i", 576, 1152),
    ((3, 3, 256, 1), "h w g o", 9, 9),
    ((32, 1, 3, 3), "g i h w", 9, 9),
    ((8, 512, 256), "e i o", 512, 256),
    ((2, 8, 512, 256), "b e in out", 512, 256),
    ((4, 2, 9), "i1 i2 o", 8, 9),
    ((7, 4, 2), "i o1 o2", 7, 8),
    ((9, 2, 4), "o i_head i_width", 8, 9),
    ((3, 0, 2), "x i o", 0, 6),
]


def check(distribution, kind, variance):
    """Compare a distribution with its formulas."""
    numbers = distribution.numbers
    close = {"rel": 1e-15, "abs": 0}
    if kind == "uniform":
        limit = math.sqrt(3 * variance)
        assert (distribution.low, distribution.high) == pytest.approx((-limit, limit), **close)
        assert distribution.limit == numbers["limit"] == distribution.high
        assert (numbers["mean"], numbers["stddev"]) == pytest.approx((0, math.sqrt(variance)), rel=1e-15, abs=0)
    elif kind == "untruncated_normal":
        assert (distribution.mean, distribution.stddev) == pytest.approx((0, math.sqrt(variance)), **close)
        assert numbers == {"mean": distribution.mean, "stddev": distribution.stddev}
    else:
        before = math.sqrt(variance) / STDDEV_OF_PM2
        assert (distribution.mean, distribution.stddev) == pytest.approx((0, before), **close)
        assert (distribution.lower, distribution.upper) == (-2, 2)
        assert distribution.stddev_after_truncation == pytest.approx(math.sqrt(variance), **close)
        assert numbers["stddev_before_truncation"] == distribution.stddev
        assert numbers["stddev_after_truncation"] == distribution.stddev_after_truncation
        assert (numbers["lower"], numbers["upper"]) == pytest.approx((-2 * before, 2 * before), **close)


# Fans


@pytest.mark.parametrize(("shape", "axes", "fan_in", "fan_out"), [*BY_KERAS, *BY_AXES])
def test_fans(shape, axes, fan_in, fan_out):
    for initializer in (I.HeNormal(1), I.Zeros(), I.RandomUniform(seed=1), I.VarianceScaling(seed=1)):
        draw = initializer.describe(shape, axes=axes)
        assert (draw.fan_in, draw.fan_out) == (fan_in, fan_out)
    if shape and 0 not in shape:
        block = {"partition_shape": (1,) * len(shape), "partition_offset": tuple(size - 1 for size in shape)}
        draw = I.HeNormal(1).describe(shape, axes=axes, **block)
        assert (draw.fan_in, draw.fan_out) == (fan_in, fan_out)


@pytest.mark.parametrize(("shape", "axes", "fan_in", "fan_out"), [*BY_KERAS, *BY_AXES])
@pytest.mark.parametrize("cls", NAMED)
def test_named_scaling(cls, shape, axes, fan_in, fan_out):
    scale, mode, kind = NAMED[cls]
    n = fan_in if mode == "fan_in" else (fan_in + fan_out) / 2
    draw = cls(seed=1).describe(shape, axes=axes)
    check(draw.distribution, kind, scale / max(1, n))
    assert draw.distribution == I.VarianceScaling(scale, mode, kind, 1).describe(shape, axes=axes).distribution


@pytest.mark.parametrize("scale", [1, 2.0, 0.1, 1e-30, 1e30])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("kind", ["uniform", "untruncated_normal", "truncated_normal", "normal", "Uniform", "NORMAL"])
def test_variance_scaling(scale, mode, kind):
    fan_in, fan_out = 3 * 3 * 5, 3 * 3 * 7
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    draw = I.VarianceScaling(scale, mode, kind, seed=1).describe((3, 3, 5, 7), "float64")
    check(draw.distribution, "truncated_normal" if kind.lower() == "normal" else kind.lower(), scale / n)


@pytest.mark.parametrize(
    ("shape", "input_axes", "output_axes", "fan_in", "fan_out"),
    [
        ((4, 2, 9), [0, 1], [2], 8, 9),
        ((4, 2, 9), 0, (1, 2), 4, 18),
        ((4, 2, 9), [-1], [-2, -3], 9, 8),
        ((3, 3, 64, 128), [2], [3], 64, 128),
        ((4, 2), np.array([1]), np.int64(0), 2, 4),
        ((4, 2), np.array(1), np.array(0), 2, 4),
        ((4, 2), [], [], 1, 1),
    ],
)
def test_input_and_output_axes(shape, input_axes, output_axes, fan_in, fan_out):
    # As in Keras 3: plain products, no receptive field.
    for cls in NAMED:
        draw = cls(1, input_axes, output_axes).describe(shape)
        assert (draw.fan_in, draw.fan_out) == (fan_in, fan_out)
        assert draw.order == tuple(range(len(shape)))


def test_defaults_are_those_of_keras():
    assert I.VarianceScaling(seed=1).get_config() == {
        "seed": 1,
        "scale": 1.0,
        "mode": "fan_in",
        "distribution": "truncated_normal",
        "input_axes": None,
        "output_axes": None,
    }
    assert I.RandomNormal(seed=1).get_config() == {"seed": 1, "mean": 0.0, "stddev": 0.05}
    assert I.TruncatedNormal(seed=1).get_config() == {"seed": 1, "mean": 0.0, "stddev": 0.05}
    assert I.RandomUniform(seed=1).get_config() == {"seed": 1, "minval": -0.05, "maxval": 0.05}
    assert I.Orthogonal(seed=1).get_config() == {"seed": 1, "gain": 1.0}
    assert (I.Identity().get_config(), I.Constant().get_config()) == ({"gain": 1.0}, {"value": 0.0})
    assert I.HeNormal(1).get_config() == {"seed": 1, "input_axes": None, "output_axes": None}
    assert I.STFT().get_config() == {"side": "real", "window": "hann", "periodic": False, "scaling": "density"}


def test_fixed_distributions_are_described():
    normal = I.RandomNormal(1, 2, 3).describe((2,))
    assert (normal.distribution.mean, normal.distribution.stddev, normal.seed, normal.path) == (1, 2, 3, ())
    cut = I.TruncatedNormal(1, 2, 3).describe((2,)).distribution
    assert (cut.numbers["lower"], cut.numbers["upper"]) == (-3, 5)
    uniform = I.RandomUniform(1, 4, 3).describe((2,)).distribution
    assert (uniform.low, uniform.high, uniform.limit) == (1, 4, None)
    assert uniform.numbers["stddev"] == pytest.approx(3 / math.sqrt(12))
    integers = I.RandomUniform(1, 7, 3).describe((2,), "int8").distribution
    assert (integers.low, integers.high) == (1, 7)
    assert integers.numbers["stddev"] == pytest.approx(np.std(range(1, 7)))
    assert I.Constant(3).describe((2,)).distribution.numbers == {"value": 3}
    assert I.Identity(3).describe((2, 2)).seed is None


# Identity


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (1, 5), (0, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int32", "complex64"])
def test_identity(shape, dtype):
    made = I.Identity(2.5)(shape, dtype)
    assert made.dtype.name == dtype
    np.testing.assert_array_equal(made.astype("complex64"), (2 if dtype == "int32" else 2.5) * np.eye(*shape))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 3), (300, 200), (2, 1, 260, 250)])
def test_identities_again_on_every_backend(name, shape):
    for dtype in NUMERIC:
        for gain in (1, 2.5, -1.0, 0):
            expected = np.broadcast_to(np.eye(*shape[-2:]), shape) * (1 if dtype == "bool" and gain else gain)
            if dtype.startswith("uint") and gain < 0:
                continue
            expected = (np.trunc(expected) if dtype in INTEGERS else expected).astype(numpy_dtype(dtype))
            init = I.Identity(gain)
            try:
                made = [init(shape, dtype, backend=name) for _ in range(2)]
            except ValueError as error:
                assert "64" in str(error)  # noqa: PT017 - which JAX does not have by default
                continue
            for tensor in made:
                found = to_numpy(tensor)
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)
                assert not np.signbit(found[expected == 0].real.astype("float64")).any()


@pytest.mark.parametrize("offset", [(0, 0), (1, 3), (4, 0), (2, 2)])
def test_block_of_an_identity(offset):
    block = I.Identity(3)((7, 6), partition_shape=(3, 2), partition_offset=offset)
    (i, j) = offset
    np.testing.assert_array_equal(block, 3 * np.eye(7, 6)[i : i + 3, j : j + 2])
    far = I.Identity()((2**40, 2**20), partition_shape=(2, 3), partition_offset=(1000, 1000))
    np.testing.assert_array_equal(far, np.eye(2, 3))


# Orthogonal matrices


def assert_orthogonal(made, gain, dtype):
    rows, columns = made.shape
    q = made.astype("float64")
    gram = q.T @ q if rows >= columns else q @ q.T
    # Each element is rounded by at most half an epsilon of itself.
    limit = 30 * EPSILON[dtype] if dtype == "float64" else 1.01 * EPSILON[dtype]
    assert abs(gram / gain**2 - np.eye(min(rows, columns))).max() <= limit


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("gain", [1.0, 0.5, 2.0, -1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 5), (3, 8), (8, 3), (200, 130), (64, 64), (65, 129)])
def test_orthogonal(shape, gain, dtype):
    made = I.Orthogonal(gain, seed=7)(shape, dtype)
    assert made.dtype.name == dtype
    assert_orthogonal(made, gain, dtype)
    expected = gain * I.Orthogonal(seed=7)(shape, "float64")
    np.testing.assert_allclose(
        made.astype("float64"), expected, rtol=EPSILON[dtype], atol=2.0**-24 if dtype == "float16" else 0
    )


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (2, 2, 2, 16), (5, 4, 3)])
def test_orthogonal_of_higher_rank(shape):
    made = I.Orthogonal(seed=7)(shape)
    assert_orthogonal(made.reshape(-1, shape[-1]), 1.0, "float32")
    np.testing.assert_array_equal(
        made.reshape(-1, shape[-1]), I.Orthogonal(seed=7)((made.size // shape[-1], shape[-1]))
    )


@pytest.mark.parametrize(
    ("shape", "axes", "to_logical"),
    [
        ((8, 4, 3, 3), "o i h w", (2, 3, 1, 0)),
        ((8, 3, 3, 4), "o h w i", (1, 2, 3, 0)),
        ((6, 5), "o i", (1, 0)),
        ((4, 2, 9), "i1 i2 o", (0, 1, 2)),
    ],
)
def test_orthogonal_in_any_layout(shape, axes, to_logical):
    made = I.Orthogonal(seed=7)(shape, axes=axes)
    logical = made.transpose(to_logical)
    np.testing.assert_array_equal(logical, I.Orthogonal(seed=7)(logical.shape))
    assert_orthogonal(logical.reshape(-1, logical.shape[-1]), 1.0, "float32")


@pytest.mark.parametrize(
    ("shape", "axes", "to_matrices"),
    [
        ((5, 6, 4), "e i o", (0, 1, 2)),
        ((6, 5, 4), "i e o", (1, 0, 2)),
        ((4, 6, 5), "o i e", (2, 1, 0)),
        ((3, 3, 7, 2), "h w g o", (2, 0, 1, 3)),
        ((2, 3, 4, 4), "b e i o", (0, 1, 2, 3)),
    ],
)
def test_each_expert_is_orthogonal(shape, axes, to_matrices):
    made = I.Orthogonal(2.0, seed=7)(shape, axes=axes).transpose(to_matrices)
    batch = sum(name[0] in "ebg" for name in axes.split())
    matrices = made.reshape(math.prod(made.shape[:batch]), -1, made.shape[-1])
    for matrix in matrices:
        assert_orthogonal(matrix, 2.0, "float32")
    assert len({matrix.tobytes() for matrix in matrices}) == len(matrices)


def test_block_of_an_orthogonal_matrix():
    init = I.Orthogonal(seed=7)
    block = init((8, 4, 3, 3), axes="o i h w", partition_shape=(2, 4, 3, 3), partition_offset=(5, 0, 0, 0))
    np.testing.assert_array_equal(block, init((8, 4, 3, 3), axes="o i h w")[5:7])


def test_signs_are_even():
    # 400 fair coins: 5 standard deviations are 50.
    made = [I.Orthogonal(seed=seed)((3, 3), "float64") for seed in range(400)]
    for signs in (np.sign(np.linalg.det(made)), np.sign(made)[:, 0, 0], np.sign(made)[:, 2, 2], np.sign(made)[:, 0, 2]):
        assert abs(signs.sum()) < 100
    assert abs(sum(I.Orthogonal(seed=seed)((1, 1)).item() for seed in range(400))) < 100


@pytest.mark.parametrize("normal", [np.zeros((4, 3)), np.eye(4, 3), -np.eye(4, 3), np.ones((4, 3)), np.zeros((1, 1))])
def test_zeros_on_the_diagonal_make_no_zero_column(normal):
    q = np.empty(normal.shape)
    orthonormal(partial(copies, normal), q)
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-14)


# Fourier bases

COSINE = ["hann", "hamming", "blackman", "blackmanharris", "boxcar", "flattop", "nuttall"]


def basis(side, window, scaling, length, frequencies):
    """Return the kernel by its formula."""
    times = np.arange(length)[:, None]
    angle = 2 * np.pi * times * np.arange(frequencies) / (2 * (frequencies - 1))
    kernel = np.cos(angle) if side == "real" else -np.sin(angle)
    if window is None:
        return kernel
    divisor = {"density": np.sqrt((window**2).sum()), "spectrum": abs(window).sum(), None: 1.0}[scaling]
    return kernel * window[:, None] / divisor


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("window", [*COSINE, "bartlett", "parzen", None])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("periodic", [False, True])
def test_fourier_basis(side, window, scaling, periodic):
    length, frequencies = 12, 9
    values = None if window is None else get_window(window, length, fftbins=periodic)
    expected = basis(side, values, scaling, length, frequencies)
    init = I.STFT(side, window, scaling, periodic)
    made = init((length, 1, frequencies), "float64")
    np.testing.assert_allclose(made[:, 0], expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(init((length, 1, frequencies))[:, 0], expected, rtol=0, atol=2e-7)
    if window is not None:
        given = I.STFT(side, values, scaling, periodic)((length, 1, frequencies), "float64")
        np.testing.assert_allclose(given, made, rtol=0, atol=1e-15)


@pytest.mark.parametrize("window", COSINE)
@pytest.mark.parametrize("length", [1, 2, 3, 7, 400])
@pytest.mark.parametrize("periodic", [False, True])
def test_cosine_windows(window, length, periodic):
    made = I.STFT(window=window, scaling=None, periodic=periodic)((length, 1, 2), "float64")[:, 0, 0]
    np.testing.assert_allclose(made, get_window(window, length, fftbins=periodic), rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", EPSILON)
def test_fourier_dtypes_and_blocks(dtype):
    init = I.STFT("imag")
    whole = init((16, 1, 9), dtype)
    assert whole.dtype.name == dtype
    np.testing.assert_array_equal(whole, init((16, 1, 9), "float64").astype(whole.dtype))
    block = init((16, 1, 9), dtype, partition_shape=(5, 1, 3), partition_offset=(7, 0, 4))
    np.testing.assert_array_equal(block, whole[7:12, :, 4:7])
