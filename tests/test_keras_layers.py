"""Real Keras 3 layers take oneseed's initializers, on each of Keras's backends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import ALL, installed

if not installed("keras"):
    pytest.skip("keras is not installed", allow_module_level=True)

SCRIPT = Path(__file__).parent / "tools" / "keras_layers.py"


@pytest.mark.parametrize("choice", ["chosen", "default"])
@pytest.mark.parametrize("name", ALL)
def test_layers_get_the_portable_weights(name, choice):
    """Also where the user has not told oneseed which backend Keras is on, and NumPy arrays come out."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), choice],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pairs = [line.split() for line in done.stdout.splitlines()]
    assert len(pairs) == 3
    assert all(found == expected for found, expected in pairs)
