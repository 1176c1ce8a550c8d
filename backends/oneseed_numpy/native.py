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
    law = draw.distribution
    if isinstance(law, Haar):
        return _orthogonal(law, draw, generator)
    return np.asarray(_values(law, draw.shape, generator)).astype(numpy_dtype(draw.dtype))


def _values(law: Distribution, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    if isinstance(law, Normal):
        return generator.normal(law.mean, law.stddev, shape)
    if isinstance(law, Uniform):
        return generator.uniform(law.low, law.high, shape)
    assert isinstance(law, TruncatedNormal)
    size = math.prod(shape)
    kept = np.empty(0)
    while len(kept) < size:
        batch = generator.normal(law.mean, law.stddev, size)
        inside = (batch >= law.mean - 2 * law.stddev) & (batch <= law.mean + 2 * law.stddev)
        kept = np.append(kept, batch[inside])
    return kept[:size].reshape(shape)


def _orthogonal(law: Haar, draw: Draw, generator: np.random.Generator) -> Array:
    """QR as Keras does it: what NumPy makes of bfloat16 is float64, and float64 becomes float32 on the way."""
    if draw.dtype == "float16":
        raise ValueError(
            "`dtype` must not be 'float16' for Keras's Orthogonal on NumPy, which cannot factorize it; use "
            f"rng='portable'. Received: dtype={draw.dtype!r}"
        )
    normal = generator.normal(0.0, 1.0, law.tall).astype(numpy_dtype(draw.dtype))
    q, r = np.linalg.qr(normal.astype(np.float32) if draw.dtype == "float64" else normal)
    q = q * np.sign(np.diag(r))
    return law.gain * np.reshape(q.T if law.rows < law.columns else q, draw.shape)
