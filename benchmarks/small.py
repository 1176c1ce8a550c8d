"""Draws of every size, from one value to 16 million, against each framework's own, side by side on the CPU.

Run it as ``python benchmarks/small.py [--json FILE] [--most N] [--only FRAMEWORK]``, in an environment with any of
torch, jax, tensorflow and keras. Both sides of a pair are timed alternately in one process, a process for each
framework, after untimed runs; the table has the medians in microseconds a call, and the ratio theirs / ours. Sizes are
squares, whose side doubles from row to row. The first draws of fresh processes follow, see `first_draw.py`.

``python benchmarks/small.py --table FILE`` prints the ratios in a file that ``--json`` wrote, as Markdown.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import first_draw
import numpy as np

import oneseed
from oneseed.initializers import (
    GlorotUniform,
    HeNormal,
    Identity,
    Ones,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    Zeros,
)

REPEATS = 9
SHOWN = (1, 64, 4096, 65536, 1 << 20, 1 << 24)
"""Sizes of which a table has the ratios."""

LIMITS = {"orthogonal_": 1 << 18, "sparse_": 1 << 18, "dirac_": 1 << 18}
"""Values in the largest draws of functions that take very long at one of the two sides."""

LONG_ENOUGH = 2e-3
"""Seconds of a measurement, for which a short call is repeated."""

Side = Callable[[tuple[int, int]], Callable[[], Any]]
"""From a shape to a call that fills or makes a tensor of it."""

OURS = {
    "he_normal": HeNormal(7),
    "normal": RandomNormal(0.0, 0.02, 7),
    "uniform": RandomUniform(-0.02, 0.02, 7),
    "truncated": TruncatedNormal(0.0, 0.02, 7),
    "zeros": Zeros(),
    "ones": Ones(),
    "identity": Identity(),
}


FILLS = (
    "kaiming_normal_",
    "kaiming_uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "normal_",
    "uniform_",
    "trunc_normal_",
    "zeros_",
    "ones_",
    "eye_",
)
"""Functions of `oneseed_torch.init` and `torch.nn.init`, called without a seed."""


def ours(name: str, dtype: str = "float32") -> Side:
    init = OURS[name]
    return lambda shape: lambda: init(shape, dtype)


def numpy_pairs() -> dict[str, tuple[Side, Side]]:
    generator = np.random.default_rng(7)
    return {
        "HeNormal / Generator.standard_normal": (
            ours("he_normal"),
            lambda shape: lambda: generator.standard_normal(shape, dtype=np.float32),
        ),
        "RandomUniform / Generator.random": (
            ours("uniform"),
            lambda shape: lambda: generator.random(shape, dtype=np.float32),
        ),
    }


def torch_pairs() -> dict[str, tuple[Side, Side]]:
    import torch

    from oneseed_torch import init

    def filled(function: Callable[..., Any], dtype: torch.dtype) -> Side:
        def side(shape: tuple[int, int]) -> Callable[[], Any]:
            tensor = torch.empty(shape, dtype=dtype)
            return lambda: function(tensor)

        return side

    pairs = {}
    for name in FILLS:
        for dtype in (torch.float32, torch.bfloat16):
            both = filled(getattr(init, name), dtype), filled(getattr(torch.nn.init, name), dtype)
            pairs[f"init.{name} {str(dtype).removeprefix('torch.')}"] = both
    pairs["init.kaiming_normal_ float32, with seed and path"] = (
        filled(partial(init.kaiming_normal_, seed=7, path="layer.weight"), torch.float32),
        filled(torch.nn.init.kaiming_normal_, torch.float32),
    )
    pairs["HeNormal / empty and nn.init.kaiming_normal_"] = (
        ours("he_normal"),
        lambda shape: lambda: torch.nn.init.kaiming_normal_(torch.empty(shape)),
    )
    given: dict[str, tuple[Any, ...]] = {"orthogonal_": (), "constant_": (0.5,), "sparse_": (0.1,)}
    for name, args in given.items():
        functions = (getattr(home, name) for home in (init, torch.nn.init))
        mine, theirs = (
            filled(lambda tensor, function=function, args=args: function(tensor, *args), torch.float32)
            for function in functions
        )
        pairs[f"init.{name} float32"] = mine, theirs

    def kernel(function: Callable[..., Any]) -> Side:
        def side(shape: tuple[int, int]) -> Callable[[], Any]:
            tensor = torch.empty(*shape, 1)
            return lambda: function(tensor)

        return side

    pairs["init.dirac_ float32"] = kernel(init.dirac_), kernel(torch.nn.init.dirac_)
    return pairs


def jax_pairs() -> dict[str, tuple[Side, Side]]:
    import jax

    from oneseed_jax import initializers

    key = jax.random.key(7)
    theirs = jax.nn.initializers.he_normal()
    he_normal = initializers.he_normal()
    return {
        "initializers.he_normal / nn.initializers.he_normal": (
            lambda shape: lambda: he_normal(key, shape).block_until_ready(),
            lambda shape: lambda: theirs(key, shape).block_until_ready(),
        ),
        "initializers.zeros / nn.initializers.zeros": (
            lambda shape: lambda: initializers.zeros(key, shape).block_until_ready(),
            lambda shape: lambda: jax.nn.initializers.zeros(key, shape).block_until_ready(),
        ),
        "HeNormal / nn.initializers.he_normal": (
            lambda shape: lambda: OURS["he_normal"](shape).block_until_ready(),
            lambda shape: lambda: theirs(key, shape).block_until_ready(),
        ),
        "RandomNormal / random.normal": (
            lambda shape: lambda: OURS["normal"](shape).block_until_ready(),
            lambda shape: lambda: jax.random.normal(key, shape).block_until_ready(),
        ),
        "RandomNormal bfloat16 / random.normal": (
            lambda shape: lambda: OURS["normal"](shape, "bfloat16").block_until_ready(),
            lambda shape: lambda: jax.random.normal(key, shape, "bfloat16").block_until_ready(),
        ),
        "RandomUniform / random.uniform": (
            lambda shape: lambda: OURS["uniform"](shape).block_until_ready(),
            lambda shape: lambda: jax.random.uniform(key, shape).block_until_ready(),
        ),
        "TruncatedNormal / random.truncated_normal": (
            lambda shape: lambda: OURS["truncated"](shape).block_until_ready(),
            lambda shape: lambda: jax.random.truncated_normal(key, -2.0, 2.0, shape).block_until_ready(),
        ),
    }


def tensorflow_pairs() -> dict[str, tuple[Side, Side]]:
    import tensorflow as tf

    return {
        "RandomNormal / random.normal": (ours("normal"), lambda shape: lambda: tf.random.normal(shape)),
        "TruncatedNormal / random.truncated_normal": (
            ours("truncated"),
            lambda shape: lambda: tf.random.truncated_normal(shape),
        ),
        "RandomNormal bfloat16 / random.normal": (
            ours("normal", "bfloat16"),
            lambda shape: lambda: tf.random.normal(shape, dtype=tf.bfloat16),
        ),
        "RandomUniform / random.uniform": (
            ours("uniform"),
            lambda shape: lambda: tf.random.uniform(shape),
        ),
    }


def keras_pairs(backend: str) -> dict[str, tuple[Side, Side]]:
    import keras

    from oneseed_keras import keras_initializers

    theirs = {
        "he_normal": keras.initializers.HeNormal(7),
        "normal": keras.initializers.RandomNormal(0.0, 0.02, 7),
        "uniform": keras.initializers.RandomUniform(-0.02, 0.02, 7),
        "truncated": keras.initializers.TruncatedNormal(0.0, 0.02, 7),
        "zeros": keras.initializers.Zeros(),
        "ones": keras.initializers.Ones(),
        "identity": keras.initializers.Identity(),
    }
    pairs: dict[str, tuple[Side, Side]] = {}
    for dtype in ("float32", "bfloat16"):
        for name, init in theirs.items():
            pairs[f"{type(init).__name__} {dtype} / Keras on {backend}"] = (
                ours(name, dtype),
                lambda shape, init=init, dtype=dtype: lambda: init(shape, dtype),  # type: ignore[misc]
            )
    for name in ("HeNormal", "Zeros"):
        both = [getattr(home, name)() for home in (keras_initializers, keras.initializers)]
        mine, its = (lambda shape, init=init: lambda: init(shape) for init in both)  # type: ignore[misc]
        pairs[f"{name} of Keras's classes / Keras on {backend}"] = mine, its
    pairs[f"GlorotUniform, built and called once / Keras on {backend}"] = (
        lambda shape: lambda: GlorotUniform()(shape),
        lambda shape: lambda: keras.initializers.GlorotUniform()(shape),
    )
    pairs[f"random.normal / Keras on {backend}"] = (
        lambda shape: lambda: oneseed.random.normal(shape, seed=7),
        lambda shape: lambda: keras.random.normal(shape, seed=7),
    )
    if backend == "jax":  # whose calls return before the values are there
        return {what: (waiting(mine), waiting(its)) for what, (mine, its) in pairs.items()}
    return pairs


def waiting(side: Side) -> Side:
    """Return a side whose calls wait until the values are there."""

    def made(shape: tuple[int, int]) -> Callable[[], Any]:
        call = side(shape)
        return lambda: call().block_until_ready()

    return made


def per_call(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def measured(pair: tuple[Side, Side], side: int) -> tuple[float, float]:
    """Return the medians of both, in seconds a call."""
    calls = [make((side, side)) for make in pair]
    counts = [max(1, int(LONG_ENOUGH / max(per_call(call, 1), per_call(call, 2), 1e-7))) for call in calls]
    times: list[list[float]] = [[], []]
    for _ in range(REPEATS):
        for taken, call, count in zip(times, calls, counts, strict=True):
            per_call(call, 1)
            taken.append(per_call(call, count))
    first, second = map(statistics.median, times)
    return first, second


def rows(name: str, most: int) -> list[dict[str, Any]]:
    oneseed.set_backend(name.removeprefix("keras-"))  # as Keras's is, beforehand
    parts = {"numpy": numpy_pairs, "torch": torch_pairs, "jax": jax_pairs, "tensorflow": tensorflow_pairs}
    pairs = keras_pairs(name.removeprefix("keras-")) if name.startswith("keras-") else parts[name]()
    found = []
    for what, pair in pairs.items():
        side = 1
        limit = next((values for name, values in LIMITS.items() if name in what), most)
        while side * side <= min(limit, most):
            mine, theirs = measured(pair, side)
            found.append(
                {"what": f"{name}: {what}", "size": side * side, "ours_us": mine * 1e6, "theirs_us": theirs * 1e6}
            )
            side *= 2
    return found


def used() -> dict[str, str]:
    """Return the versions, and the threads of both sides."""
    found = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    for name in ("oneseed", "numpy", "torch", "jax", "tensorflow", "keras"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    threads = os.environ.get("ONESEED_NUM_THREADS") or str(len(os.sched_getaffinity(0)))
    return {**found, "threads of oneseed": threads, "cores": str(os.cpu_count())}


def table(result: dict[str, Any]) -> str:
    """Return the ratios as Markdown: a row for each pair, a column for each size; and the first draws."""
    ratios: dict[str, dict[int, float]] = {}
    for row in result["rows"]:
        ratios.setdefault(row["what"], {})[row["size"]] = row["ratio"]
    lines = ["| theirs / ours | " + " | ".join(f"{size:,}" for size in SHOWN) + " |", "|---" * (len(SHOWN) + 1) + "|"]
    for what, found in ratios.items():
        cells = (f"{found[size]:.2f}" if size in found else "" for size in SHOWN)
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    lines += ["", "| ms | first | second |", "|---|---|---|"]
    lines += [f"| {row['what']} | {row['first_ms']:.2f} | {row['second_ms']:.2f} |" for row in result["first"]]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--most", type=int, default=2**24, help="values in the largest draws")
    options.add_argument("--json", help="write the results to this file")
    options.add_argument("--only", help="one framework: numpy, torch, jax, tensorflow, keras-torch, ...")
    options.add_argument("--table", metavar="FILE", help="print what --json has written as Markdown, and do no more")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.table:
        with open(chosen.table, encoding="utf-8") as file:
            print(table(json.load(file)))
        return
    if chosen.child:
        print(json.dumps(rows(chosen.only, chosen.most)))
        return
    packages = [name for name in ("numpy", "torch", "jax", "tensorflow") if importlib.util.find_spec(name)]
    names = packages + [f"keras-{name}" for name in packages if importlib.util.find_spec("keras")]
    result: list[dict[str, Any]] = []
    about = used()
    print(", ".join(f"{name} {each}" for name, each in about.items()) + "; microseconds a call")
    for name in [chosen.only] if chosen.only else names:
        command = [sys.executable, __file__, "--child", "--only", name, "--most", str(chosen.most)]
        environment = {**os.environ, "KERAS_BACKEND": name.removeprefix("keras-")}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        for row in json.loads(done.stdout.splitlines()[-1]):
            row["ratio"] = row["theirs_us"] / row["ours_us"]
            result.append(row)
            print(
                f"{row['what']:60}{row['size']:>10}{row['ours_us']:12.2f}{row['theirs_us']:12.2f}{row['ratio']:8.2f}",
                flush=True,
            )
    print("first and second draw of a process, ms")
    first = first_draw.rows([name for name in packages if chosen.only in (None, name)])
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({"versions": about, "rows": result, "first": first}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
