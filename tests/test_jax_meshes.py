"""Meshes of several devices: whole models under `jax.set_mesh`, shardings without devices, keys on other devices."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frameworks import installed, peer

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import oneseed_jax
from oneseed import Rule, Scheme, initializers
from oneseed_jax import initializers as door
from oneseed_jax.drawing import dispatch

SHAPE = (8, 16)
INITS = {
    "zeros": initializers.Zeros(),
    "constant": initializers.Constant(2.0),
    "he_normal": initializers.HeNormal(),
    "uniform": initializers.RandomUniform(-1.0, 1.0),
    "orthogonal": initializers.Orthogonal(),
    "sparse": initializers.Sparse(0.5),
    "side_by_side": initializers.Blockwise(
        [initializers.HeNormal(), initializers.Orthogonal()], axis=0, sizes=[4, 4]
    ),
}  # fmt: skip


def mesh_of(kind):
    assert len(jax.devices()) == 8
    return jax.make_mesh((2, 4), ("data", "model"), axis_types=(kind,) * 2)


def same(found, wanted):
    assert isinstance(found, jax.Array)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


def model_of(nnx, metadata):
    """Return a function that makes a model whose first kernel is partitioned, by one of Flax's two ways or by none."""
    make = nnx.initializers.lecun_normal()
    if metadata == "with_partitioning":
        make = nnx.with_partitioning(make, ("data", "model"))
    more = {"kernel_metadata": {"out_sharding": ("data", "model")}} if metadata == "metadata" else {}

    class Model(nnx.Module):
        def __init__(self):
            self.layer = nnx.Linear(*SHAPE, kernel_init=make, rngs=nnx.Rngs(0), **more)
            self.plain = nnx.Linear(16, 4, rngs=nnx.Rngs(0))

    return Model


def nnx_models(kind):
    nnx, mesh = peer("flax.nnx"), mesh_of(kind)
    place = NamedSharding(mesh, P("data", "model"))
    for name, init in INITS.items():
        scheme = Scheme([Rule("*bias", "zeros"), Rule("plain/*", "he_normal"), Rule("*", init)])
        alone = oneseed_jax.initialize(nnx.eval_shape(model_of(nnx, None)), scheme, seed=1)
        for metadata in ("with_partitioning", "metadata"):
            with jax.set_mesh(mesh):
                abstract = nnx.eval_shape(model_of(nnx, metadata))
                for seed in (1, jax.random.key(1)):
                    model = oneseed_jax.initialize(abstract, scheme, seed=seed)
                    kernel = model.layer.kernel.get_value()
                    assert kernel.sharding == place, (name, kernel.sharding)
                    same(kernel, alone.layer.kernel.get_value())
                    same(model.plain.kernel.get_value(), alone.plain.kernel.get_value())
                    for part in kernel.addressable_shards:
                        same(part.data, np.asarray(alone.layer.kernel.get_value())[part.index])
                state = jax.jit(lambda key: nnx.state(oneseed_jax.initialize(abstract, scheme, seed=key)))(  # noqa: B023
                    jax.random.key(1)
                )
                kernel = state["layer"]["kernel"].get_value()
                assert kernel.sharding.is_equivalent_to(place, 2), (name, kernel.sharding)
                same(kernel, alone.layer.kernel.get_value())


def refused_before_anything_is_drawn(kind):
    nnx, mesh = peer("flax.nnx"), mesh_of(kind)
    scheme = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])
    with jax.set_mesh(mesh):
        abstract = nnx.eval_shape(model_of(nnx, "with_partitioning"))
    dispatch.execute = None  # what draws
    other = jax.make_mesh((8,), ("x",), axis_types=(kind,))
    calls = [lambda: oneseed_jax.initialize(abstract, scheme, seed=1)]
    calls.append(lambda: jax.jit(lambda key: nnx.state(oneseed_jax.initialize(abstract, scheme, seed=key)))(1))

    def under_another():
        with jax.set_mesh(other):
            oneseed_jax.initialize(abstract, scheme, seed=1)

    for call in (*calls, under_another):
        with pytest.raises(ValueError, match=r"The parameter 'layer/.* cannot be placed.* jax.set_mesh") as caught:
            call()
        assert not [note for note in getattr(caught.value, "__notes__", []) if "Initialized" in note]
    nowhere = NamedSharding(mesh.abstract_mesh, P("data"))
    with pytest.raises(ValueError, match=r"`device` must be on a mesh with devices.* jax.set_mesh.* Received: device="):
        initializers.HeNormal(7)(SHAPE, backend="jax", device=nowhere)
    with pytest.raises(ValueError, match=r"`out_sharding` must be on a mesh with devices.* jax.set_mesh"):
        door.he_normal()(jax.random.key(7), SHAPE, None, nowhere)
    tree = {"a": jax.ShapeDtypeStruct((7, 16), "float32")}
    whole = Scheme([Rule("a", "he_normal")])
    with pytest.raises(ValueError, match="must be a NamedSharding where no mesh is in force"):
        oneseed_jax.initialize(tree, whole, seed=1, shardings=P("data"))
    with jax.set_mesh(mesh):
        for spec, message in ((P("model"), "fits the shape"), (P("nowhere"), "must name axes of the mesh in force")):
            with pytest.raises(ValueError, match=rf"'a' cannot be placed.*{message}"):
                oneseed_jax.initialize(tree, whole, seed=1, shardings=spec)


def places(kind):
    """Shardings as users write them under a mesh."""
    mesh = mesh_of(kind)
    tree = {"a": jax.ShapeDtypeStruct(SHAPE, "float32"), "b": {"c": jax.ShapeDtypeStruct((8,), "float32")}}
    scheme = Scheme([Rule("a", "orthogonal"), Rule("b/c", initializers.RandomNormal())])
    alone = oneseed_jax.initialize(tree, scheme, seed=1)
    named = NamedSharding(mesh, P("data"))
    nowhere = NamedSharding(mesh.abstract_mesh, P("data"))
    with jax.set_mesh(mesh):
        for shardings in (P("data"), nowhere, named, {"a": P("data"), "b": {"c": nowhere}}, lambda name: P("data")):
            cut = oneseed_jax.initialize(tree, scheme, seed=1, shardings=shardings)
            for found, wanted in zip(jax.tree.leaves(cut), jax.tree.leaves(alone), strict=True):
                assert found.sharding.is_equivalent_to(named, found.ndim)
                same(found, wanted)
        for made in (
            initializers.HeNormal(7)(SHAPE, backend="jax", device=nowhere),
            door.he_normal()(jax.random.key(7), SHAPE, None, nowhere),
        ):
            assert made.sharding == named
            same(made, initializers.HeNormal(7)(SHAPE, backend="numpy"))
    # A mesh without devices around it: arrays are where they would be without.
    with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        same(initializers.Orthogonal(1.0, 7)(SHAPE, backend="jax"), initializers.Orthogonal(1.0, 7)(SHAPE))


def linen_models(kind):
    """Boxes and logical axes of Linen; where parameters go is said by Flax's own functions."""
    linen = peer("flax.linen")
    mesh = mesh_of(kind)

    class Model(linen.Module):
        @linen.compact
        def __call__(self, x):
            make = linen.initializers.lecun_normal()
            x = linen.Dense(16, kernel_init=linen.with_partitioning(make, ("data", "model")), name="boxed")(x)
            return linen.Dense(4, kernel_init=linen.with_logical_partitioning(make, ("in", "out")), name="logical")(x)

    scheme = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])
    abstract = jax.eval_shape(Model().init, jax.random.key(0), jnp.ones((1, 8)))["params"]
    alone = oneseed_jax.initialize(abstract, scheme, seed=1)
    shardings = linen.get_sharding({"boxed": abstract["boxed"]}, mesh)
    logical = linen.get_partition_spec({"logical": abstract["logical"]})
    shardings |= linen.logical_to_mesh_sharding(logical, mesh, [("in", "model"), ("out", None)])
    for around in (True, False):
        if around:
            with jax.set_mesh(mesh):
                made = oneseed_jax.initialize(abstract, scheme, seed=1, shardings=shardings)
        else:
            made = oneseed_jax.initialize(abstract, scheme, seed=1, shardings=shardings)
        for name, spec in (("boxed", P("data", "model")), ("logical", P("model", None))):
            kernel = made[name]["kernel"].unbox() if kind is AxisType.Auto else made[name]["kernel"].value
            assert kernel.sharding.is_equivalent_to(NamedSharding(mesh, spec), 2)
            same(kernel, alone[name]["kernel"].value)


def keys_elsewhere(kind):
    """A key that is bound to devices decides where a draw goes that is not told so; a place that is given wins."""
    mesh = mesh_of(kind)
    devices = jax.devices()
    whole = NamedSharding(mesh, P())
    for impl in ("threefry2x32", "rbg"):
        key = jax.random.key(7, impl=impl)
        for init in (initializers.HeNormal, lambda seed: initializers.Orthogonal(1.0, seed)):
            wanted = np.asarray(init(key)(SHAPE, backend="jax"))
            for place in (devices[3], whole):
                for bound in (jax.device_put(key, place), jax.device_put(jax.random.key_data(key), place)):
                    made = init(bound)(SHAPE, backend="jax")
                    same(made, wanted)
                    assert made.committed
                    assert made.devices() == bound.devices()
                    cut = NamedSharding(mesh, P("data", "model"))
                    for there in (devices[5], cut, whole):
                        made = init(bound)(SHAPE, backend="jax", device=there)
                        same(made, wanted)
                        assert made.devices() == ({there} if there is devices[5] else there.device_set)
                    tree = {"a": jax.ShapeDtypeStruct(SHAPE, "float32"), "b": jax.ShapeDtypeStruct(SHAPE, "float32")}
                    model = oneseed_jax.initialize(
                        tree,
                        Scheme([Rule("a", initializers.HeNormal()), Rule("b", "orthogonal")]),
                        seed=bound,
                        shardings={"a": cut, "b": None},
                    )
                    assert model["a"].sharding == cut
                    assert model["b"].devices() == {devices[0]}
        # Cut into pieces of words.
        spread = jax.device_put(np.arange(4, dtype="uint32"), NamedSharding(mesh, P("model")))
        same(initializers.HeNormal(spread)(SHAPE, backend="jax"), door.he_normal()(np.arange(4, dtype="uint32"), SHAPE))


@pytest.mark.parametrize("kind", ["Auto", "Explicit"])
@pytest.mark.parametrize(
    "name", ["nnx_models", "refused_before_anything_is_drawn", "places", "linen_models", "keys_elsewhere"]
)
def test_on_eight_devices(name, kind):
    for needed in ("flax",) if name not in ("places", "keys_elsewhere") else ():
        peer(needed)
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    code = f"import test_jax_meshes as t; t.{name}(t.AxisType.{kind})"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
