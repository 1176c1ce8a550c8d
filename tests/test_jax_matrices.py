"""Small orthogonal matrices in programs that JAX compiles for a CPU: calls of the kernels, with the host's bits."""

import math
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from frameworks import installed

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

from oneseed import initializers
from oneseed.distributions.orthogonal import MOST_ELEMENTS
from oneseed_jax import initializers as door
from oneseed_jax.drawing import foreign
from oneseed_jax.drawing.keys import as_int
from oneseed_numpy import engine

KERNELS = pytest.mark.skipif(engine.kernels is None, reason="the kernels are not in use")
DTYPES = "float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128"
CALLS = [
    {"shape": (8, 4)},
    {"shape": (4, 9), "partition_shape": (2, 5), "partition_offset": (1, 3)},
    {"shape": (3, 2, 5, 7)},
    {"shape": (64, 40), "axes": "o i"},
    {"shape": (6, 5, 4), "axes": "b o i", "path": "a/0"},
    {"shape": (7, 1)},
    {"shape": (0, 3)},
]
"""Tall and wide matrices, blocks, kernels of convolutions, other layouts, many in one tensor, and none."""


def same(found, wanted):
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


def orthogonal(seed, backend, dtype, call):
    return initializers.Orthogonal(1.3, seed=seed)(dtype=dtype, backend=backend, **call)


def made_by_kernels(function, *arguments):
    """Return a compiled function, after a look at what it calls."""
    compiled = jax.jit(function).lower(*arguments).compile()
    assert ("callback" in compiled.as_text()) != foreign.registered()
    assert "computed = " not in compiled.as_text()
    return compiled


@KERNELS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: str(call["shape"]))
def test_the_bits_of_the_host(dtype, call):
    with jax.enable_x64(True):
        key = jax.random.key(2**40 + 7)
        found = made_by_kernels(lambda key: orthogonal(key, "jax", dtype, call), key)(key)
        wanted = orthogonal(2**40 + 7, "numpy", dtype, call)
        same(found, wanted)
        wide = "complex128" if dtype.startswith("complex") else "float64"  # a rounding is not left out
        wider = jax.jit(lambda key: orthogonal(key, "jax", dtype, call).astype(wide))(key)
        same(wider, wanted.astype(wide))


@pytest.mark.parametrize(
    "seed", [jax.random.PRNGKey(2**31 + 7), jax.random.key(7, impl="rbg"), jnp.uint32(7)], ids=["raw", "rbg", "integer"]
)
def test_every_kind_of_seed(seed):
    found = made_by_kernels(lambda seed: orthogonal(seed, "jax", "float32", CALLS[0]), seed)(seed)
    same(found, orthogonal(as_int(seed), "numpy", "float32", CALLS[0]))


def test_many_seeds_at_once():
    keys = jax.random.split(jax.random.key(7), (2, 3))
    for dtype in "float32", "bfloat16":
        every = jax.vmap(jax.vmap(lambda key, dtype=dtype: orthogonal(key, "jax", dtype, {"shape": (2, 6, 5)})))
        for found in made_by_kernels(every, keys)(keys), every(keys):
            for at in np.ndindex(2, 3):
                same(found[at], orthogonal(as_int(keys[at]), "numpy", dtype, {"shape": (2, 6, 5)}))


def test_many_matrices_are_shared_by_threads():
    call = {"shape": (40, 64, 64), "axes": "b i o"}
    found = jax.jit(lambda key: orthogonal(key, "jax", "float32", call))(jax.random.key(7))
    same(found, orthogonal(7, "numpy", "float32", call))


@KERNELS
def test_one_call_for_each_and_none_for_keys():
    def model(key):
        return [door.orthogonal()(each, (8, 4)) for each in jax.random.split(key, 9)]

    text = jax.jit(model).lower(jax.random.key(7)).compile().as_text()
    entry = text[text.index("ENTRY") :].splitlines()
    assert sum(" = " in line for line in entry) == 9 + 2
    for found, key in zip(jax.jit(model)(jax.random.key(7)), jax.random.split(jax.random.key(7), 9), strict=True):
        same(found, np.asarray(door.orthogonal()(key, (8, 4))))


@pytest.mark.parametrize("shape", [(2049, 2), (2, 2049), (513, 512)])
def test_larger_ones_are_made_by_python(shape):
    compiled = jax.jit(lambda key: door.orthogonal()(key, shape)).lower(jax.random.key(7)).compile()
    assert ("computed = " in compiled.as_text()) == foreign.registered()
    wanted = initializers.Orthogonal(seed=7)(shape, backend="numpy")
    np.testing.assert_allclose(compiled(jax.random.key(7)), wanted, atol=1e-6)  # made of BLAS's matrix products


def test_the_largest_small_ones():
    for shape in (2048, 128), (128, 2048), (512, 512):
        assert math.prod(shape) == MOST_ELEMENTS
        found = made_by_kernels(lambda key, shape=shape: door.orthogonal()(key, shape), jax.random.key(7))
        same(found(jax.random.key(7)), initializers.Orthogonal(seed=7)(shape, backend="numpy"))


@KERNELS
def test_several_devices():
    code = """
        import itertools, jax
        import numpy as np
        from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
        from oneseed import initializers
        from oneseed_jax import initializers as door

        key = jax.random.key(7)
        wanted = initializers.Orthogonal(seed=7)((8, 4), backend="numpy")
        kinds = AxisType.Auto, AxisType.Explicit
        for shardy, kind, spec in itertools.product((True, False), kinds, (P(), P("x"), P("y", "x"), P(("x", "y")))):
            jax.config.update("jax_use_shardy_partitioner", shardy)
            mesh = jax.make_mesh((2, 2), ("x", "y"), axis_types=(kind,) * 2)
            made = jax.jit(lambda key: door.orthogonal()(key, (8, 4)), out_shardings=NamedSharding(mesh, spec))
            compiled = made.lower(key).compile()
            assert "all-" not in compiled.as_text() and "callback" not in compiled.as_text(), compiled.as_text()
            found = compiled(key)
            np.testing.assert_array_equal(found, wanted)
            assert found.addressable_shards[0].data.shape == NamedSharding(mesh, spec).shard_shape((8, 4))
        jax.config.update("jax_use_shardy_partitioner", True)
        mesh = jax.make_mesh((2, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
        uneven = jax.jit(lambda key: jax.lax.with_sharding_constraint(
            door.orthogonal()(key, (7, 3)), NamedSharding(mesh, P("x", "y"))) * 1)
        np.testing.assert_array_equal(uneven(key), initializers.Orthogonal(seed=7)((7, 3), backend="numpy"))
        for names in {"x"}, {"x", "y"}:
            part = jax.shard_map(
                lambda key: door.orthogonal()(key, (8, 4))[None], mesh=mesh, in_specs=P(), out_specs=P("x"),
                axis_names=names, check_vma=False)
            with jax.set_mesh(mesh):
                found = jax.jit(part)(key)
            np.testing.assert_array_equal(found[1], wanted)
        keys = jax.device_put(jax.random.split(key, 4), NamedSharding(mesh, P("y")))
        place = NamedSharding(mesh, P("y", "x"))
        stack = jax.jit(jax.vmap(lambda key: door.orthogonal()(key, (8, 4))), out_shardings=place)
        for one, each in zip(stack(keys), keys):
            np.testing.assert_array_equal(one, door.orthogonal()(each, (8, 4)))

        # Larger ones, which Python makes.
        wanted = initializers.Orthogonal(seed=7)((2052, 4), backend="numpy")
        for shardy, spec in itertools.product((True, False), (P(), P("x"), P(("x", "y")), P("y", "x"))):
            jax.config.update("jax_use_shardy_partitioner", shardy)
            made = jax.jit(lambda key: door.orthogonal()(key, (2052, 4)), out_shardings=NamedSharding(mesh, spec))
            compiled = made.lower(key).compile()
            assert "all-" not in compiled.as_text() and "callback" not in compiled.as_text(), compiled.as_text()
            np.testing.assert_allclose(compiled(key), wanted, atol=1e-6)
        for shardy, names, shape in itertools.product((True, False), ({"x"}, {"x", "y"}), ((8, 4), (2052, 4))):
            jax.config.update("jax_use_shardy_partitioner", shardy)
            part = jax.shard_map(
                lambda key: door.orthogonal()(key, shape)[None], mesh=mesh, in_specs=P(), out_specs=P("x"),
                axis_names=names, check_vma=False)
            with jax.set_mesh(mesh):
                found = jax.jit(part)(key)
            np.testing.assert_allclose(found[1], door.orthogonal()(key, shape), atol=1e-6)
        stack = jax.jit(jax.vmap(lambda key: door.orthogonal()(key, (2052, 4))), out_shardings=place)
        for one, each in zip(stack(keys), keys):
            np.testing.assert_allclose(one, door.orthogonal()(each, (2052, 4)), atol=1e-6)
    """
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    run = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(run, env={**os.environ, **flags}, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "rematerialization" not in done.stderr
