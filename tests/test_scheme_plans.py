"""Plans of schemes: what they tell, tied parameters, and that they are made at once."""

import io

import pytest
from rich.console import Console
from schemes_of_tests import MIXED, PARAMS, floats, made

import oneseed
from oneseed import Parameter, Rule, Scheme
from oneseed.initializers import RandomNormal


def test_a_plan_says_what_each_parameter_gets():
    plan = MIXED.plan(PARAMS, tied={"head": "w"})
    rows = {entry.name: entry for entry in plan}
    assert list(rows) == list(PARAMS) == [entry.name for entry in plan]
    assert [entry.bytes for entry in plan] == [10, 48, 64, 72, 576, 4]
    assert (rows["w"].fan_in, rows["w"].fan_out) == (36, 72)
    assert rows["w"].stddev == pytest.approx((2 / 108) ** 0.5)
    assert rows["w"].tied == ("head",)
    assert plan["head"] is rows["w"]
    # A normal distribution cut at two standard deviations: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)), 0.8796, of them.
    assert rows["cut"].stddev == pytest.approx(2 * 0.87962566103423978)
    assert (rows["a.norm"].stddev, rows["eye"].stddev) == (0.0, None)
    assert [entry.name for entry in plan if entry.kept] == ["old"]
    assert [entry.name for entry in plan.unmatched] == ["what"]
    facts = plan.as_dict()
    assert (facts["count"], facts["bytes"]) == (6, 774)
    assert facts["parameters"][4] == {
        "name": "w",
        "logical": "w",
        "tied": ["head"],
        "shape": [3, 3, 4, 8],
        "dtype": "bfloat16",
        "axes": "h w i o",
        "guessed": False,
        "source": None,
        "rule": "*w",
        "initializer": "GlorotUniform(seed=None, input_axes=None, output_axes=None)",
        "distribution": "uniform",
        "stddev": rows["w"].stddev,
        "fan_in": 36,
        "fan_out": 72,
        "bytes": 576,
        "also": [],
        "unreached": None,
    }
    with pytest.raises(KeyError, match="Did you mean 'cut'"):
        plan["cuts"]


def test_a_plan_prints_as_a_table():
    plan = MIXED.plan({"[red]x.w": Parameter((2, 2), "float32"), **PARAMS}, tied={"head": "w"})
    lines = str(plan).splitlines()
    assert len(lines) == len(plan) + 2
    assert lines[1].split() == ["[red]x.w", "(2,", "2)", "float32", "*w", "uniform", "0.7071", "2,", "2", "-", "16"]
    assert "unmatched" in lines[7]
    assert "tied: head" in lines[6]
    assert lines[-1] == "7 parameters, 790 bytes, 1 unmatched"
    out = io.StringIO()
    Console(file=out, width=200).print(plan)
    assert "[red]x.w" in out.getvalue()
    assert repr(plan) == "<Plan of 7 parameters, 1 unmatched, 0 ambiguous>"


def test_a_plan_of_more_than_any_memory_is_made_at_once():
    plan = Scheme([Rule("*", "orthogonal")]).plan({"w": Parameter((2**31, 2**31), "float32")})
    assert plan[0].bytes == 2**64


def test_tied_parameters_are_drawn_once():
    scheme = Scheme([Rule("embed", "ones", axes="b o"), Rule("head", "ones")])
    plan = scheme.plan(floats(embed=(2, 2), head=(2, 2)), tied={"head": "embed"})
    assert [(entry.name, entry.tied) for entry in plan] == [("embed", ("head",))]
    assert list(made(scheme, floats(embed=(2, 2)), tied={"head": "embed"})) == ["embed"]
    # Any of the names may be the one that a rule speaks of.
    (entry,) = Scheme([Rule("head", "ones")], otherwise="zeros").plan(floats(embed=(2, 2)), tied={"head": "embed"})
    assert (entry.rule.pattern, entry.stddev) == ("head", 0.0)


@pytest.mark.parametrize(
    "other",
    [
        Rule("head", "zeros"),
        Rule("head", "he_normal", axes="o i"),
        Rule("h*", "he_normal", dtype="float16"),
        Rule("head", RandomNormal(0.0, 0.5)),
    ],
    ids=["another initializer", "other axes", "another dtype", "other numbers"],
)
def test_a_tied_parameter_for_which_two_rules_disagree_is_refused(other):
    scheme = Scheme([Rule("embed", "he_normal", axes="b o"), other])
    with pytest.raises(ValueError, match=r"'embed' is tied: it is 'head' too.*must agree"):
        scheme.plan(floats(embed=(2, 2)), tied={"head": "embed"})


def test_parameters_that_differ_in_their_names_alone_draw_what_each_draws_by_itself():
    shared = oneseed.initializers.HeNormal()
    params = {f"layers.{at}.weight": Parameter((4, 6), "float32", "o i") for at in range(3)}
    params["turned.weight"] = Parameter((4, 6), "float32", "i o")
    params["half.weight"] = Parameter((4, 6), "bfloat16", "o i")
    params["seeded.weight"] = Parameter((4, 6), "float32", "o i")
    plan = Scheme([Rule("seeded*", oneseed.initializers.HeNormal(3)), Rule("*", shared)]).plan(params)
    for entry, draw in plan.draws(7):
        assert draw == entry.draw(7)
        alone = Scheme([Rule(entry.name, entry.initializer)]).plan({entry.name: params[entry.name]})
        assert alone.draws(7)[0][1] == draw
        assert (alone[0].distribution, alone[0].fan_in) == (entry.distribution, entry.fan_in)
    shared.nonlinearity = None  # a plan that was made before sees the initializer as it is
    shared.scale = 0.5
    assert all(draw == entry.draw(7) for entry, draw in plan.draws(7))
