"""The examples run as they are, and say the same of the same model."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

EXAMPLES = Path(__file__).parents[1] / "examples"

# The model of both, and what it needs.
GPT2 = {
    ("jax_model.py", "jax"): ("jax", "flax"),
    **{("keras_model.py", name): ("keras", name) for name in ("jax", "torch")},
}


def case(key, needs):
    missing = [name for name in needs if not installed(name)]
    marks = pytest.mark.skip(f"{' and '.join(missing)} not installed") if missing else ()
    return pytest.param(*key, marks=marks, id="-".join(key))


@pytest.mark.parametrize(("file", "backend"), [case(key, needs) for key, needs in GPT2.items()])
def test_the_gpt2_of_the_examples(file, backend):
    import oneseed

    done = subprocess.run(
        [sys.executable, str(EXAMPLES / file)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name = "h/0/attn/c_attn/kernel"
    wanted = oneseed.initializers.RandomNormal(stddev=0.02, seed=7)((64, 192), path=name)
    assert re.search(rf"^{name}: (\w+)", done.stdout, re.MULTILINE)[1] == oneseed.fingerprint(wanted)
    assert "logits: (1, 8, 512)" in done.stdout


CHECKPOINTS = {
    ("torch_checkpoint.py", "files for Hugging Face: "): ("torch", "safetensors"),
    ("orbax_checkpoint.py", "drawn by it: equal; "): ("jax", "flax", "orbax"),
}


@pytest.mark.parametrize(("file", "said"), [case(key, needs) for key, needs in CHECKPOINTS.items()])
def test_the_start_of_distributed_runs(file, said):
    """They compare what several processes have drawn and saved with what one process draws."""
    done = subprocess.run([sys.executable, str(EXAMPLES / file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"{said}[0-9a-f]{{16}}$", done.stdout, re.MULTILINE)
