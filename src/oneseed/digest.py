"""A short digest by which equal weights are known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.fans import layout_of
from oneseed.host_arrays import numbers

DIGEST_BYTES = 8
CHUNK = 1 << 20


def fingerprint(x: Any, axes: str | None = None) -> str:
    """Return a digest of dtype, logical shape and values in logical order.

    Equal weights have equal fingerprints on any backend, and, with `axes`, in any layout.

    Parameters
    ----------
    x : tensor or array_like
        The weights, of any backend in use.
    axes : str, optional
        Names of the axes, as at an initializer's call.

    Returns
    -------
    str
        16 hexadecimal digits: the first 8 bytes of BLAKE2b over the dtype's name, the logical shape, and the values
        as little-endian bytes.

    Raises
    ------
    TypeError
        If `x` holds no numbers.
    ValueError
        If `axes` does not fit the shape.

    Examples
    --------
    >>> import oneseed
    >>> init = oneseed.initializers.HeNormal(seed=7)
    >>> keras, torch = init((3, 3, 64, 128)), init((128, 64, 3, 3), axes="o i h w")
    >>> oneseed.fingerprint(keras, "h w i o") == oneseed.fingerprint(torch, "o i h w")
    True
    """
    array = numbers("x", x)
    layout = layout_of(array.shape, axes)
    logical = array if layout is None else array.transpose(layout.order)
    digest = Digest(array.dtype.name, logical.shape)
    digest.update(logical)
    return digest.hexdigest()


class Digest:
    """A fingerprint in the making: the values come in parts, one after the other in logical order.

    Parameters
    ----------
    dtype : str
        The dtype's name.
    shape : tuple of int
        The logical shape of the whole tensor.
    """

    def __init__(self, dtype: str, shape: Shape) -> None:
        from hashlib import blake2b

        self._hash = blake2b(f"{dtype}{shape}".encode(), digest_size=DIGEST_BYTES)

    def update(self, part: NDArray[Any]) -> None:
        """Add the next values, in the row-major order of `part`, whatever its strides."""
        if part.flags.c_contiguous:
            flat = part.reshape(-1)
            for start in range(0, flat.size, CHUNK):
                self._hash.update(_little_endian(flat[start : start + CHUNK]))
            return
        for values in np.nditer(part, ["external_loop", "buffered", "zerosize_ok"], order="C", buffersize=CHUNK):
            self._hash.update(_little_endian(values))

    def hexdigest(self) -> str:
        """Return the fingerprint of what has come in."""
        return self._hash.hexdigest()


def _little_endian(values: Any) -> memoryview:
    """Return values as little-endian bytes; where they are that already, in their own memory."""
    data: memoryview = values.astype(values.dtype.newbyteorder("<"), copy=False).view(np.uint8).data
    return data
