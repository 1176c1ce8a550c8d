"""How time and memory grow with the number of values, on the CPU.

Run it as ``python benchmarks/growth.py [--json FILE]``. It draws 1k to 1G normal values in bfloat16 on NumPy and prints
the median time of each size, and by how much a step grows more than the number of values. Then it draws 1 GiB on each
backend, and in other layouts and dtypes on NumPy, each in a process of its own, and prints by how much the process's
largest memory is above that before the draw and the result together, on Linux. Last, what XLA says of JAX's compiled
function.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from oneseed.initializers import RandomNormal

COUNTS = [2**10, 2**15, 2**20, 2**25, 2**30]
MIB = 2**20
CASES = {
    "numpy": ((2**28,), "float32", None),
    "numpy, transposed": ((2**14, 2**14), "float32", "o i"),
    "numpy, float64": ((2**27,), "float64", None),
    "numpy, bfloat16": ((2**29,), "bfloat16", None),
    "torch": ((2**28,), "float32", None),
    "jax": ((2**28,), "float32", None),
    "tensorflow": ((2**28,), "float32", None),
}


def growth() -> list[dict[str, float]]:
    """Time one draw of each size; small ones many times."""
    init = RandomNormal(0.0, 1.0, 7)
    init((2**23,), "bfloat16", backend="numpy")  # loads the kernels
    rows: list[dict[str, float]] = []
    for count in COUNTS:
        calls = max(1, 2**20 // count)
        times = []
        for _ in range(7 if count < 2**30 else 3):
            start = time.perf_counter()
            for _ in range(calls):
                init((count,), "bfloat16", backend="numpy")
            times.append((time.perf_counter() - start) / calls)
        rows.append({"count": count, "seconds": statistics.median(times)})
    return rows


def resident(field: str) -> int:
    """Return the memory of this process in bytes, as Linux tells it: "VmRSS" is that of now, "VmHWM" the largest."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def memory(case: str) -> float:
    """Draw once, in this process; return the MiB beyond the result."""
    shape, dtype, axes = CASES[case]
    init, backend = RandomNormal(0.0, 1.0, 7), case.partition(",")[0]
    init((2**22,), dtype, backend=backend)  # loads framework and kernels
    time.sleep(0.5)  # JAX gives memory back a little later
    before = resident("VmRSS")
    tensor = init(shape, dtype, axes=axes, backend=backend)
    size = int(np.prod(shape)) * {"float64": 8, "bfloat16": 2}.get(dtype, 4)
    del tensor
    return (resident("VmHWM") - before - size) / MIB


def compiled() -> int:
    """Return the bytes of temporary memory that XLA plans for JAX's compiled function."""
    import jax

    def draw(key: Any) -> Any:
        return RandomNormal(0.0, 1.0, key)((2**28,), backend="jax")

    return int(jax.jit(draw).lower(jax.random.key(7)).compile().memory_analysis().temp_size_in_bytes)


def main() -> None:
    """Measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", help="write the results to this file")
    options.add_argument("--memory", choices=CASES, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.memory:
        print(memory(chosen.memory))
        return
    result: dict[str, Any] = {"growth": growth(), "memory_mib": {}}
    last = None
    print(f"{'values':>14}{'ms':>12}{'ns a value':>12}{'growth / that of the number':>30}")
    for row in result["growth"]:
        each, count = row["seconds"] / row["count"], row["count"]
        step = "" if last is None else f"{each / last:.2f}"
        print(f"{count:14,}{row['seconds'] * 1e3:12.3f}{each * 1e9:12.2f}{step:>30}")
        last = each
    print("\nMiB beyond the result, largest memory of the process")
    for case in CASES:
        if importlib.util.find_spec(case.partition(",")[0]) is None:
            print(f"{case:24} not installed")
            continue
        done = subprocess.run([sys.executable, __file__, "--memory", case], check=True, capture_output=True, text=True)
        result["memory_mib"][case] = float(done.stdout.split()[-1])
        print(f"{case:24}{result['memory_mib'][case]:8.1f}")
    if importlib.util.find_spec("jax"):
        result["jax_compiled_temporary_bytes"] = compiled()
        print(f"temporary bytes of JAX's compiled function: {result['jax_compiled_temporary_bytes']}")
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
