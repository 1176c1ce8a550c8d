"""Fill DTensors on several ranks, and compare each rank's part with the same part of the whole, as PyTorch cuts it.

Called with the number of ranks; prints one line for each rank, or fails. Nothing but gloo on the CPU is needed.
"""

import itertools
from functools import partial

import torch
import torch.distributed as dist
from ranks import start
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.distributed.tensor.placement_types import _StridedShard

import oneseed
from oneseed_torch import init

FUNCTIONS = {
    "uniform_": (init.uniform_, (-1.0, 2.0)),
    "normal_": (init.normal_, (0.5, 2.0)),
    "trunc_normal_": (init.trunc_normal_, (0.0, 1.0, -0.5, 1.5)),
    "xavier_uniform_": (init.xavier_uniform_, ()),
    "kaiming_normal_": (init.kaiming_normal_, ()),
    "orthogonal_": (init.orthogonal_, (1.5,)),
    "sparse_": (init.sparse_, (0.3, 1.0)),
    "eye_": (init.eye_, ()),
    "dirac_": (init.dirac_, ()),
    "constant_": (init.constant_, (0.25,)),
    "zeros_": (init.zeros_, ()),
}
SHAPES = {"sparse_": [(7, 5)], "eye_": [(7, 5), (3, 9)], "dirac_": [(7, 5, 3), (6, 4, 3, 1)]}
USUAL = [(7, 5), (1, 6, 3)]


def placements_of(mesh):
    """Every way to place a tensor of two or more axes on a mesh, a strided shard among them."""
    kinds = [Replicate(), Shard(0), Shard(1)]
    yield from itertools.product(kinds, repeat=mesh.ndim)
    if mesh.ndim == 2:
        yield _StridedShard(0, split_factor=mesh.size(1)), Shard(0)
        yield Replicate(), _StridedShard(1, split_factor=2)


def cut(whole, mesh, placements):
    """Return this rank's part as PyTorch itself cuts it; every rank has the whole, so none has to send."""
    for axis, placement in enumerate(placements):
        if not placement.is_replicate():
            whole = placement._shard_tensor(whole, mesh, axis, src_data_rank=None)
    return whole


def check_functions(mesh):
    """Each function, shape and placement."""
    for name, (function, arguments) in FUNCTIONS.items():
        for shape, placements in itertools.product(SHAPES.get(name, USUAL), placements_of(mesh)):
            dtype = torch.bfloat16 if name == "uniform_" else torch.float32
            whole = function(torch.empty(shape, dtype=dtype), *arguments, seed=7, path="w")
            expected = cut(whole, mesh, placements)
            local = torch.full(expected.shape, torch.nan, dtype=dtype)
            made = DTensor.from_local(local, mesh, placements, run_check=False, shape=shape, stride=whole.stride())
            version = made._version
            with CommDebugMode() as communication:
                found = function(made, *arguments, seed=7, path="w")
            assert communication.get_total_counts() == 0, (name, placements)
            assert found is made
            assert made._version > version
            assert torch.equal(local, expected), (name, shape, placements)
            if not any(isinstance(placement, _StridedShard) for placement in placements):
                assert torch.equal(made.full_tensor(), whole), (name, shape, placements)


def check_seeds(mesh):
    """A seed of each rank's own is refused; a common one, and a generator, are not."""
    oneseed.seeds._unseeded.start(None)
    made = distribute_tensor(torch.zeros(5, 3), mesh, [Shard(0)] * mesh.ndim)
    for seed in (None, oneseed.random.SeedGenerator()):
        try:
            init.normal_(made, seed=seed)
        except ValueError as error:
            assert "the same on all ranks" in str(error)  # noqa: PT017 - no pytest in a rank
        else:
            raise AssertionError(seed)
    oneseed.set_random_seed(3)
    init.normal_(made)
    oneseed.set_random_seed(3)
    assert torch.equal(made.full_tensor(), init.normal_(torch.empty(5, 3)))
    # A rank without elements counts as the others do.
    one, two = (oneseed.random.SeedGenerator(7) for _ in range(2))
    for shape in [(1, 3), (5, 3)]:
        made = distribute_tensor(torch.zeros(shape), mesh, [Shard(0)] * mesh.ndim)
        assert torch.equal(init.normal_(made, seed=one).full_tensor(), init.normal_(torch.empty(shape), seed=two))
    generator = oneseed.random.SeedGenerator(7)
    partial_ = DTensor.from_local(torch.zeros(2, 2), mesh, [Partial()] * mesh.ndim)
    for refused in (init.normal_, init.eye_):
        try:
            refused(partial_, seed=generator)
        except ValueError as error:
            assert "Shard and Replicate" in str(error)  # noqa: PT017
            assert generator.count == 0
        else:
            raise AssertionError(refused)


def model():
    """Two layers of sizes that no number of ranks divides."""
    return torch.nn.Sequential(torch.nn.Linear(10, 14), torch.nn.ReLU(), torch.nn.Linear(14, 9))


def initialize(module):
    """One seed, a path for each parameter."""
    for name, parameter in module.named_parameters():
        draw = partial(init.kaiming_uniform_, nonlinearity="relu") if parameter.ndim > 1 else init.normal_
        draw(parameter, seed=7, path=name)


def check_model(mesh):
    """A model that is built on the meta device, sharded, given memory and only then initialized."""
    expected = model()
    initialize(expected)
    with torch.device("meta"):
        sharded = model()
    generator = oneseed.random.SeedGenerator(7)
    if mesh.ndim == 2:
        plan = {"0": ColwiseParallel(), "2": RowwiseParallel()}
        parallelize_module(sharded, mesh["columns"], plan)
    fully_shard(sharded, mesh=mesh["rows"])
    for parameter in sharded.parameters():
        init.normal_(parameter, seed=generator)  # on the meta device: nothing happens
    assert generator.count == 0
    sharded.to_empty(device="cpu")
    initialize(sharded)
    for found, wanted in zip(sharded.parameters(), expected.parameters(), strict=True):
        assert torch.equal(found.full_tensor(), wanted)
    x = torch.linspace(-1, 1, 40).reshape(4, 10)
    assert torch.allclose(sharded(x), expected(x), atol=1e-6)
    sharded(x).square().sum().backward()
    torch.optim.SGD(sharded.parameters(), 0.1).step()


def rank_main(rank, count, file):
    """What each process does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{file}", rank=rank, world_size=count)
    line = dist.init_device_mesh("cpu", (count,), mesh_dim_names=("rows",))
    check_functions(line)
    check_seeds(line)
    check_model(line)
    if count == 4:
        grid = dist.init_device_mesh("cpu", (2, 2), mesh_dim_names=("rows", "columns"))
        check_functions(grid)
        check_seeds(grid)
        check_model(grid)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    start(rank_main)
