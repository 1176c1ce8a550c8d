"""The PyTorch backend of oneseed."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oneseed_torch.adapter import TorchBackend as backend
from oneseed_torch.models.layers import axes_of, default_scheme
from oneseed_torch.models.modules import initialize_, plan_of
from oneseed_torch.models.recording import recorded_scheme

if TYPE_CHECKING:
    from oneseed_torch import init

__all__ = ["axes_of", "backend", "default_scheme", "init", "initialize_", "plan_of", "recorded_scheme"]


def __getattr__(name: str) -> Any:
    # Filling whole modules does not need the functions of torch.nn.init.
    if name == "init":
        return import_module("oneseed_torch.init")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
