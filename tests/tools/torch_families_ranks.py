"""Initialize models of transformers by their recorded schemes on several ranks, and compare them with one process.

Called with the number of ranks, which is four; prints their exit codes. Meshes of one, two and four ranks are parts of
these. Nothing but gloo on the CPU is needed.
"""

import logging

import torch
import torch.distributed as dist
from ranks import start
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import SplitPoint, pipeline
from torch.distributed.tensor import DTensor, Replicate
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

from oneseed import Scheme
from oneseed_torch import initialize_, recorded_scheme

torch.set_num_threads(1)
logging.disable(logging.WARNING)

import transformers  # noqa: E402

VOCABULARY = 99
TOKENS = torch.arange(16).reshape(2, 8) % 7 + 3
TEXT = {"input_ids": TOKENS, "labels": TOKENS}
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 32,
}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}

FAMILIES = {
    "Llama with a padding row": ("LlamaForCausalLM", {**SIZES, **SPECIAL, "use_cache": False}, TEXT, ("model.layers",)),
    "Mixtral": (
        "MixtralForCausalLM",
        {**SIZES, **SPECIAL, "num_key_value_heads": 2, "num_local_experts": 4},
        TEXT,
        ("model.layers",),
    ),
    "T5": (
        "T5ForConditionalGeneration",
        {
            "vocab_size": VOCABULARY,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 48,
            "num_layers": 2,
            "num_heads": 4,
            "decoder_start_token_id": 0,
        },
        TEXT,
        ("encoder.block", "decoder.block"),
    ),
    "BERT": ("BertForMaskedLM", SIZES, TEXT, ("bert.encoder.layer",)),
    "Mamba-2": (
        "Mamba2ForCausalLM",
        {
            **SPECIAL,
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_heads": 8,
            "head_dim": 8,
            "state_size": 16,
            "n_groups": 1,
            "chunk_size": 8,
        },
        TEXT,
        ("backbone.layers",),
    ),
    "ViT": (
        "ViTForImageClassification",
        {**SIZES, "image_size": 8, "patch_size": 4, "num_labels": 7},
        {"pixel_values": torch.linspace(-1, 1, 384).reshape(2, 3, 8, 8), "labels": torch.tensor([1, 2])},
        ("vit.layers",),
    ),
    "Whisper": (
        "WhisperForConditionalGeneration",
        {
            **SPECIAL,
            "vocab_size": VOCABULARY,
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            "num_mel_bins": 8,
            "max_source_positions": 8,
            "max_target_positions": 16,
            "decoder_start_token_id": 1,
        },
        {"input_features": torch.linspace(-1, 1, 256).reshape(2, 8, 16), "labels": TOKENS},
        ("model.encoder.layers", "model.decoder.layers"),
    ),
}  # fmt: skip
"""For each the class, its configuration, what a forward takes, and where its blocks are."""
TRACED = ("Llama with a padding row", "BERT", "ViT")
"""Those that PyTorch can cut into stages by itself."""


class Family:
    """A model and its recorded scheme, as a file would hold it."""

    def __init__(self, name):
        cls, settings, self.inputs, self.blocks = FAMILIES[name]
        self.name, self.cls = name, getattr(transformers, cls)
        self.config = self.cls.config_class(**settings)
        self.scheme = Scheme.from_json(recorded_scheme(self.build).to_json())
        self.expected = self.made(self.build())
        self.tensors = tensors(self.expected)

    def build(self):
        return self.cls(self.config).eval()

    def on_meta(self):
        with torch.device("meta"):
            return self.build()

    def made(self, module):
        return initialize_(module, self.scheme, seed=7, device="cpu")

    def loss(self, module):
        with torch.no_grad():
            return whole(module(**self.inputs).loss)

    def layers(self, module):
        return [layer for path in self.blocks for layer in module.get_submodule(path)]

    def compare(self, made, how, forward=True):
        """Every parameter and buffer has the bits of the model in one process, and the forward gives its loss."""
        found = tensors(made)
        for name, tensor in found.items():
            assert torch.equal(whole(tensor), self.tensors[name]), (self.name, how, name)
        if forward:
            assert found.keys() == self.tensors.keys()
            assert torch.allclose(self.loss(made), self.loss(self.expected), atol=1e-4), (self.name, how)

    def check(self):
        """In one process: the meta device, and the loss of the model's own start."""
        self.compare(self.made(self.on_meta()), "meta")
        torch.manual_seed(0)
        ours, theirs = self.loss(self.expected), self.loss(self.build())
        assert abs(ours - theirs) < 1, (self.name, ours, theirs)


def tensors(module):
    """Return parameters and buffers under all of their names."""
    named = module.named_parameters, module.named_buffers
    return {name: tensor for all_of in named for name, tensor in all_of(remove_duplicate=False)}


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def shard(family, module, mesh):
    for layer in (*family.layers(module), module):
        fully_shard(layer, mesh=mesh)
    return module


def parallel(family, module, mesh):
    """Cut the weights of every second layer by outputs, of the others by inputs."""
    styles = ColwiseParallel(output_layouts=Replicate()), RowwiseParallel(input_layouts=Replicate())
    for block in family.layers(module):
        linear = [name for name, layer in block.named_modules() if isinstance(layer, nn.Linear)]
        parallelize_module(block, mesh, {name: styles[at % 2] for at, name in enumerate(linear)})
    return module


def stage(family, number):
    """Leave a half of the blocks, under their names, as those do who cut a model by hand."""
    module = family.on_meta()
    for path in family.blocks:
        parent, _, name = path.rpartition(".")
        blocks = module.get_submodule(path)
        kept = nn.ModuleDict({str(at): block for at, block in enumerate(blocks) if at % 2 == number})
        setattr(module.get_submodule(parent), name, kept)
    return module


def traced(family, number):
    """Cut the model as PyTorch does."""
    module = family.on_meta()
    inputs = {name: tensor.to("meta") for name, tensor in family.inputs.items() if name != "labels"}
    split = {f"{family.blocks[0]}.1": SplitPoint.BEGINNING}
    return pipeline(module, mb_args=(), mb_kwargs=inputs, split_spec=split).get_stage_module(number)


def rank_main(rank, count, file):
    """What each process does."""
    dist.init_process_group("gloo", f"file://{file}", rank=rank, world_size=count)
    meshes = {size: init_device_mesh("cpu", (count // size, size), mesh_dim_names=("b", "a")) for size in (1, 2, 4)}
    for family in MODELS:
        for size, mesh in meshes.items():
            family.compare(family.made(shard(family, family.on_meta(), mesh["a"])), f"fully_shard on {size}")
        family.compare(family.made(parallel(family, family.on_meta(), meshes[4]["a"])), "tensor parallel")
        both = shard(family, parallel(family, family.on_meta(), meshes[2]["a"]), meshes[2]["b"])
        family.compare(family.made(both), "both")
        family.compare(family.made(stage(family, rank % 2)), "stage", forward=False)
        if family.name in TRACED and rank < 2:
            family.compare(family.made(traced(family, rank)), "traced stage", forward=False)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    MODELS = [Family(name) for name in FAMILIES]
    for model in MODELS:
        model.check()
    start(rank_main)
