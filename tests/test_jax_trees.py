"""Whole models in JAX: trees of Flax, Haiku and Equinox, names, state, and shardings."""

import json
import os
import socket
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
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import oneseed
import oneseed_jax
from oneseed import KEEP, Rule, Scheme
from oneseed_jax.drawing import foreign, xla

SCRIPT = Path(__file__).parent / "tools" / "jax_shards.py"

NORMAL = oneseed.initializers.RandomNormal(stddev=0.02)
SCHEME = Scheme([Rule("*bias", "zeros"), Rule("*b", "zeros"), Rule("*scale", "ones")], otherwise="he_normal")


def abstract(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


def expected(shape, path, axes=None, init=oneseed.initializers.HeNormal, **options):
    return init(seed=7, **options)(shape, path=path, axes=axes, backend="numpy")


def same(found, wanted):
    assert isinstance(found, jax.Array)
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found.view("uint8"), wanted.view("uint8"))


ONE = NamedSharding(Mesh(np.array(jax.devices()[:1]), ("one",)), PartitionSpec())


def needs(name):
    return pytest.mark.skipif(not installed(name), reason=f"{name} is not installed")


def test_a_tree_of_any_kind():
    tree = {"a": [abstract(3, 4), (abstract(5), None)], "b/c": {7: abstract(2, 2, dtype="bfloat16")}}
    made = oneseed_jax.initialize(tree, Scheme([], otherwise=NORMAL), seed=7)
    assert jax.tree.structure(made) == jax.tree.structure(tree)
    normal = {"init": oneseed.initializers.RandomNormal, "stddev": 0.02}
    same(made["a"][0], expected((3, 4), "a/0", **normal))
    same(made["a"][1][0], expected((5,), "a/1/0", **normal))
    wanted = oneseed.initializers.RandomNormal(stddev=0.02, seed=7)((2, 2), "bfloat16", path="b/c/7", backend="numpy")
    same(made["b/c"][7], wanted)


def test_what_is_no_float_stays_as_it_is():
    step, key, old = jnp.int32(3), jax.random.key(1), jnp.ones((2, 2))
    tree = {"step": step, "key": key, "kernel": old, "name": "x"}
    made = oneseed_jax.initialize(tree, Scheme([Rule("*", "he_normal")]), seed=7)
    assert made["step"] is step
    assert made["key"] is key
    assert made["name"] == "x"
    same(made["kernel"], expected((2, 2), "kernel"))
    assert tree["kernel"] is old
    kept = oneseed_jax.initialize(tree, Scheme([], otherwise=KEEP), seed=7)
    assert kept["kernel"] is old


def test_inside_a_compiled_function_with_a_key():
    tree = {"kernel": abstract(8, 4)}
    made = jax.jit(lambda key: oneseed_jax.initialize(tree, SCHEME, seed=key))(jax.random.key(7))
    same(made["kernel"], expected((8, 4), "kernel"))


def test_a_rules_dtype_and_names_and_axes():
    tree = {"weight": abstract(8, 4)}
    scheme = Scheme([Rule("net.kernel", "he_normal", dtype="float16")])
    names = {"weight": "net.kernel"}
    made = oneseed_jax.initialize(tree, scheme, seed=7, names=names, axes={"weight": "o i"})
    wanted = oneseed.initializers.HeNormal(7)((8, 4), "float16", path="net.kernel", axes="o i", backend="numpy")
    same(made["weight"], wanted)


@needs("flax")
def test_flax_linen_keeps_its_boxes():
    from flax import linen

    class Model(linen.Module):
        @linen.compact
        def __call__(self, x):
            ones = linen.with_partitioning(linen.initializers.ones, (None, "model"))
            x = linen.Dense(8, kernel_init=ones, name="dense")(x)
            return linen.MultiHeadDotProductAttention(num_heads=2, name="attention")(x)

    variables = jax.eval_shape(Model().init, jax.random.key(0), abstract(1, 5, 6))
    params = oneseed_jax.initialize(variables["params"], SCHEME, seed=7)
    box = params["dense"]["kernel"]
    assert isinstance(box, linen.Partitioned)
    assert box.names == (None, "model")
    same(box.value, expected((6, 8), "dense/kernel"))
    same(params["attention"]["query"]["kernel"], expected((8, 2, 4), "attention/query/kernel", "i o1 o2"))
    same(params["attention"]["out"]["kernel"], expected((2, 4, 8), "attention/out/kernel", "i1 i2 o"))
    Model().apply({"params": params}, jnp.ones((1, 5, 6)))
    # Flax's own way from boxes to shardings gives a tree that fits.
    mesh = Mesh(jax.devices()[:1], ("model",))
    shardings = linen.get_sharding(variables, mesh)["params"]
    cut = oneseed_jax.initialize(variables["params"], SCHEME, seed=7, shardings=shardings)
    same(cut["dense"]["kernel"].value, expected((6, 8), "dense/kernel"))
    assert cut["dense"]["kernel"].value.sharding.is_equivalent_to(shardings["dense"]["kernel"], 2)


@needs("flax")
def test_flax_nnx_modules_and_states():
    from flax import nnx

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.table = nnx.Embed(7, 4, rngs=rngs)
            self.layers = nnx.List([nnx.Conv(4, 4, (3, 3), feature_group_count=4, rngs=rngs)])
            self.norm = nnx.BatchNorm(4, rngs=rngs)
            self.tied = nnx.Linear(4, 4, rngs=rngs)
            self.tied_too = nnx.Linear(4, 4, rngs=rngs)
            self.tied_too.kernel = self.tied.kernel
            self.up = nnx.ConvTranspose(4, 6, (2, 2), transpose_kernel=True, rngs=rngs)

    model = nnx.eval_shape(lambda: Model(nnx.Rngs(0)))
    made = oneseed_jax.initialize(model, SCHEME, seed=7)
    assert isinstance(made, Model)
    same(made.table.embedding[...], expected((7, 4), "table/embedding", "b o"))
    same(made.layers[0].kernel[...], expected((3, 3, 1, 4), "layers/0/kernel", "h w i g"))
    same(made.up.kernel[...], expected((2, 2, 6, 4), "up/kernel", "h w o i"))
    same(made.tied.kernel[...], expected((4, 4), "tied/kernel", "i o"))
    assert made.tied.kernel is made.tied_too.kernel
    state = oneseed_jax.initialize(nnx.state(model), SCHEME, seed=7)
    assert isinstance(state, nnx.State)
    same(state["tied"]["kernel"][...], expected((4, 4), "tied/kernel"))
    # Running statistics are none of the scheme's business, until a rule names them.
    assert isinstance(made.norm.mean.get_value(), jax.ShapeDtypeStruct)
    whole = Scheme(
        [Rule("*/mean", "zeros", state=True), Rule("*/var", "ones", state=True), *SCHEME.rules], otherwise="he_normal"
    )
    same(oneseed_jax.initialize(model, whole, seed=7).norm.var[...], np.ones(4, "float32"))


@needs("haiku")
def test_haiku():
    import haiku

    def forward(x):
        return haiku.Linear(3)(haiku.Embed(5, 4)(x))

    tree = jax.eval_shape(haiku.transform(forward).init, jax.random.key(0), abstract(2, dtype="int32"))
    made = oneseed_jax.initialize(tree, SCHEME, seed=7)
    same(made["linear"]["w"], expected((4, 3), "linear/w"))
    same(made["embed"]["embeddings"], expected((5, 4), "embed/embeddings", "b o"))
    same(made["linear"]["b"], np.zeros(3, "float32"))


@needs("equinox")
def test_equinox():
    import equinox

    model = equinox.filter_eval_shape(
        lambda key: (equinox.nn.MLP(2, 3, 4, 2, key=key), equinox.nn.Conv2d(4, 6, 3, groups=2, key=key)),
        jax.random.key(0),
    )
    mlp, conv = oneseed_jax.initialize(model, SCHEME, seed=7)
    same(mlp.layers[1].weight, expected((4, 4), "0/layers/1/weight", "o i"))
    same(conv.weight, expected((6, 2, 3, 3), "1/weight", "o i h w"))
    assert mlp(jnp.ones(2)).shape == (3,)


@pytest.mark.parametrize(
    ("tree", "options", "error", "message"),
    [
        ({"a": abstract(2)}, {"scheme": Scheme([])}, ValueError, "no rule for a"),
        ({"a": abstract(2)}, {"scheme": "he_normal"}, TypeError, "`scheme` must be a oneseed.Scheme"),
        ({"a": {"b": abstract(2)}, "a/b": abstract(2)}, {}, ValueError, "two of the name 'a/b'"),
        ({"a": abstract(2, 2)}, {"shardings": {"b": ONE}}, ValueError, "`shardings` must have the keys"),
        ({"a": abstract(2, 2)}, {"shardings": {"a": "cpu"}}, TypeError, "`shardings` must give"),
        ({"a": abstract(2, 2)}, {"shardings": lambda name: 1}, TypeError, "Received: 1 for 'a'"),
        ({"a": abstract(2)}, {"axes": {"b": "i o"}}, ValueError, "`axes` must name parameters"),
        ({"a": abstract(2, 2)}, {"axes": {"a": "i"}}, ValueError, "names 1 axes"),
        ({"a": abstract(2)}, {}, ValueError, "The parameter 'a' cannot be filled by rule"),
    ],
)
def test_what_is_refused(tree, options, error, message):
    with pytest.raises(error, match=message):
        oneseed_jax.initialize(tree, **{"scheme": Scheme([Rule("*", "orthogonal")]), "seed": 7, **options})


def test_a_tree_of_shardings_may_speak_of_what_stays():
    tree = {"step": jnp.int32(3), "kernel": abstract(4, 4), "wide": abstract(4, 8)}
    made = oneseed_jax.initialize(tree, SCHEME, seed=7, shardings={"step": ONE, "kernel": ONE, "wide": None})
    assert made["step"] is tree["step"]
    assert made["kernel"].sharding == ONE
    same(made["kernel"], expected((4, 4), "kernel"))
    same(made["wide"], expected((4, 8), "wide"))


def test_a_sharding_that_does_not_fit_is_refused_before_any_draw():
    mesh = Mesh(np.array(jax.devices()[:1]), ("x",))
    tree = {"a": abstract(3, 3), "b": abstract(3)}
    with pytest.raises(ValueError, match="`shardings` must be a sharding that fits"):
        oneseed_jax.initialize(tree, SCHEME, seed=7, shardings=NamedSharding(mesh, PartitionSpec(None, "x")))


def test_parameters_of_one_kind_share_a_compiled_function():
    sharding = NamedSharding(Mesh(np.array(jax.devices()[:1]), ("own",)), PartitionSpec())
    tree = {str(layer): {"kernel": abstract(19, 23), "wide": abstract(19, 29)} for layer in range(6)}
    scheme = Scheme([Rule("0/*", oneseed.initializers.RandomNormal(stddev=0.3))], otherwise=NORMAL)
    before = xla.program(sharding)._cache_size()
    oneseed_jax.initialize(tree, scheme, seed=7, shardings=sharding)
    assert xla.program(sharding)._cache_size() == before + 2


def run(processes, devices, *, which):
    """Run the script in processes that form one system; return what each printed."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), which, str(processes), str(number), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **flags},
        )
        for number in range(processes)
    ]
    done = [process.communicate(timeout=120) for process in started]
    for process, (_, errors) in zip(started, done, strict=True):
        assert process.returncode == 0, errors
    return [json.loads(printed.splitlines()[-1]) for printed, _ in done]


@pytest.fixture(scope="module")
def unsharded():
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import jax_shards
    finally:
        sys.path.pop(0)
    made = oneseed_jax.initialize(jax_shards.TREE, jax_shards.SCHEME, seed=7)
    flat = {name: made[layer][weight] for layer in made for weight in made[layer] for name in [f"{layer}/{weight}"]}
    # The parameters one by one, as the definition of a scheme has them.
    for name, array in flat.items():
        init = next(rule.initializer for rule in jax_shards.SCHEME.rules if rule.matches(name))
        config = {**init.get_config(), **({"seed": 7} if "seed" in init.get_config() else {})}
        same(array, type(init).from_config(config)(array.shape, array.dtype, path=name, backend="numpy"))
    return {name: oneseed.fingerprint(array) for name, array in flat.items()}


def test_any_number_of_devices_gives_the_same_parameters(unsharded):
    [found] = run(1, 8, which="fingerprints")
    assert set(found) == {"1", "2", "4", "8", "2x4"}
    for devices, fingerprints in found.items():
        assert fingerprints == unsharded, devices


def test_two_processes_agree(unsharded):
    found = run(2, 2, which="processes")
    assert [each["whole"] for each in found] == [unsharded, unsharded]
    assert [each["compared"] for each in found] == [2 * len(unsharded)] * 2


def test_functions_compiled_for_two_processes(unsharded):
    found = run(2, 2, which="compiled")
    assert found[0]["initialize"]["whole"] == unsharded
    for name, wanted in found[0].items():
        assert wanted["compared"] == 2 * len(wanted["whole"])
        assert not wanted["exchanges"]
        assert wanted["calls"] == foreign.registered()
        assert found[1][name] == wanted


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="this system does not tell a process's peak memory"
)
def test_each_process_needs_its_own_shards_and_little_more():
    for each in run(2, 2, which="memory"):
        assert each["own"] == 64 * 2**20
        assert each["own"] <= each["peak"] < each["own"] + 64 * 2**20
