"""`oneseed.testing`: what passes, and what a failure says."""

import ml_dtypes
import numpy as np
import pytest

from oneseed.initializers import HeNormal
from oneseed.testing import assert_same_weights


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_same_weights_in_other_layouts(dtype):
    init = HeNormal(7)
    keras, torch = init((3, 3, 4, 5), dtype), init((5, 4, 3, 3), dtype, axes="o i h w")
    assert_same_weights(keras, torch, "h w i o", "o i h w")
    assert_same_weights(torch, keras, axes_a="o i h w")
    assert_same_weights(keras, keras.copy())


def test_equal_nans_and_empty_arrays_are_the_same():
    assert_same_weights(np.array([np.nan, np.inf]), np.array([np.nan, np.inf]))
    assert_same_weights(np.ones((0, 3)), np.ones((0, 3)))
    assert_same_weights(np.float32(1), np.float32(1))


@pytest.mark.parametrize(
    "dtype", ["float16", ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, "float32", "float64"]
)
def test_a_failure_says_how_many_where_and_by_how_much(dtype):
    a = np.linspace(-1, 1, 12).astype(dtype).reshape(3, 4)
    b = a.copy()
    b[1, 2] = np.nextafter(b[1, 2], np.array(9, dtype))
    b[2, 0] = np.nextafter(np.nextafter(b[2, 0], np.array(-9, dtype)), np.array(-9, dtype))
    with pytest.raises(AssertionError) as caught:
        assert_same_weights(a, b)
    message = str(caught.value)
    assert message.startswith("2 of 12 values differ (16.67%), the first at (1, 2) of the logical order: ")
    assert "The largest difference is 2 ulp, at (2, 0): " in message


def test_ulps_are_counted_across_zero():
    tiny = np.float32(1e-45)
    with pytest.raises(AssertionError, match="The largest difference is 2 ulp"):
        assert_same_weights(np.array([tiny]), np.array([-tiny]))


def test_zeros_of_different_signs_differ():
    with pytest.raises(AssertionError, match="1 of 2 values differ"):
        assert_same_weights(np.array([0.0, 1.0]), np.array([-0.0, 1.0]))


def test_places_are_those_of_the_logical_order():
    a = np.zeros((2, 3), "int32")
    b = a.T.copy()
    b[2, 1] = 5
    with pytest.raises(AssertionError, match=r"the first at \(1, 2\) of the logical order: 0 and 5\.$"):
        assert_same_weights(a, b, "i o", "o i")


def test_dtypes_and_shapes_come_first():
    with pytest.raises(AssertionError, match="The dtypes differ: float32 and float64"):
        assert_same_weights(np.ones(2, "float32"), np.ones(2))
    with pytest.raises(AssertionError, match=r"The logical shapes differ: \(2, 3\) and \(3, 2\)"):
        assert_same_weights(np.ones((2, 3)), np.ones((2, 3)), "i o", "o i")


def test_nonsense_is_refused():
    with pytest.raises(TypeError, match="`b` must hold numbers"):
        assert_same_weights([1.0], ["x"])
    with pytest.raises(ValueError, match="names 1 axes"):
        assert_same_weights(np.ones((2, 3)), np.ones((2, 3)), "i")
