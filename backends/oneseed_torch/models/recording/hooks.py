"""Functions of PyTorch, seen while a thread builds a model.

Their code is exchanged, not their names, so that ``from torch.nn.init import ...`` is caught too.
"""

import os
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

Hook = Callable[..., Any]


class _Exchange:
    """A function, and who sees its calls."""

    def __init__(self, function: Any) -> None:
        home, name = function.__globals__, f"_oneseed_{function.__qualname__}"
        self.function = function
        self.code = function.__code__
        self.original = types.FunctionType(self.code, home, function.__name__, function.__defaults__)
        self.hooks: dict[int, list[Hook]] = {}
        """The hooks of each thread, the last of which is called."""
        # The code runs with the globals of the function, where this name leads here. It stays there: another thread may
        # be about to look it up when the last hook goes.
        home[name] = partial(_called, self)
        self.passes_on = _passes_on.__code__.replace(co_names=(name,))


def _called(exchange: _Exchange, *args: Any, **kwargs: Any) -> Any:
    hooks = exchange.hooks.get(threading.get_ident())
    return hooks[-1](exchange.original, *args, **kwargs) if hooks else exchange.original(*args, **kwargs)


def _passes_on(*args: Any, **kwargs: Any) -> Any:
    return _target(*args, **kwargs)  # type: ignore[name-defined] # noqa: F821


_LOCK = threading.Lock()
_at_work: dict[Any, _Exchange] = {}
"""The functions that hooks are for now."""


@contextmanager
def exchanged(functions: Iterable[Any], hook: Hook) -> Iterator[None]:
    """Have calls of functions in this thread go to ``hook(original, *args, **kwargs)``; one may be within another."""
    thread, entered = threading.get_ident(), []
    try:
        for function in functions:
            with _LOCK:
                exchange = _at_work.get(function) or _Exchange(function)
                _at_work[function] = exchange
                exchange.hooks.setdefault(thread, []).append(hook)
                entered.append(exchange)
                function.__code__ = exchange.passes_on
        yield
    finally:
        for exchange in entered:
            with _LOCK:
                exchange.hooks[thread].pop()
                if not exchange.hooks[thread]:
                    del exchange.hooks[thread]
                _end(exchange)


def _end(exchange: _Exchange) -> None:
    """Give a function its own code back, if nobody sees its calls any more."""
    if not exchange.hooks:
        exchange.function.__code__ = exchange.code
        del _at_work[exchange.function]


def _after_fork() -> None:
    """Forget the parent's other threads, which are not in the child: a new one may have the number of one of them."""
    global _LOCK  # noqa: PLW0603
    _LOCK = threading.Lock()
    here = threading.get_ident()
    for exchange in list(_at_work.values()):
        exchange.hooks = {thread: hooks for thread, hooks in exchange.hooks.items() if thread == here}
        _end(exchange)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
