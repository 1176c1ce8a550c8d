"""The functions of `keras.backend`."""

import numpy as np
import pytest

import oneseed
from oneseed import backend as K


def test_the_example_of_keras_documentation():
    kvar = K.variable(np.random.random((2, 3)))
    zeros = K.eval(K.zeros_like(kvar))
    assert repr(zeros) == "array([[0., 0., 0.],\n       [0., 0., 0.]], dtype=float32)"


def test_variables_are_copies_in_floatx():
    source = np.arange(3)
    variable = K.variable(source)
    source[0] = 9
    assert variable.tolist() == [0, 1, 2]
    assert K.dtype(variable) == "float32"
    K.set_value(variable, [5, 6, 7])
    assert K.get_value(variable).tolist() == [5, 6, 7]
    with oneseed.using(floatx="float16"):
        assert K.dtype(K.variable([1.0])) == "float16"


def test_making_tensors():
    assert K.zeros((2, 3)).shape == (2, 3)
    assert K.ones((2,), "int8").dtype == "int8"
    assert K.constant(3, shape=(2, 2)).tolist() == [[3, 3], [3, 3]]
    assert K.constant([1, 2], dtype="int64").dtype == "int64"
    assert K.eye(2).tolist() == [[1, 0], [0, 1]]
    assert K.eye((2, 3), dtype="bool").tolist() == [[True, False, False], [False, True, False]]
    assert K.eye(np.int64(3)).shape == (3, 3)
    assert K.ones_like(np.zeros((2, 2), "float16")).dtype == "float16"
    assert K.zeros_like(np.ones(2), dtype="int32", name="z").dtype == "int32"


def test_reading_tensors():
    x = K.zeros((2, 3), "float64")
    assert K.is_tensor(x)
    assert not K.is_tensor([1])
    assert (K.dtype(x), K.int_shape(x), K.ndim(x)) == ("float64", (2, 3), 2)
    assert K.cast(x, "int8").dtype == "int8"
    assert K.cast_to_floatx(x).dtype == "float32"
    assert K.cast_to_floatx([1, 2]).dtype == "float32"


def test_random_functions_are_those_of_the_random_module():
    assert (K.random_normal((4,), seed=7) == oneseed.random.normal((4,), seed=7)).all()
    assert (K.random_uniform((4,), seed=7) == oneseed.random.uniform((4,), seed=7)).all()
    assert (K.truncated_normal((4,), seed=7) == oneseed.random.truncated_normal((4,), seed=7)).all()
    assert (oneseed.random.normal((4,)) != oneseed.random.normal((4,))).any()


def test_settings_are_those_of_config():
    assert K.backend() == "numpy"
    assert K.floatx() == "float32"
    assert K.epsilon() == 1e-7
    assert K.image_data_format() == "channels_last"


@pytest.mark.parametrize(
    "function", [K.zeros_like, K.ones_like, K.eval, K.dtype, K.int_shape, K.ndim, lambda x: K.cast(x, "int8")]
)
def test_what_is_no_tensor_is_refused(function):
    with pytest.raises(TypeError, match=r"`x` must be a tensor .* Received: x=\[1, 2\] of type list"):
        function([1, 2])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: K.variable("x"), TypeError, "`value` must hold numbers"),
        (lambda: K.variable([[1], [1, 2]]), TypeError, "`value` must hold numbers"),
        (lambda: K.variable([1], constraint=abs), ValueError, "`constraint` must be None"),
        (lambda: K.variable([300], "int8"), ValueError, "the range of int8"),
        (lambda: K.constant([1, 2], shape=(3,)), ValueError, "cannot be broadcast"),
        (lambda: K.set_value(K.variable([1]), [1, 2]), ValueError, "the shape of the variable"),
        (lambda: K.eye(-1), ValueError, "sizes of 0 or more"),
        (lambda: K.random_normal((2,), dtype="int32"), ValueError, "must be a float or complex dtype"),
        (lambda: oneseed.random.randint((2,), 0, 5, dtype="float32"), ValueError, "for integers"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
