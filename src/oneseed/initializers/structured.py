"""The identity matrix."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import cast_scalar, numpy_dtype
from oneseed.initializers.base import Initializer, Target


@dataclass(frozen=True, slots=True)
class Eye(Structured):
    """`gain` where the indices of a matrix agree, else 0."""

    name: ClassVar[str] = "identity"

    gain: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"gain": self.gain}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the gain."""
        cast_scalar(self.gain, dtype, "gain")

    def values(self, draw: Draw) -> NDArray[Any]:
        """Make the block."""
        rows, columns = (np.arange(cut.start, cut.stop) for cut in draw.slices)
        out = np.zeros(draw.block, numpy_dtype(draw.dtype))
        _, in_rows, in_columns = np.intersect1d(rows, columns, assume_unique=True, return_indices=True)
        out[in_rows, in_columns] = cast_scalar(self.gain, draw.dtype, "gain")
        return out


class Identity(Initializer):
    """Make the identity matrix, times `gain`; one that is not square has ones on its main diagonal.

    Any numeric dtype or bool.

    Parameters
    ----------
    gain : float or scalar tensor
        The value on the diagonal. It is cast to the dtype of the call; casting to an integer dtype drops the
        fraction, as in Keras.

    Raises
    ------
    TypeError
        If `gain` is no real number.
    ValueError
        If it is NaN, infinite or not a scalar. At the call, if the shape is not that of a matrix, or the dtype
        cannot hold `gain`.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Identity(2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: Any = 1.0) -> None:
        self.gain = checks.scalar("gain", gain)

    def _distribution(self, target: Target) -> Eye:
        shape = target.shape
        if len(shape) != 2:
            raise ValueError(
                f"`shape` must have 2 axes for an identity matrix, not {len(shape)}. Received: shape={shape}"
            )
        return Eye(self.gain)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"gain": self.gain}
