"""Functions of PyTorch, seen while a thread builds a model.

Their code is exchanged, not their names, so that ``from torch.nn.init import ...`` is caught too.
"""

import os
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

Hook = Callable[..., Any]


class _Seen(threading.local):
    """What sees the calls of functions in a thread."""

    hooks: Mapping[Any, Hook] = types.MappingProxyType({})


class _Exchanged(NamedTuple):
    """A function whose code has been exchanged."""

    own: types.CodeType
    times: int
    """How often it is wanted at the moment, by all threads."""


_seen = _Seen()
_exchanged: dict[Any, _Exchanged] = {}
_lock = threading.Lock()


@contextmanager
def exchanged(functions: Iterable[Any], hook: Hook) -> Iterator[None]:
    """Have calls of functions in this thread go to ``hook(original, *args, **kwargs)``; one may be within another."""
    before, done = _seen.hooks, []
    try:
        for function in functions:
            done.append(function)
            _exchange(function)
        _seen.hooks = {**before, **dict.fromkeys(done, hook)}
        yield
    finally:
        _seen.hooks = before  # first: what Ctrl-C leaves exchanged then does what it always did
        for function in done:
            _give_back(function)


def _exchange(function: Any) -> None:
    with _lock:
        if function not in _exchanged:
            own, home, name = function.__code__, function.__globals__, f"_oneseed_{function.__qualname__}"
            original = types.FunctionType(own, home, function.__name__, function.__defaults__)
            # The new code finds this by its name among the globals of the function. It stays there: another thread may
            # be about to look for it when the code goes.
            home[name] = partial(_called, function, original)
            _exchanged[function] = _Exchanged(own, 0)
            function.__code__ = _passes_on.__code__.replace(co_names=(name,))
        own, times = _exchanged[function]
        _exchanged[function] = _Exchanged(own, times + 1)


def _give_back(function: Any) -> None:
    with _lock:
        if function in _exchanged:
            own, times = _exchanged[function]
            if times > 1:
                _exchanged[function] = _Exchanged(own, times - 1)
            else:
                function.__code__ = own
                del _exchanged[function]


def _called(function: Any, original: Any, *args: Any, **kwargs: Any) -> Any:
    hook = _seen.hooks.get(function)
    return original(*args, **kwargs) if hook is None else hook(original, *args, **kwargs)


def _passes_on(*args: Any, **kwargs: Any) -> Any:
    return _target(*args, **kwargs)  # type: ignore[name-defined] # noqa: F821


def _after_fork() -> None:
    """Give all functions their code back: a child begins anew, and has no other threads."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _seen.hooks = {}
    for function, (own, _) in _exchanged.items():
        function.__code__ = own
    _exchanged.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
