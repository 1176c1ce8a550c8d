"""The axes of the weights of mixtures of experts, which lie in one tensor for all experts of a layer."""

from collections.abc import Mapping
from typing import Any

from oneseed.checks import Shape
from oneseed.fans import Guess

IN = ("gate_up_proj", "gate_proj", "up_proj", "w1", "w3", "v1")
"""Names of the weights that lead into the hidden layer of an expert."""
OUT = ("down_proj", "w2")
"""Names of the weights that lead out of it."""
WIDTHS = ("hidden_dim", "hidden_size", "ffn_hidden_size", "d_model", "dim", "input_dim")
TRANSPOSED = ("Llama4TextExperts",)
"""Classes of transformers that keep inputs before outputs and do not say so."""


def experts(layer: Any, cls: type, role: str, shape: Shape) -> str | None:
    """Return the axes of a weight of experts.

    Parameters
    ----------
    layer : torch.nn.Module
        The layer that holds it.
    cls : type
        Its class.
    role : str
        The weight's name in the layer.
    shape : tuple of int
        The shape of the weight.

    Returns
    -------
    str or None
        The pattern; a `Guess` where outputs and inputs cannot be told apart, None where these are not experts.
    """
    if "expert" not in cls.__name__.lower():
        return None
    if len(shape) == 3:
        return _matrices(layer, cls, role, shape)
    if len(shape) == 2 and role.endswith("_bias") and role.removesuffix("_bias") in (*IN, *OUT):
        return "e o"
    # Experts one below the other, each of them inputs by outputs: no axis is that of an expert.
    return Guess("o i") if len(shape) == 2 and role in OUT else None


def _matrices(layer: Any, cls: type, role: str, shape: Shape) -> str | None:
    if shape[1:] == (getattr(layer, "output_size", None), getattr(layer, "input_size", None)):
        return "e o i"
    if role not in (*IN, *OUT):
        return None
    transposed = getattr(layer, "is_transposed", None)
    if cls.__name__ in TRANSPOSED:
        transposed = True
    if not isinstance(transposed, bool):
        transposed = _by_sizes(layer, role, shape)
    return Guess("e o i") if transposed is None else "e i o" if transposed else "e o i"


def _by_sizes(layer: Any, role: str, shape: Shape) -> bool | None:
    """Tell whether inputs come before outputs by the sizes of the layer's weights and its width; None if both fit."""
    tensors: Mapping[str, Any] = layer._parameters
    into = next((tuple(tensors[name].shape) for name in IN if tensors.get(name) is not None), ())
    out = next((tuple(tensors[name].shape) for name in OUT if tensors.get(name) is not None), ())
    if len(into) == len(out) == 3 and (into[2] == out[1]) != (into[1] == out[2]):
        return bool(into[1] == out[2])
    for name in WIDTHS:
        width = getattr(layer, name, None)
        if isinstance(width, int) and (shape[1] == width) != (shape[2] == width):
            inputs_first = shape[1] == width
            return inputs_first if role in IN else not inputs_first
    return None
