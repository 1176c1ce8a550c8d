"""PyTorch is imported before TensorFlow: the other way round their libraries clash in one process."""

from frameworks import installed

# Scripts that tests run in processes of their own.
collect_ignore = ["tools"]

if installed("torch"):
    import torch  # noqa: F401
