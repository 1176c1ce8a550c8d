"""The Triton kernel makes the bits of stream v1, under Triton's interpreter, and on a CUDA device if one is there.

Without a device the kernel is compiled for several all the same, down to their machine code.
"""

import importlib
import inspect
import random
import re
import sys
import warnings

import numpy as np
import pytest
import reference
from draws_of_tests import LAWS, LIMITS
from frameworks import installed
from test_known_answers import NORMALS, ROWS, SHAPE, UNIFORMS, WINDOWS

if not (installed("torch") and installed("triton")):
    pytest.skip("torch or triton is not installed", allow_module_level=True)

import torch

from oneseed import registry
from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed.dtypes import INTEGERS
from oneseed_torch import accelerators, filling
from oneseed_torch.memory import memory

FLOATS = ("bfloat16", "float16", "float32", "float64")
MODULES = ("oneseed_torch.triton_kernel", "oneseed_torch.triton_launch")


@pytest.fixture(scope="module")
def interpreted():
    """The launcher with the kernel under Triton's interpreter; what others import stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        # What a function is, Triton decides where it is defined: these modules are imported a second time.
        patch.setenv("TRITON_INTERPRET", "1")
        for name in MODULES:
            patch.delitem(sys.modules, name, raising=False)
        launch = importlib.import_module("oneseed_torch.triton_launch")
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
        module, device = importlib.import_module("oneseed_torch.triton_launch"), torch.device("cuda", 0)
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
    for number, row in enumerate(ROWS):  # in turn the kinds of law, and the four of each kind
        known, turn, kind = row[dtype], number % 4, list(WINDOWS)[number // 4 % 2]
        law, pattern = [
            (Normal(*NORMALS[turn]), known["normal"][turn]),
            (Uniform(*UNIFORMS[turn]), known["uniform"][turn]),
            (TruncatedNormal(*NORMALS[turn], *WINDOWS[kind]), known[kind][turn]),
        ][number // 12 % 3]
        address = row["seed"], tuple(row["path"]), (0,), 1, 1, (row["index"],), (1,)
        assert reference.patterns(drawn(launch, Draw(law, SHAPE, dtype, *address))) == [int(pattern, 16)], row
        if dtype == "float32":
            assert drawn(launch, Draw(Integers(0, 10), SHAPE, "int32", *address)).tolist() == [row["integers_0_10"]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_floats_equal_the_reference(launch, dtype):
    draws = [Draw(law, (40,), dtype, 11, ("w",), (0,), 1, 1, (3,), (30,)) for law in LAWS]
    for draw in draws:
        law, address = draw.distribution, [(11, draw.stream, i) for i in range(3, 33)]
        if isinstance(law, Uniform):
            values = [reference.uniform(*each, law.low, law.high, dtype) for each in address]
        elif isinstance(law, Normal):
            values = [reference.normal(*each, law.mean, law.stddev, dtype) for each in address]
        else:
            window = law.lower, law.upper
            values = [reference.truncated_normal(*each, law.mean, law.stddev, dtype, *window) for each in address]
        assert reference.patterns(drawn(launch, draw)) == [reference.bits(value, dtype) for value in values]


# Blocks, layouts, memory


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_odd_sizes(launch, law, dtype):
    place = FLOATS.index(dtype) + LAWS.index(law)
    for number, first in enumerate((0, 1, 2**34 - 3, 2**40 + 6)):
        size = (1, 2, 3, 5, 64, 100)[(place + number) % 6]
        agree(launch, Draw(law, SHAPE, dtype, 2**64 - 3, ("a", 1), (0,), 1, 1, (first,), (size,)))


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
    law, dtype = dice.choice(LAWS), dice.choice(FLOATS)
    if dice.random() < 0.2:
        law, dtype = Integers(dice.randrange(9), 100), dice.choice(INTEGERS)
    path = dice.choice(((), ("w",), (3, "b")))
    draw = Draw(law, tuple(shape), dtype, dice.randrange(2**64), path, order, 1, 1, offset, block)
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

    def fill(size=4000, law=Normal(), at=0, seed=7, dtype="float32"):  # noqa: B008 - it never changes
        out = torch.empty(size + 4, dtype=getattr(torch, dtype))[at : at + size]
        interpreted.fill(Draw(law, (size,), dtype, seed, (), (0,), 1, 1, (0,), (size,)), out)

    fill()
    fill(size=8000, law=Normal(0.0, 2.0), seed=8)
    assert (len(compiled), len(launched)) == (1, 1)
    assert (compiled[0]["seed"], launched[0]["seed"], launched[0]["length"]) == (7, 8, 8000)
    for others in ({"law": Normal(1.0)}, {"law": Uniform(0.0, 1.0)}, {"at": 1}, {"dtype": "float16"}, {"size": 4}):
        fill(**others)
        fill(**others)
    assert (len(compiled), len(launched)) == (6, 6)


# Devices that are not here


@pytest.fixture
def compiled(monkeypatch):
    """The kernel as it is for devices, whatever the fixtures above have set for the module."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    return importlib.import_module("oneseed_torch.triton_kernel")


TARGETS = {"sm_80": ("cuda", 80, 32), "sm_90": ("cuda", 90, 32), "gfx942": ("hip", "gfx942", 64)}
VARIANTS = {
    "normal float32, one row": ("fp32", {"KIND": "normal"}),
    "truncated normal bfloat16, one row": ("bf16", {"KIND": "truncated_normal", "SHIFTED": True}),
    "uniform float16, rows across": ("fp16", {"KIND": "uniform", "AXES": 2, "STORED": 1, "ROWS": 64, "GROUPS": 4}),
    "normal float64, unaligned rows": (
        "fp64",
        {"KIND": "normal", "WIDE": True, "AXES": 4, "STORED": 4, "ALIGNED": False, "ROWS": 16, "GROUPS": 4},
    ),
    "integers int8": ("i8", {"KIND": "integers"}),
}


@pytest.mark.parametrize(
    ("target", "variant"),
    [("sm_90", name) for name in VARIANTS]
    + [(other, list(VARIANTS)[at]) for other in ("sm_80", "gfx942") for at in (1, 3)],
)
def test_compiles_for_devices(compiled, monkeypatch, target, variant, tmp_path):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    NUMBERS, fill_kernel = compiled.NUMBERS, compiled.fill_kernel
    kind, chosen = VARIANTS[variant]
    row = "AXES" not in chosen
    flags = {
        "WIDE": False,
        "SHIFTED": False,
        "PTX": target.startswith("sm"),
        "ALIGNED": True,
        "DENSE": row,
        "QUADS": row,
        "ACROSS": not row,
    }
    constants = {"AXES": 0, "STORED": 0, "ROWS": 1, "GROUPS": 512, **flags, **chosen}
    signature = dict.fromkeys(fill_kernel.arg_names, "constexpr") | dict.fromkeys(NUMBERS, "i64")
    signature |= {"out": f"*{kind}", "table": "*i64"}
    source = ASTSource(fill_kernel, signature, constants, {(0,): [["tt.divisibility", 16]]})
    made = compile(source, target=GPUTarget(*TARGETS[target]), options={"num_warps": 4, "enable_fp_fusion": True})
    assert made.asm["cubin" if target.startswith("sm") else "hsaco"]
    if target.startswith("sm") and row:
        # The four words of a counter stay in one thread, and are stored together.
        assert made.metadata.shared == 0
        assert {"fp32": "st.global.v4.b32", "bf16": "st.global.v2.b32", "i8": "st.global.b32"}[kind] in made.asm["ptx"]
    elif target.startswith("sm") and kind == "fp16":
        # Neighbours in memory, which are in different rows, are stored by neighbouring threads.
        layouts = set(re.findall(r"tt\.store .*, (#\w+)>", made.asm["ttgir"]))
        assert layouts
        for layout in layouts:
            assert re.search(rf"{layout} = .*threadsPerWarp = \[32, 1\].*order = \[0, 1\]", made.asm["ttgir"])


def test_no_argument_is_named_as_one_of_the_launch(compiled):
    from triton.backends.nvidia.compiler import CUDAOptions
    from triton.runtime.jit import JITFunction

    # A launch takes these for its own, or refuses them, and only where there is a device.
    taken = {"stream", "device", *inspect.signature(JITFunction.run).parameters, *CUDAOptions.__dataclass_fields__}
    assert {"grid", "num_warps"} < taken
    assert not taken & set(compiled.fill_kernel.arg_names)


def test_values_compile_nothing_anew(compiled):
    from triton.runtime.jit import JITFunction

    kernel, numbers = compiled.fill_kernel, compiled.NUMBERS
    assert isinstance(kernel, JITFunction)
    for parameter in kernel.params:
        if parameter.name in numbers:
            assert (parameter.annotation_type, parameter.do_not_specialize) == ("i64", True)
        else:
            assert parameter.is_constexpr or parameter.name in ("out", "table")


# The choice


@pytest.fixture
def filler(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    accelerators.filler.cache_clear()
    yield accelerators.filler
    accelerators.filler.cache_clear()


def test_other_devices_get_pytorch_operations(filler, monkeypatch):
    assert filler(torch.device("mps")) is accelerators.fill_on
    assert filler(torch.device("xpu", 0)) is accelerators.fill_on
    monkeypatch.setattr(accelerators, "find_spec", lambda name: None)
    assert filler(torch.device("cuda", 0)) is accelerators.fill_on


def test_old_devices_get_pytorch_operations(filler, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert filler(torch.device("cuda", 0)) is accelerators.fill_on


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton works on the CUDA device that is here")
def test_a_triton_that_cannot_be_used_is_a_warning(filler, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    with pytest.warns(RuntimeWarning, match=r"cannot be used on cuda:0 .*; oneseed draws with PyTorch's operations"):
        assert filler(torch.device("cuda", 0)) is accelerators.fill_on
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filler(torch.device("cuda", 0))


def test_triton_is_not_imported_after_tensorflow(filler, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    with pytest.warns(RuntimeWarning, match="it must be imported before TensorFlow"):
        assert filler(torch.device("cuda", 0)) is accelerators.fill_on


def test_a_first_draw_inside_a_capture_is_refused(filler, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match="run what is captured once before"):
        filler(torch.device("cuda", 0))


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@needs_cuda
def test_draws_on_cuda_are_made_by_triton():
    device = torch.device("cuda", 0)
    assert accelerators.filler(device).__module__ == "oneseed_torch.triton_launch"
    draw = Draw(Normal(), (999,), "bfloat16", 5, (), (0,), 1, 1, (0,), (999,))
    found = registry.load("torch").draw(draw, device)
    assert memory(found.cpu()).tobytes() == registry.load("numpy").draw(draw).tobytes()


@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_cuda_graphs_and_no_synchronisation():
    draws = [Draw(Normal(), (5000,), kind, 5, (), (0,), 1, 1, (0,), (5000,)) for kind in ("float32", "float64")]
    tensors = [torch.zeros(5000, dtype=getattr(torch, draw.dtype), device="cuda") for draw in draws]
    for draw, tensor in zip(draws, tensors, strict=True):
        filling.fill_(draw, tensor)
        tensor.zero_()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        filling.fill_(draws[0], tensors[0])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    tensors[0].zero_()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for draw, tensor in zip(draws, tensors, strict=True):
            filling.fill_(draw, tensor)
    graph.replay()
    for draw, tensor in zip(draws, tensors, strict=True):
        assert memory(tensor.cpu()).tobytes() == registry.load("numpy").draw(draw).tobytes()


@needs_cuda
def test_no_memory_but_the_result():
    draw = Draw(Normal(), (2**24,), "float32", 5, (), (0,), 1, 1, (0,), (2**24,))
    out = torch.empty(2**24, device="cuda")
    filling.fill_(draw, out)
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    filling.fill_(draw, out)
    assert torch.cuda.max_memory_allocated() == before
