"""The few array operations that stream v1 needs beside Python's operators.

What a framework's arrays must do, so that `oneseed.stream.elements.draw_elements` runs on them:

- arrays of uint32 and uint64: ``+ - * & | ^ ~ << >>``, modulo ``2**32`` and ``2**64``; ``>>`` shifts zeros in,
- arrays of int32 and int64: ``+ - & | << >>``; ``>>`` shifts the sign in,
- arrays of float32 and float64: ``+ - *``, each rounded to nearest even.

Both operands are arrays of one dtype, or the left one is an array and the right one a number: a Python integer in
``[0, 2**63)`` beside integers of 64 bits, in ``[0, 2**32)`` beside unsigned ones of 32 bits, in ``[-2**31, 2**31)``
beside signed ones, always below the width of the dtype for a shift; a Python float, exact in the array's dtype, beside
floats. The result has the array's dtype. A framework whose arrays lack some of these wraps them in a class of its own.

Arrays have the shape of the indices that are asked for, or none where they are scalars of the framework that an adapter
has put in the place of numbers: those of a `Recipe`, a seed or a stream. No operation is asked for on a number.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oneseed.stream.philox import product64

Array = Any
"""An array of whichever framework is at work."""


class Arrays(Protocol):
    """What a framework has to offer for stream v1 to run on its arrays.

    Dtypes go by their names, as NumPy has them. Shapes are those of the arguments, unless a method says otherwise.
    """

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert the values of an array.

        It occurs between integers, where the lowest bits stay, from int32 and int64 to the float of the same width and
        back from float32 to int32, and from float32 and float64 to the dtype of the result. Conversions to floats round
        to nearest even; values fit the dtype but for unsigned ones made signed, or narrower.

        Parameters
        ----------
        x : array
            The values.
        dtype : str
            The dtype; it may be that of `x`.

        Returns
        -------
        array of `dtype`
            The values.
        """

    def bits(self, x: Array, dtype: str) -> Array:
        """Read the same bits as another dtype of the same width, without a change of memory or sign.

        Parameters
        ----------
        x : array of uint32, int32, float32, uint64, int64 or float64
            The values; the shape may be ``()``.
        dtype : str
            Another of the three dtypes of that width.

        Returns
        -------
        array of `dtype`
            The bits.
        """

    def columns(self, table: NDArray[Any], rows: Array) -> list[Array]:
        """Look up rows of a table.

        Parameters
        ----------
        table : ndarray of uint32 or uint64, shape (n, columns)
            One of the two tables of `oneseed.stream.quantile`, always the same object: what is made of it may be kept.
        rows : array of the dtype of `table`
            Numbers below n.

        Returns
        -------
        list of arrays of the dtype of `table`
            One of the shape of `rows` for each column.
        """

    def clamp(self, x: Array, low: Any, high: Any) -> Array:
        """Return ``max(low, min(x, high))``.

        Parameters
        ----------
        x : array of float32 or float64
            The values.
        low, high : float, or array without axes
            The bounds, exact in the dtype of `x`; `high` may be infinite.

        Returns
        -------
        array of the dtype of `x`
            The values.
        """

    def select(self, which: Array, choices: Sequence[Array]) -> Array:
        """Take each element from the choice that is named for it.

        Parameters
        ----------
        which : array of unsigned integers
            Numbers below 4, in lanes or in the dtype of the indices.
        choices : sequence of 4 arrays
            Words in lanes, of the shape of `which`.

        Returns
        -------
        array of the dtype of `choices`
            The words.
        """

    def lane(self, x: Array) -> Array:
        """Convert words, which are integers below ``2**32``, to the dtype in which they are multiplied.

        Parameters
        ----------
        x : array of uint32 or uint64
            The words.

        Returns
        -------
        array of uint64 with `Lanes64`, of uint32 with `Lanes32`
            The words, in what is called lanes here.
        """

    def high(self, a: Array, b: Any) -> Array:
        """Return the high word of a product of two words.

        Parameters
        ----------
        a : array in lanes
            Words.
        b : array in lanes, or int
            Words, or a number in ``[0, 2**32]``.

        Returns
        -------
        array in lanes
            The product, divided by ``2**32`` and rounded down.
        """

    def product(self, a: Array, b: Any) -> tuple[Array, Array]:
        """Return both words of a product of two words.

        Parameters
        ----------
        a : array in lanes
            Words.
        b : array in lanes, or int
            Words, or a number in ``[0, 2**32)``.

        Returns
        -------
        tuple of two arrays in lanes
            The high and the low word.
        """


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
        product = self.cast(a, "uint64") * (b if isinstance(b, int) else self.cast(b, "uint64"))
        return self.cast(product >> 32, "uint32"), self.cast(product, "uint32")


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
