"""The one loop that fills a model's parameters."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from oneseed.draws import Draw
from oneseed.models.entry import Entry

DELAY = 2.0
"""Seconds after which a progress bar appears."""

SHOWN = 20
"""As many names a note holds at most, of each kind."""


def run(draws: Sequence[tuple[Entry, Draw]], put: Callable[[Entry, Draw], object]) -> None:
    """Fill parameters one after the other; what every backend does with `Plan.draws`.

    After 2 s, a terminal shows a progress bar. Ctrl-C takes effect between two parameters, so that each holds its old
    values or its new ones and never half.

    Parameters
    ----------
    draws : sequence of tuple
        Rows and their draws.
    put : callable
        ``put(entry, draw)`` fills one parameter.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once the parameter being written is done. A note says which parameters were done and which were
        not; errors of `put` get such a note too.
    """
    done, current = 0, False
    try:
        with _between_parameters() as let_through, _bar(draws) as bar:
            for entry, draw in draws:
                current = True
                put(entry, draw)
                current = False
                done += 1
                if bar is not None:
                    bar.advance(entry)
                let_through()
    except BaseException as error:
        names = [entry.name for entry, _ in draws]
        if current:
            error.add_note(f"It happened at the parameter {names[done]!r}, whose values may be neither old nor new.")
        error.add_note(
            f"Initialized before: {_listed(names[:done])}. Not initialized: {_listed(names[done + current :])}."
        )
        raise


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more} ({len(names)})" if names else "none"


@contextmanager
def _between_parameters() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back; the function that is yielded, called between parameters, passes it on to the earlier handler.

    Signals reach the main thread alone, and only it can say what they do.
    """
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if not callable(before):  # ignored, or handled by something that is not Python
        yield lambda: None
        return
    held: list[tuple[int, Any]] = []

    def let_through() -> None:
        if held:
            signal.signal(signal.SIGINT, before)
            number, frame = held.pop()
            held.clear()
            before(number, frame)
            signal.signal(signal.SIGINT, hold)

    def hold(number: int, frame: Any) -> None:
        held.append((number, frame))

    signal.signal(signal.SIGINT, hold)
    try:
        yield let_through
        let_through()
    finally:
        signal.signal(signal.SIGINT, before)


def _bar(draws: Sequence[tuple[Entry, Draw]]) -> "_Bar | nullcontext[None]":
    """Return a progress bar where there is a terminal."""
    return _Bar(draws) if sys.stderr is not None and sys.stderr.isatty() else nullcontext()


class _Bar:
    """A progress bar on a terminal, shown after 2 s even if the first parameter is still being written."""

    def __init__(self, draws: Sequence[tuple[Entry, Draw]]) -> None:
        self._draws = draws
        self._done = 0
        self._start = time.monotonic()
        self._progress: Any = None
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(DELAY, self._show)
        self._timer.daemon = True

    def __enter__(self) -> "_Bar":
        self._timer.start()
        return self

    def advance(self, entry: Entry) -> None:
        with self._lock:
            self._done += entry.bytes
            if self._progress is not None:
                self._progress.update(self._progress.task_ids[0], completed=self._done)

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._progress is not None:
                self._progress.stop()

    def _show(self) -> None:
        from rich import progress as bars
        from rich.console import Console
        from rich.table import Column

        total = sum(entry.bytes for entry, _ in self._draws)
        console = Console(stderr=True)
        if console.is_dumb_terminal:  # nothing could be taken away again
            return
        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(20),
            bars.TaskProgressColumn(),
            bars.DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("left", style="progress.remaining"),
        )
        with self._lock:
            if self._over:
                return
            # The speed is that since the bar is there: a large parameter may take longer than a shorter period.
            progress = bars.Progress(
                *columns,
                console=console,
                transient=True,
                speed_estimate_period=float("inf"),
                # What is printed meanwhile appears above the bar, but what goes to a file goes there.
                redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            )
            progress.add_task("initializing", total=total, completed=self._done)
            progress.tasks[0].start_time = self._start
            progress.start()
            self._progress = progress
