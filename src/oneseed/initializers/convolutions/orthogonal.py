"""Convolution kernels and scaled matrices made of orthogonal ones."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import Shape
from oneseed.distributions.fields import words64
from oneseed.distributions.orthogonal import write_matrices
from oneseed.draws import Draw, Host
from oneseed.dtypes import check_scalar, overflows, wide_dtype
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Block, Kernel, Matrix, RandomKernel, Sides, WholeKernel, check_spatial
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None


def haar(host: Host, draw: Draw, at: int, rows: int, columns: int, *names: str, gain: float = 1.0) -> Any:
    """Return matrix number `at` of a field of matrices with orthonormal columns, or rows if those are fewer."""
    matrix = np.empty((1, rows, columns), wide_dtype(draw.dtype))
    write_matrices(host, draw, matrix, gain, at, *names)
    return matrix[0]


class Gained(Kernel):
    """Kernels times a gain, which no element exceeds."""

    __slots__ = ()

    gain: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"gain": self.gain, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the gain."""
        check_scalar(self.gain, dtype, "gain")


@dataclass(frozen=True, eq=False, slots=True)
class DeltaKernel(Gained):
    """Matrices with orthonormal rows at the middle tap, zeros elsewhere."""

    name: ClassVar[str] = "delta_orthogonal"

    sides: Sides
    gain: float

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make the block; a matrix is made where it takes part."""
        out = np.zeros(block.shape, wide_dtype(draw.dtype))
        middle = block.at_tap(out, tuple((size - 1) // 2 for size in self.sides.spatial))
        if middle is not None:
            for matrix, at in zip(middle, block.batch.tolist(), strict=True):
                whole = haar(host, draw, at, self.sides.fan_in, self.sides.fan_out, gain=self.gain)
                matrix[...] = whole[np.ix_(block.inputs, block.outputs)]
        return out


@dataclass(frozen=True, eq=False, slots=True)
class IsometricKernel(Gained, WholeKernel):
    """Kernels of convolutions that keep the norm."""

    name: ClassVar[str] = "convolution_orthogonal"

    sides: Sides
    gain: float

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Multiply an orthogonal matrix by convolutions of two taps, one after the other along each axis."""
        sides = self.sides
        inputs, outputs, rank = sides.fan_in, sides.fan_out, len(sides.spatial)
        kernel: Matrix = haar(host, draw, at, inputs, outputs, gain=self.gain).reshape((1,) * rank + (inputs, outputs))
        steps = (sides.spatial[0] - 1) * rank
        for step in range(steps):
            kernel = longer(kernel, projection(host, draw, at * steps + step, outputs), step % rank)
        return kernel


def projection(host: Host, draw: Draw, at: int, size: int) -> Matrix:
    """Return a symmetric projection: on the span of a random half of the columns of an orthogonal matrix."""
    kept = words64(host, draw, at * size, size, "mask") >> np.uint64(63) == 1
    basis: Matrix = haar(host, draw, at, size, size, "projection")[:, kept]
    return basis @ basis.T


def longer(kernel: Matrix, onto: Matrix, axis: int) -> Matrix:
    """Convolve with the two taps P and I - P along a spatial axis."""
    matrix = np.zeros([size + (k == axis) for k, size in enumerate(kernel.shape)])
    first, second = ((slice(None),) * axis + (cut,) for cut in (slice(-1), slice(1, None)))
    part = kernel @ onto
    matrix[first] += part
    matrix[second] += kernel - part
    return matrix


@dataclass(frozen=True, eq=False, slots=True)
class ScaledHaar(WholeKernel):
    """Orthogonal matrices, scaled to a sample variance."""

    name: ClassVar[str] = "glorot_orthogonal"

    sides: Sides
    stddev: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"stddev": self.stddev, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the standard deviation."""
        if overflows(self.stddev, dtype):
            raise ValueError(
                f"`scale` is too large: values can be beyond the largest {dtype}. "
                f"Received: sqrt(scale / (fan_in + fan_out))={self.stddev!r}"
            )

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Make a matrix of taps and inputs by outputs."""
        sides = self.sides
        matrix = haar(host, draw, at, sides.taps * sides.fan_in, sides.fan_out)
        scaled: Matrix = matrix * (self.stddev / matrix.std(ddof=1))
        return scaled.reshape(*sides.spatial, sides.fan_in, sides.fan_out)


class _Gained(RandomKernel):
    """A random kernel with a gain."""

    def __init__(self, gain: Any = 1.0, seed: Seed = None) -> None:
        self.gain = checks.scalar("gain", gain)
        super().__init__(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "gain": self.gain}


def _check_wide(sides: Sides, shape: Shape) -> None:
    if sides.fan_in > sides.fan_out:
        raise ValueError(
            f"`shape` must have at least as many outputs as inputs; it has {sides.fan_in} inputs and {sides.fan_out} "
            f"outputs, and no isometry has fewer outputs. Received: shape={shape}"
        )


@known(
    "delta_orthogonal",
    group="Kernels of convolutions",
    formula="an orthogonal matrix at the middle tap, else 0",
    use="Very deep convolutional networks without normalization.",
    example="DeltaOrthogonal(seed=7)",
    shape=(3, 3, 16, 16),
)
class DeltaOrthogonal(_Gained):
    """Make the kernel of a convolution that keeps the norm: an orthogonal matrix at the middle tap, zeros elsewhere.

    The matrix H of inputs by outputs has orthonormal rows, ``H H' = gain**2 I``, is uniformly distributed, and is the
    one that `Orthogonal` makes with the same seed and path. It lies at tap ``(size - 1) // 2`` of each spatial axis.
    The shape is (spatial..., inputs, outputs), as in Keras, or what `axes` says; each element of the batch axes is such
    a kernel. It is computed in float64 and rounded, and has the bits of `Orthogonal`. A block is cut out of the
    matrices that it takes part in.

    Parameters
    ----------
    gain : float or scalar tensor
        The factor by which the convolution changes the norm.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `gain` is not a real number, or `seed` of another type.
    ValueError
        If `gain` is NaN, infinite or not a scalar, or `seed` is out of range. At the call, if there are no spatial
        axes or fewer outputs than inputs, or the dtype is not a float.

    References
    ----------
    Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington, "Dynamical isometry and a mean field theory of CNNs: how
    to train 10,000-layer vanilla convolutional neural networks", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.DeltaOrthogonal(seed=7)((3, 3, 2, 4), dtype="float64")
    >>> bool(np.allclose(w[1, 1] @ w[1, 1].T, np.eye(2))), int((w != 0).sum())
    (True, 8)
    """

    def _distribution_of(self, target: Target, sides: Sides) -> DeltaKernel:
        check_spatial(sides, target.shape, range(1, checks.MAX_RANK), "a convolution")
        _check_wide(sides, target.shape)
        return DeltaKernel(sides, self.gain)


@known(
    "convolution_orthogonal",
    group="Kernels of convolutions",
    formula="`H * (P, I - P) * ...`, a convolution that keeps the norm",
    use="As DeltaOrthogonal, with weight at all taps.",
    example="ConvolutionOrthogonal(seed=7)",
    shape=(3, 3, 16, 16),
)
class ConvolutionOrthogonal(_Gained):
    """Make the kernel of a convolution that keeps the norm, with weight at all taps.

    An orthogonal matrix H of inputs by outputs is convolved, size - 1 times along each of 1, 2 or 3 spatial axes, with
    the two taps (P, I - P), each time with a new symmetric projection ``P = P' = P P``: on the span of those columns of
    a random orthogonal matrix for which a fair coin, tossed for each, falls so. Under circular padding the norm of the
    output is `gain` times that of the input. With kernels of one tap it is `Orthogonal`.

    The shape is (spatial..., inputs, outputs), as in Keras, or what `axes` says; each element of the batch axes is
    such a kernel. It is computed in float64 and rounded; the last bit may differ between machines, with their
    linear algebra. A block is cut out of the whole kernels that it takes part in.

    Parameters
    ----------
    gain : float or scalar tensor
        The factor by which the convolution changes the norm.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `gain` is not a real number, or `seed` of another type.
    ValueError
        If `gain` is NaN, infinite or not a scalar, or `seed` is out of range. At the call, if there are not 1, 2 or 3
        spatial axes, of one size, or fewer outputs than inputs, or the dtype is not a float.

    References
    ----------
    Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington, "Dynamical isometry and a mean field theory of CNNs: how
    to train 10,000-layer vanilla convolutional neural networks", ICML 2018, algorithm 1; Kautsky and Turcajova, "A
    matrix approach to discrete wavelets", 1994.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.ConvolutionOrthogonal(seed=7)((3, 2, 4), dtype="float64")
    >>> at_a_frequency = np.fft.fft(w, 8, axis=0)[5]
    >>> bool(np.allclose(at_a_frequency @ at_a_frequency.conj().T, np.eye(2)))
    True
    """

    def _distribution_of(self, target: Target, sides: Sides) -> IsometricKernel:
        check_spatial(sides, target.shape, (1, 2, 3), "an orthogonal convolution")
        if len(set(sides.spatial)) > 1:
            raise ValueError(
                f"`shape` must have spatial axes of one size for an orthogonal convolution; they are {sides.spatial}. "
                f"Received: shape={target.shape}"
            )
        _check_wide(sides, target.shape)
        return IsometricKernel(sides, self.gain)


@known(
    "glorot_orthogonal",
    group="Identities and orthogonal matrices",
    formula="an orthogonal matrix with `Var w = scale / (fan_in + fan_out)`",
    use="Graph networks of molecules, such as DimeNet.",
    example="GlorotOrthogonal(seed=7)",
    shape=(48, 48),
)
class GlorotOrthogonal(RandomKernel):
    """Make a matrix with orthogonal columns, or rows if those are fewer, scaled to a variance of Glorot.

    It is that of `Orthogonal` times one factor, so that the sample variance of its elements, with n - 1 in the
    denominator, is ``scale / (fan_in + fan_out)``. Axes are understood as by `Orthogonal`; each element of the batch
    axes is a matrix of its own. It is computed in float64 and rounded; the last bit may differ between machines,
    with their linear algebra. A block is cut out of the whole matrices that it takes part in.

    Parameters
    ----------
    scale : float
        The variance times the sum of the fans, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `scale` is not a real number, or `seed` of another type.
    ValueError
        If `scale` is not positive and finite, or `seed` is out of range. At the call, if the shape has fewer than 2
        axes, a matrix has one element only, which has no variance, or the dtype is not a float.

    References
    ----------
    Gasteiger, Gross and Guennemann, "Directional message passing for molecular graphs", ICLR 2020; Fey and Lenssen,
    "Fast graph representation learning with PyTorch Geometric", 2019.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.GlorotOrthogonal(scale=2.0, seed=7)((30, 20), dtype="float64")
    >>> round(float(w.var(ddof=1)), 12), 2 / (30 + 20)
    (0.04, 0.04)
    """

    def __init__(self, scale: Any = 2.0, seed: Seed = None) -> None:
        self.scale = checks.positive("scale", scale)
        super().__init__(seed)

    def _distribution_of(self, target: Target, sides: Sides) -> ScaledHaar:
        if sides.taps * sides.fan_in * sides.fan_out == 1:
            raise ValueError(
                "`shape` must have matrices of more than one element, which alone has no variance. "
                f"Received: shape={target.shape}"
            )
        fans = target.fan_in + target.fan_out
        return ScaledHaar(sides, math.sqrt(self.scale / fans) if fans else 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}
