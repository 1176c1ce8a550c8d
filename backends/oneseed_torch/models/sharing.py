"""Parameters that are different objects and share memory: what is written into one would change another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from oneseed.distributions import Fill
from oneseed.draws import Draw
from oneseed.models.entry import Entry
from oneseed_torch.drawing.watched import PLAIN, is_observed

Tensor = Any


def check_apart(
    tensors: Mapping[str, Tensor], draws: Sequence[tuple[Entry, Draw]], addresses: Mapping[str, int]
) -> None:
    """Refuse to fill two parameters of which each would get some of the other's values.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors by name; one that is tied is in it once.
    draws : sequence of tuple
        What they get. Rules that were recorded from a model's own code are right by themselves, as are those that give
        one constant to two tensors.
    addresses : mapping of str to int
        Where tensors lie in the order of their indices, 0 where that is not known.

    Raises
    ------
    ValueError
        If there are such parameters, by name.
    """
    if _lie_apart(tensors, draws, addresses) or is_observed():  # observed: addresses cannot be read
        return
    filled = ((entry, draw, tensors[entry.name]) for entry, draw in draws)
    spans = [(*_span(tensor), *one) for one in filled if type(tensor := one[2]) in PLAIN and tensor.numel()]
    spans.sort(key=lambda span: span[:3])
    for at, (home, _, stop, entry, draw, tensor) in enumerate(spans):
        for home_, start_, _, entry_, draw_, tensor_ in spans[at + 1 :]:
            if home_ != home or start_ >= stop:
                break
            if _overlap(tensor, tensor_) and not _is_right(entry, draw, entry_, draw_):
                raise ValueError(
                    "`module` must have memory of its own for each parameter that is filled. Use one parameter for "
                    "both, such as head.weight = embedding.weight, which is tied and filled once; or leave one of them "
                    f"out by a rule with KEEP. Nothing was drawn. Received: {entry.name!r} and {entry_.name!r}, which "
                    "share memory"
                )


def _lie_apart(
    tensors: Mapping[str, Tensor], draws: Sequence[tuple[Entry, Draw]], addresses: Mapping[str, int]
) -> bool:
    """Tell at once of the usual model, whose parameters have values and lie one after the other in some order."""
    stop = 1
    for start, name in sorted([(addresses.get(entry.name, 0), entry.name) for entry, _ in draws]):
        if start < stop:
            return False
        stop = start + tensors[name].nbytes
    return True


def _span(tensor: Tensor) -> tuple[int, int, int]:
    """Return what memory a tensor lies in, and the addresses of its first byte and of the one after its last."""
    if tensor.is_meta:
        home, start = tensor.untyped_storage()._cdata, tensor.storage_offset() * tensor.element_size()
    else:
        home, start = tensor.get_device(), tensor.data_ptr()
    if tensor.is_contiguous():
        return home, start, start + tensor.numel() * tensor.element_size()
    reach = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return home, start, start + (reach + 1) * tensor.element_size()


def _is_right(one: Entry, draw: Draw, other: Entry, draw_: Draw) -> bool:
    """Tell whether two draws may go to the same memory."""
    if one.source is not None and other.source is not None:
        return True
    first, second = draw.distribution, draw_.distribution
    return isinstance(first, Fill) and isinstance(second, Fill) and first == second and draw.dtype == draw_.dtype


def _overlap(one: Tensor, other: Tensor) -> bool:
    """Tell whether tensors, of which the bytes lie among each other, have some in common."""
    if one.is_contiguous() and other.is_contiguous():
        return True
    try:
        return bool(np.shares_memory(_Bytes(one), _Bytes(other), max_work=_WORK))
    except np.exceptions.TooHardError:
        return True


_WORK: Any = 100_000
"""How hard NumPy tries, of whose bounds its types know two."""

_FIRST = 64
"""Added to each address, of which NumPy wants none to be 0."""


class _Bytes:
    """Where the elements of a tensor lie, for NumPy, which does not look at what they are."""

    def __init__(self, tensor: Tensor) -> None:
        size = tensor.element_size()
        place = tensor.storage_offset() * size if tensor.is_meta else tensor.data_ptr()
        self.__array_interface__ = {
            "version": 3,
            "shape": tuple(tensor.shape),
            "typestr": f"|V{size}",
            "data": (_FIRST + place, True),
            "strides": tuple(step * size for step in tensor.stride()),
        }
