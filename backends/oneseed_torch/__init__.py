"""The PyTorch backend of oneseed."""

from oneseed_torch.adapter import TorchBackend as backend

__all__ = ["backend"]
