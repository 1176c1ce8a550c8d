"""Initializers of convolution kernels."""
