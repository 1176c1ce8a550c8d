"""A small model for tests of checkpoints: every dtype that files hold, every way in which a tensor is made."""

import hashlib

import numpy as np

import oneseed
from oneseed import Parameter, Rule, Scheme, registry
from oneseed.checkpoint import headers
from oneseed.dtypes import numpy_dtype

PARAMS = {
    "embed.weight": Parameter((50, 24), "float32", "b o"),
    "h.0.w": Parameter((40, 24), "bfloat16", "o i"),
    "h.0.b": Parameter((40,), "float32"),
    "h.0.conv.w": Parameter((8, 6, 3, 2), "float16", "o i h w"),
    "h.1.w": Parameter((24, 40), "float8_e4m3fn", "o i"),
    "h.1.e": Parameter((3, 40, 24), "float8_e5m2", "e o i"),
    "h.1.q": Parameter((24, 24), "float32", "o i"),
    "h.1.c": Parameter((7, 5), "complex64", "o i"),
    "h.1.b": Parameter((24,), "float64"),
    "norm.w": Parameter((24,), "float32"),
    "ids": Parameter((9, 2), "int32"),
    "mask": Parameter((3,), "bool"),
    "gate.r": Parameter((6, 4), "float32", "o i"),
    "sign.s": Parameter((4, 9), "float32", "o i"),
    "step": Parameter((), "int64"),
    "none": Parameter((0, 3), "float32"),
}
TIED = {"head.weight": "embed.weight"}

SCHEME = Scheme(
    [
        Rule("*.b", "zeros"),
        Rule("norm.*", "ones"),
        Rule("*.q", "orthogonal"),
        Rule("ids", oneseed.initializers.UniformInt(0, 1000)),
        Rule("mask", "ones"),
        Rule("step", oneseed.initializers.Constant(3)),
        Rule("gate.*", oneseed.initializers.Constant(np.arange(4.0))),
        Rule("sign.*", oneseed.initializers.RandomSign()),
        Rule(r"(embed|head)\.weight", oneseed.initializers.RandomNormal(0.0, 0.02, seed=5), regex=True),
        Rule("*", "he_normal"),
    ]
)


def row(name, param):
    """Return the row of a parameter in a list of them, as files give it."""
    tied = [alias for alias, first in TIED.items() if first == name]
    return {
        "name": name,
        "shape": list(param.shape),
        "dtype": param.dtype,
        **({"axes": param.axes} if param.axes else {}),
        **({"tied": tied} if tied else {}),
    }


ROWS = [row(name, param) for name, param in PARAMS.items()]


def plan(scheme=SCHEME, params=PARAMS, tied=TIED):
    """Return the plan."""
    return scheme.plan(params, tied=tied)


def values(seed=7, of=None):
    """Return what each tensor must be, made as a whole."""
    return {entry.name: registry.load("numpy").draw(draw) for entry, draw in (of or plan()).draws(seed)}


def stored(folder):
    """Return the tensors of all files, read by their offsets."""
    found = {}
    for path in folder.glob("*.safetensors"):
        header = headers.read(path)
        data = path.read_bytes()[header.size :]
        for name, (dtype, shape, start, end) in header.tensors.items():
            found[name] = np.frombuffer(data[start:end], numpy_dtype(headers.NAMES[dtype])).reshape(shape)
    return found


def digests(folder):
    """Return a digest of each file in a folder, hidden ones too."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
