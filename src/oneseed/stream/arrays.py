"""The few array operations that stream v1 needs beside Python's operators."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = Any
"""An array of whichever framework is at work; its unsigned integers know ``+ - * & | ^ ~ << >>``."""


class Arrays(Protocol):
    """What a framework has to offer for stream v1 to run on its arrays."""

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert values, rounding to nearest even where the new type is a narrower float."""

    def bits(self, x: Array, dtype: str) -> Array:
        """Read the same bits as another type of the same width."""

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up `rows` (an array of uint32 or uint64) in `table`; one array for each column."""

    def clamp(self, x: Array, low: Any, high: Any) -> Array:
        """``max(low, min(x, high))``, in the dtype of `x`; the bounds are scalars of the framework, or numbers."""

    def select(self, which: Array, choices: Sequence[Array]) -> Array:
        """Take each element from the choice that `which`, an array of uint64, names."""


class NumpyArrays:
    """`Arrays` for NumPy: the reference, and what the host engine runs."""

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert values."""
        from oneseed.dtypes import numpy_dtype

        return x.astype(numpy_dtype(dtype), copy=False)

    def bits(self, x: Array, dtype: str) -> Array:
        """Read the same bits as another type."""
        return x.view(dtype)

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up whole rows at once: one memory access an element instead of one a column."""
        # mode="clip" skips a pass of bounds checks; the rows come from 31 or 63 bit numbers and fit.
        found = table.take(rows.astype(np.intp), axis=0, mode="clip")
        return [found[..., j] for j in range(table.shape[1])]

    def clamp(self, x: Array, low: Any, high: Any) -> Array:
        """``max(low, min(x, high))``."""
        return np.maximum(np.minimum(x, high), low)

    def select(self, which: Array, choices: Sequence[Array]) -> Array:
        """Take each element from the choice that `which` names."""
        return np.choose(which.astype(np.intp), choices)
