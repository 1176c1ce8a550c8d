"""Functions of PyTorch, seen while a model is built.

Their code is exchanged, not their names, so that ``from torch.nn.init import ...`` is caught too.
"""

import itertools
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch.random

_LOCK = threading.RLock()
_NUMBERS = itertools.count()


@contextmanager
def exchanged(functions: Iterable[Any], hook: Callable[..., Any]) -> Iterator[None]:
    """Have calls of functions go to ``hook(original, *args, **kwargs)``, of every thread."""
    target = f"_oneseed_{next(_NUMBERS)}_"  # there may be one within another
    before: list[tuple[Any, types.CodeType, str]] = []
    with _LOCK:
        try:
            for function in functions:
                home, code, name = function.__globals__, function.__code__, f"{target}{len(before)}"
                original = types.FunctionType(code, home, function.__name__, function.__defaults__)
                before.append((function, code, name))
                home[name] = partial(hook, original)
                # It runs with the globals of the function, where this name leads to the hook.
                function.__code__ = _passes_on.__code__.replace(co_names=(name,))
            yield
        finally:
            for function, code, name in before:
                function.__code__ = code
                del function.__globals__[name]


def _passes_on(*args: Any, **kwargs: Any) -> Any:
    return _target(*args, **kwargs)  # type: ignore[name-defined] # noqa: F821


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
