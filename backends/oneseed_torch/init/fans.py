"""The names that start with an underscore in `torch.nn.init`, which programs have copied all the same."""

from typing import Any

from oneseed import checks
from oneseed_torch.drawing.writing import shape_of
from oneseed_torch.init.constants import constant_, zeros_
from oneseed_torch.init.random import normal_, trunc_normal_, uniform_

Tensor = Any

MODES = ("fan_in", "fan_out")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return the fans of a weight in PyTorch's layout: ``(inputs * taps, outputs * taps)``."""
    outputs, inputs, *taps = check_fans(shape_of(tensor))
    count = 1
    for size in taps:
        count *= size
    return inputs * count, outputs * count


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """Return the fan that `mode`, "fan_in" or "fan_out", names."""
    which = checks.one_of("mode", mode.lower() if isinstance(mode, str) else mode, MODES)
    return _calculate_fan_in_and_fan_out(tensor)[MODES.index(which)]


def _no_grad_uniform_(tensor: Tensor, a: float, b: float, generator: Any = None) -> Tensor:
    """Do what `uniform_` does."""
    return uniform_(tensor, a, b, generator)


def _no_grad_normal_(tensor: Tensor, mean: float, std: float, generator: Any = None) -> Tensor:
    """Do what `normal_` does."""
    return normal_(tensor, mean, std, generator)


def _no_grad_trunc_normal_(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any = None
) -> Tensor:
    """Do what `trunc_normal_` does."""
    return trunc_normal_(tensor, mean, std, a, b, generator)


def _no_grad_fill_(tensor: Tensor, val: float) -> Tensor:
    """Do what `constant_` does."""
    return constant_(tensor, val)


def _no_grad_zero_(tensor: Tensor) -> Tensor:
    """Do what `zeros_` does."""
    return zeros_(tensor)


def check_fans(shape: checks.Shape) -> checks.Shape:
    """Check that a tensor of a shape has fans, and return the shape."""
    if len(shape) < 2:
        raise ValueError(
            f"`tensor` must have at least 2 axes, outputs and inputs, to have fans. Received: tensor of shape {shape}"
        )
    return shape
