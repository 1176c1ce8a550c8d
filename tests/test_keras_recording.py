"""Schemes recorded from Keras models, built without values, on each of Keras's backends."""

import json
import os
import subprocess
import sys

import pytest
from frameworks import ALL, installed

if not installed("keras"):
    pytest.skip("keras is not installed", allow_module_level=True)

SCRIPT = """
import importlib.util
import json
if importlib.util.find_spec("torch"):
    import torch  # which crashes if TensorFlow is imported first
import keras
import numpy as np
import oneseed_keras
from oneseed import Scheme
L, I = keras.layers, keras.initializers


def build():
    return keras.Sequential([
        L.Input((8, 16)),
        L.LSTM(6, return_sequences=True, name="lstm"),
        L.Conv1D(4, 3, name="conv", kernel_initializer=I.HeNormal(seed=3)),
        L.BatchNormalization(name="norm"),
        L.SeparableConv1D(4, 2, name="apart"),
        L.Dense(3, name="dense", kernel_initializer=I.Orthogonal(2.0)),
        L.Dense(3, name="ramp", kernel_initializer=lambda shape, dtype=None: np.arange(9.0).reshape(shape)),
    ], name="net")


def random():
    draw = np.random.default_rng(0).normal
    layer = L.Dense(2, name="d", kernel_initializer=lambda shape, dtype=None: draw(size=shape))
    return keras.Sequential([L.Input((8,)), layer], name="net")


def assigned():
    model = build()
    model.get_layer("dense").kernel.assign(model.get_layer("dense").kernel * 3)
    model.get_layer("norm").set_weights([np.ones(4)] * 4)
    return model


scheme = Scheme.from_json(oneseed_keras.recorded_scheme(build).to_json())
model = build()
oneseed_keras.initialize(model, scheme, seed=7)
messages = []
for wrong in (random, 3, lambda: 3, assigned):
    try:
        oneseed_keras.recorded_scheme(wrong)
    except (TypeError, ValueError) as error:
        messages.append(f"{type(error).__name__}: {error}")
def huge():
    return keras.Sequential([L.Input((2**20,)), L.Dense(2**20, name="d")], name="net")


large = oneseed_keras.recorded_scheme(huge)
print(json.dumps({
    "rules": {rule.pattern: [type(rule.initializer).__name__, rule.state] for rule in scheme.rules},
    "depthwise": scheme.match("net/apart/depthwise_kernel")[0].initializer.maxval,
    "ramp": keras.ops.convert_to_numpy(model.get_layer("ramp").kernel).tolist(),
    "bias": keras.ops.convert_to_numpy(model.get_layer("lstm").cell.bias).tolist(),
    "messages": messages,
    "large": len(large.rules),
}))
"""


@pytest.mark.parametrize("backend", ALL)
def test_the_initializers_of_variables_are_recorded(backend):
    env = {**os.environ, "KERAS_BACKEND": backend, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    kinds = {name.removeprefix("net/"): tuple(kind) for name, kind in found["rules"].items()}
    assert kinds["lstm/lstm_cell/bias"] == ("UnitForgetBias", False)
    assert kinds["lstm/lstm_cell/recurrent_kernel"] == kinds["dense/kernel"] == ("Orthogonal", False)
    assert kinds["conv/kernel"] == ("TruncatedNormal", False)
    assert kinds["norm/moving_variance"] == ("Ones", True)
    assert kinds["ramp/kernel"] == ("Stored", False)
    # Keras reads a depthwise kernel of shape (2, 4, 1) as one of 4 inputs and 1 output: sqrt(6 / (2 * (4 + 1))).
    assert found["depthwise"] == pytest.approx(0.6**0.5)
    assert found["ramp"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
    assert found["bias"] == [*[0.0] * 6, *[1.0] * 6, *[0.0] * 12]
    assert found["large"] == 2
    assert "net/d/kernel: a function whose values differ" in found["messages"][0]
    assert found["messages"][1].startswith("TypeError: `build` must be a function")
    assert found["messages"][2].startswith("TypeError: `model` must be a model")
    names = ["dense/kernel", *(f"norm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance"))]
    lines = sorted(f"net/{name}: a value that is assigned to the variable after it was made" for name in names)
    assert sorted(found["messages"][3].splitlines()[1:]) == lines
