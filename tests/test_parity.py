"""`oneseed parity`: its answers, and that it tells when they are not met."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import orthogonal_oracle
import pytest
import reference

import oneseed
from oneseed import settings
from oneseed.cli import parity, parity_cases, parity_table
from oneseed.cli.processes import EndedError
from oneseed.distributions import Complex, Integers, Normal, TruncatedNormal, Uniform
from oneseed.initializers import known
from oneseed_numpy.adapter import NumpyBackend

SAMPLED = [
    pytest.param(name, dtype, id=f"{name}-{dtype}")
    for name, case in parity_cases.CASES.items()
    for dtype in case.dtypes
    if getattr(case.initializer, "seed", None) is not None and name != "orthogonal"
]


def element(distribution, address, dtype):
    """Return an element by the slow reference."""
    if isinstance(distribution, Uniform):
        return reference.uniform(*address, distribution.low, distribution.high, dtype)
    if isinstance(distribution, TruncatedNormal):
        return reference.truncated_normal(*address, distribution.mean, distribution.stddev, dtype)
    if isinstance(distribution, Integers):
        return reference.integers(*address, distribution.low, distribution.high)
    assert isinstance(distribution, Normal)
    return reference.normal(*address, distribution.mean, distribution.stddev, dtype)


@pytest.mark.parametrize("name, dtype", SAMPLED)
def test_the_answers_are_those_of_the_slow_reference(name, dtype):
    case = parity_cases.CASES[name]
    made = case.draw(dtype)
    assert case.digest(made) == parity_cases.answer(name, dtype)
    distribution = case.initializer.describe(case.shape, dtype, case.axes, **case.call).distribution
    path = (case.call["path"],) if "path" in case.call else ()
    offset = case.call.get("partition_offset", (0,) * made.ndim)
    for flat in range(0, made.size, -(-made.size // 25)):
        at = np.unravel_index(flat, made.shape)
        place = [int(k) + start for k, start in zip(at, offset, strict=True)]
        i = reference.logical_index(case.shape, case.axes, place)
        address = case.initializer.seed, reference.stream_of(path), i
        if isinstance(distribution, Complex):
            part = "float32" if dtype == "complex64" else "float64"
            imaginary = address[0], reference.stream_of((*path, "imag")), i
            assert made[at] == complex(
                element(distribution.real, address, part), element(distribution.imag, imaginary, part)
            )
        else:
            assert float(made[at]) == element(distribution, address, dtype)


@pytest.mark.parametrize("dtype", parity_cases.CASES["orthogonal"].dtypes)
def test_the_answer_of_a_matrix_is_that_of_the_slow_reference(dtype):
    case = parity_cases.CASES["orthogonal"]
    q = orthogonal_oracle.orthogonal(case.initializer.seed, (), *case.shape, case.initializer.gain)
    narrow = dtype if dtype == "float64" else "float32"
    values = [reference.rounded(reference.rounded(x, narrow), dtype) for row in q for x in row]
    made = case.draw(dtype)
    assert reference.patterns(made) == [reference.bits(value, dtype) for value in values]
    assert case.digest(made) == parity_cases.answer("orthogonal", dtype)


def test_every_class_has_a_known_answer():
    classes = {type(case.initializer) for case in parity_cases.CASES.values()}
    for file in (Path(__file__).parent / "known_answers").glob("*.json"):
        rows = json.loads(file.read_text(encoding="utf-8"))
        classes |= {type(oneseed.initializers.get(row["initializer"])) for row in rows}
    without_a_draw_of_their_own = {oneseed.initializers.Assign, oneseed.initializers.FromFile}
    assert classes == {entry.cls for entry in known.entries().values()} - without_a_draw_of_their_own


@pytest.fixture
def run(run):
    return partial(run, "parity")


DRAWS = sum(len(case.dtypes) for case in parity_cases.CASES.values())


def test_numpy_agrees(run):
    status, out, err = run("--backend", "numpy", "--backend", "numpy", "--json")
    facts = json.loads(out)
    assert (status, err, facts["agree"], len(facts["checks"])) == (0, "", True, DRAWS)
    assert all(item["agrees"] and item["found"] == item["expected"] for item in facts["checks"])
    status, out, _ = run("--backend", "numpy")
    assert status == 0
    assert f"{DRAWS} of {DRAWS} draws agree, 0 differ." in out
    assert "All is compared with answers that come with the package." in out


def test_the_answer_of_another_layout_is_the_same():
    assert parity_cases.answers()["layout"].items() <= parity_cases.answers()["he_normal"].items()


def test_a_difference_is_shown_and_is_status_1(run, monkeypatch):
    wrong = {**parity_cases.answers(), "ones": {**parity_cases.answers()["ones"], "float32": "0" * 16}}
    monkeypatch.setattr(parity_cases, "answers", lambda: wrong)
    oneseed.config.register_backend("local", "oneseed_numpy:backend")  # of this process, as the answers are
    status, out, _ = run("--backend", "local")
    assert status == 1
    assert f"{DRAWS - 1} of {DRAWS} draws agree, 1 differ." in out
    assert json.loads(run("--backend", "local", "--json")[1])["agree"] is False


LAST_WORDS = "import os, sys; print('two libraries clash', file=sys.stderr, flush=True); os.abort()"


def test_a_framework_that_ends_the_process_does_not_end_the_command(run, tmp_path, monkeypatch):
    (tmp_path / "oneseed_numpy.py").write_text(LAST_WORDS)
    monkeypatch.syspath_prepend(tmp_path)
    status, out, err = run("--backend", "numpy")
    assert (status, out) == (2, "")
    assert err == "oneseed: The process ended with SIGABRT: two libraries clash\n"


def test_draws_that_a_process_does_not_come_to_have_failed():
    def told():
        facts = parity.told("numpy")
        yield next(facts)
        yield next(facts)
        raise EndedError("The process ended with SIGABRT: two libraries clash")

    ticks = []
    checks = parity.follow("numpy", told(), lambda *tick: ticks.append(tick))
    assert len(checks) == DRAWS
    assert [item.error for item in checks[:2]] == [None, "The process ended with SIGABRT: two libraries clash"]
    assert not parity.all_agree(checks)
    assert ticks == [("numpy", 0, 0), ("numpy", 0, DRAWS), ("numpy", 1, DRAWS)]


def test_a_backend_that_cannot_be_loaded(run):
    oneseed.config.register_backend("broken", lambda: 1 / 0)
    assert run("--backend", "broken") == (2, "", "oneseed: broken: ZeroDivisionError('division by zero')\n")


def test_progress_in_a_log(capsys, monkeypatch):
    monkeypatch.setattr(parity_table, "EVERY", -1.0)
    with parity_table.Watch(["jax", "torch"]) as watch:
        watch("jax", 0, 0)
        watch("torch", 0, 0)
        watch("jax", 30, 30)
        watch("torch", 5, 10)
    assert capsys.readouterr().err.splitlines() == [
        "oneseed: loading jax: 0%",
        "oneseed: loading jax, torch: 0%",
        "oneseed: checking torch: 50%",
        "oneseed: checking torch: 75%",
    ]


class Refusing(NumpyBackend):
    """A backend without some dtypes, and with a draw that may fail."""

    name = "refusing"
    without = ("float64",)
    fails = None

    def check_dtype(self, dtype):
        if dtype in self.without:
            raise ValueError("no such dtype today; pip install fast")

    def draw(self, draw, device=None):
        if self.fails is not None and draw.dtype == "float16":
            raise self.fails
        return super().draw(draw, device)

    def prepared(self, draw):
        return None


@pytest.fixture
def refusing(run, monkeypatch):
    """Check one draw on a backend of four dtypes; return status, facts and what is printed."""
    monkeypatch.setattr(parity_cases, "CASES", {"he_normal": parity_cases.CASES["he_normal"]})

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
    assert "refused by refusing: no such dtype today; pip install fast" in out


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
    status, facts, out = refusing(without=settings.FLOATX)
    assert (status, facts["agree"]) == (1, False)
    assert "0 of 4 draws agree, 0 differ." in out


def test_an_unknown_backend(run):
    status, _, err = run("--backend", "nunpy")
    assert (status, err.count("\n")) == (2, 1)
    assert "Did you mean 'numpy'?" in err
