"""Draws from PyTorch's own generator, as Keras 3 makes them on its PyTorch backend."""

from typing import Any

import torch

from oneseed.distributions import Haar, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw

Tensor = Any

CANDIDATES = 4
"""Normal values drawn for each truncated one."""


def native(draw: Draw, device: Any) -> Tensor:
    """Return the whole tensor of a draw, to the bit what Keras 3 returns on the same device."""
    generator = torch.Generator(device)
    # Keras adds its two words, and the sum wraps.
    generator.manual_seed(sum(draw.native_seed) % 2**32)
    dtype, distribution = getattr(torch, draw.dtype), draw.distribution

    def normal(shape: tuple[int, ...], mean: float = 0.0, stddev: float = 1.0) -> Tensor:
        return torch.normal(mean, stddev, size=shape, generator=generator, dtype=dtype, device=device)

    if isinstance(distribution, Normal):
        return normal(draw.shape, distribution.mean, distribution.stddev)
    if isinstance(distribution, Uniform):
        unit = torch.rand(draw.shape, generator=generator, dtype=dtype, device=device)
        return unit * (distribution.high - distribution.low) + distribution.low
    if isinstance(distribution, TruncatedNormal):
        candidates = normal((*draw.shape, CANDIDATES))
        # The first that lies inside; where none does, the first of all, as it is: Keras truncates no better.
        first = (candidates.abs() < 2).max(-1, keepdim=True).indices
        return candidates.gather(-1, first).squeeze(-1).mul_(distribution.stddev).add_(distribution.mean)
    assert isinstance(distribution, Haar)
    return _orthogonal(normal, distribution, draw)


def _orthogonal(normal: Any, distribution: Haar, draw: Draw) -> Tensor:
    """QR as Keras does it, a zero on the diagonal and all."""
    if draw.dtype not in ("float32", "float64"):
        raise ValueError(
            "`dtype` must be float32 or float64 for an orthogonal matrix with rng='native': PyTorch has no QR "
            f"decomposition for others. Received: dtype={draw.dtype!r}"
        )
    q, r = torch.linalg.qr(normal(distribution.tall))
    q *= r.diagonal().sign()
    return (q.T if distribution.rows < distribution.columns else q).reshape(draw.shape) * distribution.gain
