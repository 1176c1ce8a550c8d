"""The families of initializers: against their definitions, theory, and the peers they come from."""

import json
import math
from pathlib import Path

import ml_dtypes
import mpmath
import numpy as np
import pytest
from families_oracle import expected
from frameworks import ALL, installed
from refusals import refused
from scipy import stats

import oneseed
from oneseed import SeedGenerator, truncated
from oneseed import initializers as I
from oneseed.distributions import Normal, TruncatedNormal
from oneseed.host import to_numpy
from oneseed.initializers.gains import NONLINEARITIES

FLOATS = ("bfloat16", "float16", "float32", "float64")
ROWS = json.loads((Path(__file__).parent / "known_answers" / "families.json").read_text(encoding="utf-8"))
NAMES = ("FanInUniform", "PositiveUnitBall", "RandomSign", "RandomWalk", "ScaledUniform", "Siren", "UniformUnitScaling")
Z = 6.2
"""Standard errors beyond which a mean is rejected: a probability of 6e-10, for fixed seeds."""

needs = {name: pytest.mark.skipif(not installed(name), reason=f"{name} is not installed") for name in ("torch", "jax")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['initializer']['class_name']}-{row['dtype']}")
def test_a_known_answer_is_the_definition(row):
    assert oneseed.fingerprint(expected(row)) == row["fingerprint"]


def moments_agree(values, mean, stddev, kurtosis):
    """Compare mean and variance of many values with theory; `kurtosis` is E[(x - mean)**4] / stddev**4."""
    x = values.astype("float64")
    n = x.size
    assert abs(x.mean() - mean) < Z * stddev / math.sqrt(n)
    assert abs(((x - mean) ** 2).mean() / stddev**2 - 1) < Z * math.sqrt((kurtosis - 1) / n)


# Truncated normals


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (-2, 2),
        (-1, 1),
        (-3, 3),
        (-1, 3),
        (0, 4),
        (1, 2),
        (4, 5),
        (-9, -6),
        (8.5, 9.5),
        (-1e3, 1e3),
        (5.5, 1e3),
        (9, 9.01),
    ],
)
def test_the_stddev_after_truncation(lower, upper):
    with mpmath.workdps(60):
        # Beyond 40 standard deviations nothing is left that 60 digits could tell.
        a, b = max(lower, -40), min(upper, 40)
        cuts = mpmath.linspace(a, b, 3 + int(b - a) // 2)
        mass = mpmath.quad(mpmath.npdf, cuts)
        mean = mpmath.quad(lambda x: x * mpmath.npdf(x), cuts) / mass
        square = mpmath.quad(lambda x: (x - mean) ** 2 * mpmath.npdf(x), cuts) / mass
        exact = mpmath.sqrt(square)
        assert abs(truncated.stddev_after(lower, upper) / exact - 1) < 2.3e-16
    assert truncated.stddev_after(-upper, -lower) == truncated.stddev_after(lower, upper)
    law = TruncatedNormal(0.5, 2.0, lower, upper)
    assert law.stddev_after_truncation == 2 * truncated.stddev_after(lower, upper)


@pytest.mark.parametrize(("lower", "upper"), [(-2, 2), (-1, 3), (0, 5), (2, 4)])
def test_the_stddev_after_truncation_is_that_of_scipy(lower, upper):
    assert truncated.stddev_after(lower, upper) == pytest.approx(stats.truncnorm.std(lower, upper), rel=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("arguments", "mean", "stddev"),
    [
        ({"mean": 0.5, "stddev": 2.0, "lower": -1, "upper": 3}, None, None),
        ({"mean": 0.5, "stddev": 2.0, "lower": -2, "upper": 2, "std": "after"}, 0.5, 2.0),
        ({"mean": 0.5, "stddev": 2.0, "lower": -1, "upper": 3, "std": "after"}, None, 2.0),
        ({"mean": 0.25, "stddev": 0.5, "lower": -1, "upper": 0.75, "bounds": "absolute"}, None, None),
        ({"mean": 0.25, "stddev": 0.3, "lower": -1, "upper": 0.75, "bounds": "absolute", "std": "after"}, None, 0.3),
        ({"mean": 2.0, "stddev": 0.2, "lower": 0, "upper": 1, "bounds": "absolute", "std": "after"}, None, 0.2),
        ({"stddev": 0.02, "bounds": "absolute"}, 0.0, 0.02),
        ({"stddev": 2.0, "lower": 6, "upper": 8}, None, None),
    ],
    ids=str,
)
def test_truncated_moments(arguments, mean, stddev, dtype):
    init = I.TruncatedNormal(**arguments, seed=11)
    numbers = init.describe((1,), dtype).distribution.numbers
    before, center = numbers["stddev_before_truncation"], numbers["mean"]
    theory = stats.truncnorm((numbers["lower"] - center) / before, (numbers["upper"] - center) / before, center, before)
    assert numbers["stddev_after_truncation"] == pytest.approx(theory.std(), rel=1e-6)
    if stddev is not None:
        assert numbers["stddev_after_truncation"] == pytest.approx(stddev, rel=1e-14)
    values = init((200_000,), dtype)
    kurtosis = float(theory.stats("k")) + 3
    moments_agree(values, theory.mean() if mean is None else mean, numbers["stddev_after_truncation"], kurtosis)
    assert stats.kstest(values[:20_000].astype("float64"), theory.cdf).pvalue > 1e-9
    least, largest = arguments.get("lower", -2), arguments.get("upper", 2)
    if arguments.get("bounds") != "absolute":
        least, largest = (center + bound * before for bound in (least, largest))
    narrow = values.dtype.type
    assert narrow(least) <= values.min()
    assert values.max() <= narrow(largest)


def test_absolute_bounds_hold_in_every_digit():
    generator = np.random.default_rng(5)
    nudged = 0
    for _ in range(20_000):
        mean, stddev, a, b = generator.normal(size=4) * 10.0 ** generator.integers(-6, 6, 4)
        lower, upper, stddev = min(a, b), max(a, b), abs(stddev)
        first, last = truncated.in_sigmas(mean, stddev, lower, upper)
        # These are the clamps that every backend computes.
        assert lower <= mean + first * stddev
        assert mean + last * stddev <= upper
        assert first == pytest.approx((lower - mean) / stddev, rel=1e-14)
        nudged += first != (lower - mean) / stddev or last != (upper - mean) / stddev
    assert nudged > 1000


@pytest.mark.parametrize("dtype", FLOATS)
def test_absolute_bounds_that_leave_a_sliver(dtype):
    lower, upper = -0.7000000001, -0.7
    values = I.TruncatedNormal(0.1, 0.3, 1, lower=lower, upper=upper, bounds="absolute")((50_000,), dtype)
    narrow = values.dtype.type
    assert ((values >= narrow(lower)) & (values <= narrow(upper))).all()


def test_a_stddev_of_nothing_or_next_to_it():
    for stddev in (0.0, 5e-324, 1e-310):
        init = I.TruncatedNormal(0.5, stddev, 1, bounds="absolute")
        assert (init((9,), "float64") == 0.5).all()
    assert (I.TruncatedNormal(0.5, 0.0, 1, bounds="absolute", std="after")((9,)) == 0.5).all()
    assert (I.TruncatedNormal(0.5, 0.0, 1, std="after")((9,)) == 0.5).all()


@pytest.mark.parametrize("lower", [4.5, 6.0, 8.0])
def test_a_tail_is_drawn_as_finely_as_the_rest(lower):
    values = {dtype: I.TruncatedNormal(0, 1, 3, lower=lower, upper=lower + 2)((5000,), dtype) for dtype in FLOATS}
    for dtype in ("float32", "float64"):
        assert len(np.unique(values[dtype])) > 3000
    np.testing.assert_array_equal(values["float32"], values["float64"].astype("float32"))
    for half in ("float16", "bfloat16"):
        np.testing.assert_array_equal(values[half], values["float32"].astype(values[half].dtype))
    other = I.TruncatedNormal(0, 1, 3, lower=-lower - 2, upper=-lower)((5000,))
    assert stats.ks_2samp(-other, values["float32"]).pvalue > 1e-9


def test_the_default_window_is_untouched():
    same = I.TruncatedNormal(0.5, 2.0, 3, lower=-2, upper=2)((99,))
    np.testing.assert_array_equal(same, I.TruncatedNormal(0.5, 2.0, 3)((99,)))
    init = I.TruncatedNormal(0.0, 0.1, 3, std="after")
    assert init.describe((10, 10)).distribution == I.VarianceScaling(0.1, seed=3).describe((10, 10)).distribution


def test_the_inverse_of_truncation():
    for lower, upper in ((-1.0, 1.0), (-0.3, 2.0), (0.5, 1.5), (-3.0, 0.0)):
        spread = (upper - lower) / math.sqrt(12)
        for share in (0.2, 0.9, 0.9999999):
            before = truncated.stddev_before(share * spread, lower, upper)
            after = before * truncated.stddev_after(lower / before, upper / before)
            assert after == pytest.approx(share * spread, rel=1e-15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lower": 1, "upper": 1}, "`lower` must be below `upper`"),
        ({"lower": float("-inf")}, "`lower` must be finite"),
        ({"bounds": "sigmas"}, "Did you mean 'sigma'?"),
        ({"std": "post"}, "one of 'after', 'before'"),
        ({"stddev": 0, "lower": 1, "bounds": "absolute"}, "`mean` must lie between"),
        ({"stddev": 1.2, "bounds": "absolute", "std": "after"}, "must be below (upper - lower) / sqrt(12) = 1.154"),
        ({"stddev": 4 / 12**0.5, "bounds": "absolute", "std": "after"}, "must be below (upper - lower) / sqrt(12)"),
        ({"stddev": 1e-3, "lower": 1, "bounds": "absolute", "std": "after"}, "must be at least"),
        ({"lower": 10, "upper": 11, "std": "after"}, "within 9.1 standard deviations"),
    ],
    ids=str,
)
def test_what_no_truncated_normal_has(arguments, words):
    generator = SeedGenerator(1)
    oneseed.set_random_seed(1)
    first = I.TruncatedNormal().seed
    oneseed.set_random_seed(1)
    with refused(ValueError, words):
        I.TruncatedNormal(**arguments)
    assert I.TruncatedNormal().seed == first  # no seed was taken
    assert generator.count == 0


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("arguments", [{"lower": 9.3, "upper": 12}, {"lower": -1e-25, "upper": 1e-25}], ids=str)
def test_nothing_left_is_refused_before_the_draw_is_counted(arguments, dtype):
    generator = SeedGenerator(1)
    with refused(ValueError, "`lower` and `upper` must have more than 2**-64"):
        I.TruncatedNormal(0, 1, generator, **arguments)((3,), dtype)
    assert generator.count == 0


def test_bounds_beyond_the_dtype():
    with refused(ValueError, "beyond the largest float16"):
        I.TruncatedNormal(bounds="absolute", upper=1e5)((3,), "float16")


def test_the_native_generator_cuts_where_keras_does():
    with oneseed.using(rng="native"):
        assert I.TruncatedNormal(seed=1)((3,)).shape == (3,)
        for init in (I.TruncatedNormal(seed=1, upper=3), I.RandomSign(seed=1), I.PositiveUnitBall(1)):
            with pytest.raises(ValueError, match="`rng` must be 'portable'"):
                init((3,))
        np.testing.assert_array_equal(I.Range()((3,)), [0, 1, 2])


@needs["torch"]
def test_absolute_bounds_are_those_of_torch():
    import torch

    torch.manual_seed(0)
    for a, b in ((-2.0, 2.0), (-0.5, 1.0), (0.2, 1.0)):
        theirs = torch.nn.init.trunc_normal_(torch.empty(100_000), 0.25, 0.5, a, b).numpy()
        ours = I.TruncatedNormal(0.25, 0.5, 1, lower=a, upper=b, bounds="absolute")((100_000,))
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-6
        assert max(ours.max(), theirs.max()) <= b
        assert min(ours.min(), theirs.min()) >= np.float32(a)


# Variance scaling


@needs["torch"]
def test_gains_are_those_of_torch():
    from torch.nn.init import calculate_gain

    for name in NONLINEARITIES:
        assert I.calculate_gain(name) == calculate_gain(name)
        assert I.calculate_gain(name, 0.25) == calculate_gain(name, 0.25)
    for slope in (0, 1, -3, 10, 0.1, 0.2, math.sqrt(5), np.float32(0.3)):
        # Python's power of a float is the C library's, which may miss the last bit.
        assert I.calculate_gain("leaky_relu", slope) == pytest.approx(calculate_gain("leaky_relu", float(slope)), 1e-15)


def test_gains():
    assert len(NONLINEARITIES) == 12
    assert {I.calculate_gain(name) for name in NONLINEARITIES if name.startswith("conv")} == {1.0}
    assert [I.calculate_gain(name) for name in ("linear", "sigmoid", "tanh", "relu", "selu")] == [
        1.0,
        1.0,
        5 / 3,
        math.sqrt(2),
        0.75,
    ]
    assert I.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    with refused(ValueError, "Did you mean 'relu'?", received="nonlinearity='rlu'"):
        I.calculate_gain("rlu")
    for slope in (True, [0.1], "0.1"):
        with refused(TypeError, "`param` must be a real number", received="param="):
            I.calculate_gain("leaky_relu", slope)


def test_a_gain_widens_the_variance():
    shape = (30, 50)
    he = I.HeUniform(3).describe(shape).distribution
    assert I.VarianceScaling(1.0, "fan_in", "uniform", 3, nonlinearity="relu").describe(shape).distribution == he
    slope = math.sqrt(5)  # the default of PyTorch's layers, uniform within 1 / sqrt(fan_in)
    made = I.VarianceScaling(1.0, "fan_in", "uniform", nonlinearity="leaky_relu", negative_slope=slope).describe(shape)
    assert made.distribution.limit == pytest.approx(1 / math.sqrt(30), rel=1e-15)
    with refused(ValueError, "`negative_slope` must be None", received="negative_slope=0.1, nonlinearity='relu'"):
        I.VarianceScaling(nonlinearity="relu", negative_slope=0.1)
    with refused(TypeError, "`nonlinearity` must be one of", received="nonlinearity=3"):
        I.VarianceScaling(nonlinearity=3)
    with refused(ValueError, "`negative_slope` must be finite"):
        I.VarianceScaling(nonlinearity="leaky_relu", negative_slope=float("nan"))


@needs["jax"]
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
def test_variance_scaling_is_that_of_jax(mode, dtype):
    import jax

    shape = (3, 3, 40, 90)
    init = I.VarianceScaling(1.5, mode, "uniform", 4)
    theirs = jax.nn.initializers.variance_scaling(1.5, mode, "uniform")(jax.random.key(0), shape, "float32")
    limit = init.describe(shape).distribution.limit
    # Of n uniform values the largest falls short of the limit by limit / n on average.
    assert limit * (1 - 40 / theirs.size) < float(abs(theirs).max()) <= limit * (1 + 1e-6)
    moments_agree(init(shape, dtype), 0.0, limit / math.sqrt(3), 1.8)


def test_the_geometric_mean_of_fans():
    law = (
        I.VarianceScaling(2.0, "fan_geo_avg", "untruncated_normal").describe((20, 3, 3, 5), axes="o h w i").distribution
    )
    assert law.stddev == pytest.approx(math.sqrt(2 / math.sqrt(20 * 9 * 5 * 9)), rel=1e-15)
    assert I.VarianceScaling(mode="fan_geo_avg")((0, 3)).shape == (0, 3)
    huge = I.VarianceScaling(mode="fan_geo_avg", seed=1).describe((2**31, 2**29)).distribution
    assert huge.stddev_after_truncation == pytest.approx(2**-15)


# Other widths from the shape


@needs["torch"]
def test_default_weights_and_biases_of_torch():
    import torch

    torch.manual_seed(1)
    layer = torch.nn.Linear(100, 30_000)
    limit = I.FanInUniform(fan_in=100).describe((30_000,)).distribution.limit
    assert limit == 0.1
    bias, weight = layer.bias.detach().numpy(), layer.weight.detach().numpy()
    assert 0.999 * limit < abs(bias).max() <= limit * (1 + 1e-6)
    assert 0.9999 * limit < abs(weight).max() <= limit * (1 + 1e-6)
    assert I.FanInUniform().describe(weight.shape, axes="o i").distribution.limit == limit
    moments_agree(bias, 0.0, limit / math.sqrt(3), 1.8)


def test_other_libraries_reach_their_family_through_arguments():
    shape = (25, 9, 16)
    dim = {"input_axes": 0, "output_axes": -1}  # what counts is the first axis

    def law(*arguments, **others):
        return I.VarianceScaling(*arguments, **others).describe(shape).distribution

    assert law(4.0, "fan_in", "untruncated_normal", **dim) == Normal(0.0, 2 / math.sqrt(25))
    assert law(1 / 3, "fan_in", "uniform", **dim).limit == pytest.approx(0.2, rel=1e-15)
    truncated_dim = law(truncated.STDDEV_OF_PM2**2, "fan_in", "truncated_normal", **dim)
    assert truncated_dim.stddev == pytest.approx(1 / math.sqrt(25), rel=1e-15)
    assert law(1.0, "fan_geo_avg", "uniform").limit == pytest.approx(math.sqrt(3 / math.sqrt(25 * 9 * 16 * 25)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("init", "shape", "limit"),
    [
        (I.UniformUnitScaling(1.15, 1), (20, 15, 100), 1.15 * math.sqrt(3 / 300)),
        (I.ScaledUniform(1), (200, 150), 1 / math.sqrt(30_000)),
        (I.FanInUniform(seed=1), (300, 100), 1 / math.sqrt(300)),
        (I.Siren(seed=1), (300, 100), math.sqrt(6 / 300) / 30),
        (I.Siren(True, 10.0, 1), (2, 15_000), 1 / 2),
    ],
    ids=repr,
)
def test_uniform_moments(init, shape, limit, dtype):
    law = init.describe(shape, dtype).distribution
    assert law.limit == pytest.approx(limit, rel=1e-15)
    moments_agree(init(shape, dtype), 0.0, limit / math.sqrt(3), 1.8)


def test_random_walk():
    init = I.RandomWalk("relu", seed=1)
    n = 200
    stddev = math.sqrt(2) * math.exp(1.2 / (n - 2.4)) / math.sqrt(n)
    moments_agree(init((n, n)), 0.0, stddev, 3.0)
    assert I.RandomWalk().describe((2, 2)).distribution.stddev == pytest.approx(math.exp(1 / 4) / math.sqrt(2))
    assert I.RandomWalk("relu").describe((3, 3)).distribution.stddev == pytest.approx(
        math.sqrt(2 / 3) * math.exp(1.2 / 3.6)
    )
    assert I.RandomWalk(scale=0)((2, 2)).tolist() == [[0, 0], [0, 0]]
    assert I.RandomWalk()((0, 0)).shape == (0, 0)
    for shape in ((3,), (3, 4), ()):
        with refused(ValueError, "square matrix", received="shape="):
            init(shape)
    whole = init((6, 6))
    np.testing.assert_array_equal(init((6, 6), partition_shape=(2, 3), partition_offset=(4, 1)), whole[4:, 1:4])
    np.testing.assert_array_equal(init((6, 6), axes="o i"), whole.T)


def test_a_random_walk_has_no_drift():
    # The logarithm of the norm of a gradient sent back through d linear layers has mean 0, to order 1/n, and a
    # variance of d / (2 n).
    n, depth, walks = 64, 40, 60
    ends = []
    for walk in range(walks):
        matrices = I.RandomWalk(seed=walk)((depth, n, n), "float64", axes="e o i")
        x = np.ones(n) / math.sqrt(n)
        for matrix in matrices:
            x = matrix @ x
        ends.append(math.log(float(x @ x)))
    spread = math.sqrt(2 * depth / n)
    assert abs(np.mean(ends)) < Z * spread / math.sqrt(walks) + depth / n**2
    without = math.exp(1 / (2 * n))
    assert abs(np.mean(ends) - 2 * depth * math.log(without)) > 1.5 * spread / math.sqrt(walks)


# Integers, signs, shares


def test_whole_numbers():
    made = I.UniformInt(-3, 5, 1)((8000,), "float16")
    values, counts = np.unique(made.astype("int64"), return_counts=True)
    assert values.tolist() == list(range(-3, 5))
    assert stats.chisquare(counts).pvalue > 1e-9
    for dtype in ("int8", "int64", *FLOATS):
        np.testing.assert_array_equal(I.UniformInt(-3, 5, 1)((8000,), dtype).astype("float16"), made)
    np.testing.assert_array_equal(I.UniformInt(-3, 5, 1)((50,), "int32"), I.RandomUniform(-3, 5, 1)((50,), "int32"))


@pytest.mark.parametrize(
    ("dtype", "largest"), [("bfloat16", 256), ("float16", 2048), ("float32", 2**24), ("float64", 2**53)]
)
def test_a_float_holds_whole_numbers_up_to_its_precision(dtype, largest):
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype)).type
    assert int(kind(largest)) == largest
    assert int(kind(largest + 1)) != largest + 1
    for low, high in ((largest - 9, largest + 1), (-largest, 9 - largest)):
        made = I.UniformInt(low, high, 1)((99,), dtype)
        assert {*map(int, made)} <= {*range(low, high)}
        with refused(ValueError, "holds every whole number"):
            I.UniformInt(low - (low < 0), high + (low > 0), 1)((99,), dtype)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ((3, 3), ValueError, "`high` must lie in [4,"),
        ((0, 2**32 + 1), ValueError, "`high` must lie in"),
        ((0.0, 3), TypeError, "`low` must be an integer"),
        ((0, True), TypeError, "`high` must be an integer"),
    ],
    ids=str,
)
def test_no_range_of_integers(arguments, kind, words):
    with refused(kind, words):
        I.UniformInt(*arguments)


@pytest.mark.parametrize("init", [I.UniformInt(-3, 5), I.RandomSign()], ids=repr)
def test_unsigned_numbers_have_no_sign(init):
    with refused(ValueError, "must lie in [0, "):
        init((3,), "uint8")
    for dtype in ("bool", "complex64"):
        with refused(ValueError, "`dtype` must be a float or integer dtype"):
            init((3,), dtype)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_signs(p):
    made = I.RandomSign(p, 0.25, 1)((100, 100), "float16")
    assert {*made.ravel().tolist()} <= {-0.25, 0.25}
    assert stats.binomtest(int((made > 0).sum()), made.size, p).pvalue > 1e-9
    assert I.RandomSign(p, 3, 1)((100, 100), "int8").tolist() == (made * 12).tolist()


@pytest.mark.parametrize(("p", "words"), [(-0.1, "[0, 1]"), (1.1, "[0, 1]"), (float("nan"), "finite")])
def test_no_probability_of_a_sign(p, words):
    with refused(ValueError, "`p` must", words, received="p="):
        I.RandomSign(p)
    with refused(ValueError, "whole number in an integer dtype"):
        I.RandomSign(value=0.5)((3,), "int8")


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_weights_of_each_output_sum_to_one(dtype):
    made = I.PositiveUnitBall(1)((3, 4, 10), dtype)
    eps = float(ml_dtypes.finfo(made.dtype).eps)
    sums = made.astype("float64").sum((0, 1))
    np.testing.assert_allclose(sums, 1, atol=eps)
    assert (made > 0).all()
    assert len(np.unique(made)) > 50
    # Caffe's blobs have their outputs first.
    caffe = I.PositiveUnitBall(1)((10, 4, 3), dtype, axes="o i k")
    np.testing.assert_allclose(caffe.astype("float64").sum((1, 2)), 1, atol=eps)
    experts = I.PositiveUnitBall(1)((2, 5, 7), dtype, axes="e i o")
    np.testing.assert_allclose(experts.astype("float64").sum(1), np.ones((2, 7)), atol=eps)


def test_the_weights_are_uniform_but_for_their_sum():
    # 1 - x / (x + rest) of uniform values: with many of them, each is uniform on (0, 2 / n).
    made = I.PositiveUnitBall(1)((20_000, 3), "float64")
    assert stats.kstest(made.ravel() * 20_000 / 2, "uniform").pvalue > 1e-6
    for shape in ((), (1,), (5,), (0, 3), (3, 0)):
        assert (I.PositiveUnitBall(1)(shape) == 1).all()
    with refused(ValueError, "fewer than 2**31 inputs"):
        I.PositiveUnitBall(1)((2**31, 2))


# Markers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sigmoid_of_the_bias_is_the_probability(dtype):
    for p in (1e-300, 1e-4, 0.01, 0.5, 0.9):
        bias = float(I.PriorProbability(p)((), dtype))
        assert bias == pytest.approx(
            math.log(p) - math.log1p(-p), rel=1e-6 if dtype == "float32" else 1e-14, abs=1e-300
        )
    for p in (0, 1, -0.1, 2):
        with refused(ValueError, "`p` must be above 0 and below 1", received=f"p={p}"):
            I.PriorProbability(p)


def test_nan_marks_what_has_one():
    made = I.NaN()((2,), "complex64")
    assert (np.isnan(made.real) & np.isnan(made.imag)).all()
    for dtype in ("int32", "bool"):
        with refused(ValueError, "which have a NaN", received=f"dtype='{dtype}'"):
            I.NaN()((2,), dtype)


def test_ranges():
    np.testing.assert_array_equal(I.Range()((2, 3), "int8"), [[0, 1, 2]] * 2)
    np.testing.assert_array_equal(I.Range(5, -2, 0)((3, 2)), [[5, 5], [3, 3], [1, 1]])
    assert I.Range(2**64 - 1, -(2**62))((4,), "uint64").tolist() == [2**64 - 1 - k * 2**62 for k in range(4)]
    assert I.Range(-(2**63), 2**62)((4,), "int64").tolist() == [-(2**63) + k * 2**62 for k in range(4)]
    assert I.Range(0.5)((0,), "float16").shape == (0,)
    far = I.Range(1, 2)((2**40, 3), "int64", partition_shape=(2, 2), partition_offset=(2**40 - 2, 1))
    assert far.tolist() == [[3, 5], [3, 5]]


@pytest.mark.parametrize(
    ("init", "shape", "dtype", "words"),
    [
        (I.Range(axis=2), (3, 3), "float32", "`axis` must be an axis of the shape"),
        (I.Range(), (), "float32", "`axis` must be an axis of the shape"),
        (I.Range(), (300,), "int8", "`start + step * (size - 1)` must lie in [-128, 127]"),
        (I.Range(-1), (3,), "uint8", "`start` must lie in [0, 255]"),
        (I.Range(step=0.5), (3,), "int32", "whole numbers in an integer dtype"),
        (I.Range(step=1e5), (3,), "float16", "beyond the largest float16"),
        (I.Range(), (3,), "bool", "`dtype` must be a float or integer dtype"),
    ],
    ids=repr,
)
def test_no_range(init, shape, dtype, words):
    with refused(ValueError, words):
        init(shape, dtype)


# Files


@pytest.fixture
def files(tmp_path):
    array = np.arange(-12, 12).reshape(4, 6) / 7
    np.save(tmp_path / "plain.npy", array.astype("float32"))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(array.astype(">f8")))
    np.save(tmp_path / "scalar.npy", np.float64(2.5))
    return tmp_path, array


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_an_array_of_a_file(files, backend, dtype):
    folder, array = files
    kind = getattr(ml_dtypes, dtype, dtype)
    for name, source in (("plain", array.astype("float32")), ("fortran", array)):
        init = I.FromFile(folder / f"{name}.npy")
        np.testing.assert_array_equal(to_numpy(init((4, 6), dtype, backend=backend)), source.astype(kind))
        block = init((4, 6), dtype, backend=backend, partition_shape=(2, 3), partition_offset=(1, 2))
        np.testing.assert_array_equal(to_numpy(block), source.astype(kind)[1:3, 2:5])


def test_edges_of_files(files):
    folder, _ = files
    assert I.FromFile(str(folder / "scalar.npy"))(()) == 2.5
    init = I.FromFile(folder / "plain.npy")
    assert init((4, 6), partition_shape=(0, 6), partition_offset=(4, 0)).shape == (0, 6)
    again = I.deserialize(json.loads(json.dumps(I.serialize(init))))
    np.testing.assert_array_equal(again((4, 6)), init((4, 6)))
    made = init((4, 6))
    made[...] = 0  # it is a copy, and the file's own memory is not written
    assert init((4, 6)).any()
    assert type(made) is np.ndarray


def test_a_block_reads_its_own_part(files, monkeypatch):
    # A file of 64 GiB, which no one could read whole, is sparse: nothing of it is stored but the header.
    folder, _ = files
    path = folder / "large.npy"
    header = np.lib.format.open_memmap(folder / "small.npy", "w+", np.float32, (1, 1))
    del header
    with open(path, "wb") as file:
        np.lib.format.write_array_header_2_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**17, 2**17)})
        start = file.tell()
        file.seek(start + 4 * (2**34 - 1))
        file.write(np.float32(7).tobytes())
    init = I.FromFile(path)
    made = init((2**17, 2**17), partition_shape=(1, 3), partition_offset=(2**17 - 1, 2**17 - 3))
    assert made.tolist() == [[0, 0, 7]]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_tensor_of_a_safetensors_file(files, dtype):
    if not installed("safetensors"):
        pytest.skip("safetensors is not installed")
    from safetensors.numpy import save_file

    folder, array = files
    kind = getattr(ml_dtypes, dtype, dtype)
    tensors = {"a": array.astype(kind), "empty": np.zeros((0, 3), kind), "scalar": np.array(0.5, kind)}
    save_file(tensors, folder / "many.safetensors")
    save_file({"a": tensors["a"]}, folder / "one.safetensors")
    for init in (I.FromFile(folder / "one.safetensors"), I.FromFile(folder / "many.safetensors", "a")):
        np.testing.assert_array_equal(init((4, 6), dtype), tensors["a"])
        for offset, block in (((1, 2), (2, 3)), ((4, 0), (0, 6)), ((3, 5), (1, 1))):
            made = init((4, 6), dtype, partition_shape=block, partition_offset=offset)
            cut = tuple(slice(at, at + size) for at, size in zip(offset, block, strict=True))
            np.testing.assert_array_equal(made, tensors["a"][cut], strict=True)
    assert I.FromFile(folder / "many.safetensors", "empty")((0, 3), dtype).shape == (0, 3)
    assert I.FromFile(folder / "many.safetensors", "scalar")((), dtype) == 0.5
    for name in ("b", None):
        with refused(
            ValueError, "`name` must be", "'a', 'empty', 'scalar'", received=f"name={name!r}", may=("allocate",)
        ):
            I.FromFile(folder / "many.safetensors", name)((4, 6))


def test_safetensors_is_asked_for_by_name(files, monkeypatch):
    (files[0] / "x.safetensors").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with refused(ImportError, "pip install safetensors", received="path="):
        I.FromFile(files[0] / "x.safetensors")((2,))


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must name a .npy file of numbers"),
        (b"hello, world", "must name a .npy file of numbers"),
        (np.array([{}], object), "Python objects"),
        (np.zeros(3, "i4,f4"), "must name a tensor of one of bfloat16"),
        (np.array(["a"]), "must name a tensor of one of bfloat16"),
        (np.zeros(3, ml_dtypes.bfloat16), "not of |V2"),
        (np.zeros(4), "`shape` must be (4,)"),
        (np.full(3, 1e300), "is beyond the largest float32"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_no_file_of_numbers(tmp_path, content, words):
    path = tmp_path / "x.npy"
    write(path, content)
    with pytest.raises(ValueError, match="Received: ") as caught:
        I.FromFile(path)((3,))
    assert words in str(caught.value)


def test_a_file_cut_short(files):
    path = files[0] / "plain.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with refused(ValueError, "must name a .npy file of numbers"):
        I.FromFile(path)((4, 6))


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("w.pt",), ValueError, "`path` must end in .npy or .safetensors"),
        ((3,), TypeError, "`path` must be a str"),
        ((b"w.npy",), TypeError, "`path` must be a str"),
        (("w.npy", "a"), ValueError, "`name` must be None for a .npy file"),
        (("w.safetensors", 3), TypeError, "`name` must be a str or None"),
    ],
    ids=str,
)
def test_no_path(arguments, kind, words):
    with refused(kind, words):
        I.FromFile(*arguments)


def test_a_file_that_is_not_there(tmp_path):
    with refused(FileNotFoundError, "`path` must name a file that exists", received="path="):
        I.FromFile(tmp_path / "w.npy")((3,))


# Compiled


@pytest.mark.parametrize("backend", ALL)
def test_the_same_bits_in_every_mode(backend):
    inits = [
        I.TruncatedNormal(0.5, 0.25, 3, lower=-0.25, upper=1, bounds="absolute"),
        I.TruncatedNormal(0, 1, 3, lower=6, upper=8),
        I.UniformInt(-3, 9, 3),
        I.RandomSign(0.3, seed=3),
        I.PositiveUnitBall(3),
        I.Range(),
    ]
    block = {"axes": "o i", "partition_shape": (4, 2), "partition_offset": (3, 5)}
    for name, run in oneseed.registry.load(backend).modes().items():
        for init in inits:
            with oneseed.using(backend=backend):
                made = run(lambda init=init: init((8, 8), **block))
            whole = init((8, 8), axes="o i", backend="numpy")
            np.testing.assert_array_equal(to_numpy(made), whole[3:7, 5:7], err_msg=f"{name} {init}")


# Configurations and names

CONFIGURED = [
    I.TruncatedNormal(0.5, 0.25, 3, lower=-1, upper=2.5, bounds="absolute", std="after"),
    I.VarianceScaling(2.0, "fan_geo_avg", seed=1, nonlinearity="leaky_relu", negative_slope=0.2),
    I.UniformUnitScaling(1.43, 1),
    I.ScaledUniform(1),
    I.FanInUniform(7, 1),
    I.Siren(True, 10, SeedGenerator(3)),
    I.RandomWalk("relu", 1.5),
    I.UniformInt(-3, 9, 1),
    I.RandomSign(0.25, 2.0, 1),
    I.PositiveUnitBall(1),
    I.Range(1, 0.5, 0),
    I.NaN(),
    I.PriorProbability(0.2),
]


@pytest.mark.parametrize("init", CONFIGURED, ids=repr)
def test_round_trip(init):
    again = I.deserialize(json.loads(json.dumps(I.serialize(init))))
    assert type(again) is type(init)
    assert again.get_config() == init.get_config()
    if init.get_config().get("seed", 0) is not None:
        np.testing.assert_array_equal(again((3, 3)), init((3, 3)))
    assert init.clone().get_config() == init.get_config()


def test_keras_reads_what_has_only_its_arguments():
    assert set(I.TruncatedNormal(1, 2, 3).get_config()) == {"mean", "stddev", "seed"}
    assert set(I.TruncatedNormal(1, 2, 3, lower=-2, upper=2.0).get_config()) == {"mean", "stddev", "seed"}
    assert set(I.TruncatedNormal(1, 2, 3, upper=3).get_config()) == {"mean", "stddev", "seed", "upper"}
    keras = {"seed", "scale", "mode", "distribution", "input_axes", "output_axes"}
    assert set(I.VarianceScaling().get_config()) == keras
    assert set(I.VarianceScaling(nonlinearity="relu").get_config()) == keras | {"nonlinearity"}


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("InitializerFromFile", I.FromFile),
        ("PositiveUnitball", I.PositiveUnitBall),
        ("positive_unitball", I.PositiveUnitBall),
        ("RangeInitializer", I.Range),
        ("UniformIntInitializer", I.UniformInt),
        ("UniformScaling", I.UniformUnitScaling),
        ("uniform_scaling", I.UniformUnitScaling),
        ("rademacher", I.RandomSign),
        ("range", I.Range),
        ("nan", I.NaN),
        ("uniform_int", I.UniformInt),
    ],
)
def test_synonyms(name, cls):
    from oneseed.initializers.names import find

    assert find(name) is cls


@pytest.mark.parametrize("name", ["SirenV2", "NaNV2", "RangeV2"])
def test_keras_2_has_no_version_of_them(name):
    with pytest.raises(ValueError, match="Unknown initializer"):
        I.get(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_half_precision_is_a_rounding(name, dtype):
    init = getattr(I, name)(seed=5)
    narrow, wide = init((7, 7), dtype), init((7, 7))
    if dtype == "float64":
        narrow, wide = narrow.astype("float32"), wide.astype("float64")
        np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_array_equal(narrow, wide.astype(narrow.dtype))
