"""What it costs to compile a model's initialization in JAX: oneseed_jax.initializers beside jax.nn.initializers.

Run it as ``python benchmarks/jax_compile.py [--counts N ...] [--models NAME ...] [--devices N] [--json FILE]``, in an
environment with jax, and with flax for the models that are not raw. Each cell is a process of its own, which traces,
lowers and compiles ``jax.jit(init)`` of a model once, for the CPU and without a cache; the sides take turns.

The table has CPU seconds, of all threads: to trace the model's Python code, and to lower and compile what was traced;
then the instructions of the optimized program. The first column is the model's own tracing, with zeros in place of
random values, which no initializer can avoid. Of the two ratios, the first is that of lowering and compiling, the
second that of all three steps. "initialize" is one call of ``oneseed_jax.initialize`` for the parameters of the raw
model, which JAX does not have. With ``--devices`` the parameters are cut over as many devices of the host.
"""

import argparse
import importlib
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
ZEROS = "zeros"
"""The third side, which draws nothing."""
STEPS = ("trace", "lower", "compile")
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

    initializers = importlib.import_module(SIDES.get(side, SIDES["jax"]))
    drawn = initializers.zeros if side == ZEROS else initializers.normal(0.02)

    def make() -> Callable[[Any], Any]:
        return MODELS[model](drawn, count)

    key = jax.random.key(7)
    jax.block_until_ready(jax.jit(lambda key: initializers.normal()(key, (3,), "float32"))(key))  # all is loaded
    places = None
    if devices > 1:
        place = jax.sharding.NamedSharding(jax.make_mesh((devices,), ("x",)), jax.sharding.PartitionSpec("x"))
        # Of a model of its own, since JAX keeps what it has traced.
        places = jax.tree.map(lambda leaf: place, jax.eval_shape(make(), key))
    times = [time.process_time()]
    traced = jax.jit(make(), out_shardings=places).trace(key)
    times.append(time.process_time())
    lowered = traced.lower()
    times.append(time.process_time())
    compiled = lowered.compile()
    times.append(time.process_time())
    steps = {step: end - start for step, start, end in zip(STEPS, times, times[1:], strict=False)}
    instructions = [line for line in compiled.as_text().splitlines() if line.startswith("  ") and " = " in line]
    return {**steps, "lines": len(instructions)}


def apart(model: str, side: str, count: int, devices: int) -> dict[str, float]:
    """Compile one model in a process of its own."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    command = [sys.executable, __file__, "--one", model, side, str(count), "--devices", str(devices)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def after(found: dict[str, float]) -> float:
    """Return the seconds after tracing."""
    return found["lower"] + found["compile"]


def whole(found: dict[str, float]) -> float:
    """Return the seconds of all steps."""
    return found["trace"] + after(found)


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
    print("                    CPU s: trace         lower + compile      lines            jax / oneseed, of")
    print("model, parameters  zeros oneseed /    jax     oneseed /    jax    oneseed /    jax   compile       all")
    for model in chosen.models:
        for count in chosen.counts:
            found = {side: apart(model, side, count, chosen.devices) for side in (*SIDES, ZEROS)}
            ours, theirs = (found[side] for side in SIDES)
            columns = [
                f"{model + ',':11} {count:5}  {found[ZEROS]['trace']:5.2f}",
                f"{ours['trace']:7.2f} / {theirs['trace']:6.2f}",
                f"{after(ours):11.2f} / {after(theirs):6.2f}",
                f"{ours['lines']:10} / {theirs['lines']:6}",
                *(f"{cost(theirs) / cost(ours):9.1f}" for cost in (after, whole)),
            ]
            print(*columns, flush=True)
            results.append({"model": model, "parameters": count, **found})
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({"devices": chosen.devices, "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
