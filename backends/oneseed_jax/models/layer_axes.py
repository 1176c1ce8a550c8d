"""The axes of the weights of Flax's, Haiku's and Equinox's layers, by the names that `trees` gives them."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from jax.tree_util import tree_flatten_with_path

from oneseed import layouts
from oneseed.checks import Shape
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

    Layers that were stacked, as by ``nnx.vmap``, ``nn.scan`` and ``eqx.filter_vmap``, have further axes, which are
    batch axes: in front, or where the sizes of NNX's and Equinox's layers show them, as with ``out_axes=1``. Where
    names are all there is, biases and scales tell of them, in the layer or near it: those of layers that are not
    stacked have one axis. A kernel with a bias of several axes that is not one of each layer, as of ``DenseGeneral``,
    is a guess (`oneseed.fans.Guess`). So is a weight of three axes without a bias of its own that is neither of such a
    stack nor has "conv" in its name, and so are those of three axes or more in modules of unknown classes: a rule that
    needs fans is refused for them until `axes` says what they are.

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


def _stacked(pattern: str, shape: Shape, one: Shape | None = None) -> str:
    """Put the batch axes of a stack of layers where they are: before the axes of one layer, or where its sizes tell.

    Parameters
    ----------
    pattern : str
        The axes of one layer's weight.
    shape : tuple of int
        The shape of the whole stack.
    one : tuple of int, optional
        The shape of one layer's weight, by what the layer says of itself.

    Returns
    -------
    str
        The pattern; a `Guess` if the sizes fit nowhere, or in several ways and not at the end.
    """
    rank, parts = len(shape), pattern.split()
    places = tuple(range(rank - len(parts), rank))
    leading = _in_places(parts, rank, places)
    if one is None or len(one) == rank or tuple(shape[place] for place in places) == one:
        return leading
    fitting = [kept for kept in combinations(range(rank), len(parts)) if tuple(shape[at] for at in kept) == one]
    return _in_places(parts, rank, fitting[0]) if len(fitting) == 1 else Guess(leading)


def _in_places(parts: list[str], rank: int, places: tuple[int, ...]) -> str:
    named = dict(zip(places, parts, strict=True))
    batch = (f"b{number}" for number in range(rank))
    return " ".join(named[axis] if axis in named else next(batch) for axis in range(rank))


def _by_name(leaves: Mapping[str, Leaf]) -> Iterator[tuple[str, str]]:
    depths = _depths(leaves)
    for name, leaf in leaves.items():
        layer, _, last = name.rpartition("/")
        parent, _, part = layer.rpartition("/")
        shape, rank = leaf.shape, len(leaf.shape)
        depth = _depth(layer, depths)
        stack, lonely = depth or 0, last in ("kernel", "w") and _vector(layer, leaves) is None
        if last in ("embedding", "embeddings") and rank == 2 + stack:
            yield name, _stacked("b o", shape)
        elif part in ATTENTION and last in ("kernel", "bias") and rank == {"kernel": 3, "bias": 2}[last] + stack:
            beside = (f"{parent}/{other}/{last}".lstrip("/") for other in ATTENTION)
            if last == "bias":
                yield name, _stacked("o1 o2", shape)
            elif all(other in leaves for other in beside):
                yield name, _stacked("i1 i2 o" if part == "out" else "i o1 o2", shape)
        elif last in ("kernel", "w") and stack and rank > stack + 1:
            pattern = _stacked(_keras(rank - stack), shape)
            yield name, pattern if _is_stack(shape, stack, _vector(layer, leaves)) else Guess(pattern)
        elif rank == 3 and "conv" not in name.lower() and not leaf.state and (depth is None or lonely):
            yield name, Guess(_keras(rank))


def _vector(layer: str, leaves: Mapping[str, Leaf]) -> Shape | None:
    """Return the shape of a layer's own bias."""
    beside = (leaves.get(f"{layer}/{name}".lstrip("/")) for name in ("bias", "b"))
    return next((leaf.shape for leaf in beside if leaf is not None), None)


def _is_stack(shape: Shape, stack: int, bias: Shape | None) -> bool:
    """Tell whether a weight and its bias are those of a stack of layers, and not of one with several output axes."""
    if bias is None or len(bias) != stack + 1:
        return True
    return bias == (*shape[:stack], shape[-1]) and bias != shape[-len(bias) :]


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
        for attribute, (pattern, one) in _layer_of_nnx(nnx, layer).items():
            shape: Any = getattr(getattr(layer, attribute, None), "shape", None)
            if shape is not None and len(shape) >= len(pattern.split()):
                yield "/".join(map(str, (*path, attribute))), _stacked(pattern, tuple(shape), one)


def _layer_of_nnx(nnx: Any, layer: Any) -> dict[str, tuple[str, Shape | None]]:
    """Return the axes and the shape of each weight of a layer that is not stacked, by attribute."""
    if isinstance(layer, nnx.LinearGeneral):
        inputs, outputs = _several(layer.in_features), _several(layer.out_features)
        batch = tuple(layer.batch_axis.values())
        bias = layouts.dense_general(1, len(outputs), len(batch)).split()
        return {
            "kernel": (layouts.dense_general(len(inputs), len(outputs), len(batch)), (*batch, *inputs, *outputs)),
            "bias": (" ".join(axis for axis in bias if not axis.startswith("i")), (*batch, *outputs)),
        }
    if isinstance(layer, nnx.Embed):
        return {"embedding": ("b o", (layer.num_embeddings, layer.features))}
    pattern, one = "", getattr(layer, "kernel_shape", None)
    if isinstance(layer, nnx.Linear):
        pattern, one = "i o", (layer.in_features, layer.out_features)
    elif isinstance(layer, nnx.Einsum):
        pattern = _einsum(layer.einsum_str)
    elif isinstance(layer, nnx.ConvTranspose):
        pattern = _convolution(layer.kernel_size, "o i" if layer.transpose_kernel else "i o")
    elif isinstance(layer, nnx.Conv):
        alone = layer.feature_group_count == layer.in_features == layer.out_features
        pattern = _convolution(layer.kernel_size, "i g" if alone else "i o")
    return {"kernel": (pattern, None if one is None else tuple(one))} if pattern else {}


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
            pattern, one = _layer_of_equinox(nn, layer, attribute)
            if len(shape) >= len(pattern.split()):
                name = name_of(path)
                yield f"{name}/{attribute}" if name else attribute, _stacked(pattern, tuple(shape), one)


def _layer_of_equinox(nn: Any, layer: Any, attribute: str) -> tuple[str, Shape | None]:
    """Return the axes and the shape of a weight of a layer that is not stacked."""
    if isinstance(layer, nn.Embedding):
        return "b o", (layer.num_embeddings, layer.embedding_size)
    if isinstance(layer, nn.Linear):
        sizes = (1 if size == "scalar" else size for size in (layer.out_features, layer.in_features))
        return "o i", tuple(sizes)
    if isinstance(layer, nn.GRUCell | nn.LSTMCell):
        rows = layer.hidden_size * (3 if isinstance(layer, nn.GRUCell) else 4)
        return "o i", (rows, layer.input_size if attribute == "weight_ih" else layer.hidden_size)
    # A layer of one group for each channel has one input a group.
    plain = isinstance(layer, nn.Conv)
    alone = plain and layer.groups == layer.in_channels == layer.out_channels
    pattern = f"{'g' if alone else 'o'} i {layouts.SPATIAL.get(layer.num_spatial_dims, '')}".strip()
    return pattern, (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
