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
    law = draw.distribution
    if isinstance(law, Haar):
        return _orthogonal(law, draw, seed)
    return _values(law, draw.shape, draw.dtype, seed)


def _values(law: Distribution, shape: Shape, dtype: str, seed: Tensor) -> Tensor:
    if isinstance(law, Normal):
        return tf.random.stateless_normal(shape, seed, law.mean, law.stddev, dtype)
    if isinstance(law, Uniform):
        low, high = tf.cast(law.low, dtype), tf.cast(law.high, dtype)
        return tf.random.stateless_uniform(shape, seed, low, high, dtype)
    assert isinstance(law, TruncatedNormal)
    return tf.random.stateless_truncated_normal(shape, seed, law.mean, law.stddev, dtype)


def _orthogonal(law: Haar, draw: Draw, seed: Tensor) -> Tensor:
    """QR as Keras does it, a zero on the diagonal and all."""
    if draw.dtype == "bfloat16":
        raise ValueError(
            "`dtype` must be float16, float32 or float64: TensorFlow has no QR decomposition of others; "
            f"use rng='portable'. Received: dtype={draw.dtype!r}"
        )
    q, r = tf.linalg.qr(_values(Normal(), law.tall, draw.dtype, seed))
    q *= tf.sign(tf.linalg.diag_part(r))
    return law.gain * tf.reshape(tf.transpose(q) if law.rows < law.columns else q, draw.shape)
