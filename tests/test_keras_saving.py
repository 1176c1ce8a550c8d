"""Real layers of Keras 3, on each of its backends, and of tf_keras take oneseed's initializers and give them back.

One process for each runs `tools/keras_models.py`; the tests here judge what it reports.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from frameworks import ALL, installed

if not installed("keras"):
    pytest.skip("keras is not installed", allow_module_level=True)

TOOLS = Path(__file__).parent / "tools"
TF_KERAS = pytest.param(
    "tf_keras-tensorflow",
    marks=() if installed("tf_keras") and installed("tensorflow") else pytest.mark.skip("tf_keras is not installed"),
)
EVERY = [*ALL, TF_KERAS]
LAYERS = [
    *("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "EinsumDense"),
    *("MultiHeadAttention", "Embedding", "LSTM", "GRU", "Bidirectional", "BatchNormalization", "last Dense"),
]


def run(script, *arguments, backend):
    done = subprocess.run(
        [sys.executable, str(TOOLS / script), *arguments],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def report(folder):
    @cache
    def made(name):
        library, _, backend = name.rpartition("-")
        (folder / name).mkdir(exist_ok=True)
        return run("keras_models.py", library or "keras", str(folder / name), backend=backend)

    return made


@pytest.mark.parametrize("name", EVERY)
def test_weights_are_the_portable_draws(report, name):
    rows = report(name)["weights"]
    assert [layer for layer in LAYERS if not any(row[0].startswith(layer) for row in rows)] == []
    assert [row for row in rows if row[1] != row[2]] == []
    assert len(rows) == 37


@pytest.mark.parametrize("name", EVERY)
def test_one_step_of_training(report, name):
    unchanged = report(name)["unchanged by a step"]
    if name == "numpy":
        assert unchanged == "NotImplementedError: train_on_batch not implemented for NumPy backend."
    else:  # a softmax does not feel what is added to all of its arguments
        assert [weight for weight in unchanged if "attention" not in weight or "key/bias" not in weight] == []


@pytest.mark.parametrize("what", ["rebuilt", "cloned", "loaded", "loaded from h5", "outputs"])
@pytest.mark.parametrize("name", EVERY)
def test_what_comes_back_has_the_same_values(report, name, what):
    """Initial weights after `from_config` and `clone_model`, trained ones after `load_model`."""
    before, after = report(name)[what]
    assert len(before) > 1
    assert before == after


@pytest.mark.parametrize("name", [TF_KERAS])
def test_what_comes_back_from_a_saved_model(report, name):
    before, after = report(name)["loaded from SavedModel"]
    assert len(before) == 2
    assert before == after


@pytest.mark.parametrize("name", EVERY)
def test_what_is_loaded_has_the_same_initializers(report, name):
    found = report(name)
    before, after = (json.loads(config) for config in found["configs"])
    assert before == after
    home = "oneseed_keras." + ("tf_keras_initializers" if "tf_keras" in name else "keras_initializers")
    assert found["constant"] == [[0.5, -1.5, 2.5, 0.25]] * 2 + [home]
    assert "'SeedGenerator', 'config': {'seed': 4}" in found["generator"]


@pytest.mark.parametrize("name", EVERY)
def test_a_model_is_refused_where_nothing_is_registered(report, name):
    """Keras must not take a class of its own with the same name instead."""
    refused = report(name)["not registered"]
    assert refused.startswith(("TypeError", "ValueError"))
    assert "OneseedHeNormal" in refused


def test_another_process_on_another_backend_loads_what_jax_saved(report, folder):
    if not installed("jax"):
        pytest.skip("jax is not installed")
    weights = report("jax")["loaded"][0]
    assert run("keras_load.py", str(folder / "jax" / "model.keras"), backend="numpy") == weights


@pytest.mark.parametrize("name", EVERY)
def test_oneseeds_own_classes(report, name):
    """Keras gives back what is registered; where nothing is, Keras 3 takes its own class of that name."""
    found = report(name)
    assert found["plain"] == "oneseed.initializers.elementwise.random"
    refused = "ValueError: Unknown initializer: 'oneseed-initializers>RandomNormal'"
    assert found["plain, not registered"].startswith(refused if "tf_keras" in name else "keras.")


@pytest.mark.parametrize("name", EVERY)
def test_names_classes_and_instances(report, name):
    assert report(name)["names"] == [True] * 12


@pytest.mark.parametrize("name", EVERY)
def test_layers_that_share_an_initializer(report, name):
    (first, second), (one, other) = report(name)["shared"]
    assert first == second
    assert one != other


@pytest.mark.parametrize("name", EVERY)
def test_refusals(report, name):
    messages, counts = zip(*report(name)["refused"], strict=True)
    assert set(counts) == {0}
    if name == "jax":
        last = ["TypeError: `layout` must be None, a keras.distribution.TensorLayout or a jax.sharding.Sharding"]
    elif "tf_keras" not in name:
        last = [f"ValueError: `layout` must be None on Keras's {name} backend"]
    else:
        last = [
            "TypeError: `layout` must be None or a tf.experimental.dtensor.Layout",
            "ValueError: `layout` must have 3 axes, as the shape has",
            "ValueError: `layout` must cut the shape (6, 6) into equal blocks",
            "ValueError: `layout` must be None where a block is asked for",
            "ValueError: `partition_shape` and `partition_offset` must be given together",
            "ValueError: `partition_offset` + `partition_shape` must lie within the shape (8, 6)",
        ]
    first = ["ValueError: `dtype` must be a float or complex dtype", "ValueError: `shape` must hold sizes of 0 or more"]
    expected = [*first, *last]
    for message, start in zip(messages, expected, strict=True):
        assert message.startswith(start)
        assert "Received: " in message


@pytest.mark.parametrize("name", EVERY)
def test_dtypes(report, name):
    found = report(name)
    assert found["default dtype"][0] == found["default dtype"][1]
    policies = dict(found["policies"])
    if name == "jax":
        assert policies.pop("float64").startswith("`dtype` must have at most 32 bits")
    for policy, (dtype, kernel, expected) in policies.items():
        assert kernel == expected, policy
        # On NumPy Keras itself makes its float64 variables float32.
        narrowed = policy.startswith("mixed") or (name, policy) == ("numpy", "float64")
        assert dtype == ("float32" if narrowed else policy)


@pytest.mark.parametrize("name", ALL)
def test_tensors_are_of_kerass_backend_and_on_its_devices(report, name):
    found = report(name)
    assert found["is a tensor"]
    where = {"numpy": "cpu", "torch": "meta", "jax": "cpu:1", "tensorflow": "device:CPU:1"}
    assert found["device"].lower().endswith(where[name].lower())


def test_kernels_distributed_by_keras_on_jax(report):
    if not installed("jax"):
        pytest.skip("jax is not installed")
    rows = report("jax")["distributed"]
    assert len(rows) == 8
    for cut, found, expected in rows:
        assert cut == ["batch", "model"]
        assert found == expected
    assert rows[-2][1] != rows[-1][1]  # of one generator


@pytest.mark.parametrize("strategy", ["mirrored", "dtensors", "sharded"])
@pytest.mark.parametrize("name", [TF_KERAS])
def test_kernels_under_tensorflows_strategies(report, name, strategy):
    rows = report(name)[strategy]
    assert len(rows) == {"mirrored": 8, "dtensors": 32, "sharded": 8}[strategy]
    for initializer, cut, found, expected in rows:
        assert found == expected, (initializer, cut)
    generated = [row[2] for row in rows if row[0] == "HeNormal of a generator"]
    assert generated[0] != generated[1]
    cuts = {"mirrored": ["device:CPU:0", "device:CPU:1"], "sharded": [3, 3, 2]}
    assert strategy == "dtensors" or all(row[1] == cuts[strategy] for row in rows)
