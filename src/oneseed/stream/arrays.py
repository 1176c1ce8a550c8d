"""The few array operations that stream v1 needs beside Python's operators."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oneseed.stream.philox import product64

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
        """Take each element from the choice that `which`, an array of unsigned integers, names."""

    def lane(self, x: Array) -> Array:
        """Convert integers of 32 bits to those in which words are multiplied."""

    def high(self, a: Array, b: Any) -> Array:
        """Return the high 32 bits of the product of two words, in lanes; the second may be a number."""

    def product(self, a: Array, b: Any) -> tuple[Array, Array]:
        """Return the high and the low 32 bits of the product of two words, in lanes."""


class Lanes64:
    """Words of 32 bits in lanes of 64: products are exact, and vector units have a fast multiply for such lanes."""

    def lane(self: Arrays, x: Array) -> Array:
        """Widen."""
        return self.cast(x, "uint64")

    def high(self, a: Array, b: Any) -> Array:
        """Return the high word of a product."""
        return (a * b) >> 32

    def product(self, a: Array, b: Any) -> tuple[Array, Array]:
        """Return both words of a product."""
        return product64(a, b)


class Lanes32:
    """Words in lanes of their own size, for processors that multiply 32 bits by 32 to 64 in one instruction."""

    def lane(self: Arrays, x: Array) -> Array:
        """Narrow."""
        return self.cast(x, "uint32")

    def high(self: Arrays, a: Array, b: Any) -> Array:
        """Return the high word of a product."""
        return self.product(a, b)[0]

    def product(self: Arrays, a: Array, b: Any) -> tuple[Array, Array]:
        """Return both words of a product."""
        made = self.cast(a, "uint64") * (b if isinstance(b, int) else self.cast(b, "uint64"))
        return self.cast(made >> 32, "uint32"), self.cast(made, "uint32")


class NumpyArrays(Lanes64):
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
