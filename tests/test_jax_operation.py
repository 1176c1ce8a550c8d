"""A draw is one operation of a program that JAX compiles: on a CPU a call of the kernels, with the bits of others."""

import itertools
import os
import re
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from draws_of_tests import DISTRIBUTIONS, LIMITS
from frameworks import installed

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

import oneseed_jax
from oneseed import Rule, Scheme, initializers, registry
from oneseed.distributions import Integers
from oneseed.draws import Draw
from oneseed_jax import initializers as door
from oneseed_jax.drawing import foreign, host, operation
from oneseed_jax.drawing.dispatch import execute
from oneseed_jax.drawing.keys import as_int
from oneseed_numpy import engine

KERNELS = pytest.mark.skipif(engine.kernels is None, reason="the kernels are not in use")
FLOATS = ("float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
INIT = door.normal(0.02)


def same(found, wanted):
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


def lines(compiled):
    return re.findall(r"^ +(?:ROOT )?%\S+ = .*", compiled.as_text(), re.MULTILINE)


def in_a_process(code, devices=1, **environment):
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    run = [sys.executable, "-c", textwrap.dedent(code)]
    variables = {**os.environ, **flags, **environment}
    done = subprocess.run(run, env=variables, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


# Bits -----------------------------------------------------------------------------------------------------------------


def draws():
    """Draws of all distributions and dtypes, of blocks in any order, also empty ones, scalars, and a shared one."""
    shapes = itertools.cycle([((7, 5), (0, 1)), ((3, 4, 6), (2, 0, 1)), ((), ()), ((0, 3), (1, 0)), ((70,), (0,))])
    for number, (distribution, dtype) in enumerate(itertools.product(DISTRIBUTIONS, FLOATS)):
        shape, order = next(shapes)
        offset = tuple(min(1, size) for size in shape)
        block = tuple(size - at for size, at in zip(shape, offset, strict=True))
        yield Draw(distribution, shape, dtype, 0, ("a", number), order, 1, 1, offset, block)
    for dtype, low, high in LIMITS:
        yield Draw(Integers(low, high), (9, 11), dtype, 0, ("b",), (1, 0), 1, 1, (0, 0), (9, 11))
    yield Draw(DISTRIBUTIONS[0], (700, 500), "float32", 0, (), (1, 0), 1, 1, (0, 0), (700, 500))


@pytest.mark.parametrize("seed", ["key", "hashed", "integer"])
def test_every_kind_of_draw(seed):
    with jax.enable_x64(True):
        given = {
            "key": jax.random.key(2**40 + 7),
            "hashed": jax.random.key(2**40 + 7, impl="rbg"),
            "integer": jnp.uint64(2**63 + 7),
        }[seed]
        number = as_int(given)
        found = jax.jit(lambda given: [execute(draw._replace(seed=given)) for draw in draws()])(given)
        several = jax.jit(jax.vmap(lambda given: execute(next(draws())._replace(seed=given))))(jnp.stack([given] * 3))
    wanted = [registry.load("numpy").draw(draw._replace(seed=number)) for draw in draws()]
    for values, expected in zip(found, wanted, strict=True):
        same(values, expected)
    same(several[2], wanted[0])


# Programs -------------------------------------------------------------------------------------------------------------


@KERNELS
def test_a_parameter_is_one_line():
    def model(key):
        keys = jax.random.split(key, 10)
        return [INIT(keys[n] if n % 2 else jax.random.fold_in(key, n), (n + 1, 4)) for n in range(10)]

    made = jax.jit(model)
    compiled = made.lower(jax.random.key(7)).compile()
    assert len(lines(compiled)) == 12  # with the argument, and the tuple of all
    assert compiled.memory_analysis().temp_size_in_bytes == 0
    made(jax.random.key(7)), made(jax.random.key(8))
    assert made._cache_size() == 1


@KERNELS
def test_a_whole_model_is_one_call():
    tree = {f"layer{n}": jax.ShapeDtypeStruct((n + 1, 4), "float32") for n in range(10)}
    scheme = Scheme([Rule("layer3", "zeros"), Rule("layer4", "orthogonal"), Rule("*", "he_normal")])

    def made(key):
        return oneseed_jax.initialize(tree, scheme, seed=key)

    compiled = jax.jit(made).lower(jax.random.key(7)).compile()
    assert (
        sum("oneseed_draw" in line and "custom-call(" in line for line in lines(compiled)) == 2
    )  # and the orthogonal one
    used = jax.jit(lambda key: made(key)["layer2"])
    assert "(u32[2]" in used.lower(jax.random.key(7)).compile().as_text()  # the others are not made
    assert str(jax.make_jaxpr(used)(jax.random.key(7))).count("block=") == 8
    wanted = oneseed_jax.initialize(tree, scheme, seed=7)
    for name, values in compiled(jax.random.key(7)).items():
        same(values, np.asarray(wanted[name]))


def test_what_is_equal_is_made_once_and_what_is_unused_is_not():
    def twice(key):
        INIT(key, (3, 3))
        return INIT(key, (4, 4)) + INIT(key, (4, 4))

    text = jax.jit(twice).lower(jax.random.key(7)).compile().as_text()
    assert len(re.findall(r"custom-call\(", text)) == (1 if foreign.registered() else 0)


@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu", "cpu"])
def test_other_platforms_and_exports_get_operations_of_xla(platform):
    def draw(key):
        return INIT(key, (4, 4), "bfloat16"), INIT(jax.random.fold_in(key, 3), (4,))

    key = jax.random.key(7)
    lowered = jax.jit(draw).trace(key).lower(lowering_platforms=(platform,)).as_text()
    assert ("@oneseed_draw" in lowered) == (platform == "cpu" and foreign.registered())
    exported = jax.export.export(jax.jit(draw), platforms=[platform])(key)
    assert "@oneseed_draw" not in exported.mlir_module()


def test_a_platform_that_is_not_known_gets_operations_of_xla_with_one_warning():
    key, lowered = jax.random.key(7), []
    operation._warn_of.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for platform in "tpu", "mine", "mine":
            made = jax.jit(lambda key: INIT(key, (4, 4))).trace(key)
            lowered.append(made.lower(lowering_platforms=(platform,)).as_text())
    assert lowered[0] == lowered[1] == lowered[2]
    [warning] = caught
    assert re.search("has not been tried on the platform mine", str(warning.message))


def test_a_mesh_without_devices():
    mesh = jax.sharding.AbstractMesh((2,), ("x",))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    lowered = jax.jit(lambda key: INIT(key, (4, 4)), out_shardings=place)
    assert "128x128" not in lowered.trace(jax.random.key(7)).lower(lowering_platforms=("tpu",)).as_text()


# Without the kernels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["missing", "refused", "chosen"])
def test_without_the_kernels_the_bits_are_the_same(monkeypatch, reason):
    if reason == "missing":
        monkeypatch.setattr(engine, "kernels", None)
        monkeypatch.delenv("ONESEED_KERNEL", raising=False)
    elif reason == "refused":
        monkeypatch.setattr(type(host.host()), "xla_function", lambda self, make: object())
    else:
        monkeypatch.setenv("ONESEED_KERNEL", "numpy")
    monkeypatch.setattr(foreign, "registered", foreign.once(foreign.registered.__wrapped__))
    jax.clear_caches()
    wanted = initializers.HeNormal(7)((5, 3), backend="numpy")
    matrix = initializers.Orthogonal(seed=7)((5, 3), backend="numpy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for function, expected in (door.he_normal(), wanted), (door.he_normal(), wanted), (door.orthogonal(), matrix):
            compiled = jax.jit(lambda key, function=function: function(key, (5, 3)))
            assert "oneseed_draw" not in "".join(re.findall("custom-call.*", compiled.lower(0).compile().as_text()))
            same(compiled(jax.random.key(7)), expected)
    monkeypatch.undo()
    jax.clear_caches()
    messages = [str(each.message) for each in caught]
    if reason == "chosen":
        assert not messages
    else:
        assert len(messages) == 1
        assert re.search("kernels of oneseed cannot be called .*the same bits more slowly", messages[0])


# Processes and threads ------------------------------------------------------------------------------------------------


def test_threads_that_compile_and_run_at_once():
    wanted = [initializers.HeNormal(seed)((300, 500), backend="numpy") for seed in range(4)]
    made, found = jax.jit(lambda key: door.he_normal()(key, (300, 500))), []

    def work(turn):
        for seed in [*range(4)] * 5:
            found.append(np.array_equal(made(jax.random.key(seed)), wanted[seed]))
        own = jax.jit(lambda key: door.he_normal()(key, (300, 500 + turn)))(jax.random.key(0))
        found.append(np.array_equal(own, initializers.HeNormal(0)((300, 500 + turn), backend="numpy")))

    workers = [threading.Thread(target=work, args=(turn,)) for turn in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 6 * 21
    assert all(found)


@KERNELS
def test_processes_may_end_while_draws_are_in_flight():
    script = Path(__file__).parent / "tools" / "jax_exits.py"
    done = subprocess.run([sys.executable, script, "20"], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "20 of 20 ended well\n"


@KERNELS
def test_several_devices(tmp_path):
    """The persistent cache knows a program again in another process, and devices send each other nothing."""
    code = """
        import jax, logging
        import numpy as np
        from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
        from oneseed import Rule, Scheme, initializers
        from oneseed_jax import initialize, initializers as door

        mesh = jax.make_mesh((2, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
        key = jax.random.key(7)
        hits = []
        jax.monitoring.register_event_listener(lambda name, **more: hits.append(name.endswith("/cache_hits")))
        tree = {str(n): jax.ShapeDtypeStruct((8, n + 1), "float32") for n in range(20)}
        scheme = Scheme([Rule("*", "he_normal")])
        wanted = initialize(tree, scheme, seed=7)
        for shardy in (True, False):
            jax.config.update("jax_use_shardy_partitioner", shardy)
            made = jax.jit(lambda key: initialize(tree, scheme, seed=key), out_shardings=NamedSharding(mesh, P("x")))
            compiled = made.lower(key).compile()
            text = compiled.as_text()
            assert "oneseed_draw" in text and "all-" not in text, text
            for name, values in compiled(key).items():
                np.testing.assert_array_equal(values, wanted[name])
                assert values.addressable_shards[0].data.shape == (4, int(name) + 1)
        print("hits", sum(hits))
        place = NamedSharding(mesh, P("x", "y"))
        uneven = jax.jit(lambda key: jax.lax.with_sharding_constraint(door.he_normal()(key, (37, 5)), place) * 1)
        np.testing.assert_array_equal(uneven(key), initializers.HeNormal(7)((37, 5), backend="numpy"))
        whole = jax.jit(lambda key: door.orthogonal()(key, (8, 4)), out_shardings=place)
        assert "all-" not in whole.lower(key).compile().as_text()
        np.testing.assert_array_equal(whole(key), initializers.Orthogonal(1.0, 7)((8, 4), backend="numpy"))
        keys = jax.device_put(jax.random.split(key, 4), NamedSharding(mesh, P("y")))
        place = NamedSharding(mesh, P("y", "x"))
        stack = jax.jit(jax.vmap(lambda key: door.he_normal()(key, (4, 6))), out_shardings=place)
        assert "all-" not in stack.lower(keys).compile().as_text()
        for one, key in zip(stack(keys), keys):
            np.testing.assert_array_equal(one, door.he_normal()(key, (4, 6)))
        def partly(key):
            return door.he_normal()(key, (8, 4))[None]

        partly = jax.shard_map(partly, mesh=mesh, in_specs=P(), out_specs=P("x"), axis_names={"x"})
        with jax.set_mesh(mesh):
            found = jax.jit(partly)(jax.random.key(7))
        np.testing.assert_array_equal(found[1], initializers.HeNormal(7)((8, 4), backend="numpy"))
    """
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "JAX_ENABLE_COMPILATION_CACHE": "true",
    }
    first = in_a_process(code, devices=4, **cache)
    kept = set(Path(tmp_path).iterdir())
    second = in_a_process(code, devices=4, **cache)
    assert set(Path(tmp_path).iterdir()) == kept
    assert int(second.stdout.split()[1]) > int(first.stdout.split()[1])
    assert "rematerialization" not in first.stderr
