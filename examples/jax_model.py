"""A GPT-2 in Flax NNX, built without values, filled by one scheme over all devices.

Run it as it is, or with XLA_FLAGS=--xla_force_host_platform_device_count=8: the fingerprints stay the same.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import oneseed
import oneseed_jax


class Sizes(NamedTuple):
    """The sizes of a GPT-2."""

    vocabulary: int
    positions: int
    width: int
    layers: int
    heads: int


class Attention(nnx.Module):
    """Causal attention, with query, key and value in one kernel."""

    def __init__(self, sizes: Sizes, rngs: nnx.Rngs) -> None:
        self.heads = sizes.heads
        self.c_attn = nnx.Linear(sizes.width, 3 * sizes.width, rngs=rngs)
        self.c_proj = nnx.Linear(sizes.width, sizes.width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Mix the positions."""
        parts = jnp.split(self.c_attn(x), 3, axis=-1)
        query, key, value = (part.reshape(*x.shape[:-1], self.heads, -1) for part in parts)
        return self.c_proj(jax.nn.dot_product_attention(query, key, value, is_causal=True).reshape(x.shape))


class FeedForward(nnx.Module):
    """Two dense layers with a GELU between them."""

    def __init__(self, sizes: Sizes, rngs: nnx.Rngs) -> None:
        self.c_fc = nnx.Linear(sizes.width, 4 * sizes.width, rngs=rngs)
        self.c_proj = nnx.Linear(4 * sizes.width, sizes.width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Transform each position."""
        return self.c_proj(jax.nn.gelu(self.c_fc(x), approximate=True))


class Block(nnx.Module):
    """A residual block, normalized before each part."""

    def __init__(self, sizes: Sizes, rngs: nnx.Rngs) -> None:
        self.ln_1 = nnx.LayerNorm(sizes.width, epsilon=1e-5, rngs=rngs)
        self.attn = Attention(sizes, rngs)
        self.ln_2 = nnx.LayerNorm(sizes.width, epsilon=1e-5, rngs=rngs)
        self.mlp = FeedForward(sizes, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Add attention, then the feed-forward layers."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT2(nnx.Module):
    """A language model whose output layer is its table of tokens."""

    def __init__(self, sizes: Sizes, rngs: nnx.Rngs) -> None:
        self.wte = nnx.Embed(sizes.vocabulary, sizes.width, rngs=rngs)
        self.wpe = nnx.Embed(sizes.positions, sizes.width, rngs=rngs)
        self.h = nnx.List([Block(sizes, rngs) for _ in range(sizes.layers)])
        self.ln_f = nnx.LayerNorm(sizes.width, epsilon=1e-5, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return the logits of the next tokens."""
        x = self.wte(tokens) + self.wpe(jnp.arange(tokens.shape[-1]))
        for block in self.h:
            x = block(x)
        return self.wte.attend(self.ln_f(x))


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
    abstract = nnx.eval_shape(lambda: GPT2(sizes, nnx.Rngs(0)))
    mesh = Mesh(jax.devices(), ("model",))

    def sharding(name: str) -> NamedSharding:
        """Cut the last axis of kernels, and keep the rest on each device."""
        last = PartitionSpec(None, "model") if name.endswith("kernel") else PartitionSpec()
        return NamedSharding(mesh, last)

    model = oneseed_jax.initialize(abstract, scheme(sizes.layers), seed=7, shardings=sharding)
    kernel = model.h[0].attn.c_attn.kernel[...]
    print(
        f"h/0/attn/c_attn/kernel: {oneseed.fingerprint(kernel)}, {kernel.sharding.shard_shape(kernel.shape)} a device"
    )
    # As one program: operations one by one may wait for each other, where devices share a processor's threads.
    logits = nnx.jit(lambda model, tokens: model(tokens))(model, jnp.arange(8)[None])
    print("logits:", logits.shape)


if __name__ == "__main__":
    main()
