"""NumPy arrays as oneseed's tensors."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.distributions import Complex, Fill, Haar, Structured
from oneseed.draws import Distribution, Draw
from oneseed.dtypes import NUMERIC, numpy_dtype
from oneseed_numpy import engine, matrices
from oneseed_numpy.engine import SAMPLED, fill, fill_all
from oneseed_numpy.kernel import packed
from oneseed_numpy.pages import aligned, as_bits, ask_for_large_pages, full

Array = NDArray[Any]
INTEGER = int, type(None)

SMALL = 1 << 16
"""Bytes up to which an array in which nothing is random is kept, to be copied."""


class NumpyBackend:
    """Implements `oneseed.protocol.HostBackend`."""

    name = "numpy"

    @property
    def kernel(self) -> str | None:
        """The name of the compiled kernel that draws, or None without one."""
        return engine.kernels.kernel() if engine.kernels else None

    def device(self, device: Any) -> None:
        """Accept host memory, the only place there is."""
        if device is not None and not (isinstance(device, str) and device == "cpu"):
            raise ValueError(f"`device` must be None or 'cpu' on the numpy backend. Received: device={device!r}")

    def check_dtype(self, dtype: str) -> None:
        """Accept every dtype."""

    def draw(self, draw: Draw, device: Any = None) -> Array:
        """Execute a draw."""
        distribution = draw.distribution
        if isinstance(distribution, Fill):
            return _filling(distribution, draw)()
        if not isinstance(draw.seed, INTEGER):
            raise TypeError(f"`seed` must be an integer on the numpy backend. Received: seed={draw.seed!r}")
        if draw.native:
            from oneseed_numpy.native import native  # loads numpy.random, which nothing else here needs

            return native(draw)
        if isinstance(distribution, Structured):
            return distribution.checked_values(draw, self)
        out = np.empty(draw.block, numpy_dtype(draw.dtype))
        if isinstance(distribution, Complex):
            for part, place in zip(distribution.split(draw), (out.real, out.imag), strict=True):
                fill(part, place)
        else:
            fill(draw, out)
        return out

    def prepared(self, draw: Draw) -> Callable[[], Array] | None:
        """Return a function that fills, or draws with the kernels."""
        distribution = draw.distribution
        if isinstance(distribution, Fill):
            return _filling(distribution, draw)
        if isinstance(distribution, Haar):
            return matrices.prepared(draw)
        if isinstance(distribution, Structured):
            return self._constant(distribution, draw)
        return engine.prepared(draw) if isinstance(draw.distribution, SAMPLED) else None

    def _constant(self, distribution: Structured, draw: Draw) -> Callable[[], Array] | None:
        """Return a function that makes an array in which nothing is random; None where it would be of no use."""
        shape, kind = draw.block, numpy_dtype(draw.dtype)
        put = distribution.onto_zeros(draw)
        if put is not None:

            def make() -> Array:
                out = np.zeros(shape, kind)
                put(out)
                return out

            return make
        if distribution.random or math.prod(shape) * kind.itemsize > SMALL:
            return None
        return distribution.checked_values(draw, self).copy

    def filling(self, draw: Draw, strides: Shape) -> Callable[[int, int, int], None] | None:
        """Return a function that writes with the kernels."""
        if isinstance(draw.distribution, Haar):
            return matrices.filling(draw, strides)
        return engine.filling(draw, strides) if isinstance(draw.distribution, SAMPLED) else None

    def words(self, seed: int, stream: int, first: int, count: int) -> Array:
        """Return random words."""
        return engine.words(seed, stream, first, count)

    def packed(self, distribution: Distribution, dtype: str) -> bytes:
        """Return a distribution as the kernels read it."""
        return packed(distribution, dtype)

    def xla_function(self, make: Callable[[bytes, memoryview, memoryview], str | None]) -> Any | None:
        """Return the kernels' function for XLA."""
        return engine.xla_function(make)

    def fill(self, parts: Sequence[tuple[Draw, Array]]) -> None:
        """Execute draws that are sampled, each in an array."""
        fill_all(parts)

    def orthogonal(self, draw: Draw, out: Array, gain: float) -> None:
        """Write small orthogonal matrices."""
        matrices.write(draw, out, gain)

    def empty(self, shape: Shape, dtype: str) -> Array:
        """Return an aligned array, not yet written."""
        return aligned(shape, numpy_dtype(dtype))

    def full(self, shape: Shape, value: Any) -> Array:
        """Return an aligned array of one value."""
        return full(shape, value)

    def prepare(self, address: int, size: int) -> None:
        """Ask for large pages."""
        ask_for_large_pages(address, size)

    def from_numpy(self, array: Array, device: Any = None) -> Array:
        """Return the array itself."""
        return array

    def to_numpy(self, x: Array) -> Array:
        """Return the array itself."""
        return x

    def is_tensor(self, x: Any) -> bool:
        """Tell whether `x` is an array of numbers."""
        return isinstance(x, np.ndarray) and x.dtype.name in NUMERIC

    def dtype(self, x: Array) -> str:
        """Return the name of the dtype."""
        return x.dtype.name

    def shape(self, x: Array) -> Shape:
        """Return the shape."""
        return x.shape

    def cast(self, x: Array, dtype: str) -> Array:
        """Convert to another dtype."""
        return x.astype(numpy_dtype(dtype))

    def full_like(self, x: Array, value: int, dtype: str) -> Array:
        """Fill an array of the same shape."""
        return np.full(x.shape, value, numpy_dtype(dtype))

    def identity(self, x: Array) -> Array:
        """Return a copy."""
        return x.copy()

    def sizes(self, x: Array) -> Array:
        """Return the shape."""
        return np.array(x.shape, np.int32)

    def variable(self, array: Array, name: str | None = None) -> Array:
        """Return a copy: NumPy's variables are arrays, and have no names."""
        return array.copy()

    def assign(self, variable: Array, array: Array) -> None:
        """Copy the values in."""
        variable[...] = array

    def modes(self) -> dict[str, Callable[[Callable[[], Array]], Array]]:
        """Return the one way there is."""
        return {"eager": lambda make: make()}


def _filling(distribution: Fill, draw: Draw) -> Callable[[], Array]:
    """Return a function that makes an array of one value."""
    shape, value = draw.block, distribution.scalar(draw.dtype)
    if distribution.zero:
        return partial(np.zeros, shape, value.dtype)
    bits = as_bits(value)
    return partial(np.full, shape, value) if bits is value else lambda: np.full(shape, bits).view(value.dtype)
