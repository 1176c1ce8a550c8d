"""PyTorch parameters that are different objects in the same memory."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn

from oneseed import KEEP, Rule, Scheme
from oneseed.initializers import HeNormal
from oneseed_torch import initialize_, recorded_scheme

SCHEME = Scheme([Rule("*", "he_normal")])


def pair(first, second):
    return nn.ParameterDict({"a": nn.Parameter(first), "b": nn.Parameter(second)})


def want(shape, path):
    return torch.from_numpy(HeNormal(seed=7)(shape, axes="o i", path=path, backend="numpy").copy())


TIED = {
    "the same elements": lambda memory: (memory[:32].view(4, 8), memory[:32].view(4, 8)),
    "the transpose": lambda memory: (memory[:32].view(4, 8), memory[:32].view(4, 8).t()),
    "a part": lambda memory: (memory[:40].view(5, 8), memory[24:64].view(5, 8)),
    "one inside the other": lambda memory: (memory[:96].view(12, 8), memory[16:32].view(2, 8)),
    "columns": lambda memory: (memory.view(8, 12)[:, :7], memory.view(8, 12)[:, 6:]),
    "every second row": lambda memory: (memory.view(12, 8)[::2], memory.view(12, 8)[2:4]),
}
APART = {
    "one after the other": lambda memory: (memory[:48].view(6, 8), memory[48:].view(6, 8)),
    "columns": lambda memory: (memory.view(8, 12)[:, :6], memory.view(8, 12)[:, 6:]),
    "alternating rows": lambda memory: (memory.view(12, 8)[::2], memory.view(12, 8)[1::2]),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", TIED)
def test_parameters_that_share_memory_are_refused_before_a_write(name, device):
    model = pair(*TIED[name](torch.full((96,), 5.0, device=device)))
    with pytest.raises(ValueError, match=r"memory of its own[^'].*Received: '[ab]' and '[ab]'"):
        initialize_(model, SCHEME, seed=7, device="cpu")
    assert device == "meta" or all((tensor == 5).all() for tensor in model.values())


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", APART)
def test_parameters_in_one_tensor_are_filled_if_they_lie_apart(name, device):
    model = pair(*APART[name](torch.zeros(96, device=device)))
    initialize_(model, SCHEME, seed=7, device="cpu")
    for path, tensor in model.items():
        assert torch.equal(tensor.detach(), want(tuple(tensor.shape), path))


def test_two_views_of_one_numpy_array_are_refused():
    array = torch.zeros(4, 8).numpy()
    with pytest.raises(ValueError, match="'a' and 'b'"):
        initialize_(pair(torch.from_numpy(array), torch.from_numpy(array)), SCHEME, seed=7)


def test_shared_memory_is_fine_where_nothing_is_lost():
    weight = torch.zeros(4, 8)
    kept = initialize_(pair(weight, weight), Scheme([Rule("b", KEEP), *SCHEME.rules]), seed=7)
    assert torch.equal(kept["b"].detach(), want((4, 8), "a"))
    constant = initialize_(pair(weight, weight), Scheme([Rule("*", "ones")]), seed=7)
    assert (constant["a"] == 1).all()
    layer = nn.Linear(8, 4, bias=False)
    layer.register_buffer("view", layer.weight.data)
    assert torch.equal(initialize_(layer, SCHEME, seed=7).view, want((4, 8), "weight"))


def test_a_recorded_model_keeps_what_it_shares():
    def build():
        model = nn.Sequential(nn.Linear(8, 4, bias=False), nn.Linear(8, 4, bias=False))
        model[1].weight = nn.Parameter(model[0].weight.data)
        return model

    model = initialize_(build(), recorded_scheme(build), seed=7)
    assert torch.equal(model[0].weight, model[1].weight)
    assert 0 < model[0].weight.abs().max() <= 8**-0.5
