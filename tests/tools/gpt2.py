"""Build a GPT-2 in one framework, fill it by the scheme, and write fingerprints by logical name and logits as JSON."""

import json
import sys
from pathlib import Path

import numpy as np

import oneseed

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

SIZES = {"vocabulary": 160, "positions": 32, "width": 48, "layers": 12, "heads": 4}
TOKENS = np.arange(48).reshape(2, 24) * 7 % SIZES["vocabulary"]
SEED = 7

SCHEME = oneseed.Scheme(
    [
        oneseed.Rule("*/bias", "zeros"),
        oneseed.Rule("*/scale", "ones"),
        oneseed.Rule("*/c_proj/kernel", oneseed.initializers.RandomNormal(stddev=0.02 / (2 * SIZES["layers"]) ** 0.5)),
        oneseed.Rule("*", oneseed.initializers.RandomNormal(stddev=0.02)),
    ]
)

FROM_TORCH = (
    (r"^transformer\.", ""),
    (r"\.", "/"),
    (r"^(wte|wpe)/weight$", r"\1/embedding"),
    (r"(ln_\w+)/weight$", r"\1/scale"),
    (r"/weight$", "/kernel"),
)


def in_torch():
    """The model of the transformers package, from a configuration, made on the meta device."""
    import torch
    import transformers

    import oneseed_torch

    config = transformers.GPT2Config(
        vocab_size=SIZES["vocabulary"],
        n_positions=SIZES["positions"],
        n_embd=SIZES["width"],
        n_layer=SIZES["layers"],
        n_head=SIZES["heads"],
    )
    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(config).eval()
    oneseed_torch.initialize_(model, SCHEME, seed=SEED, names=FROM_TORCH, device="cpu")
    from oneseed.models.names import logical_names

    weights = dict(model.named_parameters())
    logical = logical_names(weights, FROM_TORCH)
    with torch.no_grad():
        logits = model(torch.from_numpy(TOKENS)).logits
    return {logical[name]: weight.detach() for name, weight in weights.items()}, logits.numpy()


def in_jax(shardings=None):
    import jax
    from flax import nnx
    from jax_model import GPT2, Sizes

    import oneseed_jax

    model = nnx.eval_shape(lambda: GPT2(Sizes(**SIZES), nnx.Rngs(0)))
    model = oneseed_jax.initialize(model, SCHEME, seed=SEED, shardings=shardings)
    weights = {
        "/".join(str(getattr(key, "key", "")) for key in path[:-1]): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(nnx.state(model, nnx.Param))[0]
    }
    return weights, np.asarray(model(TOKENS)) if shardings is None else None


def over_devices():
    """The model over 1, 2, 4 and 8 devices; give fingerprints, and how many elements of it each device holds."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    devices = np.array(jax.devices()[:8])
    # Kernels are cut along their outputs, or on a mesh of two axes along both; tables along their rows.
    cuts = {count: (devices[:count, None], (None, "x")) for count in (1, 2, 4, 8)}
    for name, (grid, cut) in {**cuts, "2x4": (devices.reshape(2, 4), ("x", "y"))}.items():
        mesh = Mesh(grid, ("x", "y"))

        def sharding(its, mesh=mesh, cut=cut):
            return NamedSharding(mesh, PartitionSpec(*cut) if its.endswith("kernel") else PartitionSpec("x"))

        weights, _ = in_jax(sharding)
        held = dict.fromkeys(mesh.devices.flat, 0)
        for weight in weights.values():
            for shard in weight.addressable_shards:
                held[shard.device] += shard.data.size
        fingerprints = {its: oneseed.fingerprint(weight) for its, weight in weights.items()}
        yield name, {"fingerprints": fingerprints, "held": list(held.values())}


def in_keras():
    import keras
    from keras_model import GPT2, NAMES, Sizes

    import oneseed_keras
    from oneseed.models.names import logical_names

    model = GPT2(Sizes(**SIZES), name="gpt2")
    model.build((None, None))
    oneseed_keras.initialize(model, SCHEME, seed=SEED, names=NAMES)
    weights = {weight.path: keras.ops.convert_to_numpy(weight.value) for weight in model.weights}
    logical = logical_names(weights, NAMES)
    logits = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(TOKENS)))
    return {logical[name]: weight for name, weight in weights.items()}, logits


def main():
    kind, file = sys.argv[1:]
    if kind == "over_devices":
        Path(file).write_text(json.dumps(dict(over_devices())), encoding="utf-8")
        return
    weights, logits = {"torch": in_torch, "jax": in_jax, "keras": in_keras}[kind]()
    found = {name: oneseed.fingerprint(weight) for name, weight in weights.items()}
    Path(file).write_text(json.dumps({"fingerprints": found, "logits": logits.tolist()}), encoding="utf-8")


if __name__ == "__main__":
    main()
