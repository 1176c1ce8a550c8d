"""A draw as an operation of PyTorch's, for those programs that do not run at once.

``oneseed::draw_`` writes a draw into a tensor, ``oneseed::draw`` returns a new one. Both take the draw as text, JSON
with all that decides its values, so that a graph shows it and an exported program can be loaded by any process that
imports `oneseed_torch`.
"""

import json
from collections.abc import Callable
from dataclasses import astuple
from functools import lru_cache
from typing import Any

import torch

from oneseed.distributions import Complex, Distribution, Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw

Tensor = Any

SAMPLED = {kind.name: kind for kind in (Normal, TruncatedNormal, Uniform, Integers)}
"""The distributions that the operations know: those of which each element is drawn by itself."""


def text_of(draw: Draw) -> str:
    """Return a draw of one of the distributions in `SAMPLED`, or a complex one, as text."""
    given = {
        "distribution": _numbers(draw.distribution),
        "dtype": draw.dtype,
        "seed": int(draw.seed or 0),
        "path": list(draw.path),
        "shape": list(draw.shape),
        "order": list(draw.order),
        "offset": list(draw.offset),
        "block": list(draw.block),
    }
    return json.dumps(given)


@lru_cache(maxsize=256)
def draw_of(text: str) -> Draw:
    """Return the draw that `text_of` wrote down."""
    given = json.loads(text)
    shape, order, offset, block = (tuple(given[name]) for name in ("shape", "order", "offset", "block"))
    distribution = _distribution(given["distribution"])
    return Draw(distribution, shape, given["dtype"], given["seed"], tuple(given["path"]), order, 1, 1, offset, block)


def _numbers(distribution: Distribution) -> dict[str, Any]:
    if isinstance(distribution, Complex):
        return {"complex": [_numbers(distribution.real), _numbers(distribution.imag)]}
    assert isinstance(distribution, Normal | TruncatedNormal | Uniform | Integers)
    return {distribution.name: list(astuple(distribution))}


def _distribution(given: dict[str, Any]) -> Any:
    ((name, numbers),) = given.items()
    return Complex(*map(_distribution, numbers)) if name == "complex" else SAMPLED[name](*numbers)


def define(fill: Callable[[Draw, Tensor], Any]) -> torch.library.Library:
    """Define both operations.

    Neither needs what `torch.library.custom_op` would add for gradients, and which would take as long as loading all
    the rest of this backend.

    Parameters
    ----------
    fill : callable
        Writes a draw into a tensor with values, and tells autograd of the write.

    Returns
    -------
    torch.library.Library
        What the operations live as long as.
    """

    def draw_(out: Tensor, draw: str) -> None:
        fill(draw_of(draw), out)

    def empty(draw: str, device: str) -> Tensor:
        given = draw_of(draw)
        return torch.empty(given.block, dtype=getattr(torch, given.dtype), device=device)

    def draw(draw: str, device: str) -> Tensor:
        out = empty(draw, device)
        fill(draw_of(draw), out)
        return out

    def nothing(out: Tensor, draw: str) -> None:
        """Change nothing: a tensor without values has none to be written."""

    library = torch.library.Library("oneseed", "FRAGMENT")
    for schema in ("draw_(Tensor(a0!) out, str draw) -> ()", "draw(str draw, str device) -> Tensor"):
        library.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    library.impl("draw_", draw_, "CompositeExplicitAutograd")
    library.impl("draw", draw, "CompositeExplicitAutograd")
    library.impl("draw_", nothing, "Meta")
    _know_fake(library, "oneseed::draw", empty)
    return library


def _know_fake(library: torch.library.Library, name: str, function: Callable[..., Tensor]) -> None:
    """Tell PyTorch what an operation returns for fake tensors."""
    try:
        from torch._library.simple_registry import singleton

        singleton.find(name).fake_impl.register(function, __file__, library)
    except (ImportError, AttributeError, TypeError):  # the public way looks for its caller in the files of all modules
        torch.library.register_fake(name, function, lib=library)
