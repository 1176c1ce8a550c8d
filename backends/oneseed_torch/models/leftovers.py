"""What a program that was to draw has left without values, wherever it keeps it."""

import gc
import math
from collections.abc import Collection, Iterator
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
        self._before = _collections()

    def tensors(self) -> list[Tensor]:
        """Return those that are still there."""
        # A collection since then has made what was there as old as all the rest.
        young = _collections() == self._before
        return [each for each in gc.get_objects(0 if young else None) if type(each) in _KINDS]


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def check_leftovers(made: Made, every: Layers, filled: Collection[int]) -> None:
    """Refuse values that would have been random ones, or were computed from such.

    Parameters
    ----------
    made : Made
        Knows the tensors that were made with a module.
    every : list of tuple
        The module's layers.
    filled : collection of int
        The identities of the tensors that have been filled.

    Raises
    ------
    ValueError
        If there are any.
    """
    found = [each for each in made.tensors() if id(each) not in filled and _has_nan(each)]
    lost = []
    if found:
        names: dict[int, str] = {}
        for path, _, layer in every:
            for own in (vars(layer), layer._parameters, layer._buffers):
                names.update({id(value): f"{path}.{name}" if path else name for name, value in own.items()})
        references = [(ref(each), names.get(id(each)), tuple(each.shape)) for each in found]
        found.clear()
        gc.collect()  # what only garbage holds is not kept
        kept = [(name, shape) for reference, name, shape in references if reference() is not None]
        lost = [repr(name) for name, _ in kept if name] or [f"a tensor of shape {shape} elsewhere" for _, shape in kept]
    lost += _numbers(every)
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


def _numbers(every: Layers) -> Iterator[str]:
    """Give the attributes of layers that are numbers, and none."""
    for path, _, layer in every:
        if not type(layer).__module__.startswith("torch.nn.modules."):
            for name, value in vars(layer).items():
                if type(value) is float and math.isnan(value):
                    yield repr(f"{path}.{name}" if path else name)
