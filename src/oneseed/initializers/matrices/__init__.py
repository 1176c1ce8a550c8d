"""Initializers of matrices."""
