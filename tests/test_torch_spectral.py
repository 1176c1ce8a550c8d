"""PyTorch modules with a spectral norm: their vectors belong to the weight that they get."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from oneseed import KEEP, Rule, Scheme
from oneseed_torch import default_scheme, initialize_

SCHEME = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])
LAYERS = {
    "Linear": lambda: nn.Linear(96, 64),
    "Conv2d": lambda: nn.Conv2d(8, 16, 3),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(16, 8, 3),
    "Embedding": lambda: nn.Embedding(32, 16),
}


def norm_of(layer):
    weight = layer.eval().weight.detach().movedim(layer.parametrizations.weight[0].dim, 0).flatten(1)
    return float(torch.linalg.matrix_norm(weight, 2))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("scheme", [lambda layer: SCHEME, default_scheme], ids=["a scheme", "the default"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_norm_is_one_before_a_step_is_taken(name, scheme, device, recwarn):
    with torch.device(device):
        layer = spectral_norm(LAYERS[name]())
    initialize_(layer, scheme(layer), seed=7, device="cpu")
    assert norm_of(layer) == pytest.approx(1, abs=0.1)
    again = spectral_norm(LAYERS[name]())
    initialize_(again, scheme(again), seed=7)
    assert all(map(torch.equal, layer.state_dict().values(), again.state_dict().values()))
    assert not recwarn.list


def test_vectors_that_a_rule_fills_and_those_of_a_weight_that_is_kept_are_left_alone():
    layer = spectral_norm(nn.Linear(6, 4))
    initialize_(
        layer, Scheme([Rule("*._u", "ones", state=True), Rule("*._v", "ones", state=True), *SCHEME.rules]), seed=7
    )
    assert (layer.parametrizations.weight[0]._u == 1).all()
    before = [buffer.clone() for buffer in layer.buffers()]
    initialize_(layer, Scheme([Rule("bias", "ones")], otherwise=KEEP), seed=7)
    assert all(map(torch.equal, before, layer.buffers()))


def test_the_norm_of_a_vector_has_no_vectors():
    layer = nn.LayerNorm(6)
    spectral_norm(layer, "weight")
    initialize_(layer, Scheme([Rule("*", "ones")]), seed=7)
    torch.testing.assert_close(layer.weight, torch.full((6,), 6**-0.5))
