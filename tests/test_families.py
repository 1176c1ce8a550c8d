"""The families of initializers: against their definitions, theory, and the peers they come from."""

import json
import math
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from families_oracle import Z, expected, moments_agree
from frameworks import ALL, installed
from refusals import refused
from scipy import stats

import oneseed
from oneseed import initializers as I
from oneseed.distributions import Normal
from oneseed.exact import moments
from oneseed.host_arrays import to_numpy
from oneseed.initializers.elementwise.gains import NONLINEARITIES

FLOATS = ("bfloat16", "float16", "float32", "float64")
ROWS = json.loads((Path(__file__).parent / "known_answers" / "families.json").read_text(encoding="utf-8"))

needs = {name: pytest.mark.skipif(not installed(name), reason=f"{name} is not installed") for name in ("torch", "jax")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['initializer']['class_name']}-{row['dtype']}")
def test_a_known_answer_is_the_definition(row):
    assert oneseed.fingerprint(expected(row)) == row["fingerprint"]


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
    distribution = (
        I.VarianceScaling(2.0, "fan_geo_avg", "untruncated_normal").describe((20, 3, 3, 5), axes="o h w i").distribution
    )
    assert distribution.stddev == pytest.approx(math.sqrt(2 / math.sqrt(20 * 9 * 5 * 9)), rel=1e-15)
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

    def distribution(*arguments, **others):
        return I.VarianceScaling(*arguments, **others).describe(shape).distribution

    assert distribution(4.0, "fan_in", "untruncated_normal", **dim) == Normal(0.0, 2 / math.sqrt(25))
    assert distribution(1 / 3, "fan_in", "uniform", **dim).limit == pytest.approx(0.2, rel=1e-15)
    truncated_dim = distribution(moments.STDDEV_OF_PM2**2, "fan_in", "truncated_normal", **dim)
    assert truncated_dim.stddev == pytest.approx(1 / math.sqrt(25), rel=1e-15)
    assert distribution(1.0, "fan_geo_avg", "uniform").limit == pytest.approx(
        math.sqrt(3 / math.sqrt(25 * 9 * 16 * 25))
    )


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
    distribution = init.describe(shape, dtype).distribution
    assert distribution.limit == pytest.approx(limit, rel=1e-15)
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
