"""Draws into host memory: by the compiled kernels, or without them by NumPy, which makes the same bits."""

import atexit
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape, shown
from oneseed.distributions import Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed.dtypes import NOT_IN_NUMPY, numpy_dtype
from oneseed_numpy import kernel, threads

Array = NDArray[Any]
SAMPLED = Normal, TruncatedNormal, Uniform, Integers

kernels: Any = kernel.load()
"""The module of the kernels; None where NumPy draws."""

THREADS = threads.available()
"""How many threads share a large draw."""

helpers: Any = threads.Helpers(kernels.help) if kernels else None


def fill(draw: Draw, out: Array) -> None:
    """Write the block of a random draw into an array.

    Parameters
    ----------
    draw : Draw
        The draw; its distribution is one that is sampled.
    out : ndarray
        An array of shape ``draw.block`` and of the draw's dtype, with any strides. All of it is written.
    """
    if kernels is None:
        _fill_with_numpy([(draw, out)])
    else:
        kernels.draw(*_arguments(draw, out), THREADS, helpers.ask)


def fill_all(parts: Sequence[tuple[Draw, Array]]) -> None:
    """Write the blocks of several draws into arrays, as `fill` does; threads done with one go on with the next.

    Parameters
    ----------
    parts : sequence of tuple
        Draws and arrays, as for `fill`.

    Raises
    ------
    TypeError
        If a draw is not one that is sampled, or an array is something else. Nothing is written then.
    ValueError
        If an array is of another shape or dtype or cannot be written to, or the generator is a framework's own. Nothing
        is written then.
    """
    for draw, out in parts:
        if not (isinstance(draw.distribution, SAMPLED) and isinstance(out, np.ndarray)):
            named = ", ".join(sorted(kind.__name__ for kind in SAMPLED))
            raise TypeError(
                f"`parts` must hold draws of {named}, each with an ndarray. Received: {draw.distribution!r} and "
                f"{shown(out)}"
            )
        if draw.native:
            raise ValueError("`rng` must be 'portable' for a draw into an array. Received: rng='native'")
        if out.shape != draw.block or out.dtype != numpy_dtype(draw.dtype) or not out.flags.writeable:
            how = "" if out.flags.writeable else ", which is read-only"
            raise ValueError(
                f"{draw.dtype} values of shape {draw.block} need a writable array of that shape and dtype. "
                f"Received: an array of shape {out.shape} and dtype {out.dtype}{how}"
            )
    if kernels is None:
        _fill_with_numpy(parts)
    else:
        kernels.draw_all(tuple(_arguments(draw, out) for draw, out in parts), THREADS, helpers.ask)


def prepared(draw: Draw) -> Callable[[], Array] | None:
    """Return a function that makes an array of a draw and does nothing else; None without kernels."""
    if kernels is None:
        return None
    empty, shape, kind = np.empty, draw.block, numpy_dtype(draw.dtype)
    steps, first, seed, stream, what = _address(draw)
    write = kernels.prepare(shape, None, steps, first, what, THREADS, helpers.ask)
    if draw.dtype in NOT_IN_NUMPY:
        integers = np.dtype(f"u{kind.itemsize}")

        def make() -> Array:
            out = empty(shape, integers)
            write(out, seed, stream)
            return out.view(kind)

    else:

        def make() -> Array:
            out = empty(shape, kind)
            write(out, seed, stream)
            return out

    return make


def _fill_with_numpy(parts: Sequence[tuple[Draw, Array]]) -> None:
    from oneseed_numpy import plain  # of no use beside kernels

    for draw, out in parts:
        plain.fill(draw, out)


def filling(draw: Draw, strides: Shape) -> Callable[[int, int, int], None] | None:
    """Return a function of address, seed and stream that writes a draw into memory; None without kernels."""
    if kernels is None:
        return None
    steps, first, _, _, what = _address(draw)
    write: Callable[[int, int, int], None] = kernels.prepare(
        draw.block, strides, steps, first, what, THREADS, helpers.ask
    )
    return write


def xla_function(make: Callable[[bytes, memoryview, memoryview], str | None]) -> Any | None:
    """Return, as a capsule, the function that programs compiled by XLA call to draw.

    Parameters
    ----------
    make : callable
        Writes what no kernel makes, see the kernels' `xla`. It is the same in a process. It is called until the process
        ends: those of `atexit` functions registered earlier run later, and have no call answered any more.

    Returns
    -------
    capsule or None
        The function; None where ``ONESEED_KERNEL`` asks for NumPy.

    Raises
    ------
    RuntimeError
        If the kernels were not built, or by an older version.
    """
    if kernel.asked() == kernel.WITHOUT:
        return None
    if not hasattr(kernels, "close_xla"):
        raise RuntimeError("the compiled kernels are missing; install oneseed again, with a C compiler")
    function = kernels.xla(THREADS, make)
    atexit.register(kernels.close_xla)
    if hasattr(os, "register_at_fork"):  # calls that are at work in the parent never end in a fork
        os.register_at_fork(after_in_child=partial(atexit.unregister, kernels.close_xla))
    return function


def words(seed: int, stream: int, first: int, count: int) -> Array:
    """Return random words of 64 bits of a stream, from one on."""
    if kernels is None:
        from oneseed_numpy import plain

        return plain.words64(seed, stream, first, count)
    out = np.ndarray(count, np.uint64)
    kernels.draw(out, None, None, (1,), first, seed, stream, kernel.WORDS, THREADS, helpers.ask)
    return out


def _arguments(draw: Draw, out: Array) -> tuple[Any, ...]:
    # NumPy passes on the memory of its own dtypes only.
    memory = out.view(f"u{out.itemsize}") if draw.dtype in NOT_IN_NUMPY else out
    return memory, None, None, *_address(draw)


def _address(draw: Draw) -> tuple[Any, ...]:
    """Return the steps of the index, the first one, seed and stream, and what to draw."""
    return draw.strides, draw.first, draw.seed or 0, draw.stream, kernel.packed(draw.distribution, draw.dtype)
