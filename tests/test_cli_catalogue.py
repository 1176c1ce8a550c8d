"""What the command tells of initializers and schemes, its help, and completion."""

import json
import re
from itertools import pairwise

import pytest

from oneseed import schemes
from oneseed.cli import completion
from oneseed.initializers import known


def test_help_shows_whole_descriptions(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = run("--help")[1]
    assert "..." not in out.partition("Commands:")[2]
    assert "status 1 if one does not." in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())


def test_list_has_every_initializer_in_its_group(run):
    status, out, err = run("list")
    assert (status, err) == (0, "")
    groups = [line for line in out.splitlines() if line and not line.startswith((" ", "oneseed explain"))]
    assert groups == list(known.GROUPS)
    assert {entry.name for entry in known.in_order()} <= set(out.split())
    rows = json.loads(run("list", "--json")[1])
    assert {row["class"] for row in rows} == set(known.entries())
    assert all(row["formula"] and row["use"] and row["group"] for row in rows)


@pytest.mark.parametrize("name", [entry.name for entry in known.in_order()])
def test_explain_tells_what_the_docstring_and_the_register_say(run, name):
    facts = json.loads(run("explain", name, "--json")[1])
    entry = known.entries()[facts["class"]]
    assert (facts["formula"], facts["use"]) == (entry.formula.replace("`", ""), entry.use.replace("`", ""))
    assert facts["about"]
    assert all(item["meaning"] and item["type"] for item in facts["arguments"])
    assert ("References" in entry.cls.__doc__) == (facts["source"] is not None)
    assert facts["python"].startswith(f"{facts['class']}(")
    if name != "sparse" and not any(item["needed"] for item in facts["arguments"]):
        assert facts["example"]["command"].startswith(f"oneseed sample {name} --shape ")


def test_explain_by_any_name_in_80_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = run("explain", "KaimingNormal")
    assert (status, err) == (0, "")
    assert out.startswith("HeNormal: he_normal, kaiming_normal, KaimingNormal")
    text = " ".join(out.split())
    for told in (
        "Var w = 2 / fan_in",
        "Delving deep",
        "before ReLU",
        "input_axes: int or sequence of int, by default None",
    ):
        assert told in text
    assert max(map(len, out.splitlines())) <= 80


def test_the_seed_reaches_the_parts(run):
    options = "--shape", "3,4", "--set", "initializer=he_normal", "--set", "factor=2", "--json"
    first, again, other = (
        json.loads(run("sample", "scaled", *options, "--seed", seed)[1])["fingerprint"] for seed in (7, 7, 8)
    )
    assert first == again != other
    assert run("sample", "scaled", *options, "--seed", -1)[0] == 2


def test_schemes_shows_whole_patterns_and_arguments(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = run("schemes", "llama", "--set", "layers=2", "--set", "width=64")[1]
    assert out.splitlines()[0].startswith("llama(layers=32, width=4096, stddev=0.02, tied=False")
    assert out.splitlines()[1] == "with layers=2, width=64"
    assert all(rule.pattern in out for rule in schemes.llama(2, 64).rules)
    assert "seed=None" not in out


LABEL = re.compile(r"^ *(-?[\d.e+-]+(?: to -?[\d.e+-]+)?) [#\u2588]* ?(\d+)$")


def histogram(out):
    found = [LABEL.match(line) for line in out.splitlines()]
    return [(match[1], int(match[2])) for match in found if match]


def test_discrete_values_have_a_line_each(run):
    rows = histogram(run("sample", "random_sign", "--shape", "30,30", "--seed", 7)[1])
    assert [label for label, _ in rows] == ["-1", "1"]
    assert sum(count for _, count in rows) == 900
    facts = json.loads(run("sample", "random_sign", "--shape", "30,30", "--seed", 7, "--json")[1])
    assert facts["histogram"] == {"values": [-1.0, 1.0], "counts": [count for _, count in rows]}
    shown = run("sample", "random_sign", "--shape", "30,30", "--seed", 7)[1]
    assert [line.split()[-2] for line in shown.splitlines() if "mean" in line or "stddev" in line] == ["0", "1"]


def test_bins_of_whole_numbers_have_as_many_each(run):
    options = "--shape", "500", "--set", "low=0", "--set", "high=300", "--seed", 7
    rows = histogram(run("sample", "uniform_int", *options)[1])
    bounds = [tuple(map(int, label.split(" to "))) for label, _ in rows]
    assert {last - first for first, last in bounds[:-1]} == {bounds[0][1] - bounds[0][0]}
    assert all(after[0] == before[1] + 1 for before, after in pairwise(bounds))
    assert sum(count for _, count in rows) == 500


def test_integers_and_booleans_too(run):
    rows = histogram(
        run("sample", "random_uniform", "--shape", "99", "--dtype", "uint8", "--set", "maxval=3", "--set", "minval=0")[
            1
        ]
    )
    assert [label for label, _ in rows] == ["0", "1", "2"]
    assert histogram(run("sample", "ones", "--shape", "5", "--dtype", "bool")[1]) == [("1", 5)]


def test_complex_values_have_statistics_of_both_parts(run):
    options = "--shape", "50,50", "--dtype", "complex64", "--set", "stddev=2", "--set", "mean=1", "--seed", 7
    out = run("sample", "random_normal", *options)[1]
    assert "real part" in out
    assert "imaginary part" in out
    assert sum(count for _, count in histogram(out)) == 2 * 2500
    facts = json.loads(run("sample", "random_normal", *options, "--json")[1])
    assert facts["statistics"]["real"]["mean"] == pytest.approx(1, abs=0.1)
    assert facts["statistics"]["imag"]["stddev"] == pytest.approx(2**0.5, rel=0.05)
    assert set(facts["histogram"]) == {"real", "imag"}


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_completion_prints_a_script(run, shell):
    status, out, err = run("completion", shell)
    assert (status, err) == (0, "")
    assert completion.VARIABLE in out


@pytest.mark.parametrize(
    "words, completed",
    [
        ("s", {"sample", "schemes"}),
        ("sample he_", {"he_normal", "he_uniform"}),
        ("sample he_normal --dty", {"--dtype"}),
        ("sample he_normal --dtype flo", {"float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"}),
        ("schemes vit_", {"vit_jax", "vit_moco", "vit_timm"}),
        ("parity --backend num", {"numpy"}),
        ("completion ", {"bash", "fish", "powershell", "zsh"}),
    ],
)
def test_completion_of_a_shell(run, monkeypatch, words, completed):
    monkeypatch.setenv(completion.VARIABLE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"oneseed {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
    assert set(run()[1].split()) == completed
