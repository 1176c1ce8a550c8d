"""The TensorFlow backend of oneseed.

TensorFlow is imported with the backend. What is for Keras lives in `oneseed_keras`; its names are here too, where they
were first.
"""

from typing import TYPE_CHECKING, Any

from oneseed_keras import register_keras

if TYPE_CHECKING:
    from oneseed_keras import axes_of, initialize

__all__ = ["axes_of", "backend", "initialize", "register_keras"]


def __getattr__(name: str) -> Any:
    if name == "backend":
        from oneseed_tensorflow.adapter import TensorflowBackend

        return TensorflowBackend
    if name in ("axes_of", "initialize"):
        import oneseed_keras

        return getattr(oneseed_keras, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
