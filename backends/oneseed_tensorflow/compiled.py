"""Draws compiled by XLA: stream v1, element by element, on whichever device TensorFlow runs the function."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.stream.arrays import Lanes64
from oneseed.stream.elements import draw_elements
from oneseed.stream.philox import MASK
from oneseed.stream.sample import Recipe

Tensor = Any

SIGN_BITS = {"float32": ("uint32", 1 << 31), "float64": ("uint64", 1 << 63)}
"""For each working dtype its integers, and the bit of the sign."""


class Operand:
    """A tensor with Python's operators, which tf.Tensor does not have for unsigned integers.

    Where integers of 32 and 64 bits meet, the narrow one is widened, as in NumPy; Python's numbers take the tensor's
    dtype.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def _apply(self, other: Any, apply: Callable[[Tensor, Tensor], Tensor], reflected: bool = False) -> "Operand":
        a = self.tensor
        if isinstance(other, Operand):
            b = other.tensor
            if a.dtype != b.dtype:
                a, b = tf.cast(a, tf.uint64), tf.cast(b, tf.uint64)
        else:
            b = tf.constant(np.array(other, a.dtype.as_numpy_dtype))
        return Operand(apply(b, a) if reflected else apply(a, b))

    def __add__(self, other: Any) -> "Operand":
        if not self.tensor.dtype.is_floating:
            return self._apply(other, tf.add)
        # In a caller's graph TensorFlow's optimizer reorders sums, to broadcast less. It lets differences alone, as
        # long as it sees no negation; XLA and LLVM make one addition of it.
        dtype = self.tensor.dtype
        integer, sign = SIGN_BITS[dtype.name]
        return self - Operand(tf.bitcast(tf.bitwise.bitwise_xor(tf.bitcast(other.tensor, integer), sign), dtype))

    def __sub__(self, other: Any) -> "Operand":
        return self._apply(other, tf.subtract)

    def __mul__(self, other: Any) -> "Operand":
        return self._apply(other, tf.multiply)

    def __and__(self, other: Any) -> "Operand":
        return self._apply(other, tf.bitwise.bitwise_and)

    def __or__(self, other: Any) -> "Operand":
        return self._apply(other, tf.bitwise.bitwise_or)

    def __xor__(self, other: Any) -> "Operand":
        return self._apply(other, tf.bitwise.bitwise_xor)

    def __lshift__(self, other: Any) -> "Operand":
        return self._apply(other, tf.bitwise.left_shift)

    def __rshift__(self, other: Any) -> "Operand":
        return self._apply(other, tf.bitwise.right_shift)

    def __invert__(self) -> "Operand":
        return Operand(tf.bitwise.invert(self.tensor))


class TensorflowArrays(Lanes64):
    """Implements `oneseed.stream.arrays.Arrays`."""

    def cast(self, x: Operand, dtype: str) -> Operand:
        """Convert values."""
        return Operand(tf.cast(x.tensor, dtype))

    def bits(self, x: Operand, dtype: str) -> Operand:
        """Read the same bits as another type."""
        return Operand(tf.bitcast(x.tensor, dtype))

    def columns(self, table: NDArray[Any], rows: Operand) -> list[Operand]:
        """Look up column by column: a compiler fuses the look-ups into its loop."""
        at = tf.cast(rows.tensor, tf.int32)
        return [Operand(tf.gather(tf.constant(column), at)) for column in np.ascontiguousarray(table.T)]

    def clamp(self, x: Operand, low: Operand | float, high: Operand | float) -> Operand:
        """``max(low, min(x, high))``."""
        least, most = (bound.tensor if isinstance(bound, Operand) else bound for bound in (low, high))
        return Operand(tf.maximum(tf.minimum(x.tensor, most), least))

    def select(self, which: Operand, choices: Sequence[Operand]) -> Operand:
        """Take each element from one of four choices."""
        odd, upper = (tf.equal((which & bit).tensor, bit) for bit in (1, 2))
        a, b, c, d = (choice.tensor for choice in choices)
        return Operand(tf.where(upper, tf.where(odd, d, c), tf.where(odd, b, a)))


class Kind(NamedTuple):
    """All of a draw that is compiled into a function; the rest are its arguments."""

    kind: str
    dtype: str
    working: str
    bits: int
    shifted: bool
    block: Shape
    strides: Shape


@lru_cache(maxsize=4096)
def program(kind: Kind) -> Any:
    """Return the function that makes all draws of a kind.

    Parameters
    ----------
    kind : Kind
        What it is compiled for.

    Returns
    -------
    tf.function
        It takes a seed, of uint64; stream, first index and the window's first integer and width, of uint64; and
        scale, offset, low and high, of the working dtype.
    """

    def make(seed: Tensor, words: Tensor, reals: Tensor) -> Tensor:
        stream, start, first, width = (Operand(word) for word in tf.unstack(words))
        scale, offset, low, high = (Operand(real) for real in tf.unstack(reals))
        arrays = TensorflowArrays()
        if kind.kind == "truncated_normal":
            first = arrays.cast(first, f"uint{kind.bits}")
        numbers: dict[str, Any] = {"scale": scale, "low": low, "high": high, "first": first, "width": width}
        if kind.shifted:
            numbers["offset"] = offset
        spec = Recipe(*kind[:4], **numbers)
        at = indices(kind.block, kind.strides, start)
        low, high = map(Operand, tf.unstack(tf.bitcast(seed, tf.uint32)))
        return draw_elements(spec, at, (low, high), (stream & MASK, stream >> 32), arrays).tensor

    return tf.function(make, autograph=False, jit_compile=True)


def indices(block: Shape, strides: Shape, start: Operand) -> Operand:
    """Return the index of each element of a block whose first one has the index `start`."""
    at = Operand(tf.broadcast_to(start.tensor, tf.constant(block, tf.int64)))
    for axis, (size, stride) in enumerate(zip(block, strides, strict=True)):
        steps = tf.cast(tf.range(size, dtype=tf.int64), tf.uint64)
        at += Operand(tf.reshape(steps, (-1, *(1,) * (len(block) - axis - 1)))) * stride
    return at


def elements(draw: Draw, seed: Tensor) -> Tensor:
    """Return the block of a random draw, from a compiled function that other draws of its kind share.

    Parameters
    ----------
    draw : Draw
        The draw; its distribution is one that is sampled.
    seed : tensor of uint64
        The seed, perhaps symbolic.

    Returns
    -------
    tf.Tensor
        The block, on the device in force.
    """
    spec = recipe(draw.distribution, draw.dtype)
    kind = Kind(*spec[:4], spec.offset is not None, draw.block, draw.strides)
    words = np.array([draw.stream, draw.first, spec.first, spec.width], np.uint64)
    numbers = (spec.scale, spec.offset, spec.low, spec.high)
    working = spec.working if spec.scale is not None else "float32"
    reals = np.array([0 if x is None else x for x in numbers], working)
    block = program(kind)(seed, tf.constant(words), tf.constant(reals))
    # In a graph of TensorFlow 1 the call counts as a part of XLA's control flow, in which no variable may begin.
    return block if tf.executing_eagerly() else tf.identity(block)
