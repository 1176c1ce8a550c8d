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
    public = {getattr(oneseed.initializers, name) for name in oneseed.initializers.__all__}
    without_a_draw_of_their_own = {
        getattr(oneseed.initializers, name) for name in ("Initializer", "Assign", "FromFile")
    }
    assert classes == {item for item in public if isinstance(item, type)} - without_a_draw_of_their_own


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


def test_a_refusal_is_named_and_no_difference(run, monkeypatch):
    from oneseed_numpy.adapter import NumpyBackend

    draw = NumpyBackend.draw

    def refusing(self, request, device=None):
        if request.dtype == "float64":
            raise ValueError("no float64 today; pip install 'oneseed[fast]'")
        return draw(self, request, device)

    monkeypatch.setattr(NumpyBackend, "draw", refusing)
    monkeypatch.setattr(parity, "CASES", {"he_normal": parity.CASES["he_normal"]})
    status, out, _ = run("--backend", "numpy")
    assert status == 0
    assert "3 of 4 draws agree, 0 differ." in out
    assert "refused by numpy: no float64 today; pip install 'oneseed[fast]'" in out.replace("\n", " ")


def test_an_unknown_backend(run):
    status, _, err = run("--backend", "nunpy")
    assert (status, err.count("\n")) == (2, 1)
    assert "Did you mean 'numpy'?" in err
