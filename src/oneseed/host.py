"""The way between a framework's tensors and arrays in host memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import registry
from oneseed.distributions import Normal
from oneseed.draws import Draw
from oneseed.protocol import Backend

HOST = "numpy"


def backend_of(x: Any) -> Backend | None:
    """Return the loaded backend whose tensor `x` is, or None."""
    return next((backend for backend in registry.loaded() if backend.is_tensor(x)), None)


def to_numpy(x: Any) -> NDArray[Any]:
    """Return a tensor of any framework, or what NumPy can read, as an array; memory may be shared."""
    owner = None if isinstance(x, np.ndarray) else backend_of(x)
    return owner.to_numpy(x) if owner else np.asarray(x)


def gaussian(draw: Draw) -> NDArray[Any]:
    """Return the standard normal values at the address of a draw, whole, in float64, in logical order."""
    shape = tuple(draw.shape[axis] for axis in draw.order)
    rank = len(shape)
    normal = Draw(Normal(), shape, "float64", draw.seed, draw.path, tuple(range(rank)), 1, 1, (0,) * rank, shape)
    values: NDArray[Any] = registry.load(HOST).draw(normal)
    return values
