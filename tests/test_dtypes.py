"""The known answers of complex and 8-bit dtypes, made a second time by the slow reference."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import reference

import oneseed
from oneseed.dtypes import numpy_dtype

ROWS = json.loads((Path(__file__).parent / "known_answers" / "dtypes.json").read_text(encoding="utf-8"))
PM2 = 0.87962566103423975041
PARTS = {"complex64": "float32", "complex128": "float64"}


def scaled(variance, kind):
    """An element of variance scaling, for the variance of one part."""
    if kind == "uniform":
        limit = math.sqrt(3 * variance)
        return lambda *at: reference.uniform(*at[:3], -limit, limit, at[3])
    return lambda *at: reference.truncated_normal(*at[:3], 0.0, math.sqrt(variance) / PM2, at[3])


def part_of(row, imaginary, fan_in, fan_out):
    """Return what makes the real or the imaginary part: from seed, stream, index and dtype to a number."""
    config, share = row["initializer"]["config"], 2 if row["dtype"] in PARTS else 1
    match row["initializer"]["class_name"]:
        case "HeNormal":
            return scaled(2 / fan_in / share, "truncated_normal")
        case "LecunUniform":
            return scaled(1 / fan_in / share, "uniform")
        case "GlorotUniform":
            return scaled(2 / (fan_in + fan_out) / share, "uniform")
        case "RandomUniform":
            return lambda *at: reference.uniform(*at[:3], config["minval"], config["maxval"], at[3])
        case "RandomNormal" | "TruncatedNormal" as name:
            mean = config["mean"]
            parts = (mean, 0.0) if isinstance(mean, float) else mean["config"]["value"]
            stddev = config["stddev"] / math.sqrt(share)
            draw = reference.normal if name == "RandomNormal" else reference.truncated_normal
            return lambda *at: draw(*at[:3], parts[imaginary], stddev, at[3])


# Orthogonal matrices, which are made as a whole, have a definition of their own in test_orthogonal.py.
ELEMENTWISE = [row for row in ROWS if row["initializer"]["class_name"] != "Orthogonal"]


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row["fingerprint"])
def test_known_answers_are_the_definition(row):
    shape, axes, dtype = row["shape"], row.get("axes"), row["dtype"]
    names = [name[0] for name in axes.split()] if axes else ["k"] * (len(shape) - 2) + ["i", "o"]
    fan_in, fan_out = (
        math.prod(size for size, name in zip(shape, names, strict=True) if name in end) for end in ("ik", "ok")
    )
    seed, path = row["initializer"]["config"]["seed"], tuple(row.get("path", ()))
    streams = [reference.stream_of(path), reference.stream_of((*path, "imag"))][: 2 if dtype in PARTS else 1]
    makers = [part_of(row, which, fan_in, fan_out) for which in range(len(streams))]
    expected = np.empty(shape, numpy_dtype(dtype))
    for at in itertools.product(*map(range, shape)):
        i = reference.logical_index(shape, axes, at)
        parts = [make(seed, stream, i, PARTS.get(dtype, dtype)) for make, stream in zip(makers, streams, strict=True)]
        expected[at] = complex(*parts) if dtype in PARTS else parts[0]
    assert oneseed.fingerprint(expected) == row["fingerprint"]
