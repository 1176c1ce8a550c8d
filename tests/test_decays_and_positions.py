"""Decay rates, positions and named standard deviations of recent models: their formulas, bounds and moments.

Their known answers, and those of initializers that repeat what a model's code does, are compared with a second
implementation.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from computed_oracle import COMPOSED, OF_PLACE, RANDOM, expected

import oneseed
from oneseed.initializers import (
    RGLRU,
    AlibiSlopes,
    LogUniform,
    LRUPhase,
    LRURadius,
    Ramp,
    RotaryFrequencies,
    Sinusoidal,
    SmallInit,
    UniformLog,
    WangInit,
)

N = 100_000
ROWS = json.loads((Path(__file__).parent / "known_answers" / "computed.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['initializer']['class_name']}-{row['dtype']}")
def test_the_known_answers_are_those_of_the_second_implementation(row):
    made = expected(row)
    if "values" in row:  # the nearest float64, which oneseed's exp and log miss by a unit at times
        assert row["dtype"] == "float64"
        assert row["values"] == made.tolist()
    else:
        assert oneseed.fingerprint(made) == row["fingerprint"]


def test_every_class_has_known_answers():
    found = {(row["initializer"]["class_name"], row["dtype"]) for row in ROWS}
    # Random values of other families take part in these.
    own = {*COMPOSED, *OF_PLACE, *RANDOM} - {"RandomNormal", "RandomUniform"}
    assert found == {(name, dtype) for name in own for dtype in ("bfloat16", "float32", "float64")} | {
        ("Stored", "int32")
    }


# For each the inverse of its function, which is uniform between the two ends.
UNIFORM = {
    "log-uniform": (LogUniform(0.001, 0.1, seed=3), np.log, math.log(0.001), math.log(0.1)),
    "log of uniform": (UniformLog(1.0, 16.0, seed=3), np.exp, 1.0, 16.0),
    "radius of a ring": (LRURadius(0.4, 0.9, seed=3), lambda w: np.exp(-np.exp(w)) ** 2, 0.16, 0.81),
    "phase": (LRUPhase(6.28, seed=3), np.exp, 0.0, 6.28),
    "rg-lru": (RGLRU(0.9, 0.999, seed=3), lambda w: np.exp(-np.log1p(np.exp(w))) ** 2, 0.81, 0.998001),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_a_decay_is_its_function_of_a_uniform_value(name):
    initializer, inverse, low, high = UNIFORM[name]
    u = (inverse(initializer((N,), "float64")) - low) / (high - low)
    assert -1e-9 <= u.min() < 1e-4
    assert 1 - 1e-4 < u.max() <= 1 + 1e-9
    # Six standard errors of the moments of a uniform value.
    for power in (1, 2, 3, 4):
        error = 6 * math.sqrt((1 / (2 * power + 1) - 1 / (power + 1) ** 2) / N)
        assert abs(float((u**power).mean()) - 1 / (power + 1)) < error
    narrow = initializer((N,), "float32")
    assert np.array_equal(narrow, initializer((N,), "float64").astype("float32"))


@pytest.mark.parametrize("build", [LogUniform, UniformLog, LRURadius, RGLRU])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.9, 0.5), (-1.0, 0.5), (0.5, math.inf)])
def test_a_range_that_is_none_is_refused(build, low, high):
    with pytest.raises(ValueError, match=r"`(low|high)`"):
        build(low, high)


def test_rings_lie_within_the_unit_circle():
    for build, high in ((LRURadius, 1.01), (RGLRU, 1.0)):
        with pytest.raises(ValueError, match="`low` must be below `high`, which is at most"):
            build(0.5, high)


def test_named_standard_deviations():
    assert SmallInit().describe((640, 8), axes="i o").distribution.stddev == 0.025
    assert WangInit(24).describe((64, 8), axes="i o").distribution.stddev == pytest.approx(2 / 24 / 8)
    assert WangInit(24, width=16).describe((64, 8), axes="i o").distribution.stddev == pytest.approx(2 / 24 / 4)


def test_positions():
    positions, pairs = np.arange(50)[:, None], np.arange(8)
    table = Sinusoidal()((50, 16), "float64")
    angles = positions / 10000 ** (2 * pairs / 16)
    np.testing.assert_allclose(table[:, 0::2], np.sin(angles), atol=1e-13)
    np.testing.assert_allclose(table[:, 1::2], np.cos(angles), atol=1e-13)
    halves = Sinusoidal(halves=True)((50, 16), "float64")
    angles = positions * np.exp(-math.log(10000) / 7 * pairs)
    np.testing.assert_allclose(halves, np.concatenate([np.sin(angles), np.cos(angles)], 1), atol=1e-13)
    np.testing.assert_allclose(RotaryFrequencies(500000.0)((8,), "float64"), 500000.0 ** (-pairs / 8), rtol=1e-14)
    for shape in ((3,), (4, 5)):
        with pytest.raises(ValueError, match="`shape` must have"):
            Sinusoidal()(shape)


@pytest.mark.parametrize("heads", [1, 2, 8, 12, 16, 20])
def test_slopes_of_linear_biases(heads):
    """As the paper's code: a geometric sequence, and for other numbers every other one of twice as many."""

    def sequence(n):
        return [2 ** (-8 * (h + 1) / n) for h in range(n)]

    below = 2 ** math.floor(math.log2(heads))
    wanted = sequence(below) + sequence(2 * below)[0::2][: heads - below]
    np.testing.assert_allclose(AlibiSlopes()((heads,), "float64"), wanted, rtol=1e-14)


def test_ramps():
    assert Ramp(3, 6)((4,)).tolist() == [3, 4, 5, 6]
    assert Ramp(3, 6)((2, 1)).tolist() == [[3], [3]]
    wanted = [-5 + 8 * (i / 7) ** 1.35 for i in range(8)]
    np.testing.assert_allclose(Ramp(-5, 3, 1.35)((8,), "float64"), wanted, atol=1e-13)


def test_portable_functions_agree_with_numpys():
    from oneseed.exact import functions

    rng = np.random.default_rng(0)
    x = rng.normal(0, 5, 10_000)
    for name, values in (("exp", x), ("expm1", x / 10), ("log", np.exp(x)), ("log1p", np.abs(x)), ("tanh", x)):
        wanted = getattr(np, name)(values)
        assert np.abs((getattr(functions, name)(values) - wanted) / np.spacing(np.abs(wanted))).max() <= 4
    for name in ("sin", "cos"):
        assert np.abs(getattr(functions, name)(200 * x) - getattr(np, name)(200 * x)).max() < 4e-16
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 800.0, -800.0])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(functions.exp(special), np.exp(special))
        np.testing.assert_array_equal(functions.log(special), np.log(special))
    assert functions.power(np.array([2.0, 3.0]), np.float64(-2)).tolist() == [0.25, 1 / 9]
