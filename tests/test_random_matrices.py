"""Orthogonal kernels, sparse and spectral matrices, reservoirs: each against the property that defines it."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from frameworks import peer
from refusals import refused

from oneseed import initializers as I
from oneseed.config import FLOATX
from oneseed.dtypes import numpy_dtype
from oneseed.host import words64
from oneseed.initializers.orthogonal_kernels import haar, projection
from oneseed.initializers.sparse import chance, first_ones

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
    onto = [tf.constant(projection(draw, at, outputs)) for at in range(rank * (size - 1))]
    kernel = theirs._block_orth(*onto[:rank])
    for step in range(1, size - 1):
        kernel = theirs._matrix_conv(kernel, theirs._block_orth(*onto[rank * step : rank * (step + 1)]))
    h = haar(draw, 0, inputs, outputs)
    # In three dimensions TensorFlow numbers the two taps the other way about.
    taps = {tap if rank < 3 else tuple(size - 1 - k for k in tap): h @ m.numpy() for tap, m in kernel.items()}
    made = init(shape, "float64")
    for tap, matrix in taps.items():
        np.testing.assert_allclose(made[tap], matrix, atol=1e-14)
    assert len(taps) == size**rank


def test_projections():
    draw = I.ConvolutionOrthogonal(seed=7).describe((3, 6, 6), "float64")
    made = [projection(draw, at, 6) for at in range(200)]
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


# Sparse


def test_the_smallest_words_are_found():
    # Few values, so that there are ties: those that come first are taken.
    ranked = np.random.default_rng(1).integers(0, 4, (50, 9))
    for count in range(10):
        made = first_ones(ranked.astype(np.uint64), count)
        for row, found in zip(ranked.tolist(), made, strict=True):
            wanted = sorted(range(9), key=lambda i: (row[i], i))[:count]
            assert sorted(np.flatnonzero(found).tolist()) == sorted(wanted)


def test_chances_are_exact():
    ends = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    assert chance(ends, 0.0).tolist() == [False] * 5
    assert chance(ends, 1.0).tolist() == [True] * 5
    assert chance(ends, 0.5).tolist() == [True, True, True, False, False]
    assert chance(ends, 2.0**-63).tolist() == [True, True, False, False, False]
    bound = math.floor(Fraction(0.1) * 2**64)
    assert chance(np.array([bound - 1, bound], np.uint64), 0.1).tolist() == [True, False]


def test_words_of_any_run():
    draw = I.Sparse(0.5, seed=7).describe((3, 3), path="w")
    whole = words64(draw, 0, 40, "mask")
    for first in range(9):
        for count in range(9):
            assert words64(draw, first, count, "mask").tolist() == whole[first : first + count].tolist()


@every_float
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.93, 1.0])
def test_zeros_of_each_output(sparsity, dtype):
    made = I.Sparse(sparsity, 1.0, seed=7)((40, 30), dtype)
    assert ((made == 0).sum(axis=0) == math.ceil(sparsity * 40)).all()
    values = I.RandomNormal(0.0, 1.0, seed=7)((40, 30), dtype)
    np.testing.assert_array_equal(made[made != 0], values[made != 0])
    np.testing.assert_array_equal(made != 0, I.Sparse(sparsity, 1.0, seed=7)((40, 30), "float64") != 0)


def test_as_many_zeros_as_in_pytorch():
    torch = peer("torch")
    for sparsity in (0.1, 1 / 3, 0.55, 0.7):
        theirs = torch.nn.init.sparse_(torch.empty(33, 20), sparsity, std=1.0)
        made = I.Sparse(sparsity, 1.0, seed=7)((33, 20))
        assert (made == 0).sum(axis=0).tolist() == (theirs == 0).sum(dim=0).tolist()


@pytest.mark.parametrize(
    ("config", "axis", "count"),
    [
        ({"sparsity": 0.7, "per": "input"}, (0, 1, 3), math.ceil(0.7 * 3 * 3 * 6)),
        ({"sparsity": 0.7}, (0, 1, 2), math.ceil(0.7 * 3 * 3 * 5)),
        ({"connections": 7}, (0, 1, 2), 45 - 7),
        ({"connections": 7, "per": "input"}, (0, 1, 3), 54 - 7),
        ({"connections": 0}, (0, 1, 2), 45),
        ({"connections": 45}, (0, 1, 2), 0),
    ],
)
def test_zeros_of_each_unit(config, axis, count):
    init = I.Sparse(**config, seed=7)
    assert ((init((3, 3, 5, 6)) == 0).sum(axis=axis) == count).all()
    torch_like = init((6, 5, 3, 3), axes="o i h w")
    np.testing.assert_array_equal(torch_like.transpose(2, 3, 1, 0), init((3, 3, 5, 6)))
    experts = init((4, 3, 3, 5, 6), axes="e h w i o") == 0
    assert (experts.sum(axis=tuple(a + 1 for a in axis)) == count).all()
    assert len({kernel.tobytes() for kernel in experts}) == (1 if config.get("connections") in (0, 45) else 4)


def test_zeros_are_anywhere_alike():
    zeros = I.Sparse(0.25, seed=7)((20, 20000)) == 0
    # Each place is zero in a quarter of the columns: 5 standard deviations of 20000 coins are 306.
    assert abs(zeros.sum(axis=1) - 5000).max() < 306
    # Two places are zero together with probability 5/20 * 4/19.
    together = zeros.astype(float) @ zeros.T
    assert abs(together[np.triu_indices(20, 1)] - 20000 * 20 / 380).max() < 5 * math.sqrt(20000 / 19)


@pytest.mark.parametrize(
    ("config", "share"),
    [
        ({"sparsity": 0.3}, 0.3),
        ({"connections": 15}, 1 - 15 / 200),
        ({"connections": 15, "per": "input"}, 1 - 15 / 500),
    ],
)
def test_independent_zeros(config, share):
    zeros = I.Sparse(**config, exact=False, seed=7)((200, 500)) == 0
    assert abs(zeros.mean() - share) < 5 * math.sqrt(share * (1 - share) / zeros.size)
    assert zeros.sum(axis=0).var() == pytest.approx(200 * share * (1 - share), rel=0.35)


def test_a_block_of_a_large_sparse_matrix():
    init = I.Sparse(connections=15, seed=7)
    part = init((1 << 12, 1 << 30), partition_shape=(1 << 12, 3), partition_offset=(0, 1 << 29))
    assert ((part != 0).sum(axis=0) == 15).all()
    rows = init((1 << 12, 1 << 30), partition_shape=(9, 3), partition_offset=(77, 1 << 29))
    np.testing.assert_array_equal(rows, part[77:86])


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        ({}, ValueError, "Exactly one of `sparsity` and `connections`"),
        ({"sparsity": 0.5, "connections": 3}, ValueError, "Exactly one of `sparsity` and `connections`"),
        ({"sparsity": -0.1}, ValueError, "`sparsity` must lie in [0, 1]"),
        ({"sparsity": 1.1}, ValueError, "`sparsity` must lie in [0, 1]"),
        ({"sparsity": math.nan}, ValueError, "`sparsity` must be finite"),
        ({"sparsity": "half"}, TypeError, "`sparsity` must be a real number"),
        ({"connections": -1}, ValueError, "`connections` must lie in"),
        ({"connections": 1.5}, TypeError, "`connections` must be an integer"),
        ({"sparsity": 0.5, "stddev": -1}, ValueError, "`stddev` must be 0 or more"),
        ({"sparsity": 0.5, "per": "row"}, ValueError, "`per` must be one of 'input', 'output'"),
        ({"sparsity": 0.5, "exact": 1}, TypeError, "`exact` must be True or False"),
    ],
)
def test_sparse_refusals(config, kind, words):
    with refused(kind, words):
        I.Sparse(**config)


def test_sparse_refusals_at_the_call():
    with refused(ValueError, "`connections` must be at most 6", received="connections=7"):
        I.Sparse(connections=7, seed=1)((2, 3, 4))
    with refused(ValueError, "`stddev` is too large", received="stddev=100000.0"):
        I.Sparse(0.5, 1e5, seed=1)((2, 3), "float16")
    with refused(ValueError, "`mean` is beyond", received="mean=100000.0"):
        I.Sparse(0.5, mean=1e5, seed=1)((2, 3), "float16")


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


# Reservoirs


@every_float
@pytest.mark.parametrize("distribution", ["uniform", "normal", "bernoulli"])
@pytest.mark.parametrize("connectivity", [0.15, 1.0])
def test_echo_states_have_the_radius_and_the_connections(connectivity, distribution, dtype):
    made = I.EchoState(0.9, connectivity, distribution, 7)((40, 40), dtype).astype("float64")
    assert np.count_nonzero(made) == round(connectivity * 1600)
    # An eigenvalue moves by the error, in norm about sqrt(40) elements', times its condition.
    assert abs(np.linalg.eigvals(made)).max() == pytest.approx(0.9, rel=10 * EPS[dtype])
    if distribution == "bernoulli":
        assert len(np.unique(abs(made))) <= 2


def test_radii_of_batches_and_other_topologies():
    made = I.EchoState(1.2, seed=7)((3, 20, 20), "float64", axes="e o i")
    np.testing.assert_allclose(abs(np.linalg.eigvals(made)).max(axis=1), 1.2, rtol=1e-12)
    for init in (I.Cluster(0.5, 0.1, 2, 0.7, seed=7), I.SmallWorld(4, 0.2, 0.7, seed=7)):
        assert abs(np.linalg.eigvals(init((20, 20), "float64"))).max() == pytest.approx(0.7, rel=1e-12)


def test_weights_are_those_of_the_laws():
    normal = I.RandomNormal(0.0, 1.0, 7)((9, 9), "float64")
    np.testing.assert_array_equal(I.EchoState(None, 1.0, "normal", 7)((9, 9), "float64"), normal)
    np.testing.assert_array_equal(I.EchoState(None, 1.0, "bernoulli", 7)((9, 9), "float64"), np.sign(normal))
    uniform = I.RandomUniform(-1.0, 1.0, 7)((9, 9), "float64")
    np.testing.assert_array_equal(I.EchoState(None, 1.0, "uniform", 7)((9, 9), "float64"), uniform)


def test_without_a_circle_there_is_no_radius():
    with pytest.raises(ValueError, match="`spectral_radius` must be None here") as caught:
        I.EchoState(0.9, 0.0, seed=1)((5, 5))
    assert "Received: spectral_radius=0.9" in str(caught.value)
    np.testing.assert_array_equal(I.EchoState(None, 0.0, seed=1)((5, 5)), np.zeros((5, 5)))


def test_clusters():
    connected = I.Cluster(0.6, 0.05, 4, seed=7)((200, 200)) != 0
    within = np.kron(np.eye(4), np.ones((50, 50))) > 0
    for inside, share in ((within, 0.6), (~within, 0.05)):
        assert abs(connected[inside].mean() - share) < 5 * math.sqrt(share * (1 - share) / inside.sum())
    assert not I.Cluster(0.6, 0.0, 4, seed=7)((200, 200))[~within].any()
    with refused(ValueError, "`clusters` must divide the 5 units", received="clusters=3"):
        I.Cluster(seed=1)((5, 5))


@pytest.mark.parametrize("neighbors", [0, 2, 4, 8])
@pytest.mark.parametrize("rewiring", [0.0, 0.3, 1.0])
def test_small_worlds(neighbors, rewiring):
    made = I.SmallWorld(neighbors, rewiring, seed=7)((30, 30), "float64")
    connected = made != 0
    assert connected.sum() == 30 * neighbors
    assert (connected == connected.T).all()
    assert not connected.diagonal().any()
    steps = np.arange(30)[:, None] - np.arange(30)
    lattice = (np.minimum(steps % 30, -steps % 30) <= neighbors // 2) & (steps != 0)
    if rewiring == 0:
        np.testing.assert_array_equal(connected, lattice)
    elif neighbors:
        moved = (lattice & ~connected).sum() / 2
        # An edge may come to lie where another has left, so that a few fewer are missed than were moved.
        expected = 15 * neighbors * rewiring
        assert 0.7 * expected - 5 * math.sqrt(expected) < moved <= expected + 5 * math.sqrt(expected)
    assert neighbors == 0 or not (made == made.T).all()


def test_a_full_small_world_has_no_room():
    complete = I.SmallWorld(4, 1.0, seed=7)((5, 5)) != 0
    np.testing.assert_array_equal(complete, ~np.eye(5, dtype=bool))


@pytest.mark.parametrize("units", [1, 2, 5])
def test_rings_and_lines(units):
    made = I.Ring(0.5)((units, units), "float64")
    np.testing.assert_array_equal(made, 0.5 * np.roll(np.eye(units), 1, axis=1))
    np.testing.assert_allclose(abs(np.linalg.eigvals(made)), 0.5)
    np.testing.assert_array_equal(I.Line(0.5)((units, units)), 0.5 * np.eye(units, k=1))


def test_rings_and_lines_are_those_of_reservoirpy():
    from scipy import sparse

    weights = np.array([0.5, 1.5, -2.0, 0.25])
    columns = np.arange(4)
    ring = sparse.coo_array((weights, (np.roll(columns, -1), columns)), shape=(4, 4)).toarray()
    np.testing.assert_array_equal(I.Ring(weights)((4, 4), axes="o i"), ring)
    line = sparse.coo_array((weights, (np.arange(1, 5), columns)), shape=(5, 5)).toarray()
    np.testing.assert_array_equal(I.Line(weights.tolist())((5, 5), axes="o i"), line)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: I.Ring("a"), TypeError, "`weights` must hold numbers"),
        (lambda: I.Ring([[1.0]]), ValueError, "`weights` must be a real number, or an array"),
        (lambda: I.Ring([1j]), ValueError, "`weights` must be a real number, or an array"),
        (lambda: I.Ring([math.inf]), ValueError, "`weights` must hold finite numbers"),
        (lambda: I.Line(math.nan), ValueError, "`weights` must be finite"),
        (lambda: I.EchoState(0), ValueError, "`spectral_radius` must be above 0"),
        (lambda: I.EchoState(1.0, 1.5), ValueError, "`connectivity` must lie in [0, 1]"),
        (lambda: I.EchoState(distribution="gaussian"), ValueError, "`distribution` must be one of"),
        (lambda: I.Cluster(-0.1), ValueError, "`p_in` must lie in [0, 1]"),
        (lambda: I.Cluster(p_out=2), ValueError, "`p_out` must lie in [0, 1]"),
        (lambda: I.Cluster(clusters=0), ValueError, "`clusters` must lie in"),
        (lambda: I.SmallWorld(3), ValueError, "`neighbors` must be even"),
        (lambda: I.SmallWorld(-2), ValueError, "`neighbors` must lie in"),
        (lambda: I.SmallWorld(rewiring=1.5), ValueError, "`rewiring` must lie in [0, 1]"),
        (lambda: I.SmallWorld(4, seed=1)((4, 4)), ValueError, "`neighbors` must be less than the 4 units"),
        (lambda: I.Ring([1.0, 2.0])((3, 3)), ValueError, "`weights` must be one number, or 3"),
        (lambda: I.Line([1.0, 2.0, 3.0])((3, 3)), ValueError, "`weights` must be one number, or 2"),
        (lambda: I.Ring(1e5)((3, 3), "float16"), ValueError, "`weights` is beyond the largest float16"),
        (lambda: I.EchoState(1e5, seed=1)((3, 3), "float16"), ValueError, "`spectral_radius` is beyond"),
    ],
)
def test_reservoir_refusals(make, kind, words):
    with refused(kind, words):
        make()


@pytest.mark.parametrize("init", [I.EchoState(seed=1), I.Cluster(seed=1), I.SmallWorld(seed=1), I.Ring(), I.Line()])
def test_reservoirs_are_square(init):
    with refused(ValueError, "as many inputs as outputs", received="shape=(6, 3)"):
        init((6, 3))
    with refused(ValueError, "0 spatial axes for a square matrix", received="shape=(3, 6, 6)"):
        init((3, 6, 6))
