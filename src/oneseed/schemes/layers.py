"""Schemes of libraries: what their layers do by default."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from oneseed import checks
from oneseed.initializers.composed.computed import Overlay
from oneseed.initializers.elementwise.by_shape import FanInUniform
from oneseed.initializers.elementwise.constants import Constant
from oneseed.initializers.elementwise.random import RandomNormal, RandomUniform
from oneseed.initializers.elementwise.scaling import VarianceScaling
from oneseed.initializers.sequences.recurrent import UnitForgetBias
from oneseed.initializers.serialization import get
from oneseed.models.keep import KEEP
from oneseed.models.rule import Rule, is_name, names_one, renamed
from oneseed.models.scheme import Scheme


class Layer(NamedTuple):
    """What PyTorch's constructors know of a layer and its parameters' names do not tell.

    Attributes
    ----------
    kind : {"attention", "batch_norm", "embedding", "linear", "norm", "prelu", "recurrent", "transformer"}
        The kind; "linear" stands for convolutions and bilinear layers too.
    fan_in : int
        Of "linear", the inputs of an output, in a group of a convolution; of "recurrent", the hidden units.
    value : float
        Of "prelu", the slope.
    padding : tuple of int, optional
        Of "embedding", the row that is 0, and the number of rows.

    Examples
    --------
    >>> import oneseed
    >>> scheme = oneseed.schemes.torch({"fc": oneseed.schemes.Layer("linear", fan_in=64)})
    >>> scheme.match("fc.bias")[0].initializer.fan_in
    64
    """

    kind: str
    fan_in: int = 1
    value: float = 0.25
    padding: tuple[int, int] | None = None


def keras() -> Scheme:
    """Return the defaults of Keras's layers, on the paths of their variables.

    Kernels are `GlorotUniform`, recurrent kernels `Orthogonal`, embeddings uniform on +-0.05; an LSTM's bias is
    `UnitForgetBias`; other biases, offsets, slopes of PReLU and moving means are 0, scales and moving variances 1. The
    scale of AdditiveAttention is `GlorotUniform`; the paths tell it from others by the layer's default name alone.
    Filters of spectrograms are kept. Fans are those of the
    layer's role where axes are given; Keras itself reads them from the shape alone, which differs for depthwise and
    transposed convolutions.

    Returns
    -------
    Scheme
        The scheme.

    References
    ----------
    Keras 3, ``keras.layers``.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.schemes.keras().match("sequential/lstm/lstm_cell/bias")[0].initializer
    UnitForgetBias(forget_bias=1.0, gates='ifco', axis=-1)
    """
    return Scheme(
        [
            Rule("*recurrent_kernel", "orthogonal"),
            Rule(r"(?:.*/)?(?:depthwise_|pointwise_)?kernel", "glorot_uniform", regex=True),
            Rule("*embeddings", RandomUniform(-0.05, 0.05)),
            Rule(r".*(?:lstm_cell|conv_lstm\dd)\w*/bias", UnitForgetBias(), regex=True),
            Rule(r"(?:.*/)?(?:alpha|bias|beta)", "zeros", regex=True),
            Rule(r"(?:.*/)?additive_attention\w*/scale", "glorot_uniform", regex=True),
            Rule(r"(?:.*/)?(?:concat_score_weight|gamma|scale)", "ones", regex=True),
            Rule(r"(?:.*/)?(?:imag|real)_kernel", KEEP, regex=True),
            Rule(r"(?:.*/)?moving_mean", "zeros", regex=True, state=True),
            Rule(r"(?:.*/)?moving_variance", "ones", regex=True, state=True),
        ]
    )


def torch(layers: Mapping[str, Layer]) -> Scheme:
    r"""Return the defaults of PyTorch's layers, as their constructors draw; `oneseed_torch.default_scheme` knows them.

    - "linear": weight and bias uniform on ``+-1 / sqrt(fan_in)``
    - "recurrent": all uniform on ``+-1 / sqrt(hidden units)``
    - "embedding": normal with standard deviation 1, and 0 in the row for padding
    - "attention": packed and separate projections in are Xavier uniform, further tokens Xavier normal, biases 0
    - "transformer": all weights of two axes in ``torch.nn.Transformer`` are Xavier uniform
    - "norm": weight 1 and bias 0
    - "batch_norm": the same, running means 0 and running variances 1
    - "prelu": a constant

    Parameters
    ----------
    layers : mapping of str to Layer
        The layers by their paths; the path of the module itself is "". A layer comes before the layers inside it.

    Returns
    -------
    Scheme
        The scheme: a rule or more for each layer.

    Raises
    ------
    TypeError
        If `layers` is not such a mapping.
    ValueError
        If a kind is unknown or a number out of range.

    References
    ----------
    PyTorch, ``torch.nn.modules``.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.schemes.torch({"head": oneseed.schemes.Layer("linear", fan_in=16)})
    Scheme([
        Rule('head.weight', FanInUniform(seed=None, fan_in=16)),
        Rule('head.bias', FanInUniform(seed=None, fan_in=16)),
    ], otherwise=None)
    """
    if not isinstance(layers, Mapping) or not all(isinstance(layer, Layer) for layer in layers.values()):
        raise TypeError(f"`layers` must be a mapping from paths to Layer. Received: layers={checks.shown(layers)}")
    rules = []
    # Like layers share their initializers: a plan then decides once for all of them.
    known: dict[Layer, list[tuple[Rule, bool]]] = {}
    for path, layer in layers.items():
        before, is_one = f"{path}." if path else "", is_name(path)
        like = known.get(layer)
        if like is None:
            own = _rules(_TORCH[checks.one_of("kind", layer.kind, tuple(_TORCH))](layer))
            like = known[layer] = [(rule, names_one(rule)) for rule in own]
        for rule, of_one in like:
            if is_one and of_one:
                rules.append(renamed(rule, before + rule.pattern))
            else:
                pattern = re.escape(before) + (re.escape(rule.pattern) if of_one else rule.pattern)
                rules.append(Rule(pattern, rule.initializer, regex=True, axes=rule.axes, state=rule.state))
    return Scheme(rules)


def _rules(rows: "_Rows") -> list[Rule]:
    """Return the rules of a layer whose path is empty: for whole names, which are found at once, where they can be."""
    rules = []
    named: dict[str, Any] = {}  # one object for each name: a plan then decides once for tensors of one shape
    for names, given, axes in rows:
        initializer = named.setdefault(given, get(given)) if isinstance(given, str) else given
        state = names.startswith(STATE)
        if re.fullmatch(r"[\w.|]+", names):
            rules += [Rule(name, initializer, axes=axes, state=state) for name in names.split("|")]
        else:
            rules.append(Rule(names, initializer, regex=True, axes=axes, state=state))
    return rules


_Rows = list[tuple[str, Any, str | None]]

STATE = ("running_", "num_batches")
"""How the names of the state of layers begin."""


def _embedding(layer: Layer) -> _Rows:
    normal = RandomNormal(0.0, 1.0)
    if layer.padding is None:
        return [("weight", normal, None)]
    row, _ = layer.padding
    return [("weight", Overlay([normal, "zeros"], [[(row, row + 1, 1)]]), None)]


def _norm(layer: Layer) -> _Rows:
    return [("weight", "ones", None), ("bias", "zeros", None)]


def _attention(layer: Layer) -> _Rows:
    token = VarianceScaling(1.0, "fan_avg", "untruncated_normal")
    return [
        ("(?:in|q|k|v)_proj_weight", "glorot_uniform", "o i"),
        ("bias_[kv]", token, "o i w"),
        (r"(?:in_proj_bias|out_proj\.bias)", "zeros", None),
    ]


_TORCH: dict[str, Callable[[Layer], _Rows]] = {
    "attention": _attention,
    "batch_norm": lambda layer: [
        *_norm(layer),
        ("running_mean", "zeros", None),
        ("running_var", "ones", None),
        ("num_batches_tracked", "zeros", None),
    ],
    "embedding": _embedding,
    "linear": lambda layer: [("weight|bias", FanInUniform(layer.fan_in), None)],
    "norm": _norm,
    "prelu": lambda layer: [("weight", Constant(layer.value), None)],
    "recurrent": lambda layer: [(r"(?:weight|bias)_\w+", FanInUniform(layer.fan_in), None)],
    "transformer": lambda layer: [
        (r"(?:en|de)coder\..*(?:linear\d\.weight|out_proj\.weight|in_proj_weight)", "glorot_uniform", "o i")
    ],
}
"""For each kind the names of parameters, what fills them, and the axes where the fans matter."""
