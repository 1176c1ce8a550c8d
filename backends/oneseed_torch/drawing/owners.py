"""Parameters whose values a library has put somewhere else: what is written into them would be lost."""

import gc
from collections.abc import Iterable
from typing import Any
from weakref import ReferenceType, ref

import torch

Module = Any
Tensor = Any

MARKS = frozenset({"ds_id", "_is_flat_param", "_fsdp_flattened", "_is_hf_initialized"})
"""The attributes by which a library says that a parameter's values are its own affair."""

_flat: dict[int, tuple[ReferenceType[Any], ReferenceType[Any]]] = {}
"""Parameters of FullyShardedDataParallel by their ids, each with the flat one that it is a view of."""


def check_owner(tensor: Tensor) -> None:
    """Refuse a parameter that does not hold all of its values.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor.

    Raises
    ------
    ValueError
        If FullyShardedDataParallel has flattened it, and this rank has no more than a piece; or if DeepSpeed's ZeRO
        stage 3 has partitioned it.
    """
    marks = tensor.__dict__
    if not marks:
        return
    if "ds_id" in marks and tensor.numel() != marks.get("ds_numel", tensor.numel()):
        raise ValueError(
            "`tensor` must hold its values; DeepSpeed's ZeRO has partitioned them. Gather them first: "
            "with deepspeed.zero.GatheredParameters(parameters, modifier_rank=0). Received: a parameter of shape "
            f"{tuple(tensor.shape)}, of {tuple(marks.get('ds_shape', ()))} in all"
        )
    if marks.get("_is_flat_param") or (marks.get("_fsdp_flattened") and tensor.ndim == 1 and _is_piece(tensor)):
        raise ValueError(
            "`tensor` must be whole; FullyShardedDataParallel has flattened it, and each rank holds a piece. "
            "Initialize the module before it is wrapped, or under FullyShardedDataParallel.summon_full_params(module). "
            f"Received: a parameter of shape {tuple(tensor.shape)}"
        )


def check_offloaded(layers: Iterable[tuple[str, str, Module]]) -> None:
    """Refuse a module with parameters that accelerate loads from elsewhere at each call.

    Parameters
    ----------
    layers : iterable of tuple
        The module's layers, each after its path and its path without wrappers.

    Raises
    ------
    ValueError
        If a layer's hook holds the values of its parameters.
    """
    for name, _, layer in layers:
        hook = layer.__dict__.get("_hf_hook")
        if hook is None:
            continue
        hooks = (hook, *getattr(hook, "hooks", ()))
        if any(getattr(one, "offload", False) for one in hooks):
            for own, parameter in layer.named_parameters(prefix=name, recurse=False):
                if parameter.is_meta:
                    raise ValueError(
                        "`module` must hold its parameters; accelerate has offloaded some, and would put the old "
                        "values back at the next call. Initialize the module before it is dispatched, or remove the "
                        "hooks first: accelerate.hooks.remove_hook_from_submodules(module). "
                        f"Received: the offloaded parameter {own!r}"
                    )


def _is_piece(tensor: Tensor) -> bool:
    """Tell whether a flattened parameter is, at this moment, the piece of it that lies on this rank."""
    known = _flat.get(id(tensor))
    if known is None or known[0]() is not tensor:
        _find_flat()
        known = _flat.get(id(tensor))
    flat = None if known is None else known[1]()
    if flat is None:  # the wrapper is gone, and the tensor is what is left
        return False
    sharded: int = flat._sharded_size.numel()
    whole: int = flat._unpadded_unsharded_size.numel()
    return int(flat.numel()) == sharded != whole


def _find_flat() -> None:
    """Find all flat parameters: each knows what it is made of, and nothing leads from there to it."""
    _flat.clear()
    for flat in gc.get_objects():
        if type(flat) is torch.nn.Parameter and "_is_flat_param" in flat.__dict__:
            marks = flat.__dict__
            for parameter in (*(marks.get("_params") or ()), *(marks.get("_shared_params") or ())):
                _flat[id(parameter)] = ref(parameter), ref(flat)
