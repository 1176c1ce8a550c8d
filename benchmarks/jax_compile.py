"""What it costs to compile a model's initialization in JAX: oneseed_jax.initializers beside jax.nn.initializers.

Run it as ``python benchmarks/jax_compile.py [--counts N ...] [--models NAME ...] [--devices N] [--json FILE]``, in an
environment with jax, and with flax for the models that are not raw. Each cell is a process of its own, which traces,
lowers and compiles ``jax.jit(init)`` of a model once, for the CPU and without a cache; the two sides take turns.
The table has CPU seconds, of all threads, to trace and lower and to compile, and the instructions of the optimized
program. "initialize" is one call of ``oneseed_jax.initialize`` for the parameters of the raw model, which JAX has not.
With ``--devices`` the parameters are cut over as many devices of the host.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

COUNTS = (150, 500, 1000)
SIDES = {"oneseed": "oneseed_jax.initializers", "jax": "jax.nn.initializers"}
SHAPES = ((64, 64), (64, 256), (256, 64))
"""The kernels of a block; a model repeats them."""


def shapes(count: int) -> list[tuple[int, int]]:
    return [SHAPES[number % len(SHAPES)] for number in range(count)]


def raw(init: Any, count: int) -> Callable[[Any], Any]:
    """Parameters in a dict, with the keys of one `split`; Flax's models derive a key for each parameter by itself."""
    import jax

    def make(key: Any) -> Any:
        keys = jax.random.split(key, count)
        return {str(n): init(keys[n], shape, "float32") for n, shape in enumerate(shapes(count))}

    return make


def linen(init: Any, count: int) -> Callable[[Any], Any]:
    """Dense layers without biases, one behind the other."""
    import jax.numpy as jnp
    from flax import linen as nn

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for inputs, outputs in shapes(count):
                x = nn.Dense(outputs, use_bias=False, kernel_init=init)(x[:, :inputs])
                x = jnp.concatenate([x] * (256 // outputs), axis=1)
            return x

    return lambda key: Model().init(key, jnp.zeros((1, 256)))


def nnx(init: Any, count: int) -> Callable[[Any], Any]:
    """Linear layers without biases, in a list."""
    from flax import nnx

    class Model(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.layers = nnx.List(
                [nnx.Linear(*shape, use_bias=False, kernel_init=init, rngs=rngs) for shape in shapes(count)]
            )

    return lambda key: nnx.state(Model(nnx.Rngs(key)), nnx.Param)


def initialize(init: Any, count: int) -> Callable[[Any], Any]:
    """The raw model's parameters by a scheme; by JAX's initializers, the raw model itself."""
    import jax

    if init.__module__.startswith("jax."):
        return raw(init, count)
    import oneseed
    import oneseed_jax

    tree = {str(n): jax.ShapeDtypeStruct(shape, "float32") for n, shape in enumerate(shapes(count))}
    scheme = oneseed.Scheme([oneseed.Rule("*", oneseed.initializers.RandomNormal(stddev=0.02))])
    return lambda key: oneseed_jax.initialize(tree, scheme, seed=key)


MODELS = {"raw": raw, "linen": linen, "nnx": nnx, "initialize": initialize}


def measure(model: str, side: str, count: int, devices: int) -> dict[str, float]:
    """Compile one model in this process."""
    import jax

    initializers = importlib.import_module(SIDES[side])
    init = MODELS[model](initializers.normal(0.02), count)
    key = jax.random.key(7)
    jax.block_until_ready(jax.jit(lambda key: initializers.normal()(key, (3,), "float32"))(key))  # all is loaded
    places = None
    if devices > 1:
        place = jax.sharding.NamedSharding(jax.make_mesh((devices,), ("x",)), jax.sharding.PartitionSpec("x"))
        places = jax.tree.map(lambda leaf: place, jax.eval_shape(init, key))
    start = time.process_time()
    lowered = jax.jit(init, out_shardings=places).lower(key)
    middle = time.process_time()
    compiled = lowered.compile()
    end = time.process_time()
    instructions = [line for line in compiled.as_text().splitlines() if line.startswith("  ") and " = " in line]
    return {"lower": middle - start, "compile": end - middle, "lines": len(instructions)}


def apart(model: str, side: str, count: int, devices: int) -> dict[str, float]:
    """Compile one model in a process of its own."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    command = [sys.executable, __file__, "--one", model, side, str(count), "--devices", str(devices)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        model, side, count = chosen.one
        print(json.dumps(measure(model, side, int(count), chosen.devices)))
        return
    if importlib.util.find_spec("flax") is None:
        print("flax is not installed: the raw model alone")
        chosen.models = [name for name in chosen.models if name in ("raw", "initialize")]
    results = []
    print("model, parameters     trace + lower, CPU s   compile, CPU s      lines of the program     jax / oneseed")
    for model in chosen.models:
        for count in chosen.counts:
            ours, theirs = (apart(model, side, count, chosen.devices) for side in SIDES)
            ratio = (theirs["lower"] + theirs["compile"]) / (ours["lower"] + ours["compile"])
            print(
                f"{model + ',':11} {count:5}    {ours['lower']:8.2f} / {theirs['lower']:6.2f}"
                f"    {ours['compile']:8.2f} / {theirs['compile']:6.2f}"
                f"    {ours['lines']:8} / {theirs['lines']:8}     {ratio:10.1f}",
                flush=True,
            )
            results.append({"model": model, "parameters": count, "oneseed": ours, "jax": theirs})
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({"devices": chosen.devices, "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
