"""What the recording of a model cannot trust, and refuses with a reason; and what it only notes."""

import ctypes
import random
import threading

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import numpy as np
import torch
from recordings import Made, N, write
from torch import nn

from oneseed.initializers import RandomNormal
from oneseed_torch import recorded_scheme


def decided_by_a_value():
    w = torch.randn(N, N)
    while w.abs().max() > 5:
        w = torch.randn(N, N)
    return w


def by_another_thread():
    w = torch.zeros(N, N)
    thread = threading.Thread(target=lambda: w.fill_(1.0))
    thread.start()
    thread.join()
    return w


def through_memory_of_numpy():
    array = np.zeros((8, 8), np.float32)
    w = torch.from_numpy(array)
    w.sum()
    array[:] = np.arange(64).reshape(8, 8)
    return w


def through_a_pointer():
    w = torch.zeros(64)
    ctypes.memset(w.data_ptr(), 1, 16)
    return w


def drawn_until_it_fits():
    w = torch.randn(N, N)
    while w.abs().max() > 0.5:
        w.normal_()
    return w


def without_memory():
    module = nn.utils.skip_init(nn.Linear, 8, 8)
    return module.weight.detach()


REFUSED = {
    "NumPy's generator": (lambda: torch.from_numpy(np.random.randn(8, 8)), "values that are others in another run"),
    "Python's generator": (lambda: torch.tensor([random.random() for _ in range(8)]), "others in another run"),
    "NumPy's generator as a number": (lambda: torch.full((8,), np.random.rand()), "others in another run"),
    "a decision by a random value": (decided_by_a_value, "looks at them"),
    "rejection": (drawn_until_it_fits, "looks at them"),
    "a random value as a number": (lambda: torch.zeros(3) + torch.randn(()).item(), "looks at them"),
    "a random array": (lambda: torch.from_numpy(torch.randn(N, N).numpy() * 2), "looks at them"),
    "a random list": (lambda: torch.tensor(torch.randn(3).tolist()), "looks at them"),
    "another thread": (by_another_thread, "another thread"),
    "a view of NumPy": (through_memory_of_numpy, "shared, as with an array of NumPy"),
    "a pointer": (through_a_pointer, "in another way than PyTorch's operations"),
    "memory that is left": (lambda: torch.empty(8, 8), "memory that was left as it was"),
    "a part that is left": (lambda: write(torch.empty(8, 8), lambda w: w[1:].zero_()), "memory that was left"),
    "skip_init": (without_memory, "memory that was left|meta device"),
    "an unknown draw": (lambda: torch.multinomial(torch.ones(8), 4).float(), "multinomial"),
    "an unknown operation": (
        lambda: torch.special.bessel_j0(torch.randn(8)),
        "bessel_j0.*test_torch_recording_refusals.py",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trusted_is_refused_with_a_reason(name):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as stop:
        recorded_scheme(lambda: Made(make, state=True))
    assert "w: " in str(stop.value) or "test_torch_recording_refusals.py:" in str(stop.value)


def test_a_write_to_a_view_of_numpy_fails_at_its_line():
    def make():
        w = torch.zeros(8)
        w.numpy()[:] = 1
        return w

    with pytest.raises(ValueError, match="read-only"):
        recorded_scheme(lambda: Made(make))


def test_lazy_layers_are_refused_until_they_were_called():
    with pytest.raises(ValueError, match=r"weight: a lazy layer.*call it once"):
        recorded_scheme(lambda: nn.LazyLinear(4))

    def build():
        layer = nn.LazyLinear(4)
        layer(torch.zeros(1, 8))
        return layer

    assert recorded_scheme(build).match("weight")[0].initializer.minval == pytest.approx(-(8**-0.5))


@pytest.mark.filterwarnings("ignore:Sparse")
def test_sparse_tensors_are_refused():
    with pytest.raises(
        ValueError, match=r"w: a tensor that is sparse or quantized, made at .*test_torch_recording_refusals"
    ):
        recorded_scheme(lambda: Made(lambda: torch.eye(4).to_sparse(), state=True))


@pytest.mark.filterwarnings("ignore")
def test_quantized_tensors_are_refused():
    with pytest.raises(ValueError, match=r"w: a tensor that is sparse or quantized, made at .*:\d+"):
        recorded_scheme(lambda: Made(lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), state=True))


def test_generators_and_seeds_of_the_models_own_are_ordinary_draws_with_a_note():
    def generator():
        return Made(lambda: torch.empty(N, N).normal_(generator=torch.Generator().manual_seed(3)))

    def seeded():
        torch.manual_seed(3)
        return Made(lambda: torch.randn(N, N))

    def restored():
        with torch.random.fork_rng(devices=[]):
            torch.randn(3)
        return Made(lambda: torch.randn(N, N))

    told = "a generator of its own", "a seed of its own", "a state of the generator that it sets"
    for build, message in zip((generator, seeded, restored), told, strict=True):
        with pytest.warns(UserWarning, match=message):
            scheme = recorded_scheme(build)
        assert type(scheme.match("w")[0].initializer) is RandomNormal


@pytest.mark.parametrize(("build", "error"), [(3, TypeError), (lambda: 3, TypeError)])
def test_what_is_no_model_is_refused(build, error):
    with pytest.raises(error):
        recorded_scheme(build)
