"""The initializer of orthogonal and unitary matrices."""

import math
from typing import Any

from oneseed import checks
from oneseed.distributions import Haar
from oneseed.fans import BATCH, INPUT, OUTPUT, SPATIAL
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_inexact
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator


@known(
    "orthogonal",
    "OrthogonalInitializer",
    "OrthogonalV2",
    group="Identities and orthogonal matrices",
    formula="`W' W = gain**2 I`, or `W W'` with fewer rows; uniform by Haar's measure",
    use="Recurrent kernels, deep linear and tanh networks, policies in reinforcement learning.",
    example="Orthogonal(seed=7)",
    shape=(48, 48),
)
class Orthogonal(RandomInitializer, repeats=True):
    """Make a matrix with orthonormal columns, or rows if it has fewer rows than columns, times `gain`.

    The matrix is uniformly distributed (Haar measure). In a complex dtype it is unitary, or has some of the columns or
    rows of one that is: columns ``x`` and ``y`` are orthonormal in the sense of ``conj(x) @ y``. It is made of complex
    normal values; their imaginary parts come from the path with "imag" appended. A tensor of more axes is one of shape
    ``(product of the other axes, last axis)``; with `axes` at the call, the outputs are the columns, spatial
    and input axes the rows, and each element of the batch axes is a matrix of its own.

    It is computed in float64, or complex128, and rounded. A matrix of at most ``2**18`` elements, 2,048 on its longer
    side, has the same bits on every machine; the last bit of others may differ, with the machine's linear algebra. A
    complex matrix counts as one of twice as many rows and columns. A block is cut out of the whole tensor, which is
    made.

    Parameters
    ----------
    gain : float or scalar tensor
        The factor.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `gain` is not a real number, or `seed` of another type.
    ValueError
        If `gain` is NaN, infinite or not a scalar, or `seed` is out of range. At the call, if the shape has fewer
        than 2 axes beside the batch axes, or the dtype is neither float nor complex.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014. Mezzadri, "How to generate random matrices from the classical compact groups",
    Notices of the AMS 54, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> q = oneseed.initializers.Orthogonal(seed=7)((5, 3), dtype="float64")
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    def __init__(self, gain: Any = 1.0, seed: int | SeedGenerator | None = None) -> None:
        self.gain = checks.scalar("gain", gain)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Haar:
        """Return the distribution for a tensor."""
        check_inexact(target.dtype)
        shape = target.shape
        kinds = target.layout.kinds if target.layout else (SPATIAL,) * (len(shape) - 1) + (OUTPUT,) * bool(shape)
        if len(shape) - kinds.count(BATCH) < 2:
            raise ValueError(
                "`shape` must have at least 2 axes, batch axes aside, for an orthogonal matrix. "
                f"Received: shape={shape}"
            )

        def product(*wanted: int) -> int:
            return math.prod(size for size, kind in zip(shape, kinds, strict=True) if kind in wanted)

        return Haar(self.gain, product(BATCH), product(SPATIAL, INPUT), product(OUTPUT))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "gain": self.gain}
