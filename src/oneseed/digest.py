"""A short digest by which equal weights are known."""

from typing import Any

import numpy as np

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
    from hashlib import blake2b

    array = numbers("x", x)
    layout = layout_of(array.shape, axes)
    logical = array if layout is None else array.transpose(layout.order)
    digest = blake2b(f"{array.dtype.name}{logical.shape}".encode(), digest_size=DIGEST_BYTES)
    if logical.flags.c_contiguous:
        flat = logical.reshape(-1)
        for start in range(0, flat.size, CHUNK):
            digest.update(_little_endian(flat[start : start + CHUNK]))
    else:
        for part in np.nditer(logical, ["external_loop", "buffered", "zerosize_ok"], order="C", buffersize=CHUNK):
            digest.update(_little_endian(part))
    return digest.hexdigest()


def _little_endian(values: Any) -> bytes:
    data: bytes = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return data
