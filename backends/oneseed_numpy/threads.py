"""Threads that draw together: the one that asks, and others that wait for work between draws."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import zip_longest
from typing import TypeVar

Item = TypeVar("Item")


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "oneseed")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


def in_threads(work: Callable[[Item], None], items: Sequence[Item], threads: int) -> None:
    """Do a piece of work for each item, in this thread and `threads - 1` others.

    Parameters
    ----------
    work : callable
        What is done; it lets go of the interpreter's lock.
    items : sequence
        Its arguments. Those at work at the same time lie far apart in the sequence: two threads that write to
        neighbouring places for the first time would both have the same large page of memory cleared.
    threads : int
        How many threads work at most.

    Raises
    ------
    BaseException
        What `work` raises; no thread is at work any more then.
    """
    spans = (items[k * len(items) // threads : (k + 1) * len(items) // threads] for k in range(threads))
    waiting = deque(item for row in zip_longest(*spans) for item in row if item is not None)

    def run() -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            work(item)

    others = [_pool(threads - 1).submit(run) for _ in range(threads - 1)]
    try:
        run()
    finally:
        waiting.clear()
        for other in others:
            # One that has not begun, because the threads are busy with another draw, is not waited for.
            if not other.cancel():
                other.result()
