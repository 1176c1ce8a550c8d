"""Sparse matrices: the zeros, and where they are."""

import math
from fractions import Fraction

import numpy as np
import pytest
from frameworks import peer
from refusals import refused

from oneseed import initializers as I
from oneseed.config import FLOATX
from oneseed.distributions.fields import words64
from oneseed.host_arrays import host
from oneseed.initializers.matrices.sparse import chance, first_ones

every_float = pytest.mark.parametrize("dtype", FLOATX)


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
    whole = words64(host(), draw, 0, 40, "mask")
    for first in range(9):
        for count in range(9):
            assert words64(host(), draw, first, count, "mask").tolist() == whole[first : first + count].tolist()


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
