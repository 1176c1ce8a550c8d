"""Objects built without a seed in the workers of a DataLoader, after `set_random_seed`."""

import multiprocessing

import pytest
from frameworks import installed

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch.utils.data import DataLoader, Dataset

import oneseed
from oneseed import initializers
from oneseed.random import SeedGenerator
from oneseed_torch import init

# Python and JAX warn of forking with threads, which PyTorch and other tests may have started.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning",
    "ignore:.*fork:RuntimeWarning",
    "ignore:.*suggested max number of worker:UserWarning",
)

DRAWS = {
    "init": lambda: init.normal_(torch.empty(1)).item(),
    "numpy": lambda: float(oneseed.random.normal((1,))[0]),
    "initializer": lambda: float(initializers.RandomNormal()((1,), backend="numpy")[0]),
    "generator": lambda: float(oneseed.random.normal((1,), seed=SeedGenerator())[0]),
}


class Noise(Dataset):
    """Two draws for each of four elements."""

    def __init__(self, draw):
        self.draw = draw

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.draw(), self.draw()


def epochs(draw, workers, **options):
    """What two epochs draw after the seeds are set."""
    oneseed.set_random_seed(7)
    torch.manual_seed(3)
    loader = DataLoader(
        Noise(draw), batch_size=1, num_workers=workers, multiprocessing_context="fork" if workers else None, **options
    )
    return [value.item() for _ in range(2) for pair in loader for value in pair]


@pytest.mark.parametrize("name", DRAWS)
def test_workers_and_epochs_differ_and_can_be_repeated(name):
    for options in ({"workers": 0}, {"workers": 2}, {"workers": 2, "persistent_workers": True}):
        drawn = epochs(DRAWS[name], **options)
        assert len(set(drawn)) == len(drawn) == 16
        assert epochs(DRAWS[name], **options) == drawn


def test_a_worker_may_choose_its_own_seed():
    def choose(number):
        oneseed.set_random_seed(100 + number)

    drawn = epochs(DRAWS["init"], 2, worker_init_fn=choose)
    oneseed.set_random_seed(100)
    expected = [DRAWS["init"]() for _ in range(2)]
    assert drawn[:2] == expected == drawn[8:10]


def model(queue, again):
    if again:
        oneseed.set_random_seed(7)
    queue.put(init.normal_(torch.empty(4)).tolist())


@pytest.mark.parametrize("again", [False, True])
def test_other_processes_agree(again):
    context = multiprocessing.get_context("fork")
    oneseed.set_random_seed(7)
    queue = context.Queue()
    processes = [context.Process(target=model, args=(queue, again)) for _ in range(2)]
    for process in processes:
        process.start()
    one, other = queue.get(), queue.get()
    for process in processes:
        process.join()
    assert one == other == init.normal_(torch.empty(4)).tolist()
