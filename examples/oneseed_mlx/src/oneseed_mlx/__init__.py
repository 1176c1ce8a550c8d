"""MLX arrays as oneseed's tensors."""

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
import numpy as np

from oneseed.distributions import Complex, Fill, Structured
from oneseed.distributions.recipes import recipe
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.host_arrays import host
from oneseed.stream.arrays import Lanes64
from oneseed.stream.elements import draw_elements

DTYPES = {str(kind).rpartition(".")[2]: kind for kind in vars(mx).values() if isinstance(kind, mx.Dtype)}
MASK = 0xFFFFFFFF


class MlxArrays(Lanes64):
    """`oneseed.stream.arrays.Arrays` for MLX, whose arrays know Python's operators."""

    def cast(self, x: mx.array, dtype: str) -> mx.array:
        return x.astype(DTYPES[dtype])

    def bits(self, x: mx.array, dtype: str) -> mx.array:
        return x.view(DTYPES[dtype])

    def columns(self, table: np.ndarray, rows: mx.array) -> list[mx.array]:
        return [mx.array(column)[rows] for column in table.T]

    def clamp(self, x: mx.array, low: float, high: float) -> mx.array:
        return mx.maximum(mx.minimum(x, high), low)

    def select(self, which: mx.array, choices: Sequence[mx.array]) -> mx.array:
        *others, chosen = choices
        for number, choice in enumerate(others):
            chosen = mx.where(which == number, choice, chosen)
        return chosen


class MlxBackend:
    """Implements `oneseed.protocol.Backend`."""

    name = "mlx"

    def device(self, device: Any) -> mx.Device:
        known = {"cpu": mx.cpu, "gpu": mx.gpu} if mx.is_available(mx.gpu) else {"cpu": mx.cpu}
        if device is not None and device not in [*known, *known.values()]:
            raise ValueError(f"`device` must be None or one of {', '.join(known)}. Received: device={device!r}")
        return mx.default_device() if device is None else known.get(device, device)

    def check_dtype(self, dtype: str) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"`dtype` must be one of MLX's: {', '.join(sorted(DTYPES))}. Received: dtype={dtype!r}")

    def draw(self, draw: Draw, device: Any = None) -> mx.array:
        if not isinstance(draw.seed, int | None):
            raise TypeError(f"`seed` must be an integer on the mlx backend. Received: seed={draw.seed!r}")
        if draw.native:
            raise ValueError("`rng` must be 'portable' on the mlx backend. Received: rng='native'")
        distribution = draw.distribution
        with mx.stream(self.device(device)):
            if isinstance(distribution, Fill):
                return mx.full(draw.block, distribution.scalar(draw.dtype).item(), DTYPES[draw.dtype])
            if isinstance(distribution, Structured):
                return self.from_numpy(distribution.checked_values(draw, host()), device)
            if isinstance(distribution, Complex):
                real, imag = (self.draw(part, device) for part in distribution.split(draw))
                return real + 1j * imag
            index = mx.full(draw.block, draw.first, mx.uint64)
            for axis, (size, stride) in enumerate(zip(draw.block, draw.strides, strict=True)):
                steps = mx.arange(size, dtype=mx.uint64) * stride
                index = index + steps.reshape(-1, *(1,) * (len(draw.block) - axis - 1))
            # As elements of an array: numbers would be constants, for each of which MLX compiles a program anew.
            halves = [half for number in (draw.seed, draw.stream) for half in (number & MASK, number >> 32)]
            low, high, *stream = mx.array(halves, mx.uint64)
            return draw_elements(recipe(distribution, draw.dtype), index, (low, high), tuple(stream), MlxArrays())

    def from_numpy(self, array: np.ndarray, device: Any = None) -> mx.array:
        with mx.stream(self.device(device)):  # of bfloat16, which NumPy has from elsewhere, MLX takes the bits
            if array.dtype.name == "bfloat16":
                return mx.array(array.view(np.uint16)).view(mx.bfloat16)
            return mx.array(array, dtype=DTYPES[array.dtype.name])

    def to_numpy(self, x: mx.array) -> np.ndarray:
        return np.array(x.view(mx.uint16)).view(numpy_dtype("bfloat16")) if x.dtype == mx.bfloat16 else np.array(x)

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, mx.array)

    def dtype(self, x: mx.array) -> str:
        return str(x.dtype).rpartition(".")[2]

    def shape(self, x: mx.array) -> tuple[int, ...]:
        return x.shape

    def cast(self, x: mx.array, dtype: str) -> mx.array:
        return x.astype(DTYPES[dtype])

    def full_like(self, x: mx.array, value: int, dtype: str) -> mx.array:
        return mx.full(x.shape, value, DTYPES[dtype])

    def identity(self, x: mx.array) -> mx.array:
        return mx.array(x)

    def sizes(self, x: mx.array) -> mx.array:
        return mx.array(x.shape, mx.int32)

    def variable(self, array: np.ndarray, name: str | None = None) -> mx.array:
        return self.from_numpy(array)

    def assign(self, variable: mx.array, array: np.ndarray) -> None:
        variable[...] = self.from_numpy(array)

    def modes(self) -> dict[str, Callable[[Callable[[], mx.array]], mx.array]]:
        return {"eager": lambda make: make(), "compile": lambda make: mx.compile(make)()}
