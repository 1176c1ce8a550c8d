"""Calls that are like an earlier one: what they draw is known, and the kernel writes it at once.

A small tensor is filled in less time than it takes to look at all arguments. What is kept is for tensors whose memory
a kernel may write by itself, in an eager call that nothing looks at; every other call takes the long way, which decides
and refuses.
"""

from collections.abc import Callable
from threading import local
from typing import Any

import torch
from torch.overrides import has_torch_function_variadic

from oneseed import seeds, settings
from oneseed.distributions import Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed.host_arrays import host
from oneseed_torch.drawing.watched import PLAIN, is_observed

Tensor = Any
Key = tuple[Any, ...]
Write = Callable[[int, int], None]

SIMPLE = frozenset({int, float, str, type(None)})
"""Types of arguments that mean the same where they are equal."""

KEPT = Normal, TruncatedNormal, Uniform
MOST = 4096
"""Kinds of calls that are kept."""

_writers: dict[Key, Write] = {}
_asked = local()


def key_of(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Key, Tensor, Any] | None:
    """Return what a call is known by, its tensor and its seed; None for one that takes the long way."""
    if not args or not is_plain(args[0]) or settings.in_force().rng != "portable":
        return None
    tensor, seed = args[0], kwargs.get("seed")
    for value in args[1:]:
        if type(value) not in SIMPLE:
            return None
    named = []
    for name, value in kwargs.items():
        if type(value) not in SIMPLE:
            return None
        if name != "seed":
            named.append((name, value))
    if seed is not None and not (type(seed) is int and 0 <= seed < 2**64):
        return None
    return (function, tensor.dtype, tensor.shape, args[1:], *named), tensor, seed


def is_plain(tensor: Any) -> bool:
    """Tell whether a kernel may write a tensor's memory by its address, and no one wants to know of it before."""
    return (
        type(tensor) in PLAIN
        and not tensor.__dict__  # with which libraries mark tensors
        and not has_torch_function_variadic(tensor)
        and not is_observed()
        and tensor.is_cpu
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.is_nested
        and not tensor.is_neg()
        and tensor.grad_fn is None
    )


def filled(key: Key, tensor: Tensor, seed: int | None) -> bool:
    """Fill a tensor, if it is known with what."""
    write = _writers.get(key)
    if write is None:
        return False
    address = tensor.data_ptr()
    if address == 0:
        return False
    write(address, seeds.unseeded() if seed is None else seed)
    if not tensor.is_inference():
        torch.autograd.graph.increment_version(tensor)
    return True


def ask(key: Key | None) -> None:
    """Ask for the next draw of this thread to be kept under a key; None asks for nothing any more."""
    _asked.key = key


def keep(draw: Draw) -> None:
    """Keep a draw, if it was asked for."""
    key = getattr(_asked, "key", None)
    if key is None or type(draw.distribution) not in KEPT or 0 in draw.shape:
        return
    write = host().writer(draw)
    if write is not None:
        if len(_writers) >= MOST:
            _writers.clear()
        _writers[key] = write
