"""Structured matrices: known answers against a slow second implementation, and each class against its definition."""

import inspect
import json
import math
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import reference
from frameworks import peer
from matrix_oracle import OF_CLASS
from refusals import refused

import oneseed
from oneseed import initializers as I
from oneseed.config import FLOATX
from oneseed.dtypes import FLOATS, narrowed, numpy_dtype
from oneseed.seeds import SeedGenerator

ROWS = json.loads((Path(__file__).parent / "known_answers" / "matrices.json").read_text(encoding="utf-8"))
EPS = {dtype: float(ml_dtypes.finfo(numpy_dtype(dtype)).eps) for dtype in FLOATX}

every_float = pytest.mark.parametrize("dtype", FLOATX)


def plain(value):
    """Return an array that a configuration holds as a list, and a base by a short name."""
    if isinstance(value, dict):
        return value["config"]["value"] if value["class_name"] == "__numpy__" else "uniform"
    return value


def expected(row):
    """Return the whole tensor of a row, or its block, in float64, as the oracle makes it."""
    name, shape, dtype = row["initializer"]["class_name"], row["shape"], row["dtype"]
    config = {key: plain(value) for key, value in row["initializer"]["config"].items() if key != "seed"}
    if name == "Sparse":  # its values are drawn in the dtype
        config["dtype"] = dtype
    order = reference.logical_axes(len(shape), row.get("axes"))
    kinds = [axis[0] for axis in row["axes"].split()] if "axes" in row else None
    if kinds is None:
        batch = len(shape) - 2 if name in ("Identity", "NoisyIdentity") else 0
        kinds = ["e"] * batch + ["x"] * (len(shape) - 2 - batch) + ["i", "o"]
    sizes = {kind: tuple(n for n, its in zip(shape, kinds, strict=True) if its == kind) for kind in "eio"}
    batch = tuple(n for n, its in zip(shape, kinds, strict=True) if its in "eg")
    spatial = tuple(n for n, its in zip(shape, kinds, strict=True) if its not in "egio")
    sides = spatial, math.prod(sizes["i"]), math.prod(sizes["o"])
    path = tuple(row.get("path", ()))
    kernels = [OF_CLASS[name](path, at, sides, **config) for at in range(math.prod(batch))]
    logical = np.array(kernels).reshape([shape[axis] for axis in order])
    whole = logical.transpose(np.argsort(order))
    if "partition_shape" in row:
        cuts = zip(row["partition_offset"], row["partition_shape"], strict=True)
        whole = whole[tuple(slice(at, at + size) for at, size in cuts)]
    return whole


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['initializer']['class_name']}-{row['dtype']}")
def test_the_known_answers_are_those_of_the_second_implementation(row):
    wide = expected(row)
    if "values" in row:
        np.testing.assert_allclose(row["values"], wide, rtol=0, atol=1e-13 * abs(wide).max())
        return
    dtype = row["dtype"]
    # Halves are roundings of float32.
    by_way_of = reference.working(dtype) if dtype != "int32" else None
    rounded = [
        reference.rounded(reference.rounded(x, by_way_of), dtype) if by_way_of else x for x in wide.ravel().tolist()
    ]
    assert oneseed.fingerprint(np.array(rounded).astype(numpy_dtype(dtype)).reshape(wide.shape)) == row["fingerprint"]


def test_every_class_has_known_answers():
    assert {row["initializer"]["class_name"] for row in ROWS} == set(OF_CLASS)


# What all have in common

MADE = {
    "Bilinear": (I.Bilinear(), (4, 4, 2, 2)),
    "Cluster": (I.Cluster(0.9, 0.3, 2, 0.9, seed=7), (6, 6)),
    "ConvolutionAware": (I.ConvolutionAware(seed=7), (3, 3, 5, 4)),
    "ConvolutionOrthogonal": (I.ConvolutionOrthogonal(1.5, seed=7), (2, 2, 3, 4)),
    "DeltaOrthogonal": (I.DeltaOrthogonal(1.5, seed=7), (2, 3, 3, 4)),
    "Dirac": (I.Dirac(2), (3, 2, 4)),
    "DownsamplingFilter": (I.DownsamplingFilter(), (5, 2, 2)),
    "EchoState": (I.EchoState(0.9, 0.7, "bernoulli", 7), (6, 6)),
    "GlorotOrthogonal": (I.GlorotOrthogonal(3.0, 7), (3, 4, 5)),
    "IDInit": (I.IDInit(2.5, "all"), (3, 2, 4)),
    "Identity": (I.Identity(2.5, shift=1), (3, 4)),
    "Line": (I.Line([0.1, 0.2]), (3, 3)),
    "NoisyIdentity": (I.NoisyIdentity(0.5, 0.1, 7), (4, 5)),
    "OrthogonalFeatures": (I.OrthogonalFeatures(0.5, seed=7), (3, 7)),
    "ReservoirInput": (I.ReservoirInput([0.5, 2.0, 1.0], 0.7, "normal", 7), (3, 5)),
    "Ring": (I.Ring(np.array([0.1, 0.2, 0.3])), (3, 3)),
    "SmallWorld": (I.SmallWorld(2, 0.5, 0.8, "uniform", 7), (6, 6)),
    "Sparse": (I.Sparse(0.5, 0.1, 1.0, 7), (5, 4)),
    "Spectral": (I.Spectral(2.0, I.GlorotNormal(), 3, 7), (5, 4)),
    "UpsamplingFilter": (I.UpsamplingFilter(), (4, 3, 2, 2)),
    "ZerO": (I.ZerO(), (3, 5)),
}
RANDOM = [name for name, (init, _) in MADE.items() if init.seed is not None]
every_class = pytest.mark.parametrize("name", MADE)


def test_no_class_is_left_out():
    assert set(MADE) == set(OF_CLASS)


@every_class
@pytest.mark.parametrize("dtype", FLOATS)
def test_computed_in_float64_and_rounded(name, dtype):
    init, shape = MADE[name]
    made = init(shape, dtype)
    assert made.dtype.name == dtype
    if name == "Sparse":  # its values are those of the dtype's normal distribution, at the same places
        np.testing.assert_array_equal(made == 0, init(shape, "float64") == 0)
    else:
        same_bits(made, narrowed(init(shape, "float64"), dtype))


@every_class
def test_round_trip_through_json(name):
    init, shape = MADE[name]
    again = I.deserialize(json.loads(json.dumps(I.serialize(init))))
    assert type(again) is type(init)
    assert json.dumps(again.get_config()) == json.dumps(init.get_config())
    assert set(init.get_config()) <= set(inspect.signature(type(init)).parameters)
    assert again(shape).tobytes() == init(shape).tobytes()
    assert repr(init).startswith(f"{name}(")


@pytest.mark.parametrize("name", RANDOM)
def test_seeds_and_paths(name):
    init, shape = MADE[name]
    make = type(init)
    config = {key: value for key, value in init.get_config().items() if key != "seed"}
    first, second = make.from_config({**config, "seed": 7}), make.from_config({**config, "seed": 8})
    assert first(shape).tobytes() == init(shape).tobytes() != second(shape).tobytes()
    assert init(shape).tobytes() != init(shape, path="a").tobytes() != init(shape, path="b").tobytes()
    generator = SeedGenerator(7)
    counted = make.from_config({**config, "seed": generator})
    assert counted(shape).tobytes() == init(shape, path=(0,)).tobytes() != counted(shape).tobytes()
    assert generator.count == 2


LAYOUTS = {
    "matrix": (("e i o", (2, 4, 4)), ("o e i", (4, 2, 4)), ("i o b", (4, 4, 2)), ("i1 e o i2", (2, 2, 4, 2))),
    "kernel": (
        ("e h w i o", (2, 3, 3, 4, 4)),
        ("o i h w e", (4, 4, 3, 3, 2)),
        ("h i e o w", (3, 4, 2, 4, 3)),
        ("o1 h o2 w i e", (2, 3, 2, 3, 4, 2)),
    ),
}
LIKE_A_KERNEL = {
    "Bilinear",
    "ConvolutionAware",
    "ConvolutionOrthogonal",
    "DeltaOrthogonal",
    "Dirac",
    "DownsamplingFilter",
    "IDInit",
    "UpsamplingFilter",
}


@every_class
def test_any_layout_and_any_block(name):
    init, _ = MADE[name]
    init = {"Line": I.Line(0.5), "Ring": I.Ring(0.5), "ReservoirInput": I.ReservoirInput(0.5, seed=7)}.get(name, init)
    (reference_axes, reference_shape), *others = LAYOUTS["kernel" if name in LIKE_A_KERNEL else "matrix"]
    logical = init(reference_shape, "float32", axes=reference_axes)
    for axes, shape in others:
        made = init(shape, "float32", axes=axes)
        order = reference.logical_axes(len(shape), axes)
        assert made.transpose(order).reshape(reference_shape).tobytes() == logical.tobytes(), axes
        offset, block = [size // 3 for size in shape], [size - size // 3 - 1 for size in shape]
        part = init(shape, "float32", axes=axes, partition_offset=offset, partition_shape=block)
        cut = made[tuple(slice(at, at + size) for at, size in zip(offset, block, strict=True))]
        assert part.shape == cut.shape
        assert part.tobytes() == cut.tobytes(), axes
    alone = logical[0] if init.seed is None else None
    for kernel in logical[1:]:
        assert (alone is None) == (kernel.tobytes() != logical[0].tobytes())


@every_class
def test_no_elements(name):
    init, shape = MADE[name]
    init = {"Line": I.Line(), "Ring": I.Ring(), "ReservoirInput": I.ReservoirInput(seed=7)}.get(name, init)
    if name != "SmallWorld":  # which has more units than neighbors
        empty = (*shape[:-2], 0, 0)
        assert init(empty, "float16").shape == empty
    assert init(shape, partition_offset=shape, partition_shape=(0,) * len(shape)).size == 0


@every_class
@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
def test_dtypes_that_are_no_floats(name, dtype):
    init, shape = MADE[name]
    if name in ("Dirac", "IDInit", "Identity"):
        wide = init(shape, "float64")
        np.testing.assert_array_equal(init(shape, dtype), wide.astype(dtype))
    elif name == "Sparse" and dtype == "complex64":
        assert init(shape, dtype).dtype == dtype
    else:
        kinds = "float or complex" if name == "Sparse" else "float"
        with refused(ValueError, f"`dtype` must be a {kinds} dtype", received=f"dtype={dtype!r}"):
            init(shape, dtype)


@pytest.mark.parametrize("name", RANDOM)
def test_keras_does_not_have_them(name):
    init, shape = MADE[name]
    with oneseed.using(rng="native"), refused(ValueError, "`rng` must be 'portable'", received="rng='native'"):
        init(shape)


@every_class
@pytest.mark.parametrize("shape", [(), (3,)])
def test_too_few_axes(name, shape):
    with refused(ValueError, "`shape` must have at least 2 axes", received=f"shape={shape}"):
        MADE[name][0](shape)


def same_bits(found, wanted):
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    assert found.tobytes() == wanted.tobytes()


# Identity


@pytest.mark.parametrize("shift", [0, 1, -2, 7])
@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3)])
def test_shifted_identity(shift, shape):
    # Flux's convention: the matrix of outputs by inputs, its rows shifted in a circle.
    np.testing.assert_array_equal(
        I.Identity(2.0, shift=shift)(shape[::-1], axes="o i"), 2 * np.roll(np.eye(*shape[::-1]), shift, axis=0)
    )


def test_batches_of_identities():
    same_bits(I.Identity()((4, 2, 3)), np.broadcast_to(np.eye(2, 3, dtype="float32"), (4, 2, 3)).copy())
    same_bits(I.Identity()((2, 4, 3), axes="i e o")[:, 2], np.eye(2, 3, dtype="float32"))
    made = I.Identity()((2, 3, 6), axes="i1 i2 o").reshape(6, 6)
    same_bits(made, np.eye(6, dtype="float32"))


def test_batches_of_identities_are_those_of_haiku():
    haiku = peer("haiku")
    same_bits(I.Identity(2.0)((4, 2, 3)), np.asarray(haiku.initializers.Identity(2.0)((4, 2, 3), np.float32)))


def test_a_block_of_a_shifted_identity_too_large_to_make():
    far = I.Identity(shift=5)((2**40, 2**20), partition_shape=(2, 9), partition_offset=(1000, 1000))
    np.testing.assert_array_equal(far, np.eye(2, 9, 5))


def test_identity_has_the_configuration_of_keras():
    assert I.Identity(2.0).get_config() == {"gain": 2.0}
    assert I.Identity(2.0, shift=1).get_config() == {"gain": 2.0, "shift": 1}


@pytest.mark.parametrize("axes", ["h i o", "e b i", "o1 o2 e"])
def test_identity_needs_inputs_and_outputs(axes):
    for init in (I.Identity(), I.NoisyIdentity(seed=1)):
        with refused(ValueError, "for an identity matrix"):
            init((3, 3, 3), axes=axes)


@pytest.mark.parametrize("shape", [(3, 2, 2), (4, 4, 3, 5), (2, 3, 4, 5, 2), (3, 6, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_is_that_of_pytorch(shape, groups):
    torch = peer("torch")
    outputs, inputs = shape[-1] * groups, shape[-2]
    weight = torch.empty(outputs, inputs, *shape[:-2])
    torch.nn.init.dirac_(weight, groups)
    spatial = "d h w"[-2 * len(shape[:-2]) + 1 :]
    same_bits(I.Dirac(groups)(weight.shape, axes=f"o i {spatial}"), weight.numpy())
    order = (*range(2, len(shape)), 1, 0)
    same_bits(np.ascontiguousarray(I.Dirac(groups)((*shape[:-1], outputs))), weight.permute(order).contiguous().numpy())


def test_eye_is_that_of_pytorch():
    torch = peer("torch")
    for shape in ((3, 3), (2, 5), (5, 2)):
        same_bits(I.Identity()(shape), torch.nn.init.eye_(torch.empty(shape)).numpy())


def test_dirac_refusals():
    with refused(ValueError, "`groups` must divide the 5 outputs", received="groups=2"):
        I.Dirac(2)((3, 2, 5))
    with refused(ValueError, "at least 1 spatial axes"):
        I.Dirac()((3, 3))
    for groups, kind in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        with refused(kind, "`groups` must", received=f"groups={groups!r}"):
            I.Dirac(groups)


def test_noise_is_that_of_the_normal_distribution():
    noise = I.RandomNormal(0.0, 0.25, seed=7)((50, 40), "float64", path="w")
    np.testing.assert_array_equal(
        I.NoisyIdentity(2.0, 0.25, 7)((50, 40), "float64", path="w"), noise + 2 * np.eye(50, 40)
    )
    same_bits(I.NoisyIdentity(2.0, 0.0, 7)((5, 4)), I.Identity(2.0)((5, 4)))
    with refused(ValueError, "`stddev` is too large", received="stddev=20000.0"):
        I.NoisyIdentity(1.0, 20000.0, 7)((2, 2), "float16")


# ZerO


@pytest.mark.parametrize(("outputs", "inputs"), [(5, 3), (8, 3), (9, 8), (4, 2), (3, 3), (2, 5), (2, 1)])
def test_zero_is_that_of_its_authors(outputs, inputs):
    from scipy.linalg import hadamard

    bits = math.ceil(math.log2(outputs))
    wanted = np.eye(outputs, inputs) if outputs <= inputs else hadamard(2**bits)[:outputs, :inputs] / 2 ** (bits / 2)
    made = I.ZerO()((outputs, inputs), "float64", axes="o i")
    np.testing.assert_allclose(made, wanted, rtol=1e-15)
    if outputs & (outputs - 1) == 0 and outputs > inputs:
        np.testing.assert_allclose(made.T @ made, np.eye(inputs), atol=1e-15)
    kernel = I.ZerO()((outputs, inputs, 4, 3), "float64", axes="o i h w")
    same_bits(np.ascontiguousarray(kernel[:, :, 2, 1]), np.ascontiguousarray(made))
    assert np.count_nonzero(kernel) == np.count_nonzero(made)


# Filters


@every_float
def test_weighted_means_sum_to_one(dtype):
    for shape in ((1, 2, 2), (4, 3, 3), (5, 4, 1, 3), (3, 2, 4, 2, 2)):
        sums = I.DownsamplingFilter()(shape, dtype).astype("float64").sum(axis=tuple(range(len(shape) - 2)))
        taps = math.prod(shape[:-2])
        wanted = np.eye(shape[-2]) if shape[-2] == shape[-1] else np.ones(shape[-2:])
        np.testing.assert_allclose(sums, wanted, atol=taps * EPS[dtype])


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bilinear_kernels_enlarge_as_pytorch_does(factor):
    torch = peer("torch")
    functional = torch.nn.functional
    size = 2 * factor - factor % 2
    images = torch.from_numpy(I.RandomNormal(stddev=1.0, seed=7)((2, 3, 6, 7), "float64"))
    wanted = functional.interpolate(images, scale_factor=factor, mode="bilinear", align_corners=False)
    inside = (..., slice(factor, -factor), slice(factor, -factor))
    grouped = torch.from_numpy(np.ascontiguousarray(I.Bilinear()((3, 1, size, size), "float64", axes="i o h w")))
    full = torch.from_numpy(np.ascontiguousarray(I.UpsamplingFilter()((3, 3, size, size), "float64", axes="i o h w")))
    for kernel, groups in ((grouped, 3), (full, 1)):
        made = functional.conv_transpose2d(images, kernel, stride=factor, padding=(size - factor) // 2, groups=groups)
        assert made.shape == wanted.shape
        torch.testing.assert_close(made[inside], wanted[inside])


def test_filter_refusals():
    for init in (I.UpsamplingFilter(), I.DownsamplingFilter()):
        with refused(ValueError, "as many inputs as outputs", received="shape=(3, 2, 3)"):
            init((3, 2, 3))
        with refused(ValueError, "at least 1 spatial axes", received="shape=(2, 2)"):
            init((2, 2))
    with refused(ValueError, "2 spatial axes", received="shape=(3, 2, 3)"):
        I.Bilinear()((3, 2, 3))
