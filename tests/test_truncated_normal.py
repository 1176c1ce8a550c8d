"""Truncated normals of every convention: bounds, and standard deviations before and after."""

import json
import math

import mpmath
import numpy as np
import pytest
import reference
from families_oracle import moments_agree
from frameworks import ALL, installed
from refusals import refused
from scipy import stats

import oneseed
from oneseed import SeedGenerator
from oneseed import initializers as I
from oneseed.distributions import TruncatedNormal
from oneseed.exact import moments
from oneseed.host_arrays import to_numpy

FLOATS = ("bfloat16", "float16", "float32", "float64")
INF = math.inf
KNOWN = {
    "half": ["0x1.001d949aad36fp+1", "0x1.2695887391d3bp+0", "0x1.261393675643cp-3"],
    "tail": ["0x1.643d420000000p+2", "0x1.50b4f80000000p+2", "0x1.417e280000000p+2"],
    "wide": ["0x1.f0275c0000000p-1", "0x1.8dca420000000p-2", "-0x1.627f2e0000000p-1"],
}


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
        (0, INF),
        (-INF, 2),
        (5.5, INF),
        (-INF, -8),
        (-INF, INF),
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
        assert abs(moments.stddev_after(lower, upper) / exact - 1) < 2.3e-16
    assert moments.stddev_after(-upper, -lower) == moments.stddev_after(lower, upper)
    distribution = TruncatedNormal(0.5, 2.0, lower, upper)
    assert distribution.stddev_after_truncation == 2 * moments.stddev_after(lower, upper)


@pytest.mark.parametrize(("lower", "upper"), [(-2, 2), (-1, 3), (0, 5), (2, 4)])
def test_the_stddev_after_truncation_is_that_of_scipy(lower, upper):
    assert moments.stddev_after(lower, upper) == pytest.approx(stats.truncnorm.std(lower, upper), rel=1e-10)


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
        ({"stddev": 2.0, "lower": 0, "upper": INF}, 2 * math.sqrt(2 / math.pi), 2 * math.sqrt(1 - 2 / math.pi)),
        ({"stddev": 2.0, "lower": 0, "upper": INF, "std": "after"}, None, 2.0),
        ({"mean": 1.0, "stddev": 0.5, "lower": -INF, "upper": 1.5}, None, None),
        ({"mean": 1.0, "stddev": 0.5, "lower": -INF, "upper": INF}, 1.0, 0.5),
        ({"mean": 1.0, "stddev": 0.5, "lower": -INF, "upper": INF, "bounds": "absolute", "std": "after"}, 1.0, 0.5),
        ({"stddev": 0.3, "lower": 0, "upper": INF, "bounds": "absolute"}, None, None),
        ({"stddev": 0.3, "lower": 0.1, "upper": INF, "bounds": "absolute", "std": "after"}, None, 0.3),
        ({"mean": 0.5, "stddev": 0.3, "lower": -INF, "upper": -0.1, "bounds": "absolute", "std": "after"}, None, 0.3),
        ({"stddev": 2.0, "lower": 5.5, "upper": INF}, None, None),
    ],
    ids=str,
)
def test_truncated_moments(arguments, mean, stddev, dtype):
    init = I.TruncatedNormal(**arguments, seed=11)
    numbers = init.describe((1,), dtype).distribution.numbers
    before, center = numbers["stddev_before_truncation"], numbers["mean"]
    ends = [side if end is None else end for end, side in ((numbers["lower"], -INF), (numbers["upper"], INF))]
    theory = stats.truncnorm(*((end - center) / before for end in ends), center, before)
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
        first, last = moments.in_sigmas(mean, stddev, lower, upper)
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


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
@pytest.mark.parametrize("bounds", [(0.0, INF), (-INF, 2.0), (-INF, INF), (-0.5, INF), (-INF, -1.0)])
def test_a_cut_on_one_side_is_a_far_cut_on_the_other(backend, dtype, bounds):
    # Beyond 9.2 standard deviations nothing is drawn, so that the window is the same but for its last integers.
    far = [max(-9.2, min(bound, 9.2)) for bound in bounds]
    kinds = ("sigma", "absolute")
    for kind in kinds:
        one = I.TruncatedNormal(0.0, 1.0, 3, lower=bounds[0], upper=bounds[1], bounds=kind)
        other = I.TruncatedNormal(0.0, 1.0, 3, lower=far[0], upper=far[1], bounds=kind)
        assert I.deserialize(json.loads(json.dumps(I.serialize(one)))).get_config() == one.get_config()
        json.dumps(one.describe((9,), dtype).as_dict(), allow_nan=False)
        found, want = (to_numpy(init((64, 64), dtype, backend=backend)) for init in (one, other))
        np.testing.assert_allclose(found.astype("complex128"), want.astype("complex128"), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype, stddev", [("float16", 3e-8), ("float8_e4m3fn", 1e-3), ("float8_e5m2", 5e-6)])
@pytest.mark.parametrize("bounds", [(-9.0, 0.5), (-0.5, 9.0)], ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_a_value_is_cut_before_it_is_rounded(backend, dtype, stddev, bounds):
    # An end that the dtype rounds to 0.0: what is rounded to -0.0 first would be cut to it.
    init = I.TruncatedNormal(0.0, stddev, 0, lower=bounds[0], upper=bounds[1])
    drawn = init((64,), dtype, backend=backend)
    cut = [reference.truncated_normal(0, 0, i, 0.0, stddev, dtype, *bounds) for i in range(64)]
    assert reference.patterns(to_numpy(drawn)) == [reference.bits(value, dtype) for value in cut]


def test_a_plain_normal_is_one_that_is_not_cut():
    plain = I.RandomNormal(0.5, 2.0, 3)((64, 64), "float64")
    np.testing.assert_array_equal(I.TruncatedNormal(0.5, 2.0, 3, lower=-INF, upper=INF)((64, 64), "float64"), plain)


def test_known_answers_of_one_sided_cuts():
    half = I.TruncatedNormal(0.0, 1.0, 7, lower=0.0, upper=INF)
    assert [x.hex() for x in half((3,), "float64").tolist()] == KNOWN["half"]
    tail = I.TruncatedNormal(0.0, 1.0, 7, lower=5.0, upper=INF)
    assert [x.hex() for x in tail((3,), "float32").tolist()] == KNOWN["tail"]
    wide = I.VarianceScaling(seed=7, lower=-3, upper=3, std="before")
    assert [x.hex() for x in wide((3, 1), "float32").ravel().tolist()] == KNOWN["wide"]


@pytest.mark.parametrize("dtype", [*FLOATS, "complex64", "complex128"])
@pytest.mark.parametrize(
    ("window", "std"),
    [
        ({}, None),
        ({}, "before"),
        ({"lower": -3, "upper": 3}, "before"),
        ({"lower": -3, "upper": 3}, "after"),
        ({"upper": 1}, None),
        ({"lower": 0, "upper": INF}, "after"),
        ({"lower": -INF}, "before"),
    ],
)
def test_variance_scaling_cuts_where_it_is_told(window, std, dtype):
    given = {**window, **({} if std is None else {"std": std})}
    init = I.VarianceScaling(2.0, "fan_out", seed=3, **given)
    config = init.get_config()
    assert {key: config.get(key) for key in given} == given
    assert not {"lower", "upper", "std"} - set(given) & set(config)
    assert I.deserialize(json.loads(json.dumps(I.serialize(init)))).get_config() == config
    bounds = {"lower": -2, "upper": 2, **window}
    same = I.TruncatedNormal(0.0, 0.125 * math.sqrt(2), 3, **bounds, std=std or "after")
    np.testing.assert_array_equal(init((100, 64), dtype), same((100, 64), dtype))
    if dtype == "float64" and std != "before":
        assert init((100, 64), dtype).std() == pytest.approx(0.125 * math.sqrt(2), rel=0.03)


@pytest.mark.parametrize("dtype", FLOATS)
def test_variance_scaling_in_a_tail_is_drawn_from_64_bits(dtype):
    values = I.VarianceScaling(seed=3, lower=5, upper=INF)((1000, 50), dtype)
    assert len(np.unique(values)) > (10_000 if dtype in ("float32", "float64") else 50)
    assert values.astype("float64").std() == pytest.approx(1000**-0.5, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"lower": 2, "upper": 1}, ValueError, "`lower` must be below `upper`"),
        ({"lower": 3}, ValueError, "`lower` must be below `upper`"),
        ({"lower": 10, "upper": 11}, ValueError, "within 9.1 standard deviations"),
        ({"lower": math.nan}, ValueError, "`lower` must be"),
        ({"lower": "-3"}, TypeError, "`lower` must be a real number"),
        ({"upper": 1j}, TypeError, "`upper` must be a real number"),
        ({"std": "post"}, ValueError, "'after', 'before'"),
        ({"std": 3}, TypeError, "'after', 'before'"),
        ({"lower": -3, "distribution": "uniform"}, ValueError, "`lower` must be None unless"),
        ({"upper": 3, "distribution": "untruncated_normal"}, ValueError, "`upper` must be None unless"),
        ({"std": "after", "distribution": "uniform"}, ValueError, "`std` must be None unless"),
    ],
    ids=str,
)
def test_windows_that_variance_scaling_refuses(arguments, kind, words):
    with refused(kind, words):
        I.VarianceScaling(**arguments)


def test_the_default_window_is_untouched():
    same = I.TruncatedNormal(0.5, 2.0, 3, lower=-2, upper=2)((99,))
    np.testing.assert_array_equal(same, I.TruncatedNormal(0.5, 2.0, 3)((99,)))
    init = I.TruncatedNormal(0.0, 0.1, 3, std="after")
    assert init.describe((10, 10)).distribution == I.VarianceScaling(0.1, seed=3).describe((10, 10)).distribution


def test_the_inverse_of_truncation():
    for lower, upper in ((-1.0, 1.0), (-0.3, 2.0), (0.5, 1.5), (-3.0, 0.0)):
        spread = (upper - lower) / math.sqrt(12)
        for share in (0.2, 0.9, 0.9999999):
            before = moments.stddev_before(share * spread, lower, upper)
            after = before * moments.stddev_after(lower / before, upper / before)
            assert after == pytest.approx(share * spread, rel=1e-15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lower": 1, "upper": 1}, "`lower` must be below `upper`"),
        ({"lower": float("nan")}, "`lower` must be a number or infinite"),
        ({"lower": float("inf")}, "`lower` must be below"),
        ({"lower": float("-inf"), "upper": float("-inf")}, "`lower` must be below"),
        ({"upper": float("-inf")}, "`lower` must be below"),
        ({"lower": 9.2, "upper": float("inf"), "std": "after"}, "within 9.1 standard deviations"),
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


@pytest.mark.skipif(not installed("torch"), reason="torch is not installed")
def test_absolute_bounds_are_those_of_torch():
    import torch

    torch.manual_seed(0)
    for a, b in ((-2.0, 2.0), (-0.5, 1.0), (0.2, 1.0)):
        theirs = torch.nn.init.trunc_normal_(torch.empty(100_000), 0.25, 0.5, a, b).numpy()
        ours = I.TruncatedNormal(0.25, 0.5, 1, lower=a, upper=b, bounds="absolute")((100_000,))
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-6
        assert max(ours.max(), theirs.max()) <= b
        assert min(ours.min(), theirs.min()) >= np.float32(a)
