"""Identity: as a matrix, as a convolution, and with noise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Distribution, Normal, Structured, check_fits
from oneseed.distributions.fields import drawn
from oneseed.draws import Draw, Host
from oneseed.dtypes import cast_scalar, check_scalar, narrowed, numpy_dtype
from oneseed.initializers.base import Initializer
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Block, Indices, Kernel, RandomKernel, Sides, check_spatial, sides_of
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator


@dataclass(frozen=True, eq=False, slots=True)
class Eye(Kernel):
    """`gain` where input i meets output ``(i + shift) % n`` of a group of n outputs, at the middle tap; else 0."""

    name: ClassVar[str] = "identity"

    sides: Sides
    gain: float = 1
    shift: int = 0
    groups: int = 1

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"gain": self.gain, "shift": self.shift, "groups": self.groups, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the gain."""
        check_scalar(self.gain, dtype, "gain")

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block."""
        put = self.onto_zeros(draw)
        if put is None:
            return Kernel.values(self, draw, host)
        out = np.zeros(draw.block, numpy_dtype(draw.dtype))
        put(out)
        return out

    def onto_zeros(self, draw: Draw) -> Callable[[NDArray[Any]], None] | None:
        """Return what writes the diagonals of whole matrices."""
        in_order = draw.block == draw.shape and draw.order == tuple(range(len(draw.shape)))
        if not in_order or self.sides.spatial or self.groups != 1 or self.shift or 0 in draw.shape:
            return None
        matrices, step = self.sides.matrices, self.sides.fan_out + 1
        stop = (min(self.sides.fan_in, self.sides.fan_out) - 1) * step + 1
        gain = cast_scalar(self.gain, draw.dtype, "gain")

        def put(zeros: NDArray[Any]) -> None:
            zeros.reshape(matrices, -1)[:, :stop:step] = gain

        return put

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make a block of any kind."""
        out = np.zeros(block.shape, numpy_dtype(draw.dtype))
        middle = block.at_tap(out, tuple(size // 2 for size in self.sides.spatial))
        if middle is not None:
            rows, columns = self.places(block)
            middle[:, rows, columns] = cast_scalar(self.gain, draw.dtype, "gain")
        return out

    def places(self, block: Block) -> tuple[Indices, Indices]:
        """Return the rows and columns of the block that hold the gain."""
        each = self.sides.fan_out // self.groups
        inputs = block.inputs[block.inputs < each]
        rows, columns = [], []
        for group in range(self.groups):
            outputs = (inputs + self.shift) % each + group * each
            _, from_inputs, from_outputs = np.intersect1d(
                outputs, block.outputs, assume_unique=True, return_indices=True
            )
            rows.append(np.searchsorted(block.inputs, inputs[from_inputs]))
            columns.append(from_outputs)
        return np.concatenate(rows), np.concatenate(columns)


class Delta(Eye):
    """The same by another name."""

    __slots__ = ()
    name: ClassVar[str] = "dirac"


@dataclass(frozen=True, eq=False, slots=True)
class NoisyEye(Structured):
    """An identity matrix plus normal values."""

    name: ClassVar[str] = "noisy_identity"

    eye: Eye
    noise: Normal

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {**self.eye.numbers, "stddev": self.noise.stddev}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the sums."""
        self.eye.check(dtype)
        check_fits(Normal(abs(self.eye.gain), self.noise.stddev), dtype, "stddev", self.noise.stddev)

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block, in float64 and rounded."""
        values = drawn(host, draw, self.noise, "float64") + self.eye.values(draw._replace(dtype="float64"), host)
        return narrowed(values, draw.dtype)


@known(
    "identity",
    "IdentityInitializer",
    "IdentityV2",
    group="Identities and orthogonal matrices",
    formula="`w[i, o] = gain` where `o = i + shift`, else 0",
    use="Recurrent layers of ReLU, adapters, skip paths.",
    example="Identity()",
    shape=(16, 24),
)
class Identity(Initializer, repeats=True):
    """Make the identity matrix, times `gain`; one that is not square has ones on its main diagonal.

    Element (i, o) is `gain` where ``o == (i + shift) % outputs``, for i below inputs and outputs, else 0. A tensor of
    more than 2 axes is a batch of such matrices, on its last two axes; with `axes` at the call, on its input and
    output axes, the same for each element of the batch axes. For the identity of a convolution see `Dirac`.

    Any numeric dtype or bool.

    Parameters
    ----------
    gain : float or scalar tensor
        The value on the diagonal. It is cast to the dtype of the call; casting to an integer dtype drops the
        fraction, as in Keras.
    shift : int
        By how much the outputs are shifted, in a circle: input i goes to output ``i + shift``.

    Raises
    ------
    TypeError
        If `gain` is not a real number, or `shift` not an integer.
    ValueError
        If `gain` is NaN, infinite or not a scalar. At the call, if the shape has fewer than 2 axes, or the dtype
        cannot hold `gain`, or if `axes` names a spatial axis, or no input or no output.

    References
    ----------
    Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Identity(2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: Any = 1.0, *, shift: int = 0) -> None:
        self.gain = checks.scalar("gain", gain)
        self.shift = checks.index("shift", shift, -(2**31), 2**31)

    def distribution_for(self, target: Target) -> Eye:
        """Return the distribution for a tensor."""
        return Eye(_matrix_sides(target), self.gain, self.shift)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; `shift`, which Keras does not have, if it is not 0."""
        return {"gain": self.gain, **({"shift": self.shift} if self.shift else {})}


def _matrix_sides(target: Target) -> Sides:
    """Return the sides of a batch of matrices: without `axes`, all axes but the last two are batch axes."""
    sides = sides_of(target)
    if target.layout is None:
        return sides._replace(batch=sides.spatial, spatial=())
    check_spatial(sides, target.shape, (0,), "an identity matrix")
    if not (sides.inputs and sides.outputs):
        raise ValueError(
            f"`axes` must name inputs and outputs for an identity matrix. Received: axes of kinds "
            f"{target.layout.kinds} for the shape {target.shape}"
        )
    return sides


@known(
    "dirac",
    group="Kernels of convolutions",
    formula="`w[middle, i, o] = 1` where `i = o`, else 0",
    use="Convolutions that begin as the identity.",
    example="Dirac()",
    shape=(3, 3, 8, 8),
)
class Dirac(Initializer, repeats=True):
    """Make the kernel of a convolution that gives its input back, as many channels as fit.

    Element (tap, i, o) is 1 at the middle tap, ``size // 2`` on each spatial axis, where i is the number of output o
    within its group, else 0. The shape is (spatial..., inputs, outputs), as in Keras, or what `axes` says; with
    "o i h w" it is that of PyTorch. Inputs are those of one group. Each element of the batch axes is such a kernel.

    Any numeric dtype or bool.

    Parameters
    ----------
    groups : int
        The groups of the convolution, at least 1. Each gives its own inputs back.

    Raises
    ------
    TypeError
        If `groups` is not an integer.
    ValueError
        If it is less than 1. At the call, if it does not divide the outputs, or there are no spatial axes.

    References
    ----------
    Zagoruyko and Komodakis, "DiracNets: training very deep neural networks without skip-connections", 2017.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Dirac()((3, 2, 2))[1]
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, groups: int = 1) -> None:
        self.groups = checks.index("groups", groups, 1, 2**31)

    def distribution_for(self, target: Target) -> Delta:
        """Return the distribution for a tensor."""
        sides = sides_of(target)
        check_spatial(sides, target.shape, range(1, checks.MAX_RANK), "the identity of a convolution")
        if sides.fan_out % self.groups:
            raise ValueError(
                f"`groups` must divide the {sides.fan_out} outputs of the shape {target.shape}. "
                f"Received: groups={self.groups!r}"
            )
        return Delta(sides, groups=self.groups)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"groups": self.groups}


@known(
    "noisy_identity",
    group="Identities and orthogonal matrices",
    formula="`w = gain * I + e`, `e ~ N(0, stddev**2)`",
    use="As Identity, where equal units must come apart.",
    example="NoisyIdentity(stddev=0.1, seed=7)",
    shape=(16, 24),
)
class NoisyIdentity(RandomKernel):
    """Make the identity matrix, times `gain`, plus normal noise.

    Element (i, o) is ``gain * (i == o) + e`` with e from a normal distribution of mean 0 and variance ``stddev**2``.
    Tensors of more axes, and `axes`, are understood as by `Identity`. The sum is computed in float64 and rounded.

    Parameters
    ----------
    gain : float or scalar tensor
        The value on the diagonal.
    stddev : float or scalar tensor
        The standard deviation of the noise, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `gain` or `stddev` is not a real number, or `seed` of another type.
    ValueError
        If one is NaN, infinite or not a scalar, `stddev` is negative, or `seed` is out of range. At the call, as
        `Identity`, and if the dtype is not a float.

    References
    ----------
    Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015; Greff,
    Klein, Chovanec and Schmidhuber, "Brainstorm", 2015, for the noise.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.NoisyIdentity(stddev=0.01, seed=7)((3, 3))
    >>> abs(w).round(1)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    def __init__(self, gain: Any = 1.0, stddev: Any = 0.01, seed: int | SeedGenerator | None = None) -> None:
        self.gain = checks.scalar("gain", gain)
        self.stddev = checks.at_least("stddev", stddev, 0)
        super().__init__(seed)

    def _sides(self, target: Target) -> Sides:
        return _matrix_sides(target)

    def _distribution_of(self, target: Target, sides: Sides) -> Distribution:
        return NoisyEye(Eye(sides, self.gain), Normal(0.0, float(self.stddev)))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "gain": self.gain, "stddev": self.stddev}
