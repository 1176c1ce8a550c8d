"""Functions of PyTorch, seen while a thread builds a model.

Their code is exchanged, not their names, so that ``from torch.nn.init import ...`` is caught too.
"""

import os
import threading
import types
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

Hook = Callable[..., Any]


class _Seen(threading.local):
    """What sees the calls of functions in a thread."""

    hooks: Mapping[Any, Hook] = types.MappingProxyType({})


class _Code(NamedTuple):
    """What a function whose code has been exchanged had before."""

    own: types.CodeType
    times: int
    """How often it is wanted at the moment, by all threads."""


_seen = _Seen()
_exchanged: dict[Any, _Code] = {}
_lock = threading.Lock()


class Exchanged:
    """A context in which calls of functions in this thread go to a hook; one may be within another.

    Parameters
    ----------
    functions : iterable of function
        The functions.
    hook : callable
        ``hook(original, *args, **kwargs)`` returns what the call returns.
    """

    __slots__ = ("_before", "_done", "_functions", "_hook")

    def __init__(self, functions: Iterable[Any], hook: Hook) -> None:
        self._functions = tuple(functions)
        self._hook = hook
        self._done: list[Any] = []
        self._before: Mapping[Any, Hook] = {}

    def __enter__(self) -> None:
        """Exchange the functions."""
        self._before = _seen.hooks
        try:
            for function in self._functions:
                self._done.append(function)
                _exchange(function)
            _seen.hooks = {**self._before, **dict.fromkeys(self._functions, self._hook)}
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        """Give them back."""
        _seen.hooks = self._before  # first: what Ctrl-C leaves exchanged then does what it always did
        for function in self._done:
            _give_back(function)


def _exchange(function: Any) -> None:
    with _lock:
        if function not in _exchanged:
            own, home, name = function.__code__, function.__globals__, f"_oneseed_{function.__qualname__}"
            original = types.FunctionType(own, home, function.__name__, function.__defaults__)
            # The new code finds this by its name among the globals of the function. It stays there: another thread may
            # be about to look for it when the code goes.
            home[name] = partial(_called, function, original)
            _exchanged[function] = _Code(own, 0)
            function.__code__ = _passes_on.__code__.replace(co_names=(name,))
        own, times = _exchanged[function]
        _exchanged[function] = _Code(own, times + 1)


def _give_back(function: Any) -> None:
    with _lock:
        if function in _exchanged:
            own, times = _exchanged[function]
            if times > 1:
                _exchanged[function] = _Code(own, times - 1)
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
