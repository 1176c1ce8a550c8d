"""Rules of depth and width: against the papers' formulas."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from frameworks import installed

from oneseed import initializers as I
from oneseed import rules

needs_torch = pytest.mark.skipif(not installed("torch"), reason="torch is not installed")


def root(value, n):
    """Return the n-th root of a rational number, to the nearest float."""
    with mpmath.workdps(50):
        return float(mpmath.root(mpmath.mpf(value.numerator) / value.denominator, n))


@pytest.mark.parametrize("layers", [1, 6, 24, 100, 1000])
def test_rules_of_one_stack(layers):
    n = Fraction(layers)
    for made in (rules.deepnorm(layers).encoder, rules.deepnorm(decoder_layers=layers).decoder):
        assert made == pytest.approx((root(2 * n, 4), root(1 / (8 * n), 4)), rel=1e-14)
    assert rules.deepnorm(layers).decoder is rules.deepnorm(decoder_layers=layers).encoder is None
    for made in (rules.subln(layers).encoder, rules.subln(decoder_layers=layers).decoder):
        with mpmath.workdps(50):
            assert made == pytest.approx((1.0, float(mpmath.sqrt(mpmath.log(2 * layers)))), rel=1e-14)
    encoder, decoder, embedding = rules.tfixup(layers)
    assert (encoder, decoder, embedding) == (pytest.approx(root(Fraction(67**4, 100**4) / n, 4), rel=1e-14), None, None)
    assert rules.tfixup(decoder_layers=layers) == (None, *[pytest.approx(root(1 / (9 * n), 4), rel=1e-14)] * 2)
    assert rules.scaled_normal(layers).stddev == pytest.approx(root(Fraction(1, 2500) / (2 * n), 2), rel=1e-14)
    made = rules.scaled_normal(layers, 0.006, 3, width_mult=4)
    assert made.stddev == pytest.approx(root(Fraction(36, 10**6) / (12 * n), 2), rel=1e-14)
    made = rules.depth_scaled_normal(layers, 0.02)
    assert made.stddev == pytest.approx(root(Fraction(1, 2500) / (2 * (n + 1)), 2), rel=1e-14)


@pytest.mark.parametrize(("n", "m"), [(6, 6), (18, 3), (100, 100)])
def test_rules_of_two_stacks(n, m):
    both = root(Fraction(n**4 * m), 16)
    encoder, decoder = rules.deepnorm(n, m)
    assert encoder == pytest.approx((0.81 * both, 0.87 / both), rel=1e-14)
    assert decoder == pytest.approx((root(Fraction(3 * m), 4), root(Fraction(1, 12 * m), 4)), rel=1e-14)
    with mpmath.workdps(50):
        in_encoder = mpmath.sqrt(mpmath.log(3 * m) * mpmath.log(2 * n) / 3)
        assert rules.subln(n, m).encoder.beta == pytest.approx(float(in_encoder), rel=1e-14)
        assert rules.subln(n, m).decoder.beta == pytest.approx(float(mpmath.sqrt(mpmath.log(3 * m))), rel=1e-14)
    assert rules.tfixup(n, m).embedding == rules.tfixup(n, m).decoder


def test_deepnorm_bounds_the_update_as_its_theorem_says():
    # The expected model update is of order sum of (v**2 + w**2) / alpha**2 over the 2N branches: constant in N.
    for n in (1, 10, 1000):
        alpha, beta = rules.deepnorm(n).encoder
        assert 2 * n * 2 * beta**2 / alpha**2 == pytest.approx(1.0)


@pytest.mark.parametrize(("blocks", "layers", "power"), [(27, 2, 2), (16, 3, 4), (5, 4, 6)])
def test_fixup(blocks, layers, power):
    shape, fan = (3, 3, 16, 32), 9 * 32
    distribution = rules.fixup(blocks, layers, seed=1).describe(shape).distribution
    assert distribution.name == "normal"
    assert distribution.stddev == pytest.approx(root(Fraction(2, fan), 2) * root(Fraction(1, blocks), power), rel=1e-14)
    distribution = rules.fixup(blocks, layers, mode="fan_in").describe(shape).distribution
    assert distribution.stddev == pytest.approx(
        root(Fraction(2, 9 * 16), 2) * root(Fraction(1, blocks), power), rel=1e-14
    )


def test_rules_of_width():
    assert rules.mup_normal(16, 0.02).stddev == pytest.approx(0.005)
    for finite in (0, 1):
        assert rules.mup_normal(16, 0.02, infinite_dims=finite).stddev == 0.02
    cut = rules.mitchell(seed=1).describe((64, 256)).distribution
    assert (cut.stddev, cut.lower, cut.upper) == (pytest.approx(1 / 8), -3, 3)
    cut = rules.mitchell(layer=7).describe((64, 256)).distribution
    assert (cut.stddev, cut.lower, cut.upper) == (pytest.approx(1 / 32), -3, 3)
    distribution = rules.xavier(0.5).describe((30, 20)).distribution
    assert (distribution.name, distribution.stddev) == ("normal", pytest.approx(0.1))


@needs_torch
def test_mambas_projections_are_pytorchs_default_rescaled():
    import torch

    torch.manual_seed(1)
    weight = torch.nn.Linear(64, 512).weight / math.sqrt(2 * 8)
    limit = rules.mamba_output(8, residuals=2).describe((512, 64), axes="o i").distribution.limit
    assert 0.999 * limit < weight.abs().max().item() <= limit * (1 + 1e-6)
    made = rules.mamba_dt_weight(16, 2.0)
    assert (made.minval, made.maxval) == (-0.5, 0.5)


def test_the_seed_of_a_rule():
    for make in (rules.xavier, rules.mitchell):
        assert make(seed=3).seed == 3
    for make in (rules.scaled_normal, rules.fixup, rules.mup_normal, rules.mamba_output, rules.mamba_dt_weight):
        np.testing.assert_array_equal(make(4, seed=3)((4, 4)), make(4, seed=3)((4, 4)))
        assert make(4, seed=3).clone().get_config() == make(4, seed=3).get_config()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (rules.deepnorm, ValueError, "must be above 0"),
        (lambda: rules.subln(-1), ValueError, "`encoder_layers` must lie in"),
        (lambda: rules.tfixup(1.5), TypeError, "`encoder_layers` must be an integer"),
        (lambda: rules.fixup(4, 1), ValueError, r"`layers_per_block` must lie in \[2"),
        (lambda: rules.fixup(4, mode="fan"), ValueError, "`mode` must be one of"),
        (lambda: rules.scaled_normal(0), ValueError, "`num_layers` must lie in"),
        (lambda: rules.scaled_normal(2, multiplier=0), ValueError, "`multiplier` must be above 0"),
        (lambda: rules.scaled_normal(2, stddev=-1), ValueError, "`stddev` must be 0 or more"),
        (lambda: rules.depth_scaled_normal(-1), ValueError, "`layer` must lie in"),
        (lambda: rules.mitchell(True), TypeError, "`layer` must be an integer"),
        (lambda: rules.mup_normal(0), ValueError, "`width_mult` must be above 0"),
        (lambda: rules.mup_normal(2, infinite_dims=3), ValueError, "`infinite_dims` must lie in"),
        (lambda: rules.mamba_output(0), ValueError, "`num_layers` must lie in"),
        (lambda: rules.mamba_dt_weight(4, scale=-1), ValueError, "`scale` must be above 0"),
        (lambda: rules.xavier("1"), TypeError, "`gain` must be a real number"),
        (lambda: I.UnitForgetBias(gates="ifcc"), ValueError, "`gates` must hold i, f, o"),
        (lambda: I.UnitForgetBias(gates=4), TypeError, "`gates` must be a str"),
        (lambda: I.UnitForgetBias()((6,)), ValueError, "`shape` must have a multiple of 4"),
        (lambda: I.UnitForgetBias(1e10)((4,), "int8"), ValueError, "the range of int8"),
        (lambda: I.FusedRNN("lsmt", 1, 1), ValueError, "Did you mean 'lstm'"),
        (lambda: I.FusedRNN("gru", 1, 1, projection_size=1), ValueError, "only an LSTM is projected"),
        (lambda: I.FusedRNN("gru", 1, 1, 1), TypeError, "`bidirectional` must be True or False"),
        (lambda: I.FusedRNN("gru", 0, 1), ValueError, "`num_layers` must lie in"),
        (lambda: I.FusedRNN("gru", 1, 1)((10,)), ValueError, "a vector with 9 elements and 3 more for each input"),
        (lambda: I.FusedRNN("gru", 1, 1)((9,)), ValueError, "a vector with 9 elements"),
        (lambda: I.FusedRNN("gru", 1, 1)((3, 4)), ValueError, "must be that of a vector"),
        (lambda: I.FusedRNN("gru", 1, 1)((12,), axes="o"), ValueError, "`axes` must be None"),
        (lambda: I.HiPPO("legz"), ValueError, "`measure` must be one of"),
        (lambda: I.HiPPO(part="C"), ValueError, "`part` must be one of"),
        (lambda: I.HiPPO()((3, 4)), ValueError, "equal sizes of a square matrix"),
        (lambda: I.HiPPO("fout", "B")((3,)), ValueError, "an even one"),
        (lambda: I.HiPPO(part="B")(()), ValueError, "size of the state"),
        (lambda: I.HiPPO()((3, 3), "int8"), ValueError, "must be a float dtype"),
        (lambda: I.S4D()((4,), "float32"), ValueError, "must be 'complex64' or 'complex128'"),
        (lambda: I.S4D(part="real")((4,), "complex64"), ValueError, "must be a float dtype"),
        (lambda: I.S4D("inv", "imag")((1000,), "float16"), ValueError, "beyond the largest float16"),
        (lambda: I.S4D()((), "complex64"), ValueError, "number of pairs"),
        (lambda: I.MambaA()(()), ValueError, "size of the state"),
        (lambda: I.MambaDtBias(0.0), ValueError, "must be above 0, in this order"),
        (lambda: I.MambaDtBias(0.2, 0.1), ValueError, "must be above 0, in this order"),
        (lambda: I.MambaDtBias(dt_init_floor=0), ValueError, "`dt_init_floor` must be above 0"),
        (lambda: I.MambaDtBias()((3,), "int8"), ValueError, "must be a float dtype"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)
