"""The initializers that `register_keras` returns: inside of others, in schemes, files and layers, on each of Keras's
backends and in tf_keras.

One process for each runs `tools/keras_inside.py`, which checks; each check is a test here.
"""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from frameworks import ALL, installed

if not installed("keras"):
    pytest.skip("keras is not installed", allow_module_level=True)

SCRIPT = Path(__file__).parent / "tools" / "keras_inside.py"
CHECKS = re.findall(r"^def (check_\w+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
TF_KERAS = pytest.param(
    "tf_keras-tensorflow",
    marks=() if installed("tf_keras") and installed("tensorflow") else pytest.mark.skip("tf_keras is not installed"),
)


@cache
def report(name):
    library, _, backend = name.rpartition("-")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), library or "keras"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", [*ALL, TF_KERAS])
def test_inside(name, check):
    assert report(name)[check] == ""
