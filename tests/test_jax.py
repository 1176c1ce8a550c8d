"""What only JAX has: compiled functions, vmap, keys, shardings, and 64-bit types that are off."""

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

import oneseed
from oneseed import initializers, registry
from oneseed_jax.adapter import JaxBackend
from oneseed_jax.drawing import xla

HE = initializers.HeNormal


@pytest.fixture(autouse=True)
def in_force():
    with oneseed.using(backend="jax"):
        yield


def expected(init, *args, **call):
    return init(*args, **call, backend="numpy")


def same(found, wanted):
    assert isinstance(found, jax.Array)
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found.view(f"u{found.dtype.itemsize}"), wanted.view(f"u{wanted.dtype.itemsize}"))


INITIALIZERS = {
    "normal": initializers.RandomNormal(0.0, 0.02, 7),
    "shifted": initializers.RandomNormal(0.3, 0.02, 7),
    "truncated": initializers.TruncatedNormal(-5.0, 0.01, 2**64 - 1),
    "uniform": initializers.RandomUniform(2.0, 3.0, 9),
    "fixed": initializers.Orthogonal(1.5, 4),
}


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("distribution", INITIALIZERS)
def test_inside_a_callers_function(distribution, x64):
    init = INITIALIZERS[distribution]
    with jax.enable_x64(x64):
        for dtype in ("float32", "bfloat16", "float16", *["float64"] * x64):
            made = jax.jit(lambda dtype=dtype: init((5, 1000), dtype, axes="o i", path="kernel"))()
            same(made, expected(init, (5, 1000), dtype, axes="o i", path="kernel"))


def test_nothing_around_it_changes_the_bits():
    init = INITIALIZERS["normal"]
    for dtype in ("float32", "bfloat16", "float16"):
        # XLA would fold the two factors, and drop the rounding to 16 bits, if it were let.
        made = jax.jit(lambda dtype=dtype: init((100, 100), dtype).astype("float32") * 0.3)()
        same(made, expected(init, (100, 100), dtype).astype("float32") * np.float32(0.3))


def test_integers_in_a_callers_function():
    same(
        jax.jit(lambda: oneseed.random.randint((50,), -3, 2**31 - 1, seed=5))(),
        oneseed.random.randint((50,), -3, 2**31 - 1, seed=5, backend="numpy"),
    )


@pytest.mark.parametrize("init", [HE, lambda seed: initializers.Orthogonal(1.0, seed)], ids=["compiled", "host"])
def test_vmap_over_seeds(init):
    def make(seed):
        return init(seed)((4, 3), path=("a", 1))

    wanted = np.stack([expected(init(seed), (4, 3), path=("a", 1)) for seed in range(3)])
    same(jax.vmap(make)(jnp.arange(3)), wanted)
    same(jax.jit(jax.vmap(make))(jnp.arange(3, dtype="uint8")), wanted)
    keys = jnp.stack([jax.random.key(seed) for seed in range(3)])
    same(jax.vmap(make)(keys), wanted)
    same(jax.jit(jax.vmap(make))(jax.random.key_data(keys)), wanted)


def test_a_constant_seed_under_transformations():
    init = HE(7)
    wanted = expected(init, (3, 4))
    same(jax.vmap(lambda x: x + init((3, 4)))(jnp.zeros((2, 3, 4))), np.stack([wanted] * 2))
    same(jax.grad(lambda x: (x * init((3, 4))).sum())(jnp.ones((3, 4))), wanted)


SEEDS = {
    "typed key": lambda: jax.random.key(7),
    "raw key": lambda: jax.random.PRNGKey(7),
    "int32": lambda: jnp.int32(7),
    "uint8": lambda: jnp.uint8(7),
}


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("init", [HE, lambda seed: initializers.Orthogonal(1.0, seed)], ids=["compiled", "host"])
def test_seeds_of_jax(init, kind):
    wanted = expected(init(7), (4, 3))
    seed = SEEDS[kind]()
    same(init(seed)((4, 3)), wanted)
    same(jax.jit(lambda seed: init(seed)((4, 3)))(seed), wanted)


def test_seeds_of_jax_beyond_32_bits():
    with jax.enable_x64(True):
        seed = 2**40 + 7
        for own in (jnp.uint64(seed), jnp.int64(seed), jax.random.key(seed)):
            same(HE(own)((4, 3)), expected(HE(seed), (4, 3)))


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (lambda: jnp.arange(3), TypeError, "an integer scalar of JAX"),
        (lambda: jnp.float32(3), TypeError, "an integer scalar of JAX"),
        (lambda: jax.random.split(jax.random.key(1), 3), ValueError, "one key; use jax.vmap"),
        (lambda: jnp.int32(-1), ValueError, "must lie in"),
    ],
)
def test_what_is_no_seed(seed, error, message):
    with pytest.raises(error, match=message) as caught:
        HE(seed())((2, 3))
    assert "Received: seed=" in str(caught.value)


def test_nothing_is_compiled_anew_for_other_numbers():
    mesh = jax.sharding.Mesh(np.array(jax.devices("cpu")[:1]), ("x",))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())  # a compiled function draws
    shape, run = (17, 19), xla.program(place)
    families = [
        lambda k: initializers.RandomNormal(0.0, 0.1 + k, jax.random.key(k)),
        lambda k: initializers.RandomNormal(1.0 + k, 0.1 + k, jax.random.key(k)),
        lambda k: initializers.TruncatedNormal(1.0 + k, 0.1 + k, jax.random.key(k)),
        lambda k: initializers.RandomUniform(1.0 + k, 5.0 + k, jax.random.key(k)),
    ]
    for family in families:
        family(0)(shape, device=place)
        size = run._cache_size()
        assert size
        for k in range(1, 4):
            family(k)(shape, path=("layer", k), device=place)
            family(k)((100, 19), partition_shape=shape, partition_offset=(k, 0), device=place)
        assert run._cache_size() == size


def test_a_seed_as_argument_is_traced_once():
    traces = []

    @jax.jit
    def make(seed):
        traces.append(seed)
        return HE(seed)((3, 3))

    for seed in range(4):
        same(make(seed), expected(HE(seed), (3, 3)))
    assert len(traces) == 1


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64", "uint64"])
def test_wide_types_are_refused_while_they_are_off(dtype):
    for make in (lambda: initializers.Ones()((2,), dtype), lambda: oneseed.backend.variable([1], dtype)):
        with pytest.raises(ValueError, match=r"`dtype` must .*jax_enable_x64.* Received: dtype="):
            make()
    with jax.enable_x64(True):
        assert initializers.Ones()((2,), dtype).dtype == dtype


def test_shapes_without_values():
    for dtype in ("float32", "bfloat16"):
        for init in INITIALIZERS.values():
            made = jax.eval_shape(lambda init=init, dtype=dtype: init((4, 3), dtype))
            assert (made.shape, made.dtype) == ((4, 3), dtype)


def test_eval_shape_draws_nothing(monkeypatch):
    monkeypatch.setattr("oneseed_jax.drawing.host.sampled", None)
    made = jax.eval_shape(lambda: HE(7)((2**20, 2**20)))
    assert made.shape == (2**20, 2**20)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32"])
def test_host_memory_is_not_copied(dtype, monkeypatch):
    seen, engine = [], registry.load("numpy")
    fill = engine.fill

    def record(parts):
        seen.extend(out.ctypes.data for _, out in parts)
        fill(parts)

    monkeypatch.setattr(engine, "fill", record)
    init = initializers.RandomUniform(0, 10, 3)
    made = init((33, 7), dtype, device="cpu")
    assert seen == [made.unsafe_buffer_pointer()]
    same(made, expected(init, (33, 7), dtype))


def test_devices():
    cpu = jax.devices("cpu")[0]
    wanted = expected(HE(7), (4, 3))
    for device in (None, cpu, "cpu", "cpu:0", jax.sharding.SingleDeviceSharding(cpu)):
        for init, values in ((HE(7), wanted), (initializers.Zeros(), wanted * 0)):
            made = init((4, 3), device=device)
            same(made, np.abs(values) if init.seed is None else values)
            assert made.devices() == {jax.devices()[0] if device is None else cpu}
            assert made.committed == (device is not None)
    for wrong in ("cpu:99", "cpu:x", "cpu:-1", "nowhere"):
        with pytest.raises(ValueError, match=r"`device` must .* Received: device="):
            HE(7)((2, 2), device=wrong)


def test_variables_are_copies():
    given = np.ones(64, "float32")
    variable = oneseed.backend.variable(given)
    tensor = registry.load("jax").from_numpy(given)
    given[0] = 2
    assert variable[0] == tensor[0] == 1


def test_modes():
    assert {"eager", "jit"} <= set(JaxBackend().modes())


def on_four_devices():
    """Bits, no exchange between devices, and each device its own part."""
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    assert len(jax.devices()) == 4
    mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("a", "b"))
    inits = [*INITIALIZERS.values(), initializers.Zeros(), initializers.Identity()]
    for spec in [("a", "b"), (("a", "b"), None), (None, "b"), ()]:
        sharding = NamedSharding(mesh, PartitionSpec(*spec))
        for init in inits:

            def make(init=init, sharding=sharding):
                return init((8, 12), axes="o i", backend="jax", device=sharding)

            wanted = expected(init, (8, 12), axes="o i")
            for made in (make(), jax.jit(make)()):
                same(made, wanted)
                assert made.sharding.is_equivalent_to(sharding, 2), (init, made.sharding, sharding)
                for part in made.addressable_shards:
                    same(part.data, wanted[part.index])
            if init.seed is not None and init is not INITIALIZERS["fixed"]:
                assert "all-" not in jax.jit(make).lower().compile().as_text()
        generator = oneseed.random.SeedGenerator(7)
        with oneseed.using(rng="native", backend="jax"):
            assert HE(generator)((8, 12), device=sharding).sharding == sharding
    second = jax.devices()[1]
    made = HE(7)((8, 12), backend="jax", device="cpu:1")
    assert made.devices() == {second}
    same(made, expected(HE(7), (8, 12)))
    with jax.default_device(second):
        assert HE(7)((8, 12), backend="jax").devices() == {second}
    with pytest.raises(ValueError, match=r"`device` must be a sharding that fits .* Received: device="):
        HE(7)((7, 12), backend="jax", device=NamedSharding(mesh, PartitionSpec("a")))
    run = JaxBackend().modes()["sharded"]
    for shape in ((8, 12), (3, 4), (3,), ()):
        init = HE(oneseed.random.SeedGenerator(7))
        made = run(lambda init=init, shape=shape: init(shape, backend="jax"))
        same(made, expected(HE(7), shape, path=(0,)))
        assert len(made.devices()) == 4


def test_several_devices():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    code = "import test_jax; test_jax.on_four_devices()"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
