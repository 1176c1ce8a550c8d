"""Initializers of strangers, defined here as a user would: one for each kind of distribution."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from test_contract import bits, engine, same  # noqa: F401 - a fixture

import oneseed
from oneseed import initializers
from oneseed.composites import Concatenated
from oneseed.distributions import (
    Complex,
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
from oneseed.initializers import Initializer, RandomInitializer

FLOATS = ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64")


class WidthUniform(RandomInitializer):
    def __init__(self, width=1.0, seed=None):
        super().__init__(seed)
        self.width = width

    def distribution_for(self, target):
        limit = np.float32(self.width) / max(1, target.fan_in)
        return Uniform(-limit, limit)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


class FanOutNormal(RandomInitializer):
    def distribution_for(self, target):
        stddev = 1 / max(1, target.fan_out)
        if target.dtype.startswith("complex"):
            return Complex(Normal(0.0, stddev), Uniform(-stddev, stddev))
        return Normal(0.5, stddev)


class HalfNormal(RandomInitializer):
    def distribution_for(self, target):
        return TruncatedNormal(0.0, 0.25, 0.0, 3.0)


class Dice(RandomInitializer):
    def distribution_for(self, target):
        return Integers(np.int64(1), np.int64(7))


class Rank(Initializer):
    def distribution_for(self, target):
        return Fill(np.float32(len(target.shape)))


class OwnRamp(Initializer):
    def distribution_for(self, target):
        return Values(np.linspace(0.0, 1.0, target.shape[-1]))


class Triangular(RandomInitializer):
    def distribution_for(self, target):
        limit = 1 / max(1, target.fan_in) ** 0.5
        return Elementwise(Uniform(0.0, 1.0), lambda u: limit * np.sqrt(u), "triangular")


@dataclass(frozen=True, slots=True)
class Circulant(Structured):
    """The rotations of one row of normal values, which is a field of its own."""

    name: ClassVar[str] = "circulant"

    stddev: float

    @property
    def numbers(self):
        return {"stddev": self.stddev}

    def values(self, draw, host):
        rows, columns = draw.shape
        row = fields.field(host, Normal(0.0, self.stddev), draw, (columns,))
        whole = row[(np.arange(columns) - np.arange(rows)[:, np.newaxis]) % columns]
        # Rounded by Values, as any array is.
        return Values(whole).values(draw, host)


class CirculantNormal(RandomInitializer):
    def distribution_for(self, target):
        return Circulant(0.5)


class Halves(Initializer):
    """The upper half from one initializer, the lower one from another."""

    def __init__(self, upper, lower):
        self.upper, self.lower = initializers.get(upper), initializers.get(lower)

    def distribution_for(self, target):
        rows = target.shape[0] // 2
        upper = target.part(self.upper, (rows, *target.shape[1:]), "upper")
        lower = target.part(self.lower, (target.shape[0] - rows, *target.shape[1:]), "lower")
        return Concatenated((upper, lower), 0)

    def get_config(self):
        return {"upper": initializers.serialize(self.upper), "lower": initializers.serialize(self.lower)}


class Plain(Initializer):
    """Keras's form: a call of shape and dtype."""

    def __call__(self, shape, dtype=None):
        return np.full(shape, 0.25, dtype or oneseed.floatx())


class Doubled(initializers.HeNormal):
    """A built-in class whose values are worked on."""

    def __call__(self, shape, dtype=None, **call):
        return 2 * super().__call__(shape, dtype, **call)


MADE = {
    "uniform": (lambda seed=5: WidthUniform(2.0, seed), "float32"),
    "normal": (FanOutNormal, "float32"),
    "truncated": (HalfNormal, "float32"),
    "integers": (Dice, "int16"),
    "fill": (lambda seed=5: Rank(), "float32"),
    "values": (lambda seed=5: OwnRamp(), "float32"),
    "elementwise": (Triangular, "float32"),
    "structured": (CirculantNormal, "float32"),
    "composite": (lambda seed=5: Halves(WidthUniform(1.0, seed), Triangular(seed)), "float32"),
}
SEEDED = ["uniform", "normal", "truncated", "integers", "elementwise", "structured", "composite"]
BOUNDED = [case for case in MADE if case != "integers"]
