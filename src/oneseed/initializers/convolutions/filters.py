"""Convolution kernels that interpolate and average."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.draws import Draw, Host
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Block, Kernel, Sides, check_spatial, sides_of
from oneseed.initializers.targets import Target


@dataclass(frozen=True, eq=False, slots=True)
class Tent(Kernel):
    """The filter of linear interpolation between all inputs and outputs, or between those of the same number."""

    name: ClassVar[str] = "tent"

    sides: Sides
    diagonal: bool
    normalized: bool = False

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"diagonal": self.diagonal, "normalized": self.normalized, **self.sides.numbers}

    def make(self, draw: Draw, host: Host, block: Block) -> NDArray[Any]:
        """Make the block: each tap is a ratio of integers, divided once."""
        values, divisor = np.ones(1, np.int64), 1
        for size, taps in zip(self.sides.spatial, block.spatial, strict=True):
            whole, unit = heights(size)
            values = np.multiply.outer(values, whole[taps]).reshape(-1)
            divisor *= int(whole.sum()) if self.normalized else unit
        out = np.zeros((len(values), len(block.inputs), len(block.outputs)))
        meets = block.inputs[:, None] == block.outputs if self.diagonal else True
        out += np.where(meets, (values / divisor)[:, None, None], 0.0)
        return np.broadcast_to(out, (len(block.batch), *out.shape)).reshape(block.shape)


def heights(size: int) -> tuple[NDArray[np.int64], int]:
    """Return ``1 - |x - centre| / factor`` for the taps x of an axis, as integers and their common divisor."""
    factor = (size + 1) // 2
    return 2 * factor - abs(2 * np.arange(size) - (size - 1)), 2 * factor


class _Filter(Initializer):
    """A kernel between as many inputs as outputs, or from or to one."""

    _normalized: ClassVar[bool]

    def distribution_for(self, target: Target) -> Tent:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        sides = sides_of(target)
        check_spatial(sides, target.shape, range(1, checks.MAX_RANK), "a filter")
        if sides.fan_in != sides.fan_out and 1 not in (sides.fan_in, sides.fan_out):
            raise ValueError(
                "`shape` must have as many inputs as outputs, or one of either; it has "
                f"{sides.fan_in} and {sides.fan_out}. Received: shape={target.shape}"
            )
        return Tent(sides, sides.fan_in == sides.fan_out, self._normalized)


@known(
    "bilinear",
    group="Kernels of convolutions",
    formula="`h(y) h(x)`, `h(x) = 1 - abs(x - c) / ceil(size / 2)`, `c = (size - 1) / 2`",
    use="Transposed depthwise convolutions that begin as bilinear enlargement.",
    example="Bilinear()",
    shape=(8, 8, 1, 1),
)
class Bilinear(Initializer, repeats=True):
    """Make the kernel of bilinear interpolation, for a transposed convolution that enlarges images.

    Element (y, x, i, o) is ``h(y) * h(x)`` with ``h(x) = 1 - abs(x - c) / f``, ``f = ceil(size / 2)`` and ``c = (size -
    1) / 2``, for all inputs and outputs alike: such a kernel serves one group for each channel. It enlarges by f. The
    shape is (height, width, inputs, outputs), as in Keras, or what `axes` says. It is computed as a ratio of integers
    in float64 and rounded.

    This is the formula of Caffe. That of MXNet puts the middle elsewhere for the sizes 2, 3, 6, 7, 10, 11, ...

    Raises
    ------
    ValueError
        At the call, if there are not 2 spatial axes, or the dtype is not a float.

    References
    ----------
    Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.Bilinear()((4, 4, 1, 1))[:, :, 0, 0]
    array([[0.0625, 0.1875, 0.1875, 0.0625],
           [0.1875, 0.5625, 0.5625, 0.1875],
           [0.1875, 0.5625, 0.5625, 0.1875],
           [0.0625, 0.1875, 0.1875, 0.0625]], dtype=float32)
    """

    def distribution_for(self, target: Target) -> Tent:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        sides = sides_of(target)
        check_spatial(sides, target.shape, (2,), "bilinear interpolation")
        return Tent(sides, diagonal=False)


@known(
    "upsampling_filter",
    group="Kernels of convolutions",
    formula="products of `1 - abs(x - c) / f` where `i = o`, else 0",
    use="Transposed convolutions that enlarge channel by channel, in any number of dimensions.",
    example="UpsamplingFilter()",
    shape=(4, 4, 4, 4),
)
class UpsamplingFilter(_Filter, repeats=True):
    """Make the kernel of linear interpolation, each channel by itself, for a transposed convolution.

    Element (taps..., i, o) is the product over the spatial axes of ``1 - abs(x - c) / f``, with ``f = (size + 1) // 2``
    and ``c = (size - 1) / 2``, where i equals o, else 0; from or to a single channel, it is so for all. The stride that
    belongs to it is f. The shape is (spatial..., inputs, outputs), as in Keras, or what `axes` says. It is computed as
    a ratio of integers in float64 and rounded.

    Raises
    ------
    ValueError
        At the call, if there are no spatial axes, inputs and outputs differ in number and neither is one, or the dtype
        is not a float.

    References
    ----------
    Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.UpsamplingFilter()((3, 2, 2))[:, 0]
    array([[0.5, 0. ],
           [1. , 0. ],
           [0.5, 0. ]], dtype=float32)
    """

    _normalized = False


@known(
    "downsampling_filter",
    group="Kernels of convolutions",
    formula="the same, divided by its sum",
    use="Strided convolutions that begin as a smooth reduction of the image.",
    example="DownsamplingFilter()",
    shape=(4, 4, 4, 4),
)
class DownsamplingFilter(_Filter, repeats=True):
    """Make the kernel of a weighted mean, each channel by itself, for a convolution that makes images smaller.

    It is that of `UpsamplingFilter` divided by the sum of its taps, which then is 1. The stride that belongs to it is
    ``(size + 1) // 2``. It is computed as a ratio of integers in float64 and rounded.

    Raises
    ------
    ValueError
        At the call, if there are no spatial axes, inputs and outputs differ in number and neither is one, or the dtype
        is not a float.

    References
    ----------
    Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.DownsamplingFilter()((3, 1, 1)).ravel()
    array([0.25, 0.5 , 0.25], dtype=float32)
    """

    _normalized = True
