"""Calls of all functions of oneseed_torch.init, with arguments, and what compares their results."""

import numpy as np
import torch

from oneseed_torch import init

FLOATS = ("bfloat16", "float16", "float32", "float64")
DRAWING = {
    "uniform_": {"a": -1.0, "b": 2.0},
    "normal_": {"mean": 0.5, "std": 2.0},
    "trunc_normal_": {"std": 0.02, "a": -0.03, "b": 0.05},
    "xavier_uniform_": {"gain": 1.5},
    "xavier_normal_": {"gain": 1.5},
    "kaiming_uniform_": {"a": 0.2},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "orthogonal_": {"gain": 1.5},
    "sparse_": {"sparsity": 0.3, "std": 1.0},
}
FIXED = {"constant_": {"val": 0.3}, "ones_": {}, "zeros_": {}, "eye_": {}, "dirac_": {}}
SHAPES = {"dirac_": (5, 4, 3)}


def draw(name, tensor=None, **arguments):
    """Call a function of the module by its name, with the arguments it has above."""
    tensor = torch.empty(SHAPES.get(name, (5, 4))) if tensor is None else tensor
    return getattr(init, name)(tensor, **{**DRAWING, **FIXED}[name], **arguments)


def array(tensor):
    """A tensor's values; bfloat16 as float32, which holds them all."""
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def equal(tensor, expected):
    """Dtype, shape and values, the sign of zero too."""
    assert str(tensor.dtype) == f"torch.{expected.dtype.name}"
    assert tuple(tensor.shape) == expected.shape
    wide = expected.astype(np.float32) if expected.dtype.name == "bfloat16" else expected
    assert np.ascontiguousarray(array(tensor)).tobytes() == np.ascontiguousarray(wide).tobytes()
