"""The compiled kernels make the bits that NumPy makes, for every distribution, dtype, layout and number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
from frameworks import installed

if not installed("numba"):
    pytest.skip("numba is not installed", allow_module_level=True)

from oneseed.dtypes import numpy_dtype
from oneseed.initializers import RandomNormal, RandomUniform, TruncatedNormal
from oneseed_numpy import engine, kernels

LAWS = {
    "normal": RandomNormal(0.0, 1.0, seed=7),
    "shifted normal": RandomNormal(0.3, 0.02, seed=2**64 - 1),
    "truncated normal": TruncatedNormal(0.0, 1.0, seed=8),
    "shifted truncated normal": TruncatedNormal(-5.0, 0.01, seed=9),
    "symmetric uniform": RandomUniform(-1.0, 1.0, seed=10),
    "uniform": RandomUniform(2.0, 3.0, seed=11),
}

SHAPES = {
    "long": ((3 * 10**5 + 1,), {}),
    "matrix": ((700, 431), {"path": "w"}),
    "other layout": ((48, 40, 3, 30), {"axes": "o i h w"}),
    "block": ((1000, 1003), {"partition_shape": (700, 401), "partition_offset": (3, 77)}),
    "rows made together": ((300, 1003), {"partition_shape": (290, 101), "partition_offset": (5, 3)}),
    "short rows": ((50000, 7), {"partition_shape": (49000, 2), "partition_offset": (5, 3)}),
    "far": ((2**31, 2**31), {"partition_shape": (600, 500), "partition_offset": (2**31 - 600, 2**31 - 777)}),
    "small": ((3,), {}),
    "scalar": ((), {}),
}


@pytest.fixture
def both(monkeypatch):
    """Draw with the kernels, whatever the size, and without."""

    def both(init, shape, dtype, **call):
        monkeypatch.setattr(engine, "kernels", lambda size: kernels)
        fast = init(shape, dtype, **call)
        monkeypatch.setattr(engine, "kernels", lambda size: None)
        return fast, init(shape, dtype, **call)

    return both


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("law", LAWS)
def test_floats(both, law, shape, dtype):
    fast, plain = both(LAWS[law], SHAPES[shape][0], dtype, **SHAPES[shape][1])
    assert fast.dtype == plain.dtype
    assert fast.tobytes() == plain.tobytes()


@pytest.mark.parametrize("limits", [(500, 500), engine.FAST_TILES])
@pytest.mark.parametrize("dtype", ["float8_e5m2", "bfloat16", "float16", "float32", "float64"])
def test_memory_in_any_order(monkeypatch, dtype, limits):
    monkeypatch.setattr(engine, "FAST_TILES", limits)
    kind = numpy_dtype(dtype)
    for axes, shape in (
        ("o i h w", (70, 33, 3, 3)),
        ("h w i o", (3, 5, 40, 64)),
        ("i o", (600, 130)),
        ("o1 b i o2", (9, 2, 50, 8)),
    ):
        draw = RandomNormal(0.3, 0.02, seed=5).describe(shape, dtype, axes=axes)
        expected = np.empty(shape, kind)
        monkeypatch.setattr(engine, "kernels", lambda size: None)
        engine.fill(draw, expected)
        monkeypatch.setattr(engine, "kernels", lambda size: kernels)
        stepped = np.zeros([2 * size for size in shape], kind)
        for memory in (
            np.zeros(shape, kind),
            np.zeros(shape[::-1], kind).transpose(),
            np.zeros(shape, kind)[::-1],
            stepped[tuple(slice(1, None, 2) for _ in shape)],
        ):
            engine.fill(draw, memory)
            assert memory.tobytes() == expected.tobytes()
        assert np.count_nonzero(stepped) == np.count_nonzero(expected)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_integers(both, shape, dtype):
    low, high = (0, 200) if dtype[0] == "u" else (-100, 100)
    fast, plain = both(RandomUniform(low, high, seed=3), SHAPES[shape][0], dtype, **SHAPES[shape][1])
    np.testing.assert_array_equal(fast, plain)


def test_the_ends_of_the_integers(both):
    for low, high, dtype in ((2**64 - 2**32, 2**64, "uint64"), (-(2**63), -(2**63) + 2**32, "int64")):
        fast, plain = both(RandomUniform(low, high, seed=3), (5000,), dtype)
        np.testing.assert_array_equal(fast, plain)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads(both, monkeypatch, threads):
    monkeypatch.setattr(kernels, "threads", lambda: threads)
    monkeypatch.setattr(engine, "FAST_TILES", (5000, 5000))
    fast, plain = both(LAWS["normal"], (211, 307), "float32", axes="o i")
    assert fast.tobytes() == plain.tobytes()


def test_memory_of_any_strides(both, monkeypatch):
    draw = LAWS["normal"].describe((300, 200))
    expected = both(LAWS["normal"], (300, 200), "float32")[1]
    monkeypatch.setattr(engine, "kernels", lambda size: kernels)
    records = np.zeros((300, 200), [("before", "i2"), ("value", "f4")])
    for out in (
        np.zeros((300, 400), "f4")[:, ::2],
        np.zeros((200, 300), "f4").T,
        np.zeros((300, 200), "f4")[::-1],
        np.zeros((200, 300), "f4").T[::-1, ::-1],
        records["value"],  # whose steps are no multiples of its size
    ):
        engine.fill(draw, out)
        np.testing.assert_array_equal(out, expected)
    assert not records["before"].any()


def test_a_cache_that_cannot_be_written_is_no_error(monkeypatch):
    asked = []

    def njit(cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(kernels, "njit", njit)
    assert kernels.compiled(len) is len
    assert asked == [True, False]


LOADED = """
import sys
from oneseed.initializers import HeNormal
init = HeNormal(7)
for _ in range(3):
    init((2**20,))
    assert "numba" not in sys.modules
init((2**20,))
assert "numba" in sys.modules
"""


def test_numba_is_loaded_when_much_is_drawn():
    environment = {key: value for key, value in os.environ.items() if key != "ONESEED_TEST_KERNELS"}
    subprocess.run([sys.executable, "-W", "error", "-c", LOADED], check=True, env=environment)


def test_a_numba_that_cannot_be_used_is_a_warning(monkeypatch):
    def broken(name):
        raise ImportError("Numba needs another NumPy")

    monkeypatch.setattr(engine, "import_module", broken)
    engine._kernels.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="cannot be used .Numba needs another NumPy.; oneseed draws with NumPy"):
            assert engine._kernels() is None
    finally:
        engine._kernels.cache_clear()
