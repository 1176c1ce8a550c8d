"""Initializers of strangers in schemes: what of the scheme reaches them, and what a plan says where it does not."""

import numpy as np
import pytest
from strangers import MADE, SEEDED, Doubled, Plain

import oneseed
from oneseed import Parameter, Rule, Scheme, initializers

PARAMS = {"a": Parameter((6, 4), "float32", "o i"), "b": Parameter((6, 4), "float32", "o i")}


def planned(init):
    return Scheme([Rule("*", init)]).plan(PARAMS)


@pytest.mark.parametrize("name", [name for name in SEEDED if name != "integers"])
def test_the_seed_of_a_scheme_reaches_it(name):
    plan = planned(MADE[name][0](None))
    assert [entry.unreached for entry in plan] == [None, None]
    host = oneseed.registry.load("numpy")
    values = {seed: [host.draw(draw) for _, draw in plan.draws(seed)] for seed in (7, 8)}
    again = [host.draw(draw) for _, draw in plan.draws(7)]
    assert all((x == y).all() for x, y in zip(values[7], again, strict=True))
    assert (values[7][0] != values[7][1]).any()
    assert (values[7][0] != values[8][0]).any()
    if name != "composite":
        assert (values[7][0] == MADE[name][0](7)((6, 4), axes="o i", path="a")).all()


OPAQUE = [Plain(), np.ones, initializers.Blockwise([Plain(), "ones"], [2, 4], 0)]


@pytest.mark.parametrize("init", OPAQUE, ids=["class", "function", "part"])
def test_a_scheme_whose_seed_does_not_reach_one_says_so(init):
    plan = planned(init)
    assert [entry.unreached for entry in plan] == ["seed", "seed"]
    assert plan.as_dict()["parameters"][0]["unreached"] == "seed"
    lines = str(plan).splitlines()
    assert "seed does not reach it" in lines[1]
    assert lines[-1].endswith("2 without the seed")
    with pytest.warns(UserWarning, match="^The seed of the scheme does not reach") as said:
        plan.draws(7)
    (warning,) = said
    assert f"'a' ({init!r}), 'b' ({init!r})" in str(warning.message)


@pytest.mark.parametrize("init", [Doubled(), initializers.Blockwise([Doubled(), Doubled()], [3, 3], 0)], ids=repr)
def test_one_with_a_seed_and_a_call_of_its_own_gets_a_seed_for_each_parameter(init):
    plan = planned(init)
    assert [entry.unreached for entry in plan] == ["axes", "axes"]
    assert "axes do not reach it" in str(plan).splitlines()[1]
    host = oneseed.registry.load("numpy")
    found = []
    for seed in (7, 7, 8):
        with pytest.warns(UserWarning, match=r"The axes of the scheme do not reach .*'a' \("):
            found.append([host.draw(draw) for _, draw in plan.draws(seed)])
    assert all((x == y).all() for x, y in zip(found[0], found[1], strict=True))
    assert (found[0][0] != found[0][1]).any()
    assert (found[0][0] != found[2][0]).any()
    if isinstance(init, initializers.Blockwise):
        assert (found[0][0][:3] != found[0][0][3:]).any()
    # Where Keras's rule says the same as the axes, nothing is lost.
    plan = Scheme([Rule("*", init)]).plan({"a": Parameter((6, 4), "float32", "i o")})
    assert plan[0].unreached is None
    plan.draws(7)


def test_a_seed_that_no_other_can_follow_from_is_refused():
    from oneseed.models.seeding import seeded

    with pytest.raises(TypeError, match=r"`seed` must be an integer for an initializer with a `__call__`"):
        seeded(Doubled(), object(), path=("a",))


def test_one_with_an_integer_seed_of_its_own_keeps_it():
    plan = Scheme([Rule("*", Doubled(3))]).plan({"a": Parameter((6, 4), "float32", "i o")})
    (_, draw), *_ = plan.draws(7)
    assert (oneseed.registry.load("numpy").draw(draw) == Doubled(3)((6, 4))).all()
