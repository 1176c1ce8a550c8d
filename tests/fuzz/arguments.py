"""Random arguments by their names: valid ones, nearly valid ones, and those that no argument accepts."""

import math

import numpy as np
from absurd import ABSURD, Indexed

import oneseed
from oneseed import initializers as I
from oneseed.initializers import known

NAN, INF = math.nan, math.inf

SHAPES = [
    (),
    (1,),
    (0,),
    (4,),
    (3, 5),
    (8, 8),
    (5, 3),
    (3, 0),
    (2, 3, 4),
    (3, 3, 2, 4),
    (1, 1, 4, 4),
    (2, 2, 2, 2, 2),
    [2, 3],
    (64, 64),
    (4, 1, 3),
]
SHAPES += [np.array([3, 4]), (np.int64(2), 3), range(1, 4), (1,) * 8, (1,) * 64, (12,), (16, 16), (24, 24)]
AXES = [
    None,
    None,
    None,
    "i o",
    "o i",
    "o i h w",
    "h w i o",
    "e i o",
    "b o",
    "i",
    "o",
    "h w",
    "i1 i2 o",
    "g i o",
    "",
    "i i",
    "1 o",
    "o  i",
    "é o",
]
DTYPES = [
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "float8_e4m3fn",
    "float8_e5m2",
    "complex64",
    "complex128",
    "int8",
    "int32",
    "int64",
]
DTYPES += [
    "uint8",
    "uint64",
    "bool",
    None,
    None,
    "half",
    "<f4",
    np.float32,
    np.dtype("f8"),
    float,
    int,
    bool,
    complex,
    "Float32",
    "f4,f4",
    "O",
]
PATHS = [
    None,
    None,
    "w",
    "a/b",
    ("a", 3, "b"),
    ["x"],
    (),
    0,
    ("a", -1),
    ("a", 2**64),
    ("a", 1.5),
    ("\ud800",),
    np.array(["a"]),
    (True,),
]
SEEDS = [
    None,
    0,
    1,
    7,
    2**32,
    2**64 - 1,
    np.int64(3),
    np.uint64(2**63),
    2**64,
    -1,
    1.0,
    "7",
    True,
    np.array(3),
    np.array([1, 2]),
    Indexed(5),
]
NUMBERS = [
    0,
    1,
    2,
    0.5,
    1.0,
    0.1,
    3,
    -1.0,
    0.0,
    1e-3,
    1e3,
    np.float32(0.25),
    np.array(2.0),
    -0.0,
    1e-45,
    1e300,
    1e-300,
    10**20,
    2**0.5,
]
COUNTS = [0, 1, 2, 3, 4, 5, 8, 16, 64, -1, 2**31, np.int64(2)]
EXAMPLES = [entry for entry in known.entries().values() if entry.cls is not I.FromFile]
NAMES = [entry.name for entry in EXAMPLES]
INITIALIZERS = [
    "zeros",
    "he_normal",
    "orthogonal",
    "ones",
    {"class_name": "RandomNormal", "config": {"stddev": 0.1}},
    I.Zeros,
    I.RandomUniform,
]

BY_NAME = {
    "shape": SHAPES,
    "partition_shape": [None, None, None, *SHAPES[:9]],
    "partition_offset": [None, None, None, (0,), (0, 0), (1, 1), (0, 0, 0), (2,), ()],
    "size": [2, 3, (2, 3), 0, np.int64(4), (2, 3, 4), -1],
    "axes": AXES,
    "dtype": DTYPES,
    "path": PATHS,
    "seed": SEEDS,
    "backend": [None, "numpy", "numpi", 3],
    "device": [None, None, "cpu", "gpu", 3],
    "mode": ["fan_in", "fan_out", "fan_avg", "fan_geo_avg", "lstm", "gru", "rnn_tanh", "fan"],
    "distribution": ["normal", "uniform", "truncated_normal", "untruncated_normal", "Normal", "gauss"],
    "nonlinearity": [None, "relu", "tanh", "selu", "leaky_relu", "linear", "conv2d", "gelu"],
    "bounds": ["sigma", "absolute", "sigmas"],
    "std": [None, "before", "after", "post"],
    "lower": [-2.0, -3, -INF, 0, 1.0, -1e-6, 4.5, -0.5, -9, 2],
    "upper": [2.0, 3, INF, 0, 1.0, 1e-6, 6, 0.5, 9, -1],
    "initializer": INITIALIZERS,
    "initializers": [["zeros", "he_normal"], ["ones"], "zeros", [], ["he_normal"] * 3, [3], {"a": "zeros"}],
    "identifier": [*NAMES, "HeNormal", "xavier_uniform", "nonsense", {"class_name": "HeNormal"}, np.eye(2), I.HeNormal],
    "sizes": [[2, 2], [1], [4, 4, 4], [], [0, 4], [-1, 5], 3],
    "names": [
        None,
        ["a", "b"],
        ["q"],
        ["a", "a"],
        {"a": "b"},
        [("a", "b")],
        [("(a)", r"\1x")],
        [("a", r"\9")],
        [("(", "a")],
        str.upper,
    ],
    "axis": [-1, 0, 1, 2, -2, 64, 63, -64],
    "groups": COUNTS,
    "layer": [None, 0, 1, 5, "dense", "linear", "conv2d", "embedding", "conv2d_transpose", "attention_in", "conv9d"],
    "framework": ["keras", "torch", "flax", "jax"],
    "equation": [
        "abc,cd->abd",
        "abc,cde->abde",
        "bti,tio->bto",
        "...x,xy->...y",
        "ab",
        "a,a->a",
        "",
        "ab,bc",
        "a1,1b->ab",
    ],
    "framework_": ["keras"],
    "config": [{}, {"seed": 3}, {"seed": None}, {"a": 1}, {"name": "x"}],
    "x": [np.ones((2, 3)), np.zeros(3, "int8"), [1, 2], 3, "a", np.eye(2)],
    "value": [0, 1.5, [1, 2, 3], np.eye(2), 2j, True, [[1], [2]], "a", None, 1e300, NAN, np.arange(4)],
    "window": ["hann", "hamming", None, [1, 2, 3], "nonsense", np.ones(8), [0, 0]],
    "pattern": ["*", "*.bias", r"layers\.\d+\..*", "[", "(", "a{3}", "(?=a)", "(a|b)*", "[a-z]+", "", "**"],
    "regex": [False, True, 1, None],
    "rules": [[], [oneseed.Rule("*", "zeros")], [oneseed.Rule("a", "he_normal"), oneseed.Rule("*", "ones")], ["*"], 3],
    "otherwise": [None, oneseed.KEEP, "zeros", "nonsense", I.HeNormal(3)],
    "text": [
        "{}",
        "[",
        "",
        "a = 1",
        '{"format": "oneseed.scheme", "version": 1, "rules": []}',
        "[" * 50_000,
        "{" * 50_000,
        "a=" + "[" * 50_000,
    ],
    "params": [
        {},
        {"a": oneseed.Parameter((2, 3), "float32")},
        {"a": np.ones((2, 2))},
        {"a": 3},
        {3: np.ones(2)},
        {"a": oneseed.Parameter((2,), "m8[Y/0]")},
    ],
    "tied": [None, {"b": "a"}, {"a": "a"}, [("a", "b")], {"b": ["a"]}],
    "package": ["Fuzz", "", "a>b"],
    "floatx": [None, "float32", "float16", "int8"],
    "rng": [None, "portable", "native", "fast"],
    "weights": [{}, {"w": np.ones((4, 4))}, {"w": np.ones(4, "int8")}, {"w": 3}],
    "gates": ["ifco", "ifgo", "i", "", "aaaa", 3],
    "per": ["output", "input", "row"],
    "base": ["orthogonal", "he_normal", "zeros", I.Orthogonal(3)],
    "side": ["real", "imag", "left"],
    "scaling": [None, "density", "spectrum", "x"],
    "method": [None, "legs", "legt", "foo"],
    "path_": [None],
    "name": [None, "a", "w", ""],
    "custom_objects": [None, {}, {"HeNormal": I.Zeros}],
    "target": ["oneseed_numpy:backend", "nonsense", "a:b", lambda: None],
}
"""Arguments that may be right, with some that are not; others by name are numbers."""

INTEGERS = (
    "layers",
    "blocks",
    "order",
    "units",
    "size",
    "count",
    "connections",
    "neighbors",
    "clusters",
    "num_",
    "residuals",
    "dims",
    "rank",
    "fan",
    "iterations",
    "shift",
    "stride",
)


class Values:
    """A source of random arguments."""

    def __init__(self, random):
        self.random = random

    def one(self, name):
        """Return a value for the argument of a name."""
        if self.random.random() < 0.07:
            return self.random.choice(ABSURD)
        pool = BY_NAME.get(name)
        if pool is None:
            pool = COUNTS if any(word in name for word in INTEGERS) else NUMBERS
        if name == "seed" and self.random.random() < 0.2:
            return oneseed.SeedGenerator(7)
        return self.random.choice(pool)
