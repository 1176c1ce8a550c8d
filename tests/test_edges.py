"""The last values that are accepted, the first that are not, and who is asked first."""

import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from refusals import refused

import oneseed
from oneseed import SeedGenerator, registry
from oneseed import backend as K
from oneseed import initializers as I
from oneseed.dtypes import cast_scalar, narrowed, numpy_dtype, overflows
from oneseed.exact import moments
from oneseed.host_arrays import backend_of
from oneseed.models import fill

LARGEST = {"float16": 65504.0, "float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}
FIRST_TOO_LARGE = {"float16": 65520.0, "float8_e4m3fn": 465.0, "float8_e5m2": 61440.0}
"""From here on numbers round to more than the largest."""


@pytest.mark.parametrize("dtype", LARGEST)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_number_of_a_dtype(dtype, sign):
    first = FIRST_TOO_LARGE[dtype]
    last = np.nextafter(np.float32(first), np.float32(0)).item() if dtype != "float8_e4m3fn" else 464.0
    for value in (LARGEST[dtype], last):
        assert not overflows(sign * value, dtype)
        assert float(cast_scalar(sign * value, dtype, "value")) == sign * LARGEST[dtype]
        assert float(I.Constant([sign * value])((1,), dtype)[0]) == sign * LARGEST[dtype]
    for value in (first, 65535.0, 65536.0):
        assert overflows(sign * value, dtype)
        for init in (I.Constant(sign * value), I.Constant([sign * value])):
            with refused(ValueError, "`value` is beyond the largest", received="value="):
                init((1,), dtype)
        with refused(ValueError, "beyond the largest"):
            I.RandomUniform(min(0, sign * value), max(0, sign * value), 1)((1,), dtype)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("dtype", "value"), [("float16", 7e4), ("float32", 1e39), ("float8_e4m3fn", 500.0), ("complex64", 1e39)]
)
def test_a_computed_value_beyond_the_dtype(dtype, value, sign):
    with refused(ValueError, f"beyond the largest {dtype}"):
        narrowed(np.array([1.0, sign * value]), dtype)
    with pytest.raises(ValueError, match=f"beyond the largest {dtype}"):
        I.Scaled(I.Constant(sign * 2.0), value / 2)((2,), dtype)


@pytest.mark.parametrize(
    ("dtype", "digits"), [("float16", 11), ("bfloat16", 8), ("float8_e4m3fn", 4), ("float8_e5m2", 3)]
)
def test_narrow_floats_are_roundings_of_float32(dtype, digits):
    # Above the middle between 1 and the next number as a float64, and in the middle as a float32.
    wide = np.array([1 + 2.0**-digits + 2.0**-40, -1 - 2.0**-digits - 2.0**-40])
    assert narrowed(wide, dtype).astype("float64").tolist() == [1.0, -1.0]
    assert narrowed(wide, dtype).dtype == numpy_dtype(dtype)
    scaled = I.Scaled(I.Assign(wide), 1.0)
    assert I.Sum([I.Constant(1.0), I.Constant(2.0**-digits + 2.0**-40)])((2,), dtype).astype("float64").tolist() == [
        1,
        1,
    ]
    assert scaled((2,), dtype).astype("float64").tolist() == [1.0, -1.0]


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 2.0), (-5.0, -1.0), (0.5, float("inf"))])
@pytest.mark.parametrize("share", [0.999, 0.75, 0.51])
def test_a_standard_deviation_too_small_for_its_bounds(lower, upper, share):
    whole = max(lower, -upper) / moments.FARTHEST[64]
    least = whole * moments.stddev_after(lower / whole, upper / whole)
    assert moments.stddev_before(least * 1.001, lower, upper) > whole
    with pytest.raises(ValueError, match=r"must be at least .* Received: stddev="):
        moments.stddev_before(share * least, lower, upper)


@pytest.mark.parametrize(
    "init", [I.Zeros(), I.RandomNormal(seed=1), I.HeNormal(1), I.Constant([1.0]), I.Orthogonal(seed=1)]
)
def test_tensors_of_64_axes(init):
    assert init((1,) * 64).shape == (1,) * 64
    assert init((1,) * 64, axes=" ".join(f"{'io'[k % 2]}{k}" for k in range(64))).shape == (1,) * 64
    with refused(ValueError, "`shape` must have at most 64 axes", received="shape="):
        init((1,) * 65)


@pytest.mark.parametrize(
    "init",
    [
        I.Dirac(),
        I.ZerO(),
        I.Sparse(0.5, seed=1),
        I.DeltaOrthogonal(1),
        I.NoisyIdentity(seed=1),
        I.Spectral(seed=1),
        I.Identity(),
    ],
)
def test_kernels_of_64_axes(init):
    for axes in (None, " ".join(f"h{k}" for k in range(62)) + " i o"):
        for rank in (62, 63, 64):
            shape, given = (1,) * rank, axes if rank == 64 else None
            if takes(init, shape, given):
                assert init(shape, axes=given).shape == shape
            else:
                with refused(ValueError, "`shape` must", received="shape="):
                    init(shape, axes=given)


def takes(init, shape, axes):
    """Tell whether an initializer has a distribution for a shape: kernels have at most 61 spatial axes, some fewer."""
    try:
        init.describe(shape, axes=axes)
    except ValueError:
        return False
    return True


# Who is asked


def test_a_backend_that_cannot_be_loaded_has_no_tensors(monkeypatch):
    def broken():
        raise ValueError("two distributions claim it. Received: backend='broken_one'")

    def missing():
        raise ImportError("no framework")

    for name, target in (("broken_one", broken), ("missing_one", missing)):
        oneseed.config.register_backend(name, target)
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    assert backend_of(object()) is None
    with pytest.raises(TypeError, match=r"Received: x="):
        K.eval(object())
    with pytest.raises(ValueError, match="Could not interpret"):
        I.get(object())


def test_the_backend_in_force_is_asked_first():
    class Second(type(registry.load("numpy"))):
        name = "second"

        def to_numpy(self, x):
            return x + 100

    oneseed.config.register_backend("second", Second)
    x = np.zeros(3)
    with oneseed.using(backend="second"):
        assert K.eval(x).tolist() == [100, 100, 100]
    assert K.eval(x).tolist() == [0, 0, 0]


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_rule_looks_into_lists_of_initializers(wrap):
    inner = I.HeNormal(SeedGenerator(1))
    several = I.Blockwise([I.Zeros(), I.HeNormal(1)], [1, 1])
    several.initializers = wrap([I.Zeros(), inner])
    for init in (several, I.Sum([I.Zeros(), inner]), I.Scaled(I.Sum([inner]), 2.0), I.Blockwise([several], [2])):
        with refused(ValueError, "must have an integer seed", received="initializer="):
            oneseed.Rule("*", init)
        with refused(ValueError, "must have an integer seed", received="otherwise="):
            oneseed.Scheme([], otherwise=init)


def test_two_interrupts_in_one_parameter_are_one(monkeypatch):
    handled = []
    before = signal.signal(signal.SIGINT, lambda number, frame: handled.append(len(done)))
    done = []

    def put(entry, draw):
        if not done:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        done.append(entry.name)

    plan = oneseed.Scheme([oneseed.Rule("*", "zeros")]).plan(
        {name: oneseed.Parameter((2,), "float32") for name in "abcd"}
    )
    try:
        fill.run(plan.draws(1), put)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == list("abcd")
    assert handled == [1]
