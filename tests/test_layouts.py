"""Patterns of axes against real layers: the shapes of their weights, and the fans as the layers themselves sum.

With all weights and inputs 1, an element of a layer's output is the number of products in it: its fan_in.
"""

from itertools import product

import numpy as np
import pytest
from frameworks import installed

from oneseed import initializers as I
from oneseed import layouts
from oneseed.fans import fans, parse
from oneseed.host_arrays import to_numpy

N = {1: 7, 2: 7, 3: 5}
"""The sides of inputs: larger than the kernels, so that an element in the middle sees a whole one."""


def needs(name):
    return pytest.mark.skipif(not installed(name), reason=f"{name} is not installed")


def check(pattern, shape, fan_in):
    assert fans(shape, parse(pattern))[0] == fan_in
    assert I.HeNormal(1).describe(shape, axes=pattern).distribution.stddev_after_truncation == pytest.approx(
        np.sqrt(2 / fan_in)
    )


def middle(output, rank, channels_last):
    """Return an element in the middle of a convolution's output."""
    output = np.asarray(output)[0]
    at = tuple(size // 2 for size in (output.shape[:rank] if channels_last else output.shape[1:]))
    return float(output[(*at, 0)] if channels_last else output[(0, *at)])


@needs("torch")
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("transpose", ["", "_transpose"])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_convolutions_of_pytorch(rank, transpose, groups):
    import torch

    name = f"Conv{'Transpose' if transpose else ''}{rank}d"
    layer = getattr(torch.nn, name)(6, 12 if groups < 6 else 6, 3, groups=groups, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1)
        summed = middle(layer(torch.ones(1, 6, *(N[rank],) * rank)), rank, False)
    shape = tuple(layer.weight.shape)
    assert summed == 6 // groups * 3**rank
    if groups == 1:
        check(layouts.axes(f"conv{rank}d{transpose}", "torch"), shape, summed)
    elif groups == 6 and not transpose:
        check(layouts.axes(f"depthwise_conv{rank}d", "torch"), shape, summed)
    draws = layouts.grouped("he_normal", groups, f"conv{rank}d{transpose}", "torch").describe(shape).distribution.parts
    assert len(draws) == groups
    assert {draw.fan_in for draw in draws} == {summed}
    assert {draw.fan_out for draw in draws} == {(12 if groups < 6 else 6) // groups * 3**rank}


@needs("keras")
@pytest.mark.parametrize(
    ("kind", "rank"),
    # Keras has no DepthwiseConv3D.
    [*product(["conv", "conv_transpose", "grouped"], [1, 2, 3]), ("depthwise", 1), ("depthwise", 2)],
)
def test_convolutions_of_keras(kind, rank):
    import keras

    layers = keras.layers
    make = {
        "conv": lambda: getattr(layers, f"Conv{rank}D")(12, 3, kernel_initializer="ones"),
        "conv_transpose": lambda: getattr(layers, f"Conv{rank}DTranspose")(12, 3, kernel_initializer="ones"),
        "grouped": lambda: getattr(layers, f"Conv{rank}D")(12, 3, groups=2, kernel_initializer="ones"),
        "depthwise": lambda: getattr(layers, f"DepthwiseConv{rank}D")(3, depthwise_initializer="ones"),
    }
    if kind == "grouped":  # the CPU of TensorFlow does not run it
        layer = make[kind]()
        layer.build((1, *(N[rank],) * rank, 6))
        summed = 3 * 3**rank
    else:
        layer = make[kind]()
        summed = middle(to_numpy(layer(keras.ops.ones((1, *(N[rank],) * rank, 6)))), rank, True)
    shape = tuple(layer.kernel.shape)
    if kind == "grouped":
        draws = layouts.grouped("he_normal", 2, f"conv{rank}d", "keras").describe(shape).distribution.parts
        assert [(draw.fan_in, draw.fan_out) for draw in draws] == [(summed, 6 * 3**rank)] * 2
    else:
        name = {"conv": "conv{}d", "conv_transpose": "conv{}d_transpose", "depthwise": "depthwise_conv{}d"}[kind]
        check(layouts.axes(name.format(rank), "keras"), shape, summed)


@needs("keras")
def test_the_depthwise_kernel_that_keras_gets_wrong():
    import keras

    layer = keras.layers.DepthwiseConv2D(3, depthwise_initializer=keras.initializers.HeNormal(seed=1))
    layer.build((None, 9, 9, 256))
    theirs = to_numpy(layer.kernel.value).std()
    ours = I.Partial("he_normal", axes=layouts.axes("depthwise_conv2d", "keras"))((3, 3, 256, 1)).std()
    assert theirs == pytest.approx(0.0295, abs=0.002)  # sqrt(2 / 2304)
    assert ours == pytest.approx(0.4714, rel=0.06)  # sqrt(2 / 9)


@needs("flax")
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["conv", "conv_transpose", "transpose_kernel", "grouped", "depthwise"])
def test_convolutions_of_flax(rank, kind):
    import flax.linen as nn
    import jax
    import jax.numpy as jnp

    field, ones = (3,) * rank, nn.initializers.ones
    layer = {
        "conv": lambda: nn.Conv(12, field, kernel_init=ones),
        "conv_transpose": lambda: nn.ConvTranspose(12, field, kernel_init=ones),
        "transpose_kernel": lambda: nn.ConvTranspose(12, field, transpose_kernel=True, kernel_init=ones),
        "grouped": lambda: nn.Conv(12, field, feature_group_count=2, kernel_init=ones),
        "depthwise": lambda: nn.Conv(6, field, feature_group_count=6, kernel_init=ones),
    }[kind]()
    x = jnp.ones((1, *(N[rank],) * rank, 6))
    output, variables = layer.init_with_output(jax.random.key(0), x)
    shape, summed = variables["params"]["kernel"].shape, middle(output, rank, True)
    if kind == "grouped":
        draws = layouts.grouped("he_normal", 2, f"conv{rank}d", "flax").describe(shape).distribution.parts
        assert [(draw.fan_in, draw.fan_out) for draw in draws] == [(summed, 6 * 3**rank)] * 2
        return
    pattern = {
        "conv": layouts.axes(f"conv{rank}d", "flax"),
        "conv_transpose": layouts.axes(f"conv{rank}d_transpose", "flax"),
        "transpose_kernel": layouts.axes(f"conv{rank}d_transpose", "keras"),
        "depthwise": layouts.axes(f"depthwise_conv{rank}d", "flax"),
    }[kind]
    check(pattern, shape, summed)


def test_one_layer_has_the_same_weights_in_every_layout():
    def made(layer, framework, shape):
        return I.HeNormal(7)(shape, axes=layouts.axes(layer, framework))

    keras, torch = made("conv2d", "keras", (3, 5, 4, 6)), made("conv2d", "torch", (6, 4, 3, 5))
    np.testing.assert_array_equal(keras.transpose(3, 2, 0, 1), torch)
    keras, torch = made("depthwise_conv2d", "keras", (3, 5, 6, 1)), made("depthwise_conv2d", "torch", (6, 1, 3, 5))
    np.testing.assert_array_equal(keras.transpose(2, 3, 0, 1), torch)
    np.testing.assert_array_equal(made("depthwise_conv2d", "flax", (3, 5, 1, 6)).transpose(3, 2, 0, 1), torch)
    keras, torch = made("conv1d_transpose", "keras", (3, 4, 6)), made("conv1d_transpose", "torch", (6, 4, 3))
    np.testing.assert_array_equal(keras.transpose(2, 1, 0), torch)
    grouped = [
        layouts.grouped(I.HeNormal(7), 3, "conv2d", framework)(shape)
        for framework, shape in (("torch", (6, 2, 3, 5)), ("keras", (3, 5, 2, 6)), ("flax", (3, 5, 2, 6)))
    ]
    np.testing.assert_array_equal(grouped[0], grouped[1].transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(grouped[1], grouped[2])


@needs("torch")
def test_dense_layers_of_pytorch():
    import torch

    layer = torch.nn.Bilinear(3, 4, 5, bias=False)
    torch.nn.init.ones_(layer.weight)
    check(layouts.axes("bilinear", "torch"), tuple(layer.weight.shape), layer(torch.ones(3), torch.ones(4))[0].item())
    check(layouts.axes("linear", "torch"), tuple(torch.nn.Linear(3, 5).weight.shape), 3)
    attention = torch.nn.MultiheadAttention(8, 2)
    shape = tuple(attention.in_proj_weight.shape)
    init = layouts.packed(I.GlorotUniform(7), [8, 8, 8], "torch", names=["q", "k", "v"])
    for number, draw in enumerate(init.describe(shape, path="attention").distribution.parts):
        separate = getattr(torch.nn.MultiheadAttention(8, 2, kdim=8, vdim=6), f"{'qkv'[number]}_proj_weight")
        assert draw.path == ("attention", "qkv"[number])
        assert (draw.shape[0], draw.fan_in, draw.fan_out) == (separate.shape[0], 8, 8)
    check(layouts.axes("attention_out", "torch"), tuple(attention.out_proj.weight.shape), 8)


@needs("keras")
def test_dense_layers_of_keras():
    import keras

    layer = keras.layers.MultiHeadAttention(3, 5)
    layer.build((1, 4, 8), (1, 4, 8))
    for dense, role, fan_in, fan_out in (
        (layer.query_dense, "attention_in", 8, 15),
        (layer.output_dense, "attention_out", 15, 8),
    ):
        shape, pattern = tuple(dense.kernel.shape), layouts.axes(role, "keras")
        check(pattern, shape, fan_in)
        assert fans(shape, parse(pattern)) == (fan_in, fan_out)
        assert layouts.einsum(dense.equation) == pattern
    recurrent = keras.layers.LSTM(5)
    recurrent.build((None, 3, 2))
    check(layouts.axes("dense", "keras"), tuple(recurrent.cell.recurrent_kernel.shape), 5)


@needs("keras")
@pytest.mark.parametrize(
    ("equation", "output", "inputs"),
    [
        ("ab,bc->ac", (7,), (2, 3)),
        ("...x,xy->...y", (7,), (2, 4, 3)),
        ("abc,cde->abde", (None, 3, 5), (2, 4, 6)),
        ("abcd,cde->abe", (None, 5), (2, 4, 3, 6)),
        ("bti,tio->bto", (4, 5), (2, 4, 3)),
    ],
)
def test_einsum_layers_of_keras(equation, output, inputs):
    import keras

    layer = keras.layers.EinsumDense(equation, output, kernel_initializer="ones")
    summed = np.ravel(to_numpy(layer(keras.ops.ones(inputs))))[0]
    check(layouts.einsum(equation), tuple(layer.kernel.shape), summed)


@needs("flax")
def test_dense_layers_of_flax():
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    from flax import nnx

    seen = []

    def record(key, shape, dtype=jnp.float32):
        seen.append(shape)
        return jnp.ones(shape, dtype)

    layer = nn.DenseGeneral((3, 4), axis=(-2, -1), batch_dims=(0,), kernel_init=record)
    output, variables = layer.init_with_output(jax.random.key(0), jnp.ones((2, 5, 6, 7)))
    summed = np.ravel(output)[0]
    check(layouts.dense_general(2, 2, 1), variables["params"]["kernel"].shape, summed)
    # What the initializer sees is flat, with the batch among the inputs, so that it sees too large a fan_in.
    assert seen[-1] == (2 * summed, 12)
    check(layouts.axes("dense", "flax"), seen[-1], 2 * summed)
    layer = nn.MultiHeadDotProductAttention(2, qkv_features=8, out_features=6)
    shapes = jax.tree.map(jnp.shape, layer.init(jax.random.key(0), jnp.ones((1, 3, 6)), jnp.ones((1, 3, 6))))["params"]
    check(layouts.axes("attention_in", "flax"), shapes["query"]["kernel"], 6)
    check(layouts.axes("attention_out", "flax"), shapes["out"]["kernel"], 8)
    einsum = nnx.Einsum("TNH,NHD->TD", (2, 4, 6), rngs=nnx.Rngs(0), kernel_init=record)
    check(layouts.einsum("TNH,NHD->TD"), einsum.kernel.shape, np.ravel(einsum(jnp.ones((3, 2, 4))))[0])
    # Flax's own default of a table of embeddings is that of the tied output layer.
    table = nnx.Embed(2000, 64, rngs=nnx.Rngs(0)).embedding[...]
    expected = I.LecunNormal(1).describe(table.shape, axes=layouts.axes("tied_embedding", "flax")).distribution
    assert float(table.std()) == pytest.approx(expected.stddev_after_truncation, rel=0.01)


def test_rows_of_a_table_are_looked_up():
    for framework in ("flax", "keras", "torch"):
        check(layouts.axes("embedding", framework), (1000, 64), 1)
        check(layouts.axes("tied_embedding", framework), (1000, 64), 64)


def test_experts_are_groups_with_an_axis_of_their_own():
    pattern = "e " + layouts.axes("linear", "torch")
    check(pattern, (8, 512, 256), 256)
    each = I.PerGroup(I.HeNormal(1), 8, axis=0).describe((8, 512, 256), axes=pattern).distribution.parts
    assert {(draw.fan_in, draw.fan_out) for draw in each} == {(256, 512)}


def test_packed_takes_one_initializer_or_several():
    one = layouts.packed("he_normal", [4, 2], "flax").describe((3, 6)).distribution
    several = layouts.packed(["he_normal", "zeros"], (4, 2), "torch").describe((6, 3)).distribution
    assert [draw.shape for draw in one.parts] == [(3, 4), (3, 2)]
    assert [draw.shape for draw in several.parts] == [(4, 3), (2, 3)]
    assert several.parts[1].distribution.name == "constant"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layouts.axes("conv2d", "mxnet"), ValueError, "`framework` must be one of 'flax', 'keras', 'torch'"),
        (lambda: layouts.axes("conv4d", "torch"), ValueError, "`layer` must be one of 'attention_in'.*Did you mean"),
        (lambda: layouts.axes(3, "torch"), TypeError, "`layer` must be one of"),
        (lambda: layouts.axes("depthwise_conv3d", "keras"), ValueError, "`layer` must be one of"),
        (lambda: layouts.einsum(3), TypeError, "`equation` must be a str"),
        (lambda: layouts.einsum("ab,bc"), ValueError, "`equation` must be"),
        (lambda: layouts.einsum("ab,->ac"), ValueError, "`equation` must be"),
        (lambda: layouts.einsum("ab,bb->ab"), ValueError, "`equation` must be"),
        (lambda: layouts.einsum("ab,bcd->ac"), ValueError, "`equation` must be"),
        (lambda: layouts.dense_general(0, 1), ValueError, "`inputs` must lie in"),
        (lambda: layouts.dense_general(1, 1, -1), ValueError, "`batch` must lie in"),
        (lambda: layouts.grouped("ones", 2, "dense", "torch"), ValueError, "`layer` must be one of 'conv1d'"),
        (
            lambda: layouts.grouped("ones", 2, "conv1d_transpose", "keras"),
            ValueError,
            "`layer` must be one of 'conv1d'",
        ),
        (lambda: layouts.grouped("ones", 0, "conv1d", "keras"), ValueError, "`groups` must lie in"),
        (lambda: layouts.packed("ones", 3, "keras"), TypeError, "`sizes` must be a sequence"),
        (lambda: layouts.packed(["ones"], [1, 2], "keras"), ValueError, "`sizes` must have one entry"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "Received: " in str(caught.value)
