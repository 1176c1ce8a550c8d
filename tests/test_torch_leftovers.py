"""What a module that is created without its constructors' draws has left of them, and what only looks like that."""

import gc
import weakref

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch.nn.init import normal_
from torch.nn.utils import prune

from oneseed import KEEP, Rule, Scheme
from oneseed_torch import create, initialize_

SCHEME = Scheme([Rule("*bias*", "zeros"), Rule("*", "he_normal")])


def same(one, other):
    for mine, its in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(mine, its)


class Kept(nn.Module):
    """Keeps what it computes of a weight."""

    def __init__(self, keep):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        keep(self, self.layer.weight.detach().clone())


class Mine(torch.Tensor):
    """A class of one's own."""


KEEPS = {
    "a buffer": (lambda module, value: module.register_buffer("kept", value[0]), "'kept'"),
    "a sum": (lambda module, value: module.register_buffer("kept", value.sum()), "'kept'"),
    "a parameter": (
        lambda module, value: module.register_parameter("kept", nn.Parameter(value, requires_grad=False)),
        "'kept'",
    ),
    "an attribute": (lambda module, value: setattr(module, "kept", value), "'kept'"),
    "an attribute of a layer": (lambda module, value: setattr(module.layer, "kept", value), "'layer.kept'"),
    "a sparse one": (lambda module, value: module.register_buffer("kept", value.to_sparse()), "'kept'"),
    "one in rows": (lambda module, value: setattr(module, "kept", value.to_sparse_csr()), "'kept'"),
    "one of a class": (lambda module, value: setattr(module, "kept", value.as_subclass(Mine)), "'kept'"),
    "a gradient": (
        lambda module, value: module.layer(torch.ones(3)).square().sum().backward(),
        "the gradient of 'layer.we",
    ),
    "a list": (lambda module, value: setattr(module, "kept", [value]), r"a tensor of shape \(3, 3\) in the module"),
    "a function": (
        lambda module, value: setattr(module, "kept", lambda: value),
        r"a tensor of shape \(3, 3\) in the module",
    ),
    "a hidden layer": (
        lambda module, value: setattr(module, "kept", [nn.Linear(3, 2)]),
        r"a tensor of shape \(2, 3\) in the module, a tensor of shape \(2,\) in the module",
    ),
    "a part of a hidden tensor": (
        lambda module, value: setattr(module, "kept", [nn.init.normal_(torch.zeros(4)[1:])]),
        r"a tensor of shape \(3,\) in the module",
    ),
    "a mask": (
        lambda module, value: prune.l1_unstructured(module.layer, "weight", amount=0.5),
        r"'layer\.weight'",
    ),
    "a collection of garbage": (lambda module, value: [setattr(module, "kept", [value]), gc.collect()], "a tensor of"),
}


@pytest.mark.filterwarnings("ignore:.*Sparse CSR:UserWarning")
@pytest.mark.parametrize("name", KEEPS)
def test_what_is_made_of_values_that_are_left_out_is_refused(name):
    keep, words = KEEPS[name]
    rules = Scheme([Rule("layer.*", "ones")], otherwise=KEEP)
    with pytest.raises(ValueError, match=rf"initialize_\(build\(\), \.\.\.\).*Received: NaN in (?:{words})"):
        create(lambda: Kept(keep), rules, seed=7)
    initialize_(Kept(keep), rules, seed=7)


def test_a_layer_that_is_kept_elsewhere_is_refused():
    """No name of the module leads to it."""
    kept = []
    with pytest.raises(ValueError, match=r"NaN in a tensor of shape \(2, 3\) elsewhere, a tensor of shape \(2,\) else"):
        create(lambda: kept.append(nn.Linear(3, 2)) or nn.Linear(2, 2), SCHEME, seed=7)
    with pytest.raises(ValueError, match=r"NaN in a tensor of shape \(5,\) elsewhere$"):
        create(lambda: kept.append(normal_(torch.empty(5))) or nn.Linear(2, 2), SCHEME, seed=7)


def test_a_rule_may_fill_what_is_computed():
    for name in ("a sum", "a parameter"):
        rules = Scheme([Rule("layer.*", "ones"), Rule("kept", "zeros", state=True)])
        assert (create(lambda name=name: Kept(KEEPS[name][0]), rules, seed=7).kept == 0).all()


def test_garbage_is_not_kept():
    def build():
        circle = [nn.init.normal_(torch.empty(3))]
        circle.append(circle)
        return nn.Linear(2, 2)

    create(build, SCHEME, seed=7)


def without_memory():
    tensor = torch.ones(1000)
    tensor.untyped_storage().resize_(0)
    return tensor


ODD = {
    "without memory": without_memory,
    "sparse": lambda: torch.eye(3).to_sparse(),
    "in rows": lambda: torch.eye(3).to_sparse_csr(),
    "integers": lambda: torch.arange(3),
    "empty": lambda: torch.empty(0),
    "of very many elements": lambda: torch.ones(1, 1).expand(10**6, 10**6),
    "infinities": lambda: torch.tensor([torch.inf, -torch.inf]),
    "small": lambda: torch.ones(3).to(torch.float8_e5m2),
    "conjugated": lambda: torch.ones(3, dtype=torch.complex64).conj(),
    "negated": lambda: torch.ones(3, dtype=torch.complex64).conj().imag,
}


@pytest.mark.filterwarnings("ignore:.*Sparse CSR:UserWarning")
@pytest.mark.parametrize("name", ODD)
def test_modules_may_hold_odd_tensors(name):
    def build():
        layer = nn.Linear(3, 3)
        layer.register_buffer("odd", ODD[name]())
        layer.also = ODD[name]()
        return layer

    module = create(build, SCHEME, seed=7)
    assert torch.equal(module.weight, initialize_(nn.Linear(3, 3), SCHEME, seed=7).weight)


def test_tensors_of_transforms_are_not_looked_at():
    kept = []

    def build():
        torch.func.vmap(lambda x: (kept.append(x), x * 2)[1])(torch.ones(3, 2))
        return nn.Linear(3, 3)

    same(create(build, SCHEME, seed=7), initialize_(nn.Linear(3, 3), SCHEME, seed=7))


def test_what_takes_the_place_of_a_temporary_tensor_is_not_taken_for_it():
    kept = []

    def build():
        layer = nn.Linear(4, 4)
        for _ in range(5):
            nn.init.normal_(layer.weight.data)
            kept.append(torch.full((3,), torch.nan))
        return layer

    same(create(build, SCHEME, seed=7), initialize_(build(), SCHEME, seed=7))


def test_what_was_there_before_is_not_held():
    before = [nn.Linear(3, 3)]
    weight = weakref.ref(before[0].weight)

    def build():
        before.clear()
        assert weight() is None
        return nn.Linear(3, 3)

    create(build, SCHEME, seed=7)


def test_a_parametrization_keeps_a_matrix_that_it_computes():
    with pytest.raises(ValueError, match=r"NaN in 'parametrizations\.weight\.0\.base'$"):
        create(lambda: nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)), seed=7)


def test_what_is_to_be_kept_is_refused_if_it_would_be_drawn():
    rules = [Rule("*.weight", "ones"), Rule("*.bias", KEEP)]
    with pytest.raises(
        ValueError, match=r"Received: NaN in '0.bias', '1.bias', '2.bias', '3.bias', '4.bias' and 1 more$"
    ):
        create(lambda: nn.Sequential(*(nn.Linear(2, 2) for _ in range(6))), Scheme(rules), seed=7)
    norms = create(lambda: nn.Sequential(nn.LayerNorm(2), nn.LayerNorm(2)), Scheme(rules), seed=7)
    assert all((norm.bias == 0).all() for norm in norms)


class Computed(nn.Linear):
    """Keeps its bias, its weight, or both as plain attributes."""

    def __init__(self, *names):
        self.names = names
        super().__init__(3, 3)

    def reset_parameters(self):
        for name in self.names:
            tensor = getattr(self, name).data
            delattr(self, name)
            setattr(self, name, tensor)
        super().reset_parameters()


@pytest.mark.parametrize("names", [["weight"], ["bias"], ["weight", "bias"]])
def test_values_that_are_no_parameters_are_refused(names):
    with pytest.raises(ValueError, match=f"Received: NaN in 'inner.{names[0]}'"):
        create(lambda: nn.ModuleDict({"inner": Computed(*names)}), SCHEME, seed=7)


def test_what_was_there_before_and_what_is_gone_is_not_asked_for():
    before = torch.full((4,), torch.nan)

    def build():
        layer = nn.Linear(3, 3)
        nn.init.normal_(layer.weight.data)
        nn.init.normal_(torch.empty(4))
        layer.kept = [before]
        return layer

    same(create(build, SCHEME, seed=7), initialize_(build(), SCHEME, seed=7))
