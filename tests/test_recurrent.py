"""Recurrent networks: forget gates and fused parameters, against real layers."""

import math

import numpy as np
import pytest
from frameworks import installed

from oneseed import initializers as I
from oneseed.host_arrays import to_numpy

needs = {
    name: pytest.mark.skipif(not installed(name), reason=f"{name} is not installed")
    for name in ("flax", "haiku", "keras", "torch")
}


@needs["keras"]
def test_the_forget_gate_of_keras():
    import keras

    layer = keras.layers.LSTM(5)
    layer.build((None, 3, 2))
    np.testing.assert_array_equal(to_numpy(layer.cell.bias.value), I.UnitForgetBias()((20,)))


def closed(step, gates, weights):
    """Set the pre-activations of an LSTM by its bias so that only an open forget gate keeps the cell's state."""
    bias = I.UnitForgetBias(50.0, gates)((4 * weights,)) - 25.0  # sigmoid: 1 for the forget gate, 0 for the others
    return step(bias)


@needs["torch"]
def test_the_forget_gate_of_pytorch():
    import torch

    def step(bias):
        cell = torch.nn.LSTMCell(2, 3)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.zero_()
            cell.bias_ih.copy_(torch.from_numpy(bias))
            return cell(torch.zeros(1, 2), (torch.zeros(1, 3), torch.full((1, 3), 7.0)))[1].numpy()

    np.testing.assert_allclose(closed(step, "ifgo", 3), 7.0, rtol=1e-6)
    assert (closed(step, "igfo", 3) < 1).all()


@needs["flax"]
def test_the_forget_gate_of_flax():
    import jax.numpy as jnp
    from flax import nnx

    def step(bias):
        cell = nnx.OptimizedLSTMCell(2, 3, rngs=nnx.Rngs(0))
        cell.dense_h.bias[...] = jnp.asarray(bias)
        return np.asarray(cell((jnp.full((1, 3), 7.0), jnp.zeros((1, 3))), jnp.zeros((1, 2)))[0][0])

    np.testing.assert_allclose(closed(step, "ifgo", 3), 7.0, rtol=1e-6)
    assert (closed(step, "igfo", 3) < 1).all()


@needs["haiku"]
def test_the_forget_gate_of_haiku():
    import haiku as hk
    import jax
    import jax.numpy as jnp

    def step(bias):
        def forward(x):
            state = hk.LSTMState(hidden=jnp.zeros((1, 3)), cell=jnp.full((1, 3), 7.0))
            return hk.LSTM(3)(x, state)[1].cell

        network = hk.without_apply_rng(hk.transform(forward))
        parameters = network.init(jax.random.key(0), jnp.zeros((1, 2)))
        ((module, values),) = parameters.items()
        return np.asarray(network.apply({module: {**values, "b": jnp.asarray(bias)}}, jnp.zeros((1, 2))))

    np.testing.assert_allclose(closed(step, "igfo", 3), 7.0, rtol=1e-6)
    assert (closed(step, "ifgo", 3) < 1).all()


@needs["torch"]
@pytest.mark.parametrize("mode", ["gru", "lstm", "rnn_relu", "rnn_tanh"])
@pytest.mark.parametrize("projection", [None, 3])
def test_the_parts_of_a_fused_network_are_pytorchs_parameters(mode, projection):
    import torch

    if projection and mode != "lstm":
        projection = None
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}.get(mode, torch.nn.RNN)
    layer = layer(6, 4, 2, bidirectional=True, **({"proj_size": projection} if projection else {}))
    theirs = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    size = sum(map(math.prod, theirs.values()))
    init = I.FusedRNN(mode, 2, 4, True, projection, h2h_weight_initializer=I.HeNormal(1))
    parts_ = init.describe((size,)).distribution.parts
    words = {"i2h": "ih", "h2h": "hh", "h2r": "hr", "l": "", "r": "_reverse"}
    ours = {}
    for part in parts_:
        where, kind, role = part.path[0].split("_")
        ours[f"{role}_{words[kind]}_l{where[1:]}{words[where[0]]}"] = part.shape
    assert ours == theirs
    whole = init((size,), path="rnn")
    for start in range(0, size - 40, 17):
        block = init((size,), path="rnn", partition_shape=(start % 41,), partition_offset=(start,))
        np.testing.assert_array_equal(block, whole[start : start + start % 41])
    assert parts_[0].path == ("l0_i2h_weight",)
    np.testing.assert_array_equal(
        whole[: math.prod(parts_[0].shape)].reshape(parts_[0].shape),
        init.i2h_weight_initializer(parts_[0].shape, axes="o i", path=("rnn", "l0_i2h_weight")),
    )
