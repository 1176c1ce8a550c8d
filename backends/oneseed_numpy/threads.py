"""Threads that help the one that draws; between draws they wait."""

import os
from queue import SimpleQueue
from threading import Thread
from typing import Any

from oneseed.checks import index


def available() -> int:
    """Return how many threads draw together: ``ONESEED_NUM_THREADS``, by default one for each processor.

    Raises
    ------
    ValueError
        If the variable is not a positive integer.
    """
    asked = os.environ.get("ONESEED_NUM_THREADS")
    if asked:
        if not asked.isascii() or not asked.isdecimal():
            raise ValueError(
                f"`ONESEED_NUM_THREADS` must be a positive integer. Received: ONESEED_NUM_THREADS={asked!r}"
            )
        return index("ONESEED_NUM_THREADS", int(asked), 1, 2**16)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Helpers:
    """Threads that work on jobs of the kernels.

    They are daemons and need not be ended: they write only while the kernels' `draw` waits for them.

    Parameters
    ----------
    help : callable
        The kernels' function that works on a job.
    """

    def __init__(self, help: Any) -> None:
        self._help = help
        self._start_again()
        if hasattr(os, "register_at_fork"):  # threads do not survive a fork
            os.register_at_fork(after_in_child=self._start_again)

    def _start_again(self) -> None:
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._started = 0

    def ask(self, job: Any, helpers: int) -> None:
        """Have up to `helpers` threads work on a job; as many as the system grants."""
        jobs = self._jobs
        try:
            while self._started < helpers:
                Thread(target=self._serve, args=(jobs,), name="oneseed", daemon=True).start()
                self._started += 1
        except (RuntimeError, MemoryError):  # a limit, or the interpreter's end: the thread that asks does the rest
            pass
        for _ in range(min(helpers, self._started)):
            jobs.put(job)

    def _serve(self, jobs: "SimpleQueue[Any]") -> None:
        while True:
            self._help(jobs.get())
