"""Like layers: where a model repeats a layer of torch.nn, one is planned, and the others get what it gets."""

from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import nn

from oneseed.draws import Draw
from oneseed.initializers.targets import repeats
from oneseed.models.entry import Entry
from oneseed.models.rule import Rule, patterns
from oneseed.models.scheme import Scheme
from oneseed_torch.drawing.watched import is_observed
from oneseed_torch.drawing.writing import is_usual
from oneseed_torch.models.tree import Layers, Module, Tensor, names_by_themselves

_FACTS = ("groups", "padding_idx")
"""Arguments of constructors that decide axes and values; see `oneseed_torch.models.kinds.Kind.fact`."""

_CHANGED = frozenset({"graph", "original_name", "_hf_hook"})
"""What layers have that PyTorch has traced, or another library has changed."""

_PARTS = ("_orig", "_v", "_g")
"""How the names of tensors end of which a weight is made."""

_read = attrgetter("__class__", "shape", "dtype", "requires_grad", "is_cpu")
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
    facts: dict[type, tuple[str, ...] | None] = {}
    if is_observed() or not names_by_themselves(module, every):
        return every, followers
    for one in every:
        path, logical, layer = one
        cls, state = type(layer), layer._buffers
        tensors = {name: tensor for name, tensor in layer._parameters.items() if tensor is not None}
        if state:
            tensors |= {name: tensor for name, tensor in state.items() if tensor is not None}
        found += tensors.values()
        first, attributes = path, layer.__dict__
        if cls not in facts:
            # The constant of a PReLU may be 0.0 or -0.0, which are equal.
            usual = cls.__module__.startswith("torch.nn.modules.") and cls not in (nn.Module, nn.PReLU)
            facts[cls] = tuple(name for name in _FACTS if name in attributes) if usual else None
        known_by = facts[cls]
        plain = tensors and logical is path and not layer._modules and path.isascii()
        if known_by is not None and plain and attributes.keys().isdisjoint(_CHANGED):
            try:
                key = (cls, *map(attributes.get, known_by), *tensors, *map(_read, tensors.values()))
                first = known.setdefault(key, path)
            except (RuntimeError, TypeError):  # lazy and nested tensors; attributes that are not what they should be
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
            if not is_usual(tensor) or not tensor.is_cpu or tensor.is_complex() or not name.isascii():
                return False
            if name.endswith(_PARTS) or name.startswith("original"):
                return False
    every = list(chain.from_iterable([follower.tensors.values() for follower in followers]))
    try:
        return (
            all(map(torch.Tensor.is_contiguous, every))
            and all(map(torch.Tensor.data_ptr, every))
            and not any(map(torch.Tensor.is_neg, every))
            and not any(map(vars, every))
        )
    except RuntimeError:  # sparse ones, and others without memory of their own
        return False


class Like(NamedTuple):
    """A tensor that gets what an earlier one gets, at its own name."""

    name: str
    rule: Rule | None
    also: tuple[Rule, ...]
    """The later rules that match its name."""
    first: str
    """The name of the earlier one."""
    tensor: Tensor


def led(followers: list[Follower], scheme: Scheme, by_layers: bool) -> list[Like] | None:
    """Find out whether a scheme says the same of layers that are like earlier ones.

    Parameters
    ----------
    followers : list of Follower
        The layers.
    scheme : Scheme
        The scheme.
    by_layers : bool
        Whether it goes by what the layers themselves are, and may have rules for the earlier ones alone.

    Returns
    -------
    list of Like, optional
        The tensors of the layers, in their order, but for state of which the scheme does not speak. None if any gets
        something else, or what it gets depends on more than its name.
    """
    firsts = {one.first: one for one in followers}
    said = {}
    for first, one in firsts.items():
        told = _said(one, scheme)
        if told is None:
            return None
        said[first] = told
    found = []
    for path, tensors, state, first in followers:
        for (name, tensor), (like, rule) in zip(tensors.items(), said[first], strict=True):
            whole = f"{path}.{name}"
            its, also = (rule, ()) if by_layers else scheme.match(whole, state=name in state)
            if its is not rule and not _say_the_same(its, rule):
                return None
            if its is not None or name not in state:
                found.append(_new(Like, (whole, its, also, like, tensor)))
    return found


def _said(follower: Follower, scheme: Scheme) -> list[tuple[str, Rule | None]] | None:
    """Return what a scheme says of the tensors of the layer that a like one follows; None if that is for it alone."""
    said = []
    for name, tensor in follower.tensors.items():
        whole, state = f"{follower.first}.{name}", name in follower.state
        rule, _ = scheme.match(whole, state=state)
        if rule is not None:
            alone = rule.dtype is not None or not repeats(rule.initializer)
        else:  # frozen parameters, and state, are kept
            alone = not state and not (tensor.requires_grad and repeats(scheme.otherwise))
        if alone:
            return None
        said.append((whole, rule))
    return said


def _say_the_same(one: Rule | None, other: Rule | None) -> bool:
    if one is None or other is None:
        return False
    return one.initializer is other.initializer and one.axes == other.axes and one.dtype is other.dtype is None


def followed(draws: list[tuple[Entry, Draw]], likes: list[Like]) -> list[tuple[Entry, Draw]]:
    """Return rows and draws of tensors that are like earlier ones, of which `draws` has the rows and draws."""
    known = {entry.name: (entry[3:7], entry[8:-1], draw[:4], draw[5:]) for entry, draw in draws}
    more = []
    for name, rule, also, first, _ in likes:
        head, tail, before, after = known[first]
        entry = _new(Entry, (name, name, (), *head, rule, *tail, patterns(also)))
        more.append((entry, _new(Draw, (*before, (name,), *after))))
    return more
