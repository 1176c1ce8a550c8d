"""The PyTorch backend of oneseed."""

from oneseed_torch.adapter import TorchBackend as backend
from oneseed_torch.models.layers import axes_of, default_scheme
from oneseed_torch.models.modules import initialize_, plan_of
from oneseed_torch.models.recording import recorded_scheme

__all__ = ["axes_of", "backend", "default_scheme", "initialize_", "plan_of", "recorded_scheme"]
