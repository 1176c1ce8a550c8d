"""The Pallas kernel makes the bits of stream v1: interpreted anywhere, and on a GPU if one is there."""

import random
import warnings
from functools import partial

import numpy as np
import pytest
import reference
from draws_of_tests import DISTRIBUTIONS
from frameworks import installed
from test_known_answers import NORMALS, ROWS, SHAPE, UNIFORMS, WINDOWS

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from oneseed import initializers as I
from oneseed import registry
from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed_jax.drawing import compiled, pallas, xla

FLOATS = ("bfloat16", "float16", "float32")


def gpus():
    try:
        return jax.devices("gpu")
    except RuntimeError:
        return []


GPU = pytest.param("gpu", marks=[] if gpus() else pytest.mark.skip("no GPU is here"))


@pytest.fixture(params=["interpreter", GPU])
def drawn(request, monkeypatch):
    """What makes an array of a draw."""
    if request.param == "interpreter":
        program = pallas.program
        monkeypatch.setattr(pallas, "program", lambda sharding: program(sharding, True))
        monkeypatch.setattr(compiled, "gpu_for", lambda draw, sharding: jax.devices()[0])
        monkeypatch.setattr(compiled, "kernel_runs_on", lambda device: True)

        def interpreted(draw):
            # On the CPU: elsewhere the interpreter's masked stores depend on the order in which they happen.
            with jax.default_device(jax.devices("cpu")[0]):
                return np.asarray(compiled.elements(draw))

        return interpreted
    place = SingleDeviceSharding(gpus()[0])

    def made(draw):
        gpu = compiled.gpu_for(draw, place)
        assert gpu in gpus()
        assert compiled.kernel_runs_on(gpu)
        return np.asarray(compiled.elements(draw, place))

    return made


def agree(drawn, draw):
    found, expected = drawn(draw), registry.load("numpy").draw(draw)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


def test_known_answers(drawn):
    for number, row in enumerate(ROWS):
        known, turn, kind = row["float32"], number % 4, list(WINDOWS)[number // 4 % 2]
        distribution, pattern = [
            (Normal(*NORMALS[turn]), known["normal"][turn]),
            (Uniform(*UNIFORMS[turn]), known["uniform"][turn]),
            (TruncatedNormal(*NORMALS[turn], *WINDOWS[kind]), known[kind][turn]),
        ][number // 12 % 3]
        address = row["seed"], tuple(row["path"]), (0,), 1, 1, (row["index"],), (1,)
        assert reference.patterns(drawn(Draw(distribution, SHAPE, "float32", *address))) == [int(pattern, 16)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_odd_sizes(drawn, distribution, dtype):
    place = FLOATS.index(dtype) + DISTRIBUTIONS.index(distribution)
    first = (1, 2**34 - 3, 2**40 + 6, 0)[place % 4]
    size = 4 * pallas.COUNTERS + 1 if dtype == "float32" else (2, 3, 5, 64)[place % 4]
    agree(drawn, Draw(distribution, SHAPE, dtype, 2**64 - 3, ("a", 1), (0,), 1, 1, (first,), (size,)))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_integers(drawn, dtype):
    agree(drawn, Draw(Integers(3, 100), (50, 7), dtype, 5, (), (0, 1), 1, 1, (1, 0), (9, 7)))


def test_runs_of_any_shape(drawn):
    dice = random.Random(3)
    for _ in range(6):
        shape = tuple(dice.choice((1, 2, 5, 9)) for _ in range(dice.randrange(4)))
        offset = tuple(dice.randrange(size) if axis == 0 else 0 for axis, size in enumerate(shape))
        block = tuple(size - at for size, at in zip(shape, offset, strict=True))
        order = tuple(range(len(shape)))
        agree(
            drawn,
            Draw(dice.choice(DISTRIBUTIONS), shape, "float32", dice.randrange(2**64), (), order, 1, 1, offset, block),
        )


def test_keys(drawn):
    draw = Draw(Normal(), (9,), "float32", jax.random.key(7), (), (0,), 1, 1, (0,), (9,))
    expected = registry.load("numpy").draw(Draw(Normal(), (9,), "float32", 7, (), (0,), 1, 1, (0,), (9,)))
    assert drawn(draw).tobytes() == expected.tobytes()


# Devices that are not here, and the choice


@pytest.mark.parametrize("dtype", [*FLOATS, "int32"])
def test_lowers_to_triton(monkeypatch, dtype):
    kept = {}

    def program(sharding):
        return lambda *arguments: kept.setdefault("arguments", arguments)

    monkeypatch.setattr(compiled, "gpu_for", lambda draw, sharding: jax.devices()[0])
    monkeypatch.setattr(compiled, "kernel_runs_on", lambda device: True)
    real = pallas.program
    monkeypatch.setattr(pallas, "program", program)
    distribution = Integers(0, 9) if dtype == "int32" else TruncatedNormal(0.3, 0.02)
    for offset in (0, 1):
        compiled.elements(Draw(distribution, (2000,), dtype, 2**63, ("a",), (0,), 1, 1, (offset,), (1000,)))
        lowered = real(None).trace(*kept.pop("arguments")).lower(lowering_platforms=("cuda",)).as_text()
        assert "triton_kernel_call" in lowered or "xla.gpu.triton" in lowered


def test_inside_a_function_each_platform_has_its_own(monkeypatch):
    monkeypatch.setattr(compiled, "gpu_for", lambda draw, sharding: jax.devices()[0])
    monkeypatch.setattr(compiled, "kernel_runs_on", lambda device: True)
    init = I.TruncatedNormal(0.3, 0.02, 7)
    expected = init((3, 50), backend="numpy")

    def of(key):
        return I.TruncatedNormal(0.3, 0.02, key)((3, 50), backend="jax")

    assert np.asarray(jax.jit(lambda: init((3, 50), backend="jax"))()).tobytes() == expected.tobytes()
    keys = jax.vmap(jax.random.key)(np.arange(6, 8))
    assert np.asarray(jax.vmap(of)(keys)[1]).tobytes() == expected.tobytes()
    for function, arguments in ((of, (keys[1],)), (jax.vmap(of), (keys,))):
        lowered = jax.jit(function).trace(*arguments)
        assert "riton" in lowered.lower(lowering_platforms=("cuda",)).as_text()
        assert "riton" not in lowered.lower(lowering_platforms=("cpu",)).as_text()


def test_a_kernel_that_cannot_be_used_is_a_warning(monkeypatch):
    compiled.kernel_runs_on.cache_clear()
    device = jax.devices("cpu")[0]  # which has no Triton
    with pytest.warns(RuntimeWarning, match="Pallas kernel cannot be used on .*the function that XLA compiles"):
        assert not compiled.kernel_runs_on(device)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(compiled, "gpu_for", lambda draw, sharding: device)
        draw = Draw(Normal(), (9,), "float32", 7, (), (0,), 1, 1, (0,), (9,))
        assert np.asarray(compiled.elements(draw)).tobytes() == registry.load("numpy").draw(draw).tobytes()
    compiled.kernel_runs_on.cache_clear()


def test_whoever_makes_errors_of_deprecations_gets_no_kernel(monkeypatch):
    def program(sharding):
        warnings.warn("The Pallas Triton backend is deprecated and will be removed", DeprecationWarning, stacklevel=1)

    monkeypatch.setattr(pallas, "program", program)
    compiled.kernel_runs_on.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not compiled.kernel_runs_on(jax.devices()[0])
    compiled.kernel_runs_on.cache_clear()


def test_which_draws_a_gpu_makes_by_its_kernel(monkeypatch):
    class Device:
        platform = "gpu"

    def draw(shape=(6, 4), order=(0, 1), offset=(2, 0), block=(3, 4), dtype="float32"):
        return Draw(Normal(), shape, dtype, 7, (), order, 1, 1, offset, block)

    monkeypatch.setattr(compiled, "default_device", lambda: jax.devices("cpu")[0])
    assert compiled.gpu_for(draw(), None) is None
    device = Device()
    monkeypatch.setattr(compiled, "default_device", lambda: device)
    assert compiled.gpu_for(draw(), None) is device
    assert compiled.gpu_for(draw(block=(1, 3)), None) is device
    assert compiled.gpu_for(draw(block=(3, 3)), None) is None
    assert compiled.gpu_for(draw(order=(1, 0)), None) is None
    assert compiled.gpu_for(draw(dtype="float64"), None) is None
    assert compiled.gpu_for(draw(block=(0, 4)), None) is None
    assert compiled.gpu_for(draw((2**20, 2**20), offset=(0, 0), block=(2**11, 2**20)), None) is None
    mesh = NamedSharding(Mesh(np.array(jax.devices()[:1]), ("x",)), PartitionSpec("x"))
    assert compiled.gpu_for(draw(), mesh) is None
    seen = []

    def inside(sharding=None):
        seen.append(compiled.gpu_for(draw(), sharding))

    # A new function each time: one that was traced already is not traced again.
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    jax.jit(partial(inside))()
    jax.jit(partial(inside, SingleDeviceSharding(jax.devices()[0])))()
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    jax.jit(partial(inside))()
    assert seen == [device, None, None]


# Words in lanes of their own size, as XLA's functions for GPUs have them


@pytest.mark.parametrize("dtype", [*FLOATS, "float64", "int32"])
@pytest.mark.parametrize(("first", "order"), [(0, (0, 1)), (2**34 - 3, (0, 1)), (2**32 - 7, (1, 0)), (2**40, (1, 0))])
def test_narrow_lanes(monkeypatch, dtype, first, order):
    monkeypatch.setattr(xla, "_bits_in_wide_lanes", xla._bits_in_narrow_lanes)
    xla.program.cache_clear()
    distribution = Integers(3, 100) if dtype == "int32" else TruncatedNormal(0.3, 0.02)
    row = 2**36 if order == (0, 1) else 2**20
    offset = (first // row, first % row) if order == (0, 1) else (first % row, first // row)
    shape = (2**20, row) if order == (0, 1) else (row, 2**40)
    with jax.enable_x64(True):
        draw = Draw(distribution, shape, dtype, 2**64 - 3, ("a", 1), order, 1, 1, offset, (3, 50))
        assert np.asarray(compiled.elements(draw)).tobytes() == registry.load("numpy").draw(draw).tobytes()
    xla.program.cache_clear()
