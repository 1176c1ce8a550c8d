"""`oneseed parity`: its answers, and that it tells when they are not met."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import reference

import oneseed
from oneseed.cli import parity
from oneseed.distributions import Normal, TruncatedNormal, Uniform
from oneseed.initializers import known
from oneseed_numpy.adapter import NumpyBackend

SAMPLED = [
    case for case in parity.CASES if hasattr(parity.CASES[case][0], "seed") and parity.CASES[case][0].seed is not None
]


@pytest.mark.parametrize("dtype", parity.DTYPES)
@pytest.mark.parametrize("case", [case for case in SAMPLED if case not in parity.COMPUTED_HERE])
def test_the_answers_are_those_of_the_slow_reference(case, dtype):
    initializer, shape, axes = parity.CASES[case]
    made = parity.draw(case, dtype)
    assert oneseed.fingerprint(made) == parity.answer(case, dtype)
    law = initializer.describe(shape, dtype, axes).distribution
    for flat in range(0, made.size, made.size // 25):
        at = np.unravel_index(flat, shape)
        i = reference.logical_index(shape, axes, [int(k) for k in at])
        address = (initializer.seed, 0, i)
        if isinstance(law, Uniform):
            expected = reference.uniform(*address, law.low, law.high, dtype)
        elif isinstance(law, TruncatedNormal):
            expected = reference.truncated_normal(*address, law.mean, law.stddev, dtype)
        else:
            assert isinstance(law, Normal)
            expected = reference.normal(*address, law.mean, law.stddev, dtype)
        assert float(made[at]) == expected


def test_every_class_has_a_known_answer():
    classes = {type(initializer) for initializer, _, _ in parity.CASES.values()}
    for file in (Path(__file__).parent / "known_answers").glob("*.json"):
        rows = json.loads(file.read_text(encoding="utf-8"))
        classes |= {type(oneseed.initializers.get(row["initializer"])) for row in rows}
    without_a_draw_of_their_own = {oneseed.initializers.Assign, oneseed.initializers.FromFile}
    assert classes == {entry.cls for entry in known.ENTRIES.values()} - without_a_draw_of_their_own


@pytest.fixture
def run(run):
    return partial(run, "parity")


def test_numpy_agrees(run):
    status, out, _ = run("--backend", "numpy", "--json")
    facts = json.loads(out)
    assert (status, facts["agree"], len(facts["checks"])) == (0, True, 4 * len(parity.CASES))
    assert all(item["agrees"] and item["found"] == item["expected"] for item in facts["checks"])
    status, out, _ = run("--backend", "numpy")
    assert status == 0
    assert "64 of 64 draws agree, 0 differ." in out


def test_a_difference_is_shown_and_is_status_1(run, monkeypatch):
    wrong = {**parity.answers(), "ones": {**parity.answers()["ones"], "float32": "0" * 16}}
    monkeypatch.setattr(parity, "answers", lambda: wrong)
    status, out, _ = run("--backend", "numpy")
    assert status == 1
    assert "63 of 64 draws agree, 1 differ." in out
    assert json.loads(run("--backend", "numpy", "--json")[1])["agree"] is False


class Refusing(NumpyBackend):
    """A backend without some dtypes, and with a draw that may fail."""

    name = "refusing"
    without = ("float64",)
    fails = None

    def check_dtype(self, dtype):
        if dtype in self.without:
            raise ValueError("no such dtype today; pip install 'oneseed[fast]'")

    def draw(self, draw, device=None):
        if self.fails is not None and draw.dtype == "float16":
            raise self.fails
        return super().draw(draw, device)

    def prepared(self, draw):
        return None


@pytest.fixture
def refusing(run, monkeypatch):
    """Check one draw on a backend of four dtypes; return status, facts and what is printed."""
    monkeypatch.setattr(parity, "CASES", {"he_normal": parity.CASES["he_normal"]})

    def check(**attributes):
        oneseed.config.register_backend("refusing", type("Other", (Refusing,), attributes))
        status, out, _ = run("--backend", "refusing")
        again, facts, _ = run("--backend", "refusing", "--json")
        assert again == status
        return status, json.loads(facts), out.replace("\n", " ")

    return check


def test_a_dtype_that_is_refused_is_named_and_no_difference(refusing):
    status, facts, out = refusing()
    assert (status, facts["agree"]) == (0, True)
    assert "3 of 4 draws agree, 0 differ." in out
    assert "refused by refusing: no such dtype today; pip install 'oneseed[fast]'" in out


@pytest.mark.parametrize(
    "error", [ValueError("out of order"), TypeError("out of order"), RuntimeError("out of order")], ids=repr
)
def test_only_check_dtype_may_refuse(refusing, error):
    status, facts, out = refusing(fails=error)
    assert (status, facts["agree"]) == (1, False)
    assert "2 of 4 draws agree, 0 differ, 1 failed." in out
    assert f"failed on refusing, eager: {type(error).__name__}: out of order" in out
    (failed,) = [item for item in facts["checks"] if item["error"]]
    assert (failed["dtype"], failed["found"], failed["refusal"]) == ("float16", None, None)


def test_an_error_of_another_type_is_no_refusal_of_a_dtype(refusing):
    def check_dtype(self, dtype):
        raise TypeError("a mistake")

    status, facts, _ = refusing(check_dtype=check_dtype)
    assert status == 1
    assert all(item["refusal"] is None for item in facts["checks"])


def test_a_backend_of_which_nothing_agrees_fails_though_all_is_refused(refusing):
    status, facts, out = refusing(without=parity.DTYPES)
    assert (status, facts["agree"]) == (1, False)
    assert "0 of 4 draws agree, 0 differ." in out


def test_an_unknown_backend(run):
    status, _, err = run("--backend", "nunpy")
    assert (status, err.count("\n")) == (2, 1)
    assert "Did you mean 'numpy'?" in err
