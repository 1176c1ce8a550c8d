"""Random arguments for every public function; ``python tests/fuzz/run.py`` makes as many calls as one likes."""

import sys
from pathlib import Path

import pytest
from frameworks import ALL

import oneseed

sys.path.append(str(Path(__file__).parent / "fuzz"))

CALLS = {"numpy": 20_000}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.filterwarnings("ignore")
def test_no_call_ends_in_anything_but_a_value_or_a_clear_error(backend):
    from run import run

    before = oneseed.config.backend(), oneseed.floatx(), oneseed.config.rng()
    found, counts = run(CALLS.get(backend, 2000), seed=1, backend=backend)
    assert not found, "\n".join(found)
    assert (oneseed.config.backend(), oneseed.floatx(), oneseed.config.rng()) == before
    calls = CALLS.get(backend, 2000)
    # It reaches far: most calls return, many are refused, and many draws are compared.
    assert counts["returned"] > calls
    assert counts["refused"] > calls / 4
    assert counts["compared"] > calls / 15


def test_the_fuzzer_notices(monkeypatch):
    from run import run

    monkeypatch.setattr("oneseed.initializers.elementwise.by_shape._symmetric", lambda *given: 1 / 0)
    assert any("ZeroDivisionError" in each for each in run(400, 1, "numpy")[0])
    monkeypatch.undo()
    draw = type(oneseed.registry.load("numpy")).draw
    monkeypatch.setattr(type(oneseed.registry.load("numpy")), "draw", lambda self, *call: draw(self, *call) * 2)
    assert any("other bits" in each for each in run(400, 1, "numpy")[0])
