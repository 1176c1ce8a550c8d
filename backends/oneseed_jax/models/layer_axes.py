"""The axes of the weights of Flax's, Haiku's and Equinox's layers, by the names that `trees` gives them."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jax.tree_util import tree_flatten_with_path

from oneseed import layouts
from oneseed.fans import Guess
from oneseed_jax.models.leaves import Leaf, is_nnx, name_of, walk

ATTENTION = {"query", "key", "value", "out"}
"""The sublayers by which parameters alone tell that they belong to Flax's attention."""

VECTORS = {"bias", "scale", "b", "offset"}
"""The names of vectors in the layers of Flax and Haiku."""


def axes_of(tree: Any) -> dict[str, str]:
    """Return the axes of the weights whose layer is known, by their names.

    Modules of Flax NNX and of Equinox say what their layers are. Trees of parameters, as of Flax Linen, Haiku and
    ``nnx.state``, have names alone: an ``embedding`` (Haiku: ``embeddings``) is a table, and the kernels beside each
    other in ``query``, ``key``, ``value`` and ``out`` are those of an attention layer with an axis for the heads. Every
    other weight of Flax and Haiku ends in its input and its output axis, which is what initializers take a shape for
    anyway; those of transposed and depthwise convolutions look alike, so give these their axes yourself, from
    `oneseed.layouts.axes`.

    Layers that were stacked, as by ``nnx.vmap``, ``nn.scan`` and ``eqx.filter_vmap``, have further axes in front, which
    are batch axes. Where names are all there is, biases and scales tell of them, in the layer or near it: those of
    layers that are not stacked have one axis. A weight of three axes of which neither a class nor such a neighbour
    tells, and no name with "conv" in it, is a guess (`oneseed.fans.Guess`), and so are those of three axes or more in
    modules of unknown classes: a rule that needs fans is refused for them until `axes` says what they are.

    Parameters
    ----------
    tree : pytree
        A module or parameters, as for `initialize`.

    Returns
    -------
    dict
        Patterns of axes by names. What is not in it has the axes of Keras's rules.

    Examples
    --------
    >>> import jax
    >>> params = {"tokens": {"embedding": jax.ShapeDtypeStruct((100, 8), "float32")}}
    >>> axes_of(params)
    {'tokens/embedding': 'b o'}
    """
    if is_nnx(tree):
        return dict(_of_nnx(tree))
    leaves = walk(tree)
    equinox = sys.modules.get("equinox")
    if equinox is not None and isinstance(tree, equinox.Module):
        return {**_guesses(leaves), **dict(_of_equinox(tree))}
    return {**dict(_by_name({leaf.name: leaf for leaf in leaves})), **dict(_of_equinox(tree))}


def _guesses(leaves: Iterable[Leaf]) -> dict[str, str]:
    """Return Keras's reading of the weights of three axes or more."""
    return {leaf.name: Guess(_keras(len(leaf.shape))) for leaf in leaves if len(leaf.shape) > 2 and not leaf.state}


def _keras(rank: int) -> str:
    return " ".join([*(f"s{axis}" for axis in range(rank - 2)), "i o"])


def _stacked(pattern: str, rank: int) -> str:
    """Put the batch axes of a stack of layers before the axes of one layer."""
    return " ".join([*(f"b{axis}" for axis in range(rank - len(pattern.split()))), pattern])


def _by_name(leaves: Mapping[str, Leaf]) -> Iterator[tuple[str, str]]:
    depths = _depths(leaves)
    for name, leaf in leaves.items():
        layer, _, last = name.rpartition("/")
        parent, _, part = layer.rpartition("/")
        rank = len(leaf.shape)
        depth = _depth(layer, depths)
        stack = depth or 0
        if last in ("embedding", "embeddings") and rank == 2 + stack:
            yield name, _stacked("b o", rank)
        elif part in ATTENTION and last in ("kernel", "bias") and rank == {"kernel": 3, "bias": 2}[last] + stack:
            beside = (f"{parent}/{other}/{last}".lstrip("/") for other in ATTENTION)
            if last == "bias":
                yield name, _stacked("o1 o2", rank)
            elif all(other in leaves for other in beside):
                yield name, _stacked("i1 i2 o" if part == "out" else "i o1 o2", rank)
        elif last in ("kernel", "w") and stack and rank > stack + 1:
            yield name, _stacked(_keras(rank - stack), rank)
        elif rank == 3 and depth is None and "conv" not in name.lower() and not leaf.state:
            yield name, Guess(_keras(rank))


def _depths(leaves: Mapping[str, Leaf]) -> dict[str, int]:
    """Return for each path the stack axes of the vectors nearest above or below it: biases and scales have one more."""
    depths: dict[str, int] = {}
    for name, leaf in leaves.items():
        layer, _, last = name.rpartition("/")
        # The biases of attention have an axis for the heads.
        if last in VECTORS and layer.rpartition("/")[2] not in ATTENTION - {"out"} and leaf.shape:
            depth, path = len(leaf.shape) - 1, layer
            while True:
                depths[path] = min(depth, depths.get(path, depth))
                if not path:
                    break
                path = path.rpartition("/")[0]
    return depths


def _depth(layer: str, depths: Mapping[str, int]) -> int | None:
    while layer not in depths and layer:
        layer = layer.rpartition("/")[0]
    return depths.get(layer)


def _of_nnx(module: Any) -> Iterator[tuple[str, str]]:
    nnx = sys.modules["flax.nnx"]
    yield from _guesses(walk(nnx.state(module))).items()
    for path, layer in nnx.iter_modules(module):
        patterns: dict[str, str] = {}
        if isinstance(layer, nnx.LinearGeneral):
            inputs, outputs = len(_several(layer.in_features)), len(_several(layer.out_features))
            batch = len(layer.batch_axis)
            patterns["kernel"] = layouts.dense_general(inputs, outputs, batch)
            bias = layouts.dense_general(1, outputs, batch).split()
            patterns["bias"] = " ".join(axis for axis in bias if not axis.startswith("i"))
        elif isinstance(layer, nnx.Linear):
            patterns["kernel"] = "i o"
        elif isinstance(layer, nnx.Einsum):
            patterns["kernel"] = _einsum(layer.einsum_str)
        elif isinstance(layer, nnx.Embed):
            patterns["embedding"] = "b o"
        elif isinstance(layer, nnx.ConvTranspose):
            patterns["kernel"] = _convolution(layer.kernel_size, "o i" if layer.transpose_kernel else "i o")
        elif isinstance(layer, nnx.Conv):
            alone = layer.feature_group_count == layer.in_features == layer.out_features
            patterns["kernel"] = _convolution(layer.kernel_size, "i g" if alone else "i o")
        for attribute, pattern in patterns.items():
            shape: Any = getattr(getattr(layer, attribute, None), "shape", None)
            if pattern and shape is not None and len(shape) >= len(pattern.split()):
                yield "/".join(map(str, (*path, attribute))), _stacked(pattern, len(shape))


def _several(features: Any) -> tuple[int, ...]:
    return (features,) if isinstance(features, int) else tuple(features)


def _einsum(equation: str) -> str:
    # NNX lets equations broadcast the kernel too, which no pattern tells.
    return "" if "..." in equation.partition(",")[2].partition("->")[0] else layouts.einsum(equation)


def _convolution(kernel_size: Any, features: str) -> str:
    spatial = layouts.SPATIAL.get(len(_several(kernel_size)))
    return f"{spatial} {features}" if spatial else ""


def _of_equinox(tree: Any) -> Iterator[tuple[str, str]]:
    equinox = sys.modules.get("equinox")
    if equinox is None:
        return
    nn = equinox.nn
    known = (nn.Linear, nn.Conv, nn.ConvTranspose, nn.Embedding, nn.GRUCell, nn.LSTMCell)
    for path, layer in tree_flatten_with_path(tree, is_leaf=lambda node: isinstance(node, known))[0]:
        if not isinstance(layer, known):
            continue
        for attribute in ("weight", "weight_ih", "weight_hh"):
            weight: Any = getattr(layer, attribute, None)
            shape = getattr(weight, "shape", None)
            if not shape:  # scalars have no axis
                continue
            if isinstance(layer, nn.Embedding):
                pattern = "b o"
            elif isinstance(layer, nn.Conv | nn.ConvTranspose):
                # A layer of one group for each channel has one input a group.
                alone = layer.groups == layer.in_channels == layer.out_channels and isinstance(layer, nn.Conv)
                pattern = f"{'g' if alone else 'o'} i {layouts.SPATIAL.get(layer.num_spatial_dims, '')}"
            else:
                pattern = "o i"
            if len(shape) >= len(pattern.split()):
                name = name_of(path)
                yield f"{name}/{attribute}" if name else attribute, _stacked(pattern.strip(), len(shape))
