"""What each tensor of a module will get, before anything is drawn."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from torch import nn

from oneseed.checks import Shape
from oneseed.models.entry import Parameter
from oneseed.models.names import Names, logical_names
from oneseed.models.plan import Plan
from oneseed.models.scheme import Scheme, check_scheme
from oneseed_torch.drawing.watched import PLAIN, is_observed
from oneseed_torch.drawing.writing import address_of, shape_of
from oneseed_torch.models.alike import Like, led, parted
from oneseed_torch.models.kinds import Kinds
from oneseed_torch.models.layers import defaults, patterns_of
from oneseed_torch.models.norms import check_norms
from oneseed_torch.models.tree import Held, Layers, Module, held, held_buffers

Axes = Mapping[str, str | None] | None


REACHING = (nn.MultiheadAttention, nn.Transformer)
"""The layers whose constructors draw for layers inside them."""


class Planned(NamedTuple):
    """The tensors of a module, and what they get."""

    parameters: list[Held]
    buffers: list[Held]
    addresses: dict[str, int]
    """Where kernels may write to them, 0 where they may not."""
    plan: Plan
    likes: list[Like]
    """Further tensors, to which kernels may write."""


def planned(module: Module, every: Layers, scheme: Scheme | None, names: Names, axes: Axes) -> Planned:
    """Plan a module; of layers that are alike only the first, if what it gets holds for the others.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    every : list of tuple
        Its layers, as `walk` gives them.
    scheme : Scheme, optional
        What each tensor gets; None is `default_scheme` of the module.
    names, axes : optional
        As in `oneseed_torch.initialize_`.

    Returns
    -------
    Planned
        The tensors and the plan.

    Raises
    ------
    TypeError, ValueError
        As `oneseed_torch.initialize_` does.
    """
    if names is None and not axes and not Kinds(every).traced:
        firsts, followers = parted(module, every)
        if followers:
            with suppress(TypeError, ValueError):  # raised again below, of all tensors
                parameters, buffers, addresses = _found(module, firsts)
                reach = any(isinstance(layer, REACHING) for _, _, layer in firsts)
                chosen = defaults(every if reach else firsts, parameters) if scheme is None else scheme
                likes = led(followers, chosen, by_layers=scheme is None and not reach)
                if likes is not None:
                    plan = plan_tensors(firsts, [*parameters, *buffers], chosen, None, None)
                    return Planned(parameters, buffers, addresses, plan, likes)
    parameters, buffers, addresses = _found(module, every)
    chosen = defaults(every, parameters) if scheme is None else scheme
    plan = plan_tensors(every, [*parameters, *buffers], chosen, names, axes)
    return Planned(parameters, buffers, addresses, plan, [])


def _found(module: Module, every: Layers) -> tuple[list[Held], list[Held], dict[str, int]]:
    parameters, buffers = held(module, every), held_buffers(module, every)
    addresses = _addresses(parameters, buffers)
    _check_pieces(every)
    return parameters, buffers, addresses


def _addresses(parameters: list[Held], buffers: list[Held]) -> dict[str, int]:
    """Return where kernels may write to tensors, 0 where they may not; refuse parameters that cannot be filled."""
    addresses = {}
    watched = is_observed()
    for item in parameters:
        tensor = item.tensor
        address = addresses[item.names[0]] = 0 if watched else address_of(tensor)
        if not address or tensor.__dict__:
            shape_of(tensor)
    if not watched:
        addresses.update({item.names[0]: address_of(item.tensor) for item in buffers})
    return addresses


def _check_pieces(every: Layers) -> None:
    """Refuse what holds flat pieces of parameters, whose place in the whole is not to be seen."""
    home = sys.modules.get("torch.distributed.fsdp.fully_sharded_data_parallel")
    if home is None:
        return
    for path, _, layer in every:
        if not isinstance(layer, home.FullyShardedDataParallel) or layer._handle is None:
            continue
        if layer._handle.uses_sharded_strategy and layer.training_state.name != "SUMMON_FULL_PARAMS":
            raise ValueError(
                "`module` must hold whole parameters: initialize it before it is wrapped, or within "
                "FullyShardedDataParallel.summon_full_params, or shard it by fully_shard, whose DTensors are filled. "
                f"Received: a FullyShardedDataParallel with flat pieces, at {path!r}"
            )


def plan_tensors(every: Layers, found: list[Held], scheme: Scheme, names: Names, axes: Axes) -> Plan:
    """Plan tensors of a module, each by itself; what `oneseed_torch.plan_of` does."""
    check_scheme(scheme)
    logical: Names = None
    if names is not None or any(item.names is not item.logical for item in found):
        bare = {name: own for item in found for name, own in zip(item.names, item.logical, strict=True)}
        if isinstance(names, Mapping):
            names = {bare.get(name, name): own for name, own in names.items()}
        mapped = logical_names(dict.fromkeys(bare.values()), names)
        logical = {name: mapped[own] for name, own in bare.items()}
    given: dict[str, str | None] = {}
    if axes:
        first = {name: item.names[0] for item in found for name in (*item.logical, *item.names)}
        given = {first.get(name, name): pattern for name, pattern in axes.items()}
    known, params = patterns_of(found, Kinds(every)), {}
    alike: dict[tuple[Any, ...], Parameter] = {}  # one object for all that are equal, which are planned in less time
    for item in found:
        name, tensor = item.names[0], item.tensor
        # Sizes are those of PyTorch, and made integers where the plan reads them.
        shape: Shape = () if type(tensor) not in PLAIN and nn.parameter.is_lazy(tensor) else tensor.shape
        pattern = known.get(name)
        key = shape, tensor.dtype, pattern, type(pattern), item.state, tensor.requires_grad or tensor.is_meta
        like = alike.get(key)
        if like is None:
            like = alike[key] = Parameter(tuple(shape), tensor.dtype, pattern, item.state, not (item.state or key[-1]))
        params[name] = like
    plan = scheme.plan(
        params,
        names=logical,
        axes=given,
        tied={alias: item.names[0] for item in found if len(item.names) > 1 for alias in item.names[1:]},
    )
    check_norms(found, plan)
    return plan
