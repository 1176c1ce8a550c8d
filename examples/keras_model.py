"""A GPT-2 in Keras 3, on any of its backends, filled by one scheme.

Run it under KERAS_BACKEND=jax, torch or tensorflow: the fingerprints stay the same, and they are those of
examples/jax_model.py.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

import oneseed
import oneseed_keras


class Sizes(NamedTuple):
    """The sizes of a GPT-2."""

    vocabulary: int
    positions: int
    width: int
    layers: int
    heads: int


class Attention(keras.layers.Layer):
    """Causal attention, with query, key and value in one kernel."""

    def __init__(self, sizes: Sizes, **options: Any) -> None:
        super().__init__(**options)
        self.heads = sizes.heads
        self.c_attn = keras.layers.Dense(3 * sizes.width, name="c_attn")
        self.c_proj = keras.layers.Dense(sizes.width, name="c_proj")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights, under this layer's name."""
        self.c_attn.build(shape)
        self.c_proj.build(shape)

    def call(self, x: Any) -> Any:
        """Mix the positions."""
        batch, length, width = ops.shape(x)
        split = (batch, length, self.heads, width // self.heads)
        query, key, value = (ops.reshape(part, split) for part in ops.split(self.c_attn(x), 3, axis=-1))
        mixed = ops.dot_product_attention(query, key, value, is_causal=True)
        return self.c_proj(ops.reshape(mixed, (batch, length, width)))


class FeedForward(keras.layers.Layer):
    """Two dense layers with a GELU between them."""

    def __init__(self, sizes: Sizes, **options: Any) -> None:
        super().__init__(**options)
        self.width = sizes.width
        self.c_fc = keras.layers.Dense(4 * sizes.width, name="c_fc")
        self.c_proj = keras.layers.Dense(sizes.width, name="c_proj")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights, under this layer's name."""
        self.c_fc.build(shape)
        self.c_proj.build((*shape[:-1], 4 * self.width))

    def call(self, x: Any) -> Any:
        """Transform each position."""
        return self.c_proj(ops.gelu(self.c_fc(x), approximate=True))


class Block(keras.layers.Layer):
    """A residual block, normalized before each part."""

    def __init__(self, sizes: Sizes, **options: Any) -> None:
        super().__init__(**options)
        self.ln_1 = keras.layers.LayerNormalization(epsilon=1e-5, name="ln_1")
        self.attn = Attention(sizes, name="attn")
        self.ln_2 = keras.layers.LayerNormalization(epsilon=1e-5, name="ln_2")
        self.mlp = FeedForward(sizes, name="mlp")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights, under this layer's name."""
        for layer in (self.ln_1, self.attn, self.ln_2, self.mlp):
            layer.build(shape)

    def call(self, x: Any) -> Any:
        """Add attention, then the feed-forward layers."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT2(keras.Model):
    """A language model whose output layer is its table of tokens."""

    def __init__(self, sizes: Sizes, **options: Any) -> None:
        super().__init__(**options)
        self.width = sizes.width
        self.wte = keras.layers.Embedding(sizes.vocabulary, sizes.width, name="wte")
        self.wpe = keras.layers.Embedding(sizes.positions, sizes.width, name="wpe")
        self.blocks = [Block(sizes, name=f"h_{number}") for number in range(sizes.layers)]
        self.ln_f = keras.layers.LayerNormalization(epsilon=1e-5, name="ln_f")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights, under this model's name."""
        self.wte.build(shape)
        self.wpe.build(shape)
        for layer in (*self.blocks, self.ln_f):
            layer.build((*shape, self.width))

    def call(self, tokens: Any) -> Any:
        """Return the logits of the next tokens."""
        x = self.wte(tokens) + self.wpe(ops.arange(ops.shape(tokens)[-1]))
        for block in self.blocks:
            x = block(x)
        return ops.matmul(self.ln_f(x), ops.transpose(self.wte.embeddings))


NAMES = (
    (r"^gpt2/", ""),
    (r"^h_(\d+)/", r"h/\1/"),
    (r"/embeddings$", "/embedding"),
    (r"/gamma$", "/scale"),
    (r"/beta$", "/bias"),
)
"""From Keras's names to those of examples/jax_model.py."""


def scheme(layers: int) -> oneseed.Scheme:
    """Return GPT-2's: normal with 0.02, divided by the root of the number of residual branches where one ends."""
    residual = oneseed.initializers.RandomNormal(stddev=0.02 / (2 * layers) ** 0.5)
    return oneseed.Scheme(
        [
            oneseed.Rule("*/bias", "zeros"),
            oneseed.Rule("*/scale", "ones"),
            oneseed.Rule("*/c_proj/kernel", residual),
            oneseed.Rule("*", oneseed.initializers.RandomNormal(stddev=0.02)),
        ]
    )


def main() -> None:
    """Build, fill, and run."""
    sizes = Sizes(vocabulary=512, positions=64, width=64, layers=12, heads=4)
    model = GPT2(sizes, name="gpt2")
    model.build((None, None))
    oneseed_keras.initialize(model, scheme(sizes.layers), seed=7, names=NAMES)
    kernel = ops.convert_to_numpy(model.blocks[0].attn.c_attn.kernel.value)
    print(f"h/0/attn/c_attn/kernel: {oneseed.fingerprint(kernel)}")
    print("logits:", tuple(model(ops.arange(8)[None]).shape))


if __name__ == "__main__":
    main()
