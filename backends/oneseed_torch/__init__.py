"""The PyTorch backend of oneseed, and whole models: modules, filled by a scheme."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oneseed_torch.adapter import TorchBackend as backend

if TYPE_CHECKING:
    from oneseed_torch import init
    from oneseed_torch.models.creating import create
    from oneseed_torch.models.layers import axes_of, default_scheme
    from oneseed_torch.models.modules import initialize_, plan_of
    from oneseed_torch.models.recording import recorded_scheme

__all__ = ["axes_of", "backend", "create", "default_scheme", "init", "initialize_", "plan_of", "recorded_scheme"]

_HOMES = {
    "axes_of": "oneseed_torch.models.layers",
    "create": "oneseed_torch.models.creating",
    "default_scheme": "oneseed_torch.models.layers",
    "initialize_": "oneseed_torch.models.modules",
    "plan_of": "oneseed_torch.models.modules",
    "recorded_scheme": "oneseed_torch.models.recording",
}


def __getattr__(name: str) -> Any:
    # Drawing single tensors needs none of these.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "init":
        return import_module("oneseed_torch.init")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
