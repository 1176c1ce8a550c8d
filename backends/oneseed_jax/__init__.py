"""The JAX backend of oneseed, and whole models: trees of parameters, filled by a scheme."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oneseed_jax.adapter import JaxBackend as backend

if TYPE_CHECKING:
    from oneseed_jax import initializers
    from oneseed_jax.models.layer_axes import axes_of
    from oneseed_jax.models.trees import initialize, plan_of

__all__ = ["axes_of", "backend", "initialize", "initializers", "plan_of", "recorded_scheme"]

_HOMES = {
    "axes_of": "oneseed_jax.models.layer_axes",
    "initialize": "oneseed_jax.models.trees",
    "plan_of": "oneseed_jax.models.trees",
    "recorded_scheme": "oneseed_jax.models.recording",
}


def __getattr__(name: str) -> Any:
    # Drawing single tensors needs neither of these.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "initializers":
        return import_module("oneseed_jax.initializers")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
