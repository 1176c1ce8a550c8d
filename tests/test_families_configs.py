"""Configurations and names of the families of initializers, and half precision as a rounding."""

import json

import numpy as np
import pytest

from oneseed import SeedGenerator
from oneseed import initializers as I

FLOATS = ("bfloat16", "float16", "float32", "float64")
NAMES = ("FanInUniform", "PositiveUnitBall", "RandomSign", "RandomWalk", "ScaledUniform", "Siren", "UniformUnitScaling")

CONFIGURED = [
    I.TruncatedNormal(0.5, 0.25, 3, lower=-1, upper=2.5, bounds="absolute", std="after"),
    I.VarianceScaling(2.0, "fan_geo_avg", seed=1, nonlinearity="leaky_relu", negative_slope=0.2),
    I.UniformUnitScaling(1.43, 1),
    I.ScaledUniform(1),
    I.FanInUniform(7, 1),
    I.Siren(True, 10, SeedGenerator(3)),
    I.RandomWalk("relu", 1.5),
    I.UniformInt(-3, 9, 1),
    I.RandomSign(0.25, 2.0, 1),
    I.PositiveUnitBall(1),
    I.Range(1, 0.5, 0),
    I.NaN(),
    I.PriorProbability(0.2),
]


@pytest.mark.parametrize("init", CONFIGURED, ids=repr)
def test_round_trip(init):
    again = I.deserialize(json.loads(json.dumps(I.serialize(init))))
    assert type(again) is type(init)
    assert again.get_config() == init.get_config()
    if init.get_config().get("seed", 0) is not None:
        np.testing.assert_array_equal(again((3, 3)), init((3, 3)))
    assert init.clone().get_config() == init.get_config()


def test_keras_reads_what_has_only_its_arguments():
    assert set(I.TruncatedNormal(1, 2, 3).get_config()) == {"mean", "stddev", "seed"}
    assert set(I.TruncatedNormal(1, 2, 3, lower=-2, upper=2.0).get_config()) == {"mean", "stddev", "seed"}
    assert set(I.TruncatedNormal(1, 2, 3, upper=3).get_config()) == {"mean", "stddev", "seed", "upper"}
    keras = {"seed", "scale", "mode", "distribution", "input_axes", "output_axes"}
    assert set(I.VarianceScaling().get_config()) == keras
    assert set(I.VarianceScaling(nonlinearity="relu").get_config()) == keras | {"nonlinearity"}


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("InitializerFromFile", I.FromFile),
        ("PositiveUnitball", I.PositiveUnitBall),
        ("positive_unitball", I.PositiveUnitBall),
        ("RangeInitializer", I.Range),
        ("UniformIntInitializer", I.UniformInt),
        ("UniformScaling", I.UniformUnitScaling),
        ("uniform_scaling", I.UniformUnitScaling),
        ("rademacher", I.RandomSign),
        ("range", I.Range),
        ("nan", I.NaN),
        ("uniform_int", I.UniformInt),
    ],
)
def test_synonyms(name, cls):
    from oneseed.initializers.names import find

    assert find(name) is cls


@pytest.mark.parametrize("name", ["SirenV2", "NaNV2", "RangeV2"])
def test_keras_2_has_no_version_of_them(name):
    with pytest.raises(ValueError, match="Unknown initializer"):
        I.get(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_half_precision_is_a_rounding(name, dtype):
    init = getattr(I, name)(seed=5)
    narrow, wide = init((7, 7), dtype), init((7, 7))
    if dtype == "float64":
        narrow, wide = narrow.astype("float32"), wide.astype("float64")
        np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_array_equal(narrow, wide.astype(narrow.dtype))
