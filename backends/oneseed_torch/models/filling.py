"""Filling the tensors of a module one by one, those on the meta device being created on the way."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as modules

from oneseed.distributions import Fill
from oneseed.draws import Draw
from oneseed.host_arrays import host
from oneseed.models.entry import Entry
from oneseed.stream.paths import stream_number
from oneseed_torch.drawing.filling import check_device
from oneseed_torch.drawing.memory import byte_strides, fresh
from oneseed_torch.drawing.shards import is_distributed
from oneseed_torch.drawing.watched import PLAIN, count_write, is_observed
from oneseed_torch.drawing.writing import address_of, is_wrapper, parts_to_write, write
from oneseed_torch.models.tree import Held, Layers, Place, Tensor


def destinations(
    found: Mapping[str, Held], draws: Sequence[tuple[Entry, Draw]], where: Any, addresses: Mapping[str, int]
) -> dict[str, Any]:
    """Return the device to create tensors on, of those without memory; refuse what cannot be filled.

    Parameters
    ----------
    found : mapping of str to Held
        The tensors by name.
    draws : sequence of tuple
        What they get.
    where : torch.device or None
        Where those on the meta device are to be created.
    addresses : mapping of str to int
        Where kernels may write to the tensors; 0 where they may not.

    Returns
    -------
    dict
        The devices by name.

    Raises
    ------
    ValueError
        If a tensor is on another device than `where`, or no values can be made there.
    """
    targets: dict[str, Any] = {}
    known: dict[tuple[Any, ...], Any] = {}
    for entry, draw in draws:
        name = entry.name
        tensor = found[name].tensor
        if type(tensor) in PLAIN:
            # Those with an address are on the CPU.
            key = "cpu" if addresses.get(name) else tensor.device, tensor.dtype, draw.dtype
            target = known[key] if key in known else known.setdefault(key, _destination(tensor, entry, draw, where))
        else:
            target = _destination(tensor, entry, draw, where)
        if target is not None:
            targets[name] = target
    return targets


def _destination(parameter: Tensor, entry: Entry, draw: Draw, where: Any) -> Any:
    if parameter.is_meta:
        target = _target(parameter, entry.name, where)
    elif where is not None and where.type != parameter.device.type:
        raise ValueError(
            "`device` is for parameters on the meta device; others stay where they are, which must be of that type. "
            f"Received: device={where}, and the parameter {entry.name!r} on {parameter.device}"
        )
    else:
        target = None if getattr(torch, draw.dtype) == parameter.dtype else parameter.device
    check_device(parameter.device if target is None else target, draw.dtype)
    if type(parameter) not in PLAIN:
        # Placements that cannot be filled are refused now, also where the memory is still to come.
        parts_to_write(parameter)
    return target


def _target(parameter: Tensor, name: str, where: Any) -> Any:
    if is_distributed(parameter):
        mesh = parameter.device_mesh.device_type
        if where is not None and where.type != mesh:
            raise ValueError(
                f"`device` must be of the type of the DTensor's mesh, {mesh!r}. "
                f"Received: device={where}, and the parameter {name!r}"
            )
        return torch.device(mesh) if where is None else where
    target = torch.get_default_device() if where is None else where
    if target.type == "meta":
        raise ValueError(
            f"`device` must be one that holds values, for the parameter {name!r} on the meta device. "
            f"Received: device={target}"
        )
    return target


Writer = Callable[[Tensor, int, Draw], object]
"""Writes a draw into contiguous memory on the CPU, of a tensor and at its address."""


def filler(
    found: Mapping[str, Held],
    tensors: Mapping[str, Tensor],
    targets: Mapping[str, Any],
    addresses: Mapping[str, int],
) -> Callable[[Entry, Draw], None]:
    """Return a function that fills a tensor; what `oneseed.models.fill.run` takes.

    Parameters
    ----------
    found : mapping of str to Held
        The tensors by name, without those that are written by their addresses alone.
    tensors : mapping of str to Tensor
        All tensors.
    targets : mapping of str to device
        What `destinations` returned.
    addresses : mapping of str to int
        Where kernels may write to the tensors.

    Returns
    -------
    callable
        The function. It is for one run, within which no mode or transform of PyTorch begins or ends.
    """
    observed = is_observed()
    plain: dict[type, bool] = {}
    # Rows of the plan that share what is planned differ in seed and path alone.
    writers: dict[int, Writer | None] = {}
    copies = {name: item.copies for name, item in found.items() if item.copies}

    def write_to(tensor: Tensor, address: int, entry: Entry, draw: Draw) -> None:
        writer = writers.get(id(entry.planned))
        if writer is not None and address:
            writer(tensor, address, draw)
        elif address and id(entry.planned) not in writers:
            writers[id(entry.planned)] = _writer(draw, tensor)
            write_to(tensor, address, entry, draw)
        else:
            write(draw, tensor, parts_to_write(tensor))

    def put(entry: Entry, draw: Draw) -> None:
        name = entry.name
        tensor = tensors[name]
        if name in targets:
            make(tensor, entry, draw)
            return
        write_to(tensor, addresses.get(name, 0), entry, draw)
        if name in copies:
            for copy in copies[name]:
                write(draw, copy, parts_to_write(copy))

    def make(tensor: Tensor, entry: Entry, draw: Draw) -> None:
        item = found[entry.name]
        created = _empty(tensor, getattr(torch, draw.dtype), targets[entry.name])
        write_to(created, 0 if observed else address_of(created), entry, draw)
        if not tensor.is_meta:
            tensor.data = created
            for copy in item.copies:
                copy.data = created.clone()
            return
        if not item.state:
            created = _parameter(created, tensor)
        for place in item.places:
            _place(place, created, item.state, plain)

    return put


def _writer(draw: Draw, like: Tensor) -> Writer | None:
    """Return what writes draws that differ in seed and path alone; None where nothing writes by the address."""
    distribution = draw.distribution
    if 0 in draw.block:
        return None
    if isinstance(distribution, Fill):
        value = distribution.scalar(draw.dtype).item()
        return lambda tensor, *_: (tensor.detach() if tensor.requires_grad else tensor).fill_(value)
    fill = host().filling(draw, byte_strides(like)) if type(draw.seed) is int else None
    if fill is None:
        return None

    def drawn(tensor: Tensor, address: int, draw: Draw) -> None:
        fill(address, draw.seed, stream_number(draw.path))
        # Autograd did not see the write, and must refuse a backward pass that saved the old values.
        count_write((tensor,))

    return drawn


def _empty(like: Tensor, dtype: Any, device: Any) -> Tensor:
    """Return memory for a parameter, with its strides."""
    # Asked for a copy of a tensor on the meta device, PyTorch imports much that nothing here needs.
    if like.is_contiguous() and _is_plain(like):
        return fresh(like.shape, dtype, device)
    return torch.empty_like(like, dtype=dtype, device=device, requires_grad=False)


def _parameter(created: Tensor, like: Tensor) -> Tensor:
    """Return a tensor as a parameter of the same class and attributes as another."""
    if not _is_plain(like):
        return nn.Parameter(created, like.requires_grad)
    parameter = created.as_subclass(type(like)).requires_grad_(like.requires_grad)
    if attributes := vars(like):
        vars(parameter).update(attributes)
    return parameter


def _place(place: Place, tensor: Tensor, state: bool, plain: dict[type, bool]) -> None:
    """Put a tensor in the place of another one."""
    cls = type(place.holder)
    if cls not in plain:
        plain[cls] = _sets_nothing_else(cls)
    if plain[cls]:
        (place.holder._buffers if state else place.holder._parameters)[place.name] = tensor
    else:
        setattr(place.holder, place.name, tensor)


_SET, _REGISTER = nn.Module.__setattr__, nn.Module.register_parameter
_HOOKS = modules._global_parameter_registration_hooks, modules._global_buffer_registration_hooks


def _sets_nothing_else(cls: Any) -> bool:
    """Tell whether a layer's new tensor is an entry among its tensors and no more: no code of its own, no hooks."""
    return cls.__setattr__ is _SET and cls.register_parameter is _REGISTER and not any(_HOOKS)


def _is_plain(tensor: Tensor) -> bool:
    """Tell whether a tensor's values lie in memory of its own."""
    return type(tensor) in PLAIN or (not is_distributed(tensor) and not is_wrapper(tensor))


def settle(every: Layers) -> None:
    """Have those layers look at their parameters again that keep them elsewhere too."""
    for layer in {id(layer): layer for _, _, layer in every}.values():
        if isinstance(layer, nn.RNNBase) or hasattr(type(layer), "_get_fsdp_state"):
            layer._apply(lambda tensor: tensor, recurse=False)
