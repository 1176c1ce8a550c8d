"""What a program that was to draw has left without values, wherever it keeps it."""

import gc
import math
from collections.abc import Collection, Iterator
from types import FunctionType, ModuleType
from typing import Any
from weakref import ref

import torch

from oneseed_torch.drawing.watched import PLAIN, is_freed
from oneseed_torch.models.tree import Layers, Tensor

SHOWN = 5
"""As many tensors an error names at most."""

_KINDS = frozenset(PLAIN)


class Made:
    """The tensors that are made from here on, while Python's garbage collector does not run of itself."""

    def __init__(self) -> None:
        self._collections = _collections()
        self._before = _tensors(0)

    def tensors(self, but: Collection[int]) -> list[Tensor]:
        """Return those that are still there, but for some, by their identities; other threads make tensors, too."""
        # A collection since then has made what was there as old as all the rest.
        known = {*but, *map(id, self._before)}
        return _tensors(0 if _collections() == self._collections else None, known)


def _tensors(generation: int | None, but: Collection[int] = ()) -> list[Tensor]:
    return [each for each in gc.get_objects(generation) if type(each) in _KINDS and id(each) not in but]


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def check_leftovers(made: Made, left: Collection[int], every: Layers, filled: Collection[int]) -> None:
    """Refuse values that would have been random ones, or were computed from such.

    Parameters
    ----------
    made : Made
        Knows the tensors that were made with a module.
    left : collection of int
        The identities of those that have been left without values.
    every : list of tuple
        The module's layers.
    filled : collection of int
        The identities of the tensors that have been filled.

    Raises
    ------
    ValueError
        If the module keeps any, or any that was left is kept elsewhere.
    """
    empty = [each for each in made.tensors(but=filled) if _has_nan(each)]
    lost = [*_named(empty, left, every), *_numbers(every)]
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        raise ValueError(
            "`build` must keep nothing that it draws by torch.nn.init, or computes from that, but what the scheme "
            "fills: these draws are left out. Give rules for the tensors, or use initialize_(build(), ...), which "
            f"keeps the values of the constructors. Received: NaN in {', '.join(lost[:SHOWN])}{more}"
        )


def _has_nan(tensor: Tensor) -> bool:
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_meta or is_freed(tensor):
        return False
    return bool((tensor.is_floating_point() or tensor.is_complex()) and torch.isnan(tensor).any())


def _named(empty: list[Tensor], left: Collection[int], every: Layers) -> list[str]:
    """Return the names of tensors that a module reaches, or else what is said of those that are kept elsewhere."""
    if not empty:
        return []
    names: dict[int, str] = {}
    for path, _, layer in every:
        for own in (vars(layer), layer._parameters, layer._buffers):
            names.update({id(value): repr(f"{path}.{name}" if path else name) for name, value in own.items()})
    reached = _reached(every[0][2])
    if inside := [each for each in empty if id(each) in reached]:
        return [names[id(each)] for each in inside if id(each) in names] or [*map(_elsewhere, inside)]
    outside = [(ref(each), _elsewhere(each)) for each in empty if id(each) in left]
    empty.clear()
    gc.collect()  # what only garbage holds is not kept
    return [said for reference, said in outside if reference() is not None]


def _elsewhere(tensor: Tensor) -> str:
    return f"a tensor of shape {tuple(tensor.shape)} elsewhere"


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


def _numbers(every: Layers) -> Iterator[str]:
    """Give the attributes of layers that are numbers, and none."""
    foreign = {
        cls for cls in {type(layer) for _, _, layer in every} if not cls.__module__.startswith("torch.nn.modules.")
    }
    for path, _, layer in every:
        if type(layer) in foreign:
            for name, value in vars(layer).items():
                if type(value) is float and math.isnan(value):
                    yield repr(f"{path}.{name}" if path else name)
