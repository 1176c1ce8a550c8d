"""The axes of the weights of Flax's, Haiku's and Equinox's layers, by the names that `trees` gives them."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from jax.tree_util import tree_flatten_with_path

from oneseed import layouts
from oneseed_jax.models.leaves import Leaf, is_nnx, name_of, walk

ATTENTION = {"query", "key", "value", "out"}
"""The sublayers by which parameters alone tell that they belong to Flax's attention."""


def axes_of(tree: Any) -> dict[str, str]:
    """Return the axes of the weights whose layer is known, by their names.

    Modules of Flax NNX and of Equinox say what their layers are. Trees of parameters, as of Flax Linen, Haiku and
    ``nnx.state``, have names alone: an ``embedding`` (Haiku: ``embeddings``) is a table, and the kernels beside each
    other in ``query``, ``key``, ``value`` and ``out`` are those of an attention layer with an axis for the heads. Every
    other weight of Flax and Haiku ends in its input and its output axis, which is what initializers take a shape for
    anyway; those of transposed and depthwise convolutions look alike, so give these their axes yourself, from
    `oneseed.layouts.axes`.

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
    found = dict(_by_name({leaf.name: leaf for leaf in leaves}))
    found.update(_of_equinox(tree))
    return found


def _by_name(leaves: Mapping[str, Leaf]) -> Iterator[tuple[str, str]]:
    for name, leaf in leaves.items():
        layer, _, last = name.rpartition("/")
        parent, _, part = layer.rpartition("/")
        rank = len(leaf.shape)
        if last in ("embedding", "embeddings") and rank == 2:
            yield name, "b o"
        elif part in ATTENTION and last in ("kernel", "bias"):
            beside = (f"{parent}/{other}/{last}".lstrip("/") for other in ATTENTION)
            pattern = {("kernel", 3): "i1 i2 o" if part == "out" else "i o1 o2", ("bias", 2): "o1 o2"}.get((last, rank))
            if pattern and (last == "bias" or all(other in leaves for other in beside)):
                yield name, pattern


def _of_nnx(module: Any) -> Iterator[tuple[str, str]]:
    nnx = sys.modules["flax.nnx"]
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
            patterns["kernel"] = _convolution(layer.kernel, "o i" if layer.transpose_kernel else "i o")
        elif isinstance(layer, nnx.Conv):
            alone = layer.feature_group_count == layer.in_features == layer.out_features
            patterns["kernel"] = _convolution(layer.kernel, "i g" if alone else "i o")
        for attribute, pattern in patterns.items():
            shape: Any = getattr(getattr(layer, attribute, None), "shape", None)
            if pattern and shape is not None and len(shape) == len(pattern.split()):
                yield "/".join(map(str, (*path, attribute))), pattern


def _several(features: Any) -> tuple[int, ...]:
    return (features,) if isinstance(features, int) else tuple(features)


def _einsum(equation: str) -> str:
    # NNX lets equations broadcast the kernel too, which no pattern tells.
    return "" if "..." in equation.partition(",")[2].partition("->")[0] else layouts.einsum(equation)


def _convolution(kernel: Any, features: str) -> str:
    spatial = layouts.SPATIAL.get(len(kernel.shape) - 2)
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
            rank = len(getattr(weight, "shape", ()))
            if isinstance(layer, nn.Embedding):
                pattern = "b o"
            elif isinstance(layer, nn.Conv | nn.ConvTranspose):
                # A layer of one group for each channel has one input a group.
                alone = layer.groups == layer.in_channels == layer.out_channels and isinstance(layer, nn.Conv)
                pattern = f"{'g' if alone else 'o'} i {layouts.SPATIAL.get(rank - 2, '')}"
            else:
                pattern = "o i"
            if rank == len(pattern.split()):  # scalars have no axis; more, where layers were stacked by vmap
                name = name_of(path)
                yield f"{name}/{attribute}" if name else attribute, pattern.strip()
