"""The functions of torch.nn.init: the bits that they draw, and their distributions."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import reference
from frameworks import installed
from scipy import stats

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from tools.torch_calls import DRAWING, FLOATS, draw, equal

import oneseed
from oneseed.initializers import GlorotUniform, HeUniform, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from oneseed.initializers import VarianceScaling as Scaling
from oneseed_torch import init

# Bits: the draws of oneseed's initializers on NumPy

SAME = {
    "uniform_": (partial(init.uniform_, a=-1.0, b=2.0), RandomUniform(-1.0, 2.0, 7)),
    "normal_": (partial(init.normal_, mean=0.5, std=2.0), RandomNormal(0.5, 2.0, 7)),
    "trunc_normal_": (init.trunc_normal_, TruncatedNormal(0.0, 1.0, 7)),
    "trunc_normal_ narrow": (partial(init.trunc_normal_, std=0.02, a=-0.04, b=0.04), TruncatedNormal(0.0, 0.02, 7)),
    "xavier_uniform_": (init.xavier_uniform_, GlorotUniform(7)),
    "xavier_normal_": (init.xavier_normal_, Scaling(1.0, "fan_avg", "untruncated_normal", 7)),
    "xavier_normal_ gain": (partial(init.xavier_normal_, gain=3.0), Scaling(9.0, "fan_avg", "untruncated_normal", 7)),
    "kaiming_uniform_": (init.kaiming_uniform_, HeUniform(7)),
    "kaiming_uniform_ relu": (partial(init.kaiming_uniform_, nonlinearity="relu"), HeUniform(7)),
    "kaiming_uniform_ linear": (
        partial(init.kaiming_uniform_, nonlinearity="linear"),
        oneseed.initializers.LecunUniform(7),
    ),
    "kaiming_normal_": (
        partial(init.kaiming_normal_, mode="FAN_OUT"),
        Scaling(2.0, "fan_out", "untruncated_normal", 7),
    ),
    "orthogonal_": (partial(init.orthogonal_, gain=1.5), Orthogonal(1.5, 7)),
}
KERNELS = {
    (5, 3): (1, 0),
    (5, 3, 4): (2, 1, 0),
    (4, 3, 2, 3): (3, 2, 0, 1),
    (4, 3, 2, 1, 3): (4, 3, 0, 1, 2),
}
"""Shapes of weights, and how the kernel of the same layer in Keras is transposed to give each."""


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", SAME)
def test_weights_are_keras_kernels_transposed(case, dtype):
    function, initializer = SAME[case]
    for shape, turn in KERNELS.items():
        kernel_shape = tuple(shape[turn.index(axis)] for axis in range(len(shape)))
        tensor = torch.empty(shape, dtype=getattr(torch, dtype))
        made = function(tensor, seed=7, path=("encoder", 3))
        assert made is tensor
        kernel = initializer(kernel_shape, dtype, path=("encoder", 3), backend="numpy")
        equal(made, kernel.transpose(turn))


@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_"])
def test_vectors_and_scalars_are_numbered_as_they_lie(name):
    function, initializer = SAME[name]
    for shape in [(), (7,), (0,), (0, 3)]:
        equal(function(torch.empty(shape), seed=7), initializer(shape, "float32", backend="numpy"))


@pytest.mark.parametrize("name", DRAWING)
def test_axes_override_the_layout(name):
    """As a transposed convolution has it, whose weight holds the inputs first, or an embedding."""
    spatial, axes = ((), "i o") if name == "sparse_" else ((3,), "i o k")
    weight = draw(name, torch.empty(6, 4, *spatial), seed=7, axes=axes)
    expected = draw(name, torch.empty(4, 6, *spatial), seed=7)
    assert torch.equal(weight, expected.transpose(0, 1))


# Bits: the reference, from the definition


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_bits_of_the_reference(dtype):
    shape, path, seed = (2, 2, 2), ("w", 1), 2**64 - 5
    stream = reference.stream_of(path)
    # Both fans are 4, so that every variance, and its triple, is exact: each scale has one root, however it is written.
    elements = {
        "uniform_": ({"a": -1.0, "b": 2.0}, partial(reference.uniform, low=-1.0, high=2.0)),
        "normal_": ({"mean": 0.25, "std": 0.5}, partial(reference.normal, mean=0.25, stddev=0.5)),
        "trunc_normal_": (
            {"mean": 0.25, "std": 0.5, "a": -0.5, "b": 2.0},
            partial(reference.truncated_normal, mean=0.25, stddev=0.5, lower=-1.5, upper=3.5),
        ),
        "xavier_uniform_": ({}, partial(reference.uniform, low=-math.sqrt(0.75), high=math.sqrt(0.75))),
        "xavier_normal_": ({"gain": 3.0}, partial(reference.normal, mean=0.0, stddev=1.5)),
        "kaiming_uniform_": ({}, partial(reference.uniform, low=-math.sqrt(1.5), high=math.sqrt(1.5))),
        "kaiming_normal_": ({"a": 1.0}, partial(reference.normal, mean=0.0, stddev=0.5)),
    }
    for name, (arguments, element) in elements.items():
        made = getattr(init, name)(torch.empty(shape, dtype=getattr(torch, dtype)), **arguments, seed=seed, path=path)
        for at in itertools.product(*map(range, shape)):
            index = reference.logical_index(shape, "o i s", at)
            assert float(made[at]) == element(seed, stream, index, dtype=dtype), (name, at)


@pytest.mark.parametrize("axes", [None, "i o"])
@pytest.mark.parametrize("shape", [(5, 7), (7, 3), (1, 4), (4, 1), (0, 3), (3, 0)])
def test_sparse_matrices_from_the_definition(shape, axes):
    outputs, inputs = shape
    made = init.sparse_(torch.empty(shape if axes is None else shape[::-1]), 0.3, 0.5, seed=9, path="w", axes=axes)
    matrix = made if axes is None else made.T
    zeros = math.ceil(0.3 * outputs)
    values, mask = (reference.stream_of(path) for path in (("w",), ("w", "mask")))
    for i in range(inputs):
        indices = [i * outputs + o for o in range(outputs)]
        ranked = sorted(range(outputs), key=lambda o, at=indices: (reference.word64(9, mask, at[o]), at[o]))
        for o in range(outputs):
            value = reference.normal(9, values, indices[o], 0.0, 0.5, "float32")
            assert float(matrix[o, i]) == (0.0 if o in ranked[:zeros] else value)


# Distributions, against theory: fixed seeds; a right program would fail a test for one seed in a million


def kolmogorov(made, distribution):
    """The p-value of the values of a tensor under a distribution of SciPy."""
    return stats.kstest(made.double().flatten().numpy(), distribution.cdf).pvalue


@pytest.mark.parametrize(
    ("function", "distribution"),
    [
        (partial(init.uniform_, a=-1.0, b=2.0), stats.uniform(-1, 3)),
        (partial(init.normal_, mean=-3.0, std=0.5), stats.norm(-3, 0.5)),
        (init.trunc_normal_, stats.truncnorm(-2, 2)),
        (partial(init.trunc_normal_, mean=1.0, std=2.0, a=-1.0, b=1.5), stats.truncnorm(-1, 0.25, 1, 2)),
        (partial(init.trunc_normal_, mean=1.0, std=0.5, a=-math.inf, b=0.5), stats.truncnorm(-np.inf, -1, 1, 0.5)),
        (partial(init.trunc_normal_, std=0.02), stats.norm(0, 0.02)),
        (partial(init.xavier_uniform_, gain=2.0), stats.uniform(-2 * 0.1, 4 * 0.1)),
        (init.xavier_normal_, stats.norm(0, math.sqrt(2 / 600))),
        (init.kaiming_uniform_, stats.uniform(-math.sqrt(6 / 400), 2 * math.sqrt(6 / 400))),
        (partial(init.kaiming_uniform_, a=math.sqrt(5)), stats.uniform(-0.05, 0.1)),
        (partial(init.kaiming_normal_, mode="fan_out", nonlinearity="tanh"), stats.norm(0, 5 / 3 / math.sqrt(200))),
        (partial(init.kaiming_normal_, nonlinearity="selu"), stats.norm(0, 0.75 / 20)),
    ],
)
def test_the_distribution_is_the_one_it_says(function, distribution):
    made = function(torch.empty(200, 400), seed=11)
    assert kolmogorov(made, distribution) > 1e-6
    low, high = distribution.support()
    assert made.min() >= np.float32(low)
    assert made.max() <= np.float32(high)


def test_fans_by_the_layout():
    """A grouped or transposed convolution has other fans, by its axes."""
    weight = torch.empty(64, 32, 3, 3)
    spread = init.kaiming_normal_(weight, seed=5, axes="i o h w").std().item()
    assert spread == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)
    spread = init.kaiming_normal_(weight, seed=5).std().item()
    assert spread == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.05)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (8, 2, 3, 3), (30, 2, 3)])
def test_orthogonal_rows_are_the_outputs(shape, dtype):
    made = init.orthogonal_(torch.empty(shape, dtype=getattr(torch, dtype)), gain=1.5, seed=3)
    matrix = made.double().flatten(1)
    product = matrix @ matrix.T if shape[0] <= matrix.shape[1] else matrix.T @ matrix
    error = (product - 2.25 * torch.eye(len(product), dtype=torch.float64)).abs().max()
    assert error < 20 * torch.finfo(made.dtype).eps


@pytest.mark.parametrize("dtype", FLOATS)
def test_truncation_bounds_are_values(dtype):
    """No value leaves [a, b], rounded to the dtype, whatever the mean and the standard deviation."""
    kind = getattr(torch, dtype)
    for mean, std, a, b in [
        (0.1, 1 / 3, -0.7, 0.3),
        (5.0, 2.0, 4.9, 5.2),
        (-1e-3, 0.1, -0.1, 1e-9),
        (3.0, 0.7, 0.1, 3.3),
    ]:
        made = init.trunc_normal_(torch.empty(20000, dtype=kind), mean, std, a, b, seed=1)
        low, high = (torch.tensor(bound, dtype=kind).item() for bound in (a, b))
        assert low <= made.min().item() < low + (b - a) / 4
        assert high >= made.max().item() > high - (b - a) / 4


def test_bounds_that_no_sample_reaches_cut_nothing():
    plain = init.trunc_normal_(torch.empty(1000), a=-math.inf, b=math.inf, seed=2)
    for a, b in [(-100.0, 100.0), (-1e300, 1e300), (-6.4, 6.4)]:
        assert torch.equal(init.trunc_normal_(torch.empty(1000), a=a, b=b, seed=2), plain)
    half = init.trunc_normal_(torch.empty(1000, dtype=torch.float16), std=1e4, a=-1e6, b=1e6, seed=2)
    assert half.isfinite().all()
    # Within one step of the random integer of what is not truncated.
    assert torch.allclose(plain, init.normal_(torch.empty(1000), seed=2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.35, 1.0])
def test_sparse_columns(sparsity):
    made = init.sparse_(torch.empty(40, 500), sparsity, 2.0, seed=3)
    assert (made == 0).sum(0).tolist() == [math.ceil(sparsity * 40)] * 500
    if 0 < sparsity < 1:
        counts = (made == 0).sum(1).numpy()  # each row is as likely as any other
        assert stats.chisquare(counts).pvalue > 1e-6
        assert kolmogorov(made[made != 0], stats.norm(0, 2)) > 1e-6
