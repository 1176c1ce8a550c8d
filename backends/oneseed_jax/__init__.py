"""The JAX backend of oneseed, and whole models: trees of parameters, filled by a scheme."""

from typing import TYPE_CHECKING, Any

from oneseed_jax.adapter import JaxBackend as backend

if TYPE_CHECKING:
    from oneseed_jax.models.layer_axes import axes_of
    from oneseed_jax.models.trees import initialize, plan_of

__all__ = ["axes_of", "backend", "initialize", "plan_of"]

_HOMES = {
    "axes_of": "oneseed_jax.models.layer_axes",
    "initialize": "oneseed_jax.models.trees",
    "plan_of": "oneseed_jax.models.trees",
}


def __getattr__(name: str) -> Any:
    # Whoever draws single tensors has no use for models.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
