"""Draws with JAX: on the host, compiled by XLA, or by a Pallas kernel."""
