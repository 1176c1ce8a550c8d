"""Draws from TensorFlow's own stateless generators, as Keras 3 makes them on its TensorFlow backend."""

from typing import Any

import tensorflow as tf

from oneseed.checks import Shape
from oneseed.distributions import Distribution, Haar, Normal, TruncatedNormal, Uniform
from oneseed.draws import Draw

Tensor = Any


def native(draw: Draw) -> Tensor:
    """Return the whole tensor of a draw, to the bit what Keras 3 returns."""
    # Keras keeps seeds in int64 and folds them into the int32 that XLA wants.
    seed = tf.constant([word % (2**31 - 2) for word in draw.native_seed], tf.int32)
    distribution = draw.distribution
    if isinstance(distribution, Haar):
        return _orthogonal(distribution, draw, seed)
    return _values(distribution, draw.shape, draw.dtype, seed)


def _values(distribution: Distribution, shape: Shape, dtype: str, seed: Tensor) -> Tensor:
    if isinstance(distribution, Normal):
        return tf.random.stateless_normal(shape, seed, distribution.mean, distribution.stddev, dtype)
    if isinstance(distribution, Uniform):
        low, high = tf.cast(distribution.low, dtype), tf.cast(distribution.high, dtype)
        return tf.random.stateless_uniform(shape, seed, low, high, dtype)
    assert isinstance(distribution, TruncatedNormal)
    return tf.random.stateless_truncated_normal(shape, seed, distribution.mean, distribution.stddev, dtype)


def _orthogonal(distribution: Haar, draw: Draw, seed: Tensor) -> Tensor:
    """QR as Keras does it, a zero on the diagonal and all."""
    if draw.dtype == "bfloat16":
        raise ValueError(
            "`dtype` must be float16, float32 or float64: TensorFlow has no QR decomposition of others; "
            f"use rng='portable'. Received: dtype={draw.dtype!r}"
        )
    q, r = tf.linalg.qr(_values(Normal(), distribution.tall, draw.dtype, seed))
    q *= tf.sign(tf.linalg.diag_part(r))
    return distribution.gain * tf.reshape(
        tf.transpose(q) if distribution.rows < distribution.columns else q, draw.shape
    )
