"""What the layers of torch.nn are: the axes of their weights."""

import math
import sys
from typing import Any, NamedTuple

from torch import nn

from oneseed import layouts
from oneseed.models.scheme import Scheme
from oneseed.schemes import Layer, torch
from oneseed_torch.drawing.writing import layout_of_weights

Module = Any

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
    - Embedding, EmbeddingBag: "b o", a table of rows. A table that is the output layer too goes by the name, and the
      layer, that comes first.
    - Bilinear: "o i1 i2".
    - Conv1D of transformers: "i o".
    - All other parameters of two axes or more, such as those of modules of one's own: outputs, inputs and then spatial
      axes, as torch.nn.init reads them.

    Those with fewer axes, such as biases and the scales of norms, are left out.

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
        If `module` is no module.

    Examples
    --------
    >>> import torch
    >>> import oneseed_torch
    >>> oneseed_torch.axes_of(torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Conv2d(4, 8, 3)))
    {'0.weight': 'b o', '1.weight': 'o i h w'}
    """
    return patterns_of(held(module))


class Held(NamedTuple):
    """A parameter of a module, and where it lies: in several places if it is tied."""

    parameter: Any
    names: tuple[str, ...]
    """Its whole names; the first is that of `named_parameters`."""
    places: tuple[tuple[Module, str], ...]
    """The layers that hold it, and its name in each."""


def check_module(module: Module) -> None:
    """Refuse what is no module."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"`module` must be a torch.nn.Module. Received: module={module!r}")


def held(module: Module) -> list[Held]:
    """Return the parameters of a module, each once, in the order of `named_parameters`."""
    check_module(module)
    found: dict[int, Held] = {}
    for prefix, layer in module.named_modules(remove_duplicate=False):
        for name, parameter in layer._parameters.items():
            if parameter is not None:
                whole = f"{prefix}.{name}" if prefix else name
                before = found.get(id(parameter), Held(parameter, (), ()))
                found[id(parameter)] = Held(parameter, (*before.names, whole), (*before.places, (layer, name)))
    return list(found.values())


def patterns_of(found: list[Held]) -> dict[str, str]:
    """Return the axes of the weights among a module's parameters; what `axes_of` does."""
    patterns = {}
    for parameter, names, places in found:
        if not nn.parameter.is_lazy(parameter) and parameter.ndim > 1:
            patterns[names[0]] = _axes(*places[0], parameter)
    return patterns


def _axes(layer: Module, name: str, parameter: Any) -> str:
    """Return the axes of a layer's parameter, of two axes or more."""
    known = next((known for kind, known in _NAMED.items() if isinstance(layer, kind)), None)
    if known is not None and name == "weight":
        pattern = layouts.axes(known, "torch")
        groups = getattr(layer, "groups", 1)
        depthwise = groups > 1 and groups == layer.in_channels == layer.out_channels
        return f"g{pattern[1:]}" if depthwise else pattern
    if name == "weight" and _is_conv1d_of_transformers(layer):
        return layouts.axes("dense", "flax")
    # Scales of each element, and attention's one further token, (1, 1, width): nothing is summed over.
    if isinstance(layer, _NORMS) or (isinstance(layer, nn.MultiheadAttention) and name in ("bias_k", "bias_v")):
        return " ".join([*(f"b{axis}" for axis in range(parameter.ndim - 1)), "o"])
    return str(layout_of_weights(parameter.ndim))


def _is_conv1d_of_transformers(layer: Module) -> bool:
    """Tell whether a layer is transformers' linear layer with the weight the other way round."""
    module = sys.modules.get("transformers.pytorch_utils")
    return module is not None and isinstance(layer, module.Conv1D)


def default_scheme(module: Module) -> Scheme:
    """Return the scheme of what the constructors of a module's layers draw from, `oneseed.schemes.torch`.

    It knows the layers of torch.nn. Parameters of other modules are left out: rules for them go before or after.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which may be on the meta device.

    Returns
    -------
    Scheme
        The scheme, on the names of `named_parameters`.

    Raises
    ------
    TypeError
        If `module` is no module.

    Examples
    --------
    >>> import torch
    >>> import oneseed_torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.LayerNorm(10))
    >>> plan = oneseed_torch.default_scheme(module).plan(dict(module.named_parameters()))
    >>> [(entry.name, entry.distribution) for entry in plan][:2]
    [('0.weight', Uniform(low=-0.125, high=0.125)), ('0.bias', Uniform(low=-0.125, high=0.125))]
    """
    check_module(module)
    described = ((path, _described(layer)) for path, layer in module.named_modules())
    return torch({path: layer for path, layer in described if layer is not None})


def _described(layer: Module) -> Layer | None:
    """Return what a constructor knows of its layer; None of a layer that draws nothing itself."""
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        row = layer.padding_idx
        return Layer("embedding", padding=None if row is None else (row, layer.num_embeddings))
    if isinstance(layer, nn.PReLU):
        return Layer("prelu", value=layer.init)
    if isinstance(layer, nn.RNNBase | nn.RNNCellBase):
        return Layer("recurrent", layer.hidden_size)
    if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear)):
        inputs = layer.weight.shape[1:]
        return Layer("linear", inputs[0] if isinstance(layer, nn.Bilinear) else math.prod(inputs))
    for kind, classes in _KINDS.items():
        if isinstance(layer, classes):
            return Layer(kind)
    return None


_KINDS: dict[str, Any] = {
    "attention": nn.MultiheadAttention,
    "norm": (*_NORMS, nn.modules.batchnorm._NormBase),
    "transformer": nn.Transformer,
}
