"""The vectors by which PyTorch estimates a spectral norm: they belong to a weight, and change with it."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import ParametrizationList

from oneseed_torch.drawing.shards import is_distributed
from oneseed_torch.models.tree import Held, Layers

STEPS = 15
"""Steps of the power method, as the constructor takes."""


def estimated(every: Layers, found: Iterable[Held], filled: Collection[str]) -> list[Any]:
    """Return the parametrizations whose weight is filled, and whose vectors nothing fills.

    Parameters
    ----------
    every : list of tuple
        The layers, as `walk` gives them.
    found : iterable of Held
        The module's parameters and buffers.
    filled : collection of str
        The names of what is filled.

    Returns
    -------
    list of ParametrizationList
        Each holds the weight, and a spectral norm as the first that is made of it.
    """
    holders = {id(layer): layer for _, _, layer in every if isinstance(layer, ParametrizationList)}
    norms = [holder for holder in holders.values() if isinstance(holder[0], _SpectralNorm)]
    if not norms:
        return []
    drawn = {id(one.tensor) for one in found if one.names[0] in filled}
    return [
        holder
        for holder in norms
        if id(holder.original) in drawn
        and not is_distributed(holder.original)
        and drawn.isdisjoint(map(id, vectors(holder)))
    ]


def vectors(holder: Any) -> Iterator[Any]:
    """Give the vectors of a spectral norm; one of a vector has none."""
    yield from holder[0]._buffers.values()


def estimate(holder: Any) -> None:
    """Compute the vectors for the weight as it is now, by the same steps on every machine."""
    norm = holder[0]
    if not norm._buffers:
        return
    with torch.no_grad():
        matrix = norm._reshape_weight_to_matrix(holder.original.detach())
        rows, columns = matrix.shape
        # A start that no weight is made for, where PyTorch takes a random one.
        start = torch.arange(1, columns + 1, dtype=torch.float64).cos()
        start = (start / start.norm()).to(matrix)
        if norm._u.is_meta:
            norm._u, norm._v = matrix.new_zeros(rows), start
        else:
            norm._v.copy_(start)
        norm._power_method(matrix, STEPS)
