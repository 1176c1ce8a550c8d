"""What the layers of torch.nn are: the axes of their weights."""

import math
import re
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

from torch import nn

from oneseed import layouts
from oneseed.checks import Shape
from oneseed.fans import Guess
from oneseed.initializers.base import Initializer
from oneseed.initializers.composed.computed import At, Computed
from oneseed.models.collector import CollectorPaused
from oneseed.models.rule import Rule, is_name
from oneseed.models.scheme import Scheme
from oneseed.schemes import Layer, torch
from oneseed_torch.drawing.watched import PLAIN
from oneseed_torch.drawing.writing import layout_of_weights
from oneseed_torch.models.experts import experts
from oneseed_torch.models.kinds import Kind, Kinds
from oneseed_torch.models.tree import Held, Layers, Module, Place, check_module, held, walk

_NAMED = {
    nn.Bilinear: "bilinear",
    nn.Conv1d: "conv1d",
    nn.Conv2d: "conv2d",
    nn.Conv3d: "conv3d",
    nn.ConvTranspose1d: "conv1d_transpose",
    nn.ConvTranspose2d: "conv2d_transpose",
    nn.ConvTranspose3d: "conv3d_transpose",
    nn.Embedding: "embedding",
    nn.EmbeddingBag: "embedding",
}
_NORMS = (nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


def axes_of(module: Module) -> dict[str, str]:
    """Return the axes of a module's weights, by the layers that hold them.

    - Linear, recurrent layers, MultiheadAttention: "o i". Packed weights, of gates or of query, key and value, are one
      weight here; `oneseed.layouts.packed` divides them.
    - Conv1d, ...: "o i h w"; with as many groups as channels, each with one output, "g i h w". With other groups the
      input side has the size of a group, so that fan_in is right; fan_out is that of all groups together, which
      `oneseed.layouts.grouped` mends.
    - ConvTranspose1d, ...: "i o h w"; with as many groups as channels, each with one output, "g o h w". With other
      groups it is the output side that has the size of a group.
    - Embedding, EmbeddingBag: "b o", a table of rows. A table that is the output layer too has the axes of the
      layer that holds it under its first name.
    - Bilinear: "o i1 i2".
    - Conv1D of transformers: "i o".
    - Experts of transformers' mixtures, in one tensor for each layer: "e o i", or "e i o" where they are transposed.
    - Magnitudes of weight normalization: batch axes, as they are scales.
    - All other parameters of two axes, such as those of modules of one's own: "o i". From three axes on this is a guess
      (`oneseed.fans.Guess`): outputs, inputs and then spatial axes, as torch.nn.init reads them. A plan marks it, and
      refuses a rule that needs fans until `axes` says what they are.

    Those with fewer axes, such as biases and the scales of norms, are left out. The parameter that makes a weight, by a
    parametrization, pruning, or weight normalization, has the axes of that weight. Layers in scripts, and in graphs
    that ``torch.export`` and ``torch.distributed.pipelining`` made, are known by their class and their operation.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    dict of str to str
        Patterns by the names of `named_parameters`.

    Raises
    ------
    TypeError
        If `module` is not a module.

    Examples
    --------
    >>> import torch
    >>> import oneseed_torch
    >>> oneseed_torch.axes_of(torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Conv2d(4, 8, 3)))
    {'0.weight': 'b o', '1.weight': 'o i h w'}
    """
    found = held(module)
    return patterns_of(found, Kinds(walk(module)))


def patterns_of(found: list[Held], of: Kinds) -> dict[str, str]:
    """Return the axes of the weights among a module's parameters; what `axes_of` does."""
    patterns = {}
    for one in found:
        if _has_shape(one.tensor) and one.tensor.ndim > 1:
            patterns[one.names[0]] = _axes(one.places[0], of, one.tensor)
    return patterns


def _axes(place: Place, of: Kinds, parameter: Any) -> str:
    """Return the axes of a layer's parameter, of two axes or more."""
    if not place.role:  # the norms of a weight, one for each output: nothing is summed over
        return _batch(parameter.ndim)
    if parameter.ndim == 2 and of.is_exactly(place.layer, nn.Linear):
        return _convention(2)
    kind = of[place.layer]
    known = next((known for cls, known in _NAMED.items() if issubclass(kind.cls, cls)), None)
    if known is not None and place.role == "weight":
        return _known(kind, known, parameter)
    if place.role == "weight" and _is_a(kind.cls, "transformers.pytorch_utils", "Conv1D"):
        return layouts.axes("dense", "flax")
    # Scales of each element, and attention's one further token, (1, 1, width): nothing is summed over.
    if issubclass(kind.cls, _NORMS) or (
        issubclass(kind.cls, nn.MultiheadAttention) and place.role in ("bias_k", "bias_v")
    ):
        return f"{_batch(parameter.ndim - 1)} o"
    return experts(kind.layer, kind.cls, place.role, tuple(parameter.shape)) or _convention(parameter.ndim)


def _known(kind: Kind, known: str, parameter: Any) -> str:
    pattern = layouts.axes(known, "torch")
    groups = kind.fact("groups", 1)
    depthwise = groups > 1 and parameter.ndim > 2 and tuple(parameter.shape[:2]) == (groups, 1)
    return f"g{pattern[1:]}" if depthwise else pattern


@cache
def _convention(rank: int) -> str:
    """Return outputs, inputs and spatial axes, as torch.nn.init reads a weight: a guess from three axes on."""
    pattern = str(layout_of_weights(rank))
    return Guess(pattern) if rank > 2 else pattern


def _batch(rank: int) -> str:
    return " ".join(f"b{axis}" for axis in range(rank))


def _is_a(cls: type, home: str, name: str) -> bool:
    """Tell whether a class is one of a library, or a subclass of it; the library is not imported for it."""
    known = getattr(sys.modules.get(home), name, None)
    return known is not None and issubclass(cls, known)


def default_scheme(module: Module) -> Scheme:
    """Return the scheme of what the constructors of a module's layers draw from, `oneseed.schemes.torch`.

    It knows the layers of torch.nn, and the running statistics of those that have some. Parameters of other modules are
    left out: rules for them go before or after. The first layer decides for a tied tensor. A layer
    with weight normalization starts with the constructor's weight: each magnitude is the norm of its direction.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which may be on the meta device.

    Returns
    -------
    Scheme
        The scheme, on the names of `named_parameters`, without what wrappers such as ``torch.compile`` add to them.

    Raises
    ------
    TypeError
        If `module` is not a module.

    Examples
    --------
    >>> import torch
    >>> import oneseed_torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.LayerNorm(10))
    >>> plan = oneseed_torch.default_scheme(module).plan(dict(module.named_parameters()))
    >>> [(entry.name, entry.distribution) for entry in plan][:2]
    [('0.weight', Uniform(low=-0.125, high=0.125)), ('0.bias', Uniform(low=-0.125, high=0.125))]
    """
    with CollectorPaused():
        check_module(module)
        every = walk(module)
        return defaults(every, held(module, every))


def defaults(every: Layers, found: list[Held]) -> Scheme:
    """Return the scheme of a module's layers and parameters; what `default_scheme` does."""
    of, shapes = Kinds(every), _Shapes(found)
    seen: set[int] = set()
    layers: dict[str, Layer] = {}
    names: dict[type, str | None] = {}
    linear: dict[tuple[type, Shape | None], Layer | None] = {}  # what there may be thousands of
    for _, path, layer in every:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        cls = of.class_of(layer)
        if cls not in names:
            names[cls] = next((name for name, classes in _KINDS.items() if issubclass(cls, classes)), None)
        name = names[cls]
        if name == "linear":
            key = cls, shapes.of(layer, "weight")
            if key not in linear:
                linear[key] = _linear(*key)
            described = linear[key]
        else:
            described = None if name is None else _described(name, of[layer], shapes)
        if described is not None:
            layers[path] = described
    scheme = torch(layers)
    first = [*_magnitudes(found, of, scheme), *_tied(found, of, scheme)]
    return Scheme([*first, *scheme.rules]) if first else scheme


def _tied(found: list[Held], of: Kinds, scheme: Scheme) -> Iterator[Rule]:
    """Give the rules for the names of a tied tensor, which draw at the first of them whichever is there."""
    for one in found:
        if len(one.logical) == 1:
            continue
        names = list(dict.fromkeys(one.logical))
        rule = scheme.match(names[0])[0] if len(names) > 1 else None
        if rule is not None:
            axes = rule.axes or (_axes(one.places[0], of, one.tensor) if one.tensor.ndim > 1 else None)
            drawn = At(rule.initializer, names[0], axes=axes)
            yield from (_rule_of(name, drawn, axes) for name in names)


def _has_shape(tensor: Any) -> bool:
    return type(tensor) in PLAIN or not nn.parameter.is_lazy(tensor)


class _Shapes:
    """The shapes of weights, by the layers that they belong to."""

    def __init__(self, found: list[Held]) -> None:
        self._found = found

    def of(self, layer: Module, role: str) -> Shape | None:
        """Return the shape of a weight; None where there is none, or it is not known yet."""
        own = layer._parameters
        tensor = own[role] if role in own else None  # noqa: SIM401 - those of scripts have no `get`
        if tensor is None:
            tensor = self._made.get((id(layer), role))
        return None if tensor is None or not _has_shape(tensor) else tensor.shape

    @cached_property
    def _made(self) -> dict[tuple[int, str], Any]:
        """The parameters that weights are made of, which lie elsewhere or have other names."""
        places = ((place, one.tensor) for one in self._found for place in one.places)
        return {(id(place.layer), place.role): tensor for place, tensor in places if place.name != place.role}


def _linear(cls: type, weight: Shape | None) -> Layer | None:
    inputs = slice(1, 2 if issubclass(cls, nn.Bilinear) else None)
    return Layer("linear", math.prod(weight[inputs])) if weight else None


def _described(name: str, kind: Kind, shapes: _Shapes) -> Layer | None:
    """Return what a constructor knows of its layer, of a kind in `_KINDS`; None of one that has no shape."""
    if name == "embedding":
        table, row = shapes.of(kind.layer, "weight"), kind.fact("padding_idx")
        return Layer("embedding", padding=None if row is None else (row % table[0], table[0])) if table else None
    if name == "prelu":
        return Layer("prelu", value=kind.fact("init", 0.25))
    if name == "recurrent":
        # The recurrent weight has one row for each hidden unit of each gate.
        gates = next((count for classes, count in _GATES.items() if issubclass(kind.cls, classes)), 1)
        weight = shapes.of(kind.layer, "weight_hh_l0") or shapes.of(kind.layer, "weight_hh")
        return Layer("recurrent", weight[0] // gates) if weight else None
    return Layer(name)


_KINDS: dict[str, Any] = {
    "linear": (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear),
    "embedding": (nn.Embedding, nn.EmbeddingBag),
    "prelu": nn.PReLU,
    "recurrent": (nn.RNNBase, nn.RNNCellBase),
    "attention": nn.MultiheadAttention,
    "batch_norm": nn.modules.batchnorm._NormBase,
    "norm": _NORMS,
    "transformer": nn.Transformer,
}
"""The kinds of `oneseed.schemes.Layer`, and their classes."""

_GATES: dict[Any, int] = {(nn.LSTM, nn.LSTMCell): 4, (nn.GRU, nn.GRUCell): 3}


def _magnitudes(found: list[Held], of: Kinds, scheme: Scheme) -> Iterator[Rule]:
    """Give the rules of the norms of normalized weights, computed from the draws of their directions."""
    if all(place.role for one in found for place in one.places):
        return
    directions = {}
    for one in found:
        for name, place in zip(one.logical, one.places, strict=True):
            if place.name in ("original1", f"{place.role}_v"):
                directions[id(place.holder), _weight_of(place)] = name, one, place
    for one in found:
        for name, place in zip(one.logical, one.places, strict=True):
            partner = directions.get((id(place.holder), _weight_of(place))) if not place.role else None
            if partner is None:
                continue
            path, direction, its = partner
            rule, _ = scheme.match(path)
            shape, norms = tuple(direction.tensor.shape), tuple(one.tensor.shape)
            if rule is None:
                continue
            # One norm of the whole weight is a scalar.
            each = {"axes": [axis for axis, size in enumerate(norms) if size == 1], "keep": True} if norms else {}
            axes = rule.axes or (_axes(its, of, direction.tensor) if len(shape) > 1 else None)
            drawn = At(rule.initializer, path, shape, axes)
            yield _rule_of(name, Computed([drawn], [("norm", [0], each)]))


def _rule_of(name: str, initializer: Initializer, axes: str | None = None) -> Rule:
    """Return the rule for one name, which is found at once unless it has what globs mean otherwise."""
    return Rule(name if is_name(name) else re.escape(name), initializer, regex=not is_name(name), axes=axes)


def _weight_of(place: Place) -> str:
    """Return the name by which a magnitude and a direction in one layer belong together."""
    return "" if place.name.startswith("original") else place.name[:-2]
