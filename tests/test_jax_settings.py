"""JAX's settings: whatever a program has set, a draw has the same bits and raises nothing."""

from contextlib import ExitStack

import numpy as np
import pytest
from frameworks import installed

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

import oneseed
import oneseed_jax
from oneseed import Rule, Scheme, initializers
from oneseed_jax import initializers as door

SETTINGS = {
    "strict_promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "rank_promotion": lambda: jax.numpy_rank_promotion("raise"),
    "debug_nans": lambda: jax.debug_nans(True),
    "debug_infs": lambda: jax.debug_infs(True),
    "disable_jit": jax.disable_jit,
    "enable_checks": lambda: jax.enable_checks(True),
    "tracer_leaks": jax.checking_leaks,
    "transfer_guard": lambda: jax.transfer_guard("disallow"),
    "rbg": lambda: jax.default_prng_impl("rbg"),
    "matmul_precision": lambda: jax.default_matmul_precision("bfloat16"),
    "x64": lambda: jax.enable_x64(True),
}

DISTRIBUTIONS = {
    "normal": lambda seed: initializers.RandomNormal(0.0, 0.02, seed),
    "shifted": lambda seed: initializers.RandomNormal(0.3, 0.02, seed),
    "truncated": lambda seed: initializers.TruncatedNormal(0.3, 1.0, seed),
    "far_in_a_tail": lambda seed: initializers.TruncatedNormal(0.0, 1.0, seed, lower=5.0, upper=6.0),
    "uniform": lambda seed: initializers.RandomUniform(2.0, 3.0, seed),
    "orthogonal": lambda seed: initializers.Orthogonal(1.0, seed),
    "sparse": lambda seed: initializers.Sparse(0.5, seed=seed),
    "side_by_side": lambda seed: initializers.Blockwise(
        [initializers.HeNormal(seed), initializers.Orthogonal(1.0, seed)], axis=0, sizes=[2, 2]
    ),
    "constant": lambda seed: initializers.Constant(2.5),
    "zeros": lambda seed: initializers.Zeros(),
    "array": lambda seed: initializers.Constant(np.arange(4.0)),
}
DTYPES = {
    **dict.fromkeys(DISTRIBUTIONS, ("float32",)),
    "normal": ("float32", "bfloat16", "float8_e4m3fn", "complex64", "float64"),
    "shifted": ("float16", "float64"),
    "truncated": ("float32", "float64"),
    "uniform": ("bfloat16", "int32"),
}
SHAPE = (4, 4)


@pytest.fixture(params=SETTINGS)
def setting(request):
    """What puts a setting in force; what a test needs beforehand is made without it."""
    return SETTINGS[request.param]


def same(found, wanted):
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_distribution_eager_and_compiled(name, setting):
    init, keys = DISTRIBUTIONS[name], jnp.stack([jax.random.key(7)] * 2)
    key = keys[0]
    for dtype in DTYPES[name]:
        wanted = init(7)(SHAPE, dtype, backend="numpy")
        with ExitStack() as stack:
            if dtype == "float64":
                stack.enter_context(jax.enable_x64(True))
            stack.enter_context(setting())

            def draw(seed, dtype=dtype):
                return init(seed)(SHAPE, dtype, backend="jax")

            same(draw(7), wanted)
            same(draw(key), wanted)
            same(jax.jit(draw)(key), wanted)
            same(jax.jit(lambda draw=draw: draw(7))(), wanted)
            if dtype == DTYPES[name][0]:
                made = jax.vmap(draw, out_axes=0 if depends(name) else None)(keys)
                same(np.asarray(made)[1] if depends(name) else made, wanted)


def depends(name):
    return name not in ("constant", "zeros", "array")


@pytest.mark.parametrize(
    "name", ["normal", "he_uniform", "truncated_normal", "orthogonal", "delta_orthogonal", "zeros", "ones"]
)
def test_every_kind_of_the_functions_of_jax(name, setting):
    init = getattr(door, name) if name in ("zeros", "ones") else getattr(door, name)()
    key, shape = jax.random.key(7), (3, 4, 4)
    wanted = np.asarray(init(key, shape, "float32"))
    with setting():
        same(init(key, shape, "float32"), wanted)
        same(jax.jit(lambda key: init(key, shape, "float32"))(key), wanted)


def test_whole_models(setting):
    tree = {name: jax.ShapeDtypeStruct(SHAPE, "float32") for name in ("kernel", "square", "bias")}
    scheme = Scheme([Rule("bias", "zeros"), Rule("square", "orthogonal")], otherwise="he_normal")
    wanted = {name: np.asarray(leaf) for name, leaf in oneseed_jax.initialize(tree, scheme, seed=7).items()}
    key = jax.random.key(7)
    with setting():
        for made in (
            oneseed_jax.initialize(tree, scheme, seed=7),
            oneseed_jax.initialize(tree, scheme, seed=key),
            jax.jit(lambda key: oneseed_jax.initialize(tree, scheme, seed=key))(key),
        ):
            for name, values in wanted.items():
                same(made[name], values)


def test_a_place_is_kept_without_compilation():
    device = jax.devices()[0]
    mesh = jax.sharding.Mesh(np.array([device]), ("x",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    with jax.disable_jit():
        for init in (initializers.HeNormal(7), initializers.Orthogonal(1.0, 7), initializers.Zeros()):
            made = init(SHAPE, backend="jax", device=sharding)
            same(made, init(SHAPE, backend="numpy"))
            assert made.sharding == sharding


def test_what_jax_calls_not_a_number_may_be_asked_for():
    """With `jax_debug_nans`, JAX's own functions refuse it, and so does the initializer `NaN`."""
    with jax.debug_nans(True):
        for make in (lambda: jnp.full(3, jnp.nan), lambda: initializers.NaN()((3,), backend="jax")):
            with pytest.raises(FloatingPointError):
                make()


def test_the_settings_are_those_that_they_are_said_to_be():
    """Each of them changes what JAX does, so that the tests above try something."""
    with jax.numpy_dtype_promotion("strict"), pytest.raises(ValueError, match="promotion"):
        jnp.ones(2, "float32") + jnp.ones(2, "int32")
    with jax.numpy_rank_promotion("raise"), pytest.raises(ValueError, match="rank"):
        jnp.ones((2, 2)) + jnp.ones(2)
    with jax.transfer_guard("disallow"), pytest.raises(Exception, match="Disallowed"):
        jnp.ones(3)


def test_a_kept_draw_follows_the_settings():
    init = initializers.HeNormal(7)
    expected = oneseed.fingerprint(init((8, 8), backend="numpy"))

    def kept():
        return [init((8, 8), backend="jax") for _ in range(2)][1]

    assert not kept().committed
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("x",))
    with jax.set_mesh(mesh):
        assert isinstance(kept().sharding, jax.sharding.NamedSharding)
        assert oneseed.fingerprint(kept()) == expected
    with jax.transfer_guard("disallow"):
        assert oneseed.fingerprint(kept()) == expected
    with jax.default_device(jax.devices()[-1]):
        assert kept().devices() == {jax.devices()[-1]}
    assert oneseed.fingerprint(jax.jit(kept)()) == expected
    assert oneseed.fingerprint(jax.vmap(lambda x: kept() + 0 * x)(np.zeros(2, np.float32))[1]) == expected
    assert oneseed.fingerprint(kept()) == expected


@pytest.mark.parametrize("shape", [(5, 3), (517, 129)])
def test_constants_need_no_program(shape):
    """A new initializer would wait for one to be compiled."""
    with jax.no_tracing(True):
        for value in (0.5, -0.0, 1e-45, float("inf")):
            init = initializers.Constant(value)
            for _ in range(2):
                made = init(shape, backend="jax")
                assert np.asarray(made).tobytes() == init(shape, backend="numpy").tobytes()
                assert not made.committed
                assert not made.weak_type
        assert np.asarray(initializers.Ones()(shape, backend="jax")).all()
        # Calls of which nothing is kept.
        ones = initializers.Ones()(shape, backend="jax", device=jax.devices()[0])
        assert ones.committed
        for made in (ones, initializers.Ones()(list(shape), backend="jax")):
            assert made.shape == shape
            assert np.asarray(made).all()


def test_an_attribute_that_is_traced_by_now_is_not_compared():
    init = initializers.HeNormal(7)
    init((4, 3), backend="jax")

    def drawn(seed):
        init.seed = seed
        return init((4, 3), backend="jax")

    made = jax.jit(drawn)(5)
    assert oneseed.fingerprint(made) == oneseed.fingerprint(initializers.HeNormal(5)((4, 3)))
