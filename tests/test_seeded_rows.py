"""A row's draw at a seed is made from the planned one: it must be the one that the initializer would decide."""

import numpy as np
import pytest

import oneseed
from oneseed import Parameter, Rule, Scheme, initializers
from oneseed.initializers.targets import draw_of
from oneseed.models.seeding import seeded

LONG = "a/ü.weight"
EACH = {
    "without a seed": initializers.HeNormal(),
    "with a seed": initializers.HeNormal(3),
    "with a seed of NumPy's": initializers.HeNormal(np.int64(3)),
    "uniform": initializers.RandomUniform(-1.0, 2.0),
    "constant": initializers.Constant(0.5),
    "zeros": initializers.Zeros(),
    "ones": initializers.Ones(),
    "orthogonal": initializers.Orthogonal(2.0),
    "axes of its own": initializers.Partial("he_normal", axes="i o"),
    "of parts": initializers.At(initializers.GlorotNormal(), "other"),
}


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
@pytest.mark.parametrize("initializer", EACH.values(), ids=EACH)
def test_a_draw_at_a_seed_is_the_initializers(initializer, seed):
    params = {
        name: Parameter(shape, "float32", axes)
        for name, shape, axes in (
            ("one", (4, 6), "o i"),
            ("two", (4, 6), "o i"),
            (LONG, (4, 6), "o i"),
            ("other", (6, 4), None),
            ("third", (4, 6), None),
        )
    }
    plan = Scheme([Rule("*", initializer)]).plan(params)
    assert [entry.name for entry in plan] == list(params)
    for entry, draw in plan.draws(seed):
        path = (entry.logical,)
        expected = draw_of(seeded(initializer, seed, path=path), entry.shape, entry.dtype, entry.axes, path)
        assert draw == entry.draw(seed) == expected
        assert (entry.distribution, entry.fan_in, entry.fan_out) == (draw.distribution, draw.fan_in, draw.fan_out)


def test_like_rows_differ_in_their_paths_alone():
    params = dict.fromkeys(("one", "two"), Parameter((4, 6), "float32", "o i"))
    (_, one), (_, two) = Scheme([Rule("*", "he_normal")]).plan(params).draws(7)
    assert one._replace(path=("two",)) == two
    assert one.path == ("one",)


def test_a_name_without_a_utf_8_form_is_refused_after_like_ones():
    params = dict.fromkeys(("one", "two", "\ud800"), Parameter((4, 6), "float32", "o i"))
    with pytest.raises(ValueError, match="UTF-8"):
        Scheme([Rule("*", "he_normal")]).plan(params)


def test_equal_looking_shapes_are_not_taken_for_one_another():
    params = {"one": Parameter((1, 8), "float32"), "two": Parameter((True, 8), "float32")}
    with pytest.raises((TypeError, ValueError), match="integers"):
        oneseed.Scheme([oneseed.Rule("*", "he_normal")]).plan(params)
