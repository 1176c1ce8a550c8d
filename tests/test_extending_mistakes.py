"""Mistakes in initializers of strangers, which are told before anything is drawn."""

from dataclasses import dataclass

import numpy as np
import pytest
from test_contract import engine  # noqa: F401 - a fixture

import oneseed
from oneseed import SeedGenerator
from oneseed.distributions import (
    Complex,
    Distribution,
    Elementwise,
    Fill,
    Integers,
    Normal,
    Structured,
    TruncatedNormal,
    Uniform,
    Values,
    fields,
)
from oneseed.host_arrays import host
from oneseed.initializers import HeNormal, Initializer, Orthogonal, RandomInitializer, Zeros
from oneseed.initializers.targets import Target
from oneseed_numpy import engine as host_engine


class Returning(RandomInitializer):
    def __init__(self, found, seed=5):
        super().__init__(seed)
        self.found = found

    def distribution_for(self, target):
        assert isinstance(target, Target)
        return self.found


@dataclass(frozen=True, slots=True)
class Wrong(Structured):
    found: object

    def values(self, draw, host):
        return self.found


class Seedless(Initializer):
    def __init__(self, found):
        self.found = found

    def distribution_for(self, target):
        return self.found


class Forgetful(RandomInitializer):
    def __init__(self):
        pass

    def distribution_for(self, target):
        return Normal()


@dataclass(frozen=True, slots=True)
class FromField(Structured):
    def values(self, draw, host):
        return fields.field(host, Normal(), draw, draw.block).astype("float32")


MISTAKES = {
    "none": (lambda: Returning(None), TypeError, "`distribution_for` of Returning must return a distribution"),
    "another type": (lambda: Returning(np.ones(3)), TypeError, "must return a distribution"),
    "dtype": (lambda: Returning(Integers(0, 5)), ValueError, "`dtype` must be one of int16"),
    "too wide": (lambda: Returning(Normal(0.0, 1e300)), ValueError, "is too large"),
    "nan": (lambda: Returning(Uniform(float("nan"), 1.0)), ValueError, "`low` must not be NaN"),
    "nan upper": (lambda: Returning(TruncatedNormal(0.0, 1.0, -1.0, float("nan"))), ValueError, "`upper` must not be"),
    "negative": (lambda: Returning(Normal(0.0, -1.0)), ValueError, "`stddev` must not be negative"),
    "wrong order": (lambda: Returning(Uniform(1.0, 0.0)), ValueError, "`low` must not be above `high`"),
    "no window": (lambda: Returning(TruncatedNormal(0.0, 1.0, 2.0, 2.0)), ValueError, "`lower` must be below `upper`"),
    "a string": (lambda: Returning(Normal("0", 1.0)), TypeError, "`mean` must be a number"),
    "complex": (lambda: Returning(Normal(1j, 1.0)), TypeError, "`mean` must be a real number"),
    "complex parts": (lambda: Returning(Complex(Fill(0.0), Normal())), TypeError, "`real` must be a Normal"),
    "fill": (lambda: Returning(Fill("0")), TypeError, "`value` must be a number"),
    "values": (lambda: Returning(Values([1.0])), TypeError, "`array` must be an ndarray of numbers"),
    "values' shape": (lambda: Returning(Values(np.ones(3))), ValueError, "`array` must be of a shape that broadcasts"),
    "values' rank": (lambda: Returning(Values(np.ones((1, 1, 4)))), ValueError, "`array` must be of a shape that"),
    "base": (lambda: Returning(Elementwise(Integers(0, 2), np.sqrt)), TypeError, "`base` must be a Normal"),
    "no function": (lambda: Returning(Elementwise(Normal(), 3)), TypeError, "`function` must be callable"),
    "function's shape": (
        lambda: Returning(Elementwise(Normal(), np.sum)),
        ValueError,
        "`function` must return an array of real numbers of the shape",
    ),
    "function's dtype": (lambda: Returning(Elementwise(Normal(), lambda x: x * 1j)), ValueError, "of real numbers"),
    "not elementwise": (
        lambda: Returning(Elementwise(Normal(), lambda x: x - x.mean())),
        ValueError,
        "`function` must work element by element",
    ),
    "not elementwise on axes": (
        lambda: Returning(Elementwise(Normal(), lambda x: np.cumsum(x, axis=-1))),
        ValueError,
        "`function` must work element by element",
    ),
    "array's shape": (
        lambda: Returning(Wrong(np.ones((4, 6), "float32"))),
        ValueError,
        r"`values` of Wrong must return an array of shape \(6, 4\)",
    ),
    "array's dtype": (lambda: Returning(Wrong(np.ones((6, 4)))), ValueError, "of dtype float32. Received: .* float64"),
    "array's order of bytes": (lambda: Returning(Wrong(np.ones((6, 4), ">f4"))), ValueError, "of dtype float32"),
    "no array": (lambda: Returning(Wrong([[1.0] * 4] * 6)), TypeError, "`values` of Wrong must return an ndarray"),
    "a masked array": (lambda: Returning(Wrong(np.ma.ones((6, 4), "float32"))), TypeError, "must return an ndarray"),
    "a distribution of no backend": (lambda: Returning(Distribution()), TypeError, "or of a subclass of Structured"),
    "no values": (lambda: Returning(Structured()), NotImplementedError, r"must override `values\(draw, host\)`"),
    "no seed": (lambda: Seedless(Normal()), TypeError, "Seedless must have a seed .*RandomInitializer"),
    "no seed of a function": (lambda: Seedless(Elementwise(Normal(), np.abs)), TypeError, "must have a seed"),
    "no seed of a field": (lambda: Seedless(FromField()), TypeError, "`seed` must not be None for the random values"),
    "no call of the base class": (Forgetful, TypeError, r"call super\(\).__init__\(seed\)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told(engine, name):  # noqa: F811
    build, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        build()((6, 4), "float32")


def test_a_refused_draw_is_not_counted():
    generator = SeedGenerator(3)
    with pytest.raises(TypeError):
        Returning(None, generator)((6, 4))
    with pytest.raises(ValueError, match="`dtype` must be"):
        Returning(Integers(0, 5), generator)((6, 4))
    assert generator.count == 0


def in_keras_numbers():
    with oneseed.using(rng="native"):
        return HeNormal(seed=7).describe((4, 3))


NORMAL = HeNormal(seed=7).describe((4, 3))
NARROW = HeNormal(seed=7).describe((4, 3), "bfloat16")


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize(
    "draw, out, error, message",
    [
        (NORMAL, np.zeros((4, 3), ">f4"), ValueError, "dtype >f4"),
        (NORMAL, np.zeros((4, 3), "int32"), ValueError, "dtype int32"),
        (NORMAL, np.zeros((4, 3)), ValueError, "dtype float64"),
        (NARROW, np.zeros((4, 3), "float16"), ValueError, "bfloat16 values .* dtype float16"),
        (NARROW, np.zeros((4, 3), "uint16"), ValueError, "dtype uint16"),
        (NORMAL, np.zeros((5, 3), "float32"), ValueError, r"shape \(5, 3\)"),
        (NORMAL, np.zeros((3, 4), "float32"), ValueError, r"shape \(3, 4\)"),
        (NORMAL, np.zeros(12, "float32"), ValueError, r"shape \(12,\)"),
        (NORMAL, np.broadcast_to(np.zeros(3, "float32"), (4, 3)), ValueError, "which is read-only"),
        (NORMAL, [[0.0] * 3] * 4, TypeError, "each with an ndarray"),
        (Zeros().describe((4, 3)), np.ones((4, 3), "float32"), TypeError, "must hold draws of Integers, .* Fill"),
        (Orthogonal(seed=7).describe((4, 3)), np.ones((4, 3), "float32"), TypeError, "Received: Haar"),
        (in_keras_numbers(), np.zeros((4, 3), "float32"), ValueError, "`rng` must be 'portable'"),
    ],
)
def test_the_host_writes_into_arrays_of_the_draw_s_shape_and_dtype(monkeypatch, kernels, draw, out, error, message):
    if not kernels:
        monkeypatch.setattr(host_engine, "kernels", None)
    first, before = np.zeros((4, 3), "float32"), np.array(out)
    with pytest.raises(error, match=message):
        host().fill([(NORMAL, first), (draw, out)])
    assert not first.any()
    assert (np.asarray(out) == before).all()
