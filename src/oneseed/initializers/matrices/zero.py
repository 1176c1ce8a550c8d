"""ZerO: zeros and ones, and Hadamard matrices."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed.draws import Draw, Host
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.matrices.identity import Eye
from oneseed.initializers.matrices.kernels import Block, Kernel, Sides, sides_of
from oneseed.initializers.targets import Target


@dataclass(frozen=True, eq=False, slots=True)
class HadamardRows(Kernel):
    """``c * (-1)**popcount(i & o)`` at the middle tap."""

    name: ClassVar[str] = "hadamard"

    sides: Sides

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make the block."""
        out = np.zeros(block.shape)
        middle = block.at_tap(out, tuple(size // 2 for size in self.sides.spatial))
        if middle is not None:
            bits = (self.sides.fan_out - 1).bit_length()
            value = math.ldexp(math.sqrt(0.5) if bits % 2 else 1.0, -(bits // 2))
            odd = np.bitwise_count(block.inputs[:, None] & block.outputs) & 1
            middle[...] = np.where(odd == 1, -value, value)
        return out


@known(
    "zer_o",
    group="Identities and orthogonal matrices",
    formula="`I`, or with more outputs than inputs `2**(-m / 2)` times columns of a Hadamard matrix of `2**m` rows",
    use="Residual networks to be trained from a start without any chance.",
    example="ZerO()",
    shape=(24, 32),
)
class ZerO(Initializer, repeats=True):
    """Make an identity, or where the outputs are more than the inputs, columns of a Hadamard matrix.

    With inputs >= outputs, element (i, o) is 1 where i equals o, else 0. With more outputs it is ``2**(-m / 2) * H[o,
    i]``, ``m = ceil(log2(outputs))``, H the Hadamard matrix of Sylvester, ``H[o, i] = (-1)**popcount(o & i)``. A
    convolution's kernel has it at its middle tap, ``size // 2``, and zeros elsewhere. Nothing is random. The shape is
    (spatial..., inputs, outputs), as in Keras, or what `axes` says; each element of the batch axes is such a kernel.

    This is the code of the authors; in their paper the factor of H is ``2**(-(m - 1) / 2)``.

    Raises
    ------
    ValueError
        At the call, if the shape has fewer than 2 axes, or the dtype is not a float.

    References
    ----------
    Zhao, Schaefer and Anandkumar, "ZerO initialization: initializing neural networks with only zeros and ones",
    Transactions on Machine Learning Research, 2022.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.ZerO()((2, 4))
    array([[ 0.5,  0.5,  0.5,  0.5],
           [ 0.5, -0.5,  0.5, -0.5]], dtype=float32)
    """

    def distribution_for(self, target: Target) -> Eye | HadamardRows:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        sides = sides_of(target)
        return Eye(sides) if sides.fan_out <= sides.fan_in else HadamardRows(sides)
