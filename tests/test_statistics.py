"""Every random initializer against the distribution it names, on ten million draws in each float dtype.

Error rate: each check ends in a p-value and rejects below 1e-9; a family of comparisons is one check, by Bonferroni's
inequality. The p-values are bounds (Kolmogorov-Smirnov), exact (tails) or rest on the central limit theorem, which at
these sizes is good to a factor of four. There are fewer than 400 checks, so that a perfect generator would fail
anywhere in this file with a probability of at most 2e-6 over the choice of seeds. The seeds are fixed: what passes once
passes always. The last tests show what the same checks reject.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from evidence import (
    ALPHA,
    chi_squared,
    equally_often,
    evidence,
    evidence_on_bits,
    evidence_on_matrices,
    independence,
    normal,
    rejected,
    uniform,
)
from scipy import stats
from scipy.special import ndtr

from oneseed import initializers as of
from oneseed.distributions.recipes import recipe
from oneseed.dtypes import numpy_dtype
from oneseed.random import SeedGenerator
from oneseed.stream.arrays import NumpyArrays
from oneseed.stream.philox import words_of_blocks
from oneseed.stream.quantile import FRACTION_BITS, quantile32, quantile64
from oneseed.stream.sample import sample

ARRAYS = NumpyArrays()
FLOATS = ("float16", "bfloat16", "float32", "float64")
SHAPE = (5, 5, 250, 1600)
DRAWS, FAN_IN, FAN_OUT = 10_000_000, 5 * 5 * 250, 5 * 5 * 1600
BLOCK = {"partition_shape": (1, 2, 250, 1600), "partition_offset": (2, 1, 0, 0)}
SIDE = 16  # of the orthogonal matrices


def scaled_normal(variance):
    """The standard deviation after the cut is the root of `variance`."""
    return normal(0.0, np.sqrt(variance / stats.truncnorm(-2, 2).var()), 2)


def scaled_uniform(variance):
    return uniform(-np.sqrt(3 * variance), np.sqrt(3 * variance))


UNTRUNCATED = partial(of.VarianceScaling, 1.5, "fan_avg", "untruncated_normal")
CASES = {
    "normal": (of.RandomNormal, normal(0.0, 0.05)),
    "normal_shifted": (partial(of.RandomNormal, -0.75, 0.5), normal(-0.75, 0.5)),
    "truncated": (of.TruncatedNormal, normal(0.0, 0.05, 2)),
    "truncated_shifted": (partial(of.TruncatedNormal, 0.75, 0.5), normal(0.75, 0.5, 2)),
    "uniform": (of.RandomUniform, uniform(-0.05, 0.05)),
    "uniform_shifted": (partial(of.RandomUniform, 0.25, 1.75), uniform(0.25, 1.75)),
    "scaling_truncated": (partial(of.VarianceScaling, 2.0, "fan_out"), scaled_normal(2 / FAN_OUT)),
    "scaling_untruncated": (UNTRUNCATED, normal(0.0, np.sqrt(1.5 / ((FAN_IN + FAN_OUT) / 2)))),
    "scaling_uniform": (partial(of.VarianceScaling, 0.5, "fan_in", "uniform"), scaled_uniform(0.5 / FAN_IN)),
    "glorot_normal": (of.GlorotNormal, scaled_normal(2 / (FAN_IN + FAN_OUT))),
    "glorot_uniform": (of.GlorotUniform, scaled_uniform(2 / (FAN_IN + FAN_OUT))),
    "he_normal": (of.HeNormal, scaled_normal(2 / FAN_IN)),
    "he_uniform": (of.HeUniform, scaled_uniform(2 / FAN_IN)),
    "lecun_normal": (of.LecunNormal, scaled_normal(1 / FAN_IN)),
    "lecun_uniform": (of.LecunUniform, scaled_uniform(1 / FAN_IN)),
}
INTEGERS = {
    "int8": (-128, 128),
    "uint8": (3, 250),
    "int16": (-1000, 1001),
    "uint16": (0, 65536),
    "int32": (-3, 4),
    "uint32": (0, 10),
    "int64": (-(10**12), 1000 - 10**12),
    "uint64": (2**63, 2**63 + 97),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CASES)
def test_draws_follow_the_named_distribution(name, dtype):
    build, theory = CASES[name]
    x = build(seed=100 * list(CASES).index(name) + FLOATS.index(dtype))(SHAPE, dtype)
    assert x.size == DRAWS
    low, high = theory.ends(x.dtype)
    assert low <= x.min()
    assert x.max() <= high
    assert not rejected(evidence(x, theory))


@pytest.mark.parametrize("name", CASES)
def test_describe_tells_the_published_numbers(name):
    build, theory = CASES[name]
    numbers = build(seed=1).describe(SHAPE).as_dict()
    assert (numbers["fan_in"], numbers["fan_out"]) == (FAN_IN, FAN_OUT)
    stddev = numbers.get("stddev", numbers.get("stddev_after_truncation"))
    assert stddev == pytest.approx(theory.scale * theory.standard.std(), rel=1e-12)
    assert numbers.get("limit", theory.scale) == pytest.approx(theory.scale, rel=1e-12)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_equally_likely(dtype):
    low, high = INTEGERS[dtype]
    x = of.RandomUniform(low, high, seed=list(INTEGERS).index(dtype))((DRAWS,), dtype)
    assert (int(x.min()), int(x.max())) == (low, high - 1)
    cells = (x.astype("u8") - np.uint64(low % 2**64)).astype("i8")
    assert equally_often(cells, high - low) >= ALPHA


@pytest.mark.parametrize(
    ("shape", "axes", "dtype"),
    [((39063, SIDE, SIDE), "e i o", dtype) for dtype in FLOATS] + [((52084, 24, 8), "e o i", "float32")],
)
def test_orthogonal_matrices_are_uniformly_distributed(shape, axes, dtype):
    q = of.Orthogonal(seed=FLOATS.index(dtype))(shape, dtype, axes=axes)
    assert q.size >= DRAWS
    assert not rejected(evidence_on_matrices(q))


@pytest.mark.parametrize("name", CASES)
def test_narrow_dtypes_are_roundings_of_float32(name):
    """Exactly; where rounding would leave the bounds, the last value within them."""
    build, theory = CASES[name]
    wide = build(seed=5)(SHAPE, "float32", **BLOCK)
    for dtype in map(numpy_dtype, ("float16", "bfloat16")):
        low, high = theory.ends(dtype)
        expected = np.maximum(np.minimum(wide.astype(dtype), high), low)
        np.testing.assert_array_equal(build(seed=5)(SHAPE, dtype, **BLOCK).view("u2"), expected.view("u2"))


def test_narrow_orthogonal_matrices_are_roundings():
    single = of.Orthogonal(seed=5)((300, 200), "float64").astype("float32")
    for dtype in map(numpy_dtype, ("float16", "bfloat16", "float32")):
        assert (of.Orthogonal(seed=5)((300, 200), dtype) == single.astype(dtype)).all()


@pytest.mark.parametrize("name", CASES)
def test_float64_refines_float32(name):
    """The same 32 bits and 32 more: the two differ by what float32 rounds and by what its 32 bits cannot tell.

    In units of half the range that is ``2**-24``; in units of the stddev 6.7e-8, the error of the table of float32
    included, and in the tails ``2**-30`` of probability, which far out is much more than an ulp. Near zero both
    are many ulps: an ulp is smaller there than what the bits can tell.
    """
    build, theory = CASES[name]
    narrow, wide = (build(seed=6)(SHAPE, dtype, **BLOCK).astype("f8") for dtype in ("float32", "float64"))
    y = (wide - theory.centre) / theory.scale
    rounding = 2.0**-23 * (np.abs(y) + 2 * np.abs(theory.centre / theory.scale))
    bits = 2.0**-24 if theory.half_open else 6.7e-8 + 2.0**-30 / stats.norm.pdf(y)
    assert (np.abs(narrow - wide) / theory.scale <= rounding + bits).all()


def test_normal_draws_are_quantiles_of_the_uniform_ones():
    for dtype, tolerance in (("float32", 2.0**-24), ("float64", 2.0**-51)):
        z = of.RandomNormal(0.0, 1.0, seed=7)((1000, 1000), dtype).astype("f8")
        u = of.RandomUniform(-1.0, 1.0, seed=7)((1000, 1000), dtype).astype("f8")
        assert np.abs(ndtr(z) - (u + 1) / 2).max() <= tolerance


@pytest.mark.parametrize(("bits", "quantile"), [(32, quantile32), (64, quantile64)])
def test_complemented_words_negate_normal_samples(bits, quantile):
    word = np.dtype(f"u{bits // 8}").type
    u = of.RandomUniform(0, 2**32, seed=8)((2**20,), "uint64")
    if bits == 64:
        u = u << 32 | of.RandomUniform(0, 2**32, seed=9)((2**20,), "uint64")
    special = np.array([0, 1, 2, 3, 2 ** (bits - 1) - 1, 2 ** (bits - 2)], word)
    u = np.concatenate([u.astype(word), special])
    z = quantile(u, ARRAYS)
    np.testing.assert_array_equal(quantile(~u, ARRAYS), -z)
    assert (np.where(u >> (bits - 1), z, -z) >= 0).all()
    tolerance = 2.0**-25 if bits == 32 else 2.0**-50
    assert np.abs(ndtr(z * 2.0 ** -FRACTION_BITS[bits]) - u * 2.0**-bits).max() < tolerance


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ["uniform", "truncated"])
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (0.1, 0.3), (1, 1.03), (-0.7, -0.69), (-3e4, 6e4)])
def test_no_word_leaves_the_bounds(kind, low, high, dtype):
    """The bounds as values of the dtype; words from both ends of their range and from all over it."""
    if kind == "uniform":
        init, theory = of.RandomUniform(low, high, seed=9), uniform(low, high)
    else:
        mean, stddev = (low + high) / 2, (high - low) / 4
        init, theory = of.TruncatedNormal(mean, stddev, seed=9), normal(mean, stddev, 2)
    made = recipe(init.describe((1,), dtype).distribution, dtype)
    first = np.arange(2**12, dtype=f"u{made.bits // 8}")
    words = np.concatenate([first, ~first, first << (made.bits - 12)])
    bottom, top = theory.ends(numpy_dtype(dtype))
    assert kind == "truncated" or top < numpy_dtype(dtype).type(high)
    for x in (sample(made, words, ARRAYS), init((2**18,), dtype)):
        assert bottom <= x.min()
        assert x.max() <= top


def flat(seed=1, size=2**22, **call):
    return of.RandomUniform(-1, 1, seed=seed)((size,), "float32", **call)


def halves_of_a_tensor():
    x = flat(size=2**23)
    return x[: 2**22], x[2**22 :]


def halves_of_words():
    u = of.RandomUniform(-1, 1, seed=1)((2**22,), "float64")
    whole = ((u + 1) * 2.0**52).astype("i8")  # the upper 53 bits of 64
    return (whole >> 21) * 2.0**-31 - 1, (whole & 2**21 - 1) * 2.0**-20 - 1


PAIRS = {
    "one tensor": lambda: (flat(),) * 2,
    "halves of a tensor": halves_of_a_tensor,
    "halves of words": halves_of_words,
    "seeds s and s + 1": lambda: (flat(1), flat(2)),
    "low and high seeds": lambda: (flat(1), flat(2**32)),
    "one bit of the seed": lambda: (flat(1), flat(2**63 + 1)),
    "paths": lambda: (flat(path="a"), flat(path="b")),
    "numbered paths": lambda: (flat(path=("layer", 0)), flat(path=("layer", 1))),
    "no path and a path": lambda: (flat(), flat(path="a")),
    "seed and path exchanged": lambda: (flat(1, path=(2,)), flat(2, path=(1,))),
    "draws of a generator": lambda: tuple(map(flat, [SeedGenerator(1)] * 2)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_draws_are_independent(pair):
    assert not rejected(independence(*PAIRS[pair]()))


@pytest.mark.parametrize("one_of_many", ["seed", "path", "generator"])
def test_the_first_values_of_many_tensors_are_independent(one_of_many):
    generator = SeedGenerator(2)
    call = {
        "seed": lambda k: flat(k, 8),
        "path": lambda k: flat(1, 8, path=("layer", k)),
        "generator": lambda k: flat(generator, 8),
    }[one_of_many]
    x = np.stack([call(k) for k in range(2**14)])
    along, across = x.reshape(-1), x.T.reshape(-1)
    assert not rejected(evidence(x, uniform(-1, 1)) | independence(along, along))
    assert not rejected(independence(across, across))


@pytest.mark.parametrize("plane", [0, 1])
def test_words_are_equidistributed_in_every_bit(plane):
    words = np.stack(words_of_blocks(np.arange(2**20, dtype="u8"), 3, 0, plane), axis=1).astype("u4").reshape(-1)
    if plane == 0:
        np.testing.assert_array_equal(words, of.RandomUniform(0, 2**32, seed=3)((2**22,), "uint32"))
    assert not rejected(evidence_on_bits(words))


def test_what_is_slightly_off_a_normal_distribution_is_rejected():
    right = normal(0.0, 1.0)
    x = of.RandomNormal(0.0, 1.0, seed=11)((DRAWS,), "float32")
    assert "moments" in rejected(evidence(x, replace(right, scale=1.002)))
    assert {"moments", "kolmogorov_smirnov"} <= set(rejected(evidence(x, replace(right, centre=0.003))))
    assert "tails" in rejected(evidence(x, normal(0.0, 1.0, cut=4.5)))
    bfloat16 = numpy_dtype("bfloat16")
    assert not rejected(evidence(x.astype(bfloat16), right))
    towards_zero = (x.view("u4") >> 16).astype("u2").view(bfloat16)
    assert "every value" in rejected(evidence(towards_zero, right))


def test_what_is_slightly_off_the_bounds_is_rejected():
    x = of.TruncatedNormal(0.0, 1.0, seed=11)((DRAWS,), "float32")
    for cut in (2.1, np.inf):
        assert {"kolmogorov_smirnov", "tails", "moments"} <= set(rejected(evidence(x, normal(0.0, 1.0, cut))))
    assert "tails" in rejected(evidence(x, normal(0.0, 1.0, 1.9999)))
    x = of.RandomUniform(-1, 1, seed=11)((DRAWS,), "float32")
    assert "moments" in rejected(evidence(x, uniform(-1.002, 1.002)))
    # Rounding alone makes some draws the upper bound, which is why it takes more than that.
    assert "tails" in rejected(evidence(x.astype(numpy_dtype("bfloat16")), uniform(-1, 1)))


def test_what_is_not_quite_independent_is_rejected():
    x, y = flat(1), flat(2)
    assert "values" in rejected(independence(x, 0.995 * y + 0.005 * np.roll(x, 12345)))
    assert "squares" in rejected(independence(x, np.abs(np.roll(x, 7)) * np.sign(y)))
    words = of.RandomUniform(0, 2**32, seed=12)((2**22,), "uint32")
    copied = words & ~np.uint32(2**9) | (np.roll(words, 1) >> 3 & 2**9)
    assert set(rejected(evidence_on_bits(copied))) == {"pairs of bits"}
    assert chi_squared(np.full(1000, 100), np.full(1000, 100)) < ALPHA  # too even


def test_matrices_that_are_not_uniformly_distributed_are_rejected():
    normals = of.RandomNormal(0.0, 1 / np.sqrt(SIDE), seed=13)((4096, SIDE, SIDE), "float64")
    assert "moment 4" in rejected(evidence_on_matrices(normals))
    q, r = np.linalg.qr(normals)
    assert "kolmogorov_smirnov" in rejected(evidence_on_matrices(q))
    q *= np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    assert not rejected(evidence_on_matrices(q))
    q[:, :, 0] *= np.linalg.slogdet(q)[0][:, None]
    assert set(rejected(evidence_on_matrices(q))) == {"determinant"}
