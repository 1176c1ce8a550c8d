"""State spaces: matrices and step sizes, against the papers' formulas."""

import math

import numpy as np
import parts
import pytest
from frameworks import installed

from oneseed import initializers as I

needs_jax = pytest.mark.skipif(not installed("jax"), reason="jax is not installed")


@pytest.mark.parametrize("measure", ["legs", "legt", "fout"])
@pytest.mark.parametrize("size", [2, 8])
def test_hippo_in_60_digits(measure, size):
    made = I.HiPPO(measure)((size, size), "float64")
    exact = [[float(parts.hippo(measure, "A", (n, k))) for k in range(size)] for n in range(size)]
    np.testing.assert_allclose(made, exact, rtol=3e-16, atol=0)
    vector = I.HiPPO(measure, "B")((3, size), "float64")
    np.testing.assert_array_equal(vector, [[float(parts.hippo(measure, "B", (n,))) for n in range(size)]] * 3)


def test_hippo_remembers():
    """LegS: the state is the Legendre expansion of the input so far; of the constant 1 that is the first polynomial."""
    a, b = (I.HiPPO("legs", part)((6, 6) if part == "A" else (6,), "float64") for part in "AB")
    np.testing.assert_allclose(a @ np.eye(6)[0] + b, 0, atol=1e-12)  # x' = (A x + B u) / t = 0 at x = (1, 0, ...)
    assert sorted(np.linalg.eigvals(a)) == pytest.approx([-6, -5, -4, -3, -2, -1], abs=1e-6)
    for measure, times in (("legs", 1), ("fout", 2)):
        # The symmetric part is of rank one, with B: energy is lost at the end of the window only.
        a, b = I.HiPPO(measure)((6, 6), "float64"), I.HiPPO(measure, "B")((6,), "float64")
        lost = -np.outer(b, b) * times - (np.eye(6) if measure == "legs" else 0)
        np.testing.assert_allclose(a + a.T, lost, atol=1e-12)


def test_s4d_legs_are_the_eigenvalues_of_hippos_normal_part():
    a, b = I.HiPPO("legs")((16, 16), "float64"), I.HiPPO("legs", "B")((16,), "float64")
    values = np.linalg.eigvals(a + np.outer(b, b) / 2)
    values = sorted(values[values.imag > 0], key=lambda value: value.imag)
    np.testing.assert_allclose(I.S4D("legs")((8,), "complex128"), values, rtol=1e-9)
    inverse = I.S4D("inv", "imag")((64,), "float64")[::-1]
    # They grow like those of "inv"; the paper's figure shows the largest within a third.
    np.testing.assert_allclose(I.S4D("legs", "imag")((64,), "float64")[-8:], inverse[-8:], rtol=1 / 3)


def test_inputs_of_s4d():
    n = np.arange(8)
    for kind, exact in (
        ("constant", np.ones(8)),
        ("alternating", (-1.0) ** n),
        ("unit_ccw", np.exp(2j * np.pi * n / 16)),
        ("unit_cw", np.exp(-2j * np.pi * n / 16)),
    ):
        made = I.S4DB(kind, scale=2.0)((3, 8), "complex128")
        np.testing.assert_allclose(made, [2 * exact] * 3, atol=1e-15)
        for part in ("real", "imag"):
            alone = I.S4DB(kind, part, 2.0)((8,), "float32", partition_shape=(3,), partition_offset=(4,))
            np.testing.assert_array_equal(alone, getattr(made[0], part)[4:7].astype("float32"))
            assert not np.signbit(alone[alone == 0]).any()


def test_s4d_real_is_mambas():
    real = I.S4D("real", "real")((2, 16), "float64")
    np.testing.assert_allclose(-np.exp(I.MambaA()((2, 16), "float64")), real, rtol=1e-14)


def test_step_sizes_are_log_uniform():
    from scipy.stats import kstest

    bias = I.MambaDtBias(0.001, 0.1, seed=7)((20000,), "float64")
    dt = np.log1p(np.exp(bias))
    assert dt.min() > 0.001 * (1 - 1e-12)
    assert dt.max() < 0.1
    # At a fixed seed; for another one this would fail once in a hundred.
    assert kstest(np.log(dt / 0.001) / math.log(100), "uniform").pvalue > 0.01
    floored = np.log1p(np.exp(I.MambaDtBias(1e-6, 1e-2, seed=7)((2000,), "float64")))
    assert floored.min() == pytest.approx(1e-4, rel=1e-9)
    assert np.isclose(floored, 1e-4, rtol=1e-9).mean() == pytest.approx(0.5, abs=0.05)
    for dtype in ("float32", "float16", "bfloat16"):
        wide = I.MambaDtBias(seed=7)((500,), "float64").astype("float32")
        np.testing.assert_array_equal(I.MambaDtBias(seed=7)((500,), dtype), wide.astype(I.Zeros()((), dtype).dtype))


@needs_jax
def test_step_sizes_from_a_key_of_jax():
    import jax

    def make(key):
        return I.MambaDtBias(seed=key)((5,), backend="jax")

    key = jax.random.key(3)
    np.testing.assert_array_equal(jax.jit(make)(key), make(key))


@pytest.mark.parametrize(
    "init",
    [
        I.UnitForgetBias(2.0, "igfo", 0),
        I.FusedRNN("lstm", 2, 3, True, 2, i2h_bias_initializer=I.UnitForgetBias()),
        I.HiPPO("fout", "B"),
        I.S4D("inv", "imag"),
        I.S4DB("unit_cw", "real", 0.5),
        I.MambaA(),
        I.MambaDtBias(0.01, 0.2, 0.001, seed=3),
    ],
    ids=lambda init: type(init).__name__,
)
def test_data_and_back(init):
    again = I.deserialize(I.serialize(init))
    assert type(again) is type(init)
    assert again.get_config() == init.get_config() == init.clone().get_config()
    assert repr(again) == repr(init)
