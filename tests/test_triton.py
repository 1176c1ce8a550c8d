"""The Triton kernel makes the bits of stream v1, under Triton's interpreter, and on a CUDA device if one is there."""

import importlib
import random
import sys

import numpy as np
import pytest
import reference
from draws_of_tests import DISTRIBUTIONS, LIMITS
from frameworks import installed
from test_known_answers import NORMALS, ROWS, SHAPE, UNIFORMS, WINDOWS

if not (installed("torch") and installed("triton")):
    pytest.skip("torch or triton is not installed", allow_module_level=True)

import torch

from oneseed import registry
from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed.dtypes import INTEGERS
from oneseed_torch.drawing.memory import memory

FLOATS = ("bfloat16", "float16", "float32", "float64")
MODULES = ("oneseed_torch.drawing.triton_kernel", "oneseed_torch.drawing.triton_launch")


@pytest.fixture(scope="module")
def interpreted():
    """The launcher with the kernel under Triton's interpreter; what others import stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        # What a function is, Triton decides where it is defined: these modules are imported a second time.
        patch.setenv("TRITON_INTERPRET", "1")
        for name in MODULES:
            patch.delitem(sys.modules, name, raising=False)
        launch = importlib.import_module("oneseed_torch.drawing.triton_launch")
        for name in MODULES:
            del sys.modules[name]
        interpreter = importlib.import_module("triton.runtime.interpreter")
        patch.setattr(interpreter.InterpreterBuilder, "create_fp_trunc", rounded_as_devices_do(interpreter))
        patch.setattr(interpreter, "_implicit_cvt", typed_as_annotated(interpreter))
        yield launch


def rounded_as_devices_do(interpreter):
    """The interpreter cuts a float32 to a bfloat16; the compiled conversion rounds it to the nearest, ties to even."""

    def create_fp_trunc(self, source, kind):
        if kind.scalar.name != "bf16":
            return self.cast_impl(source, kind)
        halves = torch.from_numpy(np.ascontiguousarray(source.data)).to(torch.bfloat16).view(torch.int16).numpy()
        return interpreter.TensorHandle(halves.view(np.uint16), kind.scalar)

    return create_fp_trunc


def typed_as_annotated(interpreter):
    """The interpreter types integers by their size, and some of them wrongly; the kernel's annotations say int64."""
    convert, language = interpreter._implicit_cvt, interpreter.tl

    def _implicit_cvt(argument):
        if not isinstance(argument, int) or isinstance(argument, bool):
            return convert(argument)
        return language.tensor(interpreter.TensorHandle(np.array([argument], np.int64), language.int64), language.int64)

    return _implicit_cvt


CUDA = pytest.param("cuda", marks=[] if torch.cuda.is_available() else pytest.mark.skip("no CUDA device is here"))


@pytest.fixture(params=["interpreter", CUDA])
def launch(request, monkeypatch):
    """The launcher under test, with small programs, and the device of its tensors."""
    if request.param == "cuda":
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)
        module, device = importlib.import_module("oneseed_torch.drawing.triton_launch"), torch.device("cuda", 0)
    else:
        module, device = request.getfixturevalue("interpreted"), torch.device("cpu")
        for counters in ("COUNTERS", "OF_ROWS"):
            monkeypatch.setattr(module, counters, {32: 64, 64: 64})
    module.tiling.cache_clear()  # a test may change what it depends on
    yield module, device
    module.tiling.cache_clear()


def drawn(launch, draw):
    """Return what the kernel makes of a draw, as an array."""
    module, device = launch
    out = torch.empty(draw.block, dtype=getattr(torch, draw.dtype), device=device)
    module.fill(draw, out)
    return memory(out.cpu())


def agree(launch, draw):
    found, expected = drawn(launch, draw), registry.load("numpy").draw(draw)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


# Known answers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_known_answers(launch, dtype):
    for number, row in enumerate(ROWS):  # in turn the kinds of distribution, and the four of each kind
        known, turn, kind = row[dtype], number % 4, list(WINDOWS)[number // 4 % 2]
        distribution, pattern = [
            (Normal(*NORMALS[turn]), known["normal"][turn]),
            (Uniform(*UNIFORMS[turn]), known["uniform"][turn]),
            (TruncatedNormal(*NORMALS[turn], *WINDOWS[kind]), known[kind][turn]),
        ][number // 12 % 3]
        address = row["seed"], tuple(row["path"]), (0,), 1, 1, (row["index"],), (1,)
        assert reference.patterns(drawn(launch, Draw(distribution, SHAPE, dtype, *address))) == [int(pattern, 16)], row
        if dtype == "float32":
            assert drawn(launch, Draw(Integers(0, 10), SHAPE, "int32", *address)).tolist() == [row["integers_0_10"]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_floats_equal_the_reference(launch, dtype):
    draws = [Draw(distribution, (40,), dtype, 11, ("w",), (0,), 1, 1, (3,), (30,)) for distribution in DISTRIBUTIONS]
    for draw in draws:
        distribution, address = draw.distribution, [(11, draw.stream, i) for i in range(3, 33)]
        if isinstance(distribution, Uniform):
            values = [reference.uniform(*each, distribution.low, distribution.high, dtype) for each in address]
        elif isinstance(distribution, Normal):
            values = [reference.normal(*each, distribution.mean, distribution.stddev, dtype) for each in address]
        else:
            window = distribution.lower, distribution.upper
            values = [
                reference.truncated_normal(*each, distribution.mean, distribution.stddev, dtype, *window)
                for each in address
            ]
        assert reference.patterns(drawn(launch, draw)) == [reference.bits(value, dtype) for value in values]


# Blocks, layouts, memory


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_odd_sizes(launch, distribution, dtype):
    place = FLOATS.index(dtype) + DISTRIBUTIONS.index(distribution)
    for number, first in enumerate((0, 1, 2**34 - 3, 2**40 + 6)):
        size = (1, 2, 3, 5, 64, 100)[(place + number) % 6]
        agree(launch, Draw(distribution, SHAPE, dtype, 2**64 - 3, ("a", 1), (0,), 1, 1, (first,), (size,)))


def random_case(seed):
    """Make a draw of a random block of a random layout, and the strides and the start of a tensor in a larger one."""
    dice = random.Random(seed)
    block = tuple(dice.choice((1, 2, 3, 4, 5, 9)) for _ in range(dice.choice((1, 2, 3, 3, 4))))
    offset = tuple(dice.choice((0, 0, 1, 4, 7, 2 ** dice.randrange(8))) for _ in block)
    shape = [at + size + dice.choice((0, 0, 1, 4)) for at, size in zip(offset, block, strict=True)]
    if block and dice.random() < 0.4:  # indices far beyond 32 bits, and beyond 2**40
        axis = dice.randrange(len(block))
        far = 2 ** dice.choice((34, 38, 41)) + dice.randrange(9)
        offset = (*offset[:axis], far, *offset[axis + 1 :])
        shape[axis] = far + block[axis] + 3
    order = tuple(dice.sample(range(len(block)), len(block)))
    distribution, dtype = dice.choice(DISTRIBUTIONS), dice.choice(FLOATS)
    if dice.random() < 0.2:
        distribution, dtype = Integers(dice.randrange(9), 100), dice.choice(INTEGERS)
    path = dice.choice(((), ("w",), (3, "b")))
    draw = Draw(distribution, tuple(shape), dtype, dice.randrange(2**64), path, order, 1, 1, offset, block)
    strides, step = [0] * len(block), dice.choice((1, 1, 2, 3))
    for axis in dice.sample(range(len(block)), len(block)) if dice.random() < 0.6 else reversed(range(len(block))):
        strides[axis] = step
        step *= block[axis] + dice.choice((0, 0, 1, 4))
    return draw, tuple(strides), dice.randrange(5)


@pytest.mark.parametrize("part", range(6))
def test_blocks_of_any_layout_in_memory_of_any_strides(launch, part):
    module, device = launch
    for seed in range(15 * part, 15 * part + 15):
        draw, strides, start = random_case(seed)
        extent = sum((size - 1) * step for size, step in zip(draw.block, strides, strict=True)) + 1
        base = torch.full((start + extent + 3,), 1, dtype=getattr(torch, draw.dtype), device=device)
        out = base.as_strided(draw.block, strides, start)
        module.fill(draw, out)
        expected = torch.full((start + extent + 3,), 1, dtype=base.dtype)
        memory(expected.as_strided(draw.block, strides, start))[...] = registry.load("numpy").draw(draw)
        assert memory(base.cpu()).tobytes() == memory(expected).tobytes(), (seed, draw, strides)


@pytest.mark.parametrize("rank", [4, 5, 6, 7])
def test_more_axes_than_one_launch_numbers(launch, rank):
    module, device = launch
    order = (*range(1, rank, 2), *range(0, rank, 2))
    draw = Draw(Normal(), (3,) * rank, "float32", 5, (), order, 1, 1, (1,) * rank, (2,) * rank)
    whole = torch.zeros((4,) * rank, device=device)
    out = whole[(slice(0, 4, 2),) * rank]
    module.fill(draw, out)
    assert memory(out.cpu()).tobytes() == registry.load("numpy").draw(draw).tobytes()
    assert whole.count_nonzero() == 2**rank


def test_programs_of_the_size_that_devices_run(launch, monkeypatch, interpreted):
    module, _ = launch
    monkeypatch.setattr(module, "COUNTERS", {32: 512, 64: 256})
    monkeypatch.setattr(module, "OF_ROWS", {32: 256, 64: 64})
    for dtype in ("float32", "float64"):
        agree(launch, Draw(Normal(), (9000,), dtype, 5, (), (0,), 1, 1, (0,), (9000,)))
        agree(launch, Draw(Normal(), (70, 90), dtype, 5, (), (1, 0), 1, 1, (0, 0), (70, 90)))
        agree(launch, Draw(Normal(), (30, 90), dtype, 5, (), (0, 1), 1, 1, (1, 2), (29, 80)))


def test_programs_that_make_several_tiles(launch, monkeypatch):
    monkeypatch.setattr(launch[0], "BUSY", 2)
    for size in (2600, 5000):
        agree(launch, Draw(Normal(), (size,), "float32", 5, (), (0,), 1, 1, (0,), (size,)))
    agree(launch, Draw(Normal(), (40, 33), "float32", 5, (), (1, 0), 1, 1, (0, 0), (40, 33)))
    agree(launch, Draw(Normal(), (41, 90), "float32", 5, (), (0, 1), 1, 1, (1, 2), (37, 80)))
    monkeypatch.setattr(launch[0], "PROGRAMS", 3)
    agree(launch, Draw(Normal(), (5000,), "float32", 5, (), (0,), 1, 1, (0,), (5000,)))


def test_launches_beyond_the_largest_grid(launch, monkeypatch):
    monkeypatch.setattr(launch[0], "PROGRAMS", 3)
    agree(launch, Draw(Normal(), (1000,), "float32", 5, (), (0,), 1, 1, (0,), (1000,)))
    agree(launch, Draw(Normal(), (40, 33), "float32", 5, (), (1, 0), 1, 1, (0, 0), (40, 33)))


@pytest.mark.parametrize(("dtype", "low", "high"), LIMITS)
def test_integers_to_their_limits(launch, dtype, low, high):
    agree(launch, Draw(Integers(low, high), (50, 3), dtype, 5, (), (1, 0), 1, 1, (0, 0), (50, 3)))


def test_seeds_of_any_bits(launch):
    for seed in (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1):
        draw = Draw(TruncatedNormal(0.0, 1.0, -2.0, 3.0), (9,), "float64", seed, (), (0,), 1, 1, (0,), (9,))
        value = reference.truncated_normal(seed, 0, 0, 0.0, 1.0, "float64", -2.0, 3.0)
        assert reference.patterns(drawn(launch, draw))[0] == reference.bits(value, "float64")
        agree(launch, draw)


def test_nothing_to_fill(launch):
    for block in ((0,), (3, 0)):
        shape = tuple(size + 1 for size in block)
        draw = Draw(Normal(), shape, "float32", 5, (), tuple(range(len(block))), 1, 1, (0,) * len(block), block)
        assert drawn(launch, draw).size == 0


def test_a_kernel_is_looked_up_once_for_all_that_it_is_compiled_for(interpreted, monkeypatch):
    names, compiled, launched = interpreted.fill_kernel.arg_names, [], []

    class Launch:
        arg_names = names

        def __getitem__(self, grid):
            def compile(num_warps, enable_fp_fusion, **given):
                assert sorted(given) == sorted(names)
                compiled.append(given)
                return Compiled()

            return compile

    class Compiled:
        def __getitem__(self, grid):
            return lambda *given: launched.append(dict(zip(names, given, strict=True)))

    monkeypatch.setattr(interpreted, "fill_kernel", Launch())
    monkeypatch.setattr(interpreted, "_kernels", {})

    def fill(size=4000, distribution=Normal(), at=0, seed=7, dtype="float32"):  # noqa: B008 - it never changes
        out = torch.empty(size + 4, dtype=getattr(torch, dtype))[at : at + size]
        interpreted.fill(Draw(distribution, (size,), dtype, seed, (), (0,), 1, 1, (0,), (size,)), out)

    fill()
    fill(size=8000, distribution=Normal(0.0, 2.0), seed=8)
    assert (len(compiled), len(launched)) == (1, 1)
    assert (compiled[0]["seed"], launched[0]["seed"], launched[0]["length"]) == (7, 8, 8000)
    for others in (
        {"distribution": Normal(1.0)},
        {"distribution": Uniform(0.0, 1.0)},
        {"at": 1},
        {"dtype": "float16"},
        {"size": 4},
    ):
        fill(**others)
        fill(**others)
    assert (len(compiled), len(launched)) == (6, 6)
