"""Schemes recorded from models in which one tensor is a view, or a copy of a view, of another one's draw."""

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch.nn.utils import parametrizations

from oneseed import Scheme
from oneseed_torch import initialize_, recorded_scheme

VIEWS = {
    "transposed": ((4, 6), lambda a: a.t().clone()),
    "transposed square": ((6, 6), lambda a: a.t().clone()),
    "transposed, scaled": ((4, 6), lambda a: a.t() * 2),
    "transposed, flat": ((4, 6), lambda a: a.t().flatten()),
    "permuted": ((4, 3, 2, 2), lambda a: a.permute(1, 0, 2, 3).contiguous()),
    "permuted, cast": ((4, 3, 2, 2), lambda a: a.permute(1, 0, 2, 3).bfloat16()),
    "permuted, flat": ((4, 3, 2, 2), lambda a: a.permute(1, 0, 2, 3).flatten(1)),
    "moved": ((4, 3, 2), lambda a: a.movedim(0, 2).clone()),
    "groups exchanged": ((4, 6), lambda a: a.view(2, 2, 6).transpose(0, 1).reshape(4, 6)),
    "one half": ((4, 6), lambda a: a[:2] * 3),
    "every second column": ((4, 6), lambda a: a[:, ::2].clone()),
    "one column": ((4, 6), lambda a: a[:, 2].clone()),
    "a plane, permuted": ((4, 3, 2, 2), lambda a: a[:, :, 0].permute(1, 2, 0).clone()),
    "a diagonal": ((6, 6), lambda a: a.diagonal().clone()),
    "expanded": ((4, 1), lambda a: a.expand(4, 6).clone()),
    "expanded, scaled": ((4, 1), lambda a: a.expand(4, 6) * 2),
    "windows": ((4, 6), lambda a: a.unfold(1, 3, 1).clone()),
    "strides of its own": ((4, 6), lambda a: a.as_strided((3, 3), (2, 1)).clone()),
}


class Two(nn.Module):
    def __init__(self, drawn, derived, first):
        super().__init__()
        if first:
            self.derived = nn.Parameter(derived)
        self.drawn = nn.Parameter(drawn)
        if not first:
            self.derived = nn.Parameter(derived)


def started(build):
    return initialize_(build(), Scheme.from_json(recorded_scheme(build).to_json()), seed=7)


@pytest.mark.parametrize("first", [False, True])
def test_copies_of_views_have_the_values_of_what_they_were_copied_from(first):
    def build():
        pairs = nn.ModuleDict()  # all in one model, as each recording takes its time
        for name, (shape, view) in VIEWS.items():
            drawn = torch.randn(shape)
            pairs[name] = Two(drawn, view(drawn), first)
        return pairs

    for name, pair in started(build).items():
        assert pair.drawn.std() > 0.4, name
        assert torch.equal(pair.derived, VIEWS[name][1](pair.drawn.detach())), name


def test_rows_that_were_repeated_are_equal_though_no_tensor_holds_the_draw():
    model = started(lambda: Two(torch.randn(6).expand(4, 6).clone(), torch.randn(3, 1).expand(3, 5) + 1, False))
    assert (model.drawn == model.drawn[0]).all()
    assert model.drawn[0].unique().numel() == 6
    assert (model.derived == model.derived[:, :1]).all()
    assert model.derived[:, 0].unique().numel() == 3


def test_parts_of_one_draw_that_belong_to_one_tensor_each_are_drawn_by_themselves():
    def build():
        packed = torch.randn(8, 6)
        return Two(packed[:4].clone(), packed[4:].t().clone(), False)

    assert {type(rule.initializer).__name__ for rule in recorded_scheme(build).rules} == {"RandomNormal"}


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Linear(64, 32),
        lambda: nn.Conv2d(8, 16, 3),
        lambda: nn.ConvTranspose2d(3, 4, 2),
        lambda: nn.ConvTranspose1d(6, 5, 3),
    ],
    ids=["Linear", "Conv2d", "ConvTranspose2d", "ConvTranspose1d"],
)
def test_a_spectral_norm_is_one_from_the_start(layer):
    model = started(lambda: parametrizations.spectral_norm(layer())).eval()
    weight = model.weight.detach().movedim(model.parametrizations.weight[0].dim, 0).flatten(1)
    assert abs(torch.linalg.matrix_norm(weight, 2) - 1) < 0.05


def test_complex_normals_that_are_looked_at_as_real_ones_keep_their_variance():
    real = started(lambda: Two(torch.view_as_real(torch.randn(64, 64, dtype=torch.complex64)), torch.zeros(1), False))
    assert abs(real.drawn.std() * 2**0.5 - 1) < 0.05
    unreal = started(lambda: Two(torch.view_as_complex(torch.randn(64, 64, 2)), torch.zeros(1), False))
    assert abs(unreal.drawn.abs().square().mean() / 2 - 1) < 0.05


@pytest.mark.parametrize(
    "view",
    [
        lambda a: torch.view_as_complex(a.view(4, 3, 2)).t().clone(),
        lambda a: a.view(torch.complex64).angle(),
        lambda a: a.view(torch.int32).float(),
    ],
    ids=["complex", "an angle", "bits"],
)
def test_bits_that_are_looked_at_as_another_dtype_are_refused(view):
    def build():
        drawn = torch.randn(4, 6)
        return Two(drawn, view(drawn), False)

    with pytest.raises(ValueError, match="Not recorded:\nderived: "):
        recorded_scheme(build)
