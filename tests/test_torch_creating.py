"""PyTorch modules that are built without their constructors' draws, and hold what a scheme says all the same."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn.init import normal_

from oneseed import Rule, Scheme
from oneseed_torch import create, default_scheme, initialize_, recorded_scheme
from oneseed_torch.models import creating

SCHEME = Scheme([Rule("*bias*", "zeros"), Rule("*", "he_normal")])
DRAWING = (*creating.ANY, *creating.WEIGHTS)
CODES = {function: function.__code__ for function in (*DRAWING, *creating.LAYERS)}


@pytest.fixture(autouse=True)
def functions_are_what_they_were():
    yield
    assert {function: function.__code__ for function in CODES} == CODES


class Net(nn.Module):
    """Draws by PyTorch's layers, by functions of torch.nn.init under either name, and in other ways."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 6, padding_idx=0)
        self.conv = nn.Conv2d(4, 8, 3, groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.rnn = nn.LSTM(6, 6)
        self.attention = nn.MultiheadAttention(6, 2)
        self.head = nn.Linear(6, 11)
        self.head.weight = self.table.weight
        self.more = nn.Linear(700, 700)
        normal_(self.conv.weight, std=0.02)
        nn.init.orthogonal_(self.more.weight)
        self.own = nn.Parameter(torch.randn(3, 3))


def same(one, other):
    mine, others = one.state_dict(), other.state_dict()
    assert mine.keys() == others.keys()
    assert [name for name in mine if not torch.equal(mine[name], others[name])] == []


BUILDS = {
    "linear": lambda: nn.Linear(64, 10),
    "large": lambda: nn.Linear(1024, 512),
    "many layers": lambda: nn.Sequential(*(nn.Linear(8, 8) for _ in range(20))),
    "bfloat16": lambda: nn.Linear(8, 8, dtype=torch.bfloat16),
    "float64": lambda: nn.Linear(8, 8, dtype=torch.float64),
    "converted": lambda: nn.Linear(8, 8).half(),
    "convolutions": lambda: nn.Sequential(nn.Conv1d(4, 4, 3), nn.ConvTranspose2d(4, 4, 3), nn.Conv3d(2, 2, 1)),
    "recurrent": lambda: nn.ModuleList([nn.GRU(4, 4, 2, bidirectional=True), nn.LSTMCell(3, 3)]),
    "transformer": lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
    "frozen": lambda: nn.Embedding.from_pretrained(torch.ones(3, 3)),
    "normalized": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
    "orthogonal": lambda: nn.utils.parametrizations.orthogonal(
        nn.Linear(4, 4), "weight", "householder", use_trivialization=False
    ),
    "inside a device": lambda: on("cpu"),
    "on the meta device": lambda: on("meta"),
}


def on(device):
    with torch.device(device):
        return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))


@pytest.mark.parametrize("scheme", [None, SCHEME])
@pytest.mark.parametrize("name", BUILDS)
def test_the_module_is_that_of_initialize(name, scheme):
    build = BUILDS[name]
    torch.manual_seed(0)
    made = create(build, scheme, seed=7)
    module = build()
    same(made, initialize_(module, default_scheme(module) if scheme is None else scheme, seed=7, device="cpu"))


def test_a_module_with_draws_of_all_kinds():
    scheme = Scheme([Rule("own", "ones"), *default_scheme(Net()).rules])
    same(create(Net, scheme, seed=7), initialize_(Net(), scheme, seed=7))
    own = recorded_scheme(Net)
    same(create(Net, own, seed=7), initialize_(Net(), own, seed=7))
    same(
        create(lambda: Net().eval(), SCHEME, seed=7, names={"own": "other"}),
        initialize_(Net(), SCHEME, seed=7, names={"own": "other"}),
    )
    assert torch.equal(create(Net, SCHEME, seed=7, axes={"own": "i o"}).own, create(Net, SCHEME, seed=7).own.T)


def test_no_function_that_draws_does():
    """What is left out is seen by PyTorch's generator; a draw of one value moves it on."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    for name, function in vars(nn.init).items():
        if not name.endswith("_") or name.startswith("_"):
            continue

        def build(function=function, draws=function in DRAWING):
            layer = nn.Linear(4, 4)
            arguments = {"sparse_": (0.5,), "constant_": (1.0,)}.get(function.__name__, ())
            weight = torch.empty(2, 2, 3) if function is nn.init.dirac_ else layer.weight
            assert (
                function(tensor=weight, **dict(zip(("sparsity" if draws else "val",), arguments, strict=False)))
                is weight
            )
            assert weight.isnan().all() == draws
            return layer

        create(build, SCHEME, seed=7)
        assert torch.equal(torch.get_rng_state(), before)


def test_other_tensors_and_threads_draw():
    drawn = []

    def build():
        other = threading.Thread(target=lambda: drawn.append(nn.Linear(3, 3)))
        other.start()
        other.join()
        with pytest.raises(RuntimeError):
            nn.init.uniform_(torch.zeros(3, dtype=torch.int64))
        return nn.LazyLinear(3, bias=False)

    with pytest.raises(ValueError, match="lazy"):
        create(build, SCHEME, seed=7)
    assert drawn[0].weight.isfinite().all()
    assert drawn[0].weight.std() > 0


def test_errors_that_take_no_notes_are_raised_as_they_are():
    @dataclass(frozen=True)
    class Frozen(Exception):
        number: int = 3

    def build():
        raise Frozen

    with pytest.raises(Frozen):
        create(build, SCHEME, seed=7)


def test_within_a_mode_nothing_is_left_out():
    with FakeTensorMode():
        module = create(lambda: nn.BatchNorm1d(3), SCHEME, seed=7)
    assert isinstance(module.weight, FakeTensor)


def test_what_the_functions_refuse_is_refused():
    with pytest.raises(ValueError, match="fewer than 2 dimensions") as error:
        create(lambda: nn.init.xavier_uniform_(nn.Linear(3, 3).bias), SCHEME, seed=7)
    assert "oneseed_torch.create leaves out" in error.value.__notes__[0]
    with pytest.raises(ValueError, match="device must be one that holds values"), torch.device("meta"):
        create(lambda: nn.Linear(3, 3), SCHEME, seed=7)


def test_one_within_another_and_beside_a_recorder():
    def build():
        inner = create(lambda: nn.Linear(3, 3), SCHEME, seed=1)
        own = recorded_scheme(lambda: nn.init.trunc_normal_(torch.nn.Linear(4, 4).weight) is None or nn.Linear(4, 4))
        return nn.ModuleList([inner, initialize_(nn.Linear(4, 4), own, seed=2), nn.Linear(3, 3)])

    module = build()
    same(create(build, SCHEME, seed=7), initialize_(module, SCHEME, seed=7))
    with pytest.raises(ValueError, match="weight: draw_, which has no counterpart"):  # and not NaN
        recorded_scheme(lambda: create(lambda: nn.Linear(4, 4), seed=7))


def test_threads_build_side_by_side():
    """Each waits, within its own call, for the others."""
    together, made = threading.Barrier(3), {}

    def build():
        together.wait(60)
        layer = nn.Linear(5, 5)
        together.wait(60)
        return layer

    threads = [
        threading.Thread(target=lambda seed=seed: made.update({seed: create(build, SCHEME, seed=seed)}))
        for seed in (1, 2)
    ]
    for thread in threads:
        thread.start()
    together.wait(60)
    drawn = nn.Linear(5, 5)
    together.wait(60)
    for thread in threads:
        thread.join()
    assert drawn.weight.isfinite().all()
    for seed, layer in made.items():
        same(layer, initialize_(nn.Linear(5, 5), SCHEME, seed=seed))


FORKS = {
    "of another thread": """
import os, threading, torch
from torch import nn
from oneseed_torch import create

own, inside, forked = nn.Linear.reset_parameters.__code__, threading.Event(), threading.Event()

def build():
    inside.set()
    assert forked.wait(60)
    return nn.Linear(5, 5)

builder = threading.Thread(target=create, args=(build,), kwargs={"seed": 7})
builder.start()
assert inside.wait(60)
child = os.fork()
if child == 0:
    same = torch.equal(create(lambda: nn.Linear(5, 5), seed=7).weight, create(lambda: nn.Linear(5, 5), seed=7).weight)
    drawn = bool(nn.Linear(5, 5).weight.isfinite().all())
    os._exit(0 if same and drawn and own is nn.Linear.reset_parameters.__code__ else 1)
forked.set()
builder.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""",
    "within": """
import os
from torch import nn
from oneseed_torch import create

def build():
    child = os.fork()
    if child == 0:
        os._exit(0 if nn.Linear(5, 5).weight.isfinite().all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return nn.Linear(5, 5)

assert create(build, seed=7).weight.isfinite().all()
""",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no os.fork")
@pytest.mark.parametrize("name", FORKS)
def test_a_forked_process_draws(name):
    """It has but one thread, and functions of its own."""
    done = subprocess.run([sys.executable, "-c", FORKS[name]], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_functions_come_back_after_an_error():
    def build(error):
        nn.init.normal_(torch.empty(3))
        raise error

    for error in (KeyError("mine"), KeyboardInterrupt("mine")):
        with pytest.raises(type(error), match="mine"):
            create(lambda error=error: build(error), SCHEME, seed=7)
    assert nn.Linear(3, 3).weight.isfinite().all()


def test_warnings_name_the_line_of_the_call():
    called = Scheme([Rule("*", lambda shape, dtype: torch.ones(shape))])
    with pytest.warns(UserWarning, match="seed of the scheme does not reach") as noted:
        create(lambda: nn.Linear(2, 2), called, seed=7)
    assert noted[0].filename == __file__


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((nn.Linear(2, 2), None, 7), TypeError, "`build` must build the module.*initialize_"),
        ((3, None, 7), TypeError, "`build` must be callable. Received: build=3"),
        ((lambda: 3, None, 7), TypeError, "`build` must return a torch.nn.Module. Received: 3"),
        ((nn.Identity, [], 7), TypeError, "`scheme` must be a oneseed.Scheme"),
        ((nn.Identity, None, "7"), TypeError, "`seed` must be"),
        ((nn.Identity, None, -1), ValueError, "`seed` must"),
        ((lambda: nn.ParameterList([torch.ones(3)]), None, 7), ValueError, "no rule for 0"),
    ],
)
def test_mistakes(arguments, error, words):
    build, scheme, seed = arguments
    with pytest.raises(error, match=words):
        create(build, scheme, seed=seed)
