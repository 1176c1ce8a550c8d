"""The first draw of a process: how long it takes after the imports, and how long the second one does.

Run it as ``python benchmarks/first_draw.py [--json FILE] [--only FRAMEWORK]``, in an environment with any of torch, jax
and tensorflow. Each measurement is a process of its own, in which the framework has made a tensor before; the table has
medians in milliseconds. "load" is what the first use of a backend costs, in a process that has imported oneseed and the
framework, for one draw of 4 values. The rows "draw" come after `oneseed.set_backend`, and do not have it. Both draws of
4 million values go to fresh memory, whose pages the system has to clear: the first result is kept.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

REPEATS = 3

FRAMEWORKS = {
    "numpy": "import numpy",
    "torch": "import torch; torch.zeros(3)",
    "jax": "import jax; jax.numpy.zeros(3).block_until_ready()",
    "tensorflow": "import tensorflow; tensorflow.zeros(3)",
}
"""What is imported, and used once, before oneseed."""

DRAWS = {
    "HeNormal (64, 64)": "lambda: he_normal((64, 64))",
    "RandomNormal (64, 64)": "lambda: normal((64, 64))",
    "Zeros (64, 64)": "lambda: zeros((64, 64))",
    "HeNormal (2048, 2048)": "lambda: he_normal((2048, 2048))",
}
IN_PLACE = {
    "init.kaiming_normal_ (64, 64)": "lambda: init.kaiming_normal_(small)",
    "init.uniform_ (64, 64)": "lambda: init.uniform_(small)",
    "init.kaiming_normal_ (2048, 2048)": "lambda: init.kaiming_normal_(next(large))",
}
"""Functions of `oneseed_torch.init`, which is imported beforehand; each takes memory that nobody has touched."""

CODE = """
import json, sys, time
{framework}
import oneseed
from oneseed.initializers import HeNormal, RandomNormal, Zeros
{before}
he_normal, normal, zeros = HeNormal(7), RandomNormal(0.0, 0.02, 7), Zeros()
draw = {draw}
times, kept = [], []
for _ in range(2):
    start = time.perf_counter()
    made = draw()
    if hasattr(made, "block_until_ready"):
        made.block_until_ready()
    times.append((time.perf_counter() - start) * 1e3)
    kept.append(made)
print(json.dumps(times))
"""
TORCH = """
import torch
from oneseed_torch import init
small = torch.empty(64, 64)
large = iter([torch.empty(2048, 2048), torch.empty(2048, 2048)])
"""


def process(code: str, environment: dict[str, str]) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, env=environment)
    first, second = json.loads(done.stdout.splitlines()[-1])
    return first, second


def cases(name: str) -> dict[str, str]:
    """Return the programs for a framework, by what they draw."""
    framework = FRAMEWORKS[name]
    load = f"lambda: oneseed.initializers.HeNormal(7)((2, 2), backend={name!r})"
    found = {"load, and one draw": CODE.format(framework=framework, before="", draw=load)}
    ready = f"oneseed.set_backend({name!r})"
    for what, draw in DRAWS.items():
        found[f"draw: {what}"] = CODE.format(framework=framework, before=ready, draw=draw)
    for what, draw in IN_PLACE.items() if name == "torch" else ():
        found[f"draw: {what}"] = CODE.format(framework=framework, before=TORCH, draw=draw)
    return found


def rows(names: list[str]) -> list[dict[str, Any]]:
    """Measure the first draws with some frameworks."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        # With bytecode, as installed packages have it.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name in names:
            for what, code in cases(name).items():
                process(code, environment)
                times = [process(code, environment) for _ in range(REPEATS)]
                first, second = (statistics.median(column) for column in zip(*times, strict=True))
                found.append({"what": f"{name}: {what}", "first_ms": first, "second_ms": second})
                print(f"{found[-1]['what']:60}{first:10.3f}{second:10.3f}", flush=True)
    return found


def installed() -> list[str]:
    return [name for name in FRAMEWORKS if importlib.util.find_spec(name)]


def main() -> None:
    """Measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", help="write the results to this file")
    options.add_argument("--only", choices=sorted(FRAMEWORKS), help="one framework")
    chosen = options.parse_args()
    print(f"{'':60}{'first ms':>10}{'second ms':>10}")
    found = rows([chosen.only] if chosen.only else installed())
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
