"""Initializers of recurrent networks, reservoirs and state-space models."""
