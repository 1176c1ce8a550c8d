"""Like layers: where a model repeats a layer of torch.nn, one is planned, and the others get what it gets."""

from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import nn

from oneseed.draws import Draw
from oneseed.initializers.targets import repeats
from oneseed.models.entry import Entry
from oneseed.models.plan import Plan
from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed.stream.paths import as_path
from oneseed_torch.drawing.watched import PLAIN, is_observed
from oneseed_torch.models.tree import Layers, Module, Tensor, names_by_themselves

_FACTS = ("groups", "padding_idx")
"""Arguments of constructors that decide axes and values; see `oneseed_torch.models.kinds.Kind.fact`."""

_CHANGED = frozenset({"graph", "original_name", "_hf_hook"})
"""What layers have that PyTorch has traced, or another library has changed."""

_PARTS = ("_orig", "_v", "_g")
"""How the names of tensors end of which a weight is made."""

_read = attrgetter("__class__", "shape", "dtype", "requires_grad", "is_cpu", "layout", "is_nested")
_new = tuple.__new__
"""Makes named tuples, of which there may be thousands, in half the time that their classes take."""


class Follower(NamedTuple):
    """A layer that is like an earlier one."""

    path: str
    tensors: dict[str, Tensor]
    state: dict[str, Tensor]
    """Those of its tensors that are buffers."""
    first: str
    """The path of the earlier one."""


def parted(module: Module, every: Layers) -> tuple[Layers, list[Follower]]:
    """Return the layers without those that are like an earlier one, and these.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    every : list of tuple
        Its layers, as `walk` gives them.

    Returns
    -------
    firsts : list of tuple
        The layers that have to be planned: all of them, if any tensor is tied.
    followers : list of Follower
        The others: of the same class of torch.nn, with tensors of the same names, shapes and dtypes, all of which lie
        in memory of the CPU, each in the order of its indices.
    """
    firsts: Layers = []
    followers: list[Follower] = []
    known: dict[tuple[Any, ...], str] = {}
    found: list[Tensor] = []
    usual: dict[type, bool] = {}
    if is_observed() or not names_by_themselves(module, every):
        return every, followers
    for one in every:
        path, logical, layer = one
        cls, state = type(layer), layer._buffers
        tensors = {name: tensor for name, tensor in layer._parameters.items() if tensor is not None}
        if state:
            tensors |= {name: tensor for name, tensor in state.items() if tensor is not None}
        found += tensors.values()
        if cls not in usual:
            # The constant of a PReLU may be 0.0 or -0.0, which are equal.
            usual[cls] = cls.__module__.startswith("torch.nn.modules.") and cls is not nn.PReLU
        first, attributes = path, layer.__dict__
        if usual[cls] and tensors and logical is path and not layer._modules and attributes.keys().isdisjoint(_CHANGED):
            try:
                key = (cls, *map(attributes.get, _FACTS), *tensors, *map(_read, tensors.values()))
                first = known.setdefault(key, path)
            except (RuntimeError, TypeError):  # tensors without a shape; attributes that are not what they should be
                return every, []
        if first is path:
            firsts.append(one)
        else:
            followers.append(_new(Follower, (path, tensors, state, first)))
    if len(set(map(id, found))) < len(found) or not _are_usual(followers):
        return every, []
    return firsts, followers


def _are_usual(followers: list[Follower]) -> bool:
    """Tell whether kernels may write to all tensors of layers, and nothing but the layers has to do with them."""
    for tensors in {follower.first: follower.tensors for follower in followers}.values():
        for name, tensor in tensors.items():
            usual = type(tensor) in PLAIN and tensor.is_cpu and tensor.layout is torch.strided and not tensor.is_nested
            if not usual or tensor.is_complex() or name.endswith(_PARTS) or name.startswith("original"):
                return False
    every = list(chain.from_iterable([follower.tensors.values() for follower in followers]))
    return (
        all(map(torch.Tensor.is_contiguous, every))
        and all(map(torch.Tensor.data_ptr, every))
        and not any(map(torch.Tensor.is_neg, every))
        and not any(map(vars, every))
    )


def led(plan: Plan, followers: list[Follower], scheme: Scheme | None) -> list[tuple[str, Rule, str]] | None:
    """Find out what a scheme says of layers that are like earlier ones.

    Parameters
    ----------
    plan : Plan
        The plan of the earlier ones.
    followers : list of Follower
        The layers.
    scheme : Scheme, optional
        The scheme; None is one that goes by the layers themselves.

    Returns
    -------
    list of tuple, optional
        For each tensor, in their order: its name, its rule, and the name of that in the plan which gets the same. None
        if any gets something else, or what it gets depends on more than its name.
    """
    rows = {entry.name: entry for entry in plan}
    known: dict[str, list[tuple[Entry, Rule]]] = {}
    for follower in {one.first: one for one in followers}.values():
        own = [rows.get(f"{follower.first}.{name}") for name in follower.tensors]
        known[follower.first] = [(row, row.rule) for row in own if row and row.rule and _depends_on_its_name(row)]
        if len(known[follower.first]) < len(own):
            return None
    found = []
    for path, tensors, state, first in followers:
        for name, (row, rule) in zip(tensors, known[first], strict=True):
            whole, its = f"{path}.{name}", rule
            if scheme is not None:
                matched, also = scheme.match(whole, state=name in state)
                if matched is None or also or matched.initializer is not rule.initializer or matched.axes != rule.axes:
                    return None
                if matched.dtype is not None:
                    return None
                its = matched
            found.append((whole, its, row.name))
    return found


def _depends_on_its_name(row: Entry) -> bool:
    """Tell whether what a tensor gets depends on nothing but its name and what a like one shares with it."""
    alone = row.planned is not None and not row.also and row.rule is not None and row.rule.dtype is None
    return alone and repeats(row.initializer)


def followed(draws: list[tuple[Entry, Draw]], names: list[tuple[str, Rule, str]]) -> list[tuple[Entry, Draw]]:
    """Return rows and draws of tensors that are like earlier ones; `names` is what `led` returns."""
    known = {entry.name: (entry[3:7], entry[8:], draw[:4], draw[5:]) for entry, draw in draws}
    more = []
    for name, rule, first in names:
        head, tail, before, after = known[first]
        entry = _new(Entry, (name, name, (), *head, rule, *tail))
        more.append((entry, _new(Draw, (*before, as_path(name), *after))))
    return more
