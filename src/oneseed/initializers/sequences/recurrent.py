"""Initializers of recurrent networks: the forget gate's bias, and all parameters of a fused network in one vector."""

import sys
from typing import Any

from oneseed import checks
from oneseed.checks import Shape, shown
from oneseed.composites import Concatenated, Packed
from oneseed.initializers.composed.composite import CompositeInitializer, axis_of, check_on_host, resolved
from oneseed.initializers.elementwise.constants import Constant, Zeros
from oneseed.initializers.known import known
from oneseed.initializers.serialization import serialize
from oneseed.initializers.targets import Target

CELL = "cgj"
"""The letters by which frameworks call the gate of the cell's candidate."""

GATES = {"gru": 3, "lstm": 4, "rnn_relu": 1, "rnn_tanh": 1}
"""How many gates a mode has."""


@known(
    "unit_forget_bias",
    group="Recurrent networks and reservoirs",
    formula="`b = forget_bias` for the forget gate, else 0",
    use="The bias of an LSTM, in the order of gates of any framework.",
    example="UnitForgetBias()",
    shape=(32,),
)
class UnitForgetBias(CompositeInitializer):
    """Fill the packed bias of an LSTM: `forget_bias` for the forget gate, 0 for the other three.

    Any numeric dtype. The order of the gates differs between frameworks:

    - "ifco": Keras and tf_keras, whose LSTM layers do this by default. Pass ``unit_forget_bias=False`` with this
      initializer: otherwise Keras fills the forget gate itself, and asks for the other gates' pieces alone. MXNet and
      PyTorch write it "ifgo". They add two biases up, so give this to one of them and zeros to the other, or half of
      it to each.
    - "ifgo": Flax NNX's ``OptimizedLSTMCell``, whose bias starts at 0; Flax's other cells have a bias for each gate.
    - "igfo": Haiku. It adds 1 to the forget gate inside the cell, so a bias of 1 here would count twice.
    - "ijfo": TensorFlow 1's ``BasicLSTMCell``, which adds `forget_bias` inside the cell too.

    Parameters
    ----------
    forget_bias : float or scalar tensor
        The forget gate's bias.
    gates : str
        The gates in their order: i the input gate, f the forget gate, o the output gate, and c, g or j the candidate.
    axis : int
        The axis along which the gates lie, each of the same size; counted from the end where negative.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `forget_bias` is NaN, infinite or not a scalar, or `gates` does not name each gate once. At the call, if the
        size of the axis is not a multiple of 4, the dtype cannot hold `forget_bias`, or a layer of Keras asks for
        pieces.

    References
    ----------
    Gers, Schmidhuber and Cummins, "Learning to forget: continual prediction with LSTM", Neural Computation 12, 2000;
    Jozefowicz, Zaremba and Sutskever, "An empirical exploration of recurrent network architectures", ICML 2015.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.UnitForgetBias()((8,))
    array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """

    def __init__(self, forget_bias: Any = 1.0, gates: str = "ifco", axis: int = -1) -> None:
        self.forget_bias = checks.scalar("forget_bias", forget_bias)
        if not isinstance(gates, str):
            raise TypeError(f"`gates` must be a str. Received: gates={shown(gates)}")
        if len(gates) != 4 or {"c" if gate in CELL else gate for gate in gates} != set("ifoc"):
            raise ValueError(
                "`gates` must hold i, f, o and one of c, g and j, each once, such as 'ifco' for Keras, 'ifgo' for "
                f"PyTorch and 'igfo' for Haiku. Received: gates={shown(gates)}"
            )
        self.gates = gates
        self.axis = checks.index("axis", axis, -checks.MAX_RANK, checks.MAX_RANK)

    def distribution_for(self, target: Target) -> Concatenated:
        """Return the gates' biases, side by side."""
        shape = target.shape
        _check_whole(shape)
        axis = axis_of(self.axis, shape)
        if shape[axis] % 4:
            raise ValueError(
                f"`shape` must have a multiple of 4 on axis {self.axis}, for the four gates. Received: shape={shape}"
            )
        gate = (*shape[:axis], shape[axis] // 4, *shape[axis + 1 :])
        biases = (Constant(self.forget_bias) if name == "f" else Zeros() for name in self.gates)
        return Concatenated(tuple(target.part(bias, gate) for bias in biases), axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"forget_bias": self.forget_bias, "gates": self.gates, "axis": self.axis}


def _check_whole(shape: Shape) -> None:
    """Refuse a piece of an LSTM's bias, for which a cell of Keras asks when it fills the forget gate itself.

    A piece may look like the bias of a smaller LSTM; only the cell's function that asks for it tells the two apart.
    """
    frame = sys._getframe(1)
    while frame is not None:
        # AutoGraph puts "tf__" before the name of a function that it converts.
        if frame.f_code.co_name.removeprefix("tf__") == "bias_initializer":
            cell = frame.f_locals.get("self")
            if getattr(cell, "unit_forget_bias", False):
                raise ValueError(
                    "`unit_forget_bias` must be False for a layer of Keras with a UnitForgetBias: with True, Keras's "
                    "default, the layer fills the forget gate itself and asks for pieces of the bias. "
                    f"Received: unit_forget_bias=True, in {type(cell).__name__}, and a piece of shape={shape}"
                )
        frame = frame.f_back  # type: ignore[assignment]


@known(
    "fused_rnn",
    group="Recurrent networks and reservoirs",
    formula="each parameter by an initializer of its own, one behind the other",
    use="The single parameter vector of cuDNN's and MXNet's recurrent layers.",
    example='FusedRNN("gru", 1, 4, i2h_weight_initializer=GlorotUniform(7), h2h_weight_initializer=Orthogonal(seed=7))',
    shape=(108,),
)
class FusedRNN(CompositeInitializer):
    """Fill the one vector that holds all parameters of a fused recurrent network, as MXNet and cuDNN pack them.

    First come the weights, layer by layer and in each layer direction by direction: ``i2h`` of shape ``(gates *
    state_size, inputs)``, ``h2h`` of shape ``(gates * state_size, outputs)`` and, with a projection, ``h2r`` of shape
    ``(projection_size, state_size)``. Then come all biases in the same order, ``i2h`` and ``h2h``, of shape ``(gates *
    state_size,)``. ``outputs`` is `projection_size`, or `state_size` without one; the inputs of a layer after the
    first are the outputs of all directions, those of the first follow from the length of the vector.

    Each is initialized as the separate parameter, with the axes "o i" and the fans of its own shape, at the path of
    the whole with its name behind it: "l0_i2h_weight" (left to right, layer 0), "r1_h2h_bias", "l0_h2r_weight". With
    ``PerGroup(..., axis=0)`` each gate is a weight of its own. It is computed on the host.

    Parameters
    ----------
    mode : {"gru", "lstm", "rnn_relu", "rnn_tanh"}
        The kind of cell: 3 gates, 4, 1, 1.
    num_layers : int
        The layers, 1 or more.
    state_size : int
        The size of the state, 1 or more.
    bidirectional : bool
        Whether each layer reads in both directions.
    projection_size : int, optional
        The size to which an LSTM's output is projected.
    i2h_weight_initializer, h2h_weight_initializer : initializer
        What fills the weights from the inputs and from the state, or whatever `get` makes one of.
    i2h_bias_initializer, h2h_bias_initializer : initializer
        What fills the biases; `UnitForgetBias` is for one of the two.
    h2r_weight_initializer : initializer
        What fills the weights of the projection.

    Raises
    ------
    TypeError
        If an argument is of another type. At the call, if the seed of a part is a framework's own.
    ValueError
        If one is out of range, or `projection_size` is given for another mode than "lstm". At the call, if the shape
        is not that of a vector, or its length is not that of such a network.

    References
    ----------
    Chetlur et al., "cuDNN: Efficient primitives for deep learning", 2014; Sak, Senior and Beaufays, "Long short-term
    memory recurrent neural network architectures for large scale acoustic modeling", Interspeech 2014 (the
    projection).

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.FusedRNN("lstm", 1, 2, i2h_bias_initializer=oneseed.initializers.UnitForgetBias())
    >>> blob = init((8 * (3 + 2) + 2 * 8,))  # 3 inputs
    >>> blob[40:48]
    array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """

    def __init__(
        self,
        mode: str,
        num_layers: int,
        state_size: int,
        bidirectional: bool = False,
        projection_size: int | None = None,
        i2h_weight_initializer: Any = "glorot_uniform",
        h2h_weight_initializer: Any = "orthogonal",
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        h2r_weight_initializer: Any = "glorot_uniform",
    ) -> None:
        self.mode = checks.one_of("mode", mode, tuple(GATES))
        self.num_layers = checks.index("num_layers", num_layers, 1, 2**31)
        self.state_size = checks.index("state_size", state_size, 1, 2**31)
        self.bidirectional = checks.boolean("bidirectional", bidirectional)
        if projection_size is not None:
            projection_size = checks.index("projection_size", projection_size, 1, 2**31)
            if mode != "lstm":
                raise ValueError(
                    f"`projection_size` must be None for mode {mode!r}: only an LSTM is projected. "
                    f"Received: projection_size={projection_size}"
                )
        self.projection_size = projection_size
        self.i2h_weight_initializer = resolved("i2h_weight_initializer", i2h_weight_initializer)
        self.h2h_weight_initializer = resolved("h2h_weight_initializer", h2h_weight_initializer)
        self.i2h_bias_initializer = resolved("i2h_bias_initializer", i2h_bias_initializer)
        self.h2h_bias_initializer = resolved("h2h_bias_initializer", h2h_bias_initializer)
        self.h2r_weight_initializer = resolved("h2r_weight_initializer", h2r_weight_initializer)

    def distribution_for(self, target: Target) -> Packed:
        """Return the draws of all parameters, one behind the other."""
        shape = target.shape
        if target.axes is not None and len(shape) == 1:
            raise ValueError(
                f"`axes` must be None: a vector of parameters has none. Received: axes={shown(target.axes)}"
            )
        parts = [
            target.part(
                getattr(self, f"{kind}_initializer"), part, f"{where}_{kind}", axes=None if len(part) == 1 else "o i"
            )
            for where, kind, part in self._parameters(self._inputs(shape))
        ]
        check_on_host(parts, type(self).__name__)
        return Packed(tuple(parts))

    def _parameters(self, inputs: int) -> list[tuple[str, str, Shape]]:
        """Return place, kind and shape of each parameter, in the order in which they lie."""
        rows, state = GATES[self.mode] * self.state_size, self.state_size
        outputs = self.projection_size or state
        directions = "lr" if self.bidirectional else "l"
        found: list[tuple[str, str, Shape]] = []
        for kind in ("weight", "bias"):
            for layer in range(self.num_layers):
                wide = inputs if layer == 0 else outputs * len(directions)
                for direction in directions:
                    where = f"{direction}{layer}"
                    if kind == "bias":
                        found += [(where, "i2h_bias", (rows,)), (where, "h2h_bias", (rows,))]
                        continue
                    found += [(where, "i2h_weight", (rows, wide)), (where, "h2h_weight", (rows, outputs))]
                    if self.projection_size:
                        found.append((where, "h2r_weight", (self.projection_size, state)))
        return found

    def _inputs(self, shape: Shape) -> int:
        """Return the number of inputs of the first layer, from the length of the vector."""
        if len(shape) != 1:
            raise ValueError(f"`shape` must be that of a vector. Received: shape={shape}")
        least = sum(a * (b[0] if b else 1) for _, _, (a, *b) in self._parameters(0))
        each = GATES[self.mode] * self.state_size * (2 if self.bidirectional else 1)
        inputs, rest = divmod(shape[0] - least, each)
        if inputs < 1 or rest:
            raise ValueError(
                f"`shape` must be that of a vector with {least} elements and {each} more for each input. "
                f"Received: shape={shape}"
            )
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializers as plain data."""
        plain = ("mode", "num_layers", "state_size", "bidirectional", "projection_size")
        names = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias", "h2r_weight")
        nested = {f"{name}_initializer": serialize(getattr(self, f"{name}_initializer")) for name in names}
        return {**{name: getattr(self, name) for name in plain}, **nested}
