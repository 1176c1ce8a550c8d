"""Initial weights as files, beside a plain write of as many bytes: planning, throughput and memory.

Run it as ``python benchmarks/checkpoint.py [--folder DIR] [--json FILE]``; the folder needs 6 GB. A Llama of 70 billion
parameters is described by an index and by files that have headers and no values. From these alone `oneseed init --plan`
plans it, and `oneseed init --part` writes one of its files of 5 GB, in bfloat16 and in float32. A plain write takes a
block of 16 MiB as often as needed. Both end with fsync, rename and fsync of the folder, and are processes of their own,
whose start counts. They take turns, and take turns to be the first of a round. The table has medians.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from oneseed.checkpoint import headers

LAYERS, WIDTH, HIDDEN, KEYS, TOKENS = 80, 8192, 28672, 1024, 128256
CODES = {"bfloat16": "BF16", "float32": "F32"}

PLAIN = """
import os, sys
path, size, block = sys.argv[1], int(sys.argv[2]), os.urandom(1 << 24)
file = os.open(path + ".unfinished", os.O_WRONLY | os.O_CREAT)
while size:
    size -= os.write(file, memoryview(block)[:size])
os.fsync(file)
os.close(file)
os.rename(path + ".unfinished", path)
folder = os.open(os.path.dirname(path), os.O_RDONLY)
os.fsync(folder)
"""


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the parameters of a Llama of 70 billion parameters, by the names of transformers."""
    layer = {
        "self_attn.q_proj.weight": (WIDTH, WIDTH),
        "self_attn.k_proj.weight": (KEYS, WIDTH),
        "self_attn.v_proj.weight": (KEYS, WIDTH),
        "self_attn.o_proj.weight": (WIDTH, WIDTH),
        "mlp.gate_proj.weight": (HIDDEN, WIDTH),
        "mlp.up_proj.weight": (HIDDEN, WIDTH),
        "mlp.down_proj.weight": (WIDTH, HIDDEN),
        "input_layernorm.weight": (WIDTH,),
        "post_attention_layernorm.weight": (WIDTH,),
    }
    found = {"model.embed_tokens.weight": (TOKENS, WIDTH)}
    for number in range(LAYERS):
        found |= {f"model.layers.{number}.{name}": shape for name, shape in layer.items()}
    return {**found, "model.norm.weight": (WIDTH,), "lm_head.weight": (TOKENS, WIDTH)}


def describe(folder: Path, dtype: str) -> Path:
    """Write an index, and a file with a header and no values for each layer."""
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes().items():
        number = name.split(".")[2] if ".layers." in name else "rest"
        groups.setdefault(f"model-{number}.safetensors", {})[name] = shape
    for file, tensors in groups.items():
        placed = headers.placed((name, dtype, shape) for name, shape in tensors.items())
        (folder / file).write_bytes(headers.written(placed, {"format": "pt"}))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: file for file, names in groups.items() for name in names}}))
    return index


def timed(*command: str) -> tuple[float, float, str]:
    """Run a command in a process of its own; return seconds, peak memory in MiB, and what it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return seconds, peak(usage), printed


def peak(usage: resource.struct_rusage) -> float:
    """Return the largest resident memory in MiB."""
    return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def measure(dtype: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Plan the model, and time the writing of one of its files and a plain write alternately."""
    source = folder / dtype
    source.mkdir()
    init = (sys.executable, "-m", "oneseed", "init", str(describe(source, dtype)), "--scheme", "llama", "--json")
    plans = [timed(*init, "--plan") for _ in range(rounds)]
    files = json.loads(plans[0][2])["files"]
    parameters = sum(row["bytes"] for row in json.loads(plans[0][2])["parameters"]) // (2 if dtype == "bfloat16" else 4)
    number = len(files) // 2
    size = files[number]["bytes"]
    written = folder / "written"
    part = ("--seed", "7", "--out", str(written), "--part", f"{number + 1}/{len(files)}")
    commands = {
        "ours": (*init, *part),
        "plain": (sys.executable, "-c", PLAIN, str(written / "plain"), str(size)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory = 0.0
    for turn in range(rounds):
        for name in sorted(commands, reverse=turn % 2 == 0):
            written.mkdir()
            took, used, _ = timed(*commands[name])
            shutil.rmtree(written)
            seconds[name].append(took)
            memory = max(memory, used if name == "ours" else 0.0)
    ours, plain = (statistics.median(seconds[name]) for name in ("ours", "plain"))
    return {
        "dtype": dtype,
        "parameters": parameters,
        "plan_seconds": statistics.median(seconds for seconds, *_ in plans),
        "file_bytes": size,
        "write_seconds": ours,
        "plain_seconds": plain,
        "of_plain": plain / ours,
        "peak_mib": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to write; by default the system's folder for such files")
    parser.add_argument("--rounds", type=int, default=4, help="an even number is fair to both")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = [measure(dtype, Path(folder), options.rounds) for dtype in CODES]
    for row in rows:
        print(
            f"{row['dtype']:9} {row['parameters'] / 1e9:.1f}e9 parameters planned in {row['plan_seconds']:.2f} s; "
            f"a file of {row['file_bytes'] / 1e9:.2f} GB in {row['write_seconds']:.1f} s, "
            f"plain {row['plain_seconds']:.1f} s: {row['of_plain']:.2f} of the speed, {row['peak_mib']:.0f} MiB at most"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
