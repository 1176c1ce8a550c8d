"""`oneseed_jax.initializers` against `jax.nn.initializers`, with whose names it draws from the stream."""

import doctest
import importlib
import inspect
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference
from frameworks import installed
from numpydoc.validate import validate
from test_docstrings import LEFT_OUT

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import oneseed
from oneseed import initializers as of
from oneseed_jax import initializers as door

PEER = jax.nn.initializers
NAMES = sorted(name for name in vars(PEER) if not name.startswith("_"))
KEY = jax.random.key(7)


def same(found, wanted):
    assert isinstance(found, jax.Array)
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found.view(f"u{found.dtype.itemsize}"), wanted.view(f"u{wanted.dtype.itemsize}"))


# The same names and arguments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_name_and_parameter_of_jax_is_here(name):
    assert name in door.__all__
    if name == "Initializer":
        assert door.Initializer is PEER.Initializer
        return
    theirs, ours = (inspect.signature(getattr(module, name)).parameters for module in (PEER, door))
    assert list(ours) == list(theirs)
    for key, parameter in theirs.items():
        assert (ours[key].default, ours[key].kind) == (parameter.default, parameter.kind)


def test_the_walk_sees_what_is_missing():
    assert {"zeros", "variance_scaling", "delta_orthogonal", "xavier_normal", "Initializer"} <= set(NAMES)
    assert len(NAMES) >= 20


FACTORIES = {
    "constant": (2.5,),
    "variance_scaling": (1.0, "fan_in", "normal"),
    **{name: () for name in NAMES if name not in ("Initializer", "constant", "variance_scaling", "zeros", "ones")},
}


@pytest.mark.parametrize("name", FACTORIES)
def test_what_a_factory_returns_is_called_as_jax_calls_it(name):
    theirs, ours = (
        inspect.signature(getattr(module, name)(*FACTORIES[name], dtype=jnp.float16)).parameters
        for module in (PEER, door)
    )
    assert [(key, its.default, its.kind) for key, its in ours.items()] == [
        (key, its.default, its.kind) for key, its in theirs.items()
    ]
    assert isinstance(getattr(door, name)(*FACTORIES[name]), PEER.Initializer)


def test_other_names_are_the_same_functions():
    for other, name in (("xavier", "glorot"), ("kaiming", "he")):
        for kind in ("normal", "uniform"):
            assert getattr(door, f"{other}_{kind}") is getattr(door, f"{name}_{kind}")


@pytest.mark.parametrize("name", [name for name in door.__all__ if name != "Initializer"])
def test_the_docstring_is_complete(name):
    function = getattr(door, name)
    found = [code for code, _ in validate(f"{function.__module__}.{function.__name__}")["errors"]]
    assert not set(found) - set(LEFT_OUT)


@pytest.mark.parametrize("name", ["initializers", "initializers.scaling", "initializers.matrices"])
def test_the_examples_of_the_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"oneseed_jax.{name}"))
    assert result.attempted
    assert not result.failed


# Behaviour ------------------------------------------------------------------------------------------------------------


def test_the_dtype_is_chosen_as_in_jax():
    for module in (door, PEER):
        for x64, wide in ((False, "float32"), (True, "float64")):
            with jax.enable_x64(x64), oneseed.using(floatx="float16"):
                for init in (module.normal(), module.zeros, module.constant(1)):
                    assert init(KEY, (2, 2)).dtype == wide
                    assert init(KEY, (2, 2), float).dtype == wide
                half = module.normal(dtype=jnp.float16)
                assert half(KEY, (2, 2)).dtype == "float16"
                assert half(KEY, (2, 2), None).dtype == wide
                assert half(KEY, (2, 2), jnp.bfloat16).dtype == "bfloat16"
                assert module.ones(KEY, (2,), int).dtype == ("int64" if x64 else "int32")
                assert module.zeros(KEY, (2,), bool).dtype == "bool"


def test_constants_and_zeros_ignore_the_key():
    for init in (door.zeros, door.ones, door.constant(2)):
        same(init(None, (2,)), np.asarray(init(KEY, (2,))))


def test_a_traced_constant():
    def make(key):
        return door.constant(jnp.linspace(0, 1, 3))(key, (2, 3), "float16")

    same(jax.jit(make)(KEY), np.float16([[0, 0.5, 1]] * 2))


def test_shapes_and_gradients():
    init = door.he_normal()
    made = jax.eval_shape(lambda key: init(key, (2**20, 2**20)), KEY)
    assert (made.shape, made.dtype) == ((2**20, 2**20), "float32")
    same(init(KEY, [4, np.int64(3)]), np.asarray(init(KEY, (4, 3))))
    same(jax.grad(lambda x: (x * init(KEY, (4, 3))).sum())(jnp.ones((4, 3))), np.asarray(init(KEY, (4, 3))))


def test_keys_on_the_host_compile_nothing(monkeypatch):
    monkeypatch.setattr("oneseed_jax.drawing.compiled.elements", None)
    same(door.he_normal()(KEY, (31, 3)), of.HeNormal(7)((31, 3), backend="numpy"))


def test_a_key_decides_where_the_values_are():
    bound = jax.device_put(KEY, jax.devices()[0])
    for init in (door.he_normal(), PEER.he_normal()):
        assert init(bound, (2, 2)).committed
        assert not init(KEY, (2, 2)).committed


def test_a_generator_of_the_template_is_not_counted():
    generator = oneseed.random.SeedGenerator(1)
    init = door.from_oneseed(of.HeNormal(generator), dtype="float16")
    same(init(KEY, (3, 3)), of.HeNormal(7)((3, 3), "float16", backend="numpy"))
    assert generator.count == 0


PARTS = {
    "scaled": lambda seed: of.Scaled(of.HeNormal(seed), 0.5),
    "sum": lambda seed: of.Sum([of.Zeros(), of.Orthogonal(1.0, seed)]),
    "blocks": lambda seed: of.Blockwise([of.HeNormal(seed), of.Orthogonal(1.0, seed)], axis=0, sizes=[2, 2]),
    "groups": lambda seed: of.PerGroup(of.HeNormal(seed), 2),
    "partial": lambda seed: of.Partial(of.HeNormal(seed), axes="o i"),
}


@pytest.mark.parametrize("own", [None, 3, "generator"])
@pytest.mark.parametrize("name", PARTS)
def test_the_key_reaches_the_parts_of_an_initializer(name, own):
    seed = oneseed.random.SeedGenerator(5) if own == "generator" else own
    init = door.from_oneseed(PARTS[name](seed))
    wanted = [PARTS[name](seed)((4, 4), backend="numpy") for seed in (7, 8)]
    assert not (wanted[0] == wanted[1]).all()
    same(init(KEY, (4, 4)), wanted[0])
    same(init(jax.random.key(8), (4, 4)), wanted[1])
    same(jax.jit(lambda: init(KEY, (4, 4)))(), wanted[0])
    if name in ("scaled", "sum"):
        with pytest.raises(TypeError, match=r"computed on the host.* Received: seed=.*Tracer"):
            jax.jit(init, static_argnums=1)(KEY, (4, 4))
    else:
        same(jax.jit(init, static_argnums=1)(KEY, (4, 4)), wanted[0])


def test_an_initializer_of_a_strangers_class():
    class Sharp(of.RandomInitializer):
        def distribution_for(self, target):
            return oneseed.distributions.Normal(1.0, 0.5)

    wanted = Sharp(7)((3, 4), backend="numpy")
    same(door.from_oneseed(Sharp())(KEY, (3, 4)), wanted)
    same(jax.jit(door.from_oneseed(Sharp(2)), static_argnums=1)(KEY, (3, 4)), wanted)


def test_truncation_on_one_side():
    """As in `jax.nn.initializers`; the values are those of the definition of the stream."""
    for lower, upper in ((-math.inf, 2.0), (-1.0, math.inf), (jnp.inf * -1, np.float32(1.5)), (-np.inf, np.inf)):
        made = np.asarray(door.truncated_normal(0.5, lower=lower, upper=upper)(KEY, (2000,)), "f8")
        theirs = np.asarray(PEER.truncated_normal(0.5, lower=lower, upper=upper)(KEY, (2000,)), "f8")
        for values in (made, theirs):
            assert (values >= 0.5 * float(lower)).all()
            assert (values <= 0.5 * float(upper)).all()
        assert abs(made.mean() - theirs.mean()) < 6 * 0.5 * math.sqrt(2 / 2000)
        for dtype in ("float16", "bfloat16", "complex64"):
            assert np.asarray(door.truncated_normal(0.5, dtype, lower, upper)(KEY, (20,))).shape == (20,)
        if (lower, upper) == (-math.inf, 2.0):
            wanted = [reference.truncated_normal(7, 0, i, 0, 0.5, "float32", lower, upper) for i in range(40)]
            assert np.float32(made[:40]).tolist() == wanted
    same(door.truncated_normal(lower=-math.inf, upper=math.inf)(KEY, (9,)), np.asarray(door.normal()(KEY, (9,))))
    assert not np.asarray(door.truncated_normal(0.0, upper=math.inf)(KEY, (9,))).any()


def test_the_initializers_are_an_attribute_of_the_package():
    code = (
        "import oneseed_jax; print(oneseed_jax.initializers.he_normal.__module__, 'initializers' in dir(oneseed_jax))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["oneseed_jax.initializers.scaling", "True"]


FAN = door.he_normal
REFUSED = {
    "no_key": (lambda: FAN()(None, (2, 2)), TypeError, "`key` must be a JAX key"),
    "bool_key": (lambda: FAN()(True, (2, 2)), TypeError, "`key` must be a JAX key"),
    "negative_key": (lambda: FAN()(-1, (2, 2)), ValueError, "must lie in"),
    "keys": (lambda: FAN()(jax.random.split(KEY), (2, 2)), ValueError, "one key; use jax.vmap"),
    "float_key": (lambda: FAN()(jnp.ones(()), (2, 2)), TypeError, "a JAX key"),
    "shape": (lambda: FAN()(KEY, 3), TypeError, "`shape` must be a sequence"),
    "negative_size": (lambda: FAN()(KEY, (3, -1)), ValueError, "sizes of 0 or more"),
    "vector": (lambda: FAN()(KEY, (3,)), ValueError, "`shape` must have at least 2 axes"),
    "scalar": (lambda: FAN()(KEY, ()), ValueError, "`shape` must have at least 2 axes"),
    "no_fan": (lambda: FAN()(KEY, (0, 3)), ValueError, "no axis of size 0"),
    "axis": (lambda: FAN(in_axis=2)(KEY, (2, 3)), ValueError, "`in_axis` must lie in"),
    "axis_type": (lambda: FAN(in_axis="i"), TypeError, "`in_axis` must be an integer"),
    "axis_twice": (lambda: FAN(out_axis=(1, -1))(KEY, (2, 3)), ValueError, "`out_axis` must name each axis once"),
    "batch": (lambda: FAN(batch_axis=0)(KEY, (2, 3)), ValueError, "`batch_axis` must hold no axis of"),
    "integers": (lambda: FAN()(KEY, (2, 3), int), ValueError, "`dtype` must be a float"),
    "uniform_int": (lambda: door.uniform(10)(KEY, (2,), "int32"), ValueError, "`dtype` must be a float"),
    "wide": (lambda: FAN()(KEY, (2, 3), "float64"), ValueError, "jax_enable_x64"),
    "dtype": (lambda: FAN()(KEY, (2, 3), "flaot32"), ValueError, "Did you mean 'float32'"),
    "scale": (lambda: door.variance_scaling(-1.0, "fan_in", "normal"), ValueError, "`scale` must be 0 or more"),
    "nan": (lambda: door.variance_scaling(math.nan, "fan_in", "normal"), ValueError, "`scale` must be finite"),
    "scale_type": (lambda: door.uniform("1"), TypeError, "`scale` must be a real number"),
    "mode": (lambda: door.variance_scaling(1.0, "fan_inn", "normal"), ValueError, "Did you mean 'fan_in'"),
    "distribution": (
        lambda: door.variance_scaling(1.0, "fan_in", "gauss"),
        ValueError,
        "`distribution` must be one of",
    ),
    "large": (lambda: door.variance_scaling(1e20, "fan_in", "normal")(KEY, (2, 2), "float16"), ValueError, "too large"),
    "stddev": (lambda: door.normal(-1.0), ValueError, "`stddev` must be 0 or more"),
    "uniform": (lambda: door.uniform(-1.0), ValueError, "`scale` must be 0 or more"),
    "bounds": (lambda: door.truncated_normal(1.0, lower=2, upper=2), ValueError, "`lower` must be below `upper`"),
    "infinite": (lambda: door.truncated_normal(1.0, lower=math.inf), ValueError, "`lower` must be below `upper`"),
    "nan_bound": (lambda: door.truncated_normal(1.0, lower=math.nan), ValueError, "`lower` must be finite"),
    "far": (lambda: door.truncated_normal(lower=5, upper=math.inf)(KEY, (2,)), ValueError, "give both bounds"),
    "array": (lambda: door.normal(jnp.ones(3)), ValueError, "`stddev` must be a scalar"),
    "value": (lambda: door.constant("x"), TypeError, "`value` must hold numbers"),
    "broadcast": (lambda: door.constant([1, 2])(None, (2, 3)), ValueError, "cannot be broadcast"),
    "matrix": (lambda: door.orthogonal()(KEY, (3,)), ValueError, "at least 2 axes"),
    "column": (lambda: door.orthogonal(column_axis=2)(KEY, (3, 3)), ValueError, "`column_axis` must lie in"),
    "delta_rank": (lambda: door.delta_orthogonal()(KEY, (3, 3)), ValueError, "3, 4 or 5 axes"),
    "delta_fans": (lambda: door.delta_orthogonal()(KEY, (3, 4, 2)), ValueError, "at least as many outputs"),
    "delta_column": (lambda: door.delta_orthogonal(1.0, 2)(KEY, (3, 3, 3)), ValueError, "`column_axis` must lie in"),
    "sharding": (lambda: FAN()(KEY, (2, 3), None, "a"), TypeError, "`out_sharding` must be a jax"),
    "no_mesh": (lambda: FAN()(KEY, (2, 3), None, P("a")), ValueError, "no mesh is in force.* jax.set_mesh"),
    "constructor": (lambda: door.from_oneseed(of.HeNormal), TypeError, "`initializer` must be one that comes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case, monkeypatch):
    make, error, message = REFUSED[case]
    monkeypatch.setattr("oneseed_jax.drawing.host.sampled", None)
    with pytest.raises(error, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)
    assert type(caught.value) is error


def test_initializers_with_a_call_of_their_own_are_refused():
    class Own(of.Initializer):
        def __call__(self, shape, dtype=None):
            return np.zeros(shape, dtype)

    with pytest.raises(TypeError, match="a function of its own"):
        door.from_oneseed(Own())


def test_numbers_without_a_value_are_refused():
    for make in (
        door.normal,
        door.uniform,
        door.orthogonal,
        lambda scale: door.variance_scaling(scale, "fan_in", "normal"),
    ):
        with pytest.raises(TypeError, match=r"must have its value .*math\.sqrt"):
            jax.jit(lambda x, make=make: make(x)(KEY, (2, 2)))(1.0)


def test_the_native_generator_is_jax_own_business():
    with oneseed.using(rng="native"), pytest.raises(ValueError, match=r"jax\.nn\.initializers draw with JAX's own"):
        door.normal()(KEY, (2,))


# Several devices ------------------------------------------------------------------------------------------------------


def on_four_devices(kind):
    """Bits, types, places, and no exchange between devices, on a mesh of either kind."""
    assert len(jax.devices()) == 4
    mesh = jax.make_mesh((2, 2), ("a", "b"), axis_types=(kind,) * 2)
    for init, shape, spec in (
        (door.normal(), (8, 12), P("a", "b")),
        (door.he_uniform(in_axis=1, out_axis=0), (8, 12), P(None, "b")),
        (door.truncated_normal(1.0, None, -1, 3), (8, 12), P(("a", "b"), None)),
        (door.zeros, (8, 12), P("a", "b")),
    ):
        compiled = made_in_every_way(init, shape, NamedSharding(mesh, spec))
        assert not any(word in compiled for word in ("all-", "collective", "reduce-scatter"))
        assert "f32[8,12]" not in compiled  # nowhere is there more than a device's part
    made_in_every_way(door.orthogonal(), (8, 12), NamedSharding(mesh, P("a", "b")))
    made_in_every_way(door.delta_orthogonal(), (3, 4, 8), NamedSharding(mesh, P(None, "b", "a")))
    fits_only_what_it_divides(mesh)


def made_in_every_way(init, shape, sharding):
    """Eagerly and compiled, under the mesh and outside; return the program that JAX compiled."""
    wanted = np.asarray(init(KEY, shape))

    def given(key):
        return init(key, shape, None, sharding)

    @jax.jit
    def named(key):
        made = init(key, shape, None, sharding.spec)
        if AxisType.Explicit in sharding.mesh.axis_types:
            assert jax.typeof(made).sharding.spec == sharding.spec
        return made

    made = [given(KEY), jax.jit(given)(KEY)]
    with jax.set_mesh(sharding.mesh):
        made += [init(KEY, shape, None, sharding.spec), named(KEY)]
        compiled = named.lower(KEY).compile().as_text()
        # As any array that is made under a mesh.
        assert init(KEY, shape).sharding.is_equivalent_to(jnp.zeros(shape).sharding, len(shape))
    for array in made:
        same(array, wanted)
        assert array.sharding.is_equivalent_to(sharding, array.ndim)
        for part in array.addressable_shards:
            same(part.data, wanted[part.index])
    return compiled


def fits_only_what_it_divides(mesh):
    for init in (door.normal(), door.zeros, door.orthogonal()):
        with pytest.raises(ValueError, match=r"`out_sharding` must be a sharding that fits .* Received: out_sharding="):
            init(KEY, (7, 12), None, NamedSharding(mesh, P("a")))
    other = jax.make_mesh((4,), ("c",))
    if mesh.axis_types[0] is AxisType.Explicit:
        with jax.set_mesh(mesh), pytest.raises(ValueError, match="must be on the mesh in force"):
            door.normal()(KEY, (8, 12), None, NamedSharding(other, P("c")))


def around_shard_map():
    mesh = jax.make_mesh((4,), ("a",), axis_types=(AxisType.Auto,))
    keys = jax.random.split(KEY, 4)
    for init in (door.he_normal(), door.orthogonal()):
        wanted = np.stack([np.asarray(init(key, (8, 3))) for key in keys])
        made = jax.shard_map(
            lambda key, init=init: init(key[0], (8, 3))[None], mesh=mesh, in_specs=P("a"), out_specs=P("a")
        )
        same(jax.jit(made)(keys), wanted)
    explicit = jax.make_mesh((4,), ("a",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(explicit):
        spread = jax.device_put(keys, NamedSharding(explicit, P("a")))
        init = door.he_normal()
        made = jax.jit(jax.vmap(lambda key: init(key, (8, 3))))(spread)
        assert made.sharding.spec == P("a", None, None)
    same(made, np.stack([np.asarray(init(key, (8, 3))) for key in keys]))

    def inside(key):
        return door.normal()(key[0], (8, 3), None, P("a"))[None]

    with pytest.raises(ValueError, match="no axis that shard_map maps over"):
        jax.shard_map(inside, mesh=mesh, in_specs=P("a"), out_specs=P("a"))(keys)


@pytest.mark.parametrize(
    "call", ["on_four_devices(AxisType.Explicit)", "on_four_devices(AxisType.Auto)", "around_shard_map()"]
)
def test_several_devices(call):
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    code = f"from test_jax_initializers import *; {call}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
