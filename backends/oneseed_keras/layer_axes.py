"""The axes of the weights of Keras's layers."""

from collections.abc import Iterator
from typing import Any

from oneseed import layouts
from oneseed.fans import Guess
from oneseed_keras.variables import wholes

DENSE = {"kernel": "dense", "recurrent_kernel": "dense"}

KINDS: dict[str, dict[str, str]] = {
    "Dense": DENSE,
    "Embedding": {"embeddings": "embedding"},
    "DepthwiseConv1D": {"kernel": "depthwise_conv1d", "depthwise_kernel": "depthwise_conv1d"},
    "DepthwiseConv2D": {"kernel": "depthwise_conv2d", "depthwise_kernel": "depthwise_conv2d"},
    "SeparableConv1D": {"depthwise_kernel": "depthwise_conv1d", "pointwise_kernel": "conv1d"},
    "SeparableConv2D": {"depthwise_kernel": "depthwise_conv2d", "pointwise_kernel": "conv2d"},
    **{f"Conv{n}D": {"kernel": f"conv{n}d"} for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": {"kernel": f"conv{n}d_transpose"} for n in (1, 2, 3)},
    "SimpleRNNCell": DENSE,
    "LSTMCell": DENSE,
    "GRUCell": DENSE,
}
"""The layers of `oneseed.layouts` that hold a class's weights, by attribute."""


def weights_with_axes(model: Any) -> Iterator[tuple[Any, str]]:
    """Give the weights whose layer is known, each with the pattern of its axes, after the guesses for other layers."""
    layers = list(model._flatten_layers())
    for layer in layers:
        if type(layer).__module__.partition(".")[0] not in THEIRS:
            yield from _guesses(layer)
    for layer in layers:
        classes = [cls.__name__ for cls in type(layer).__mro__ if cls.__module__.partition(".")[0] in THEIRS]
        if "EinsumDense" in classes:
            patterns = {"kernel": _einsum(layer.equation)}
        else:
            # The nearest class decides: a transposed convolution may inherit from a plain one.
            kind = next((name for name in classes if name in KINDS), "")
            patterns = {name: layouts.axes(known, "keras") for name, known in KINDS.get(kind, {}).items()}
        held = {id(weight) for weight in wholes(layer.weights)}
        for attribute, pattern in patterns.items():
            # A kernel may be computed from the weight, `_kernel`: LoRA adds to it.
            both = (getattr(layer, name, None) for name in (f"_{attribute}", attribute))
            weight = next((weight for weight in both if id(weight) in held), None)
            if pattern and weight is not None and len(weight.shape) == len(pattern.split()):
                yield weight, pattern


def _guesses(layer: Any) -> Iterator[tuple[Any, str]]:
    """Give the trained weights of three axes or more of a layer that is not Keras's, as Keras reads a shape."""
    for attribute in ("_trainable_variables", "_trainable_weights"):
        for weight in wholes(getattr(layer, attribute, ())):
            if (rank := len(weight.shape)) > 2:
                yield weight, Guess(" ".join([*(f"s{axis}" for axis in range(rank - 2)), "i o"]))


THEIRS = {"keras", "tf_keras"}
"""The packages whose classes are known by their names."""


def _einsum(equation: str) -> str:
    try:
        return layouts.einsum(equation)
    except ValueError:  # what no pattern tells
        return ""
