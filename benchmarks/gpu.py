"""Draws on a GPU: the known answers on the device, then the speed beside a memset and the frameworks' own samplers.

Run it as ``python benchmarks/gpu.py [--counts N ...] [--json FILE] [--plot FILE]`` on a machine with a GPU, in an
environment with any of torch, jax and tensorflow built for it. Each framework has a process of its own. A wrong bit
ends it with status 1, and so does a machine without a GPU. The table has medians: GB/s written, and the ratio theirs /
ours of times.
"""

import argparse
import importlib.resources
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Each framework takes memory as it needs it, and leaves the rest for the largest draw.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

from oneseed.initializers import RandomNormal, RandomUniform, TruncatedNormal

REPEATS = 20
COUNTS = [2**12, 2**20, 2**24, 2**28, 2**30]
SIZES = {"bfloat16": 2, "float16": 2, "float32": 4, "float64": 8}
NORMAL, TRUNCATED, UNIFORM = RandomNormal(0.0, 1.0, 7), TruncatedNormal(0.0, 1.0, 7), RandomUniform(0.0, 1.0, 7)

Case = tuple[str, str, Callable[[], Any], dict[str, Callable[[], Any]]]
"""What is drawn, its dtype, how oneseed does it, and how others do, a memset first."""


# Bits -----------------------------------------------------------------------------------------------------------------


def differences(backend: str, device: str) -> list[str]:
    """Compare known answers and a million values of each distribution with the device's; return what differs."""
    from oneseed.host_arrays import to_numpy

    file = importlib.resources.files("oneseed.stream") / "data" / "vectors.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    normals = [(each["mean"], each["stddev"]) for each in known["normal_params"]]
    makers_of = {
        "normal": [lambda seed, each=each: RandomNormal(*each, seed) for each in normals],
        "truncated_pm2": [lambda seed, each=each: TruncatedNormal(*each, seed) for each in normals],
        "uniform": [lambda seed, each=each: RandomUniform(*each, seed) for each in known["uniform_params"]],
    }
    wrong = []
    for dtype, kind in (("float32", "u4"), ("float64", "u8")):
        for row in known["rows"]:
            where = {"path": row["path"], "partition_shape": (1,), "partition_offset": (row["index"],)}
            for name, makers in makers_of.items():
                for make, expected in zip(makers, row[dtype][name], strict=True):
                    tensor = make(row["seed"])((2**41,), dtype, backend=backend, device=device, **where)
                    if int(to_numpy(tensor).view(kind)[0]) != int(expected, 16):
                        wrong.append(f"{dtype} {name} at seed {row['seed']}, path {row['path']}, index {row['index']}")
    shapes: list[dict[str, Any]] = [{}, {"axes": "o i"}, {"partition_shape": (900, 801), "partition_offset": (7, 3)}]
    for dtype in SIZES:
        for init in (NORMAL, TRUNCATED, UNIFORM, RandomNormal(0.3, 0.02, 7), TruncatedNormal(-5.0, 0.01, 7)):
            for call in shapes:
                tensor = init((1000, 1001), dtype, backend=backend, device=device, **call)
                if to_numpy(tensor).tobytes() != init((1000, 1001), dtype, backend="numpy", **call).tobytes():
                    wrong.append(f"{dtype} {init!r} {call}")
    return wrong


# Frameworks -----------------------------------------------------------------------------------------------------------


def torch_cases(count: int, device: str) -> Iterator[Case]:
    import torch

    from oneseed_torch.drawing.filling import fill_

    torch.manual_seed(7)
    trunc = torch.nn.init.trunc_normal_
    for what, init, dtype, theirs in (
        ("normal", NORMAL, "float32", {"Tensor.normal_": torch.Tensor.normal_}),
        ("normal", NORMAL, "bfloat16", {"Tensor.normal_": torch.Tensor.normal_}),
        ("normal", NORMAL, "float64", {"Tensor.normal_": torch.Tensor.normal_}),
        ("truncated normal", TRUNCATED, "float32", {"nn.init.trunc_normal_": trunc}),
        ("truncated normal", TRUNCATED, "bfloat16", {"nn.init.trunc_normal_": trunc}),
        ("uniform", UNIFORM, "float32", {"Tensor.uniform_": torch.Tensor.uniform_}),
        ("uniform", UNIFORM, "bfloat16", {"Tensor.uniform_": torch.Tensor.uniform_}),
    ):
        out = torch.empty(count, dtype=getattr(torch, dtype), device=device)
        draw = init.describe((count,), dtype)
        others: dict[str, Any] = {"memset": torch.Tensor.zero_, **theirs}
        runs = {name: lambda run=run, out=out: run(out) for name, run in others.items()}
        yield what, dtype, lambda draw=draw, out=out: fill_(draw, out), runs  # type: ignore[misc]
    if count % 1024 == 0:  # a weight of (outputs, inputs), whose index runs along the outputs
        out = torch.empty(count // 1024, 1024, device=device)
        draw = NORMAL.describe(tuple(out.shape), axes="o i")
        yield "normal, transposed", "float32", lambda: fill_(draw, out), {"memset": out.zero_}


def torch_time(run: Callable[[], Any]) -> float:
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def torch_device() -> tuple[str, str, int] | None:
    import torch

    if not torch.cuda.is_available():
        return None
    return "cuda", torch.cuda.get_device_name(), int(torch.cuda.mem_get_info()[0])


def jax_cases(count: int, device: str) -> Iterator[Case]:
    import jax
    import jax.numpy as jnp

    key, shape = jax.random.key(7), (count,)

    for dtype in ("float32", "bfloat16"):
        kind = jnp.dtype(dtype)
        samplers = {
            "normal": (NORMAL, lambda key, kind=kind: jax.random.normal(key, shape, kind)),
            "truncated normal": (
                TRUNCATED,
                lambda key, kind=kind: jax.random.truncated_normal(key, -2.0, 2.0, shape, kind),
            ),
            "uniform": (UNIFORM, lambda key, kind=kind: jax.random.uniform(key, shape, kind)),
        }
        zeros = jax.jit(lambda kind=kind: jnp.zeros(shape, kind))
        for what, (init, theirs) in samplers.items():
            jitted = jax.jit(theirs)
            runs = {"memset": zeros, f"jitted jax.random.{what.replace(' ', '_')}": lambda run=jitted: run(key)}
            eager = partial(init, shape, dtype, backend="jax", device=device)
            inside = jax.jit(lambda init=init, dtype=dtype: init(shape, dtype, backend="jax"))
            yield what, dtype, eager, runs
            yield f"{what} in jit", dtype, inside, runs


def jax_time(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run().block_until_ready()
    return time.perf_counter() - start


def jax_device() -> tuple[str, str, int] | None:
    import jax

    try:
        device = jax.devices("gpu")[0]
    except RuntimeError:
        return None
    return "gpu", device.device_kind, int((device.memory_stats() or {}).get("bytes_limit", 8e9))


def tensorflow_cases(count: int, device: str) -> Iterator[Case]:
    import tensorflow as tf

    for what, init, theirs in (
        ("normal", NORMAL, tf.random.stateless_normal),
        ("truncated normal", TRUNCATED, tf.random.stateless_truncated_normal),
    ):
        runs = {
            "memset": lambda: tf.zeros((count,)),
            f"{theirs.__name__}": lambda theirs=theirs: theirs((count,), (7, 0)),
        }
        yield what, "float32", lambda init=init: init((count,), backend="tensorflow", device=device), runs  # type: ignore[misc]


def tensorflow_time(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    tensor = run()
    tensor[-1:].numpy()  # one element reaches the host when the work is done
    return time.perf_counter() - start


def tensorflow_device() -> tuple[str, str, int] | None:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    return "GPU:0", details.get("device_name", "GPU"), int(8e9)


FRAMEWORKS: dict[str, tuple[Any, Any, Any]] = {
    "torch": (torch_device, torch_cases, torch_time),
    "jax": (jax_device, jax_cases, jax_time),
    "tensorflow": (tensorflow_device, tensorflow_cases, tensorflow_time),
}


# Measuring ------------------------------------------------------------------------------------------------------------


def measured(name: str, counts: list[int]) -> dict[str, Any]:
    """Check and time one framework in this process."""
    find, cases, clock = FRAMEWORKS[name]
    place = find()
    if place is None:
        return {"device": None}
    device, described, free = place
    if name == "jax":
        import jax

        with jax.enable_x64(True):
            wrong = differences(name, device)
    else:
        wrong = differences(name, device)
    rows, skipped = [], []
    for count in counts:
        if 3 * 4 * count > free:  # a result, another's, and what the others need beside it
            skipped.append(count)
            continue
        for what, dtype, ours, others in cases(count, device):
            runs = {"oneseed": ours, **others}
            taken: dict[str, list[float]] = {run: [] for run in runs}
            for _ in range(REPEATS + 2):
                for run, make in runs.items():
                    taken[run].append(clock(make))
            medians = {run: statistics.median(times[2:]) for run, times in taken.items()}
            ratios = {run: medians[run] / medians["oneseed"] for run in others}
            speed = count * SIZES[dtype] / medians["oneseed"] / 1e9
            rows.append({"what": what, "dtype": dtype, "count": count, "GB/s": speed, "ratios": ratios})
    return {"device": described, "wrong": wrong, "rows": rows, "skipped": skipped}


def child(name: str, counts: list[int]) -> dict[str, Any]:
    """Measure a framework in a process of its own, so that none holds another's memory."""
    command = [sys.executable, __file__, "--only", name, "--counts", *map(str, counts)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("oneseed", "numpy", "torch", "triton", "jax", "jaxlib", "tensorflow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def main() -> int:
    """Check, measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="values in a draw")
    options.add_argument("--json", help="write the results to this file")
    options.add_argument("--plot", help="draw the GB/s to this PNG file; needs matplotlib")
    options.add_argument("--only", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.only:
        print(json.dumps(measured(chosen.only, chosen.counts)))
        return 0
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    names = [name for name in FRAMEWORKS if importlib.util.find_spec(name)]
    found = {name: child(name, chosen.counts) for name in names}
    for name in FRAMEWORKS:
        if name not in found:
            print(f"{name}: not installed")
        elif found[name]["device"] is None:
            print(f"{name}: finds no GPU")
    found = {name: result for name, result in found.items() if result["device"]}
    if not found:
        print("Nothing was measured: no installed framework finds a GPU here.", file=sys.stderr)
        return 1
    for name, result in found.items():
        report(name, result)
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({"versions": versions(), "frameworks": found}, file, indent=2)
            file.write("\n")
    if chosen.plot:
        plot(found, chosen.plot)
    return int(any(result["wrong"] for result in found.values()))


def report(name: str, result: dict[str, Any]) -> None:
    """Print what was found of one framework."""
    print(f"\n{name} on {result['device']}")
    wrong = result["wrong"]
    print("known answers: " + ("every bit agrees" if not wrong else f"{len(wrong)} DIFFER, the first: {wrong[0]}"))
    print(f"{'':34}{'values':>12}{'GB/s':>9}   their time / oneseed's time")
    for row in result["rows"]:
        ratios = ", ".join(f"{run} {ratio:.2f}" for run, ratio in row["ratios"].items())
        print(f"{row['what'] + ' ' + row['dtype']:34}{row['count']:12}{row['GB/s']:9.0f}   {ratios}")
    if result["skipped"]:
        print("not measured, for want of memory:", ", ".join(map(str, result["skipped"])))


def plot(found: dict[str, Any], file: str) -> None:
    """Draw how fast each kind of draw writes, over the size of the draw."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panes = pyplot.subplots(1, len(found), figsize=(7 * len(found), 5), layout="constrained", squeeze=False)
    for axes, (name, result) in zip(panes[0], found.items(), strict=True):
        kinds = dict.fromkeys((row["what"], row["dtype"]) for row in result["rows"])
        for kind in kinds:
            rows = [row for row in result["rows"] if (row["what"], row["dtype"]) == kind]
            axes.plot([row["count"] for row in rows], [row["GB/s"] for row in rows], "o-", label=" ".join(kind))
        axes.set_xscale("log", base=2)
        axes.set_xlabel("values")
        axes.set_ylabel("GB/s written")
        axes.set_title(f"{name} on {result['device']}")
        axes.legend()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
