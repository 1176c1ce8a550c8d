"""The initializers of JAX: the bits that they draw, and their distributions."""

import math
from fractions import Fraction

import numpy as np
import pytest
import reference
from frameworks import installed
from scipy import stats

if not installed("jax"):
    pytest.skip("jax is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp
from test_jax_initializers import KEY, PEER, same

from oneseed import initializers as of
from oneseed_jax import initializers as door

STDDEV_OF_PM2 = 0.87962566103423978  # as JAX has it


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
        for made, (kind, scale) in (
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
                }[kind](scale)
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
    expected = stats.uniform(0, 4) if name == "uniform" else stats.truncnorm(low / arguments[0], high / arguments[0])
    for module in (door, PEER):
        made = np.asarray(getattr(module, name)(*arguments)(KEY, (200_000,)), "f8")
        assert low <= made.min() <= made.max() <= high
        assert stats.kstest(made / (1 if name == "uniform" else arguments[0]), expected.cdf).pvalue > 1e-9


def test_scales_of_zero_make_zeros():
    for init in (
        door.normal(0.0),
        door.uniform(0),
        door.truncated_normal(0.0),
        *(
            door.variance_scaling(0.0, "fan_in", distribution)
            for distribution in ("normal", "uniform", "truncated_normal")
        ),
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
