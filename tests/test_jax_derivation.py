"""Keys that a program derives from another key: the draw derives them itself, with the bits of JAX's own functions."""

import re

import numpy as np
import pytest
from frameworks import installed, peer

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

import oneseed_jax
from oneseed_jax.drawing import derivation, foreign
from oneseed_jax.drawing.keys import key_words

INIT = oneseed_jax.initializers.normal(0.02)


def same(found, wanted):
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


def derivations(key):
    """Keys derived in the ways that are known, and in others."""
    first, second = jax.random.split(key)
    many = jax.random.split(first, (2, 3))
    known = [second, many[1, 2], *many[0], jax.random.fold_in(many[1, 0], 2**32 - 1)]
    count = jnp.uint32(3)
    for _ in range(3):
        known.append(jax.random.fold_in(key, count))
        count = count + 1
    number = key_words(key)[-1]
    return [*known, many[number % 2, 0], jax.random.fold_in(key, number)]


def derived_by(function, *args):
    return re.findall(r"derived_by=(\(.*\))", str(jax.make_jaxpr(function)(*args)))


@pytest.mark.parametrize("partitionable", [True, False])
@pytest.mark.parametrize("key", [jax.random.key(7), jax.random.PRNGKey(2**31 + 7)])
def test_keys_that_the_program_derives(partitionable, key):
    def made(key):
        return [INIT(each, (5,)) for each in derivations(key)]

    with jax.threefry_partitionable(partitionable):
        wanted = made(key)
        for values, expected in zip(jax.jit(made)(key), wanted, strict=True):
            same(values, np.asarray(expected))
        assert sum(numbers != "()" for numbers in derived_by(made, key)) == (6 if partitionable else 4)


def test_a_long_chain_of_keys_is_cut(monkeypatch):
    monkeypatch.setattr(derivation, "MANY", 4)

    def made(key):
        found = []
        for _ in range(6):
            key, last = jax.random.split(key)
            found.append(INIT(last, (3,)))
        return found

    key = jax.random.key(7)
    for values, expected in zip(jax.jit(made)(key), made(key), strict=True):
        same(values, np.asarray(expected))
    assert max(numbers.count(",") for numbers in derived_by(made, key)) == 2


def test_keys_that_are_derived_under_vmap():
    def made(key, number):
        orthogonal = oneseed_jax.initializers.orthogonal()
        count, chain = jnp.zeros((), "uint32"), [key]
        for _ in range(4):
            count = count + 1
            chain.append(jax.random.fold_in(chain[-1], count))
        known = [*chain[1:], jax.random.split(key)[1], jax.random.split(chain[1], (2, 3))[1, 2]]
        drawn = [INIT(each, (3,)) for each in (*known, jax.random.fold_in(key, number))]
        return [*drawn, orthogonal(known[-1], (3, 2))]

    keys = jax.random.split(jax.random.key(7), (2, 3))
    numbers = jnp.arange(6, dtype="uint32").reshape(2, 3)
    mapped = jax.vmap(jax.vmap(made))
    for found, wanted in zip(jax.jit(mapped)(keys, numbers), made(keys[1, 2], numbers[1, 2]), strict=True):
        same(found[1, 2], np.asarray(wanted))
    steps = derived_by(mapped, keys, numbers)
    assert steps == ["(1,)", "(1, 2)", "(1, 2, 3)", "(1, 2, 3, 4)", "(1,)", "(1, 5)", "()", "(1, 5)"]


def test_operations_of_xla_derive_keys_too():
    """Exported programs have nothing else: they derive what the program does not, which is one step from its key."""

    def made(key):
        found = []
        for number in range(3):
            key = jax.random.fold_in(key, number)
            found.append(INIT(key, (3,)))
        return found

    keys = jax.random.split(jax.random.key(7), 2)
    exported = jax.export.export(jax.jit(jax.vmap(jax.jit(made))))(keys)
    for found, wanted in zip(exported.call(keys), jax.vmap(made)(keys), strict=True):
        same(found, np.asarray(wanted))


def test_a_derived_key_is_one_operation_of_the_program():
    def made(key):
        return [INIT(jax.random.fold_in(key, n), (3,)) for n in range(5)]

    key = jax.random.key(7)
    names = [equation.primitive.name for equation in jax.make_jaxpr(made)(key).eqns]
    assert names.count("random_unwrap") == 1
    assert names.count("oneseed_draw") == 5
    if foreign.registered():
        assert "threefry" not in jax.jit(made).lower(key).as_text()


def test_programs_inside_of_others_share_no_key():
    def draw(key, number):
        return INIT(jax.random.fold_in(key, number), (3,))

    def made(key):
        inside = jax.jit(lambda: draw(key, 1))()
        outside = draw(key, 2)
        chosen = jax.lax.cond(outside[0] > 9, lambda: draw(key, 3), lambda: draw(key, 4))
        _, scanned = jax.lax.scan(lambda carry, _: (carry, draw(key, 5)), 0, length=2)
        mapped = jax.vmap(lambda key: draw(key, 6))(jnp.stack([key, key]))
        return inside, outside, chosen, scanned[1], mapped[1], draw(key, 7)

    key = jax.random.key(7)
    with jax.checking_leaks():
        found = jax.jit(made)(key)
    for values, number in zip(found, (1, 2, 4, 5, 6, 7), strict=True):
        same(values, np.asarray(draw(key, number)))


# Flax -----------------------------------------------------------------------------------------------------------------


def nnx_model(nnx):
    def make(rngs):
        return nnx.List([nnx.Linear(3, 3, use_bias=False, kernel_init=INIT, rngs=rngs) for _ in range(4)])

    return lambda key: nnx.to_pure_dict(nnx.state(make(nnx.Rngs(key)), nnx.Param))


def nnx_stack(nnx):
    @nnx.split_rngs(splits=5)
    @nnx.vmap(in_axes=(nnx.StateAxes({...: 0}),), out_axes=0)
    def make(rngs):
        return nnx.List([nnx.Linear(3, 3, use_bias=False, kernel_init=INIT, rngs=rngs) for _ in range(4)])

    return lambda key: nnx.to_pure_dict(nnx.state(make(nnx.Rngs(key)), nnx.Param))


def linen_model(linen):
    layers = [linen.Dense(3, use_bias=False, kernel_init=INIT) for _ in range(4)]
    return lambda key: linen.Sequential(layers).init(key, jnp.zeros((1, 3)))


@pytest.mark.parametrize(
    ("make", "library"), [(nnx_model, "flax.nnx"), (nnx_stack, "flax.nnx"), (linen_model, "flax.linen")]
)
def test_models_of_flax(make, library):
    model = make(peer(library))
    key = jax.random.key(7)
    for found, wanted in zip(*(jax.tree.leaves(run(key)) for run in (jax.jit(model), model)), strict=True):
        same(found, np.asarray(wanted))
    steps = derived_by(model, key)
    assert len(steps) == 4
    assert "()" not in steps
    if make is not nnx_stack:  # which splits a key for its layers
        names = [equation.primitive.name for equation in jax.make_jaxpr(model)(key).eqns]
        assert names.count("random_unwrap") == 1
        assert "threefry" not in jax.jit(model).lower(key).as_text() or not foreign.registered()
