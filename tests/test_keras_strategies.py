"""Whole models under TensorFlow's strategies: replicas, shards and DTensors hold what the uncut model would."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from frameworks import installed

import oneseed
from oneseed.initializers import HeNormal, Orthogonal, RandomNormal, RandomUniform

SCRIPT = Path(__file__).parent / "tools" / "strategies_of_models.py"

AXES = {
    "table/embeddings": "b o",
    "conv/kernel": "w i o",
    "heads/kernel": "i o1 o2",
    "hidden/kernel": "i o",
    "half/kernel": "i o",
    "frozen/kernel": "i o",
    "head/kernel": "i o",
}

# Each weight's shape, and what it is filled with on NumPy; nothing where it keeps tf_keras's zeros or ones.
WEIGHTS = {
    "table/embeddings": ((12, 4), RandomNormal(stddev=0.02, seed=7)),
    "conv/kernel": ((3, 4, 6), HeNormal(seed=7)),
    "conv/bias": ((6,), None),
    "heads/kernel": ((6, 3, 2), HeNormal(seed=7)),
    "hidden/kernel": ((18, 6), HeNormal(seed=7)),
    "hidden/bias": ((6,), RandomUniform(seed=7)),
    "norm/gamma": ((6,), None),
    "norm/beta": ((6,), None),
    "norm/moving_mean": ((6,), RandomNormal(seed=7)),
    "norm/moving_variance": ((6,), None),
    "half/kernel": ((6, 4), HeNormal(seed=7)),
    "half/bias": ((4,), None),
    "frozen/kernel": ((4, 3), HeNormal(seed=7)),
    "frozen/bias": ((3,), None),
    "head/kernel": ((3, 8), Orthogonal(seed=7)),
    "head/bias": ((8,), None),
}

# What the DTensors lack: layers that take no layouts, or not of these weights.
UNCUT = {"heads/kernel", "norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"}

# Into how many blocks the axes are cut on the mesh of 2 x 2; and on how many devices each block is.
CUTS = {
    "table/embeddings": (2, 2),
    "conv/kernel": (1, 2, 2),
    "conv/bias": (2,),
    "hidden/kernel": (2, 1),
    "hidden/bias": (2,),
    "half/kernel": (2, 1),
    "half/bias": (1,),
    "frozen/kernel": (1, 1),
    "head/kernel": (1, 2),
    "head/bias": (2,),
}

CASES = [
    pytest.param(
        keras,
        kind,
        id=f"{keras}-{kind}",
        marks=()
        if installed(keras) and installed("tf_keras") and installed("tensorflow")
        else pytest.mark.skip(f"{keras} or tf_keras or tensorflow not installed"),
    )
    for keras, kind in [
        *[("tf_keras", "mirrored"), ("tf_keras", "dtensors"), ("tf_keras", "sharded")],
        *[("keras", "mirrored"), ("keras", "sharded")],
    ]
]


@cache
def run(keras):
    done = subprocess.run([sys.executable, str(SCRIPT), keras], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def weights(kind):
    return {name: shape for name, (shape, _) in WEIGHTS.items() if kind != "dtensors" or name not in UNCUT}


def expected(name):
    """Return the fingerprint of a weight that is made whole on NumPy."""
    shape, init = WEIGHTS[name]
    dtype = "bfloat16" if name.startswith("half") else "float32"
    if name == "frozen/bias":
        return oneseed.fingerprint(np.zeros(shape, dtype))
    init, path = init or oneseed.initializers.Ones(), name.replace("head/", "top/")
    return oneseed.fingerprint(init(shape, dtype, axes=AXES.get(name), path=path, backend="numpy"))


@pytest.mark.parametrize(("keras", "kind"), CASES)
def test_replicas_shards_and_devices_hold_the_whole_models_values(keras, kind):
    copies = {"mirrored": 3, "dtensors": 4, "sharded": 1}[kind]
    wanted = {name: [expected(name)] * copies for name in weights(kind)}
    for under_the_scope in (False, True):
        assert run(keras)[kind][under_the_scope]["weights"] == wanted


@pytest.mark.parametrize(("keras", "kind"), CASES)
def test_axes_are_known_by_the_names_of_the_whole_weights(keras, kind):
    wanted = {name: axes for name, axes in AXES.items() if name in weights(kind)}
    assert run(keras)[kind][0]["axes"] == wanted


@pytest.mark.parametrize(("keras", "kind"), CASES)
def test_no_more_is_drawn_than_each_block(keras, kind):
    wanted = []
    for name, (size, *rest) in weights(kind).items():
        if name in ("norm/moving_variance", "frozen/bias"):  # no rule names them
            continue
        if kind == "mirrored":
            blocks = [[size, *rest]]
        elif kind == "sharded":
            each, more = divmod(size, 3)
            blocks = [[each + (number < more), *rest] for number in range(3)]
        else:
            blocks = [[extent // cut for extent, cut in zip((size, *rest), CUTS[name], strict=True)]] * 4
        wanted += [[name.replace("head/", "top/"), block] for block in blocks]
    assert sorted(run(keras)[kind][0]["blocks"]) == sorted(wanted)


@pytest.mark.parametrize(("keras", "kind"), [case for case in CASES if case.values != ("keras", "sharded")])
def test_what_cannot_be_is_refused_and_changes_nothing(keras, kind):
    messages = run(keras)[kind][2:]
    wanted = {
        "mirrored": [r"A model must be initialized for all replicas at once.*Received: a call in a replica of Mi"],
        "dtensors": [r"A model of DTensors must be initialized eagerly.*Received: the DTensor '[\w/]+' in a graph"],
        "sharded": [
            r"The scheme must have a rule for each parameter.*: no rule for table/embeddings, conv/kernel, hea",
            r"`model` must hold its ShardedVariables as attributes.*Received: the shard 'Variable:0' alone",
        ],
    }[kind]
    assert len(messages) == len(wanted)
    for message, pattern in zip(messages, wanted, strict=True):
        assert re.match(pattern, message), message
