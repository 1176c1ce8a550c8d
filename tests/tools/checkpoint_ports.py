"""Write a GPT-2 of one framework as files, without its values in memory: ``checkpoint_ports.py KIND FOLDER``."""

import sys
from pathlib import Path

from gpt2 import FROM_TORCH, SCHEME, SEED, SIZES

from oneseed import checkpoint


def of_torch():
    import torch
    import transformers

    import oneseed_torch

    sizes = {
        "vocab_size": "vocabulary",
        "n_positions": "positions",
        "n_embd": "width",
        "n_layer": "layers",
        "n_head": "heads",
    }
    config = transformers.GPT2Config(**{theirs: SIZES[ours] for theirs, ours in sizes.items()})
    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(config)
    return oneseed_torch.plan_of(model, SCHEME, names=FROM_TORCH), "pt"


def of_jax():
    from flax import nnx
    from jax_model import GPT2, Sizes

    import oneseed_jax

    model = nnx.eval_shape(lambda: GPT2(Sizes(**SIZES), nnx.Rngs(0)))
    return oneseed_jax.plan_of(model, SCHEME), "flax"


def of_keras():
    from keras_model import GPT2, NAMES, Sizes

    import oneseed_keras

    models = []

    def build():
        models.append(GPT2(Sizes(**SIZES), name="gpt2"))
        models[0].build((None, None))
        return models[0]

    plan = oneseed_keras.plan_of(build, SCHEME, names=NAMES)
    assert all(weight._value is None for weight in models[0].weights), "the model has values"
    return plan, "pt"


def main():
    plan, kind = {"torch": of_torch, "jax": of_jax, "keras": of_keras}[sys.argv[1]]()
    checkpoint.write(plan, SEED, Path(sys.argv[2]), shard_size="200kB", format=kind)


if __name__ == "__main__":
    main()
