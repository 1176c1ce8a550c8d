"""The package of the TensorFlow backend without TensorFlow or Keras, and what `register_keras` refuses."""

import re
import subprocess
import sys

import numpy as np
import pytest

import oneseed_keras


def run(code):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_import_loads_no_framework():
    found = run("import sys, oneseed_keras; print(sorted({'keras', 'tensorflow', 'tf_keras'} & set(sys.modules)))")
    assert found == "[]"


def test_a_missing_tensorflow_is_named_with_the_command():
    message = run(
        "import sys; sys.modules['tensorflow'] = None\n"
        "import oneseed\n"
        "try:\n"
        "    oneseed.set_backend('tensorflow')\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert re.search(r"Install it with: pip install 'tensorflow>=[\d.]+'$", message)


def test_there_is_no_other_attribute():
    with pytest.raises(AttributeError, match="'oneseed_keras' has no attribute 'backends'"):
        oneseed_keras.backends  # noqa: B018


@pytest.mark.parametrize(("keras", "kind"), [("keras", TypeError), (None, TypeError), (np, ValueError)])
def test_what_is_no_keras_is_refused(keras, kind):
    with pytest.raises(kind, match=r"`keras` must be .*keras or tf_keras.*Received: keras="):
        oneseed_keras.register_keras(keras)
