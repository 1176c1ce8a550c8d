"""The draws that are compared with the real Keras's."""

DTYPES = ("float32", "float16", "bfloat16", "float64")
SHAPES = ((), (7,), (64, 33), (33, 64), (3, 3, 5, 8))

INITIALIZERS = {
    "RandomNormal": {"mean": 0.25, "stddev": 0.5},
    "TruncatedNormal": {"mean": -1.0, "stddev": 0.5},
    "RandomUniform": {"minval": -0.5, "maxval": 2.0},
    "VarianceScaling": {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"},
    "GlorotNormal": {},
    "GlorotUniform": {},
    "HeNormal": {},
    "HeUniform": {},
    "LecunNormal": {},
    "LecunUniform": {},
    "Orthogonal": {"gain": 1.5},
}


def cases():
    """List every draw by name: class, arguments, seed (negative for a generator's draws), shape, dtype."""
    for name, arguments in INITIALIZERS.items():
        for dtype in DTYPES:
            for shape in SHAPES:
                for seed in (7, 2**31 + 5, 2**32 - 1, -7):
                    yield f"{name} {dtype} {'x'.join(map(str, shape))} {seed}", name, arguments, seed, shape, dtype
