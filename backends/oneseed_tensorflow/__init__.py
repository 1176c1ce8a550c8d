"""The TensorFlow backend of oneseed: eager, in functions of tf.function, and compiled by XLA."""

from oneseed_tensorflow.adapter import TensorflowBackend as backend

__all__ = ["backend"]
