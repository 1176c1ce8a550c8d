"""One GPT-2 in three frameworks: one scheme and one seed give each parameter the same bits, and the models the same
outputs.

Each framework runs in a process of its own, as its users run it, and writes fingerprints and logits to a file.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import installed

import oneseed

SCRIPT = Path(__file__).parent / "tools" / "gpt2.py"

NEEDS = {
    "torch": ("torch", "transformers"),
    "jax": ("jax", "flax"),
    "keras-jax": ("keras", "jax"),
    "keras-torch": ("keras", "torch"),
    "keras-tensorflow": ("keras", "tensorflow"),
}

LAYERS, WIDTH, VOCABULARY, POSITIONS = 12, 48, 160, 32


def absent(which):
    return [name for name in NEEDS[which] if not installed(name)]


def param(which):
    missing = absent(which)
    return pytest.param(which, marks=pytest.mark.skip(f"{' and '.join(missing)} not installed") if missing else ())


ALL = [param(which) for which in NEEDS]
OTHERS = [param(which) for which in NEEDS if which != "torch"]


def written(kind, file, **env):
    """Run the script; return what it wrote."""
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), kind, str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return what a framework wrote; each is run once."""
    folder, done = tmp_path_factory.mktemp("gpt2"), {}

    def run(which):
        if which not in done:
            kind, _, backend = which.partition("-")
            file = folder / f"{which}.json"
            done[which] = written(kind, file, KERAS_BACKEND=backend or "jax", TF_CPP_MIN_LOG_LEVEL="3")
        return done[which]

    return run


def from_the_definition():
    """Return the fingerprints of all parameters, made one by one, as the paper and its code have them."""
    normal, block = oneseed.initializers.RandomNormal, {}
    for number in range(LAYERS):
        for layer, inputs, outputs in (
            ("attn/c_attn", WIDTH, 3 * WIDTH),
            ("attn/c_proj", WIDTH, WIDTH),
            ("mlp/c_fc", WIDTH, 4 * WIDTH),
            ("mlp/c_proj", 4 * WIDTH, WIDTH),
        ):
            stddev = 0.02 / (2 * LAYERS) ** 0.5 if layer.endswith("c_proj") else 0.02
            name = f"h/{number}/{layer}"
            block[f"{name}/kernel"] = normal(stddev=stddev, seed=7)((inputs, outputs), path=f"{name}/kernel")
            block[f"{name}/bias"] = np.zeros(outputs, "float32")
        for layer in ("ln_1", "ln_2"):
            block[f"h/{number}/{layer}/scale"] = np.ones(WIDTH, "float32")
            block[f"h/{number}/{layer}/bias"] = np.zeros(WIDTH, "float32")
    block["ln_f/scale"], block["ln_f/bias"] = np.ones(WIDTH, "float32"), np.zeros(WIDTH, "float32")
    for table, rows in (("wte", VOCABULARY), ("wpe", POSITIONS)):
        name = f"{table}/embedding"
        block[name] = normal(stddev=0.02, seed=7)((rows, WIDTH), path=name)
    return {name: oneseed.fingerprint(values) for name, values in block.items()}


@pytest.mark.parametrize("which", ALL)
def test_every_parameter_is_what_the_scheme_says(made, which):
    assert made(which)["fingerprints"] == from_the_definition()


@pytest.mark.skipif(bool(absent("jax")), reason="jax or flax not installed")
def test_any_number_of_devices_holds_the_same_model_in_parts(tmp_path):
    found = written("over_devices", tmp_path / "found.json", XLA_FLAGS="--xla_force_host_platform_device_count=8")
    wanted = from_the_definition()
    kernels = LAYERS * 12 * WIDTH**2
    others = LAYERS * 13 * WIDTH + 2 * WIDTH + (VOCABULARY + POSITIONS) * WIDTH
    held = {str(count): [(kernels + others) // count] * count for count in (1, 2, 4, 8)}
    held["2x4"] = [kernels // 8 + others // 2] * 8
    for devices, parts in held.items():
        assert found[devices] == {"fingerprints": wanted, "held": parts}, devices
    assert set(found) == set(held)


@pytest.mark.skipif(bool(absent("torch")), reason="torch or transformers not installed")
@pytest.mark.parametrize("which", OTHERS)
def test_the_forward_passes_agree(made, which):
    torch, other = (np.array(made(name)["logits"], "float32") for name in ("torch", which))
    assert torch.shape == (2, 24, VOCABULARY)
    assert torch.std() > 0.05  # there is something to compare
    np.testing.assert_allclose(other, torch, rtol=1e-4, atol=1e-5)
