"""Every initializer, oneseed's own and Keras's class of it, comes back from every form of file, in another process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

SCRIPT = Path(__file__).parent / "tools" / "keras_forms.py"


# Of Keras's backends NumPy is the one that starts fastest; files are the same on each.
@pytest.mark.parametrize(("library", "backend"), [("keras", "numpy"), ("tf_keras", "tensorflow")])
def test_forms(library, backend, tmp_path):
    """Of the same class and configuration: .keras, .h5 and JSON, and tf_keras's SavedModel."""
    if not (installed(library) and installed(backend)):
        pytest.skip(f"{library} or {backend} is not installed")
    found = {}
    for task in ("write", "read"):
        done = subprocess.run(
            [sys.executable, str(SCRIPT), task, library, str(tmp_path)],
            capture_output=True,
            text=True,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert len(list(tmp_path.glob("plain *.h5"))) == len(list(tmp_path.glob("registered *.h5"))) == found["classes"]
