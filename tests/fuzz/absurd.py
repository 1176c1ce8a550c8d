"""What no argument accepts, and what is almost what one accepts."""

import math

import numpy as np

import oneseed
from oneseed import initializers as I

NAN, INF = math.nan, math.inf


class Odd:
    """An object with nothing that an argument needs."""

    def __repr__(self):
        return "<odd>"


class Indexed:
    """An object that is an integer to Python, and to nobody else."""

    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number


def nested(levels, innermost, wrap):
    for _ in range(levels):
        innermost = wrap(innermost)
    return innermost


ABSURD = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, -(2**63), 2**31, 2**32, 2**63, 2**64, 10**30, 10**400, 10**5000),
    *(0.0, -0.0, 0.5, 1.0, -1.5, 5e-324, 1e-310, 1e-45, 1e38, 3.5e38, 1e300, 1.8e308, NAN, INF, -INF),
    *(
        1j,
        complex(NAN, 0),
        complex(1e300, 1e300),
        "",
        " ",
        "a",
        "o i",
        "he_normal",
        "zeros",
        "float32",
        "m8[Y/0]",
        "\x00",
        "\ud800",
    ),
    *(
        "i4, (2",
        "[" * 1000,
        "x" * 5000,
        "nan",
        "1e400",
        "é",
        "oneseed>he_normal",
        "..",
        "/",
        "a.npy",
        "a.safetensors",
        "*",
        "(?P<",
    ),
    *(
        b"",
        b"float32",
        bytearray(3),
        (),
        (2,),
        (2, 3),
        (0,),
        (2, -1),
        (2.0, 3),
        (True, 2),
        (1,) * 64,
        (1,) * 65,
        (2**62, 4),
    ),
    *(
        [],
        [1, 2],
        [[1, 2], [3]],
        [None],
        ["a", 3],
        [[]],
        {},
        {"a": 1},
        {1: 2},
        {"class_name": "Zeros"},
        {"class_name": 3},
    ),
    *(
        {"class_name": "HeNormal", "config": {"seed": -1}},
        {"class_name": "Scaled", "config": {}},
        {"config": {}},
        set(),
        {1, 2},
    ),
    *(
        range(3),
        range(0),
        slice(2),
        ...,
        NotImplemented,
        object,
        int,
        float,
        str,
        type,
        np.float32,
        np.str_,
        np.void,
        len,
        print,
    ),
    *(
        np.float32(1),
        np.float64(NAN),
        np.int8(3),
        np.uint64(2**63),
        np.bool_(True),
        np.str_("a"),
        np.datetime64("2020"),
        np.timedelta64(3),
    ),
    *(
        np.array(1.0),
        np.array([1.0]),
        np.empty((0,)),
        np.ones((2, 2)),
        np.array(None),
        np.array("a"),
        np.array([1, "a"], object),
    ),
    *(
        np.complex64(1j),
        np.longdouble(1),
        np.ma.masked,
        np.dtype("f4"),
        np.dtype("M8[s]"),
        np.zeros(2, "i4,f4"),
        memoryview(b"ab"),
    ),
    *(
        lambda: None,
        lambda shape, dtype=None: np.ones(shape),
        lambda *_: "a",
        lambda *_: 1 / 0,
        Odd(),
        Odd,
        Indexed(3),
        Indexed(-(10**30)),
    ),
    *(
        oneseed,
        oneseed.SeedGenerator(3),
        I.Zeros(),
        I.HeNormal,
        I.HeNormal(3),
        oneseed.KEEP,
        oneseed.Rule("*", "zeros"),
    ),
    *(
        nested(2000, 1, lambda x: [x]),
        nested(
            300, {"class_name": "Zeros"}, lambda x: {"class_name": "Scaled", "config": {"initializer": x, "factor": 1}}
        ),
    ),
    *(iter(()), (n for n in (2, 3)), Exception("x"), frozenset({1}), complex, bytes),
]
"""What may stand in the place of any argument."""
