"""Fill a tree of parameters over the devices of one or more processes; print what came out as JSON."""

import json
import sys
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import oneseed
import oneseed_jax
from oneseed_jax import initializers


def _kernel(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


TREE = {
    **{
        f"layer_{number}": {
            "kernel": _kernel(32, 48),
            "bias": _kernel(48),
            "half": _kernel(16, 8, dtype="bfloat16"),
            "table": _kernel(40, 8),
            "orthogonal": _kernel(24, 16),
        }
        for number in range(2)
    }
}

SCHEME = oneseed.Scheme(
    [
        oneseed.Rule("*/bias", "ones"),
        oneseed.Rule("*/orthogonal", "orthogonal"),
        oneseed.Rule("*/table", oneseed.initializers.TruncatedNormal(stddev=0.02)),
        oneseed.Rule("*/half", oneseed.initializers.GlorotUniform()),
        oneseed.Rule("*", oneseed.initializers.HeNormal()),
    ]
)


def over(devices, *cuts):
    """Return a function from names to shardings: kernels are cut along the axes of `cuts`, others along the first."""
    mesh = Mesh(devices, tuple("xy"[: devices.ndim]))

    def sharding(name):
        spec = PartitionSpec(*cuts) if not name.endswith("bias") else PartitionSpec("x")
        return NamedSharding(mesh, spec)

    return sharding


def flat(tree):
    return {f"{layer}/{name}": array for layer, weights in tree.items() for name, array in weights.items()}


def fingerprints():
    found = {}
    devices = np.array(jax.devices())
    meshes = {str(count): (devices[:count], (None, "x")) for count in (1, 2, 4, 8)}
    meshes["2x4"] = devices.reshape(2, 4), ("x", "y")
    for name, (mesh, cuts) in meshes.items():
        made = flat(oneseed_jax.initialize(TREE, SCHEME, seed=7, shardings=over(mesh, *cuts)))
        assert all(len(array.sharding.device_set) == mesh.size for array in made.values())
        found[name] = {its: oneseed.fingerprint(array) for its, array in made.items()}
    return found


def processes():
    """Compare each shard that this process has with that part of the whole, made here without shardings."""
    sharding = over(np.array(jax.devices()), None, "x")
    made = flat(oneseed_jax.initialize(TREE, SCHEME, seed=7, shardings=sharding))
    whole = flat(oneseed_jax.initialize(TREE, SCHEME, seed=7))
    compared = _compared(made, whole)
    return {"whole": {name: oneseed.fingerprint(array) for name, array in whole.items()}, "compared": compared}


def _compared(made, whole):
    compared = 0
    for name, array in made.items():
        for shard in array.addressable_shards:
            np.testing.assert_array_equal(np.asarray(shard.data), np.asarray(whole[name])[shard.index])
            compared += 1
    return compared


def _init(key):
    """Make parameters as the `init` of a model does, each of a key of its own."""
    first, second = jax.random.split(key)
    return {
        "dense": {
            "kernel": initializers.he_normal()(jax.random.fold_in(first, 1), (32, 48)),
            "bias": initializers.normal(0.01)(jax.random.fold_in(first, 2), (48,)),
        },
        "recurrent": {
            "kernel": initializers.orthogonal()(jax.random.fold_in(second, 1), (24, 16)),
            "half": initializers.truncated_normal(0.02)(second, (16, 8), "bfloat16"),
        },
    }


def compiled():
    """Compare the shards of this process, from functions compiled for the devices of all, with parts of the whole."""
    sharding = over(np.array(jax.devices()), None, "x")
    makers = {
        "initialize": (lambda key: flat(oneseed_jax.initialize(TREE, SCHEME, seed=key)), 7),
        "init": (lambda key: flat(_init(key)), jax.random.key(7)),
    }
    found = {}
    for kind, (make, seed) in makers.items():
        whole = make(seed)
        run = jax.jit(make, out_shardings={name: sharding(name) for name in whole}).lower(jax.random.key(7)).compile()
        found[kind] = {
            "whole": {name: oneseed.fingerprint(array) for name, array in whole.items()},
            "compared": _compared(run(jax.random.key(7)), whole),
            "calls": "oneseed_draw" in run.as_text(),
            "exchanges": "all-" in run.as_text(),
        }
    return found


def memory():
    """Measure the peak of this process while it makes half of 128 MiB, after a small tree has warmed it up."""
    sharding = over(np.array(jax.devices()), None, "x")
    oneseed_jax.initialize(TREE, SCHEME, seed=7, shardings=sharding)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # start the peak anew
    tree = {str(number): {"kernel": _kernel(4096, 2048)} for number in range(4)}
    made = flat(oneseed_jax.initialize(tree, SCHEME, seed=7, shardings=sharding))
    jax.block_until_ready(made)
    peak = _status("VmHWM") - before
    own = sum(shard.data.nbytes for array in made.values() for shard in array.addressable_shards)
    return {"own": own, "peak": peak}


def _status(field):
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


MEASURES = {"fingerprints": fingerprints, "processes": processes, "compiled": compiled, "memory": memory}


def main():
    which, processes_, number, port = sys.argv[1:]
    if int(processes_) > 1:
        jax.distributed.initialize(f"localhost:{port}", int(processes_), int(number))
    print(json.dumps(MEASURES[which]()))


if __name__ == "__main__":
    main()
