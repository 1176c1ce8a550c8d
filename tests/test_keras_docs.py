"""The examples of docs/keras.md run, each part in a process of its own with the Keras it is about."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

PAGE = Path(__file__).parents[1] / "docs" / "keras.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


# Of Keras's backends NumPy is the one that starts fastest.
@pytest.mark.parametrize(("library", "backend"), [("keras", "numpy"), ("tf_keras", "tensorflow")])
def test_examples(library, backend):
    if not installed(library):
        pytest.skip(f"{library} is not installed")
    of_tf_keras = [example for example in EXAMPLES if "import tf_keras\n" in example]
    examples = of_tf_keras if library == "tf_keras" else [each for each in EXAMPLES if each not in of_tf_keras]
    assert len(examples) == {"keras": 6, "tf_keras": 2}[library]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(examples)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
