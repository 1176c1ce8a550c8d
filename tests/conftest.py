"""PyTorch and Triton are imported before TensorFlow: the other way round their libraries clash in one process."""

import signal
import subprocess
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import pytest
from frameworks import installed

from oneseed import cli
from oneseed.checkpoint import blocks, checking
from oneseed.initializers import plans

# Scripts that tests run in processes of their own.
collect_ignore = ["tools"]

if installed("torch"):
    import torch
if find_spec("triton") is not None:  # which PyTorch's compiler would import later
    import triton  # noqa: F401


@pytest.fixture
def interruptible():
    """Have Ctrl-C raise KeyboardInterrupt, as it does not in a process that was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(capfd):
    """Run the command in this process; return status, what it printed, and what it complained of."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(argument) for argument in arguments])
        return stop.value.code, *capfd.readouterr()

    return run


@pytest.fixture
def run_ranks():
    """Run a script on several ranks of PyTorch, each of which must end well."""

    def run_ranks(script, ranks):
        import torch

        if not torch.distributed.is_available():
            pytest.skip("PyTorch was built without its distributed package")
        tool = Path(__file__).parent / "tools" / script
        done = subprocess.run(
            [sys.executable, str(tool), str(ranks)], capture_output=True, text=True, check=False, timeout=240
        )
        assert done.stdout.split() == ["exit", "codes", *["0"] * ranks], done.stderr

    return run_ranks


@pytest.fixture(params=["compiled", "interpreted"])
def recall(request, monkeypatch):
    """Run a test with each of the two that look kept draws up."""
    if request.param == "compiled" and plans.recall is plans.interpreted:
        pytest.skip("oneseed was installed without a compiler")
    chosen = plans.recall if request.param == "compiled" else plans.interpreted
    monkeypatch.setattr(plans, "recall", chosen)
    return chosen


@pytest.fixture(params=[None, 64], ids=["one block", "many blocks"])
def small_blocks(request, monkeypatch):
    """Cut tensors into blocks, as large ones are."""
    if request.param:
        monkeypatch.setattr(blocks, "BLOCK", request.param)
        monkeypatch.setattr(blocks, "ELEMENTS", 7)
        monkeypatch.setattr(checking, "ROWS", 3)


@pytest.fixture
def compiler():
    """Begin and end with nothing that PyTorch has compiled."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def all_widths():
    """Give JAX its types of 64 bits, which it has only where they are enabled."""
    jax = sys.modules.get("jax")
    with jax.enable_x64(True) if jax else nullcontext():
        yield
