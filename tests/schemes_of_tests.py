"""Schemes and parameters for tests, and what becomes of them."""

import oneseed
from oneseed import KEEP, Parameter, Rule, Scheme
from oneseed.initializers import GlorotUniform, Identity, TruncatedNormal
from oneseed.models.fill import run


def made(scheme, params, seed=7, **arguments):
    """Initialize with NumPy: what every backend does, in two lines."""
    engine = oneseed.registry.load("numpy")
    values = {}
    run(
        scheme.plan(params, **arguments).draws(seed),
        lambda entry, draw: values.update({entry.name: engine.draw(draw)}),
    )
    return values


def floats(**shapes):
    return {name.replace("__", "."): Parameter(shape, "float32") for name, shape in shapes.items()}


# Plans ----------------------------------------------------------------------------------------------------------------


def scheme_of(**rule):
    """Return a stored scheme of one rule."""
    return {"format": "oneseed.scheme", "version": 1, "rules": [{"pattern": "*", "initializer": "zeros", **rule}]}


MIXED = Scheme(
    [
        Rule("*.norm", "ones"),
        Rule("cut", TruncatedNormal(stddev=2.0)),
        Rule("eye", Identity()),
        Rule("old", KEEP),
        Rule("*w", GlorotUniform()),
    ]
)
PARAMS = {
    "a.norm": Parameter((5,), "float16"),
    "cut": Parameter((2, 3), "float64"),
    "eye": Parameter((4, 4), "float32"),
    "old": Parameter((9,), "int64"),
    "w": Parameter((3, 3, 4, 8), "bfloat16", "h w i o"),
    "what": Parameter((1,), "float32"),
}
