"""The Triton kernel on devices: it compiles for those that are not here, and draws on a CUDA device if one is there."""

import importlib
import inspect
import re
import sys
import warnings

import pytest
from frameworks import installed

if not (installed("torch") and installed("triton")):
    pytest.skip("torch or triton is not installed", allow_module_level=True)

import torch

from oneseed import registry
from oneseed.distributions import Normal
from oneseed.draws import Draw
from oneseed_torch.drawing import accelerators, filling
from oneseed_torch.drawing.memory import memory

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


# Devices that are not here


@pytest.fixture
def compiled(monkeypatch):
    """The kernel as it is for devices, whatever other tests have set for the module."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    return importlib.import_module("oneseed_torch.drawing.triton_kernel")


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


# A CUDA device


@needs_cuda
def test_draws_on_cuda_are_made_by_triton():
    device = torch.device("cuda", 0)
    assert accelerators.filler(device).__module__ == "oneseed_torch.drawing.triton_launch"
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
