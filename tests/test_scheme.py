"""Schemes: which rule a parameter gets, what a plan tells, and that nothing happens before all can."""

import copy
import pickle
import re

import numpy as np
import pytest
import reference
from schemes_of_tests import MIXED, PARAMS, floats, made

import oneseed
from oneseed import KEEP, Parameter, Rule, Scheme
from oneseed.fans import Guess
from oneseed.initializers import (
    Blockwise,
    Constant,
    HeNormal,
    Partial,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    register,
)
from oneseed.testing import assert_same_model

# Rules ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "regex", "matches", "not_"),
    [
        ("*.bias", False, ["a.bias", "a.b.bias"], ["bias", "a.bias2", "a.BIAS"]),
        ("block?.w", False, ["block1.w"], ["block11.w", "block.w"]),
        ("block[12]/w", False, ["block1/w"], ["block3/w"]),
        (r"layers\.\d+\.w", True, ["layers.10.w"], ["layersx1.w", "layers.1.w2", "x.layers.1.w"]),
        ("a.b", False, ["a.b"], ["axb"]),
    ],
)
def test_a_pattern_matches_whole_names(pattern, regex, matches, not_):
    rule = Rule(pattern, "zeros", regex=regex)
    assert [name for name in matches + not_ if rule.matches(name)] == matches


def test_the_first_rule_wins_and_later_ones_are_flagged():
    scheme = Scheme([Rule("*.b", "zeros"), Rule("a.*", "ones"), Rule("*", "zeros")])
    plan = scheme.plan(floats(a__b=(2,), a__w=(2,), c=(2,)))
    assert [entry.rule.pattern for entry in plan] == ["*.b", "a.*", "*"]
    # For a.b the last rule does the same as the first, so that only the second is worth a flag.
    assert [entry.also for entry in plan] == [("a.*",), ("*",), ()]
    assert [entry.name for entry in plan.ambiguous] == ["a.b", "a.w"]


def test_initializers_in_every_form():
    forms = ["he_normal", HeNormal, HeNormal(), {"class_name": "HeNormal", "config": {"seed": None}}]
    params = floats(w=(4, 6))
    values = [made(Scheme([Rule("w", form)]), params)["w"] for form in forms]
    assert all((value == values[0]).all() for value in values)


# Streams --------------------------------------------------------------------------------------------------------------


def test_values_are_those_of_the_definition():
    scheme = Scheme([Rule("*", RandomUniform(-1.0, 3.0))])
    values = made(scheme, floats(encoder__w=(3, 2)), seed=11)["encoder.w"]
    stream = reference.stream_of(("encoder.w",))
    expected = [reference.uniform(11, stream, i, -1.0, 3.0, "float32") for i in range(6)]
    assert values.reshape(-1).tolist() == expected


def test_a_parameter_depends_on_its_name_alone():
    scheme = Scheme([Rule("*.w", "he_normal"), Rule("*.v", "orthogonal")])
    whole = made(scheme, floats(a__w=(4, 4), b__w=(4, 4), c__v=(3, 3)))
    assert not (whole["a.w"] == whole["b.w"]).any()
    fewer = made(scheme, floats(c__v=(3, 3), b__w=(4, 4), d__w=(7, 1)))
    assert all((fewer[name] == whole[name]).all() for name in ("b.w", "c.v"))


def test_an_integer_seed_of_its_own_stays_and_all_others_are_the_calls():
    inner = Blockwise([RandomNormal(), RandomNormal(seed=3)], [2, 2], 0, ["q", "k"])
    scheme = Scheme([Rule("w", inner), Rule("own", HeNormal(seed=5))])
    values = made(scheme, floats(w=(4, 3), own=(2, 2)))
    assert (values["w"][:2] == RandomNormal(seed=7)((2, 3), path=("w", "q"))).all()
    assert (values["w"][2:] == RandomNormal(seed=3)((2, 3), path=("w", "k"))).all()
    assert (values["own"] == HeNormal(seed=5)((2, 2), path="own")).all()
    # The scheme's own initializers are as they were.
    assert inner.initializers[0].get_config()["seed"] is None
    assert (made(scheme, floats(w=(4, 3), own=(2, 2)), seed=8)["own"] == values["own"]).all()


def test_functions_are_called_as_they_are_with_a_warning():
    scheme = Scheme([Rule("w", lambda shape, dtype: np.arange(6, dtype=dtype).reshape(shape))])
    with pytest.warns(UserWarning, match=r"The seed of the scheme does not reach .*'w' \(<function .*<lambda>"):
        assert made(scheme, floats(w=(2, 3)))["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert scheme.plan(floats(w=(2, 3)))[0].stddev is None


def test_names_lead_to_logical_ones():
    torch = Scheme([Rule("*.weight", "he_normal")])
    names = [(r"/kernel$", ".weight"), (r"^dense_(\d+)", r"layers.\1")]
    params = {"dense_3/kernel": Parameter((4, 6), "float32", "i o")}
    expected = HeNormal(seed=7)((6, 4), axes="o i", path="layers.3.weight")
    for form in (names, {"dense_3/kernel": "layers.3.weight"}, lambda name: "layers.3.weight"):
        plan = torch.plan(params, names=form)
        assert (plan[0].name, plan[0].logical) == ("dense_3/kernel", "layers.3.weight")
        assert (made(torch, params, names=form)["dense_3/kernel"] == expected.T).all()


def test_axes_come_from_rule_then_initializer_then_call_then_parameter():
    params = {"w": Parameter((2, 3), "float32", "i o")}

    def axes(*rule, **arguments):
        entry = Scheme([rule[0]]).plan(params, **arguments)[0]
        return entry.axes, entry.fan_in

    assert axes(Rule("w", "he_normal")) == ("i o", 2)
    assert axes(Rule("w", "he_normal"), axes={"w": "o i"}) == ("o i", 3)
    assert axes(Rule("w", Partial("he_normal", axes="b o")), axes={"w": "o i"}) == (None, 1)
    assert axes(Rule("w", Partial("he_normal", axes="b o"), axes="i1 i2"), axes={"w": "o i"}) == ("i1 i2", 6)


def test_a_rules_dtype_is_what_the_parameter_gets():
    values = made(Scheme([Rule("w", "he_normal", dtype="float64")]), floats(w=(2, 3)))["w"]
    assert values.dtype == "float64"
    assert (values == HeNormal(seed=7)((2, 3), "float64", path="w")).all()


# State, frozen parameters, guesses -----------------------------------------------------------------------------------


def test_rules_reach_state_only_where_they_say_so():
    params = {"w": Parameter((2, 2), "float32"), "mean": Parameter((2,), "float32", state=True)}
    assert [entry.name for entry in Scheme([Rule("*", "ones")], otherwise="zeros").plan(params)] == ["w"]
    plan = Scheme([Rule("m*", "ones", state=True), Rule("*", "zeros")]).plan(params)
    assert {entry.name: entry.rule.pattern for entry in plan} == {"w": "*", "mean": "m*"}
    rule = Rule("m*", "ones", state=True, source="model.py:3")
    assert Scheme.from_toml(Scheme([rule]).to_toml()).rules[0].get_config() == rule.get_config()


def test_otherwise_is_not_for_frozen_parameters():
    params = {"a": Parameter((2,), "float32", frozen=True), "b": Parameter((2,), "float32", frozen=True)}
    plan = Scheme([Rule("a", "ones")], otherwise="zeros").plan(params)
    assert [entry.kept for entry in plan] == [False, True]


GUESSED = Parameter((4, 5, 6), "float32", Guess("o i s0"))


@pytest.mark.parametrize(
    "initializer",
    [
        "he_normal",
        "orthogonal",
        "glorot_uniform",
        {"class_name": "Scaled", "config": {"initializer": "he_normal", "factor": 2.0}},
    ],
    ids=str,
)
def test_a_rule_that_needs_axes_is_refused_where_they_are_guessed(initializer):
    with pytest.raises(ValueError, match="name them by `axes`"):
        Scheme([Rule("w", initializer)]).plan({"w": GUESSED})
    assert Scheme([Rule("w", initializer, axes="e o i")]).plan({"w": GUESSED})[0].fan_in == 6
    assert Scheme([Rule("w", initializer)]).plan({"w": GUESSED}, axes={"w": "e o i"})[0].fan_in == 6


@pytest.mark.parametrize("initializer", ["ones", "random_normal", "truncated_normal"])
def test_a_guess_is_marked_where_it_does_not_matter(initializer):
    plan = Scheme([Rule("w", initializer)]).plan({"w": GUESSED})
    assert plan[0].guessed
    assert "axes guessed" in str(plan)


def test_a_rule_for_each_of_many_names_is_found_without_trying_all():
    names = [f"layers.{at}.weight" for at in range(2000)]
    scheme = Scheme([*(Rule(name, "ones") for name in names), Rule("*", "zeros"), Rule("layers.7.*", "ones")])
    assert scheme.match("layers.7.weight")[0].pattern == "layers.7.weight"
    assert [rule.pattern for rule in scheme.match("layers.7.weight")[1]] == ["*"]
    assert scheme.match("layers.7.bias")[0].pattern == "*"


# Refusals -------------------------------------------------------------------------------------------------------------


def test_rules_are_found_as_if_each_were_tried():
    paths = ["", "a.", "a.b.", "ab.", "a.b.c.", "layers.1.", "layers.10.", "[a]."]
    ends = ["w", "*", "?", "[wb]", "b*", "w.b"]
    globs = [Rule(path + end, "zeros", state=len(end) > 2) for path in paths for end in ends]
    texts = [r"(?:w|b)", r"\w+", "w|b", "w*", ".*b", "", r"\bw", "^w", "w{2}"]
    expressions = [Rule(re.escape(path) + end, "ones", regex=True) for path in paths for end in texts]
    names = [path + end for path in paths for end in ("", "w", "b", "ww", "w.b", "x.y")]
    rng = np.random.default_rng(7)
    for _ in range(30):
        rules = rng.permutation([*globs, *expressions])[: rng.integers(1, 100)].tolist()
        scheme = Scheme(rules)
        for name in names:
            for state in (False, True):
                every = [rule for rule in rules if rule.matches(name) and (rule.state or not state)]
                rule, also = scheme.match(name, state=state)
                assert rule is (every[0] if every else None)
                assert also == tuple(rule for rule in every[1:] if not rule.agrees(every[0]))


def test_unmatched_parameters_are_listed_before_any_draw():
    drawn = []
    scheme = Scheme([Rule("a", lambda shape, dtype: drawn.append(shape))])
    plan = scheme.plan(floats(a=(1,), b=(2,), c__d=(3,)))
    with pytest.raises(ValueError, match=r"Nothing was drawn. Received: no rule for b, c\.d$"):
        plan.draws(7)
    assert not drawn
    with pytest.warns(UserWarning, match="does not reach"):
        assert [entry.name for entry, _ in Scheme(scheme.rules, KEEP).plan(floats(a=(1,), b=(2,))).draws(7)] == ["a"]
    filled = Scheme([], otherwise="ones").plan(floats(a=(1,)))
    assert filled[0].as_dict()["rule"] == "otherwise"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Rule(3, "zeros"), TypeError, "`pattern` must be a str"),
        (lambda: Rule("(", "zeros", regex=True), ValueError, "a regular expression: missing"),
        (lambda: Rule("a", None), TypeError, "name or config, or KEEP"),
        (lambda: Rule("a", "he_norml"), ValueError, "Did you mean 'he_normal'"),
        (lambda: Rule("a", "zeros", regex=1), TypeError, "`regex` must be True or False"),
        (lambda: Rule("a", "zeros", axes="i i"), ValueError, "name each axis once"),
        (lambda: Rule("a", "zeros", dtype="float3"), ValueError, "dtype"),
        (lambda: Rule("a", KEEP, dtype="float32"), ValueError, "where a parameter is kept"),
        (lambda: Rule("a", HeNormal(oneseed.SeedGenerator(1))), ValueError, "on its name alone"),
        (lambda: Rule("a", Partial(HeNormal(oneseed.SeedGenerator(1)))), ValueError, "on its name alone"),
        (lambda: Scheme("ab"), TypeError, "`rules` must be a sequence"),
        (lambda: Scheme([("a", "zeros")]), TypeError, "`rules` must hold oneseed.Rule"),
        (lambda: Scheme([], otherwise=3), ValueError, "initializer identifier"),
        (lambda: MIXED.match(None), TypeError, "`name` must be a str"),
        (lambda: Scheme([Rule("w", "ones")]).match([]), TypeError, "`name` must be a str"),
        (lambda: MIXED.plan([]), TypeError, "`params` must be a mapping"),
        (lambda: MIXED.plan({"w": 3}), TypeError, "'w' must have a shape and a dtype"),
        (
            lambda: MIXED.plan({"w": Parameter((2,), "float32", "o i")}),
            ValueError,
            r"'w' cannot be filled by rule '\*w'",
        ),
        (lambda: MIXED.plan({"w": Parameter((-2,), "float32")}), ValueError, "'w' cannot be planned"),
        (
            lambda: MIXED.plan({"w": Parameter((2, 2), "int32")}),
            ValueError,
            r"'w' cannot be filled by rule '\*w', Glorot",
        ),
        (lambda: MIXED.plan(PARAMS, axes={"nw": "o"}), ValueError, "`axes` must name parameters. Did you mean"),
        (lambda: MIXED.plan(PARAMS, tied={"x": "y"}), ValueError, "`tied` must map"),
        (lambda: MIXED.plan(PARAMS, names={"y": "x"}), ValueError, "must map existing names"),
        (lambda: MIXED.plan(PARAMS, names={"w": "eye"}), ValueError, "'eye' for 'eye' and 'w'"),
        (lambda: MIXED.plan(PARAMS, names="w"), TypeError, "`names` must be a mapping, a function, or"),
        (lambda: MIXED.plan(PARAMS, names=lambda name: 3), TypeError, "must give a str for each name"),
        (lambda: MIXED.plan(PARAMS, names=[("(", "x")]), ValueError, "must hold regular expressions"),
        (lambda: Scheme([], KEEP).plan(PARAMS).draws(None), TypeError, "`seed` must be an integer"),
        (lambda: Scheme([], KEEP).plan(PARAMS).draws(-1), ValueError, "`seed` must lie in"),
        (lambda: Scheme.from_config([]), TypeError, "`config` must be a dict"),
        (lambda: Scheme.from_config({"rules": []}), ValueError, "'version', 1, and 'rules', a list"),
        (
            lambda: Scheme.from_json('{"format": "oneseed.scheme", "version": 1, "rules": [], "rules": []}'),
            ValueError,
            "must be JSON: the key 'rules' comes twice",
        ),
        (
            lambda: Scheme.from_json('{"format": "oneseed.scheme", "version": 2, "rules": []}'),
            ValueError,
            "'version', 1",
        ),
        (lambda: Scheme.from_config({**MIXED.get_config(), "otherwse": 1}), ValueError, "Did you mean 'otherwise'"),
        (lambda: Scheme.from_config({**MIXED.get_config(), "rules": [{}]}), ValueError, "keys 'pattern' and"),
        (lambda: Scheme([Rule("a", lambda shape, dtype: None)]).to_json(), TypeError, "cannot be stored"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_native_generator_is_refused():
    with oneseed.using(rng="native"), pytest.raises(ValueError, match="`rng` must be 'portable'"):
        Scheme([Rule("w", "zeros")]).plan(floats(w=(2,))).draws(7)


# Storage --------------------------------------------------------------------------------------------------------------


@register(package="tests", name="Own")
class Own(oneseed.initializers.Initializer):
    def __init__(self, value=None):
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.full(shape, self.value, dtype)

    def get_config(self):
        return {"value": self.value}


STORED = Scheme(
    [
        Rule('odd "names"\\ \t\x7f \U0001f600', TruncatedNormal(stddev=1e-300, seed=2**64 - 1)),
        Rule(r".*\.(a|b)", Blockwise([HeNormal(), "zeros"], [1, 2], names=["q", "k"]), regex=True, axes="o i"),
        Rule("c", Constant([[1.0, 2.5]]), dtype="bfloat16"),
        Rule("d", Own(3)),
        Rule("e", KEEP),
    ],
    otherwise=RandomNormal(),
)


@pytest.mark.parametrize("scheme", [STORED, MIXED, Scheme([]), Scheme([], KEEP)])
def test_json_and_toml_give_the_scheme_back(scheme):
    assert Scheme.from_json(scheme.to_json()) == scheme
    assert Scheme.from_toml(scheme.to_toml()) == scheme
    for copied in (copy.deepcopy(scheme), pickle.loads(pickle.dumps(scheme))):
        assert copied == scheme
        assert copied.match("e")[0] == scheme.match("e")[0]


def test_what_toml_lacks_is_refused():
    scheme = Scheme([Rule("a", Own([None, 1]))])
    assert Scheme.from_json(scheme.to_json()) == scheme
    with pytest.raises(ValueError, match="nothing that TOML lacks"):
        scheme.to_toml()


def test_schemes_differ_by_every_argument():
    base = Rule("a", "zeros")
    others = [Rule("b", "zeros"), Rule("a", "ones"), Rule("a", "zeros", regex=True), Rule("a", "zeros", axes="i")]
    others.append(Rule("a", "zeros", dtype="float16"))
    assert Scheme([base]) == Scheme([Rule("a", "zeros")])
    assert all(Scheme([base]) != Scheme([other]) for other in others)
    assert Scheme([base]) != Scheme([base], KEEP)


# Two models -----------------------------------------------------------------------------------------------------------


def test_the_same_model_in_two_layouts():
    scheme = Scheme([Rule("*.weight", "he_normal"), Rule("*.bias", "zeros")])
    ours = {"fc.weight": Parameter((6, 4), "float32", "o i"), "fc.bias": Parameter((6,), "float32")}
    theirs = {"fc/bias": Parameter((6,), "float32"), "fc/kernel": Parameter((4, 6), "float32", "i o")}
    names = [("/kernel", ".weight"), ("/", ".")]
    a, b = made(scheme, ours), made(scheme, theirs, names=names)
    axes = {"fc.weight": "o i"}, {"fc/kernel": "i o"}
    assert_same_model(a, b, names=names, axes=axes)
    assert_same_model(
        a, b, names=(str.upper, lambda name: name.replace("kernel", "weight").replace("/", ".").upper()), axes=axes
    )
    with pytest.raises(AssertionError, match=r"differ in 1 parameters:\nfc\.weight: The logical shapes differ"):
        assert_same_model(a, b, names=names)
    b["fc/kernel"][1, 2] += 1
    with pytest.raises(AssertionError, match=r"fc\.weight: 1 of 24 values differ .* the first at \(1, 2\)"):
        assert_same_model(a, b, names=names, axes=axes)
    with pytest.raises(AssertionError) as caught:
        assert_same_model({**a, "new": np.ones(1)}, b, names=[("kernel", "weight")])
    assert sorted(line for line in str(caught.value).splitlines()[1:]) == [
        "fc.bias: missing in b",
        "fc.weight: missing in b",
        "fc/bias: missing in a",
        "fc/weight: missing in a",
        "new: missing in b",
    ]
    with pytest.raises(ValueError, match="`names` must give each parameter a name of its own"):
        assert_same_model(a, b, names=lambda name: "x")
    with pytest.raises(TypeError, match="`axes` must be a tuple of two mappings"):
        assert_same_model(a, b, axes={"fc.weight": "o i"})
