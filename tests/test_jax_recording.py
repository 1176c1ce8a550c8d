"""Schemes recorded from JAX models: Flax Linen and NNX, Equinox, plain functions."""

import random

import pytest
from frameworks import installed, peer

if not installed("jax"):
    pytest.skip("JAX is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
import numpy as np

import oneseed_jax
from oneseed import Scheme
from oneseed.initializers import Computed, Constant, Orthogonal, RandomNormal, RandomUniform, Stored, TruncatedNormal
from oneseed_jax import recorded_scheme

INIT = jax.nn.initializers
KEY = jax.random.key(0)

CASES = {
    "normal": (lambda key: INIT.normal(0.02)(key, (32, 16)), RandomNormal(0.0, 0.02)),
    "uniform": (lambda key: jax.random.uniform(key, (32, 16), minval=-1.0, maxval=3.0), RandomUniform(-1.0, 3.0)),
    "xavier": (lambda key: INIT.xavier_uniform()(key, (32, 16)), RandomUniform(-(0.125**0.5), 0.125**0.5)),
    "lecun": (
        lambda key: INIT.lecun_normal()(key, (32, 16)),
        TruncatedNormal(0.0, 0.2009680, lower=-0.4019361, upper=0.4019361, bounds="absolute"),
    ),
    "orthogonal": (lambda key: INIT.orthogonal(2.0)(key, (32, 16)), Orthogonal(2.0)),
    "wide orthogonal": (lambda key: INIT.orthogonal()(key, (16, 32)), Orthogonal(1.0)),
    "a function": (lambda key: jax.random.normal(key, (32, 16)) / 4 + 1, RandomNormal(1.0, 0.25)),
    "compiled": (jax.jit(lambda key: -jax.random.uniform(key, (8,))), RandomUniform(-1.0, 0.0)),
    "cast": (lambda key: jax.random.normal(key, (32, 16)).astype("bfloat16"), RandomNormal(0.0, 1.0)),
    "stacked": (
        lambda key: jax.vmap(lambda key: INIT.normal(0.5)(key, (4, 8)))(jax.random.split(key, 3)),
        RandomNormal(0.0, 0.5),
    ),
    "constant": (lambda key: jnp.full((3,), 0.25), Constant(0.25)),
    "table": (lambda key: jnp.sin(jnp.arange(8.0)), None),
    "gumbel": (lambda key: jax.random.gumbel(key, (32, 16)), None),
    "log-uniform": (lambda key: jnp.log(jax.random.uniform(key, (32,), minval=1, maxval=16)), None),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_function_draws_is_recognised(name):
    function, expected = CASES[name]
    if isinstance(expected, Orthogonal) and "name=_orthogonal" not in str(jax.make_jaxpr(function)(KEY)):
        pytest.skip("this version of JAX records no name of its orthogonal draws, by which they are recognised")
    scheme = recorded_scheme(lambda key: {"w": function(key)}, KEY)
    found = scheme.match("w")[0].initializer
    if expected is None:
        assert type(found) is (Stored if name == "table" else Computed)
    else:
        assert type(found) is type(expected)
        for key, value in expected.get_config().items():
            got = found.get_config()[key]
            assert got == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), key
    tree = jax.eval_shape(lambda key: {"w": function(key)}, KEY)
    ours = np.asarray(oneseed_jax.initialize(tree, Scheme.from_json(scheme.to_json()), seed=3)["w"], "float64")
    theirs = np.asarray(function(jax.random.key(5)), "float64")
    if name in ("constant", "table"):
        assert np.array_equal(ours, theirs)
    else:  # within six standard errors
        error = 6 * np.sqrt((ours.var() + theirs.var()) / ours.size)
        assert abs(ours.mean() - theirs.mean()) < error
        assert abs(ours.std() - theirs.std()) < error


@pytest.mark.parametrize(
    "function",
    [
        lambda key: jax.random.gumbel(key, (3,)) + jax.random.key_data(key)[0],
        lambda key: jax.random.bits(key, (3,)).astype("float32"),
        lambda key: jax.random.gamma(key, 2.0, (3,)),
        lambda key: jax.random.randint(key, (3,), 0, 9).astype("float32"),
    ],
    ids=["the key's data", "bits", "a rejection loop", "integers"],
)
def test_what_is_not_known_is_refused_by_name(function):
    with pytest.raises(
        ValueError, match="Not recorded:\nlayer/w: values of the arguments, or a draw that is not known"
    ):
        recorded_scheme(lambda key: {"layer": {"w": function(key)}}, KEY)
    with pytest.raises(TypeError, match="`init` must be callable"):
        recorded_scheme({"w": 1})


@pytest.mark.parametrize(
    "function",
    [
        lambda key: jnp.asarray(np.random.default_rng().normal(size=(4, 3))),
        lambda key: jax.random.normal(key, (4, 3)) * random.random(),
        lambda key: jax.random.normal(key, (4, 3)) + np.random.default_rng().normal(size=(4, 1)),
        lambda key: jax.random.uniform(key, (4, 3), maxval=1 + random.random()),
    ],
    ids=["a table", "a scale", "a shift", "a bound"],
)
def test_random_numbers_that_are_not_of_jax_are_refused_by_name(function):
    with pytest.raises(ValueError, match="Not recorded:\nw: values that are others in another run"):
        recorded_scheme(lambda key: {"w": function(key), "b": jnp.zeros(3)}, KEY)


def test_a_large_model_takes_no_memory():
    scheme = recorded_scheme(
        lambda key: {"w": INIT.normal(0.5)(key, (2**20, 2**20)), "b": jnp.ones((2**20, 2**18))}, KEY
    )
    assert [type(rule.initializer).__name__ for rule in scheme.rules] == ["Ones", "RandomNormal"]


def test_linen_and_its_scan():
    nn = peer("flax.linen")

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x, _):
            return nn.Dense(8, kernel_init=INIT.normal(0.5))(x), None

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.BatchNorm(use_running_average=True)(x)
            stack = nn.scan(Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=5)
            return stack()(x, None)[0] + self.param("scale", lambda key: jax.random.uniform(key, (8,)) * 2)

    model, x = Model(), jnp.ones((2, 8))
    scheme = recorded_scheme(lambda key: model.init(key, x), KEY)
    found = {rule.pattern: rule for rule in scheme.rules}
    assert found["params/ScanBlock_0/Dense_0/kernel"].axes == "b0 i o"
    assert found["params/ScanBlock_0/Dense_0/kernel"].initializer.stddev == 0.5
    assert found["params/scale"].initializer.maxval == 2.0
    assert [rule.pattern for rule in scheme.rules if rule.state] == [
        "batch_stats/BatchNorm_0/mean",
        "batch_stats/BatchNorm_0/var",
    ]
    variables = oneseed_jax.initialize(jax.eval_shape(model.init, KEY, x), scheme, seed=7)
    assert (variables["batch_stats"]["BatchNorm_0"]["var"] == 1).all()
    assert jnp.isfinite(model.apply(variables, x)).all()


def test_nnx_and_its_vmap():
    nnx = peer("flax.nnx")

    @nnx.split_rngs(splits=3)
    @nnx.vmap(in_axes=0, out_axes=0)
    def layers(rngs):
        return nnx.Linear(8, 4, kernel_init=INIT.normal(0.5), rngs=rngs)

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.layers, self.norm = layers(rngs), nnx.BatchNorm(4, rngs=rngs)
            self.table = nnx.Embed(7, 4, rngs=rngs)

    scheme = recorded_scheme(lambda: Model(nnx.Rngs(0)))
    found = {rule.pattern: rule for rule in scheme.rules}
    assert (found["layers/kernel"].axes, found["layers/kernel"].initializer.stddev) == ("b0 i o", 0.5)
    assert found["table/embedding"].axes == "b o"
    model = oneseed_jax.initialize(nnx.eval_shape(lambda: Model(nnx.Rngs(0))), scheme, seed=7)
    assert (model.norm.var[...] == 1).all()


def test_equinox():
    equinox = peer("equinox")
    scheme = recorded_scheme(lambda key: equinox.nn.MLP(4, 3, 8, 2, key=key), KEY)
    assert scheme.match("layers/0/weight")[0].initializer.minval == -0.5
