"""Norms that scale by ``1 + weight``, whose neutral weight is 0 where that of others is 1."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch

from oneseed.checks import Shape
from oneseed.initializers import Ones
from oneseed.models.plan import Plan
from oneseed_torch.models.tree import Held, Module


def check_norms(found: Iterable[Held], plan: Plan) -> None:
    """Refuse a rule that starts norms of this kind with ones, which doubles all that goes through them.

    Parameters
    ----------
    found : iterable of Held
        The parameters.
    plan : Plan
        What each gets. Rules that were recorded from a model's own code are right by themselves.

    Raises
    ------
    ValueError
        If there is such a rule, with the names and what to do.
    """
    ones = [entry.name for entry in plan if type(entry.initializer) is Ones and entry.source is None]
    layers = {one.names[0]: one.places[0].layer for one in found if not one.state} if ones else {}
    if doubled := [name for name in ones if _from_zero(layers.get(name))]:
        names = ", ".join(doubled[:5]) + (f" and {len(doubled) - 5} more" if len(doubled) > 5 else "")
        raise ValueError(
            "Norms that scale by 1 + weight must start with zeros, since ones would double what they give: ready "
            "schemes have norms_from_zero=True for them. If ones are meant, write Constant(1.0). Nothing was drawn. "
            f"Received: a rule with ones for {names}"
        )


def _from_zero(layer: Module | None) -> bool:
    """Tell whether a layer is a norm that scales by ``1 + weight``."""
    cls = type(layer)
    if layer is None or "norm" not in cls.__name__.lower() or cls.__module__.startswith("torch."):
        return False
    parameters = {name: tensor for name, tensor in layer._parameters.items() if tensor is not None}
    if "weight" not in parameters or any(tensor.ndim != 1 for tensor in parameters.values()):
        return False
    if cls not in _KNOWN:
        _KNOWN[cls] = _passes_at_zero(layer, {name: tuple(tensor.shape) for name, tensor in parameters.items()})
    return _KNOWN[cls]


_KNOWN: WeakKeyDictionary[type, bool] = WeakKeyDictionary()
"""What was found of each class, of whose layers one is tried."""


def _passes_at_zero(layer: Module, shapes: Mapping[str, Shape]) -> bool:
    """Run the forward of a copy whose parameters are zeros: what scales by the weight alone gives zeros."""
    probe: Any = copy.copy(layer)
    vars(probe)["_parameters"] = {name: torch.zeros(shape) for name, shape in shapes.items()}
    x = torch.linspace(-1, 1, *shapes["weight"])[None]
    try:
        with torch.no_grad():
            out = type(layer).forward(probe, x)
            return out.shape == x.shape and bool((out * x).sum() > 0)
    except Exception:  # a forward of another kind, which says nothing
        return False
