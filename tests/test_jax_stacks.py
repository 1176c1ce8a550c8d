"""Stacks of layers of Flax and Equinox: which axis is that of the stack, and which weights do not tell."""

import math

import numpy as np
import pytest
from frameworks import installed

if not installed("jax") or not installed("flax") or not installed("equinox"):
    pytest.skip("JAX, Flax or Equinox is not installed", allow_module_level=True)

import equinox as eqx
import jax
from flax import linen, nnx

from oneseed import Rule, Scheme
from oneseed.initializers import HeNormal
from oneseed_jax import initialize

KEY = jax.random.key(0)
SCHEME = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])
NNX = {
    "Linear": (lambda rngs: nnx.Linear(16, 24, rngs=rngs, use_bias=False), "i o"),
    "square Linear": (lambda rngs: nnx.Linear(16, 16, rngs=rngs, use_bias=False), "i o"),
    "LinearGeneral": (lambda rngs: nnx.LinearGeneral(16, (3, 8), rngs=rngs, use_bias=False), "i o1 o2"),
    "Conv": (lambda rngs: nnx.Conv(16, 24, (3, 2), rngs=rngs, use_bias=False), "h w i o"),
    "groups": (lambda rngs: nnx.Conv(16, 24, (3,), feature_group_count=4, rngs=rngs, use_bias=False), "w i o"),
    "ConvTranspose": (
        lambda rngs: nnx.ConvTranspose(16, 24, (3,), transpose_kernel=True, rngs=rngs, use_bias=False),
        "w o i",
    ),
    "Einsum": (lambda rngs: nnx.Einsum("ab,bcd->acd", (16, 3, 8), rngs=rngs), "i o1 o2"),
}
EQUINOX = {
    "Linear": (lambda key: eqx.nn.Linear(16, 24, use_bias=False, key=key), "weight", "o i"),
    "Conv2d": (lambda key: eqx.nn.Conv2d(16, 24, (3, 2), use_bias=False, key=key), "weight", "o i h w"),
    "ConvTranspose1d": (lambda key: eqx.nn.ConvTranspose1d(16, 24, 3, use_bias=False, key=key), "weight", "o i w"),
    "LSTMCell": (lambda key: eqx.nn.LSTMCell(16, 24, use_bias=False, key=key), "weight_ih", "o i"),
    "GRUCell": (lambda key: eqx.nn.GRUCell(16, 24, use_bias=False, key=key), "weight_hh", "o i"),
}


def stack_of(shape, pattern, at, path):
    """Return what a stack of five must get: the values of one draw with a batch axis at `at`."""
    names = pattern.split()
    names.insert(at % (len(names) + 1), "b")
    shape = list(shape)
    shape.insert(at % (len(shape) + 1), 5)
    return HeNormal(seed=7)(tuple(shape), axes=" ".join(names), path=path, backend="numpy")


def stacked(make, count, at):
    return nnx.eval_shape(lambda: nnx.split_rngs(splits=count)(nnx.vmap(make, out_axes=at))(nnx.Rngs(0)))


@pytest.mark.parametrize("at", [0, 1, -1])
@pytest.mark.parametrize("name", NNX)
def test_nnx_vmap_may_stack_along_any_axis(name, at):
    make, pattern = NNX[name]
    one = nnx.eval_shape(lambda: make(nnx.Rngs(0))).kernel.shape
    stack = stacked(make, 5, at)
    got = initialize(stack, SCHEME, seed=7).kernel[...]
    assert np.array_equal(got, stack_of(one, pattern, at, "kernel"))


@pytest.mark.parametrize("at", [0, 1, -1])
@pytest.mark.parametrize("name", EQUINOX)
def test_equinox_filter_vmap_may_stack_along_any_axis(name, at):
    make, attribute, pattern = EQUINOX[name]
    one = getattr(eqx.filter_eval_shape(make, KEY), attribute).shape
    stack = eqx.filter_eval_shape(eqx.filter_vmap(make, out_axes=at), jax.random.split(KEY, 5))
    got = getattr(initialize(stack, SCHEME, seed=7), attribute)
    assert np.array_equal(got, stack_of(one, pattern, at, attribute))


def test_a_stack_in_which_the_sizes_fit_in_two_ways_is_refused():
    def make(rngs):
        return nnx.Linear(16, 24, rngs=rngs, use_bias=False)

    # (16, 16, 24) is a stack in front too, which is the usual one; in (16, 24, 24) it is in the middle or at the end.
    usual = stacked(make, 16, 1)
    assert initialize(usual, SCHEME, seed=7).kernel.shape == (16, 16, 24)
    unclear = stacked(make, 24, 1)
    with pytest.raises(ValueError, match="name them by `axes`"):
        initialize(unclear, SCHEME, seed=7)
    initialize(unclear, SCHEME, seed=7, axes={"kernel": "i b o"})


class Block(linen.Module):
    @linen.compact
    def __call__(self, carry, _):
        return linen.Dense(16)(carry), None


class Scanned(linen.Module):
    @linen.compact
    def __call__(self, x):
        scan = linen.scan(Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=5)
        return scan()(x, None)[0]


def test_names_and_sizes_tell_a_scan_of_linen():
    params = initialize(Scanned().init(KEY, np.ones((2, 16)))["params"], SCHEME, seed=7)
    (kernel,) = (leaf for leaf in jax.tree.leaves(params) if leaf.ndim == 3)
    assert abs(float(kernel.std()) / math.sqrt(2 / 16) - 1) < 0.05


@pytest.mark.parametrize(
    "layer",
    [
        linen.DenseGeneral((4, 8)),
        linen.vmap(linen.Dense, variable_axes={"params": -1}, split_rngs={"params": True}, in_axes=0)(24),
    ],
    ids=["several outputs", "a stack at the end"],
)
def test_names_do_not_tell_several_outputs_from_a_stack_at_the_end(layer):
    params = layer.init(KEY, np.ones((5, 2, 16)))["params"]
    with pytest.raises(ValueError, match="name them by `axes`"):
        initialize(params, SCHEME, seed=7)
    kernel = initialize(params, SCHEME, seed=7, axes={"kernel": "i o1 o2"})["kernel"]
    assert abs(float(kernel.std()) / math.sqrt(2 / 16) - 1) < 0.1


def test_a_projection_without_a_bias_beside_a_norm_is_a_guess():
    shapes = {"norm": {"scale": np.zeros(64, "f4")}, "q_proj": {"kernel": np.zeros((64, 4, 16), "f4")}}
    scheme = Scheme([Rule("*scale", "ones"), Rule("*", "he_normal")])
    with pytest.raises(ValueError, match="q_proj/kernel"):
        initialize(shapes, scheme, seed=7)
    kernel = initialize(shapes, scheme, seed=7, axes={"q_proj/kernel": "i o1 o2"})["q_proj"]["kernel"]
    assert abs(float(kernel.std()) / math.sqrt(2 / 64) - 1) < 0.05
