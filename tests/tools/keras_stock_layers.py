"""Build every layer of ``keras.layers`` and fill it by `oneseed.schemes.keras`; print what came of each weight as JSON.

``python keras_stock_layers.py keras|tf_keras``, Keras 3 under KERAS_BACKEND.
"""

import inspect
import json
import sys
from importlib import import_module

import numpy as np

import oneseed
import oneseed_keras

LIBRARY = sys.argv[1]
keras = import_module(LIBRARY)
layers = keras.layers

FOREIGN = {"DenseFeatures", "Discretization", "FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"}
"""The layers whose weights are those of other libraries' objects, and one whose are empty before it has seen data."""

SEQUENCE, IMAGE = (5, 6), (7, 7, 6)

GIVEN = {
    "AdditiveAttention": ({}, SEQUENCE),
    "Attention": ({"use_scale": True, "score_mode": "concat"}, SEQUENCE),
    "BatchNormalization": ({}, IMAGE),
    **{f"Conv{n}D": ({"filters": 16, "kernel_size": 3}, (7,) * n + (6,)) for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": ({"filters": 16, "kernel_size": 3}, (7,) * n + (6,)) for n in (1, 2, 3)},
    **{f"ConvLSTM{n}D": ({"filters": 4, "kernel_size": 2}, (5, *(5,) * n, 3)) for n in (1, 2, 3)},
    "Dense": ({"units": 32}, SEQUENCE),
    "DepthwiseConv1D": ({"kernel_size": 3, "depth_multiplier": 8}, SEQUENCE),
    "DepthwiseConv2D": ({"kernel_size": 3, "depth_multiplier": 8}, IMAGE),
    "EinsumDense": ({"equation": "abc,cd->abd", "output_shape": (5, 32), "bias_axes": "d"}, SEQUENCE),
    "Embedding": ({"input_dim": 30, "output_dim": 8}, (5,)),
    "GRU": ({"units": 16}, SEQUENCE),
    "GroupNormalization": ({"groups": 2}, IMAGE),
    "GroupQueryAttention": ({"head_dim": 8, "num_query_heads": 4, "num_key_value_heads": 2}, SEQUENCE),
    "LSTM": ({"units": 16}, SEQUENCE),
    "LayerNormalization": ({}, IMAGE),
    "LocallyConnected1D": ({"filters": 16, "kernel_size": 3}, SEQUENCE),
    "LocallyConnected2D": ({"filters": 16, "kernel_size": 3}, IMAGE),
    "MelSpectrogram": ({"fft_length": 64}, (256,)),
    "MultiHeadAttention": ({"num_heads": 4, "key_dim": 8}, SEQUENCE),
    "Normalization": ({}, SEQUENCE),
    "PReLU": ({}, IMAGE),
    "RMSNormalization": ({}, SEQUENCE),
    "ReversibleEmbedding": ({"input_dim": 30, "output_dim": 8, "tie_weights": False}, (5,)),
    "STFTSpectrogram": ({"fft_length": 64, "frame_length": 64, "frame_step": 32}, (256, 1)),
    "SeparableConv1D": ({"filters": 16, "kernel_size": 3, "depth_multiplier": 8}, SEQUENCE),
    "SeparableConv2D": ({"filters": 16, "kernel_size": 3, "depth_multiplier": 8}, IMAGE),
    "SimpleRNN": ({"units": 16}, SEQUENCE),
    "SpectralNormalization": ({}, IMAGE),
}
"""The arguments of the layers that have weights, and the shape of an input."""

WRAPPED = {
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(16)),
    "RNN": lambda: layers.RNN(layers.GRUCell(16)),
    "StackedRNNCells": lambda: layers.RNN([layers.LSTMCell(16), layers.SimpleRNNCell(16)]),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(32)),
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Conv2D(16, 3)),
}
"""Layers of layers."""

ONLY_IN_ONE = {
    *("GroupQueryAttention", "MelSpectrogram", "RMSNormalization", "ReversibleEmbedding", "STFTSpectrogram"),  # Keras 3
    *("LocallyConnected1D", "LocallyConnected2D"),  # tf_keras
}

CELLS = {"AbstractRNNCell", "GRUCell", "LSTMCell", "SimpleRNNCell"}  # as parts of the above


def built(name):
    """Return a model that holds a layer."""
    arguments, shape = GIVEN.get(name, ({}, SEQUENCE))
    layer = WRAPPED[name]() if name in WRAPPED else getattr(layers, name)(**arguments)
    given = keras.Input(shape)
    inputs = {"GroupQueryAttention": (given, given), "MultiHeadAttention": (given, given)}.get(name, (given,))
    x = layer([given, given]) if name in ("AdditiveAttention", "Attention") else layer(*inputs)
    return keras.Model(given, x)


def has_weights(cls):
    """Tell whether a class makes weights, by what is written in it and in its bases below Layer."""
    own = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == LIBRARY]
    below = own[: next(k for k, base in enumerate(own) if base.__name__ == "Layer")]
    return any("add_weight" in inspect.getsource(base) for base in below)


def values(weight):
    return weight.numpy() if LIBRARY == "tf_keras" else keras.ops.convert_to_numpy(weight.value)


def main():
    keras.utils.set_random_seed(1)  # Keras's own values, whose bounds and deviations are compared
    found = {
        name: cls
        for name, cls in vars(layers).items()
        if inspect.isclass(cls) and issubclass(cls, layers.Layer) and name not in FOREIGN
    }
    asked = {cls.__name__ for cls in found.values() if has_weights(cls)} - CELLS
    assert set(GIVEN) | set(WRAPPED) <= set(found) | ONLY_IN_ONE
    report = {"forgotten": sorted(asked - set(GIVEN) - set(WRAPPED)), "weights": []}
    for name in sorted({*GIVEN, *WRAPPED} & set(found)):
        model = built(name)
        if not any("float" in str(getattr(w.dtype, "name", w.dtype)) for w in model.weights):
            continue
        before = [values(weight) for weight in model.weights]
        oneseed_keras.initialize(model, oneseed.schemes.keras(), seed=1)
        for weight, old in zip(model.weights, before, strict=True):
            new = values(weight)
            report["weights"].append(
                {
                    "layer": name,
                    "weight": getattr(weight, "path", weight.name).removesuffix(":0"),
                    "trained": bool(weight.trainable),
                    "same": bool(np.array_equal(old, new)),
                    "values": int(np.unique(old).size),
                    "std": [float(old.astype("float64").std()), float(new.astype("float64").std())],
                    "largest": [float(np.abs(old).max()), float(np.abs(new).max())],
                }
            )
    print(json.dumps(report))


if __name__ == "__main__":
    main()
