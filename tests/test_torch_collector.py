"""Python's garbage collector, which is paused while a model is planned and filled."""

import gc
from contextlib import suppress

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch

import oneseed
from oneseed.models.collector import CollectorPaused
from oneseed_torch import default_scheme, initialize_

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
    ],
    ids=["filled", "scheme", "no rule", "no module", "no module for a scheme"],
)
def test_it_is_as_before_after_each_call_and_error(collects, call):
    with suppress(TypeError, ValueError):
        call(torch.nn.Linear(2, 3))
    assert gc.isenabled() is collects


def test_it_is_as_before_after_ctrl_c(collects):
    class Interrupted(oneseed.initializers.Initializer):
        def distribution_for(self, target):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        initialize_(torch.nn.Linear(2, 3), oneseed.Scheme([oneseed.Rule("*", Interrupted())]), seed=7)
    assert gc.isenabled() is collects
