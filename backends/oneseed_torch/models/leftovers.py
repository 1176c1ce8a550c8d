"""What a program that was to draw has left without values, wherever it keeps it."""

import gc
from collections.abc import Collection, Iterable
from types import FunctionType, ModuleType
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch import nn

from oneseed_torch.models.tree import Layers, Tensor, joined

SHOWN = 5
"""As many tensors an error names at most."""

Left = Iterable[ReferenceType[Any]]
"""The tensors that have been left without values, and the layers whose weight and bias have been."""


class Made:
    """The tensors that are made from here on, while Python's garbage collector does not run of itself."""

    def __init__(self) -> None:
        self._collections = _collections()
        self._before = [(id(each), ref(each)) for each in _tensors(0)]

    def tensors(self, but: Collection[int]) -> list[Tensor]:
        """Return those that are still there, but for some, by their identities; other threads make tensors, too."""
        # A collection since then has made what was there as old as all the rest.
        known = {*but, *(key for key, reference in self._before if reference() is not None)}
        return _tensors(0 if _collections() == self._collections else None, known)


def _tensors(generation: int | None, but: Collection[int] = ()) -> list[Tensor]:
    objects = gc.get_objects(generation)
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, torch.Tensor)}
    return [each for each in objects if type(each) in kinds and id(each) not in but]


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def check_leftovers(made: Made, left: Left, every: Layers, filled: Collection[int]) -> None:
    """Refuse values that would have been random ones, or were computed from such.

    Parameters
    ----------
    made : Made
        Knows the tensors that were made with a module.
    left : iterable of weak reference
        What has been left without values.
    every : list of tuple
        The module's layers.
    filled : collection of int
        The identities of the tensors that have been filled.

    Raises
    ------
    ValueError
        If the module keeps any, gradients too, or any that was left is kept elsewhere.
    """
    lost = _named([each for each in made.tensors(but=filled) if _has_nan(each)], left, every)
    for path, _, layer in every:
        for name, tensor in layer._parameters.items():
            if tensor is not None and tensor.grad is not None and _has_nan(tensor.grad):
                lost.append(f"the gradient of {joined(path, name)!r}")
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        raise ValueError(
            "`build` must keep no NaN: the functions of torch.nn.init write it in place of values meanwhile, and what "
            "is computed from it is NaN too. Give rules for the tensors, or use initialize_(build(), ...), which keeps "
            f"what the constructors draw. Received: NaN in {', '.join(lost[:SHOWN])}{more}"
        )


def _has_nan(tensor: Tensor) -> bool:
    try:
        values = _stored(tensor)
        if values.is_meta or values.numel() == 0 or not (values.is_floating_point() or values.is_complex()):
            return False
        if values.is_cpu and values.untyped_storage().nbytes() == 0:  # freed
            return False
        # An element that stands for many is looked at once.
        values = values.detach()[tuple(slice(1) if step == 0 else slice(None) for step in values.stride())]
        # A sum needs no memory; what holds infinities is looked at again.
        return bool(values.sum().isnan()) and bool(values.isnan().any())
    except RuntimeError:  # what has no values: within transforms and modes, of layouts and dtypes that know no sums
        return False


def _stored(tensor: Tensor) -> Tensor:
    """Return the values that a tensor stores as a dense one."""
    if tensor.layout == torch.sparse_coo:
        return tensor._values()
    return tensor if tensor.layout == torch.strided else tensor.values()


def _named(empty: list[Tensor], left: Left, every: Layers) -> list[str]:
    """Return the names of tensors that a module reaches, or what is said of those that are kept elsewhere."""
    if not empty:
        return []
    names: dict[int, str] = {}
    for path, _, layer in every:
        for own in (vars(layer), layer._parameters, layer._buffers):
            names.update({id(value): repr(joined(path, name)) for name, value in own.items()})
    reached = _reached(every[0][2])
    if inside := [each for each in empty if id(each) in reached]:
        return [names.get(id(each), f"a tensor of shape {tuple(each.shape)} in the module") for each in inside]
    outside = [(id(each), ref(each), tuple(each.shape)) for each in empty]
    empty.clear()
    gc.collect()  # what only garbage holds is not kept
    known = _identities(left)
    return [
        f"a tensor of shape {shape} elsewhere"
        for key, reference, shape in outside
        if key in known and reference() is not None
    ]


def _identities(left: Left) -> set[int]:
    found = [each for reference in left if (each := reference()) is not None]
    layers = [each for each in found if isinstance(each, nn.Module)]
    return {id(each) for each in (*found, *(tensor for layer in layers for tensor in layer._parameters.values()))}


def _reached(start: object) -> set[int]:
    """Return the identities of all that an object leads to, but for classes, modules and what is global in them."""
    seen, found = {id(start)}, [start]
    while found:
        below: list[Any] = []
        for each in gc.get_referents(*found):
            if id(each) in seen or isinstance(each, type | ModuleType) or _is_global(each):
                continue
            seen.add(id(each))
            if isinstance(each, FunctionType):  # not its globals
                below += [each.__closure__, each.__defaults__, each.__kwdefaults__, each.__dict__]
            elif gc.is_tracked(each):
                below.append(each)
        found = below
    return seen


def _is_global(value: object) -> bool:
    return isinstance(value, dict) and "__builtins__" in value
