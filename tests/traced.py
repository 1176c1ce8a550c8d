"""Functions that draw with PyTorch, for tests of what traces, transforms and compiles them."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch

import oneseed
from oneseed.initializers import (
    Blockwise,
    Constant,
    HeNormal,
    Identity,
    Ones,
    Orthogonal,
    RandomUniform,
    Scaled,
    Sum,
    VarianceScaling,
    Zeros,
)
from oneseed_torch import init

SHAPE = (8, 4)

FILLS = {
    "normal": lambda tensor: init.normal_(tensor, 0.5, 2.0, seed=3),
    "uniform": lambda tensor: init.uniform_(tensor, -1.0, seed=3, path=("layer", 2)),
    "truncated": lambda tensor: init.trunc_normal_(tensor=tensor, a=-0.5, seed=2**64 - 1),
    "kaiming": lambda tensor: init.kaiming_uniform_(tensor, seed=3, path="weight", axes="i o"),
    "orthogonal": lambda tensor: init.orthogonal_(tensor, seed=3),
    "sparse": lambda tensor: init.sparse_(tensor, 0.5, seed=3),
    "two orthogonal": lambda tensor: init.orthogonal_(tensor, seed=3) + init.orthogonal_(torch.empty(SHAPE), seed=4),
    "constant": lambda tensor: init.constant_(tensor, 3.5),
    "zeros": init.zeros_,
    "eye": init.eye_,
    "dirac": lambda tensor: init.dirac_(tensor.view(4, 4, 2)).view(SHAPE),
    "transposed": lambda tensor: init.xavier_normal_(tensor.t(), seed=3).t(),
    "rows": lambda tensor: (init.zeros_(tensor), init.normal_(tensor[2:6], seed=3), tensor)[2],
    "unused": lambda tensor: (init.normal_(tensor, seed=3), tensor * 2)[1],
    "complex": lambda tensor: (
        torch.view_as_real(init.normal_(torch.empty(SHAPE, dtype=torch.complex64), seed=3)).sum(-1) + 0 * tensor
    ),
}

MAKES = {
    "he_normal": lambda: HeNormal(seed=7)(SHAPE, backend="torch"),
    "orthogonal": lambda: Orthogonal(seed=7)(SHAPE, backend="torch"),
    "random": lambda: oneseed.random.uniform(SHAPE, seed=7),
    "half": lambda: HeNormal(seed=7)(SHAPE, "bfloat16", backend="torch").float(),
    "from outside": lambda: OUTSIDE(SHAPE, axes="o i", path=("layer", 2)),
    "block": lambda: OUTSIDE((16, 4), partition_shape=SHAPE, partition_offset=(8, 0)),
    "constant": lambda: Constant(0.5)(SHAPE) + Zeros()(list(SHAPE)) + Ones()(SHAPE, torch.float64).float(),
    "identity": lambda: Identity(2.0)(SHAPE),
    "scaled": lambda: Scaled(OUTSIDE, 0.5)(SHAPE) + Scaled(Orthogonal(seed=7), 0.5)(SHAPE),
    "sum": lambda: Sum([HeNormal(seed=7), RandomUniform(seed=2**64 - 1), Constant(0.5)])(SHAPE),
    "side by side": lambda: Blockwise([HeNormal(seed=7), Orthogonal(seed=3)], axis=0, sizes=[4, 4])(SHAPE),
    "integers": lambda: oneseed.random.randint(SHAPE, 0, 9, seed=7) + 0.5,
    "truncated": lambda: oneseed.random.truncated_normal(SHAPE, 0.5, 2.0, seed=7, path="noise"),
    "normal": lambda: oneseed.random.normal(SHAPE, seed=7),
    "made complex": lambda: torch.view_as_real(oneseed.random.normal(SHAPE, 1j, dtype="complex64", seed=7)).sum(-1),
    "scalar": lambda: oneseed.random.normal((), seed=7),
    "nothing": lambda: oneseed.random.normal((0, 3), seed=7).sum(),
}

OUTSIDE = VarianceScaling(2.0, "fan_out", "uniform", seed=7)


def fresh():
    """Memory in which a draw that is lost shows."""
    return torch.full(SHAPE, 77.0)


def filled(fill):
    return lambda x: fill(fresh()) + x


def made(make):
    return lambda x: make() + x


FUNCTIONS = {
    **{name: filled(fill) for name, fill in FILLS.items()},
    **{f"{name} made": made(make) for name, make in MAKES.items()},
}


def example():
    return torch.zeros(SHAPE)


class Module(torch.nn.Module):
    """A module whose forward calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)
