"""Every expression of the page for migrants runs, and those beside an installed library make what it makes."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from frameworks import installed, peer

from oneseed import initializers, layouts, rules
from oneseed.initializers.base import Initializer

PAGE = (Path(__file__).parents[1] / "docs" / "migrating.md").read_text(encoding="utf-8")
NUMBERS = {
    "classes": 10,
    "depth": 12,
    "factor": 1.5,
    "fan_in": 64,
    "gain": 1.3,
    "groups": 2,
    "high": 0.7,
    "layer": 3,
    "layers": 6,
    "low": -0.2,
    "magnitude": 2.5,
    "mean": 0.1,
    "p": 0.3,
    "scale": 0.7,
    "slope": 0.2,
    "sparsity": 0.6,
    "stddev": 0.4,
    "value": 2.0,
    "width": 0.5,
    "width_mult": 4.0,
}
CLASSES = {name: getattr(initializers, name) for name in initializers.__all__}
NAMES = {**CLASSES, **NUMBERS, "layouts": layouts, "math": math, "np": np, "rules": rules}


def rows():
    section = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            section = line[3:]
        if section and line.startswith("|") and not line.startswith(("| there", "|---")):
            there, here, difference = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            yield section, there, here, difference


ROWS = list(rows())


def code(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_was_read():
    assert len(ROWS) > 150
    sections = set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)) - {"Patterns of parameter names"}
    assert {section for section, *_ in ROWS} == sections


@pytest.mark.parametrize("section, there, here, difference", ROWS)
def test_every_expression_makes_an_initializer(section, there, here, difference):
    (expression,) = code(here)
    assert here == f"`{expression}`"
    assert isinstance(eval(expression, dict(NAMES)), Initializer)


EXPECTED = {
    "Caffe `xavier`": ("uniform", math.sqrt(3 / 30)),
    "Caffe `msra`": ("normal", math.sqrt(2 / 30)),
    '`Xavier("uniform", "avg", magnitude)`': ("uniform", math.sqrt(2.5 / 35)),
    '`Xavier("gaussian", "in", magnitude)`': ("normal", math.sqrt(2.5 / 30)),
    '`MSRAPrelu("avg", 0.25)`': ("normal", math.sqrt(2 / (1 + 0.25**2) / 35)),
    "brainstorm `DenseSqrtFanIn(scale)`": ("uniform", 0.7 / math.sqrt(30)),
    "brainstorm `DenseSqrtFanInOut(scale)`": ("uniform", 0.7 / math.sqrt(70)),
    "Lasagne `HeUniform(gain)`": ("uniform", 1.3 * math.sqrt(3 / 30)),
    "`HeUniform(scale)`": ("uniform", 0.7 * math.sqrt(6 / 30)),
    "`LeCunNormal(scale)`": ("normal", 0.7 / math.sqrt(30)),
    "`GaussianSqrtDim(scale)`": ("normal", 0.7 / math.sqrt(30)),
    "`UniformSqrtDim(scale)`": ("uniform", 0.7 / math.sqrt(30)),
    "`TruncatedGaussianSqrtDim(scale)`": ("truncated_normal", 0.7 / math.sqrt(30)),
    "`TruncatedGaussianSqrtFanOut(scale)`": ("truncated_normal", 0.7 / math.sqrt(40)),
    "`GeoMeanXavier(scale)`": ("uniform", 0.7 * math.sqrt(3 / math.sqrt(30 * 40))),
    "`UniformSqrtFanAvg(scale)`": ("uniform", math.sqrt(6 * 0.7 / 70)),
    "`XavierWithFixupParams(scale, depth, layers)`": ("uniform", 0.7 * 12 ** (-1 / 12) * math.sqrt(6 / 70)),
    "`KaimingUniformFanInLeakyRelu()`": ("uniform", math.sqrt(6 / (1 + 5) / 30)),
    "tinygrad `scaled_uniform`": ("uniform", 1200**-0.5),
    "flashlight `kaimingUniform`": ("uniform", math.sqrt(3 / 30)),
    "AXLearn `truncated_normal(stddev)`": ("truncated_normal", 0.4 / 0.87962566103423978),
    "mmengine `Kaiming()`": ("normal", math.sqrt(2 / 40)),
    "PyG `glorot(w)`": ("uniform", math.sqrt(6 / 70)),
    "Equinox, biases": ("uniform", 1 / 8),
}
"""The distribution for 30 inputs and 40 outputs: half its width, or its stddev before truncation."""


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_distribution_is_that_of_the_formula(name):
    (expression,) = {here.strip("`") for _, there, here, _ in ROWS if there == name}
    kind, number = EXPECTED[name]
    distribution = eval(expression, dict(NAMES)).describe((30, 40)).distribution
    assert distribution.name == kind
    assert (distribution.high if kind == "uniform" else distribution.stddev) == pytest.approx(number, rel=1e-12)


def test_tinygrad_counts_taps_among_the_inputs_alone():
    ((expression,),) = (code(here) for _, there, here, _ in ROWS if there.endswith("kernels"))
    distribution = eval(expression, dict(NAMES)).describe((40, 30, 3, 3), axes=None).distribution
    assert distribution.high == pytest.approx(math.sqrt(6 / (40 + 30 * 9)))


def compare(ours, theirs):
    """Compare 120,000 values: mean and stddev within five standard errors or so, and the ends of a bounded one."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    spread = max(theirs.std(), 1e-12)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02 * spread)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert np.quantile(ours, [0.001, 0.999]) == pytest.approx(np.quantile(theirs, [0.001, 0.999]), abs=0.2 * spread)
    assert np.count_nonzero(ours == 0) == pytest.approx(np.count_nonzero(theirs == 0), abs=1)


def pairs(section, word):
    """Return the rows of a section whose left side begins with code of the form `word`."""
    found = [(there, here) for name, there, here, _ in ROWS if name == section and re.match(f"`{word}", there)]
    return [(code(there)[0], code(here)[0]) for there, here in found]


TORCH = pairs("torch.nn.init", r"\w+_\(")
JAX = pairs("jax.nn.initializers, Flax", r"\w+\(")


def test_rows_to_compare_are_found():
    assert (len(TORCH), len(JAX)) == (16, 11)


@pytest.mark.skipif(not installed("torch"), reason="needs torch")
@pytest.mark.parametrize("there, here", TORCH)
def test_beside_torch(there, here):
    torch = peer("torch")
    torch.manual_seed(3)
    kernel = there.startswith("dirac_")
    shape, axes = ((8, 3, 5, 5), "o i h w") if kernel else ((300, 400), "o i")
    names = {**NUMBERS, "w": torch.empty(shape), "kernel": torch.empty(shape)}
    theirs = eval(there, {**vars(torch.nn.init), **names})
    ours = eval(here, dict(NAMES))(shape, "float32", axes=axes, backend="numpy")
    compare(ours, theirs.numpy())
    if there.startswith("sparse_"):
        assert (np.count_nonzero(ours == 0, axis=0) == (theirs.numpy() == 0).sum(axis=0)).all()


@pytest.mark.skipif(not installed("jax"), reason="needs jax")
@pytest.mark.parametrize("there, here", JAX)
def test_beside_jax(there, here):
    jax = peer("jax")
    shape = (3, 3, 200, 300) if there.startswith("delta") else (300, 400)
    theirs = eval(there, {**vars(jax.nn.initializers), **NUMBERS})(jax.random.key(3), shape)
    compare(eval(here, dict(NAMES))(shape, "float32", backend="numpy"), theirs)


@pytest.mark.skipif(not installed("flax"), reason="needs flax")
def test_beside_flax():
    jax, embed = peer("jax"), peer("flax.linen.linear").default_embed_init
    (here,) = (code(here)[0] for _, there, here, _ in ROWS if there == "Flax's `default_embed_init`")
    compare(eval(here, dict(NAMES))((300, 400), "float32", backend="numpy"), embed(jax.random.key(3), (300, 400)))
