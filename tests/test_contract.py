"""What every backend must do alike: the same bits, and the same refusals."""

import json
from contextlib import nullcontext
from importlib.resources import files

import numpy as np
import pytest
from frameworks import PLACES

import oneseed
from oneseed import backend as K
from oneseed import initializers, registry
from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype

VECTORS = json.loads((files("oneseed.stream") / "data" / "vectors.json").read_text())
FLOATS = ("bfloat16", "float16", "float32", "float64")


@pytest.fixture(params=PLACES)
def engine(request):
    """Each backend, in force, with 64-bit floats where the framework has to be told."""
    backend, device = request.param
    place = nullcontext()
    if backend == "jax":
        import jax

        place = jax.enable_x64(True)
    elif device is not None:
        import torch

        place = torch.device(device)
    with place, oneseed.using(backend=backend):
        yield registry.load(backend)


def bits(array):
    return array.view(f"u{array.dtype.itemsize}")


def same(engine, tensor, expected):
    """The framework's own type, then dtype, shape and bits."""
    assert engine.is_tensor(tensor)
    assert engine.dtype(tensor) == expected.dtype.name
    assert engine.shape(tensor) == expected.shape
    found = engine.to_numpy(tensor)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(bits(found), bits(expected))


def drawn(engine, row, distribution, dtype):
    draw = Draw(distribution, (2**41,), dtype, row["seed"], tuple(row["path"]), (0,), 1, 1, (row["index"],), (1,))
    return engine.to_numpy(engine.draw(draw, engine.device(None)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_known_answers(engine, dtype):
    for row in VECTORS["rows"][::5]:
        expected = row[dtype]
        normals = [(p["mean"], p["stddev"]) for p in VECTORS["normal_params"]]
        families = {
            "normal": [Normal(*p) for p in normals],
            "truncated_pm2": [TruncatedNormal(*p) for p in normals],
            "truncated_m1_p3": [TruncatedNormal(*p, -1.0, 3.0) for p in normals],
            "uniform": [Uniform(*p) for p in VECTORS["uniform_params"]],
        }
        for family, distributions in families.items():
            found = [
                f"{bits(drawn(engine, row, distribution, dtype))[0]:0{numpy_dtype(dtype).itemsize * 2}x}"
                for distribution in distributions
            ]
            assert found == expected[family]
        assert drawn(engine, row, Integers(0, 10), "int32")[0] == row["integers_0_10"]


CASES = {
    "normal": (initializers.RandomNormal(0.3, 0.02, 7), (5, 7), {}),
    "truncated": (initializers.TruncatedNormal(-5.0, 0.01, 8), (33,), {"path": ("a", 3)}),
    "uniform": (initializers.RandomUniform(2.0, 3.0, 9), (4, 3, 2), {"axes": "o i h"}),
    "he_normal": (initializers.HeNormal(2**64 - 1), (3, 3, 8, 4), {"axes": "h w i o"}),
    "block": (
        initializers.GlorotUniform(1),
        (64, 32, 3),
        {"axes": "o i k", "partition_shape": (5, 32, 2), "partition_offset": (7, 0, 1)},
    ),
    "far": (
        initializers.LecunNormal(3),
        (2**31, 2**31),
        {"partition_shape": (3, 5), "partition_offset": (2**31 - 3, 2**31 - 9)},
    ),
    "empty": (initializers.HeUniform(3), (0, 3), {}),
    "scalar": (initializers.HeUniform(3), (), {}),
    "orthogonal": (initializers.Orthogonal(1.5, 4), (6, 4), {}),
    "identity": (initializers.Identity(2.5), (3, 4), {}),
    "constant": (initializers.Constant([1.0, 2.0]), (3, 2), {}),
    "zeros": (initializers.Zeros(), (3, 2), {}),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_as_the_reference(engine, case, dtype):
    init, shape, call = CASES[case]
    same(engine, init(shape, dtype, **call), init(shape, dtype, backend="numpy", **call))


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("case", [case for case in CASES if case != "empty"])
def test_the_same_bits_in_every_mode(engine, case, mode):
    init, shape, call = CASES[case]
    modes = engine.modes()
    assert "eager" in modes
    for name, run in modes.items():
        if (name == "eager") == (mode == "eager"):
            for dtype in FLOATS:
                made = run(lambda dtype=dtype: init(shape, dtype, **call))
                same(engine, made, init(shape, dtype, backend="numpy", **call))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_integers(engine, dtype):
    init = initializers.RandomUniform(-3 if dtype[0] == "i" else 3, 100, 5)
    same(engine, init((40,), dtype), init((40,), dtype, backend="numpy"))


@pytest.mark.parametrize("dtype", ["bool", "int32", "complex64", "uint8"])
def test_constants_of_other_dtypes(engine, dtype):
    same(engine, initializers.Ones()((2, 3), dtype), np.ones((2, 3), dtype))
    same(engine, initializers.Identity()((2, 3), dtype), np.eye(2, 3, dtype=dtype))


def test_generators_and_functions(engine):
    one, two = (oneseed.random.SeedGenerator(7) for _ in range(2))
    for _ in range(3):
        same(engine, oneseed.random.normal((5,), seed=one), oneseed.random.normal((5,), seed=two, backend="numpy"))
    same(
        engine, oneseed.random.randint((5,), 0, 9, seed=3), oneseed.random.randint((5,), 0, 9, seed=3, backend="numpy")
    )


def test_the_functions_of_keras_backend(engine):
    variable = K.variable(np.arange(6.0).reshape(2, 3))
    assert K.is_tensor(variable)
    assert (K.dtype(variable), K.int_shape(variable), K.ndim(variable)) == ("float32", (2, 3), 2)
    same(engine, K.zeros_like(variable), np.zeros((2, 3), "float32"))
    same(engine, K.ones_like(variable, dtype="int32"), np.ones((2, 3), "int32"))
    same(engine, K.cast(variable, "float16"), np.arange(6, dtype="float16").reshape(2, 3))
    same(engine, K.constant([1, 2], shape=(2, 2)), np.array([[1, 2], [1, 2]], "float32"))
    same(engine, K.eye(2), np.eye(2, dtype="float32"))
    assert K.eval(variable).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_setting_a_variable(engine):
    variable = K.variable([1.0, 2.0])
    if engine.name == "jax":  # its arrays cannot be changed
        with pytest.raises(TypeError, match="JAX arrays cannot be changed"):
            K.set_value(variable, [3, 4])
    else:
        K.set_value(variable, [3, 4])
        assert K.get_value(variable).tolist() == [3, 4]


def test_fingerprints_are_equal(engine):
    init = initializers.HeNormal(7)
    assert oneseed.fingerprint(init((30, 20), "bfloat16")) == oneseed.fingerprint(
        init((30, 20), "bfloat16", backend="numpy")
    )
    assert oneseed.fingerprint(init((20, 30), axes="o i"), "o i") == oneseed.fingerprint(
        init((30, 20), backend="numpy")
    )


def test_tensors_as_arguments(engine):
    half, weights = K.constant(0.5), K.constant([[1.0, 2.0]])
    assert initializers.RandomNormal(half, half, 1).get_config() == {"seed": 1, "mean": 0.5, "stddev": 0.5}
    same(engine, initializers.Constant(weights)((3, 2)), np.array([[1, 2]] * 3, "float32"))
    same(engine, initializers.get(weights)((1, 2)), np.array([[1, 2]], "float32"))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shape": (2, -1)}, ValueError, "sizes of 0 or more"),
        ({"shape": (2, 2), "dtype": "int32"}, ValueError, "must be a float or complex dtype"),
        ({"shape": (2, 2), "axes": "i"}, ValueError, "names 1 axes"),
        ({"shape": (2, 2), "device": "nowhere"}, ValueError, "`device` must"),
        ({"shape": (2, 2), "device": 3.5}, ValueError, "`device` must"),
        ({"shape": (2, 2), "partition_shape": (3, 3), "partition_offset": (0, 0)}, ValueError, "must lie within"),
    ],
)
def test_refusals(engine, arguments, error, message):
    generator = oneseed.random.SeedGenerator(1)
    with pytest.raises(error, match=message) as caught:
        initializers.HeNormal(generator)(**arguments)
    assert "Received: " in str(caught.value)
    assert generator.count == 0


def test_threads_under_different_scopes(engine):
    from concurrent.futures import ThreadPoolExecutor

    def work(seed):
        with oneseed.using(backend=engine.name if seed % 2 else "numpy", floatx="float16" if seed % 3 else "float32"):
            init = initializers.HeNormal(seed)
            return oneseed.fingerprint(init((16, 16))), oneseed.fingerprint(init((16, 16), backend="numpy"))

    with ThreadPoolExecutor(8) as pool:
        for found, expected in pool.map(work, range(64)):
            assert found == expected
