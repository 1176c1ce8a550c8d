"""Progress by bytes: a bar on a terminal, and now and then a line where a log is written."""

import sys
import threading
import time
from typing import Any

DELAY = 2.0
"""Seconds after which a bar appears."""

EVERY = 30.0
"""Seconds between two lines of a log."""


class Progress:
    """Shows how many bytes are done, at which rate, and how long the rest takes; on standard error.

    Parameters
    ----------
    what : str
        What is done, such as "writing".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = self._shown = time.monotonic()
        self._bar: Any = None
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._lock = threading.Lock()

    def __call__(self, done: int, total: int) -> None:
        """Take what is done."""
        now = time.monotonic()
        with self._lock:
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=done, total=total)
            elif self._terminal and now - self._start > DELAY:
                self._show(done, total)
            elif not self._terminal and now - self._shown > EVERY:
                self._shown = now
                print(f"oneseed: {self._what}: {line(done, total, now - self._start)}", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, done: int, total: int) -> None:
        from rich import progress as bars
        from rich.console import Console
        from rich.table import Column

        console = Console(stderr=True)
        if console.is_dumb_terminal:
            self._terminal = False
            return
        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(20),
            bars.TaskProgressColumn(),
            bars.DownloadColumn(table_column=Column(no_wrap=True)),
            bars.TransferSpeedColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("left", style="progress.remaining"),
        )
        bar = bars.Progress(*columns, console=console, transient=True, speed_estimate_period=60)
        bar.add_task(self._what, total=total, completed=done)
        bar.start()
        self._bar = bar


def line(done: int, total: int, seconds: float) -> str:
    """Say how far something is."""
    rate = done / seconds if seconds > 0 else 0.0
    left = f", {clock((total - done) / rate)} left" if rate else ""
    return f"{size(done)} of {size(total)}, {size(round(rate))}/s{left}"


def clock(seconds: float) -> str:
    """Write a span of time as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def size(count: int) -> str:
    """Write a number of bytes, as disks count: 1 GB is 10**9 bytes."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
