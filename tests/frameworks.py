"""The backends under test, and which of them must be there."""

import importlib
import importlib.util
import os
from enum import Enum

import pytest

from oneseed.config import available_backends


class Framework(Enum):
    """A backend by its name, which is the import name of its framework."""

    NUMPY = "numpy"
    TORCH = "torch"
    JAX = "jax"
    TENSORFLOW = "tensorflow"


# A session that is there to test a backend must not skip it: nox names what it has installed.
REQUIRED = set(os.environ.get("ONESEED_TEST_BACKENDS", "").split())


def installed(name):
    """Tell whether a framework can be imported; skip, by name, what may be missing."""
    found = importlib.util.find_spec(name) is not None
    assert found or name not in REQUIRED, f"{name} is not installed, though this session must test it"
    return found


def peer(name):
    """Return a module of a framework, to be compared with; skip the test where the framework may be missing and is."""
    if not installed(name.partition(".")[0]):
        pytest.skip(f"{name} is not installed")
    return importlib.import_module(name)


OTHERS = sorted(REQUIRED & set(available_backends()) - {item.value for item in Framework})
"""Backends of other projects, held to the same contract by a session that asks for them."""

ALL = [
    pytest.param(name, marks=() if installed(name) else pytest.mark.skip(f"{name} is not installed"))
    for name in (*(item.value for item in Framework), *OTHERS)
]


def cuda():
    """Tell whether PyTorch has a CUDA device here."""
    return installed("torch") and importlib.import_module("torch").cuda.is_available()


PLACES = [
    *(pytest.param((item.values[0], None), id=item.values[0], marks=item.marks) for item in ALL),
    pytest.param(
        ("torch", "cuda"), id="torch-cuda", marks=() if cuda() else pytest.mark.skip("torch finds no CUDA device")
    ),
]
"""Each backend where it draws by default, None, and PyTorch on a GPU; JAX and TensorFlow take one if it is there."""
