"""Tensors and variables of the backend in force, under the names of `keras.backend`.

Import it as Keras's documentation does: ``from oneseed import backend as K``. A function that takes a tensor
works on it in the tensor's own framework; one that makes a tensor asks the backend in force.
"""

from oneseed.backend.drawing import (
    random_bernoulli,
    random_binomial,
    random_normal_variable,
    random_uniform_variable,
)
from oneseed.backend.making import constant, eye, ones, ones_like, variable, zeros, zeros_like
from oneseed.backend.reading import (
    cast,
    cast_to_floatx,
    count_params,
    dtype,
    identity,
    int_shape,
    is_tensor,
    ndim,
    shape,
)
from oneseed.backend.values import batch_get_value, batch_set_value, eval, get_value, set_value
from oneseed.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_backend,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from oneseed.random import normal as random_normal
from oneseed.random import truncated_normal
from oneseed.random import uniform as random_uniform

__all__ = [
    "backend",
    "batch_get_value",
    "batch_set_value",
    "cast",
    "cast_to_floatx",
    "constant",
    "count_params",
    "dtype",
    "epsilon",
    "eval",
    "eye",
    "floatx",
    "get_value",
    "identity",
    "image_data_format",
    "int_shape",
    "is_tensor",
    "ndim",
    "ones",
    "ones_like",
    "random_bernoulli",
    "random_binomial",
    "random_normal",
    "random_normal_variable",
    "random_uniform",
    "random_uniform_variable",
    "set_backend",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_value",
    "shape",
    "truncated_normal",
    "variable",
    "zeros",
    "zeros_like",
]
