"""How a tensor that was on the meta device gets its place in a layer: what looks on sees it."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch.nn.modules import module as modules

import oneseed
from oneseed_torch import initialize_

SCHEME = oneseed.Scheme(
    [oneseed.Rule("*weight", "he_normal"), oneseed.Rule("*", "zeros"), oneseed.Rule("*", "ones", state=True)]
)


class Watched(nn.Linear):
    """A layer that sees what is set."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        vars(self).setdefault("seen", []).append(name)


class Registering(nn.Linear):
    """A layer that sees which parameters are registered."""

    def register_parameter(self, name, param):
        super().register_parameter(name, param)
        vars(self).setdefault("seen", []).append(name)


@pytest.mark.parametrize("cls", [Watched, Registering])
def test_code_of_the_layer_sees_its_new_parameters(cls):
    module = cls(3, 2, device="meta")
    module.seen.clear()
    initialize_(nn.Sequential(nn.Linear(2, 3), module), SCHEME, seed=7, device="cpu")
    assert module.seen == ["weight", "bias"]
    assert not module.weight.is_meta


@pytest.mark.parametrize(
    ("register", "names"),
    [
        (modules.register_module_parameter_registration_hook, ["weight", "bias"]),
        (modules.register_module_buffer_registration_hook, ["running_mean", "running_var", "num_batches_tracked"]),
    ],
    ids=["parameters", "buffers"],
)
def test_hooks_see_new_tensors(register, names):
    module = nn.BatchNorm1d(3, device="meta")
    seen = []
    hook = register(lambda layer, name, tensor: seen.append((layer, name)))
    try:
        initialize_(module, SCHEME, seed=7, device="cpu")
    finally:
        hook.remove()
    assert seen == [(module, name) for name in names]
    assert not any(tensor.is_meta for tensor in module.state_dict().values())


@pytest.mark.parametrize("meta", [True, False], ids=["meta", "cpu"])
def test_shared_layers_and_tensors_stay_shared(meta):
    with torch.device("meta" if meta else "cpu"):
        layer = nn.Linear(3, 3)
        module = nn.ModuleDict({"a": layer, "b": layer, "c": nn.Linear(3, 3)})
        module["c"].weight = layer.weight
    initialize_(module, SCHEME, seed=7, device="cpu")
    assert module["a"] is module["b"]
    assert module["c"].weight is module["a"].weight
    assert list(module.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias"]
