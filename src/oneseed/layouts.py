"""The axes of real layers' weights, so that an initializer sees the fans of the layer's role.

A weight's shape alone does not tell its fans: with the shape ``(3, 3, 256, 1)`` a depthwise convolution has fan_in 9, a
full one 2304. `axes` returns the pattern of a layer's axes, for an initializer's call or for
`oneseed.initializers.Partial`. If groups share an axis with something else, which a pattern cannot express, `grouped`
and `packed` divide the weight first.
"""

from collections.abc import Sequence
from typing import Any

from oneseed import checks
from oneseed.checks import shown
from oneseed.initializers.composed.blocks import Blockwise, PerGroup
from oneseed.initializers.composed.combination import Partial
from oneseed.initializers.composed.composite import several

__all__ = ["axes", "dense_general", "einsum", "grouped", "packed"]

SPATIAL = {1: "w", 2: "h w", 3: "d h w"}
"""The spatial axes of a convolution, by their number."""

_COMMON = {"embedding": "b o", "tied_embedding": "o i"}

_CHANNELS_LAST = {
    **_COMMON,
    "attention_in": "i o1 o2",
    "attention_out": "i1 i2 o",
    "dense": "i o",
    **{f"conv{n}d": f"{field} i o" for n, field in SPATIAL.items()},
}

LAYOUTS: dict[str, dict[str, str]] = {
    "flax": {
        **_CHANNELS_LAST,
        **{f"conv{n}d_transpose": f"{field} i o" for n, field in SPATIAL.items()},
        **{f"depthwise_conv{n}d": f"{field} i g" for n, field in SPATIAL.items()},
    },
    "keras": {
        **_CHANNELS_LAST,
        **{f"conv{n}d_transpose": f"{field} o i" for n, field in SPATIAL.items()},
        **{f"depthwise_conv{n}d": f"{field} g o" for n, field in SPATIAL.items() if n < 3},
    },
    "torch": {
        **_COMMON,
        "attention_in": "o i",
        "attention_out": "o i",
        "bilinear": "o i1 i2",
        "dense": "o i",
        **{f"conv{n}d": f"o i {field}" for n, field in SPATIAL.items()},
        **{f"conv{n}d_transpose": f"i o {field}" for n, field in SPATIAL.items()},
        **{f"depthwise_conv{n}d": f"g i {field}" for n, field in SPATIAL.items()},
    },
}
"""The pattern of each layer's weight, by framework."""


def axes(layer: str, framework: str) -> str:
    """Return the pattern of axes of a layer's weight.

    - "dense": also the input and the recurrent kernels of recurrent layers. "linear" means the same.
    - "conv1d", "conv2d", "conv3d": of one group; for more see `grouped`.
    - "conv1d_transpose", ...: in Flax without ``transpose_kernel``; with it, the pattern is Keras's.
    - "depthwise_conv1d", ...: each channel is a group. In PyTorch and Flax, where a channel's outputs share an axis
      with the channels, the pattern is for one output a channel; for more see `grouped`.
    - "embedding": a row is looked up, never summed over, so rows are a batch axis and fan_in is 1.
    - "tied_embedding": the same table as the output layer of a language model; fan_in is the width.
    - "attention_in", "attention_out": projections to and from heads. Keras and Flax give the heads an axis, PyTorch
      does not.
    - "bilinear": PyTorch's.

    With experts, put "e " before the pattern: they are one more batch axis.

    Parameters
    ----------
    layer : str
        The layer, as above.
    framework : {"flax", "keras", "torch"}
        Whose layout.

    Returns
    -------
    str
        The pattern.

    Raises
    ------
    TypeError
        If an argument is not a str.
    ValueError
        If it is not known.

    Examples
    --------
    >>> import oneseed
    >>> pattern = oneseed.layouts.axes("depthwise_conv2d", "keras")
    >>> draw = oneseed.initializers.HeNormal(seed=7).describe((3, 3, 256, 1), axes=pattern)
    >>> draw.fan_in, round(draw.distribution.stddev_after_truncation, 4)
    (9, 0.4714)
    """
    known = LAYOUTS[checks.one_of("framework", framework, tuple(LAYOUTS))]
    return known[checks.one_of("layer", "dense" if layer == "linear" else layer, tuple(known))]


def dense_general(inputs: int, outputs: int, batch: int = 0) -> str:
    """Return the pattern of a dense kernel with several axes of each kind: batch axes first, then inputs, then outputs.

    That is the shape of the kernels of Flax's ``DenseGeneral`` and ``LinearGeneral``. Those layers show their
    initializer a flattened shape, ``(batch and inputs, outputs)``: for their `kernel_init` the pattern is "i o", whose
    fan_in is too large where there are batch axes. This one is for the parameter.

    Parameters
    ----------
    inputs, outputs : int
        How many axes of each, 1 or more.
    batch : int
        How many batch axes, 0 or more.

    Returns
    -------
    str
        The pattern.

    Raises
    ------
    TypeError
        If a number is not an integer.
    ValueError
        If it is out of range.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.layouts.dense_general(1, 2)
    'i o1 o2'
    """
    least = {"b": 0, "i": 1, "o": 1}
    given = {"b": ("batch", batch), "i": ("inputs", inputs), "o": ("outputs", outputs)}
    letters = "".join(kind * checks.index(*given[kind], least[kind], checks.MAX_RANK) for kind in given)
    return _numbered(letters)


def einsum(equation: str) -> str:
    """Return the pattern of the kernel of an einsum layer, such as Keras's ``EinsumDense`` and Flax NNX's ``Einsum``.

    An axis of the kernel that the product sums over is an input, one that only the result has too is an output, and
    one that all three have is a batch axis.

    Parameters
    ----------
    equation : str
        ``"inputs,kernel->outputs"``, with a letter for each axis and dots for axes that the kernel lacks.

    Returns
    -------
    str
        The pattern.

    Raises
    ------
    TypeError
        If `equation` is not a str.
    ValueError
        If it is not such an equation.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.layouts.einsum("abc,cde->abde")  # to heads
    'i o1 o2'
    >>> oneseed.layouts.einsum("bti,tio->bto")  # a kernel for each step
    'b i o'
    """
    if not isinstance(equation, str):
        raise TypeError(f"`equation` must be a str. Received: equation={shown(equation)}")
    inputs, comma, rest = equation.replace(" ", "").partition(",")
    kernel, arrow, outputs = rest.partition("->")
    letters = [kernel, inputs.replace("...", ""), outputs.replace("...", "")]
    # A letter of the kernel's own would be summed before anything else: no layer has one.
    orphans = set(kernel) - set(inputs) - set(outputs)
    plain = all(part.isalpha() or not part for part in letters) and len(set(kernel)) == len(kernel)
    if not (comma and arrow and kernel and plain) or orphans:
        raise ValueError(
            "`equation` must be 'inputs,kernel->outputs', a letter for each axis, and each of the kernel's once in the "
            f"kernel and in the inputs or the outputs, such as 'abc,cd->abd'. Received: equation={shown(equation)}"
        )
    return _numbered(
        "".join("o" if axis not in inputs else "b" if axis in outputs else "i" for axis in kernel),
    )


def grouped(initializer: Any, groups: int, layer: str, framework: str) -> Partial:
    """Return an initializer of a grouped convolution's weight: each group with the fans of its own.

    The groups share an axis with the outputs (in PyTorch's transposed convolutions with the inputs), so `PerGroup`
    divides it. For a depthwise convolution with several outputs a channel, the groups are the channels and the layer
    is "conv2d".

    Parameters
    ----------
    initializer : initializer
        What fills each group, or whatever `oneseed.initializers.get` makes one of.
    groups : int
        How many groups, 1 or more.
    layer : str
        "conv1d", "conv2d", "conv3d", or, in PyTorch, one of them with "_transpose".
    framework : {"flax", "keras", "torch"}
        Whose layout.

    Returns
    -------
    Partial
        The initializer, with `axes` bound.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range or not known.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.layouts.grouped("he_normal", groups=4, layer="conv2d", framework="torch")
    >>> init.describe((4, 1, 3, 3)).distribution.parts[0].fan_out  # Conv2d(4, 4, 3, groups=4)
    9
    """
    known = checks.one_of("framework", framework, tuple(LAYOUTS))
    accepted = [f"conv{n}d" for n in SPATIAL]
    if known == "torch":
        accepted += [f"{name}_transpose" for name in accepted]
    pattern = axes(checks.one_of("layer", layer, accepted), known)
    shared = "i" if layer.endswith("_transpose") else "o"
    return Partial(PerGroup(initializer, groups, pattern.split().index(shared)), axes=pattern)


def packed(initializers: Any, sizes: Sequence[int], framework: str, names: Sequence[str] | None = None) -> Partial:
    """Return an initializer of a dense weight that holds several, side by side along its outputs.

    Such as query, key and value in PyTorch's ``MultiheadAttention.in_proj_weight``, ``(3E, E)``, or gate and up
    projection of a gated feed-forward layer. Each has the fans of its own.

    Parameters
    ----------
    initializers : initializer or sequence of initializers
        One for all, or one for each.
    sizes : sequence of int
        How many outputs each has.
    framework : {"flax", "keras", "torch"}
        Whose layout.
    names : sequence of str, optional
        Their names, which end their paths; see `Blockwise`.

    Returns
    -------
    Partial
        The initializer, with `axes` bound.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range or not known, or they are not of the same number.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.layouts.packed("glorot_uniform", [64, 64, 64], "torch", names=["q", "k", "v"])
    >>> part = init.describe((192, 64)).distribution.parts[0]
    >>> part.fan_in, part.fan_out, part.path
    (64, 64, ('q',))
    """
    pattern = axes("dense", framework)
    counted = checks.counts(sizes, "sizes")
    single = isinstance(initializers, str | dict) or not isinstance(initializers, Sequence)
    each = [initializers] * len(counted) if single else several("initializers", initializers)
    return Partial(Blockwise(each, counted, pattern.split().index("o"), names), axes=pattern)


def _numbered(letters: str) -> str:
    """Write kinds of axes as a pattern, numbered where a kind comes more than once."""
    seen: dict[str, int] = {}
    names = []
    for letter in letters:
        seen[letter] = seen.get(letter, 0) + 1
        names.append(letter if letters.count(letter) == 1 else f"{letter}{seen[letter]}")
    return " ".join(names)
