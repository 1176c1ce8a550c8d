"""Whole models in PyTorch on the CPU: from a configuration to weights, beside their libraries' own initialization.

Run it as ``python benchmarks/models.py [--json FILE]`` in an environment with torch and transformers. GPT-2 XL,
of 1.5 billion parameters, is built by transformers in bfloat16 with its own initialization, and by oneseed: on the meta
device first, then made by the scheme of GPT-2. The others are built with their constructors' initialization, and by
oneseed's `create`, from the same distributions. The rows "over the meta device" build there first, make the scheme of
these distributions, and then the parameters. The rows "built before" have another left side: `initialize_` alone, on a
module that is there already, by a scheme that is made beforehand. Their right side is the constructors again, or
`reset_parameters` of each layer of such a module.

The two sides alternate in one process; the table has medians, of which "meta" is the time of building on the meta
device, "touch" that of writing zeros to as many fresh parameters of the same sizes: no constructor can do without the
latter. With ``--cpu`` the times are those of the process on all cores, for a machine that others use too.
"""

import argparse
import gc
import json
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
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


MOBILE = (
    (3, 16, 16, False, 1),
    (3, 64, 24, False, 2),
    (3, 72, 24, False, 1),
    (5, 72, 40, True, 2),
    (5, 120, 40, True, 1),
    (5, 120, 40, True, 1),
    (3, 240, 80, False, 2),
    (3, 200, 80, False, 1),
    (3, 184, 80, False, 1),
    (3, 184, 80, False, 1),
    (3, 480, 112, True, 1),
    (3, 672, 112, True, 1),
    (5, 672, 160, True, 2),
    (5, 960, 160, True, 1),
    (5, 960, 160, True, 1),
)
"""Kernel, width inside, outputs, squeeze and excitation, and stride of the blocks of a MobileNetV3-Large."""


def mobilenet() -> nn.Module:
    """Return the layers of a MobileNetV3-Large (Howard et al., 2019)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 2, bias=False), nn.BatchNorm2d(16)]
    inputs = 16
    for kernel, width, outputs, squeezed, stride in MOBILE:
        if width != inputs:
            layers += [nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.Conv2d(width, width, kernel, stride, groups=width, bias=False), nn.BatchNorm2d(width)]
        if squeezed:
            inside = (width // 4 + 4) // 8 * 8
            layers += [nn.Conv2d(width, inside, 1), nn.Conv2d(inside, width, 1)]
        layers += [nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        inputs = outputs
    layers += [nn.Conv2d(inputs, 960, 1, bias=False), nn.BatchNorm2d(960)]
    return nn.Sequential(*layers, nn.Linear(960, 1280), nn.Linear(1280, 1000))


def mlp() -> nn.Module:
    """Return 2,000 layers of 32 by 32: what each costs beside its values."""
    return nn.Sequential(*(nn.Linear(32, 32) for _ in range(2000)))


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build()


def created(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: oneseed_torch.create(build, seed=7)


def by_scheme(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    def run() -> nn.Module:
        module = on_meta(build)
        return oneseed_torch.initialize_(module, oneseed_torch.default_scheme(module), seed=7, device="cpu")

    return run


def again(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Return a function that fills one module again."""
    module = build()
    scheme = oneseed_torch.default_scheme(module)
    return lambda: oneseed_torch.initialize_(module, scheme, seed=7)


def reset(build: Callable[[], nn.Module]) -> Callable[[], None]:
    """Return a function that has the layers of one module draw again."""
    layers = [layer for layer in build().modules() if hasattr(layer, "reset_parameters")]

    def run() -> None:
        for layer in layers:
            layer.reset_parameters()  # type: ignore[operator]

    return run


def touched(module: nn.Module) -> list[torch.Tensor]:
    """Write zeros to fresh memory for each parameter."""
    return [
        torch.empty(parameter.shape, dtype=parameter.dtype, device="cpu").zero_() for parameter in module.parameters()
    ]


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


def gpt2_on_meta(config: Any) -> Any:
    return on_meta(lambda: gpt2_by_transformers(config))


Build = Callable[[], Any]

MODELS = {
    "ResNet-50": resnet50,
    "MobileNetV3-Large": mobilenet,
    "MLP of 2,000 layers (32, 32)": mlp,
}

ROWS: tuple[tuple[str, Any, Any], ...] = (
    (" / constructors", created, lambda build: build),
    (", over the meta device / constructors", by_scheme, lambda build: build),
    (", built before / constructors", again, lambda build: build),
    (", built before / reset_parameters", again, reset),
)

CASES: dict[str, tuple[Callable[[], Build], Callable[[], Build], Build, int]] = {
    **{
        f"{name}{row}": (partial(ours, build), partial(theirs, build), partial(on_meta, build), 9)
        for name, build in MODELS.items()
        for row, ours, theirs in ROWS
    },
    "GPT-2 XL, bfloat16 / transformers": (
        partial(gpt2, gpt2_by_scheme),
        partial(gpt2, gpt2_by_transformers),
        gpt2(gpt2_on_meta),
        3,
    ),
}
"""What returns the call of oneseed's and the one that it is compared with; the model on the meta device; how often."""


def main() -> None:
    """Measure, print, and write what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", help="write the results to this file")
    options.add_argument("--only", default="", help="a part of the name of the models to measure")
    options.add_argument("--cpu", action="store_true", help="measure the time of the processors")
    chosen = options.parse_args()
    now = time.process_time if chosen.cpu else time.perf_counter
    warnings.simplefilter("ignore")  # about buffers, which are not weights
    used = {name: version(name) for name in ("oneseed", "torch", "transformers")}
    print(", ".join(f"{name} {each}" for name, each in used.items()), f"{torch.get_num_threads()} threads")
    print(f"{'':72}{'parameters':>14}{'ours s':>10}{'theirs s':>10}{'ratio':>8}{'meta s':>10}{'touch s':>10}")
    rows = []
    for name, (prepare, prepare_theirs, meta, repeats) in CASES.items():
        if chosen.only not in name:
            continue
        ours, theirs, empty = prepare(), prepare_theirs(), meta()
        count = sum(parameter.numel() for parameter in empty.parameters())
        ours()
        gc.collect()
        gc.freeze()  # what earlier cases have loaded is not gone through again by either side
        times: tuple[list[float], ...] = ([], [], [], [])
        for _ in range(repeats):
            for taken, run in zip(times, (ours, theirs, meta, partial(touched, empty)), strict=True):
                start = now()
                run()
                taken.append(now() - start)
        gc.unfreeze()
        a, b, c, d = map(statistics.median, times)
        figures = {"ours_s": a, "theirs_s": b, "ratio": b / a, "meta_s": c, "touch_s": d}
        rows.append({"what": name, "parameters": count, **figures})
        print(f"{name:72}{count:14,}{a:10.3f}{b:10.3f}{b / a:8.2f}{c:10.3f}{d:10.3f}", flush=True)
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({"versions": used, "clock": now.__name__, "rows": rows}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
