"""Identities that are repeated to fill a matrix that is not square."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.draws import Draw, Host
from oneseed.dtypes import cast_scalar, check_scalar, numpy_dtype
from oneseed.initializers.base import Initializer
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Block, Kernel, Sides, flat, sides_of
from oneseed.initializers.targets import Target

TAPS = ("all", "middle")


@dataclass(frozen=True, eq=False, slots=True)
class RepeatedEye(Kernel):
    """`gain` where rows and columns are equal, counted modulo the smaller side; else 0."""

    name: ClassVar[str] = "repeated_identity"

    sides: Sides
    gain: float
    taps: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"gain": self.gain, "taps": self.taps, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the gain."""
        check_scalar(self.gain, dtype, "gain")

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make the block."""
        out = np.zeros(block.shape, numpy_dtype(draw.dtype))
        gain = cast_scalar(self.gain, draw.dtype, "gain")
        if self.taps == "middle":
            middle = block.at_tap(out, tuple(size // 2 for size in self.sides.spatial))
            if middle is not None:
                middle[:, self._equal(block.inputs, self.sides.fan_in, block)] = gain
            return out
        # Rows are the taps of the first input, then those of the next, as PyTorch flattens a kernel.
        for at, tap in enumerate(flat(self.sides.spatial, block.spatial).tolist()):
            rows = block.inputs * self.sides.taps + tap
            whole = out.reshape(len(block.batch), -1, len(block.inputs), len(block.outputs))
            whole[:, at, self._equal(rows, self.sides.fan_in * self.sides.taps, block)] = gain
        return out

    def _equal(self, rows: NDArray[Any], count: int, block: Block) -> NDArray[Any]:
        period = min(count, self.sides.fan_out)
        equal: NDArray[Any] = (rows % period)[:, None] == block.outputs % period
        return equal


@known(
    "id_init",
    group="Identities and orthogonal matrices",
    formula="`w[i, o] = gain` where `i = o` modulo the smaller side, else 0",
    use="Residual networks that begin as the identity, also where a layer is not square.",
    example="IDInit()",
    shape=(16, 40),
)
class IDInit(Initializer, repeats=True):
    """Make an identity matrix, times `gain`, that is repeated until it fills a matrix that is not square.

    Element (i, o) is `gain` where ``i % n == o % n``, n the smaller of inputs and outputs, else 0: so no output of a
    wide layer, and no input of a narrow one, is left without a weight, as they are by `Identity`. The authors take gain
    1, and about 1e-6 for the last layer of each residual branch.

    The kernel of a convolution is either such a matrix at its middle tap, ``size // 2``, and 0 elsewhere, a `Dirac`
    with padding; or, as the authors propose, the matrix has a row for each tap of each input, those of the first input
    first: the outputs then see different taps. The shape is (spatial..., inputs, outputs), as in Keras, or what `axes`
    says; each element of the batch axes is such a kernel. Any numeric dtype or bool.

    Parameters
    ----------
    gain : float or scalar tensor
        The value of the elements that are not zero.
    taps : {"middle", "all"}
        Which taps of a convolution have a part.

    Raises
    ------
    TypeError
        If `gain` is not a real number, or `taps` not a str.
    ValueError
        If `gain` is NaN, infinite or not a scalar, or `taps` is unknown. At the call, if the shape has fewer than 2
        axes, or the dtype cannot hold `gain`.

    References
    ----------
    Pan, Wang, Wu, Wang, Zhang and Xu, "IDInit: A universal and stable initialization method for neural network
    training", ICLR 2025.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.IDInit()((2, 5))
    array([[1., 0., 1., 0., 1.],
           [0., 1., 0., 1., 0.]], dtype=float32)
    """

    def __init__(self, gain: Any = 1.0, taps: str = "middle") -> None:
        self.gain = checks.scalar("gain", gain)
        self.taps = checks.one_of("taps", taps, TAPS)

    def distribution_for(self, target: Target) -> RepeatedEye:
        """Return the distribution for a tensor."""
        return RepeatedEye(sides_of(target), self.gain, self.taps)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"gain": self.gain, "taps": self.taps}
