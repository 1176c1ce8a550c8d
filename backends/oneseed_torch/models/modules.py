"""Whole modules, initialized in place by a scheme."""

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from oneseed import seeds
from oneseed.checks import Shape
from oneseed.distributions import Fill
from oneseed.draws import Draw
from oneseed.host_arrays import host
from oneseed.models.entry import Entry, Parameter
from oneseed.models.fill import run
from oneseed.models.names import Names, logical_names
from oneseed.models.plan import Plan
from oneseed.models.scheme import Scheme, check_scheme
from oneseed_torch.adapter import TorchBackend
from oneseed_torch.drawing.filling import check_device, check_seed
from oneseed_torch.drawing.memory import byte_strides, fresh
from oneseed_torch.drawing.owners import check_offloaded
from oneseed_torch.drawing.shards import is_distributed
from oneseed_torch.drawing.watched import PLAIN, count_write, is_observed
from oneseed_torch.drawing.writing import is_usual, is_wrapper, parts_to_write, shape_of, write
from oneseed_torch.models.buffers import computed
from oneseed_torch.models.kinds import kinds
from oneseed_torch.models.layers import patterns_of
from oneseed_torch.models.norms import check_norms
from oneseed_torch.models.sharing import check_apart
from oneseed_torch.models.spectral import estimate, estimated, vectors
from oneseed_torch.models.tree import Held, Module, Tensor, held, held_buffers, walk


def initialize_(
    module: Module,
    scheme: Scheme,
    *,
    seed: int,
    names: Names = None,
    device: Any = None,
    axes: Mapping[str, str | None] | None = None,
) -> Module:
    """Initialize a module's parameters by a scheme, in place.

    A parameter that has values keeps its memory, its device and its strides. One on the meta device is created on the
    target device, once, with its values. It stays tied, and keeps `requires_grad` and its attributes, but it is a new
    object: build optimizers afterwards. Each rank fills its own part of a DTensor, without communication; a module that
    is sharded by ``fully_shard`` may be on the meta device too.

    Names are those in the bare module: what ``torch.compile``, activation checkpointing, DDP, DataParallel,
    FullyShardedDataParallel and PEFT put before a name is not part of it. The parameter behind a parametrization or a
    pruned weight has the name of the weight that is computed from it. A tied parameter is filled once, and refused if
    the rules for its names disagree.

    Frozen parameters, those without ``requires_grad``, keep their values unless a rule matches their names; on the meta
    device, where there are no values to keep, `otherwise` applies to them too. Rules with ``state=True`` fill buffers.
    Other buffers on the meta device are created where oneseed knows their values: running statistics, and what models
    of transformers compute from their configuration. The vectors of ``parametrizations.spectral_norm`` are computed
    for the new weight.

    Errors are raised before the first draw. Ctrl-C takes effect between two parameters.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    scheme : Scheme
        What each parameter gets, by its name in `named_parameters`, or by what `names` makes of that.
    seed : int
        The seed of all initializers that have none of their own, in ``[0, 2**64)``; the same on all ranks.
    names : mapping, callable or sequence of pairs, optional
        From the module's names, without what wrappers add, to logical ones; see `Scheme.plan`.
    device : str, int or torch.device, optional
        Where parameters on the meta device are made. None is PyTorch's default device, and for a DTensor that of its
        mesh.
    axes : mapping of str to str, optional
        Names of the axes of parameters, by their names, which come before those of `axes_of`.

    Returns
    -------
    torch.nn.Module
        `module` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If parameters are matched by no rule, an initializer refuses one, rules for a tied one disagree, one is to be
        kept though it is on the meta device, two that are not one object share memory, a norm that scales by
        ``1 + weight`` is to start with ones, a FullyShardedDataParallel holds pieces of them, or `device` is one on
        which no values can be made.

    Warns
    -----
    UserWarning
        If buffers are left on the meta device, by name: your code has to compute them. A scheme from `recorded_scheme`
        has their values.

    Examples
    --------
    >>> import oneseed
    >>> import oneseed_torch
    >>> import torch
    >>> with torch.device("meta"):
    ...     module = torch.nn.Linear(64, 128)
    >>> scheme = oneseed.Scheme([oneseed.Rule("bias", "zeros"), oneseed.Rule("weight", "he_normal")])
    >>> weight = oneseed_torch.initialize_(module, scheme, seed=7, device="cpu").weight
    >>> weight.device, oneseed.fingerprint(weight, axes="o i")
    (device(type='cpu'), '0d302d8d92dc1808')
    """
    where = TorchBackend().device(device)
    parameters, buffers = held(module), held_buffers(module)
    check_offloaded(module)
    for item in parameters:
        if not is_usual(item.tensor) or vars(item.tensor):
            shape_of(item.tensor)
    _check_pieces(module)
    if seeds.is_framework_seed(seed):
        check_seed(seed)
    draws = _plan(module, [*parameters, *buffers], scheme, names, axes).draws(seed)
    filled = {entry.name for entry, _ in draws}
    _check_kept([item for item in parameters if item.names[0] not in filled])
    norms = estimated(parameters, buffers, filled)
    made = {id(vector) for norm in norms for vector in vectors(norm)}
    empty = (item for item in buffers if item.tensor.is_meta and id(item.tensor) not in made)
    missing = [item for item in empty if item.names[0] not in filled]
    if missing:
        draws += _plan(module, missing, computed(module, missing), None, None).draws(seed)
    found = {item.names[0]: item for item in (*parameters, *buffers)}
    check_apart((entry, draw, found[entry.name].tensor) for entry, draw in draws)
    targets = {entry.name: _destination(found[entry.name].tensor, entry, draw, where) for entry, draw in draws}
    if waiting := [item.names[0] for item in missing if item.names[0] not in targets]:
        warnings.warn(
            "Buffers on the meta device are left alone, and have no values until they are computed: "
            f"{', '.join(waiting)}.",
            stacklevel=2,
        )
    known: Fillings = {}
    try:
        run(draws, lambda entry, draw: _fill(found[entry.name], targets[entry.name], draw, known))
        for norm in norms:
            estimate(norm)
    finally:
        if any(target is not None for target in targets.values()):
            _settle(module)
    return module


def plan_of(module: Module, scheme: Scheme, names: Names = None, axes: Mapping[str, str | None] | None = None) -> Plan:
    """Return what `initialize_` would do with a module, which may be on the meta device.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    scheme : Scheme
        What each parameter gets.
    names, axes : optional
        As in `initialize_`.

    Returns
    -------
    Plan
        A row for each parameter; `oneseed.checkpoint.write` writes their values as files.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If names do not fit one another, or an initializer refuses shape or dtype of a parameter.

    Examples
    --------
    >>> import oneseed
    >>> import oneseed_torch
    >>> import torch
    >>> with torch.device("meta"):
    ...     module = torch.nn.Linear(64, 128)
    >>> scheme = oneseed.Scheme([oneseed.Rule("bias", "zeros"), oneseed.Rule("weight", "he_normal")])
    >>> oneseed_torch.plan_of(module, scheme)["weight"].fan_in
    64
    """
    return _plan(module, [*held(module), *held_buffers(module)], scheme, names, axes)


def _plan(
    module: Module, found: list[Held], scheme: Scheme, names: Names, axes: Mapping[str, str | None] | None
) -> Plan:
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
    patterns = {**patterns_of(found, kinds(module)), **given}
    params = {}
    shapes: dict[Shape, Shape] = {}  # one tuple for all that are equal: fewer objects for Python to look after
    for item in found:
        tensor = item.tensor
        shape = () if type(tensor) not in PLAIN and nn.parameter.is_lazy(tensor) else tuple(tensor.shape)
        frozen = not item.state and not tensor.requires_grad and not tensor.is_meta
        params[item.names[0]] = Parameter(shapes.setdefault(shape, shape), tensor.dtype, None, item.state, frozen)
    plan = scheme.plan(
        params,
        names=logical,
        axes=patterns,
        tied={alias: item.names[0] for item in found if len(item.names) > 1 for alias in item.names[1:]},
    )
    check_norms(found, plan)
    return plan


def _check_pieces(module: Module) -> None:
    """Refuse what holds flat pieces of parameters, whose place in the whole is not to be seen."""
    home = sys.modules.get("torch.distributed.fsdp.fully_sharded_data_parallel")
    if home is None:
        return
    for path, _, layer in walk(module):
        if not isinstance(layer, home.FullyShardedDataParallel) or layer._handle is None:
            continue
        if layer._handle.uses_sharded_strategy and layer.training_state.name != "SUMMON_FULL_PARAMS":
            raise ValueError(
                "`module` must hold whole parameters: initialize it before it is wrapped, or within "
                "FullyShardedDataParallel.summon_full_params, or shard it by fully_shard, whose DTensors are filled. "
                f"Received: a FullyShardedDataParallel with flat pieces, at {path!r}"
            )


def _destination(parameter: Tensor, entry: Entry, draw: Draw, where: Any) -> Any:
    """Return the device to create a parameter on, None where its memory is there; refuse what cannot be filled."""
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


def _check_kept(kept: list[Held]) -> None:
    if empty := [item.names[0] for item in kept if item.tensor.is_meta]:
        raise ValueError(
            "The scheme must have an initializer for each parameter on the meta device, which has no values to keep. "
            f"Nothing was drawn. Received: KEEP for {', '.join(empty)}"
        )


Filling = Callable[[Tensor, Draw], object]
Fillings = dict[Any, Filling | None]
"""What writes a draw into contiguous memory on the CPU, by all of it but seed and path."""


def _fill(item: Held, device: Any, draw: Draw, known: Fillings) -> None:
    parameter = item.tensor
    if device is None:
        for tensor in (parameter, *item.copies):
            if not _filled(tensor, draw, known):
                write(draw, tensor, parts_to_write(tensor))
        return
    fresh = _empty(parameter, getattr(torch, draw.dtype), device)
    if not _filled(fresh, draw, known):
        write(draw, fresh, parts_to_write(fresh))
    if not parameter.is_meta:
        parameter.data = fresh
        for copy in item.copies:
            copy.data = fresh.clone()
        return
    fresh = fresh if item.state else _parameter(fresh, parameter)
    for place in item.places:
        setattr(place.holder, place.name, fresh)


def _filled(tensor: Tensor, draw: Draw, known: Fillings) -> bool:
    """Write a draw into memory on the CPU as one like it was written, if that is possible."""
    if not is_usual(tensor) or not tensor.is_cpu or tensor.is_neg() or tensor.is_conj():
        return False
    if 0 in draw.block or is_observed():
        return False
    # The plan holds the distributions, which like parameters share.
    key = id(draw.distribution), draw.shape, draw.dtype, draw.order
    if key not in known:
        known[key] = _filling(draw, tensor)
    fill = known[key]
    if fill is None or tensor.data_ptr() == 0:
        return False
    fill(tensor, draw)
    return True


def _filling(draw: Draw, like: Tensor) -> Filling | None:
    distribution = draw.distribution
    if isinstance(distribution, Fill):
        value = distribution.scalar(draw.dtype).item()
        return lambda tensor, _: (tensor.detach() if tensor.requires_grad else tensor).fill_(value)
    fill = host().filling(draw, byte_strides(like)) if type(draw.seed) is int else None
    if fill is None:
        return None

    def drawn(tensor: Tensor, draw: Draw) -> None:
        fill(tensor.data_ptr(), draw.seed, draw.stream)
        # Autograd did not see the write, and must refuse a backward pass that saved the old values.
        count_write((tensor,))

    return drawn


def _empty(like: Tensor, dtype: Any, device: Any) -> Tensor:
    """Return memory for a parameter, with its strides."""
    # Asked for a copy of a tensor on the meta device, PyTorch imports much that nothing here needs.
    if _is_plain(like) and like.is_contiguous():
        return fresh(tuple(like.shape), dtype, device)
    return torch.empty_like(like, dtype=dtype, device=device, requires_grad=False)


def _parameter(fresh: Tensor, like: Tensor) -> Tensor:
    """Return a tensor as a parameter of the same class and attributes as another."""
    if not _is_plain(like):
        return nn.Parameter(fresh, like.requires_grad)
    parameter = fresh.as_subclass(type(like)).requires_grad_(like.requires_grad)
    vars(parameter).update(vars(like))
    return parameter


def _is_plain(tensor: Tensor) -> bool:
    """Tell whether a tensor's values lie in memory of its own."""
    return type(tensor) in PLAIN or (not is_distributed(tensor) and not is_wrapper(tensor))


def _settle(module: Module) -> None:
    """Have those layers look at their parameters again that keep them elsewhere too."""
    for layer in module.modules():
        if isinstance(layer, nn.RNNBase) or hasattr(layer, "_get_fsdp_state"):
            layer._apply(lambda tensor: tensor, recurse=False)
