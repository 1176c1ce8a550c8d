"""The element program, which compiled functions run, on NumPy's arrays: the bits of the host engine."""

import numpy as np
import pytest

from oneseed.distributions.recipes import recipe
from oneseed.initializers import RandomNormal, RandomUniform, TruncatedNormal
from oneseed.stream.arrays import NumpyArrays
from oneseed.stream.elements import draw_elements
from oneseed.stream.philox import MASK


def elements(draw):
    """Make a draw from the indices of its elements."""
    index = np.full(draw.block, draw.first, np.uint64)
    for axis, (size, stride) in enumerate(zip(draw.block, draw.strides, strict=True)):
        steps = np.arange(size, dtype=np.uint64) * np.uint64(stride)
        index += steps.reshape(-1, *(1,) * (len(draw.block) - axis - 1))
    seed, stream = ((number & MASK, number >> 32) for number in (draw.seed, draw.stream))
    return draw_elements(recipe(draw.distribution, draw.dtype), index, seed, stream, NumpyArrays())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
@pytest.mark.parametrize(
    "init",
    [RandomNormal(0, 1, 7), RandomNormal(0.3, 2, 2**64 - 1), TruncatedNormal(-1, 0.5, 8), RandomUniform(2, 3, 9)],
    ids=repr,
)
def test_floats(init, dtype):
    call = {"axes": "o i h", "path": "w", "partition_shape": (4, 30, 3), "partition_offset": (5, 1, 0)}
    made = elements(init.describe((10, 32, 3), dtype, **call))
    expected = init((10, 32, 3), dtype, **call)
    assert (made.dtype, made.shape) == (expected.dtype, expected.shape)
    assert made.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["int8", "uint64"])
def test_integers(dtype):
    init = RandomUniform(3, 100, 5)
    np.testing.assert_array_equal(elements(init.describe((50, 7), dtype)), init((50, 7), dtype))
