"""What JAX's initializers draw, where oneseed's own classes do not say it already."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from oneseed import checks
from oneseed.checks import Shape
from oneseed.distributions import Complex, Distribution, TruncatedNormal
from oneseed.dtypes import INTEGERS
from oneseed.exact.windows import window
from oneseed.fans import Layout
from oneseed.initializers import RandomNormal, RandomUniform, VarianceScaling
from oneseed.initializers.calls import check_inexact
from oneseed.initializers.convolutions.orthogonal import DeltaKernel, DeltaOrthogonal
from oneseed.initializers.elementwise.truncation import ENOUGH
from oneseed.initializers.matrices.kernels import sides_of
from oneseed.initializers.targets import Target

AxisSpec = int | Sequence[int]

NO_SEED = 0
"""The seed of an initializer that draws with the key of each call."""

DISTRIBUTIONS = {"truncated_normal": "truncated_normal", "normal": "untruncated_normal", "uniform": "uniform"}
"""JAX's names, and Keras's, where "normal" is truncated."""


class FloatUniform(RandomUniform):
    """Uniform on ``[0, scale)``, and no integers, which JAX's `uniform` refuses."""

    def __init__(self, scale: float) -> None:
        super().__init__(0.0, scale, NO_SEED)

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        if target.dtype in INTEGERS:
            raise ValueError(f"`dtype` must be a float dtype; use jax.random.randint. Received: dtype={target.dtype!r}")
        return super().distribution_for(target)


class OneSided(RandomNormal):
    """Normal on ``mean = 0``, cut at one bound, in standard deviations; the other one, or both, are infinite."""

    def __init__(self, stddev: float, lower: float, upper: float) -> None:
        super().__init__(0.0, stddev, NO_SEED)
        if not lower < upper:
            raise ValueError(f"`lower` must be below `upper`. Received: lower={lower!r}, upper={upper!r}")
        self.bounds = lower, upper

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        whole = super().distribution_for(target)
        if self.stddev == 0 or self.bounds == (-math.inf, math.inf):
            return whole
        if isinstance(whole, Complex):
            return Complex(self._cut(whole.real, target), self._cut(whole.imag, target))
        return self._cut(whole, target)

    def _cut(self, normal: Any, target: Target) -> TruncatedNormal:
        wide = target.dtype in ("float64", "complex128")
        if window(*self.bounds, 64 if wide else 32)[1] < (1 if wide else ENOUGH):
            raise ValueError(
                f"`lower` and `upper` must have more than 2**{-64 if wide else -16} of the normal distribution between "
                f"them in {target.dtype}{'' if wide else '; give both bounds, or a wider dtype'}. "
                f"Received: lower={self.bounds[0]!r}, upper={self.bounds[1]!r}"
            )
        return TruncatedNormal(normal.mean, normal.stddev, *self.bounds)


class Scaling(VarianceScaling):
    """`variance_scaling` with JAX's fans: those of input, output and batch axes by number, of which none may be 0."""

    def __init__(
        self, scale: Any, mode: str, distribution: str, in_axis: AxisSpec, out_axis: AxisSpec, batch_axis: AxisSpec
    ) -> None:
        checks.at_least("scale", scale, 0)
        name = DISTRIBUTIONS[checks.one_of("distribution", distribution, tuple(DISTRIBUTIONS))]
        super().__init__(scale or 1.0, mode, name, NO_SEED)
        self.scale = scale  # 0 makes zeros, as in JAX
        self.axes_of = AxesOf(in_axis, out_axis, batch_axis)

    def fans_for(self, shape: Shape, layout: Layout | None) -> tuple[int, int]:
        """Return the fans of a tensor."""
        inputs, outputs, batch = self.axes_of.of(shape)
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


def column_axes(column_axis: int) -> Callable[[Shape], str]:
    """Return what names the axes of a shape for a matrix with columns along one of them: all others are rows."""
    column_axis = checks.index("column_axis", column_axis, -checks.MAX_RANK, checks.MAX_RANK)

    def axes(shape: Shape) -> str:
        column = checks.index("column_axis", column_axis, -len(shape), len(shape)) % len(shape)
        return " ".join(f"{'o' if axis == column else 's'}{axis}" for axis in range(len(shape)))

    return axes


def delta_axes(column_axis: int) -> Callable[[Shape], str]:
    """Return what names the axes of a kernel for a matrix, on the last two, with columns along one of these."""
    column_axis = checks.index("column_axis", column_axis, -checks.MAX_RANK, checks.MAX_RANK)

    def axes(shape: Shape) -> str:
        if len(shape) not in (3, 4, 5):
            raise ValueError(f"`shape` must have 3, 4 or 5 axes, the last two inputs and outputs. Received: {shape=}")
        if shape[-1] < shape[-2]:
            raise ValueError(f"`shape` must have at least as many outputs, last, as inputs. Received: {shape=}")
        matrix = "i o" if checks.index("column_axis", column_axis, -2, 2) % 2 else "o i"
        return " ".join([*(f"s{axis}" for axis in range(len(shape) - 2)), matrix])

    return axes


class Delta(DeltaOrthogonal):
    """`DeltaOrthogonal` in complex dtypes too, and with any number of what `delta_axes` calls outputs."""

    def distribution_for(self, target: Target) -> DeltaKernel:
        """Return the distribution for a tensor."""
        check_inexact(target.dtype)
        return DeltaKernel(sides_of(target), self.gain)
