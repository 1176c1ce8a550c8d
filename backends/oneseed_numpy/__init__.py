"""The NumPy backend of oneseed: the default, and the engine for tensors in host memory."""

from oneseed_numpy.adapter import NumpyBackend as backend

__all__ = ["backend"]
