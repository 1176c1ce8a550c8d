"""Draws of each installed framework against the framework's own sampler, side by side on the CPU.

Run it as ``python benchmarks/cpu.py [--count N] [--json FILE] [--plot FILE] [--compare FILE]``, in an environment with
any of torch, jax, tensorflow and keras; missing ones are named. The two sides of a pair are timed alternately in one
process, one process for each framework, after untimed runs; the table has medians and the ratio theirs / ours. Freed
memory stays with the process, so that neither side pays for the system's clearing of it; in the rows of fresh memory
both pay. With ``--compare`` the ratios of an earlier ``--json`` are printed too.
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
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import bars
import numpy as np

from oneseed.initializers import HeNormal, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, Zeros

REPEATS = 9
SMALL = 1e-3
"""Seconds below which calls are timed by many at once."""

SETTLE = 0.1
"""Seconds that each side runs untimed before each measurement, until its threads are awake and the other's asleep."""

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34)}
"""Settings of glibc, by which memory that was freed stays with the process, and is not cleared by the system again."""

Pair = tuple[Callable[[], Any], Callable[[], Any]]
"""Ours and theirs."""

PAIRS: dict[str, Pair] = {}
MISSING: list[str] = []


def installed(*names: str) -> bool:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    MISSING.extend(missing)
    return not missing


def draw(init: Any, shape: tuple[int, ...], backend: str, dtype: str = "float32") -> Callable[[], Any]:
    return lambda: init(shape, dtype, backend=backend)


def numpy_normal(shape: tuple[int, ...]) -> Pair:
    generator = np.random.default_rng(7)
    ours = draw(RandomNormal(0.0, 1.0, 7), shape, "numpy")
    return ours, lambda: generator.standard_normal(shape, dtype=np.float32)


def numpy_uniform(shape: tuple[int, ...]) -> Pair:
    generator = np.random.default_rng(7)
    ours = draw(RandomUniform(0.0, 1.0, 7), shape, "numpy")
    return ours, lambda: generator.random(shape, dtype=np.float32)


def numpy_pairs(shape: tuple[int, ...]) -> None:
    PAIRS["numpy: normal f32 / Generator.standard_normal"] = numpy_normal(shape)
    PAIRS["numpy: uniform f32 / Generator.random"] = numpy_uniform(shape)
    out = np.empty(shape, np.float32)
    PAIRS["numpy: normal f32 / fill of an array in memory (the limit: below 1)"] = (
        numpy_normal(shape)[0],
        lambda: out.fill(1.0),
    )
    PAIRS["numpy: zeros (256,) / numpy.zeros"] = draw(Zeros(), (256,), "numpy"), lambda: np.zeros((256,), np.float32)


def fresh_memory_pairs(shape: tuple[int, ...]) -> None:
    PAIRS["numpy, fresh memory: normal f32 / Generator.standard_normal"] = numpy_normal(shape)
    PAIRS["numpy, fresh memory: uniform f32 / Generator.random"] = numpy_uniform(shape)


def one_thread_pairs(shape: tuple[int, ...]) -> None:
    PAIRS["numpy, one thread: normal f32 / Generator.standard_normal"] = numpy_normal(shape)


def torch_pairs(shape: tuple[int, ...]) -> None:
    import torch

    normal, truncated = RandomNormal(0.0, 1.0, 7), TruncatedNormal(0.0, 1.0, 7)
    for dtype in ("float32", "bfloat16"):
        kind = getattr(torch, dtype)
        PAIRS[f"torch: normal {dtype} / Tensor.normal_"] = (
            draw(normal, shape, "torch", dtype),
            lambda kind=kind: torch.empty(shape, dtype=kind).normal_(),  # type: ignore[misc]
        )
    PAIRS["torch: truncated normal f32 / nn.init.trunc_normal_"] = (
        draw(truncated, shape, "torch"),
        lambda: torch.nn.init.trunc_normal_(torch.empty(shape)),
    )
    PAIRS["torch: uniform f32 / Tensor.uniform_"] = (
        draw(RandomUniform(0.0, 1.0, 7), shape, "torch"),
        lambda: torch.empty(shape).uniform_(),
    )
    PAIRS["torch: orthogonal (2048, 2048) / nn.init.orthogonal_"] = (
        draw(Orthogonal(seed=7), (2048, 2048), "torch"),
        lambda: torch.nn.init.orthogonal_(torch.empty(2048, 2048)),
    )
    PAIRS["torch: zeros (256,) / torch.zeros"] = draw(Zeros(), (256,), "torch"), lambda: torch.zeros(256)


def jax_pairs(shape: tuple[int, ...]) -> None:
    import jax

    key = jax.random.key(7)
    normal, truncated = RandomNormal(0.0, 1.0, 7), TruncatedNormal(0.0, 1.0, 7)
    theirs = jax.jit(lambda key: jax.random.normal(key, shape))
    theirs_truncated = jax.jit(lambda key: jax.random.truncated_normal(key, -2.0, 2.0, shape))
    ours = jax.jit(lambda key: RandomNormal(0.0, 1.0, key)(shape, backend="jax"))
    for what, init, other in (("normal", normal, theirs), ("truncated normal", truncated, theirs_truncated)):
        PAIRS[f"jax: {what} f32 eager / jitted jax.random"] = (
            lambda init=init: init(shape, backend="jax").block_until_ready(),  # type: ignore[misc]
            lambda other=other: other(key).block_until_ready(),  # type: ignore[misc]
        )
    PAIRS["jax: normal f32 in jit / jitted jax.random.normal"] = (
        lambda: ours(key).block_until_ready(),
        lambda: theirs(key).block_until_ready(),
    )


def tensorflow_pairs(shape: tuple[int, ...]) -> None:
    import tensorflow as tf

    normal, truncated = RandomNormal(0.0, 1.0, 7), TruncatedNormal(0.0, 1.0, 7)
    PAIRS["tensorflow: normal f32 eager / stateless_normal"] = (
        draw(normal, shape, "tensorflow"),
        lambda: tf.random.stateless_normal(shape, (7, 0)),
    )
    PAIRS["tensorflow: truncated normal f32 eager / stateless_truncated_normal"] = (
        draw(truncated, shape, "tensorflow"),
        lambda: tf.random.stateless_truncated_normal(shape, (7, 0)),
    )
    compiled = tf.function(lambda seed: RandomNormal(0.0, 1.0, seed)(shape, backend="tensorflow"), jit_compile=True)
    seed = tf.constant(7, tf.int64)
    PAIRS["tensorflow: normal f32 in tf.function(jit_compile=True) / stateless_normal"] = (
        lambda: compiled(seed),
        lambda: tf.random.stateless_normal(shape, (7, 0)),
    )


def keras_pairs(backend: str) -> None:
    """Against the Keras of this process, whose backend KERAS_BACKEND has fixed."""
    import keras

    def settled(make: Callable[[], Any]) -> Callable[[], Any]:
        return (lambda: make().block_until_ready()) if backend == "jax" else make

    for shape in ((1024, 1024), (64, 64)):
        theirs, ours = keras.initializers.HeNormal(7), HeNormal(7)
        PAIRS[f"{backend}: he_normal {shape} / keras.initializers"] = (
            settled(draw(ours, shape, backend)),
            settled(lambda theirs=theirs, shape=shape: theirs(shape, "float32")),  # type: ignore[misc]
        )
    theirs_orthogonal = keras.initializers.Orthogonal(seed=7)
    PAIRS[f"{backend}: orthogonal (2048, 2048) / keras.initializers"] = (
        settled(draw(Orthogonal(seed=7), (2048, 2048), backend)),
        settled(lambda: theirs_orthogonal((2048, 2048), "float32")),
    )


def timed(run: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def settle(run: Callable[[], Any]) -> None:
    end = time.perf_counter() + SETTLE
    while time.perf_counter() < end:
        run()


def measure() -> list[dict[str, Any]]:
    """Time the two sides of every pair alternately, ours first."""
    rows = []
    for name, pair in PAIRS.items():
        # The first call loads and compiles; the second tells how many fit into a measurement.
        for run in pair:
            run()
        calls = [max(1, round(SMALL / timed(run, 2))) for run in pair]
        times: list[list[float]] = [[], []]
        for _ in range(REPEATS):
            for taken, run, count in zip(times, pair, calls, strict=True):
                settle(run)
                taken.append(timed(run, count))
        ours, theirs = map(statistics.median, times)
        rows.append({"what": name, "ours_ms": ours * 1e3, "theirs_ms": theirs * 1e3, "ratio": theirs / ours})
    return rows


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"processor": processor(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    for name in ("oneseed", "numpy", "torch", "jax", "tensorflow", "keras"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def processor() -> str:
    """Return what the system calls the processor, and the widest vectors it has."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in map(str.strip, file) if ":" in line)
    except OSError:
        return platform.processor() or platform.machine()
    named = {key.strip(): value.strip() for key, value in lines.items()}
    flags = named.get("flags", "").split()
    vectors = next((name for name in ("avx512f", "avx2") if name in flags), "")
    return f"{named.get('model name', platform.machine())} {vectors}".strip()


def child(name: str, count: int) -> list[dict[str, Any]]:
    """Measure one framework in a process of its own, so that none slows another's threads down."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", name, "--count", str(count)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "KERAS_BACKEND": name.removeprefix("keras-"),
            **({} if name == "numpy, fresh memory" else KEEP_MEMORY),
            **({"ONESEED_NUM_THREADS": "1"} if name == "numpy, one thread" else {}),
        },
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def main() -> None:
    """Measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=2**24, help="values in the large draws")
    options.add_argument("--json", help="write the results to this file")
    options.add_argument("--plot", help="draw the ratios to this SVG file")
    options.add_argument("--compare", help="a file that --json has written, to compare the ratios with")
    options.add_argument("--only", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    parts = {
        "numpy": numpy_pairs,
        "numpy, one thread": one_thread_pairs,
        "numpy, fresh memory": fresh_memory_pairs,
        "torch": torch_pairs,
        "jax": jax_pairs,
        "tensorflow": tensorflow_pairs,
    }
    if chosen.only:
        if chosen.only.startswith("keras-"):
            keras_pairs(chosen.only.removeprefix("keras-"))
        else:
            parts[chosen.only]((chosen.count,))
        print(json.dumps(measure()))
        return
    packages = [name for name in ("numpy", "torch", "jax", "tensorflow") if installed(name)]
    names = [name for name in parts if name.partition(",")[0] in packages]
    if installed("keras"):
        names += [f"keras-{name}" for name in packages]
    rows = [row for name in names for row in child(name, chosen.count)]
    result = {"versions": versions(), "count": chosen.count, "rows": rows}
    print(", ".join(f"{name} {version}" for name, version in result["versions"].items()))  # type: ignore[attr-defined]
    before = earlier(chosen.compare) if chosen.compare else {}
    print(f"{'':76}{'ours ms':>10}{'theirs ms':>11}{'ratio':>8}{'before':>8}")
    for row in rows:
        then = f"{before[row['what']]:8.2f}" if row["what"] in before else ""
        print(f"{row['what']:76}{row['ours_ms']:10.3f}{row['theirs_ms']:11.3f}{row['ratio']:8.2f}{then}")
    if MISSING:
        print("not measured, because it is not installed:", ", ".join(MISSING))
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
            file.write("\n")
    if chosen.plot:
        with open(chosen.plot, "w", encoding="utf-8") as file:
            file.write(bars.picture(rows))


def earlier(file: str) -> dict[str, float]:
    """Return the ratios of an earlier run, and say where and with what it was made."""
    with open(file, encoding="utf-8") as opened:
        stored = json.load(opened)
    print("before:", ", ".join(f"{name} {version}" for name, version in stored["versions"].items()))
    return {row["what"]: row["ratio"] for row in stored["rows"]}


if __name__ == "__main__":
    main()
