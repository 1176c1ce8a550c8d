"""Keys of JAX as seeds: of every generator, typed and raw, wherever seeds are taken."""

import itertools

import numpy as np
import pytest
import reference
from frameworks import installed, peer

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl

import oneseed
import oneseed_jax
from oneseed import Rule, Scheme, initializers
from oneseed_jax import initializers as door

INITS = {"sampled": initializers.HeNormal, "structured": lambda seed: initializers.Orthogonal(1.0, seed)}
SHAPE = (5, 3)
TAGS = itertools.count()


def foreign(*words, shape=None):
    """Return a key of a generator that is not JAX's own, with these words."""
    array = np.array(words, "uint32").reshape(shape or len(words))
    impl = define_prng_impl(
        key_shape=array.shape,
        seed=lambda seed: jnp.asarray(array),
        split=None,
        random_bits=None,
        fold_in=None,
        name=f"foreign{next(TAGS)}",
        tag="own",
    )
    return jax.random.key(0, impl=impl)


def known(name):
    """Tell whether this version of JAX has a generator."""
    try:
        jax.random.key(0, impl=name)
    except ValueError:
        return False
    return True


NEW = [name for name in ("threefry4x32", "philox2x32", "philox4x32") if known(name)]
TYPED = {
    **{name: lambda name=name: jax.random.key(7, impl=name) for name in ("rbg", "unsafe_rbg", *NEW)},
    "split": lambda: jax.random.split(jax.random.key(7, impl="rbg"), 3)[1],
    "folded": lambda: jax.random.fold_in(jax.random.key(7, impl="unsafe_rbg"), 12),
    "one_word": lambda: foreign(2**32 - 1),
    "two_words": lambda: foreign(0, 7),
    "three_words": lambda: foreign(1, 2, 3),
    "four_words": lambda: foreign(2**31, 0, 5, 2**32 - 1),
    "square": lambda: foreign(1, 2, 3, 4, shape=(2, 2)),
}


def seed_of(key):
    """Return the seed of a key, as the page on the stream defines it."""
    words = [int(word) for word in np.asarray(jax.random.key_data(key)).flat]
    low, high, _, _ = reference.philox((*words, 0, 0, 0)[:4], (0x6B657973, 0))
    return high << 32 | low


def same(found, wanted):
    assert isinstance(found, jax.Array)
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


def expected(init, seed, shape=SHAPE):
    return init(seed)(shape, backend="numpy")


def in_every_way(init, key, wanted):
    """Draw eagerly, compiled, over a batch, and with a key that a compiled function knows."""

    def draw(key):
        return init(key)(SHAPE, backend="jax")

    same(draw(key), wanted)
    same(jax.jit(draw)(key), wanted)
    same(jax.jit(lambda: draw(key))(), wanted)
    same(jax.vmap(draw)(jnp.stack([key, key])), np.stack([wanted, wanted]))
    same(jax.jit(jax.vmap(draw))(jnp.stack([key, key]))[1], wanted)


@pytest.mark.parametrize("kind", INITS)
@pytest.mark.parametrize("name", TYPED)
def test_typed_keys_of_any_generator(name, kind):
    key, init = TYPED[name](), INITS[kind]
    in_every_way(init, key, expected(init, seed_of(key)))


@pytest.mark.parametrize("kind", INITS)
@pytest.mark.parametrize("chosen", ["threefry2x32", "rbg", "unsafe_rbg", *NEW])
def test_raw_keys(chosen, kind):
    """Those of the generator in force; besides, two words are of JAX's default and four of rbg."""
    init = INITS[kind]
    two, four = np.array([2**31, 5], "uint32"), np.array([1, 2, 3, 2**32 - 1], "uint32")
    with jax.default_prng_impl(chosen):
        own = jax.random.PRNGKey(7)
        typed = jax.random.wrap_key_data(own)
        in_every_way(init, own, expected(init, 7 if chosen == "threefry2x32" else seed_of(typed)))
        in_every_way(init, jnp.asarray(four), expected(init, seed_of(foreign(*four))))
        if chosen != "philox4x32":  # whose keys have two words
            in_every_way(init, jnp.asarray(two), expected(init, 2**63 + 5))


def test_typed_keys_of_the_default_do_not_depend_on_the_generator_in_force():
    key, wanted = jax.random.key(7), expected(initializers.HeNormal, 7)
    for name in ("rbg", "unsafe_rbg", *NEW):
        with jax.default_prng_impl(name):
            in_every_way(initializers.HeNormal, key, wanted)
            with oneseed.using(rng="native", backend="jax"):
                same(initializers.HeNormal(7)(SHAPE), native())


def native():
    with oneseed.using(rng="native", backend="jax"):
        return np.asarray(initializers.HeNormal(7)(SHAPE))


@pytest.mark.parametrize("name", [*TYPED, "raw"])
def test_wherever_a_seed_is_taken(name):
    key = jnp.uint32([1, 2, 3, 4]) if name == "raw" else TYPED[name]()
    seed = seed_of(foreign(1, 2, 3, 4) if name == "raw" else key)
    tree = {"a": jax.ShapeDtypeStruct(SHAPE, "float32"), "b": jax.ShapeDtypeStruct((4, 4), "float32")}
    scheme = Scheme([Rule("a", "he_normal"), Rule("b", "orthogonal")])
    wanted = oneseed_jax.initialize(tree, scheme, seed=seed)
    for made in (
        oneseed_jax.initialize(tree, scheme, seed=key),
        jax.jit(lambda key: oneseed_jax.initialize(tree, scheme, seed=key))(key),
    ):
        for leaf in tree:
            same(made[leaf], np.asarray(wanted[leaf]))
    for init in (door.he_normal(), door.orthogonal(), door.uniform(1.0, "float16")):
        whole = np.asarray(init(seed, SHAPE))
        same(init(key, SHAPE), whole)
        same(jax.jit(lambda key, init=init: init(key, SHAPE))(key), whole)
        assert np.abs(whole).max() > 0
    same(door.zeros(key, SHAPE), np.zeros(SHAPE, "float32"))
    raw = np.asarray(jax.random.key_data(key) if name != "raw" else key)
    if raw.shape == (4,):  # in NumPy's arrays too
        same(door.he_normal()(raw, SHAPE), expected(initializers.HeNormal, seed))
        same(oneseed_jax.initialize(tree, scheme, seed=raw)["a"], np.asarray(wanted["a"]))


def test_flax_hands_over_keys_of_any_generator():
    linen = peer("flax.linen")
    layer = linen.Dense(4, kernel_init=door.he_normal())
    for name in ("rbg", "threefry2x32"):
        kernels = [
            layer.init(jax.random.key(seed, impl=name), jnp.ones((1, 3)))["params"]["kernel"] for seed in (1, 1, 2)
        ]
        same(kernels[1], np.asarray(kernels[0]))
        assert not (kernels[0] == kernels[2]).any()


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (lambda: foreign(1, 2, 3, 4, 5), ValueError, "at most four words of 32 bits; this one has 5"),
        (lambda: foreign(*range(6), shape=(2, 3)), ValueError, "this one has 6"),
        (lambda: jax.random.split(jax.random.key(1, impl="rbg")), ValueError, "one key; use jax.vmap"),
        (lambda: jnp.zeros((3, 2), "uint32"), ValueError, "one key; use jax.vmap"),
        (lambda: jnp.zeros((3, 4), "uint32"), ValueError, "one key; use jax.vmap"),
        (lambda: jnp.zeros(3, "uint32"), TypeError, "A raw key is an array of uint32"),
        (lambda: jnp.zeros(2, "int32"), TypeError, "A raw key is an array of uint32"),
        (lambda: jnp.zeros(4, "float32"), TypeError, "A raw key is an array of uint32"),
        (lambda: np.zeros(2, "int64"), TypeError, "A raw key is an array of uint32"),
        (lambda: np.zeros(2, "float32"), TypeError, "A raw key is an array of uint32"),
        (lambda: np.float32(3), TypeError, "must be a"),
        (lambda: "7", TypeError, "must be a"),
    ],
)
def test_what_is_not_a_key(key, error, message):
    tree, scheme = {"a": jax.ShapeDtypeStruct(SHAPE, "float32")}, Scheme([Rule("a", "he_normal")])
    given = key()
    with pytest.raises(error, match=message) as caught:
        door.he_normal()(given, SHAPE)
    assert "Received: key=" in str(caught.value)
    array = isinstance(given, jax.Array | np.ndarray)
    with pytest.raises(error, match=message if array else "must be") as caught:
        oneseed_jax.initialize(tree, scheme, seed=given)
    assert "Received: seed=" in str(caught.value)
    assert not hasattr(caught.value, "__notes__")  # nothing had begun
    if isinstance(given, jax.Array):
        for draw in (initializers.HeNormal(given), initializers.Orthogonal(1.0, given)):
            with pytest.raises(error, match=message):
                draw(SHAPE, backend="jax")
            with pytest.raises(error, match=message):
                jax.jit(lambda draw=draw: draw(SHAPE, backend="jax"))()


def test_tensors_of_other_frameworks_are_not_seeds():
    torch = peer("torch")
    for seed in (torch.tensor(7), torch.tensor([0, 7])):
        with pytest.raises(TypeError, match=r"`seed` must be a JAX key.* Received: seed=tensor"):
            initializers.HeNormal(seed)(SHAPE, backend="jax")
        with pytest.raises(TypeError, match=r"`key` must be a JAX key.* Received: key=tensor"):
            door.he_normal()(seed, SHAPE)
