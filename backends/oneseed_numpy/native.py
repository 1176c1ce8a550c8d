"""Draws from NumPy's own generator, as Keras 3 makes them on its NumPy backend."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.distributions import Distribution, Haar, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype

Array = NDArray[Any]


def native(draw: Draw) -> Array:
    """Return the whole tensor of a draw, to the bit what Keras 3 returns."""
    generator = np.random.default_rng(draw.native_seed)
    distribution = draw.distribution
    if isinstance(distribution, Haar):
        return _orthogonal(distribution, draw, generator)
    return np.asarray(_values(distribution, draw.shape, generator)).astype(numpy_dtype(draw.dtype))


def _values(distribution: Distribution, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    if isinstance(distribution, Normal):
        return generator.normal(distribution.mean, distribution.stddev, shape)
    if isinstance(distribution, Uniform):
        return generator.uniform(distribution.low, distribution.high, shape)
    assert isinstance(distribution, TruncatedNormal)
    size = math.prod(shape)
    kept = np.empty(0)
    while len(kept) < size:
        batch = generator.normal(distribution.mean, distribution.stddev, size)
        inside = (batch >= distribution.mean - 2 * distribution.stddev) & (
            batch <= distribution.mean + 2 * distribution.stddev
        )
        kept = np.append(kept, batch[inside])
    return kept[:size].reshape(shape)


def _orthogonal(distribution: Haar, draw: Draw, generator: np.random.Generator) -> Array:
    """QR as Keras does it: what NumPy makes of bfloat16 is float64, and float64 becomes float32 on the way."""
    if draw.dtype == "float16":
        raise ValueError(
            "`dtype` must not be 'float16' for Keras's Orthogonal on NumPy, which cannot factorize it; use "
            f"rng='portable'. Received: dtype={draw.dtype!r}"
        )
    normal = generator.normal(0.0, 1.0, distribution.tall).astype(numpy_dtype(draw.dtype))
    q, r = np.linalg.qr(normal.astype(np.float32) if draw.dtype == "float64" else normal)
    q = q * np.sign(np.diag(r))
    return distribution.gain * np.reshape(q.T if distribution.rows < distribution.columns else q, draw.shape)
