"""Whole models of Keras 3, on each of its backends, and of tf_keras: filled in place by a scheme."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from frameworks import installed

import oneseed
from oneseed.initializers import HeNormal, RandomNormal

SCRIPT = Path(__file__).parent / "tools" / "keras_weights.py"

MODELS = [
    pytest.param(
        keras,
        backend,
        id=f"{keras}-{backend}",
        marks=()
        if installed(keras) and installed(backend)
        else pytest.mark.skip(f"{keras} or {backend} not installed"),
    )
    for keras, backend in [("keras", "torch"), ("keras", "jax"), ("keras", "tensorflow"), ("tf_keras", "tensorflow")]
]

# What a layer's kernel is, worked out by hand: its axes.
KERNELS = {
    "conv/kernel": "h w i o",
    "depthwise/kernel": "h w g o",
    "up/kernel": "h w o i",
    "lstm/lstm_cell/kernel": "i o",
    "lstm/lstm_cell/recurrent_kernel": "i o",
    "heads/kernel": "i o1 o2",
    "head/kernel": "i o",
}


@cache
def run(keras, backend):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), keras],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def kernels(found):
    """Return the name in the model of each kernel: tf_keras calls one of a depthwise layer differently."""
    named = {name: name for name in found["shapes"]}
    named.update({name.replace("depthwise_kernel", "kernel"): name for name in named if "depthwise_kernel" in name})
    return {name: named[name] for name in KERNELS}


@pytest.mark.parametrize(("keras", "backend"), MODELS)
def test_each_kernel_is_drawn_by_its_name_and_its_axes(keras, backend):
    found = run(keras, backend)
    for name, its in kernels(found).items():
        assert found["axes"][its] == KERNELS[name]
        path = its.replace("head/", "top/")
        wanted = HeNormal(seed=7)(found["shapes"][its], path=path, axes=KERNELS[name])
        assert found["after"][its] == oneseed.fingerprint(wanted), name
    shape = found["shapes"]["norm/gamma"]
    assert found["after"]["norm/gamma"] == oneseed.fingerprint(np.ones(shape, "float32"))
    for name in ("conv/bias", "norm/beta", "lstm/lstm_cell/bias", "head/bias"):
        assert found["after"][name] == oneseed.fingerprint(np.zeros(found["shapes"][name], "float32"))


@pytest.mark.parametrize(("keras", "backend"), MODELS)
def test_what_is_not_trained_stays_unless_a_rule_names_it(keras, backend):
    found = run(keras, backend)
    for name in ("norm/moving_mean", "norm/moving_variance", "frozen/bias"):
        assert found["after"][name] == found["start"][name]
    # The rule for kernels names the frozen one too.
    wanted = HeNormal(seed=7)(found["shapes"]["frozen/kernel"], path="frozen/kernel")
    assert found["after"]["frozen/kernel"] == oneseed.fingerprint(wanted)
    changed = {name for name in found["after"] if found["after"][name] != found["last"][name]}
    assert changed == {"norm/moving_mean"}
    wanted = RandomNormal(seed=7)(found["shapes"]["norm/moving_mean"], path="norm/moving_mean")
    assert found["last"]["norm/moving_mean"] == oneseed.fingerprint(wanted)


@pytest.mark.parametrize(("keras", "backend"), MODELS)
def test_what_is_refused_changes_nothing(keras, backend):
    messages = run(keras, backend)["messages"]
    assert messages["unmatched"].startswith("ValueError: The scheme must have a rule for each parameter")
    assert "head/bias" in messages["unmatched"]
    assert messages["axes"].startswith("ValueError: `axes` must name parameters")
    assert messages["dtype"].startswith("ValueError: The rule for 'conv/kernel' must leave the dtype at 'float32'")
    assert messages["names"].startswith("ValueError: `names` must give each parameter a logical name of its own")
    assert messages["seed"].startswith("ValueError: `seed` must lie in [0, 2**64)")
    assert messages["scheme"].startswith("TypeError: `scheme` must be a oneseed.Scheme")
    assert messages["layer"].startswith("TypeError: `model` must be a model or layer of Keras 3 or tf_keras")
    assert messages["unbuilt"].startswith("ValueError: `model` must be built")


@pytest.mark.parametrize(("keras", "backend"), MODELS)
def test_axes_of_a_layer_of_ones_own_are_a_guess_from_three_on(keras, backend):
    messages = run(keras, backend)["messages"]
    assert "kernel' cannot be filled by rule '*kernel'" in messages["guess"]
    assert "name them by `axes`" in messages["guess"]
    wanted = HeNormal(seed=7)((4, 3, 5), path="experts.kernel", axes="b i o")
    assert messages["guessed"] == oneseed.fingerprint(wanted)


@pytest.mark.parametrize(("keras", "backend"), MODELS)
def test_no_other_framework_is_asked(keras, backend):
    assert backend in run(keras, backend)["loaded"]
    if backend == "jax":
        assert "torch" not in run(keras, backend)["loaded"]


@pytest.mark.skipif(not (installed("keras") and installed("jax")), reason="keras or jax not installed")
def test_a_model_that_keras_cuts_over_devices_stays_cut():
    flags = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT.with_name("keras_distributed.py"))],
        capture_output=True,
        text=True,
        env={**os.environ, **flags, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "head/kernel": [oneseed.fingerprint(HeNormal(seed=7)((16, 8), path="head/kernel")), [16, 2]],
        "head/bias": [oneseed.fingerprint(np.ones(8, "float32")), [8]],
    }
