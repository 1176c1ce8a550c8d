"""The JavaScript of the page "Try it" gives the known answers of stream v1 and Python's values."""

import importlib.resources
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import REQUIRED

import oneseed
from oneseed import initializers

sys.path.insert(0, str(Path(__file__).parent / "tools"))
import make_try_tables

CHECK = Path(__file__).parent / "tools" / "check_javascript.mjs"

VECTORS = importlib.resources.files("oneseed.stream") / "data" / "vectors.json"
ANSWERS = Path(__file__).parent / "known_answers"
DTYPES = ("float32", "float16", "bfloat16", "float64", "float8_e4m3fn", "float8_e5m2")
NAMES = {"RandomNormal", "TruncatedNormal", "RandomUniform", "VarianceScaling", "Zeros", "Ones", "Constant", "Identity"}
NAMES |= {f"{author}{kind}" for author in ("Glorot", "He", "Lecun") for kind in ("Normal", "Uniform")}
KEYS = {"mean", "stddev", "lower", "upper", "minval", "maxval", "scale", "mode", "distribution", "nonlinearity"}
KEYS |= {"value", "gain", "shift"}
"""The initializers and the arguments that the page has."""


def case(name, given, shape, known, *, seed=0, path=(), axes=None, dtype="float32"):
    path = [part if isinstance(part, str) else [str(part)] for part in path]
    keys = {"name": name, "given": given, "shape": shape, "seed": str(seed), "path": path, "axes": axes}
    return {**keys, "dtype": dtype, "known": known}


OF_PARITY = {
    "random_normal": ("RandomNormal", {"mean": 0.25, "stddev": 0.5}, 1, (37, 41), None),
    "random_uniform": ("RandomUniform", {"minval": -0.5, "maxval": 2.0}, 2, (37, 41), None),
    "truncated_normal": ("TruncatedNormal", {"mean": -1.0, "stddev": 0.5}, 3, (37, 41), None),
    "variance_scaling": (
        *("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"}),
        *(4, (37, 41), "o i"),
    ),
    "glorot_normal": ("GlorotNormal", {}, 5, (37, 41), "i o"),
    "glorot_uniform": ("GlorotUniform", {}, 6, (37, 41), "o i"),
    "he_normal": ("HeNormal", {}, 7, (3, 3, 19, 23), "h w i o"),
    "he_uniform": ("HeUniform", {}, 8, (23, 19, 3, 3), "o i h w"),
    "lecun_normal": ("LecunNormal", {}, 2**64 - 1, (5, 19, 23), "e i o"),
    "lecun_uniform": ("LecunUniform", {}, 2**32, (1511,), None),
    "zeros": ("Zeros", {}, 0, (37, 41), None),
    "ones": ("Ones", {}, 0, (37, 41), None),
    "identity": ("Identity", {"gain": 0.7}, 0, (37, 41), None),
}
"""The draws of `oneseed parity` that the page can make."""


def known_answers():
    """Return the fingerprints of the package's known answers that the page can draw."""
    fingerprints = json.loads((VECTORS.parent / "fingerprints.json").read_text())
    for key, (name, given, seed, shape, axes) in OF_PARITY.items():
        for dtype in DTYPES[:4]:
            yield case(name, given, shape, fingerprints[key][dtype], seed=seed, axes=axes, dtype=dtype)
    for file in sorted(ANSWERS.glob("*.json")):
        for row in json.loads(file.read_text()):
            name, given = row["initializer"]["class_name"], dict(row["initializer"]["config"])
            seed = given.pop("seed", 0)
            if name in NAMES and set(given) <= KEYS and row["dtype"] in DTYPES:
                rest = {key: row[key] for key in ("path", "axes", "dtype") if key in row}
                # Six to eight standard deviations leave so few integers that 64 bits are drawn, which the page refuses,
                # as it does windows of 64 bits but for two standard deviations on both sides.
                windows = {2.0} if row["dtype"] == "float64" else {2.0, 3.0}
                known = row["fingerprint"] if given.get("upper", 2.0) in windows else None
                yield case(name, given, row["shape"], known, seed=seed, **rest)


TIES = (1 + 2**-8 + 2**-30, 1 + 2**-11 + 2**-30)
"""Just above a tie of bfloat16, and of float16: rounded to float32 first, they are one."""

ARGUMENTS = {
    "RandomNormal": lambda r: {
        "mean": r.choice([0.0, -0.0, 1.0, r.uniform(-9, 9)]),
        "stddev": 2.0 ** r.uniform(-12, 3),
    },
    "TruncatedNormal": lambda r: {
        "mean": r.choice([0.0, r.uniform(-9, 9)]),
        "stddev": r.choice([0.0, 1e-3, 3e-8, r.uniform(0, 9)]),
        "lower": r.choice([-2.0, -3.0, -0.5, -9.0, r.uniform(-4, 0)]),
        "upper": r.choice([2.0, 3.0, 0.5, 9.0, r.uniform(0.1, 4)]),
    },
    "RandomUniform": lambda r: {
        "minval": r.choice([-1.0, -1e-4, -1e-8, -0.0, 1.0, r.uniform(-9, 0)]),
        "maxval": r.choice([1.0, *TIES, 1e-4, 0.0, 1e-8, r.uniform(0, 9)]),
    },
    "VarianceScaling": lambda r: {
        "scale": r.uniform(0.1, 9),
        "mode": r.choice(["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]),
        "distribution": r.choice(["truncated_normal", "untruncated_normal", "uniform"]),
        "nonlinearity": r.choice(["linear", "relu", "tanh", "selu"]),
    },
    "Constant": lambda r: {"value": r.choice([0.1, -0.0, *TIES, r.uniform(-9, 9)])},
    "Identity": lambda r: {"gain": r.choice([1.0, *TIES]), "shift": r.randrange(-9, 9)},
}
SHAPES = [((), None), ((7,), None), ((5, 9), None), ((5, 9), "o i"), ((4, 3, 2, 3), "o i h w"), ((3, 2, 5), "i b o")]
PATHS = [(), ("",), ("encoder/kernel",), ("b", 3, "näh 🧵"), (2**64 - 1, "x" * 119), ("x" * 120,), (0, "x" * 300)]


def random_cases(count=400):
    """Return draws with arguments at random, and what Python makes of them."""
    r = random.Random(7)
    for _ in range(count):
        name = r.choice(sorted(NAMES))
        given = ARGUMENTS.get(name, lambda _: {})(r)
        (shape, axes), path, dtype = r.choice(SHAPES), r.choice(PATHS), r.choice(DTYPES)
        if dtype == "float64" and name == "TruncatedNormal":
            given = {key: given[key] for key in ("mean", "stddev")}
        if given.get("minval", 0.0) > given.get("maxval", 1.0):
            given["maxval"] = given["minval"]
        if name == "Identity":
            shape, axes = (r.randrange(1, 9), r.randrange(1, 9)), r.choice([None, "o i"])
        seed = r.choice([0, 7, 2**32, 2**64 - 1, r.randrange(2**64)])
        seeded = {} if name in {"Zeros", "Ones", "Constant", "Identity"} else {"seed": seed}
        drawn = getattr(initializers, name)(**given, **seeded)(shape, dtype, axes=axes, path=path, backend="numpy")
        yield case(name, given, shape, oneseed.fingerprint(drawn), seed=seed, path=path, axes=axes, dtype=dtype)


@pytest.fixture(scope="module")
def node():
    found = shutil.which("node")
    assert found or "node" not in REQUIRED, "node is not installed, though this session must test it"
    return found or pytest.skip("needs Node.js")


@pytest.mark.parametrize("bits", [32, 64])
def test_the_table_of_the_page_is_that_of_the_package(bits):
    written = make_try_tables.FILES[bits].read_text(encoding="utf-8")
    assert written == make_try_tables.source(bits), "run: python tests/tools/make_try_tables.py"


@pytest.mark.parametrize("made, least", [(known_answers, 45), (random_cases, 400)], ids=["known", "random"])
def test_values_in_javascript(node, made, least):
    cases = list(made())
    assert len(cases) >= least
    command = [node, str(CHECK), str(VECTORS)]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, encoding="utf-8", check=False)
    # 132 rows of 36 numbers, and 3 more, are in the vectors.
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [f"{4755 + len(cases)} compared, 0 different"]), (
        done.stdout + done.stderr
    )
