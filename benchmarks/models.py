"""Whole models in PyTorch on the CPU: from a configuration to weights, beside their libraries' own initialization.

Run it as ``python benchmarks/models.py [--json FILE]`` in an environment with torch and transformers. GPT-2 XL,
of 1.5 billion parameters, is built by transformers in bfloat16 with its own initialization, and by oneseed: on the meta
device first, then made by the scheme of GPT-2. A ResNet-50 is built with its constructors' initialization, and by
oneseed with the scheme that draws from the same distributions. The two sides alternate in one process; the table has
medians.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

import oneseed_torch
from oneseed import schemes

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Width, blocks and stride of the four stages of a ResNet-50."""


def block(inputs: int, width: int, stride: int) -> nn.ModuleDict:
    """Return the layers of a bottleneck block; how they are joined does not matter to their weights."""
    layers: dict[str, nn.Module] = {}
    sizes = ((inputs, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1))
    for number, (a, b, kernel, step) in enumerate(sizes):
        layers[f"conv{number}"] = nn.Conv2d(a, b, kernel, step, bias=False)
        layers[f"bn{number}"] = nn.BatchNorm2d(b)
    if inputs != 4 * width:
        layers["down"] = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
        layers["down_bn"] = nn.BatchNorm2d(4 * width)
    return nn.ModuleDict(layers)


def resnet50() -> nn.Module:
    """Return the layers of a ResNet-50 (He et al., 2016)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, bias=False), nn.BatchNorm2d(64)]
    inputs = 64
    for width, blocks, stride in STAGES:
        for number in range(blocks):
            layers.append(block(inputs, width, stride if number == 0 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.Linear(inputs, 1000))


def resnet50_by_scheme() -> nn.Module:
    with torch.device("meta"):
        module = resnet50()
    return oneseed_torch.initialize_(module, oneseed_torch.default_scheme(module), seed=7, device="cpu")


def gpt2(build: Callable[[Any], Any]) -> Callable[[], Any]:
    from transformers import GPT2Config

    config = GPT2Config(n_layer=48, n_embd=1600, n_head=25)
    return lambda: build(config)


def gpt2_by_transformers(config: Any) -> Any:
    from transformers import GPT2LMHeadModel

    return GPT2LMHeadModel._from_config(config, dtype=torch.bfloat16)


def gpt2_by_scheme(config: Any) -> Any:
    from transformers import GPT2LMHeadModel

    with torch.device("meta"):
        module = GPT2LMHeadModel._from_config(config, dtype=torch.bfloat16)
    return oneseed_torch.initialize_(module, schemes.gpt2(config.n_layer), seed=7, device="cpu")


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any], int]] = {
    "ResNet-50, float32 / constructors": (resnet50_by_scheme, resnet50, 9),
    "GPT-2 XL, bfloat16 / transformers": (gpt2(gpt2_by_scheme), gpt2(gpt2_by_transformers), 3),
}


def main() -> None:
    """Measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", help="write the results to this file")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")  # about buffers, which are not weights
    used = {name: version(name) for name in ("oneseed", "torch", "transformers")}
    print(", ".join(f"{name} {each}" for name, each in used.items()), f"{torch.get_num_threads()} threads")
    print(f"{'':44}{'parameters':>14}{'ours s':>10}{'theirs s':>10}{'ratio':>8}")
    rows = []
    for name, (ours, theirs, repeats) in CASES.items():
        count = sum(parameter.numel() for parameter in ours().parameters())
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats):
            for taken, run in zip(times, (ours, theirs), strict=True):
                start = time.perf_counter()
                run()
                taken.append(time.perf_counter() - start)
        a, b = map(statistics.median, times)
        rows.append({"what": name, "parameters": count, "ours_s": a, "theirs_s": b, "ratio": b / a})
        print(f"{name:44}{count:14,}{a:10.3f}{b:10.3f}{b / a:8.2f}")
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({"versions": used, "rows": rows}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
