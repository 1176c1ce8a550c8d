"""Blocks are slices of the whole tensor, and layouts transposes of it."""

import itertools

import numpy as np
import pytest
import reference

from oneseed import initializers
from oneseed.initializers import known
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.configs import required

FLOATS = ("float16", "bfloat16", "float32", "float64")

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

every_float = pytest.mark.parametrize("dtype", FLOATS)

ELSEWHERE = ("Initializer", "RandomInitializer", "FromFile", "RandomWalk")
"""The base classes, and what needs a file or a square matrix, which tests of their own cut into blocks."""

CLASSES = {
    name: item
    for name in initializers.__all__
    # Not the aliases in snake case, which are the same classes.
    if isinstance(item := getattr(initializers, name), type) and item.__name__ == name and name not in ELSEWHERE
}
RANDOM = sorted(name for name, item in CLASSES.items() if issubclass(item, RandomInitializer))

ARRAY = np.arange(30, dtype="float32").reshape(6, 5)
GLOROT = initializers.GlorotUniform(5)
ARGUMENTS = {
    "Assign": {"value": ARRAY},
    "At": {"initializer": GLOROT, "path": "other"},
    "Blockwise": {"initializers": [GLOROT, "orthogonal"], "sizes": [4, 2], "axis": 0},
    "Cluster": {"p_in": 0.9},
    "Computed": {"initializers": [GLOROT, "zeros"], "steps": [["neg", [0]], ["add", [2, 1]]]},
    "Constant": {"value": ARRAY[0]},
    "FusedRNN": {"mode": "gru", "num_layers": 1, "state_size": 3, "h2h_weight_initializer": GLOROT},
    "Overlay": {"initializers": [GLOROT, "zeros"], "regions": [[[1, 5, 2], [0, 5, 1]]]},
    "Partial": {"initializer": GLOROT, "axes": "o i"},
    "PerGroup": {"initializer": GLOROT, "groups": 5},
    "S4D": {"kind": "legs", "part": "imag"},
    "S4DB": {"kind": "unit_cw", "part": "imag"},
    "Scaled": {"initializer": GLOROT, "factor": 0.3},
    "Sparse": {"sparsity": 0.5},
    "Stored": {"value": ARRAY},
    "Sum": {"initializers": [GLOROT, GLOROT, "ones"]},
    "UniformInt": {"low": -9, "high": 200},
}
SHAPES = {
    "Bilinear": (4, 3, 2, 3),
    "Cluster": (6, 6),
    "ConvolutionAware": (3, 4, 5, 4),
    "ConvolutionOrthogonal": (3, 3, 3, 4),
    "DeltaOrthogonal": (3, 4, 3, 5),
    "Dirac": (3, 4, 5, 4),
    "DownsamplingFilter": (4, 3, 5, 5),
    "EchoState": (6, 6),
    "FusedRNN": (81,),
    "HiPPO": (6, 6),
    "Line": (6, 6),
    "NoisyIdentity": (6, 5),
    "ReservoirInput": (6, 5),
    "Ring": (6, 6),
    "STFT": (8, 1, 5),
    "SmallWorld": (6, 6),
    "UnitForgetBias": (6, 8),
    "UpsamplingFilter": (4, 3, 5, 5),
}
"""Shapes for those that do not take all; the others make (6, 5), and those of them that are random any layout."""


def shape_of(name):
    """Return a shape for a class: that above, a matrix, or where it does not take one that of its example."""
    if name not in SHAPES:
        try:
            built(name).describe((6, 5), "float32")
        except ValueError:
            return known.entries()[name].shape
    return SHAPES.get(name, (6, 5))


def built(name):
    """Build one with the arguments above; of a class that needs some and has none there, its example."""
    if name not in ARGUMENTS and required(CLASSES[name]):
        return eval(known.entries()[name].example, {**vars(initializers), "np": np})
    return CLASSES[name](**ARGUMENTS.get(name, {}), **({"seed": 5} if name in RANDOM else {}))


IN_ANY_LAYOUT = [name for name in RANDOM if name not in SHAPES and shape_of(name) == (6, 5)]


def blocks_of(shape):
    """Cut every axis at a third, and nothing off its end: blocks that make up the whole, some of them empty."""
    cuts = [[(0, size // 3), (size // 3, size), (size, size)] for size in shape]
    for cut in itertools.product(*cuts):
        yield tuple(start for start, _ in cut), tuple(stop - start for start, stop in cut)


def assert_blocks_make_the_whole(initializer, shape, dtype, axes=None):
    whole = initializer(shape, dtype, axes=axes, path="w", backend="numpy")
    assert whole.shape == shape
    for offset, block in blocks_of(shape):
        part = initializer(
            shape, dtype, axes=axes, path="w", backend="numpy", partition_shape=block, partition_offset=offset
        )
        cut = whole[tuple(slice(at, at + size) for at, size in zip(offset, block, strict=True))]
        assert (part.shape, part.dtype) == (cut.shape, cut.dtype)
        assert part.tobytes() == cut.tobytes(), (offset, block)


def test_initializers_are_found():
    # Were the list empty, the tests of its members would pass.
    assert {"Zeros", "Orthogonal", "HeNormal", "RandomUniform", "STFT"} <= set(CLASSES)
    assert {"Orthogonal", "HeNormal", "RandomUniform"} <= set(RANDOM)


@every_float
@pytest.mark.parametrize("name", sorted(CLASSES))
def test_blocks_make_the_whole(name, dtype):
    assert_blocks_make_the_whole(built(name), shape_of(name), dtype)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("axes", ["o i h w", "b i o w", "h i g o", "i o e b"])
@pytest.mark.parametrize("name", IN_ANY_LAYOUT)
def test_blocks_make_the_whole_in_any_layout(name, axes, dtype):
    assert_blocks_make_the_whole(built(name), (4, 3, 5, 2), dtype, axes)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_blocks_make_the_whole_in_integers(dtype):
    assert_blocks_make_the_whole(initializers.RandomUniform(0, 100, seed=5), (6, 5), dtype)
    assert_blocks_make_the_whole(initializers.RandomUniform(0, 100, seed=5), (4, 3, 5, 2), dtype, "o i h w")


# Axes of one kind keep their order, so that height comes before width in all of them.
ORDERS = [names for names in itertools.permutations("hwio") if names.index("h") < names.index("w")]


@pytest.mark.parametrize("names", ORDERS, ids=" ".join)
@pytest.mark.parametrize("name", IN_ANY_LAYOUT)
def test_another_layout_is_a_transpose(name, names):
    sizes = {"h": 2, "w": 3, "i": 5, "o": 4}
    for dtype in FLOATS:
        keras = built(name)(tuple(sizes.values()), dtype, path="w", backend="numpy")
        shape = tuple(sizes[axis] for axis in names)
        other = built(name)(shape, dtype, axes=" ".join(names), path="w", backend="numpy")
        assert other.tobytes() == keras.transpose(["hwio".index(axis) for axis in names]).tobytes(), dtype


def test_spatial_axes_keep_their_order():
    initializer = initializers.RandomNormal(seed=1)
    swapped = initializer((3, 2, 5, 4), axes="w h i o", backend="numpy")
    assert swapped.tobytes() == initializer((3, 2, 5, 4), backend="numpy").tobytes()


@pytest.mark.parametrize("name", IN_ANY_LAYOUT)
def test_a_dense_weight_of_outputs_by_inputs_is_a_transpose(name):
    for dtype in FLOATS:
        keras = built(name)((7, 3), dtype, backend="numpy")
        swapped = built(name)((3, 7), dtype, axes="o i", backend="numpy")
        assert swapped.tobytes() == keras.T.tobytes(), dtype


@pytest.mark.parametrize("dtype", [*FLOATS, "int32"])
@pytest.mark.parametrize(
    ("shape", "offset", "block"),
    [
        ((0,), (0,), (0,)),
        ((3, 0, 4), (1, 0, 2), (2, 0, 2)),
        ((3, 4), (3, 4), (0, 0)),
        ((3, 4), (3, 0), (0, 4)),
        ((2**31, 2**32 - 1), (2**31, 17), (0, 5)),
        ((2**31, 2**32 - 1), (2**31 - 1, 2**32 - 1), (1, 0)),
    ],
)
def test_blocks_without_elements(shape, offset, block, dtype):
    drawing = [initializers.RandomUniform(-3, 3, seed=1)]
    if dtype in FLOATS:
        drawing += [initializers.RandomNormal(seed=1), initializers.TruncatedNormal(1.0, seed=1)]
    for initializer in (*drawing, initializers.Zeros(), initializers.Constant(2)):
        array = initializer(shape, dtype, backend="numpy", partition_shape=block, partition_offset=offset)
        assert array.shape == block
        assert array.dtype.name == dtype


@every_float
def test_scalars(dtype):
    for axes in (None, ""):
        array = initializers.RandomNormal(0.5, 2.0, seed=3)((), dtype, axes=axes, path="s", backend="numpy")
        assert array.shape == ()
        value = reference.normal(3, reference.stream_of(("s",)), 0, 0.5, 2.0, dtype)
        assert reference.patterns(array) == [reference.bits(value, dtype)]
