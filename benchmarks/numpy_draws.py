"""Draws on NumPy alone, on one core, against NumPy's own generator.

Run it as `python benchmarks/numpy_draws.py`; with a number it draws that many values instead of 2**24. It prints the
median times of interleaved runs in one process, in nanoseconds an element, and the ratio to NumPy's time.
"""

import os
import platform
import statistics
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

import oneseed
from oneseed.initializers import RandomNormal, RandomUniform, TruncatedNormal

REPEATS = 7


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2**24
    generator = np.random.default_rng(7)
    shape = (count,)
    numpy_normal = lambda: generator.standard_normal(count, dtype=np.float32)  # noqa: E731
    numpy_uniform = lambda: generator.random(count, dtype=np.float32)  # noqa: E731
    normal, truncated = RandomNormal(0.0, 1.0, seed=7), TruncatedNormal(0.0, 1.0, seed=7)
    uniform = RandomUniform(0.0, 1.0, seed=7)
    cases = {
        "Generator.standard_normal(float32)": (numpy_normal, None),
        "RandomNormal float32": (lambda: normal(shape), "Generator.standard_normal(float32)"),
        "RandomNormal bfloat16": (lambda: normal(shape, "bfloat16"), "Generator.standard_normal(float32)"),
        "RandomNormal float64": (lambda: normal(shape, "float64"), "Generator.standard_normal(float32)"),
        "TruncatedNormal float32": (lambda: truncated(shape), "Generator.standard_normal(float32)"),
        "Generator.random(float32)": (numpy_uniform, None),
        "RandomUniform float32": (lambda: uniform(shape), "Generator.random(float32)"),
        "RandomUniform float64": (lambda: uniform(shape, "float64"), "Generator.random(float32)"),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(REPEATS + 1):
        for name, (run, _against) in cases.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    median = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    versions = f"oneseed {oneseed.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    print(f"{versions}, {count:,} values, 1 thread")
    print(f"{'':36}{'ns/element':>12}{'times NumPy':>14}")
    for name, (_run, against) in cases.items():
        ratio = f"{median[name] / median[against]:.2f}" if against else ""
        print(f"{name:36}{median[name] / count * 1e9:12.2f}{ratio:>14}")


if __name__ == "__main__":
    main()
