"""Python's garbage collector, which is paused while a model is recorded, planned and filled."""

import gc
from contextlib import suppress

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch

import oneseed
from oneseed.models.collector import CollectorPaused
from oneseed_torch import default_scheme, initialize_, recorded_scheme
from oneseed_torch.models.recording.log import Log

SCHEME = oneseed.Scheme([oneseed.Rule("*", "he_normal")])


@pytest.fixture(params=[True, False], ids=["on", "off"])
def collects(request):
    """Run a test with the collector on and off."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_it_is_as_before_afterwards(collects):
    with CollectorPaused():
        assert not gc.isenabled()
        with CollectorPaused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() is collects


@pytest.mark.parametrize(
    "call",
    [
        lambda module: initialize_(module, SCHEME, seed=7),
        default_scheme,
        lambda module: initialize_(module, oneseed.Scheme([]), seed=7),
        lambda module: initialize_(None, SCHEME, seed=7),
        lambda module: default_scheme(None),
        lambda module: recorded_scheme(lambda: torch.nn.Linear(2, 3)),
        lambda module: recorded_scheme(lambda: torch.nn.Linear(2, -3)),
    ],
    ids=["filled", "scheme", "no rule", "no module", "no module for a scheme", "recorded", "not to be built"],
)
def test_it_is_as_before_after_each_call_and_error(collects, call):
    with suppress(RuntimeError, TypeError, ValueError):
        call(torch.nn.Linear(2, 3))
    assert gc.isenabled() is collects


def test_it_is_as_before_after_ctrl_c(collects):
    class Interrupted(oneseed.initializers.Initializer):
        def distribution_for(self, target):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        initialize_(torch.nn.Linear(2, 3), oneseed.Scheme([oneseed.Rule("*", Interrupted())]), seed=7)
    assert gc.isenabled() is collects


class Looped(torch.nn.Module):
    """Makes a table that nothing but a loop of references holds when the module is there."""

    def __init__(self, collects):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(2, 3))
        lost = {"table": torch.arange(2.0**20)}
        lost["itself"] = lost
        if collects:
            gc.collect()


@pytest.mark.parametrize("collects_itself", [False, True])
def test_what_only_a_loop_holds_is_not_given_values(collects_itself, monkeypatch):
    given = []
    value = Log.value
    monkeypatch.setattr(Log, "value", lambda log, whole: given.append(whole) or value(log, whole))
    recorded_scheme(lambda: Looped(collects_itself))
    assert bool(given) is collects_itself  # what has been there at a collection is old, and may be in use
