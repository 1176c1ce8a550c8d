"""PyTorch and Triton are imported before TensorFlow: the other way round their libraries clash in one process."""

from importlib.util import find_spec

from frameworks import installed

# Scripts that tests run in processes of their own.
collect_ignore = ["tools"]

if installed("torch"):
    import torch  # noqa: F401
if find_spec("triton") is not None:  # which PyTorch's compiler would import later
    import triton  # noqa: F401
