"""Mistakes found in other libraries, which must not be made here."""

import numpy as np
import pytest

from oneseed import SeedGenerator
from oneseed import initializers as I


@pytest.mark.parametrize("make", [I.Identity.clone, lambda x: I.deserialize(I.serialize(x)), lambda x: x])
def test_identity_keeps_its_gain_and_the_dtype_asked_for(make):
    # Keras 3 loses the gain on the way through a configuration, and returns floats for dtype="int32".
    made = make(I.Identity(2.5))((2, 2), "int32")
    np.testing.assert_array_equal(made, np.array([[2, 0], [0, 2]], "int32"), strict=True)


@pytest.mark.parametrize(("value", "shape"), [(np.ones((3, 2)), (2,)), (np.ones((5, 3, 2)), (3, 2)), ([1, 2], (1,))])
def test_a_constant_has_the_shape_asked_for_or_none(value, shape):
    # Keras 3 returns the larger shape of the value.
    with pytest.raises(ValueError, match="cannot be broadcast"):
        I.Constant(value)(shape)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_orthogonal_has_the_dtype_asked_for(dtype):
    # Keras 3 gives float32 for float64, and fails for half precision.
    made = I.Orthogonal(seed=1)((8, 8), dtype)
    assert made.dtype.name == dtype
    if dtype == "float64":
        assert abs(made.T @ made - np.eye(8)).max() < 1e-14
        assert not np.array_equal(made, made.astype("float32"))


def test_fans_of_a_block_are_those_of_the_whole():
    # tf_keras takes them from the block: a kernel of 4000 inputs cut in 100 has ten times the standard deviation.
    block = {"partition_shape": (40, 10), "partition_offset": (80, 0)}
    init = I.HeNormal(1)
    assert init.describe((4000, 10), **block).fan_in == 4000
    np.testing.assert_array_equal(init((4000, 10), **block), init((4000, 10))[80:120], strict=True)


def test_blocks_differ_from_each_other():
    # TensorFlow 2 gives every shard of a seeded initializer the same values.
    init = I.RandomNormal(seed=1)
    one, other = (init((8, 4), partition_shape=(4, 4), partition_offset=(start, 0)) for start in (0, 4))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("cls", [I.Zeros, I.Ones, I.Constant, I.Identity, I.Orthogonal])
def test_every_initializer_has_blocks(cls):
    # tf_keras refuses them for some.
    whole = cls()
    block = whole((6, 4), partition_shape=(2, 3), partition_offset=(3, 1))
    np.testing.assert_array_equal(block, whole((6, 4))[3:5, 1:4], strict=True)


def test_a_truncated_normal_has_no_outliers():
    # Keras 3 on PyTorch leaves a few values in a million beyond the bounds.
    assert abs(I.TruncatedNormal(stddev=1.0, seed=1)((1_000_000,))).max() <= 2
    assert abs(I.TruncatedNormal(stddev=1.0, seed=1)((100_000,), "bfloat16")).max() <= 2


def test_the_sequences_of_neighbouring_seeds_do_not_overlap():
    # Keras 3 on PyTorch adds seed and counter.
    five, six = (I.RandomNormal(seed=SeedGenerator(seed)) for seed in (5, 6))
    five((4,))
    assert not np.array_equal(five((4,)), six((4,)))


@pytest.mark.parametrize("seed", [2**32, 2**64 - 1, np.int64(3), np.uint64(2**63)])
def test_wide_and_numpy_seeds(seed):
    # Keras 3 refuses them.
    np.testing.assert_array_equal(I.HeNormal(seed)((2,)), I.HeNormal(int(seed))((2,)))


def test_seeds_differ_in_all_their_bits():
    made = {I.RandomNormal(seed=seed)((4,)).tobytes() for seed in (7, 7 + 2**32, 7 + 2**63, 7 * 2**32)}
    assert len(made) == 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_uniform_value_is_never_the_upper_bound(dtype):
    # PyTorch and TensorFlow return it, in half precision often.
    made = I.RandomUniform(0.0, 1.0, seed=1)((200_000,), dtype)
    assert made.max() < 1


def test_bfloat16_is_a_rounding_of_float32():
    # JAX draws 128 distinct values in bfloat16.
    narrow, wide = (I.RandomNormal(0.0, 1.0, 1)((100_000,), dtype) for dtype in ("bfloat16", "float32"))
    np.testing.assert_array_equal(narrow, wide.astype(narrow.dtype))
    assert len(np.unique(narrow)) > 2000


def test_depthwise_and_grouped_kernels_have_the_fans_of_one_group():
    # Every peer takes the channels of all groups for inputs.
    assert I.HeNormal(1).describe((3, 3, 256, 1), axes="h w g o").fan_in == 9
    deviation = I.HeNormal(1).describe((3, 3, 256, 1), axes="h w g o").distribution.stddev_after_truncation
    assert round(deviation, 4) == 0.4714


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), ()])
def test_empty_fans_divide_nothing_by_zero(shape):
    # JAX raises ZeroDivisionError.
    assert I.HeNormal(1)(shape).shape == shape


def test_a_bias_has_fans():
    # JAX and PyTorch raise an error for rank 1.
    assert I.LecunNormal(1).describe((7,)).fan_in == 7


def test_an_array_as_initializer_is_serialized():
    # Keras 3 stores the name of a closure, tf_keras a string without the digits.
    array = np.array([0.1, 1 / 3])
    again = I.deserialize(I.serialize(I.get(array)))
    np.testing.assert_array_equal(again((2,), "float64"), array, strict=True)


@pytest.mark.parametrize(("arguments", "shape"), [({"input_axes": [0]}, (2, 3)), ({"output_axes": [1]}, (2, 3))])
def test_one_of_two_axes_arguments_is_not_ignored(arguments, shape):
    # Keras 3 goes on without it.
    with pytest.raises(ValueError, match="given together"):
        I.HeNormal(1, **arguments)(shape)
