"""Print what each variable of real Keras layers is initialized by: path, shape, initializer; a JSON list each."""

import json

import keras

inputs = keras.Input((6, 8, 3))
x = keras.layers.Conv2D(4, 3)(inputs)
x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
x = keras.layers.SeparableConv2D(5, 3, padding="same")(x)
x = keras.layers.Conv2DTranspose(6, 3)(x)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.LayerNormalization()(x)
x = keras.layers.Reshape((-1, 6))(x)
x = keras.layers.LSTM(7, return_sequences=True)(x)
x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(x)
x = keras.layers.GRU(5)(x)
tokens = keras.Input((4,))
y = keras.layers.SimpleRNN(3)(keras.layers.Embedding(20, 5)(tokens))
model = keras.Model([inputs, tokens], keras.layers.Dense(2)(keras.layers.Concatenate()([x, y])))


def holders(layer):
    """Give the layers that have variables of their own."""
    below = layer._flatten_layers(include_self=True, recursive=True)
    return [item for item in below if item._trainable_variables or item._non_trainable_variables]


for layer in holders(model):
    for variable in [v for v in layer._trainable_variables + layer._non_trainable_variables if "seed" not in v.path]:
        name = variable.path.rpartition("/")[2]
        roles = (name, name.removesuffix("_kernel"), "depthwise")  # DepthwiseConv2D calls its weight a kernel
        chosen = next(found for role in roles if (found := getattr(layer, f"{role}_initializer", None)) is not None)
        config = keras.saving.serialize_keras_object(chosen)
        forget = bool(getattr(layer, "unit_forget_bias", False)) and name == "bias"
        print(json.dumps([variable.path, list(variable.shape), config["class_name"], config["config"], forget]))
