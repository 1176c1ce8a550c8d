"""Fresh memory: aligned for frameworks, and from the system 2 MB at a time instead of 4 kB, in less time."""

import ctypes
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.dtypes import NOT_IN_NUMPY

SMALL_PAGE = 4096
WORTHWHILE = 1 << 22
"""Bytes from which on large pages are asked for, as NumPy does for its own arrays."""

MADV_HUGEPAGE = 14

ALIGNMENT = 64
"""Bytes to which XLA and TensorFlow align memory, for the widest vectors; such memory they take over uncopied."""


def aligned(shape: Shape, dtype: np.dtype[Any], create: Callable[..., NDArray[Any]] = np.empty) -> NDArray[Any]:
    """Return an array at a multiple of `ALIGNMENT`, in memory from `numpy.empty` or `numpy.zeros`."""
    size = math.prod(shape) * dtype.itemsize
    memory = create(size + ALIGNMENT, np.uint8)  # NumPy asks for large pages itself
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def full(shape: Shape, value: Any) -> NDArray[Any]:
    """Return an aligned array of one value, a NumPy scalar; of zeros, nobody has touched the pages."""
    if not any(value.tobytes()):
        return aligned(shape, value.dtype, np.zeros)
    out, bits = aligned(shape, value.dtype), as_bits(value)
    out.view(bits.dtype).fill(bits)
    return out


def as_bits(value: Any) -> Any:
    """Return a scalar as NumPy copies it soonest: of the dtypes that it does not have itself, as an integer."""
    return value.view(f"u{value.itemsize}") if value.dtype.name in NOT_IN_NUMPY else value


@cache
def _madvise() -> Any:
    """Return Linux's function, or None on other systems."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            function = ctypes.CDLL(None).madvise
            function.argtypes = ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int
            return function
    return None


def ask_for_large_pages(address: int, size: int) -> None:
    """Ask for large pages for memory that has not been written to yet; where there are none, nothing happens."""
    if size < WORTHWHILE or _madvise() is None:
        return
    start = -(-address // SMALL_PAGE) * SMALL_PAGE
    _madvise()(start, (address + size - start) // SMALL_PAGE * SMALL_PAGE, MADV_HUGEPAGE)
