"""Initializers made of others: the parts' own values, blocks, generators, data and refusals."""

import json
from pathlib import Path

import numpy as np
import parts
import pytest
from frameworks import ALL, installed

import oneseed
from oneseed import initializers as I
from oneseed import registry
from oneseed.host_arrays import to_numpy

ROWS = json.loads((Path(__file__).parent / "known_answers" / "rules.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['initializer']['class_name']}-{row['dtype']}")
def test_the_known_answers_are_those_of_the_definition(row):
    path = row.get("path", ())
    call = parts.Call(
        row["initializer"], row["shape"], row["dtype"], row.get("axes"), (path,) if isinstance(path, str) else path
    )
    block = row.get("partition_shape") or row["shape"]
    values = parts.row_of(call.tensor(), call.shape, row.get("partition_offset"), block)
    if "fingerprint" in row:
        assert parts.fingerprint(values, block, row["dtype"]) == row["fingerprint"]
    else:
        assert values == pytest.approx(row["values"], rel=1e-15)


def ones(shape, dtype):
    """Make ones, as a function that is used as an initializer."""
    return np.ones(shape, dtype)


class Counting(I.Initializer):
    """A custom initializer with a `__call__` of its own."""

    def __call__(self, shape, dtype=None):
        return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def nested():
    """Build an initializer of every kind of part; whole shape (17, 10)."""
    glorot = I.GlorotUniform(7)
    return I.Blockwise(
        [
            glorot,
            I.PerGroup(I.HeNormal(5), 5, axis=1),
            I.Orthogonal(seed=3),
            I.Scaled(I.Sum([I.Identity(), glorot]), 0.3),
            I.Partial("ones", path="elsewhere"),
            ones,
            Counting(),
        ],
        [3, 5, 4, 2, 1, 1, 1],
        axis=0,
        names=list("abcdefg"),
    )


def test_a_part_is_the_separate_parameter():
    glorot, he = I.GlorotUniform(7), I.HeNormal(8)
    packed = I.Blockwise([glorot, he, glorot], [4, 5, 4], names=["q", "k", "v"])
    whole = packed((6, 13), path=("block", 2))
    np.testing.assert_array_equal(whole[:, :4], glorot((6, 4), path=("block", 2, "q")))
    np.testing.assert_array_equal(whole[:, 4:9], he((6, 5), path=("block", 2, "k")))
    assert (whole[:, :4] != whole[:, 9:]).any()
    numbered = I.Blockwise([glorot, he], [4, 5])((6, 9))
    np.testing.assert_array_equal(numbered[:, 4:], he((6, 5), path=(1,)))
    group = I.PerGroup(he, 3, axis=0)((6, 2, 3), path="conv", axes="o i w")
    np.testing.assert_array_equal(group[2:4], he((2, 2, 3), path=("conv", 1), axes="o i w"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_block_is_a_slice(dtype):
    init, shape = nested(), (17, 10)
    whole = init(shape, dtype, path="w")
    rng = np.random.default_rng(7)
    for _ in range(60):
        first, last = np.sort(rng.integers(0, np.add(shape, 1), (2, 2)), axis=0)
        block = init(shape, dtype, path="w", partition_shape=last - first, partition_offset=first)
        np.testing.assert_array_equal(block, whole[first[0] : last[0], first[1] : last[1]])


def test_a_block_is_made_without_the_rest():
    big = 2**30
    init = I.Blockwise([I.HeNormal(1), I.PerGroup(I.Scaled(I.Sum([I.HeNormal(1)]), 2), 2, axis=1)], [big, big], axis=0)
    call = {"partition_shape": (3, 4), "partition_offset": (big - 1, big - 2)}
    block = init((2 * big, 2 * big), **call)
    expected = I.HeNormal(1)(
        (big, 2 * big), path=(0,), partition_shape=(1, 4), partition_offset=call["partition_offset"]
    )
    np.testing.assert_array_equal(block[:1], expected)
    right = I.HeNormal(1)((big, big), path=(1, 1, 0), partition_shape=(2, 2), partition_offset=(0, 0))
    np.testing.assert_array_equal(block[1:, 2:], 2 * right)
    rnn = I.FusedRNN("lstm", 1, big, h2h_weight_initializer=I.HeNormal(2), i2h_weight_initializer=I.HeNormal(1))
    size = 4 * big * (1 + big + 2)
    made = rnn((size,), partition_shape=(6,), partition_offset=(4 * big - 3,))
    rest = I.HeNormal(2)(
        (4 * big, big), path="l0_h2h_weight", axes="o i", partition_shape=(1, 3), partition_offset=(0, 0)
    )
    np.testing.assert_array_equal(made[3:], rest[0])


def test_generators_count_each_part_once_and_no_refused_call():
    generator = oneseed.SeedGenerator(3)
    init = I.Blockwise(
        [I.HeNormal(generator), I.Scaled(I.HeNormal(generator), 2), I.RandomNormal(0, 1, generator)], [2, 2, 2]
    )
    told = [part.path for part in init.describe((3, 6)).leaves]
    assert told == [(0, 0), (1, 1), (2, 2)]
    assert generator.count == 0
    with pytest.raises(ValueError, match="must be a float"):
        init((3, 6), "int32")
    with pytest.raises(ValueError, match="add up to"):
        init((3, 7))
    bad = I.Blockwise([I.HeNormal(generator), I.Bilinear()], [2, 2], axis=0)
    with pytest.raises(ValueError, match="2 spatial axes for bilinear"):
        bad((4, 2, 2))
    assert generator.count == 0
    first = init((3, 6))
    assert generator.count == 3
    np.testing.assert_array_equal(first[:, :2], I.HeNormal(3)((3, 2), path=(0, 0)))
    assert [part.path for part in init.describe((3, 6)).leaves] == [(0, 3), (1, 4), (2, 5)]
    assert (init((3, 6)) != first).any()


def test_description_is_plain_data():
    told = nested().describe((17, 10), "bfloat16", path="w").as_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["distribution"], told["seed"]) == ("concatenated", None)
    first, second = told["parts"][:2]
    assert (first["path"], first["fan_in"], first["shape"]) == (["w", "a"], 3, [3, 10])
    assert [part["fan_in"] for part in second["parts"]] == [5] * 5
    assert second["parts"][4]["path"] == ["w", "b", 4]


def test_data_and_back():
    init = I.Blockwise(
        [I.GlorotUniform(7), I.PerGroup(I.Sum([I.Identity(2.0), I.Scaled(I.Orthogonal(seed=3), 0.5)]), 1)],
        [3, 4],
        0,
        ["a", "b"],
    )
    data = json.loads(json.dumps(I.serialize(init)))
    again = I.deserialize(data)
    assert again.get_config() == init.get_config()
    assert repr(again) == repr(init) == repr(init.clone())
    np.testing.assert_array_equal(again((7, 4)), init((7, 4)))
    partial = I.Partial("he_normal", "o i", "float16", ("a", 3))
    assert I.get(I.serialize(partial)).get_config() == partial.get_config()
    assert I.get({"class_name": "scaled", "config": {"initializer": "ones", "factor": 3}})((1,)).tolist() == [3]


def test_functions_cannot_be_stored_but_are_shown():
    init = I.Blockwise([ones], [2])
    assert "ones" in repr(init)
    with pytest.raises(TypeError, match="a function cannot be stored"):
        init.get_config()


def test_custom_initializers_are_called_for_their_whole_part():
    made = I.Blockwise([Counting(), ones], [3, 2])((2, 5), partition_shape=(1, 4), partition_offset=(1, 0))
    assert made.tolist() == [[3, 4, 5, 1]]
    with pytest.raises(ValueError, match="must return a tensor of the shape"):
        I.Blockwise([lambda shape, dtype: np.ones(3)], [2])((2,))


def test_sums_and_products():
    noise = I.RandomNormal(0, 0.1, 5)
    total = I.Sum([I.Identity(), noise, noise])((4, 4), "float64", path="w")
    exact = np.eye(4) + noise((4, 4), "float64", path=("w", 1)) + noise((4, 4), "float64", path=("w", 2))
    np.testing.assert_array_equal(total, exact)
    whole = noise((4, 4), "float64", path="w")
    np.testing.assert_array_equal(I.Scaled(noise, -0.3)((4, 4), "float64", path="w"), whole * -0.3)
    assert I.Scaled(I.Constant(2), 1.5)((1,), "complex64").tolist() == [3]
    # A half is the rounding of the float32 sum, not the sum of halves.
    single = I.Sum([noise, noise])((500,), "float32")
    np.testing.assert_array_equal(I.Sum([noise, noise])((500,), "float16"), single.astype("float16"))


def test_a_value_beyond_the_dtype_is_refused():
    with pytest.raises(ValueError, match="beyond the largest float16"):
        I.Sum([I.Constant(60000), I.Constant(60000)])((2,), "float16")
    with pytest.raises(ValueError, match="beyond the largest float32"):
        I.Scaled(I.Constant(1e38), 10)((2,))
    assert I.Scaled(I.Constant(1e38), 1e-38)((1,), "float16").tolist() == [1]


def test_bound_arguments_give_way_to_the_calls():
    init = I.Partial(I.HeNormal(7), axes="o i", dtype="float16", path="bound")
    assert init.describe((4, 6)).fan_in == 6
    made = init((4, 6))
    assert made.dtype == np.float16
    np.testing.assert_array_equal(made, I.HeNormal(7)((4, 6), "float16", axes="o i", path="bound"))
    given = init((4, 6), "float64", axes="i o", path="given")
    np.testing.assert_array_equal(given, I.HeNormal(7)((4, 6), "float64", axes="i o", path="given"))
    assert I.Partial(init, path="outer")((4, 6)).dtype == np.float16
    mixed = I.Blockwise([init, I.HeNormal(7)], [4, 2], axis=0).describe((6, 6))
    assert [part.fan_in for part in mixed.distribution.parts] == [6, 2]


@pytest.mark.parametrize("backend", ALL)
def test_the_same_bits_in_every_mode(backend):
    engine, init, dtype, call = registry.load(backend), nested(), "bfloat16", {"path": "w"}
    whole = init((17, 10), dtype, **call)
    cut = {"partition_shape": (9, 4), "partition_offset": (2, 3), **call}
    for mode, run in engine.modes().items():
        if mode == "compile" and installed("triton"):
            continue  # its LLVM and TensorFlow's clash in one process
        made = run(lambda: init((17, 10), dtype, backend=backend, **call))
        assert engine.is_tensor(made)
        assert engine.dtype(made) == dtype
        np.testing.assert_array_equal(engine.to_numpy(made), whole)
        block = run(lambda: init((17, 10), dtype, backend=backend, **cut))
        np.testing.assert_array_equal(engine.to_numpy(block), whole[2:11, 3:7])
    empty = {"partition_shape": (0, 4), "partition_offset": (2, 3), **call}
    assert engine.shape(init((17, 10), dtype, backend=backend, **empty)) == (0, 4)


@pytest.mark.skipif(not installed("jax"), reason="jax is not installed")
def test_keys_of_jax():
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    def make(key):
        return I.Blockwise([I.HeNormal(key), I.PerGroup(I.GlorotUniform(key), 2)], [3, 4])((5, 7), backend="jax")

    keys = jax.random.split(jax.random.key(7), 3)
    each = np.stack([make(key) for key in keys])
    np.testing.assert_array_equal(jax.vmap(make)(keys), each)
    np.testing.assert_array_equal(jax.jit(make)(keys[0]), each[0])
    with pytest.raises(TypeError, match="must be an integer or a SeedGenerator"):
        I.Scaled(I.HeNormal(keys[0]), 2)((2, 2), backend="jax")
    place = NamedSharding(Mesh(np.array(jax.devices()), "x"), PartitionSpec("x"))
    sharded = nested()((17, 10), backend="jax", device=place)
    assert sharded.sharding == place
    np.testing.assert_array_equal(sharded, nested()((17, 10)))


@pytest.mark.skipif(not installed("torch"), reason="torch is not installed")
def test_the_meta_device_of_pytorch():
    made = nested()((17, 10), "bfloat16", backend="torch", device="meta")
    assert (made.device.type, tuple(made.shape)) == ("meta", (17, 10))


@pytest.mark.skipif(not installed("keras"), reason="keras is not installed")
def test_in_a_layer_of_keras():
    import keras

    init = oneseed.layouts.packed([I.HeNormal(1), I.HeNormal(2)], [3, 4], "keras")
    layer = keras.layers.Dense(7, kernel_initializer=init)
    layer.build((None, 5))
    np.testing.assert_array_equal(to_numpy(layer.kernel.value), init((5, 7)))


def test_the_native_generator_is_refused_where_a_part_draws():
    with oneseed.using(rng="native"):
        for init in (I.Blockwise([I.HeNormal(1)], [2]), I.Scaled(I.HeNormal(1), 2.0)):
            with pytest.raises(ValueError, match="`rng` must be 'portable'"):
                init((2, 2))
        assert I.Sum([I.Ones(), I.Ones()])((2,)).tolist() == [2, 2]
        np.testing.assert_array_equal(I.Partial(I.HeNormal(1))((2, 2)), I.HeNormal(1)((2, 2)))


HE = I.HeNormal(1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: I.Blockwise("ones", [1]), TypeError, "`initializers` must be a sequence"),
        (lambda: I.Blockwise([], []), ValueError, "at least one initializer"),
        (lambda: I.Blockwise([None], [1]), TypeError, "must be an initializer"),
        (lambda: I.Blockwise(["nothing"], [1]), ValueError, "Unknown initializer 'nothing'"),
        (lambda: I.Blockwise([HE], [1, 2]), ValueError, "`sizes` must have one entry for each of the 1"),
        (lambda: I.Blockwise([HE], 3), TypeError, "`sizes` must be a sequence of integers"),
        (lambda: I.Blockwise([HE], [-1]), ValueError, "`sizes` must hold sizes of 0 or more"),
        (lambda: I.Blockwise([HE], [1], axis=1.5), TypeError, "`axis` must be an integer"),
        (lambda: I.Blockwise([HE, HE], [1, 1], names=["a"]), ValueError, "`names` must have one entry"),
        (lambda: I.Blockwise([HE, HE], [1, 1], names=["a", "a"]), ValueError, "name each block once"),
        (lambda: I.Blockwise([HE], [1], names="a"), TypeError, "`names` must be a sequence of str"),
        (lambda: I.Blockwise([HE], [1], names=[1]), TypeError, "`names` must be a sequence of str"),
        (lambda: I.Blockwise([HE], [2])((3,)), ValueError, "`shape` must have the size 2 on axis -1"),
        (lambda: I.Blockwise([HE], [2], axis=2)((2, 2)), ValueError, "`shape` must have the axis 2"),
        (lambda: I.Blockwise([HE], [2])(()), ValueError, "`shape` must have the axis -1"),
        (lambda: I.Blockwise([HE], [2])((2, 2), axes="o"), ValueError, "names 1 axes"),
        (lambda: I.PerGroup(HE, 0), ValueError, "`groups` must lie in"),
        (lambda: I.PerGroup(HE, True), TypeError, "`groups` must be an integer"),
        (lambda: I.PerGroup(HE, 2)((2, 3)), ValueError, "`groups` must divide the size of axis -1"),
        (lambda: I.Sum([]), ValueError, "at least one initializer"),
        (lambda: I.Sum([HE])((2, 2), "int32"), ValueError, "must be a float or complex dtype"),
        (lambda: I.Sum([HE])((2, 2), "bool"), ValueError, "must be a float or complex dtype"),
        (lambda: I.Scaled(HE, "x"), TypeError, "`factor` must be a real number"),
        (lambda: I.Scaled(HE, float("nan")), ValueError, "`factor` must be finite"),
        (lambda: I.Scaled(HE, 1.0)((2, 2), "bool"), ValueError, "must be a float or complex dtype"),
        (lambda: I.Partial(ones), TypeError, "must take `axes` and `path`"),
        (lambda: I.Partial(Counting()), TypeError, "must take `axes` and `path`"),
        (lambda: I.Partial(HE, axes="i i"), ValueError, "must name each axis once"),
        (lambda: I.Partial(HE, dtype="float31"), ValueError, "`dtype` must be one of"),
        (lambda: I.Partial(HE, path=3), TypeError, "`path` must be"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)
