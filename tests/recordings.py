"""What tests of recording make with PyTorch: a module around one tensor, and tensors as models write them."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn

N = 96


class Made(nn.Module):
    """A module with one parameter that a function makes."""

    def __init__(self, make, state=False):
        super().__init__()
        if state:
            self.register_buffer("w", make())
        else:
            self.w = nn.Parameter(make(), requires_grad=False)


def weight(*shape):
    return torch.empty(shape or (N, N))


def write(tensor, change):
    with torch.no_grad():
        change(tensor)
    return tensor
