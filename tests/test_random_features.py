"""Identities that fill matrices which are not square, and orthogonal random features, against their definitions."""

import numpy as np
import orthogonal_oracle
import pytest
from refusals import refused

from oneseed import initializers as I


def test_padded_identities():
    np.testing.assert_array_equal(I.IDInit()((2, 5)), np.tile(np.eye(2), 3)[:, :5])
    np.testing.assert_array_equal(I.IDInit(2.0)((5, 2), axes="o i"), 2 * np.tile(np.eye(2), 3)[:, :5].T)
    np.testing.assert_array_equal(I.IDInit()((3, 3, 4, 4)), I.Dirac()((3, 3, 4, 4)))
    # PyTorch's kernel, flattened, is a matrix of outputs by taps of inputs.
    flat = I.IDInit(taps="all")((7, 2, 2, 2), axes="o i h w").reshape(7, 8)
    np.testing.assert_array_equal(flat, np.eye(7, 8) + np.eye(7, 8, 7))
    far = I.IDInit()((2**20, 2**40), partition_shape=(3, 3), partition_offset=(5, 2**20 + 5))
    np.testing.assert_array_equal(far, np.eye(3))
    with refused(ValueError, "`taps` must be one of", received="taps='first'"):
        I.IDInit(taps="first")


@pytest.mark.parametrize("shape", [(3, 7), (5, 2), (1, 3)])
def test_small_blocks_of_features_are_the_matrices_that_the_stream_defines(shape):
    rows, columns = shape
    found = I.OrthogonalFeatures(0.5, "equal", seed=7)(shape, "float64")
    for at in range(0, columns, rows):
        block = np.array(orthogonal_oracle.orthogonal(7, (), rows, rows, 0.5, at // rows)) * rows**0.5
        np.testing.assert_array_equal(found[:, at : at + rows], block[:, : columns - at])


def test_orthogonal_features():
    """Directions orthogonal by blocks; each column by itself is normal, and a kernel's estimate is closer."""
    from scipy.stats import kstest

    w = I.OrthogonalFeatures(0.5, seed=7)((40, 200), "float64")
    for at in range(0, 200, 40):
        gram = w[:, at : at + 40].T @ w[:, at : at + 40]
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    # At a fixed seed; for another one each would fail once in a hundred.
    assert kstest(4 * (w**2).sum(axis=0), "chi2", (40,)).pvalue > 0.01
    assert kstest(w[0] / 0.5, "norm").pvalue > 0.01
    equal = I.OrthogonalFeatures(lengths="equal", seed=7)((4, 10), "float64")
    np.testing.assert_allclose((equal**2).sum(axis=0), 4)
    x = np.linspace(-0.3, 0.3, 16)
    errors = {
        init: np.mean([(np.cos(x @ init(seed=s)((16, 16), "float64")).mean() - np.exp(-(x @ x) / 2)) ** 2
                       for s in range(200)])
        for init in (I.OrthogonalFeatures, lambda seed: I.RandomNormal(0.0, 1.0, seed))
    }  # fmt: skip
    ours, plain = errors.values()
    assert ours < 0.5 * plain
