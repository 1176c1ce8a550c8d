"""What JAX's initializers draw, where oneseed's own classes do not say it already."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import Shape
from oneseed.distributions import Distribution, Structured
from oneseed.draws import Draw
from oneseed.dtypes import INTEGERS, numpy_dtype
from oneseed.fans import Layout
from oneseed.initializers import Orthogonal, RandomUniform, VarianceScaling
from oneseed.initializers.base import RandomInitializer, Target

AxisSpec = int | Sequence[int]

NO_SEED = 0
"""The seed of an initializer that draws with the key of each call."""

DISTRIBUTIONS = {"truncated_normal": "truncated_normal", "normal": "untruncated_normal", "uniform": "uniform"}
"""JAX's names, and Keras's, where "normal" is truncated."""


class FloatUniform(RandomUniform):
    """Uniform on ``[0, scale)``, and no integers, which JAX's `uniform` refuses."""

    def __init__(self, scale: float) -> None:
        super().__init__(0.0, scale, NO_SEED)

    def _distribution(self, target: Target) -> Distribution:
        if target.dtype in INTEGERS:
            raise ValueError(f"`dtype` must be a float dtype; use jax.random.randint. Received: dtype={target.dtype!r}")
        return super()._distribution(target)


class Scaling(VarianceScaling):
    """`variance_scaling` with JAX's fans: those of input, output and batch axes by number, of which none may be 0."""

    def __init__(
        self, scale: Any, mode: str, distribution: str, in_axis: AxisSpec, out_axis: AxisSpec, batch_axis: AxisSpec
    ) -> None:
        if scale < 0:
            raise ValueError(f"`scale` must be 0 or more. Received: scale={scale!r}")
        law = DISTRIBUTIONS[checks.one_of("distribution", distribution, tuple(DISTRIBUTIONS))]
        super().__init__(scale or 1.0, mode, law, NO_SEED)
        self.scale = scale  # 0 makes zeros, as in JAX
        self.axes = AxesOf(in_axis, out_axis, batch_axis)

    def _fans(self, shape: Shape, layout: Layout | None) -> tuple[int, int]:
        inputs, outputs, batch = self.axes.of(shape)
        if 0 in shape:
            raise ValueError(f"`shape` must have no axis of size 0, which leaves no fan. Received: shape={shape}")

        def product(left_out: set[int]) -> int:
            return math.prod(size for axis, size in enumerate(shape) if axis not in left_out)

        return product(outputs | batch), product(inputs | batch)


class AxesOf:
    """Input, output and batch axes by number; all others are spatial."""

    def __init__(self, in_axis: AxisSpec, out_axis: AxisSpec, batch_axis: AxisSpec) -> None:
        given = {"in_axis": in_axis, "out_axis": out_axis, "batch_axis": batch_axis}
        self.given = {argument: _numbers(argument, axes) for argument, axes in given.items()}

    def of(self, shape: Shape) -> tuple[set[int], set[int], set[int]]:
        """Return the three sets of axes of a shape, counted from 0."""
        rank = len(shape)
        if self.given["in_axis"] == (-2,) and rank < 2:
            raise ValueError(
                f"`shape` must have at least 2 axes, or the initializer another `in_axis` than -2. "
                f"Received: shape={shape}"
            )
        sets = []
        for argument, axes in self.given.items():
            found = {checks.index(argument, axis, -rank, rank) % rank for axis in axes}
            if len(found) < len(axes):
                raise ValueError(f"`{argument}` must name each axis once. Received: {argument}={axes}, shape={shape}")
            sets.append(found)
        inputs, outputs, batch = sets
        if batch & (inputs | outputs):
            raise ValueError(
                "`batch_axis` must hold no axis of `in_axis` or `out_axis`. Received: "
                f"{', '.join(f'{argument}={axes}' for argument, axes in self.given.items())}, shape={shape}"
            )
        return inputs, outputs, batch

    def __call__(self, shape: Shape) -> str | None:
        """Name the axes of a shape; None where one is input and output at once, as in Flax's embeddings."""
        inputs, outputs, batch = self.of(shape)
        if inputs & outputs:
            return None
        letters = (
            "i" if k in inputs else "o" if k in outputs else "b" if k in batch else "s" for k in range(len(shape))
        )
        return " ".join(f"{letter}{axis}" for axis, letter in enumerate(letters))


def _numbers(argument: str, axes: AxisSpec) -> tuple[int, ...]:
    sequence = axes if isinstance(axes, list | tuple) else (axes,)
    return tuple(checks.index(argument, axis, -checks.MAX_RANK, checks.MAX_RANK) for axis in sequence)


def column_axes(column_axis: int, rank: int | None = None) -> Callable[[Shape], str]:
    """Return what names the axes of a shape, or of its last `rank`, for columns along one: all others are rows."""
    column_axis = checks.index("column_axis", column_axis, -checks.MAX_RANK, checks.MAX_RANK)

    def axes(shape: Shape) -> str:
        sizes = len(shape) if rank is None else rank
        column = checks.index("column_axis", column_axis, -sizes, sizes) % sizes
        return " ".join(f"{'o' if axis == column else 's'}{axis}" for axis in range(sizes))

    return axes


@dataclass(frozen=True, slots=True)
class CentredMatrix(Structured):
    """A matrix at the spatial centre of a kernel, zeros around it."""

    name: ClassVar[str] = "delta_orthogonal"

    matrix: Draw

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return self.matrix.distribution.numbers

    def values(self, draw: Draw) -> NDArray[Any]:
        """Make the matrix, if the block has the centre, and put it there."""
        out = np.zeros(draw.block, numpy_dtype(draw.dtype))
        *spatial, rows, columns = draw.slices
        at = [(size - 1) // 2 - cut.start for size, cut in zip(draw.shape, spatial, strict=False)]
        if all(0 <= here < size for here, size in zip(at, draw.block, strict=False)):
            law = self.matrix.distribution
            assert isinstance(law, Structured)
            out[tuple(at)] = law.values(self.matrix._replace(seed=draw.seed, path=draw.path))[rows, columns]
        return out


class DeltaOrthogonal(RandomInitializer):
    """A convolution kernel that applies one orthogonal matrix at its centre."""

    def __init__(self, scale: float, column_axis: int) -> None:
        super().__init__(NO_SEED)
        self.matrix = Orthogonal(scale, NO_SEED)
        self.matrix_axes = column_axes(column_axis, rank=2)

    def _distribution(self, target: Target) -> CentredMatrix:
        shape = target.shape
        if len(shape) not in (3, 4, 5):
            raise ValueError(f"`shape` must have 3, 4 or 5 axes, the last two inputs and outputs. Received: {shape=}")
        if shape[-1] < shape[-2]:
            raise ValueError(f"`shape` must have at least as many outputs, last, as inputs. Received: {shape=}")
        return CentredMatrix(self.matrix.describe(shape[-2:], target.dtype, self.matrix_axes(shape)))
