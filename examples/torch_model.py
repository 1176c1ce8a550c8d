"""One scheme, one seed: a PyTorch model on the meta device, planned, made, and the same again after a change.

Run it with ``python examples/torch_model.py``; it takes a few seconds and needs PyTorch alone.
"""

import torch
from torch import nn

import oneseed
import oneseed_torch
from oneseed import Rule, Scheme
from oneseed.testing import assert_same_model


class Block(nn.Module):
    """Attention and a feed-forward layer, each added to what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, num_heads=4, batch_first=True)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the stream after the block."""
        y = self.norm_1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.down(nn.functional.gelu(self.up(self.norm_2(x))))


class Model(nn.Module):
    """A language model whose output layer is its embedding."""

    def __init__(self, layers: int, width: int = 128, tokens: int = 1000) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, tokens, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def scheme(layers: int) -> Scheme:
    """Return the rules: the first that matches a parameter's name wins."""
    return Scheme(
        [
            Rule("*bias", "zeros"),
            Rule("*norm*.weight", "ones"),
            # What writes into the residual stream starts smaller, the deeper the model.
            Rule(r".*\.(out_proj|down)\.weight", oneseed.rules.scaled_normal(layers), regex=True),
            Rule("embed.weight", oneseed.initializers.RandomNormal(stddev=0.02)),
            # Query, key and value lie in one tensor, and are initialized as the three that they are.
            Rule("*.in_proj_weight", oneseed.initializers.PerGroup("glorot_normal", 3, axis=0), axes="o i"),
            Rule("*.up.weight", "he_normal"),
        ]
    )


def main() -> None:
    """Plan, make and compare."""
    with torch.device("meta"):
        model = Model(layers=2)
    parameters = dict(model.named_parameters())
    print(scheme(2).plan(parameters, axes=oneseed_torch.axes_of(model)), "\n")

    oneseed_torch.initialize_(model, scheme(2), seed=7, device="cpu")
    assert model.head.weight is model.embed.weight
    print("embed.weight", oneseed.fingerprint(model.embed.weight))
    print("logits", model(torch.arange(8)[None]).shape, "\n")

    # In place, in bfloat16, and after a layer has gone: each value is the rounded one of the same stream.
    half = oneseed_torch.initialize_(Model(layers=1).bfloat16(), scheme(2), seed=7)
    expected = {
        name: parameter.bfloat16() for name, parameter in model.named_parameters() if not name.startswith("blocks.1.")
    }
    assert_same_model(expected, dict(half.named_parameters()))
    print("The model of one layer, in bfloat16, has the weights of the first of two.")

    try:
        oneseed_torch.initialize_(Model(layers=1), Scheme(scheme(1).rules[:-1]), seed=7)
    except ValueError as error:
        print("Without the last rule:", error)


if __name__ == "__main__":
    main()
