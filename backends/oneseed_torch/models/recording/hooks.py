"""The functions of torch.nn.init that no log of operations can read, told apart by name while a model is recorded.

PyTorch's truncated normal is a loop that draws until all values are within the bounds, and its orthogonal and sparse
matrices are computed. Their code is exchanged, not their names, so that ``from torch.nn.init import ...`` is
caught too.
"""

import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.init
import torch.random

NAMES = ("trunc_normal_", "orthogonal_", "sparse_")

_LOCK = threading.RLock()


@contextmanager
def exchanged(hook: Callable[[str, Any, tuple[Any, ...], dict[str, Any]], Any]) -> Iterator[None]:
    """Have calls of the functions go to ``hook(name, original, args, kwargs)``, of every thread."""
    home = vars(torch.nn.init)
    before = {}
    with _LOCK:
        try:
            for name in NAMES:
                function = home[name]
                original = types.FunctionType(function.__code__, home, name, function.__defaults__)
                before[name] = function.__code__
                home[f"_oneseed_{name}"] = _to(hook, name, original)
                function.__code__ = _CODES[name]
            yield
        finally:
            for name, code in before.items():
                home[name].__code__ = code
                del home[f"_oneseed_{name}"]


def _to(hook: Callable[..., Any], name: str, original: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: hook(name, original, args, kwargs)


@contextmanager
def watched(note: Callable[[], None]) -> Iterator[None]:
    """Have ``note()`` called where a program sets the state of PyTorch's generator, which `torch.random.fork_rng` does.

    Draws after that may be those before it, of which a log of draws shows nothing.
    """
    function, home = torch.random.set_rng_state, vars(torch.random)
    before = function.__code__
    original = types.FunctionType(before, home, function.__name__)

    def noted(new_state: Any) -> None:
        note()
        original(new_state)

    with _LOCK:
        try:
            home["_oneseed_set_rng_state"] = noted
            function.__code__ = _set_rng_state.__code__
            yield
        finally:
            function.__code__ = before
            del home["_oneseed_set_rng_state"]


def _set_rng_state(new_state: Any) -> None:
    _oneseed_set_rng_state(new_state)  # type: ignore[name-defined] # noqa: F821


# Run with the globals of torch.nn.init, where the names lead to the hook.


def _trunc_normal_(*args: Any, **kwargs: Any) -> Any:
    return _oneseed_trunc_normal_(*args, **kwargs)  # type: ignore[name-defined] # noqa: F821


def _orthogonal_(*args: Any, **kwargs: Any) -> Any:
    return _oneseed_orthogonal_(*args, **kwargs)  # type: ignore[name-defined] # noqa: F821


def _sparse_(*args: Any, **kwargs: Any) -> Any:
    return _oneseed_sparse_(*args, **kwargs)  # type: ignore[name-defined] # noqa: F821


_CODES = {
    "trunc_normal_": _trunc_normal_.__code__,
    "orthogonal_": _orthogonal_.__code__,
    "sparse_": _sparse_.__code__,
}
