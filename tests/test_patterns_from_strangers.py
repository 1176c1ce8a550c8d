"""Patterns of names that others wrote: expressions and globs are Python's, and none takes a lifetime."""

import pickle
import re
import subprocess
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused
from schemes_of_tests import scheme_of

from oneseed import Parameter, Rule, Scheme
from oneseed.models.pattern import KNOWN, Expression

WORDS = [
    "a",
    "b",
    ".",
    r"\.",
    "[ab]",
    "[^a]",
    r"\w",
    r"\d",
    r"\S",
    "_",
    "[]a]",
    r"[a\]]",
    r"\b",
    "^",
    "$",
    r"\B",
    r"\A",
]
WORDS += ["0", "(?:)", "()", r"\x61", "{", "}", "a{,", "{}", r"\Z", r"\-"]
TIMES = ["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?", "??", "{,}", "{0}", "{1,2}?"]

expressions = st.recursive(
    st.sampled_from(WORDS),
    lambda part: (
        st.tuples(part, part).map("".join)
        | st.tuples(part, part).map("|".join)
        | st.tuples(part, part).map(lambda pair: f"(?:{pair[0]}|{pair[1]})")
        | part.map(lambda one: f"(?P<n{abs(hash(one))}>{one})")
        | st.tuples(part, st.sampled_from(TIMES)).map(lambda pair: f"(?:{pair[0]}){pair[1]}")
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(expressions, st.lists(st.text("ab._0]-{", max_size=8, min_size=1), min_size=4, max_size=4))
def test_expressions_are_pythons(pattern, names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            python = re.compile(pattern)
        except re.error:
            with pytest.raises(ValueError, match="`pattern` must be a regular expression"):
                Expression(pattern, "pattern")
            return
        ours = Expression(pattern, "pattern")
    assert [ours.fullmatch(name) for name in names] == [bool(python.fullmatch(name)) for name in names]


ENDLESS = [
    "(a+)+$",
    "(a|aa)+b",
    "(a*)*b",
    "(?:a?){200}a{200}b",
    ".*.*.*.*.*.*.*.*.*.*b",
    "(.*)(.*)(.*)(.*)(.*)x",
    "(x+x+)+y",
]


@pytest.mark.parametrize("pattern", ENDLESS)
def test_no_expression_takes_a_lifetime(pattern):
    code = f"""if 1:
        import oneseed
        rule = oneseed.Rule({pattern!r}, "zeros", regex=True)
        print(rule.matches("a" * 3000 + "!"))
        scheme = oneseed.Scheme([oneseed.Rule({pattern!r}, "zeros", regex=True)], otherwise="ones")
        scheme.plan({{"a" * 200 + "!": oneseed.Parameter((2,), "float32")}})
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("glob", ["*a" * 60, "?*" * 50, "[a-z]*" * 50, "[" * 4095, "*" * 4095, "[!" * 2000])
def test_no_glob_takes_a_lifetime(glob):
    code = f"import oneseed; print(oneseed.Rule({glob!r} + 'y', 'zeros').matches('a' * 3000 + 'x'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(" * 2000 + ")" * 2000, "`pattern` must"),
        ("(" * 60 + ")" * 60, "groups inside one another"),
        ("a{99999999999}", "regular expression"),
        ("a{5000}", "states"),
        ("(?:(?:a{60}){60}){60}", "states"),
        ("(?=a)", "look ahead"),
        ("(?!.*norm).*", "another may come before"),
        ("(?<=a)b", "look ahead or behind"),
        ("(?i)a", "set flags"),
        (r"(a)\1", "refer to groups"),
        ("(?P<x>a)(?P=x)", "refer to groups"),
        ("(a)(?(1)b|c)", "refer to groups"),
        ("a" * 5000, "at most 4096 characters"),
        ("[", "regular expression"),
        ("a**", "regular expression"),
        ("(", "regular expression"),
        ("\\", "regular expression"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_expressions_that_are_refused(pattern, words):
    for call in (
        lambda: Rule(pattern, "zeros", regex=True),
        lambda: Scheme.from_config(scheme_of(pattern=pattern, regex=True)),
    ):
        with refused(ValueError, "`pattern` must", words, received="pattern="):
            call()


def test_globs_that_are_refused():
    with refused(ValueError, "`pattern` must have at most 4096 characters", received="pattern="):
        Rule("*" * 4097, "zeros")


def test_an_expression_forgets():
    expression = Expression(r"(?:.*\.)?[a-z]+\d*", "pattern")
    for number in range(KNOWN):
        assert expression.fullmatch(f"{chr(0x4E00 + number)}.w{number}")
    assert len(expression._rest._steps) <= KNOWN


BEGINNINGS = {
    r"layers\.0\.(?:weight|bias)": "layers.0.",
    r"layers\.\d+": "layers.",
    r"heads?\.weight": "head",
    r"a\-b\ c{2}": "a-b ",
    r"weight": "weight",
    r"a\.weight|b\.weight": "",
    r"a\.(?:b|c)|d": "",
    r"(?:a|b)\.weight": "",
    r".*\.weight": "",
    r"^a": "",
    r"a\bb": "a",
    r"a\b\.b$": "a",
    r"": "",
}


@pytest.mark.parametrize("pattern", BEGINNINGS, ids=ascii)
def test_what_an_expression_begins_with(pattern):
    expression, python = Expression(pattern, "pattern"), re.compile(pattern)
    assert expression.beginning == BEGINNINGS[pattern]
    names = (
        "",
        "a",
        "b",
        "ab",
        "a.b",
        "a.c",
        "d",
        "a.weight",
        "b.weight",
        "weight",
        "head.weight",
        "heads.weight",
        "hea",
    )
    names += "layers.0.weight", "layers.0.bia", "layers.0.", "layers.7", "layers.", "layers", "a-b cc", "a-b c", "^a"
    assert [expression.fullmatch(name) for name in names] == [bool(python.fullmatch(name)) for name in names]


def test_patterns_that_go_on_alike_share_what_reads_it():
    one, other = (Expression(rf"layers\.{number}\.\w+_proj", "pattern") for number in (0, 1))
    assert one._rest is other._rest
    assert one.fullmatch("layers.0.q_proj")
    assert not one.fullmatch("layers.1.q_proj")
    assert pickle.loads(pickle.dumps(other)).fullmatch("layers.1.q_proj")


def test_replacements_that_do_not_fit():
    scheme = Scheme([Rule("*", "zeros")])
    parameters = {"a": Parameter((2,), "float32")}
    for names in ([("a", r"\9")], [("a", r"\g<x>")], [("a", "\\")], [("(a)", r"\g<")]):
        with refused(ValueError, "`names` must", received="names"):
            scheme.plan(parameters, names=names)
    for pattern in ("a{99999999999}", "(" * 2000 + ")" * 2000, "(", "a**"):
        with refused(ValueError, "`names` must hold regular expressions", received="names="):
            scheme.plan(parameters, names=[(pattern, "b")])
