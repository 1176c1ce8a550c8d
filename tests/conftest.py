"""PyTorch and Triton are imported before TensorFlow: the other way round their libraries clash in one process."""

import signal
from importlib.util import find_spec

import pytest
from frameworks import installed

# Scripts that tests run in processes of their own.
collect_ignore = ["tools"]

if installed("torch"):
    import torch  # noqa: F401
if find_spec("triton") is not None:  # which PyTorch's compiler would import later
    import triton  # noqa: F401


@pytest.fixture
def interruptible():
    """Have Ctrl-C raise KeyboardInterrupt, as it does not in a process that was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
