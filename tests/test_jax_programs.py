"""Draws inside of JAX's programs: transformations, exports, programs compiled ahead, and generators that repeat."""

import warnings

import numpy as np
import pytest
from frameworks import installed

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from jax.experimental import serialize_executable

import oneseed
import oneseed_jax
from oneseed import Rule, Scheme, initializers
from oneseed_jax import initializers as door

SHAPE = (4, 4)
SAMPLED = {
    "normal": initializers.HeNormal,
    "truncated": lambda seed: initializers.TruncatedNormal(0.3, 1.0, seed),
    "uniform": lambda seed: initializers.RandomUniform(seed=seed),
}
STRUCTURED = {
    "orthogonal": lambda seed: initializers.Orthogonal(1.0, seed),
    "sparse": lambda seed: initializers.Sparse(0.5, seed=seed),
    "spectral": lambda seed: initializers.Spectral(seed=seed),
    "far_in_a_tail": lambda seed: initializers.TruncatedNormal(0.0, 1.0, seed, lower=5.0, upper=6.0),
    "side_by_side": lambda seed: initializers.Blockwise(
        [initializers.Orthogonal(1.0, seed), initializers.HeNormal(seed)], axis=0, sizes=[2, 2]
    ),
}
ALL = {**SAMPLED, **STRUCTURED}


def same(found, wanted):
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


@pytest.fixture(params=ALL)
def drawn(request):
    """A function that draws at a seed, and what it draws at seed 7."""
    init = ALL[request.param]
    return (lambda seed: init(seed)(SHAPE, backend="jax")), init(7)(SHAPE, backend="numpy")


def test_transformations(drawn):
    draw, wanted = drawn
    key = jax.random.key(7)
    keys = jnp.stack([jax.random.key(3), key])
    same(jax.jit(jax.vmap(jax.vmap(draw)))(keys[:, None])[1, 0], wanted)
    for run in (lambda function: function, jax.jit):
        same(run(lambda keys: jax.lax.scan(lambda carry, key: (carry, draw(key)), 0, keys)[1][1])(keys), wanted)
        same(run(lambda keys: jax.lax.map(draw, keys)[1])(keys), wanted)
        same(run(jax.grad(lambda x, key: (x * draw(key)).sum()))(jnp.ones(SHAPE), key), wanted)
        same(
            run(jax.grad(lambda x, key: jax.checkpoint(lambda x: x * draw(key))(x).sum()))(jnp.ones(SHAPE), key), wanted
        )
        same(run(lambda key: jax.lax.cond(True, draw, lambda key: jnp.zeros(SHAPE), key))(key), wanted)
        same(run(lambda key: jax.lax.fori_loop(0, 2, lambda _, x: draw(key), jnp.zeros(SHAPE)))(key), wanted)
        same(run(lambda key: jax.jvp(lambda x: x * draw(key), (jnp.ones(SHAPE),), (jnp.ones(SHAPE),))[1])(key), wanted)
    assert jax.eval_shape(draw, key).shape == SHAPE
    same(jax.jit(draw).lower(key).compile()(key), wanted)


@pytest.mark.parametrize("name", SAMPLED)
def test_programs_of_sampled_draws_are_exported_and_stored(name):
    def draw(key):
        return SAMPLED[name](key)(SHAPE, backend="jax")

    key, wanted = jax.random.key(7), SAMPLED[name](7)(SHAPE, backend="numpy")
    same(jax.export.export(jax.jit(draw), platforms=("cpu", "cuda", "tpu"))(key).call(key), wanted)
    compiled = serialize_executable.serialize(jax.jit(draw).lower(key).compile())
    same(serialize_executable.deserialize_and_load(*compiled)(key), wanted)


@pytest.mark.parametrize("name", STRUCTURED)
@pytest.mark.parametrize("kind", ["key", "raw", "scalar"])
def test_an_export_of_what_is_computed_on_the_host_says_what_to_do(name, kind):
    seed = {"key": jax.random.key(7), "raw": jax.random.PRNGKey(7), "scalar": jnp.uint32(7)}[kind]

    def draw(seed):
        return STRUCTURED[name](seed)(SHAPE, backend="jax")

    wanted = STRUCTURED[name](7)(SHAPE, backend="numpy")
    for function in (draw, jax.vmap(draw)):
        given = seed if function is draw else seed[None]
        with pytest.raises(ValueError, match=r"oneseed computes .* on the host.* jax.export .*pass it as an argument"):
            jax.export.export(jax.jit(function))(given)
    # Where the seed is an integer the values are in the program.
    same(jax.export.export(jax.jit(lambda: draw(7)))().call(), wanted)
    # A program for this process is not an export.
    same(jax.jit(draw)(seed), wanted)


def test_an_export_of_whole_models():
    tree = {"kernel": jax.ShapeDtypeStruct(SHAPE, "float32"), "square": jax.ShapeDtypeStruct(SHAPE, "float32")}
    sampled, both = Scheme([Rule("*", "he_normal")]), Scheme([Rule("square", "orthogonal"), Rule("*", "he_normal")])
    key = jax.random.key(7)

    def make(scheme):
        return jax.jit(lambda key: oneseed_jax.initialize(tree, scheme, seed=key))

    exported = jax.export.export(make(sampled))(key)
    same(exported.call(key)["square"], np.asarray(make(sampled)(key)["square"]))
    with pytest.raises(ValueError, match="oneseed computes the distribution 'orthogonal'"):
        jax.export.export(make(both))(key)
    for init in (door.orthogonal(), door.delta_orthogonal()):
        shape = (3, 4, 4)
        with pytest.raises(ValueError, match="oneseed computes"):
            jax.export.export(jax.jit(lambda key, init=init, shape=shape: init(key, shape)))(key)


# Seeds of a sequence --------------------------------------------------------------------------------------------------


REPEATS = r"without an int as `seed`, in a program that jax records.* repeats the values of this one draw.* Give an int"


@pytest.mark.parametrize("name", ALL)
def test_a_generator_in_a_compiled_function_is_warned_of(name):
    generator = oneseed.random.SeedGenerator(7)

    def draw():
        return ALL[name](generator)(SHAPE, backend="jax")

    compiled = jax.jit(draw)
    with pytest.warns(UserWarning, match=REPEATS) as caught:
        first = compiled()
    assert {warning.filename for warning in caught} == {__file__}
    same(compiled(), np.asarray(first))  # which is what the warning is of
    with pytest.warns(UserWarning, match=REPEATS):
        jax.lax.map(lambda _: ALL[name](generator)(SHAPE, backend="jax"), jnp.arange(2))


def test_a_generator_inside_of_other_initializers_is_warned_of():
    for make in (
        lambda seed: initializers.Scaled(initializers.HeNormal(seed), 0.5),
        lambda seed: initializers.Sum([initializers.Zeros(), initializers.Orthogonal(1.0, seed)]),
    ):
        with pytest.warns(UserWarning, match=REPEATS):
            jax.jit(lambda make=make: make(oneseed.random.SeedGenerator(7))(SHAPE, backend="jax"))()
    with pytest.warns(UserWarning, match=REPEATS):
        jax.jit(lambda: oneseed.random.uniform(SHAPE, seed=oneseed.random.SeedGenerator(7), backend="jax"))()


def test_a_seed_that_is_taken_in_a_compiled_function_is_warned_of():
    initializers.HeNormal(7)(SHAPE, backend="jax")  # after which JAX is asked whether it traces
    calls = (
        lambda: initializers.HeNormal()(SHAPE, backend="jax"),
        lambda: oneseed.random.normal(SHAPE, backend="jax"),
        lambda: jnp.asarray(oneseed.random.normal(SHAPE, backend="numpy")),
    )
    for call in calls:
        compiled = jax.jit(call)
        with pytest.warns(UserWarning, match=REPEATS) as caught:
            first = compiled()
        assert caught[0].filename == __file__
        same(compiled(), np.asarray(first))


def test_what_does_not_repeat_is_not_warned_of():
    generator = oneseed.random.SeedGenerator(7)
    init = initializers.HeNormal(generator)
    wanted = [
        initializers.HeNormal(7)(SHAPE, path=(number,), backend="numpy") for number in range(4)
    ]  # the n-th draw appends n to the path
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(init(SHAPE, backend="jax"), wanted[0])
        same(jax.vmap(lambda x: x * init(SHAPE, backend="jax"))(jnp.ones((2, *SHAPE)))[1], wanted[1])
        same(jax.grad(lambda x: (x * init(SHAPE, backend="jax")).sum())(jnp.ones(SHAPE)), wanted[2])
        jax.jit(lambda: initializers.HeNormal(7)(SHAPE, backend="jax"))()
        jax.jit(lambda key: initializers.HeNormal(key)(SHAPE, backend="jax"))(jax.random.key(7))
        jax.jit(lambda: door.from_oneseed(init)(jax.random.key(7), SHAPE))()
        jax.jit(lambda: door.from_oneseed(initializers.HeNormal())(jax.random.key(7), SHAPE))()
        jax.jit(lambda: initializers.Spectral(base="he_normal", seed=7)(SHAPE, backend="jax"))()
    same(init(SHAPE, backend="jax"), wanted[3])
