"""Whole models of JAX's libraries: trees of parameters."""
