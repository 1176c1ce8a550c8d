"""Orthogonal kernels and spectral matrices: each against the property that defines it."""

import math

import ml_dtypes
import numpy as np
import pytest
from frameworks import peer
from refusals import refused

from oneseed import initializers as I
from oneseed.config import FLOATX
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import host
from oneseed.initializers.convolutions.orthogonal import haar, projection

EPS = {dtype: float(ml_dtypes.finfo(numpy_dtype(dtype)).eps) for dtype in FLOATX}

every_float = pytest.mark.parametrize("dtype", FLOATX)


def at_all_frequencies(kernel, length):
    """Return the matrices of inputs by outputs by which a circular convolution acts, one for each frequency."""
    axes = tuple(range(kernel.ndim - 2))
    return np.fft.fftn(kernel.astype("float64"), (length,) * len(axes), axes).reshape(-1, *kernel.shape[-2:])


# Convolutions that keep the norm


@every_float
@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("cls", [I.DeltaOrthogonal, I.ConvolutionOrthogonal])
@pytest.mark.parametrize("shape", [(5, 3, 3), (4, 2, 5), (3, 3, 4, 6), (2, 2, 2, 3, 3), (1, 1, 2, 3)])
def test_circular_convolutions_keep_the_norm(cls, shape, gain, dtype):
    kernel = cls(gain, seed=7)(shape, dtype)
    # Rounding moves each tap by half an epsilon of itself; the taps of an output add up to less than their number.
    limit = 50 * EPS[dtype] if dtype == "float64" else 1.1 * EPS[dtype] * math.sqrt(math.prod(shape[:-2]))
    for matrix in at_all_frequencies(kernel, 7):
        assert abs(matrix @ matrix.conj().T / gain**2 - np.eye(shape[-2])).max() <= limit


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_norm_is_kept_by_the_convolutions_of_pytorch(rank):
    torch = peer("torch")
    convolve = getattr(torch.nn.functional, f"conv{rank}d")
    axes = "o i d h w"[: 3 + 2 * rank]
    x = torch.from_numpy(I.RandomNormal(stddev=1.0, seed=1)((2, 3, *(6,) * rank), "float64"))
    for cls in (I.ConvolutionOrthogonal, I.DeltaOrthogonal):
        kernel = torch.from_numpy(np.ascontiguousarray(cls(1.5, seed=7)((5, 3, *(3,) * rank), "float64", axes=axes)))
        y = convolve(torch.nn.functional.pad(x, (1, 1) * rank, mode="circular"), kernel)
        assert y.norm() / x.norm() == pytest.approx(1.5, rel=1e-13)


def test_all_taps_are_used():
    kernel = I.ConvolutionOrthogonal(seed=7)((3, 3, 4, 6), "float64")
    assert (np.abs(kernel).max(axis=(2, 3)) > 0.01).all()


@pytest.mark.parametrize(("rank", "size"), [(1, 4), (2, 3), (3, 2)])
def test_the_kernel_is_built_as_by_tensorflow(rank, size):
    tf, init_ops = peer("tensorflow"), peer("tensorflow.python.ops.init_ops")

    inputs, outputs = 2, 4
    shape = (size,) * rank + (inputs, outputs)
    init = I.ConvolutionOrthogonal(seed=7)
    draw = init.describe(shape, "float64")
    theirs = getattr(init_ops, f"ConvolutionOrthogonal{rank}D")(dtype=tf.float64)
    onto = [tf.constant(projection(host(), draw, at, outputs)) for at in range(rank * (size - 1))]
    kernel = theirs._block_orth(*onto[:rank])
    for step in range(1, size - 1):
        kernel = theirs._matrix_conv(kernel, theirs._block_orth(*onto[rank * step : rank * (step + 1)]))
    h = haar(host(), draw, 0, inputs, outputs)
    # In three dimensions TensorFlow numbers the two taps the other way about.
    taps = {tap if rank < 3 else tuple(size - 1 - k for k in tap): h @ m.numpy() for tap, m in kernel.items()}
    made = init(shape, "float64")
    for tap, matrix in taps.items():
        np.testing.assert_allclose(made[tap], matrix, atol=1e-14)
    assert len(taps) == size**rank


def test_projections():
    draw = I.ConvolutionOrthogonal(seed=7).describe((3, 6, 6), "float64")
    made = [projection(host(), draw, at, 6) for at in range(200)]
    for p in made:
        np.testing.assert_allclose(p @ p, p, atol=1e-14)
        np.testing.assert_array_equal(p, p.T)
    # 1200 fair coins: 5 standard deviations are 87.
    assert abs(sum(np.trace(p) for p in made) - 600) < 87


@pytest.mark.parametrize("shape", [(4, 3, 5), (3, 3, 3, 3), (2, 4, 5, 2, 6)])
def test_delta_orthogonal_is_orthogonal_at_the_tap_of_jax(shape):
    jax = peer("jax")
    made = I.DeltaOrthogonal(1.5, seed=7)(shape, path="w")
    theirs = np.asarray(jax.nn.initializers.delta_orthogonal()(jax.random.key(0), shape))
    np.testing.assert_array_equal(made != 0, theirs != 0)
    middle = tuple((size - 1) // 2 for size in shape[:-2])
    assert made[middle].tobytes() == I.Orthogonal(1.5, seed=7)(shape[-2:], path="w").tobytes()


@every_float
def test_delta_orthogonal_is_rounded_as_orthogonal(dtype):
    # Large enough for some elements that would be another float16 by way of float32.
    made = I.DeltaOrthogonal(seed=7)((3, 300, 400), dtype)
    assert made[1].tobytes() == I.Orthogonal(seed=7)((300, 400), dtype).tobytes()


@pytest.mark.parametrize("cls", [I.DeltaOrthogonal, I.ConvolutionOrthogonal])
def test_isometry_refusals(cls):
    with refused(ValueError, "at least as many outputs as inputs", received="shape=(3, 4, 3)"):
        cls(seed=1)((3, 4, 3))
    with refused(ValueError, "spatial axes", received="shape=(3, 4)"):
        cls(seed=1)((3, 4))
    with refused(ValueError, "`gain` is beyond the largest float16", received="gain=100000.0"):
        cls(1e5, seed=1)((3, 3, 3), "float16")
    with refused(ValueError, "`gain` must be finite"):
        cls(math.nan)


def test_kernels_must_be_cubes():
    with refused(ValueError, "spatial axes of one size", received="shape=(3, 2, 3, 4)"):
        I.ConvolutionOrthogonal(seed=1)((3, 2, 3, 4))
    with refused(ValueError, "1 or 2 or 3 spatial axes"):
        I.ConvolutionOrthogonal(seed=1)((2, 2, 2, 2, 3, 4))


# GlorotOrthogonal


@every_float
@pytest.mark.parametrize("shape", [(30, 20), (10, 40), (3, 3, 4, 8)])
def test_glorot_orthogonal(shape, dtype):
    made = I.GlorotOrthogonal(3.0, seed=7)(shape, dtype).astype("float64")
    taps = math.prod(shape[:-2])
    assert made.var(ddof=1) == pytest.approx(3.0 / (taps * (shape[-2] + shape[-1])), rel=4 * EPS[dtype])
    ratio = made / I.Orthogonal(seed=7)(shape, "float64")
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=4 * EPS[dtype])


def test_glorot_orthogonal_is_the_formula_of_pytorch_geometric():
    torch = peer("torch")
    tensor = torch.from_numpy(np.ascontiguousarray(I.Orthogonal(seed=7)((20, 30), "float64", axes="o i")))
    tensor *= (2.0 / ((tensor.size(-2) + tensor.size(-1)) * tensor.var())).sqrt()
    np.testing.assert_allclose(I.GlorotOrthogonal(2.0, 7)((20, 30), "float64", axes="o i"), tensor.numpy(), rtol=1e-13)


def test_glorot_orthogonal_refusals():
    with refused(ValueError, "more than one element", received="shape=(1, 1)"):
        I.GlorotOrthogonal(seed=1)((1, 1))
    for scale in (0, -1.0):
        with refused(ValueError, "`scale` must be above 0", received=f"scale={scale!r}"):
            I.GlorotOrthogonal(scale)
    with refused(ValueError, "`scale` is too large"):
        I.GlorotOrthogonal(1e12, seed=1)((2, 3), "float16")
    # The largest element is not known before it is made.
    with pytest.raises(ValueError, match="beyond the largest float16"):
        I.GlorotOrthogonal(2e10, seed=1)((2, 3), "float16")


# ConvolutionAware


@every_float
@pytest.mark.parametrize("shape", [(5, 4, 6), (3, 3, 8, 4), (2, 3, 2, 5, 3), (1, 1, 8, 6)])
def test_convolution_aware_has_the_variance_of_he(shape, dtype):
    made = I.ConvolutionAware(seed=7)(shape, dtype).astype("float64")
    assert made.var() == pytest.approx(2 / math.prod(shape[:-1]), rel=4 * EPS[dtype])


def test_filters_are_orthogonal_in_the_frequency_domain():
    made = I.ConvolutionAware(eps_std=0.0, seed=7)((9, 12, 4), "float64")
    for output in range(4):
        spectra = np.fft.rfft(made[:, :, output], axis=0).T
        for start in range(0, 12, 5):
            some = spectra[start : start + 5]
            gram = some @ some.conj().T
            np.testing.assert_allclose(gram, gram[0, 0].real * np.eye(len(some)), atol=1e-14)
    noisy = I.ConvolutionAware(eps_std=0.1, seed=7)((9, 12, 4), "float64")
    assert abs(noisy - made).max() > 0.01
    with refused(ValueError, "`eps_std` must be 0 or more", received="eps_std=-1"):
        I.ConvolutionAware(-1)
    with refused(ValueError, "more than one element"):
        I.ConvolutionAware(seed=1)((1, 1, 1))


# Spectral


@every_float
@pytest.mark.parametrize("base", ["orthogonal", "glorot_uniform", "random_normal", "sparse"])
@pytest.mark.parametrize("iterations", [0, 5, 15])
@pytest.mark.parametrize("shape", [(20, 30), (3, 3, 4, 8)])
def test_the_largest_singular_value(base, iterations, shape, dtype):
    base = I.Sparse(0.5) if base == "sparse" else base
    made = I.Spectral(2.5, base, iterations, 7)(shape, dtype).astype("float64").reshape(-1, shape[-1])
    values = np.linalg.svd(made, compute_uv=False)
    assert values[0] == pytest.approx(2.5, rel=20 * EPS[dtype])
    before = I.get(base)
    before = type(before).from_config({**before.get_config(), "seed": 7})(shape, "float64").reshape(made.shape)
    if iterations == 0:
        np.testing.assert_allclose(made, before * (2.5 / np.linalg.norm(before, 2)), atol=3 * EPS[dtype])
    if iterations == 15:
        assert values[-1] > 2.49


def test_spectral_normalization_of_each_expert():
    made = I.Spectral(1.0, "he_normal", 0, 7)((4, 6, 5), "float64", axes="e i o")
    np.testing.assert_allclose([np.linalg.norm(matrix, 2) for matrix in made], 1.0, rtol=1e-14)
    fans = I.Spectral(1.0, "he_normal", 0, 7).describe((4, 6, 5), axes="e i o").distribution.base
    assert fans.stddev_after_truncation == pytest.approx(math.sqrt(2 / 6))


class Overriding(I.Ones):
    def __call__(self, shape, dtype=None):
        return np.full(shape, 2.0)


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        ({"k_coef_lip": 0}, ValueError, "`k_coef_lip` must be above 0"),
        ({"k_coef_lip": "1"}, TypeError, "`k_coef_lip` must be a real number"),
        ({"bjorck_iterations": -1}, ValueError, "`bjorck_iterations` must lie in"),
        ({"base": I.HeNormal(3)}, ValueError, "`base` must have no seed"),
        ({"base": 3}, TypeError, "`base` must be an initializer of this package"),
        ({"base": np.ones}, TypeError, "`base` must be an initializer of this package"),
        ({"base": Overriding()}, TypeError, "`base` must be an initializer of this package"),
        ({"base": I.Initializer()}, TypeError, "`base` must be an initializer of this package"),
    ],
)
def test_spectral_refusals(config, kind, words):
    with refused(kind, words):
        I.Spectral(**config)


def test_spectral_refusals_at_the_call():
    with pytest.raises(ValueError, match="Unknown initializer 'orthogonl'"):
        I.Spectral(base="orthogonl")
    with pytest.raises(ValueError, match="`base` must make matrices that are not zero"):
        I.Spectral(base="zeros", seed=1)((2, 2))
    with refused(ValueError, "`shape` must be (T, 1, F // 2 + 1)"):
        I.Spectral(base="stft", seed=1)((2, 2))
    with refused(ValueError, "`k_coef_lip` is beyond the largest float16"):
        I.Spectral(1e5, seed=1)((2, 2), "float16")
