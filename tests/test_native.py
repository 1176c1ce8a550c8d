"""`rng="native"`: an initializer's values are those of the real Keras 3 on the same backend, to the bit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import ALL, installed
from tools import keras_cases

import oneseed
from oneseed import initializers, registry

if not installed("keras"):
    pytest.skip("keras is not installed", allow_module_level=True)

TOOLS = Path(__file__).parent / "tools"


@pytest.fixture(scope="module", params=ALL)
def keras_draws(request, tmp_path_factory):
    """What the real Keras draws on a backend, made in a process of its own."""
    out = tmp_path_factory.mktemp("keras") / "draws.npz"
    environment = {**os.environ, "KERAS_BACKEND": request.param, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if request.param == "jax":
        environment["JAX_ENABLE_X64"] = "1"
    subprocess.run([sys.executable, str(TOOLS / "keras_draws.py"), str(out)], check=True, env=environment)
    with np.load(out) as saved:
        yield request.param, dict(saved)


def draws(backend, name, arguments, seed, shape, dtype):
    given = oneseed.random.SeedGenerator(-seed) if seed < 0 else seed
    init = getattr(initializers, name)(**arguments, seed=given)
    engine = registry.load(backend)
    with oneseed.using(backend=backend, rng="native"):
        return [engine.to_numpy(init(shape, dtype)) for _ in range(3 if seed < 0 else 1)]


def test_equal_to_keras(keras_draws):
    backend, saved = keras_draws
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    cases = list(keras_cases.cases())
    equal, refused = 0, 0
    try:
        for key, *case in cases:
            if f"refused {key}" in saved:
                refused += 1
                continue
            for k, values in enumerate(draws(backend, *case)):
                theirs = [saved[name] for name in saved if name.startswith(f"{k} ") and name.endswith(f" {key}")]
                assert len(theirs) == 1, key
                ours = values.view(f"u{values.dtype.itemsize}")
                np.testing.assert_array_equal(ours, theirs[0], err_msg=key)
                equal += 1
    finally:
        if backend == "jax":
            jax.config.update("jax_enable_x64", False)
    # Keras refuses half precision QR and tensors without two axes for Orthogonal, on most backends.
    assert equal > 600
    assert refused < len(cases) / 8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"axes": "i o"}, "`axes` must be None with rng='native'"),
        ({"path": "kernel"}, "`path` must be None with rng='native'"),
        ({"partition_shape": (1, 1), "partition_offset": (0, 0)}, "`partition_shape` must be None with rng='native'"),
        ({"dtype": "int32"}, "must be a float dtype"),
    ],
)
def test_what_keras_does_not_have_is_refused(call, message):
    with oneseed.using(rng="native"), pytest.raises(ValueError, match=message):
        initializers.RandomUniform(0, 1, seed=3)((2, 2), **call)
    with oneseed.using(rng="native"), pytest.raises(ValueError, match=r"`seed` must be an integer in \[0, 2\*\*32\)"):
        initializers.HeNormal(2**32)((2, 2))


def test_without_a_seed_and_without_randomness():
    with oneseed.using(rng="native"):
        init = initializers.HeNormal()
        assert (init((4,)) == init((4,))).all()
        assert initializers.Ones()((2, 2), axes="i o", path="p").sum() == 4
