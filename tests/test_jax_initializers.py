"""`oneseed_jax.initializers` against `jax.nn.initializers`, with whose names it draws from the stream."""

import doctest
import importlib
import inspect
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import reference
from frameworks import installed
from numpydoc.validate import validate
from scipy import stats
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
STDDEV_OF_PM2 = 0.87962566103423978  # as JAX has it


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


@pytest.mark.parametrize("name", ["initializers", "scaled", "matrices"])
def test_the_examples_of_the_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"oneseed_jax.{name}"))
    assert result.attempted
    assert not result.failed


# The bits of the stream -----------------------------------------------------------------------------------------------

# An initializer of JAX's kind, the one of oneseed's that it stands for, the shape, and the axes' names.
PAIRS = {
    "zeros": (door.zeros, lambda seed: of.Zeros(), (3, 4), None),
    "ones": (door.ones, lambda seed: of.Ones(), (3, 4), None),
    "constant": (door.constant([1.0, 2.5]), lambda seed: of.Constant([1.0, 2.5]), (3, 2), None),
    "normal": (door.normal(0.3), lambda seed: of.RandomNormal(0.0, 0.3, seed), (5, 7), None),
    "normal_default": (door.normal(), lambda seed: of.RandomNormal(0.0, 0.01, seed), (5, 7), None),
    "uniform": (door.uniform(3), lambda seed: of.RandomUniform(0.0, 3.0, seed), (5, 7), None),
    "uniform_default": (door.uniform(), lambda seed: of.RandomUniform(0.0, 0.01, seed), (5, 7), None),
    "truncated": (door.truncated_normal(2.0), lambda seed: of.TruncatedNormal(0.0, 2.0, seed), (5, 7), None),
    "glorot_normal": (door.glorot_normal(), of.GlorotNormal, (3, 3, 4, 5), None),
    "glorot_uniform": (door.xavier_uniform(), of.GlorotUniform, (6, 5), None),
    "he_normal": (door.he_normal(), of.HeNormal, (3, 4, 5), None),
    "he_uniform": (door.kaiming_uniform(), of.HeUniform, (6, 5), None),
    "lecun_normal": (door.lecun_normal(), of.LecunNormal, (6, 5), None),
    "lecun_uniform": (door.lecun_uniform(), of.LecunUniform, (6, 5), None),
    "oihw": (door.he_normal(in_axis=1, out_axis=0), of.HeNormal, (5, 4, 3, 3), "o i h w"),
    "two_inputs": (door.he_normal(in_axis=(0, 1), out_axis=(2, 3)), of.HeNormal, (2, 3, 4, 5), "i1 i2 o1 o2"),
    "mixed": (door.lecun_uniform((-1, 0), [1], 2), of.LecunUniform, (2, 3, 4, 5), "i1 o e i2"),
    "batch": (door.glorot_normal(batch_axis=0), of.GlorotNormal, (4, 3, 5), "e i o"),
    "batch_last": (door.he_uniform(0, 1, (-1,)), of.HeUniform, (4, 3, 5), "i o e"),
    "orthogonal": (door.orthogonal(1.5), lambda seed: of.Orthogonal(1.5, seed), (3, 3, 4), None),
    "orthogonal_wide": (door.orthogonal(), lambda seed: of.Orthogonal(1.0, seed), (3, 7), None),
    "columns_first": (door.orthogonal(column_axis=0), lambda seed: of.Orthogonal(1.0, seed), (4, 3, 3), "o h w"),
    "from_oneseed": (door.from_oneseed(of.HeNormal(1), "o i"), of.HeNormal, (6, 5), "o i"),
    "from_identity": (door.from_oneseed(of.Identity(2.0)), lambda seed: of.Identity(2.0), (3, 4), None),
}


@pytest.mark.parametrize("case", PAIRS)
def test_the_bits_of_the_seed(case):
    init, of_seed, shape, axes = PAIRS[case]
    for dtype in ("float32", "bfloat16", "float16"):
        wanted = of_seed(7)(shape, dtype, axes=axes, backend="numpy")
        same(init(KEY, shape, dtype), wanted)
    same(jax.jit(init, static_argnums=(1, 2))(KEY, shape, dtype), wanted)


@pytest.mark.parametrize("case", ["uniform", "oihw", "orthogonal"])
def test_a_key_that_is_known_where_a_function_is_traced(case):
    init, of_seed, shape, axes = PAIRS[case]
    same(jax.jit(lambda: init(KEY, shape))(), of_seed(7)(shape, axes=axes, backend="numpy"))


@pytest.mark.parametrize("case", ["normal", "mixed", "columns_first"])
def test_many_keys(case):
    """Keys from `split` are seeds of 64 bits: their two words."""
    init, of_seed, shape, axes = PAIRS[case]
    keys = jax.random.split(jax.random.fold_in(KEY, 3), 3)
    seeds = [int(high) << 32 | int(low) for high, low in np.asarray(jax.random.key_data(keys))]
    wanted = np.stack([of_seed(seed)(shape, axes=axes, backend="numpy") for seed in seeds])
    for kind in (keys, jax.random.key_data(keys)):
        same(jax.vmap(lambda key: init(key, shape))(kind), wanted)
        same(jax.jit(jax.vmap(jax.vmap(lambda key: init(key, shape))))(kind[:, None]), wanted[:, None])
    same(init(keys[1], shape), wanted[1])
    same(init(np.asarray(jax.random.key_data(keys[1])), shape), wanted[1])
    same(init(seeds[2], shape), wanted[2])


def test_float64():
    with jax.enable_x64(True):
        for case, (init, of_seed, shape, axes) in PAIRS.items():
            wanted = of_seed(7)(shape, "float64", axes=axes, backend="numpy")
            same(init(KEY, shape), wanted)  # JAX's default dtype, while 64-bit types are on
            if case in ("normal", "orthogonal"):
                same(jax.jit(init, static_argnums=(1, 2))(KEY, shape, jnp.float64), wanted)


def test_the_definition_of_the_stream():
    """Written out from JAX's formulas and the definition of the stream, element by element."""
    shape = (4, 3, 5)  # out, in, width: the logical order is width, in, out
    for (axis_in, axis_out), axes in (((1, 0), "o i k"), ((-2, -1), None), ((-1, 1), "k o i")):
        fan_in = math.prod(shape) / shape[axis_out]
        for made, law in (
            (door.he_normal(axis_in, axis_out), ("truncated", math.sqrt(2 / fan_in) / STDDEV_OF_PM2)),
            (door.variance_scaling(3, "fan_in", "normal", axis_in, axis_out), ("normal", math.sqrt(3 / fan_in))),
            (door.lecun_uniform(axis_in, axis_out), ("uniform", math.sqrt(3 * (1 / fan_in)))),
        ):
            found = np.asarray(made(jax.random.wrap_key_data(jnp.uint32([2**8, 5])), shape))
            for at in ((0, 0, 0), (3, 2, 4), (1, 2, 0), (2, 0, 3)):
                here = 2**40 + 5, 0, reference.logical_index(shape, axes, at)
                value = {
                    "truncated": lambda scale, here=here: reference.truncated_normal(*here, 0.0, scale, "float32"),
                    "normal": lambda scale, here=here: reference.normal(*here, 0.0, scale, "float32"),
                    "uniform": lambda scale, here=here: reference.uniform(*here, -scale, scale, "float32"),
                }[law[0]](law[1])
                assert float(found[at]) == value
    found = np.asarray(door.truncated_normal(0.5, lower=-1, upper=3)(KEY, (20,)))
    assert found.tolist() == [reference.truncated_normal(7, 0, i, 0, 0.5, "float32", -1.0, 3.0) for i in range(20)]


def test_axes_that_are_inputs_and_outputs_at_once():
    """So does Flax initialize embeddings: with out_axis=0 and JAX's default in_axis, of a matrix the same."""
    init = door.variance_scaling(1.0, "fan_in", "normal", out_axis=0)
    same(init(KEY, (50, 8)), of.RandomNormal(0.0, math.sqrt(1 / 8), 7)((50, 8), backend="numpy"))


# JAX's formulas -------------------------------------------------------------------------------------------------------

SHAPE = (10, 5, 20, 60)
AXES = [
    (-2, -1, ()),
    (0, 2, 1),
    ((0, 1), (3,), ()),
    ([1], (0, -1), 2),
    (-2, 2, ()),
]


def jax_fan(mode, in_axis, out_axis, batch_axis):
    """The receptive field is what is left of the size; the fans are inputs and outputs times it."""
    inputs, outputs, batch = (
        math.prod(SHAPE[axis] for axis in ([axes] if isinstance(axes, int) else axes))
        for axes in (in_axis, out_axis, batch_axis)
    )
    field = Fraction(math.prod(SHAPE), inputs * outputs * batch)
    fan_in, fan_out = inputs * field, outputs * field
    return {
        "fan_in": float(fan_in),
        "fan_out": float(fan_out),
        "fan_avg": float(fan_in + fan_out) / 2,
        "fan_geo_avg": math.sqrt(fan_in * fan_out),
    }[mode]


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize("axes", AXES)
def test_the_variance_is_that_of_jax(axes, mode):
    """By formula, and beside JAX's own draws; each of 120 comparisons rejects the truth with a probability of 1e-9."""
    scale = 1.7
    variance = scale / jax_fan(mode, *axes)
    kurtosis = {"uniform": 1.8, "normal": 3.0, "truncated_normal": 2.3657}  # of the normal cut at 2: 2.36564
    bounds = {
        "uniform": math.sqrt(3 * variance),
        "normal": 6.4 * math.sqrt(variance),
        "truncated_normal": 2 * math.sqrt(variance) / STDDEV_OF_PM2,
    }
    for distribution, bound in bounds.items():
        ours, theirs = (
            np.asarray(module.variance_scaling(scale, mode, distribution, *axes)(KEY, SHAPE), "f8").ravel()
            for module in (door, PEER)
        )
        assert ours.size == 60_000
        assert abs(ours).max() <= bound * (1 + 1e-6)
        if distribution != "normal":
            assert abs(ours).max() >= bound * 0.999
        error = math.sqrt((kurtosis[distribution] - 1) / ours.size)
        ratios = [np.mean(values**2) / variance for values in (ours, theirs)]
        assert abs(ratios[0] - 1) < 6.2 * error
        assert abs(ratios[0] - ratios[1]) < 6.2 * math.sqrt(2) * error


@pytest.mark.parametrize(
    "name, arguments, low, high",
    [
        ("normal", (0.5,), -math.inf, math.inf),
        ("uniform", (4.0,), 0.0, 4.0),
        ("truncated_normal", (0.5,), -1.0, 1.0),
        ("truncated_normal", (2.0, None, -1.0, 3.0), -2.0, 6.0),
    ],
)
def test_the_fixed_distributions_are_those_of_jax(name, arguments, low, high):
    """As many draws of JAX's own beside, by Kolmogorov-Smirnov: each rejects the truth with a probability of 1e-9."""
    law = stats.uniform(0, 4) if name == "uniform" else stats.truncnorm(low / arguments[0], high / arguments[0])
    for module in (door, PEER):
        made = np.asarray(getattr(module, name)(*arguments)(KEY, (200_000,)), "f8")
        assert low <= made.min() <= made.max() <= high
        assert stats.kstest(made / (1 if name == "uniform" else arguments[0]), law.cdf).pvalue > 1e-9


def test_scales_of_zero_make_zeros():
    for init in (
        door.normal(0.0),
        door.uniform(0),
        door.truncated_normal(0.0),
        *(door.variance_scaling(0.0, "fan_in", law) for law in ("normal", "uniform", "truncated_normal")),
    ):
        assert not np.asarray(init(KEY, (20, 20))).any()


# Orthogonal matrices --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, column_axis", [((6, 4), -1), ((4, 6), -1), ((4, 6), 0), ((3, 2, 5), 1), ((0, 3), -1)])
def test_orthogonal(shape, column_axis):
    made = door.orthogonal(2.0, column_axis)(KEY, shape)
    assert made.shape == PEER.orthogonal(2.0, column_axis)(KEY, shape).shape == shape
    matrix = np.moveaxis(np.asarray(made), column_axis, -1).reshape(-1, shape[column_axis]) / 2
    gram = matrix.T @ matrix if len(matrix) >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(gram, np.eye(len(gram)) if made.size else 0 * gram, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 4, 6), (4, 2, 5, 5), (1, 3, 5, 2, 3)])
@pytest.mark.parametrize("column_axis", [-1, -2, 0, 1])
def test_delta_orthogonal(shape, column_axis):
    made, theirs = (np.asarray(m.delta_orthogonal(3.0, column_axis)(KEY, shape)) for m in (door, PEER))
    # Zero and not at the same places as JAX's, which has all its values at the centre.
    np.testing.assert_array_equal(made != 0, theirs != 0)
    centre = made[tuple((size - 1) // 2 for size in shape[:-2])]
    same(door.orthogonal(3.0, column_axis)(KEY, shape[-2:]), centre)
    np.testing.assert_allclose(centre @ centre.T, 9 * np.eye(shape[-2]), atol=1e-5)
    same(jax.jit(lambda key: door.delta_orthogonal(3.0, column_axis)(key, shape))(KEY), made)


def test_delta_orthogonal_keeps_the_norm():
    kernel = door.delta_orthogonal()(KEY, (3, 3, 4, 4))
    image = jax.random.normal(KEY, (2, 8, 8, 4))
    out = jax.lax.conv_general_dilated(image, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    np.testing.assert_allclose(jnp.linalg.norm(out), jnp.linalg.norm(image), rtol=1e-5)


def test_delta_orthogonal_without_elements():
    for shape in ((0, 3, 3), (3, 0, 2), (3, 0, 0)):
        assert door.delta_orthogonal()(KEY, shape).shape == shape


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
    monkeypatch.setattr("oneseed_jax.adapter.elements", None)
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


FAN = door.he_normal
REFUSED = {
    "no_key": (lambda: FAN()(None, (2, 2)), TypeError, "`key` must be a JAX key"),
    "bool_key": (lambda: FAN()(True, (2, 2)), TypeError, "`key` must be a JAX key"),
    "negative_key": (lambda: FAN()(-1, (2, 2)), ValueError, "must lie in"),
    "keys": (lambda: FAN()(jax.random.split(KEY), (2, 2)), ValueError, "one key .* jax.vmap"),
    "rbg": (lambda: FAN()(jax.random.key(7, impl="rbg"), (2, 2)), ValueError, "threefry2x32"),
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
    "law": (lambda: door.variance_scaling(1.0, "fan_in", "gauss"), ValueError, "`distribution` must be one of"),
    "large": (lambda: door.variance_scaling(1e20, "fan_in", "normal")(KEY, (2, 2), "float16"), ValueError, "too large"),
    "stddev": (lambda: door.normal(-1.0), ValueError, "`stddev` must be 0 or more"),
    "uniform": (lambda: door.uniform(-1.0), ValueError, "`scale` must be 0 or more"),
    "bounds": (lambda: door.truncated_normal(1.0, lower=2, upper=2), ValueError, "`lower` must be below `upper`"),
    "infinite": (lambda: door.truncated_normal(1.0, upper=math.inf), ValueError, "`upper` must be finite"),
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
    monkeypatch.setattr("oneseed_jax.adapter.fill", None)
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
