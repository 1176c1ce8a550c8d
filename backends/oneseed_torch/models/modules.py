"""Whole modules, initialized in place by a scheme."""

import warnings
from typing import Any

from oneseed import seeds
from oneseed.models.collector import CollectorPaused
from oneseed.models.fill import run
from oneseed.models.names import Names
from oneseed.models.plan import Plan
from oneseed.models.scheme import Scheme, check_scheme
from oneseed_torch.adapter import TorchBackend
from oneseed_torch.drawing.filling import check_seed
from oneseed_torch.drawing.owners import check_offloaded
from oneseed_torch.models.alike import followed
from oneseed_torch.models.buffers import computed
from oneseed_torch.models.filling import destinations, filler, settle
from oneseed_torch.models.planning import Axes, plan_tensors, planned
from oneseed_torch.models.sharing import check_apart
from oneseed_torch.models.spectral import estimate, estimated, vectors
from oneseed_torch.models.tree import Held, Layers, Module, check_module, held, held_buffers, walk


def initialize_(
    module: Module,
    scheme: Scheme,
    *,
    seed: int,
    names: Names = None,
    device: Any = None,
    axes: Axes = None,
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
    check_scheme(scheme)
    fill(module, scheme, seed, names, device, axes)
    return module


def fill(
    module: Module, scheme: Scheme | None, seed: int, names: Names, device: Any, axes: Axes
) -> tuple[Layers, set[int]]:
    """Do what `initialize_` does, or by `default_scheme`; return the layers, and the ids of the tensors it filled."""
    with CollectorPaused():
        where = TorchBackend().device(device)
        check_module(module)
        every = walk(module)
        check_offloaded(every)
        if seeds.is_framework_seed(seed):
            check_seed(seed)
        parameters, buffers, addresses, plan, likes = planned(module, every, scheme, names, axes)
        draws = plan.draws(seed)
        filled = {entry.name for entry, _ in draws}
        _check_kept([item for item in parameters if item.names[0] not in filled])
        norms = estimated(every, (*parameters, *buffers), filled)
        made = {id(vector) for norm in norms for vector in vectors(norm)}
        empty = (item for item in buffers if item.tensor.is_meta and id(item.tensor) not in made)
        missing = [item for item in empty if item.names[0] not in filled]
        if missing:
            more = plan_tensors(every, missing, computed(module, missing), None, None).draws(seed)
            draws += more
        found = {item.names[0]: item for item in (*parameters, *buffers)}
        targets = destinations(found, draws, where, addresses)
        tensors = {name: item.tensor for name, item in found.items()}
        for name, _, _, _, tensor in likes:
            tensors[name], addresses[name] = tensor, tensor.data_ptr()
        draws += followed(draws, likes)
        check_apart(tensors, draws, addresses)
        if waiting := [item.names[0] for item in missing if item.names[0] not in targets]:
            warnings.warn(
                "Buffers on the meta device are left alone, and have no values until they are computed: "
                f"{', '.join(waiting)}.",
                stacklevel=seeds.level_of_caller(),
            )
        try:
            run(draws, filler(found, tensors, targets, addresses))
            for norm in norms:
                estimate(norm)
        finally:
            if targets:
                settle(every)
        # What was on the meta device is a new object now.
        return every, {id(tensors[entry.name]) for entry, _ in draws if entry.name not in targets}


def plan_of(module: Module, scheme: Scheme, names: Names = None, axes: Axes = None) -> Plan:
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
    check_module(module)
    every = walk(module)
    return plan_tensors(every, [*held(module, every), *held_buffers(module, every)], scheme, names, axes)


def _check_kept(kept: list[Held]) -> None:
    if empty := [item.names[0] for item in kept if item.tensor.is_meta]:
        raise ValueError(
            "The scheme must have an initializer for each parameter on the meta device, which has no values to keep. "
            f"Nothing was drawn. Received: KEEP for {', '.join(empty)}"
        )
