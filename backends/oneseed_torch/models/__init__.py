"""Whole modules of PyTorch."""
