"""A file of tensors, made block by block by several threads."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from oneseed.checkpoint import blocks, durable
from oneseed.checkpoint.manifest import File
from oneseed.digest import Digest
from oneseed.draws import Draw
from oneseed.models.entry import Entry

Tick = Callable[[int], None]
"""Called with the bytes that were done since; what it raises ends the work."""

Made = TypeVar("Made")
Task = Callable[[], tuple[str, str | None]]

THREADS = 4
"""The most threads: each has a block of memory, and most of a thread's time is the fingerprint's."""


def threads() -> int:
    """Return how many threads work on a file; never one alone, since a thread waits for the disk now and then."""
    return max(2, min(THREADS, os.cpu_count() or 1))


class Stopped(Exception):
    """Ends the work of a thread when another one has failed."""


class Workers:
    """Threads that work on tensors until one fails or the main thread is interrupted."""

    def __init__(self, tick: Tick, count: int) -> None:
        self.scratch = blocks.Scratch()
        self._pool = ThreadPoolExecutor(count, "oneseed-files")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._report = tick

    def tick(self, done: int) -> None:
        """Count what a thread has done; Stopped if it is to end."""
        if self._stop.is_set():
            raise Stopped
        if done:
            with self._lock:
                self._report(done)

    def run(self, tasks: Iterable[Callable[[], Made]]) -> list[Made]:
        """Do all tasks, in any order, and return what they return, in their order; what one raises is raised here."""
        futures: list[Future[Made]] = []
        try:
            futures += [self._pool.submit(task) for task in tasks]
            wait(futures, return_when=FIRST_EXCEPTION)
            if failed := [future for future in futures if future.done() and future.exception() is not None]:
                failed[0].result()
        except BaseException:
            self._stop.set()
            for future in futures:
                future.cancel()
            wait(futures)
            self._stop.clear()
            raise
        return [future.result() for future in futures]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()


def write_file(file: File, folder: Path, workers: Workers) -> None:
    """Write a file; it has its name when it is complete and on the disk, and until then is not there.

    Parameters
    ----------
    file : File
        What it holds.
    folder : Path
        Where.
    workers : Workers
        Threads.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with durable.complete(folder / file.name) as descriptor:
        os.truncate(descriptor, file.size)
        with durable.Output(descriptor) as output:
            tasks: list[tuple[int, Task]] = []
            for entry, draw in file.tensors:
                tasks.append((entry.bytes, partial(_write, file, entry, draw, output, workers)))
                if not _in_one_pass(draw):
                    tasks.append((entry.bytes, partial(_fingerprint, entry, draw, workers)))
            # The largest first, so that the threads end together.
            tasks.sort(key=lambda task: -task[0])
            digests = workers.run(task for _, task in tasks)
        found = {name: digits for name, digits in digests if digits is not None}
        durable.write_all(descriptor, file.header(found), 0)


def _in_one_pass(draw: Draw) -> bool:
    """Tell whether the values come in the order of the fingerprint, or all at once."""
    return blocks.in_order(draw) or blocks.made_whole(draw)


def _write(file: File, entry: Entry, draw: Draw, output: durable.Output, workers: Workers) -> tuple[str, str | None]:
    """Make a tensor and write it; return its name, and the fingerprint where that takes no second pass."""
    place = file.begin + file.stored[entry.name].start
    digest = Digest(draw.dtype, blocks.logical_shape(draw)) if _in_one_pass(draw) else None
    if digest is not None and blocks.made_whole(draw):
        workers.tick(0)
        with blocks.whole(draw) as tensor:
            _put(tensor, output, place, workers)
            digest.update(tensor.transpose(draw.order))
        return entry.name, digest.hexdigest()
    for values in blocks.blocks(draw, workers.scratch, place):
        _put(values, output, place, workers)
        place += values.nbytes
        if digest is not None:
            digest.update(values)
    return entry.name, None if digest is None else digest.hexdigest()


def _put(values: Any, output: durable.Output, place: int, workers: Workers) -> None:
    data = values.reshape(-1).view(np.uint8)
    for start in range(0, data.size, blocks.BLOCK):
        part = data[start : start + blocks.BLOCK]
        output.write(part, place + start)
        workers.tick(part.size)


def _fingerprint(entry: Entry, draw: Draw, workers: Workers) -> tuple[str, str]:
    """Make a tensor in its logical order, which is faster than to gather its values from the file."""
    return entry.name, blocks.fingerprint(draw, workers.scratch, workers.tick)
