"""Draws that the tests of several backends make."""

from oneseed.distributions import Normal, TruncatedNormal, Uniform

DISTRIBUTIONS = [
    Normal(),
    Normal(0.3, 0.02),
    TruncatedNormal(),
    TruncatedNormal(-5.0, 0.01, -1.0, 3.0),
    Uniform(-0.1, 0.1),
    Uniform(2.0, 3.0),
]

LIMITS = [
    ("int8", -128, 128),
    ("uint8", 3, 200),
    ("int16", -5, 9),
    ("uint16", 1, 60000),
    ("int32", -(2**31), 2**31),
    ("uint32", 0, 2**32),
    ("int64", -(2**63), -(2**63) + 2**32),
    ("uint64", 2**64 - 50, 2**64),
]
"""Integer dtypes with bounds of a draw, some as far as they go."""
