"""Write the known answers of stream v1 as lines for `check.c`: ``python answers.py | ./check``.

A line is a word and numbers, in hexadecimal where they are bit patterns:

    stream  number  parts, each "s" and the bytes of a string or "i" and an integer
    word  seed stream index  the words of both planes
    value  kind dtype  two parameters, lower, upper, first, width  seed stream index  bits
    orthogonal  rows columns gain  seed stream first  for each of some elements its row, its column and the bits
    unitary  the same, with the stream of the imaginary parts before `first`, and the bits of both parts
    prepared  kind dtype  two parameters, lower, upper, first, width  the fields of the distribution
"""

import json
import math
import struct
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np

from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.exact.windows import window
from oneseed_numpy import kernel

DATA = files("oneseed.stream") / "data"
VECTORS = json.loads((DATA / "vectors.json").read_text())
NORMALS = [(params["mean"], params["stddev"]) for params in VECTORS["normal_params"]]
BOUNDS = {"truncated_pm2": (-2.0, 2.0), "truncated_m1_p3": (-1.0, 3.0)}
NARROW = {"float16": (10, 15, 16), "bfloat16": (7, 127, 16), "float8_e4m3fn": (3, 7, 8), "float8_e5m2": (2, 15, 8)}
"""Fraction bits, bias of the exponent, all bits."""

KINDS = kernel.KINDS | {"truncated": 2}


def rounded(value: float, dtype: str) -> int:
    """Return the bits of the nearest number of a narrow dtype, ties to even, for values that it can hold."""
    fraction, bias, size = NARROW[dtype]
    exponent = max(math.frexp(abs(value))[1] - 1, 1 - bias) if value else 1 - bias
    whole = round(abs(value) * 2.0 ** (fraction - exponent))  # may reach the next exponent, as bits do too
    return (exponent + bias - 1 << fraction) + whole | (math.copysign(1, value) < 0) << size - 1


def kind_of(name: str) -> tuple[str, tuple[float, float], list[tuple[float, float]]]:
    """Return the kind of values of `vectors.json`, the bounds in standard deviations, and the parameters."""
    if name == "uniform":
        return name, (0.0, 0.0), [tuple(bounds) for bounds in VECTORS["uniform_params"]]
    return ("normal", (0.0, 0.0), NORMALS) if name == "normal" else ("truncated", BOUNDS[name], NORMALS)


def described(kind: str, dtype: str, params: tuple[float, float], bounds: tuple[float, float]) -> str:
    """Return the description of a distribution."""
    cut = window(*bounds, 64 if dtype == "float64" else 32) if kind == "truncated" else (0, 0)
    numbers = " ".join(float(number).hex() for number in (*params, *bounds))
    return f"{KINDS[kind]} {kernel.DTYPES[dtype]} {numbers} {cut[0]} {cut[1]}"


def values() -> Iterator[str]:
    """Return the lines with values."""
    for row in VECTORS["rows"]:
        at = f"{row['seed']} {row['stream']} {row['index']}"
        yield f"word {at} {row['word']:x} {row['word_plane1']:x}"
        yield f"value {KINDS['integers']} {kernel.DTYPES['int32']} 0 0 0 0 0 10 {at} {row['integers_0_10']:x}"
        for dtype in ("float32", "float64"):
            for name, patterns in row[dtype].items():
                kind, bounds, parameters = kind_of(name)
                for params, pattern in zip(parameters, patterns, strict=True):
                    yield f"value {described(kind, dtype, params, bounds)} {at} {pattern}"
        for params, pattern in zip(NORMALS, row["float32"]["normal"], strict=True):
            (single,) = struct.unpack(">f", bytes.fromhex(pattern))
            for dtype in NARROW:
                yield f"value {described('normal', dtype, params, (0.0, 0.0))} {at} {rounded(single, dtype):x}"


def paths() -> Iterator[str]:
    """Return the lines with streams."""
    for row in VECTORS["rows"]:
        parts = (f"s{part.encode().hex()}" if isinstance(part, str) else f"i{part}" for part in row["path"])
        yield " ".join(["stream", str(row["stream"]), *parts])


def matrices() -> Iterator[str]:
    """Return the lines with orthogonal matrices."""
    for case in json.loads((DATA / "orthogonal.json").read_text()):
        rows, columns = case["rows"], case["columns"]
        elements = (str(part) for element in case["elements"] for part in element)
        word, imaginary = ("unitary", f" {case['imaginary']}") if case["imaginary"] else ("orthogonal", "")
        at = f"{case['seed']} {case['stream']}{imaginary} {case['number'] * rows * columns}"
        yield " ".join([f"{word} {rows} {columns} {case['gain'].hex()} {at}", *elements])


def prepared() -> Iterator[str]:
    """Return the lines with prepared distributions, of numbers that are not exact in every dtype."""
    random = np.random.default_rng(7)
    for dtype in ("float32", "float64", *NARROW):
        for case in range(200):
            spread = float(2.0 ** random.uniform(-20, 3))
            mean = float(random.choice([0.0, 1.0, -3.0, random.normal()]))
            distributions: dict[str, Any] = {
                "normal": Normal(mean, spread),
                "truncated": TruncatedNormal(mean, spread, *((-2.0, 2.0) if case % 2 else (-1.25, 0.5))),
                "uniform": Uniform(mean - spread, mean + spread),
            }
            for kind, distribution in distributions.items():
                params = (distribution.low, distribution.high) if kind == "uniform" else (mean, spread)
                bounds = (distribution.lower, distribution.upper) if kind == "truncated" else (0.0, 0.0)
                fields = kernel.DISTRIBUTION.unpack(kernel.packed(distribution, dtype))
                real = " ".join(struct.pack(">d", number).hex() for number in fields[4:8])
                yield f"prepared {described(kind, dtype, params, bounds)} {fields[2]} {real} {fields[8]} {fields[9]}"
    for low, high, dtype in ((0, 2**32, "uint32"), (-5, 6, "int8"), (-(2**63), 5 - 2**63, "int64")):
        fields = kernel.DISTRIBUTION.unpack(kernel.packed(Integers(low, high), dtype))
        numbers = f"{low % 2**64} {high - low}"
        yield f"prepared {KINDS['integers']} {kernel.DTYPES[dtype]} 0 0 0 0 {numbers} 0 0 0 0 0 {numbers}"


if __name__ == "__main__":
    for lines in (paths(), values(), matrices(), prepared()):
        print("\n".join(lines))
