"""The compiled kernels make the bits that NumPy makes, for every distribution, dtype, layout and number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
from frameworks import REQUIRED

from oneseed.dtypes import numpy_dtype
from oneseed.initializers import RandomNormal, RandomUniform, TruncatedNormal
from oneseed_numpy import engine, kernel, plain

if engine.kernels is None:
    assert "kernel" not in REQUIRED, "the kernels were not built, though this session must test them"
    pytest.skip("the kernels were not built", allow_module_level=True)

INITIALIZERS = {
    "normal": RandomNormal(0.0, 1.0, seed=7),
    "shifted normal": RandomNormal(0.3, 0.02, seed=2**64 - 1),
    "truncated normal": TruncatedNormal(0.0, 1.0, seed=8),
    "shifted truncated normal": TruncatedNormal(-5.0, 0.01, seed=9),
    "symmetric uniform": RandomUniform(-1.0, 1.0, seed=10),
    "uniform": RandomUniform(2.0, 3.0, seed=11),
    "tiny numbers": RandomNormal(0.0, 2e-6, seed=12),  # most are subnormal in 16 and 8 bits, or 0
}

SHAPES = {
    "long": ((10**5 + 1,), {}),
    "matrix": ((300, 431), {"path": "w"}),
    "other layout": ((48, 40, 3, 6), {"axes": "o i h w"}),
    "other layout, rows that begin anywhere": ((33, 10, 3, 3), {"axes": "o i h w"}),
    "few rows": ((5, 700), {"axes": "o i"}),
    "block": ((1000, 1003), {"partition_shape": (200, 401), "partition_offset": (3, 77)}),
    "rows made together": ((300, 1003), {"partition_shape": (290, 41), "partition_offset": (5, 3)}),
    "short rows": ((50000, 7), {"partition_shape": (9000, 2), "partition_offset": (5, 3)}),
    "a column": ((500, 400), {"partition_shape": (500, 1), "partition_offset": (0, 9)}),
    "far": ((2**31, 2**31), {"partition_shape": (60, 500), "partition_offset": (2**31 - 60, 2**31 - 777)}),
    "small": ((3,), {}),
    "scalar": ((), {}),
    "empty": ((3, 0), {}),
}

every_kernel = pytest.mark.parametrize("name", engine.kernels.kernels)


@pytest.fixture
def in_use(monkeypatch):
    """Return a function that has a kernel draw, until the test ends."""
    before = engine.kernels.kernel()
    yield engine.kernels.use
    engine.kernels.use(before)


def by_numpy(init, shape, dtype, **call):
    draw = init.describe(shape, dtype, **call)
    values = np.empty(draw.block, numpy_dtype(dtype))
    plain.fill(draw, values)
    return values


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16", "float32", "float64"])
@pytest.mark.parametrize("distribution", INITIALIZERS)
@every_kernel
def test_floats(in_use, name, distribution, dtype):
    in_use(name)
    for what, (shape, call) in SHAPES.items():
        values = INITIALIZERS[distribution](shape, dtype, **call)
        assert values.dtype == numpy_dtype(dtype)
        assert values.tobytes() == by_numpy(INITIALIZERS[distribution], shape, dtype, **call).tobytes(), what


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@every_kernel
def test_integers(in_use, name, dtype):
    in_use(name)
    low, high = (0, 200) if dtype[0] == "u" else (-100, 100)
    init = RandomUniform(low, high, seed=3)
    for what, (shape, call) in SHAPES.items():
        np.testing.assert_array_equal(init(shape, dtype, **call), by_numpy(init, shape, dtype, **call), what)


@every_kernel
def test_the_ends_of_the_integers(in_use, name):
    in_use(name)
    for low, high, dtype in (
        (2**64 - 2**32, 2**64, "uint64"),
        (-(2**63), -(2**63) + 2**32, "int64"),
        (0, 2**32, "uint32"),
        (-(2**31), 2**31, "int32"),
        (7, 8, "uint8"),
    ):
        init = RandomUniform(low, high, seed=3)
        np.testing.assert_array_equal(init((5000,), dtype), by_numpy(init, (5000,), dtype))


@pytest.mark.parametrize("dtype", ["float8_e5m2", "bfloat16", "float16", "float32", "float64"])
@every_kernel
def test_memory_in_any_order(in_use, name, dtype):
    in_use(name)
    kind = numpy_dtype(dtype)
    for axes, shape in (
        ("o i h w", (70, 33, 3, 3)),
        ("h w i o", (3, 5, 40, 64)),
        ("i o", (600, 130)),
        ("o1 b i o2", (9, 2, 50, 8)),
    ):
        draw = RandomNormal(0.3, 0.02, seed=5).describe(shape, dtype, axes=axes)
        expected = np.empty(shape, kind)
        plain.fill(draw, expected)
        stepped = np.zeros([2 * size for size in shape], kind)
        records = np.zeros(shape, [("before", "i1"), ("value", kind)])
        for memory in (
            np.zeros(shape, kind),
            np.zeros(shape[::-1], kind).transpose(),
            np.zeros(shape, kind)[::-1],
            np.zeros(shape[::-1], kind).transpose()[::-1, :, ::-1]
            if len(shape) > 2
            else np.zeros(shape, kind)[:, ::-1],
            stepped[tuple(slice(1, None, 2) for _ in shape)],
            records["value"],  # whose steps are not multiples of its size
        ):
            engine.fill(draw, memory)
            assert memory.tobytes() == expected.tobytes()
        assert np.count_nonzero(stepped) == np.count_nonzero(expected)
        assert not records["before"].any()


@every_kernel
def test_every_start_and_length(in_use, name):
    # Around all sizes of vectors, groups and chunks, and across the border where the counter's first word overflows.
    in_use(name)
    init = INITIALIZERS["shifted normal"]
    lengths = [*range(1, 70), 127, 128, 129, *range(1018, 1034), 2049]
    for dtype in ("float32", "float64"):
        for first in (0, 1, 2, 3, 5, 2**34 - 2):
            whole = by_numpy(init, (2**35,), dtype, partition_shape=(2049,), partition_offset=(first,))
            for length in lengths:
                values = init((2**35,), dtype, partition_shape=(length,), partition_offset=(first,))
                assert values.tobytes() == whole[:length].tobytes(), (dtype, first, length)


@every_kernel
def test_words_of_64_bits(in_use, name):
    in_use(name)
    words = np.empty(3001, np.uint64)
    what = kernel.DISTRIBUTION.pack(4, kernel.DTYPES["uint64"], 0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0)
    engine.kernels.draw(words, None, None, (1,), 5, 7, 9, what, 1, None)
    starts = np.array([5], np.uint64)
    high, low = (plain.words(starts, 3001, 7, 9, plane)[0].astype(np.uint64) for plane in (0, 1))
    np.testing.assert_array_equal(words, high << 32 | low)


def test_memory_by_its_address():
    draw = INITIALIZERS["normal"].describe((60, 50), "float32", axes="o i")
    expected, out = by_numpy(INITIALIZERS["normal"], (60, 50), "float32", axes="o i"), np.zeros((50, 60), np.float32)
    what = kernel.packed(draw.distribution, "float32")
    rest = draw.strides, 0, draw.seed, draw.stream, what, 1, None
    engine.kernels.draw(out.ctypes.data, (60, 50), None, *rest)
    np.testing.assert_array_equal(out.reshape(60, 50), expected)
    engine.kernels.draw(out.ctypes.data, (60, 50), out.T.strides, *rest)
    np.testing.assert_array_equal(out.T, expected)


def test_arguments_that_are_read_once():
    draw = INITIALIZERS["normal"].describe((60, 50), "float32", axes="o i")
    what = kernel.packed(draw.distribution, "float32")
    out, steps = np.zeros((60, 50), np.float32), draw.strides
    prepare = engine.kernels.prepare
    write, flat = (prepare((60, 50), strides, steps, 0, what, 1, None) for strides in (out.strides, None))
    for seed, stream in ((7, 0), (2**64 - 1, 3), (7, 0)):
        expected = np.zeros_like(out)
        engine.kernels.draw(expected, None, None, steps, 0, seed, stream, what, 1, None)
        for target, function in ((out.ctypes.data, write), (out.ctypes.data, flat), (out, flat)):
            out[:] = 0
            function(target, seed, stream)
            np.testing.assert_array_equal(out, expected)
    before, address = out.copy(), out.ctypes.data
    fixed = out.view()
    fixed.flags.writeable = False
    for error, function, arguments in (
        (TypeError, write, (address, 7)),
        (OverflowError, write, (address, -1, 0)),
        (OverflowError, write, (address, 7, 2**64)),
        (OverflowError, write, (2**70, 7, 0)),
        (TypeError, write, ("address", 7, 0)),
        (TypeError, write, (address, 7.0, 0)),
        (ValueError, write, (out, 7, 0)),  # whose strides were given
        (ValueError, flat, (out[1:], 7, 0)),
        (ValueError, flat, (out[:, 1:], 7, 0)),
        (ValueError, flat, (fixed, 7, 0)),
        (TypeError, flat, (None, 7, 0)),
    ):
        with pytest.raises(error):
            function(*arguments)
    np.testing.assert_array_equal(out, before)
    rest = what, 1, None
    for error, arguments in (
        (TypeError, (None, None, steps, 0, *rest)),
        (TypeError, ((60, 50), out.strides, steps, 0, what)),
        (ValueError, ((60,), (4,), steps, 0, *rest)),
        (ValueError, ((60, 50), out.strides, steps, 0, what[:-1], 1, None)),
        (ValueError, ((60, 50), out.strides, steps, 0, what, 0, None)),
        (OverflowError, ((60, 50), out.strides, steps, -1, *rest)),
        (ValueError, ((-60, 50), None, steps, 0, *rest)),
    ):
        with pytest.raises(error):
            prepare(*arguments)


def test_what_does_not_fit_is_refused_before_anything_is_written():
    draw = engine.kernels.draw
    what = kernel.packed(INITIALIZERS["normal"].describe((4,)).distribution, "float32")
    out = np.zeros(4, np.float32)
    address = out.ctypes.data
    rest = (0, 7, 0, what, 1, None)
    for error, arguments in (
        (TypeError, (out, None, None, [1], *rest)),
        (TypeError, (out,)),
        (ValueError, (out, None, None, (1, 4), *rest)),
        (ValueError, (np.zeros(4, np.float64), None, None, (1,), *rest)),
        (ValueError, (out, None, None, (1,), 0, 7, 0, what[:-1], 1, None)),
        (ValueError, (out, None, None, (1,), 0, 7, 0, b"\xff" * 64, 1, None)),
        (ValueError, (out, None, None, (1,), 0, 7, 0, what, 0, None)),
        (ValueError, (address, (4,), (4, 4), (1,), *rest)),
        (ValueError, (address, (4,), None, (1, 1), *rest)),
        (OverflowError, (out, None, None, (1,), -1, 7, 0, what, 1, None)),
        (OverflowError, (out, None, None, (1,), 0, 2**64, 0, what, 1, None)),
        (TypeError, (out, None, None, ("1",), *rest)),
        (TypeError, ("out", (4,), None, (1,), *rest)),
        (TypeError, (address, tuple(range(65)), None, (1,), *rest)),
    ):
        with pytest.raises(error):
            draw(*arguments)
    out.flags.writeable = False
    with pytest.raises((BufferError, ValueError)):
        draw(out, None, None, (1,), *rest)
    with pytest.raises(ValueError, match="no kernel 'avx1024'"):
        engine.kernels.use("avx1024")
    assert not out.any()


@every_kernel
def test_the_environment_chooses_a_kernel(name):
    code = "from oneseed_numpy import engine; print(engine.kernels.kernel())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ONESEED_KERNEL": name},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{name}\n"


def test_the_environment_can_ask_for_numpy(monkeypatch):
    monkeypatch.setenv("ONESEED_KERNEL", "numpy")
    assert kernel.load() is None


def test_an_unknown_kernel_is_refused(monkeypatch, in_use):
    monkeypatch.setenv("ONESEED_KERNEL", "avx1024")
    accepted = ", ".join(repr(name) for name in sorted((*engine.kernels.kernels, "numpy")))
    with pytest.raises(ValueError, match=f"`ONESEED_KERNEL` must be one of {accepted}.*ONESEED_KERNEL='avx1024'"):
        kernel.load()


def test_a_kernel_that_cannot_be_loaded_is_a_warning(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "oneseed_numpy._kernel":
                raise ImportError("undefined symbol")

    import oneseed_numpy

    monkeypatch.delenv("ONESEED_KERNEL", raising=False)
    monkeypatch.delattr(oneseed_numpy, "_kernel")
    monkeypatch.delitem(sys.modules, "oneseed_numpy._kernel")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.warns(RuntimeWarning, match="cannot be loaded .undefined symbol.; oneseed draws with NumPy"):
        assert kernel.load() is None


def test_without_kernels_numpy_draws(monkeypatch):
    monkeypatch.setitem(sys.modules, "oneseed_numpy._kernel", None)
    import oneseed_numpy

    monkeypatch.delenv("ONESEED_KERNEL", raising=False)
    monkeypatch.delattr(oneseed_numpy, "_kernel")
    assert kernel.load() is None
    expected = INITIALIZERS["normal"]((100, 30), "float32", axes="o i")
    monkeypatch.setattr(engine, "kernels", None)
    assert INITIALIZERS["normal"]((100, 30), "float32", axes="o i").tobytes() == expected.tobytes()
