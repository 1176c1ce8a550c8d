"""`oneseed.schemes.keras` knows every layer of Keras 3 and of tf_keras, and starts it as Keras does."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from frameworks import installed

SCRIPT = Path(__file__).parent / "tools" / "keras_stock_layers.py"

LIBRARIES = [
    pytest.param(
        (library, backend),
        id=f"{library}-{backend}",
        marks=()
        if installed(library) and installed(backend)
        else pytest.mark.skip(f"{library} or {backend} is not installed"),
    )
    for library, backend in [("keras", "numpy"), ("tf_keras", "tensorflow")]
]


@cache
def report(library, backend):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), library],
        capture_output=True,
        text=True,
        # tf_keras's own SpectralNormalization asks for this.
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("keras", LIBRARIES)
def test_no_layer_is_forgotten(keras):
    """Each class that makes weights is built; a new one of a new Keras shows here."""
    found = report(*keras)
    assert found["forgotten"] == []
    assert len({row["layer"] for row in found["weights"]}) > 25


@pytest.mark.parametrize("keras", LIBRARIES)
def test_constants_and_what_is_not_trained_stay(keras):
    """Biases, scales, slopes, statistics, and an LSTM's bias of two values."""
    for row in report(*keras)["weights"]:
        if row["values"] <= 2 or not row["trained"] or "Spectrogram" in row["layer"]:
            assert row["same"], row["weight"]


@pytest.mark.parametrize("keras", LIBRARIES)
def test_random_weights_are_drawn_as_widely_as_keras_draws_them(keras):
    """Their bounds and standard deviations are Keras's, but for the axes that Keras does not know of."""
    rows = [row for row in report(*keras)["weights"] if row["trained"] and row["values"] > 2]
    drawn = [row for row in rows if "Spectrogram" not in row["layer"]]
    assert len(drawn) > 35
    for row in drawn:
        assert not row["same"], row["weight"]
        # tf_keras reads the fans of attention's projections from their shapes.
        other = row["layer"] == "MultiHeadAttention" and keras[0] == "tf_keras"
        wide = (other or "depthwise" in row["weight"] or "transpose" in row["weight"]) and 1.5
        for before, after in (row["std"], row["largest"]) if row["values"] > 60 else ():
            assert 1 / (wide or 1.3) < after / before < (wide or 1.3), row["weight"]
