"""The JAX backend of oneseed."""

from oneseed_jax.adapter import JaxBackend as backend

__all__ = ["backend"]
