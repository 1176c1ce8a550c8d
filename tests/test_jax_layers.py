"""Layers of Flax, Haiku and Equinox with `oneseed_jax.initializers`: built, called once, trained one step."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import installed

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

from oneseed import initializers as of
from oneseed_jax import initializers as door

KEY = jax.random.key(7)


def library(name):
    return pytest.mark.skipif(not installed(name), reason=f"{name} is not installed")


def x(*shape):
    return jnp.linspace(-1, 1, int(np.prod(shape))).reshape(shape)


def seed(key):
    high, low = np.asarray(jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key)
    return int(high) << 32 | int(low)


class Recorded:
    """An initializer that keeps what it is called with: with the key's number and Keras's way, the bits must come."""

    def __init__(self, init, of_seed, axes=None):
        self.init, self.of_seed, self.axes, self.calls = init, of_seed, axes, []

    def __call__(self, key, shape, dtype=None):
        self.calls.append((key, shape, dtype))
        return self.init(key, shape, dtype)

    def expected(self, call=0):
        key, shape, dtype = self.calls[call]
        return self.of_seed(seed(key))(shape, dtype or "float32", axes=self.axes, backend="numpy")


def kernels():
    return Recorded(door.he_normal(), of.HeNormal)


def trains(parameters, apply):
    """A small step of gradient descent makes the loss smaller."""

    def loss(parameters):
        return jnp.mean((apply(parameters) - 1.0) ** 2)

    before, gradients = jax.jit(jax.value_and_grad(loss))(parameters)
    assert max(float(abs(gradient).max()) for gradient in jax.tree.leaves(gradients)) > 0
    after = loss(jax.tree.map(lambda p, g: p - 1e-3 * g, parameters, gradients))
    assert np.isfinite(before)
    assert after < before


# Flax Linen -----------------------------------------------------------------------------------------------------------

LINEN = {
    "Dense": (lambda nn, k: nn.Dense(8, kernel_init=k, bias_init=door.constant(0.5)), x(3, 6)),
    "Conv": (lambda nn, k: nn.Conv(4, (3, 3), kernel_init=k, bias_init=door.zeros), x(2, 8, 8, 3)),
    "Embed": (lambda nn, k: nn.Embed(10, 4, embedding_init=k), jnp.arange(5)),
    "MultiHeadDotProductAttention": (lambda nn, k: nn.MultiHeadDotProductAttention(2, kernel_init=k), x(2, 5, 8)),
}


@library("flax")
@pytest.mark.parametrize("name", LINEN)
def test_linen(name):
    from flax import linen as nn

    build, inputs = LINEN[name]
    kernel = kernels()
    layer = build(nn, kernel)
    variables = layer.init(KEY, inputs)
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(variables)]
    for call in range(len(kernel.calls)):
        wanted = kernel.expected(call)
        # Linen flattens a kernel of several input or output axes for the initializer.
        assert any(leaf.size == wanted.size and (leaf.ravel() == wanted.ravel()).all() for leaf in leaves)
    compiled = jax.jit(build(nn, door.he_normal()).init)(KEY, inputs)
    jax.tree.map(np.testing.assert_array_equal, variables, compiled)
    trains(variables, lambda variables: layer.apply(variables, inputs))


@library("flax")
def test_linen_default_of_embeddings():
    """Their axis is input and output at once."""
    from flax import linen as nn

    kernel = Recorded(
        door.variance_scaling(1.0, "fan_in", "normal", out_axis=0), lambda seed: of.RandomNormal(0.0, 0.5, seed)
    )
    made = nn.Embed(10, 4, embedding_init=kernel).init(KEY, jnp.arange(3))["params"]["embedding"]
    np.testing.assert_array_equal(made, kernel.expected())


@library("flax")
def test_linen_recurrent():
    """Made while Flax traces its loop."""
    from flax import linen as nn

    cell = nn.GRUCell(4, kernel_init=door.glorot_uniform(), recurrent_kernel_init=door.orthogonal())
    layer, inputs = nn.RNN(cell), x(2, 5, 3)
    variables = layer.init(KEY, inputs)
    recurrent = variables["params"]["cell"]["hn"]["kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-6)
    trains(variables, lambda variables: layer.apply(variables, inputs))


@library("flax")
def test_linen_vmap():
    """A layer for each key, made at once."""
    from flax import linen as nn

    layers = nn.vmap(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True}, axis_size=3)
    made = layers(4, kernel_init=door.orthogonal()).init(KEY, x(3, 2, 4))["params"]["kernel"]
    assert made.shape == (3, 4, 4)
    for kernel in made:
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(4), atol=1e-6)
    assert abs(made[0] - made[1]).max() > 0.01


# Flax NNX -------------------------------------------------------------------------------------------------------------

NNX = {
    "Linear": (lambda nnx, **k: nnx.Linear(6, 8, **k), x(3, 6)),
    "Conv": (lambda nnx, **k: nnx.Conv(3, 4, (3, 3), **k), x(2, 8, 8, 3)),
    "LinearGeneral": (lambda nnx, **k: nnx.LinearGeneral((2, 3), (4, 2), axis=(-2, -1), **k), x(5, 2, 3)),
}


@library("flax")
@pytest.mark.parametrize("name", NNX)
def test_nnx(name):
    from flax import nnx

    build, inputs = NNX[name]
    kernel = kernels()
    layer = build(nnx, kernel_init=kernel, bias_init=door.zeros, rngs=nnx.Rngs(params=3))
    wanted = kernel.expected()
    np.testing.assert_array_equal(np.asarray(layer.kernel[...]).reshape(wanted.shape), wanted)
    again = nnx.jit(lambda: build(nnx, kernel_init=door.he_normal(), bias_init=door.zeros, rngs=nnx.Rngs(params=3)))()
    np.testing.assert_array_equal(again.kernel[...], layer.kernel[...])
    graph, parameters, rest = nnx.split(layer, nnx.Param, ...)
    trains(parameters, lambda parameters: nnx.merge(graph, parameters, rest)(inputs))


# Haiku ----------------------------------------------------------------------------------------------------------------

HAIKU = {
    "Linear": (lambda hk, k: hk.Linear(8, w_init=k, b_init=door.haiku(door.constant(0.5))), x(3, 6)),
    "Conv2D": (lambda hk, k: hk.Conv2D(4, 3, w_init=k), x(2, 8, 8, 3)),
}


@library("haiku")
@pytest.mark.parametrize("name", HAIKU)
def test_haiku(name):
    import haiku as hk

    build, inputs = HAIKU[name]
    kernel = kernels()

    def forward(inputs):
        return build(hk, door.haiku(kernel))(inputs)

    net = hk.without_apply_rng(hk.transform(forward))
    parameters = net.init(KEY, inputs)
    ((layer, made),) = parameters.items()
    np.testing.assert_array_equal(made["w"], kernel.expected(), err_msg=layer)
    trains(parameters, lambda parameters: net.apply(parameters, inputs))


# Equinox --------------------------------------------------------------------------------------------------------------

EQUINOX = {
    "Linear": (lambda eqx: eqx.nn.Linear(6, 8, key=KEY), x(6), "o i"),
    "Conv2d": (lambda eqx: eqx.nn.Conv2d(3, 4, 3, key=KEY), x(3, 8, 8), "o i h w"),
}


@library("equinox")
@pytest.mark.parametrize("name", EQUINOX)
def test_equinox(name):
    import equinox as eqx

    build, inputs, axes = EQUINOX[name]
    layer = build(eqx)
    weight = door.he_normal(in_axis=1, out_axis=0)(KEY, layer.weight.shape, layer.weight.dtype)
    layer = eqx.tree_at(lambda layer: layer.weight, layer, weight)
    np.testing.assert_array_equal(layer.weight, of.HeNormal(7)(weight.shape, axes=axes, backend="numpy"))
    parameters, rest = eqx.partition(layer, eqx.is_inexact_array)
    trains(parameters, lambda parameters: eqx.combine(parameters, rest)(inputs))


# Shardings in layers' own terms ---------------------------------------------------------------------------------------


def flax_on_four_devices():
    """The metadata of Linen and NNX decide where the weights are; the values are those of one device."""
    from flax import linen as nn
    from flax import nnx
    from jax.sharding import AxisType, Mesh, NamedSharding
    from jax.sharding import PartitionSpec as P

    mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("data", "model"))
    for init in (door.he_normal(), door.orthogonal()):
        layer = nn.Dense(8, kernel_init=nn.with_partitioning(init, ("data", "model")), bias_init=door.zeros)
        wanted = nn.meta.unbox(layer.init(KEY, x(3, 6)))
        specs = nn.get_partition_spec(jax.eval_shape(lambda layer=layer: layer.init(KEY, x(3, 6))))
        assert specs["params"]["kernel"] == P("data", "model")
        places = jax.tree.map(lambda spec: NamedSharding(mesh, spec), specs)
        made = jax.jit(lambda key, layer=layer: nn.meta.unbox(layer.init(key, x(3, 6))), out_shardings=places)(KEY)
        assert made["params"]["kernel"].sharding.spec == P("data", "model")
        jax.tree.map(np.testing.assert_array_equal, made, wanted)

        def build(init=init):
            kernel = nnx.with_partitioning(init, ("data", "model"))
            return nnx.Linear(6, 8, kernel_init=kernel, rngs=nnx.Rngs(3))

        plain = nnx.Linear(6, 8, kernel_init=init, rngs=nnx.Rngs(3)).kernel[...]
        for kind in (AxisType.Auto, AxisType.Explicit):
            with jax.set_mesh(jax.make_mesh((2, 2), ("data", "model"), axis_types=(kind,) * 2)):
                for made in (build(), nnx.jit(build)()):
                    assert made.kernel[...].sharding.spec == P("data", "model")
                    np.testing.assert_array_equal(made.kernel[...], plain)


@library("flax")
def test_partitioning_metadata():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    code = "import test_jax_layers; test_jax_layers.flax_on_four_devices()"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
