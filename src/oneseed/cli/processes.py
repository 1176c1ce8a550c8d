"""Processes of their own for backends.

A framework may print logs, clash with another one that is loaded beside it, or end the process. Each backend that is
installed is therefore loaded in a process of its own, which tells what it finds line by line, as JSON.
"""

import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any, TypeVar

from oneseed import registry

Value = TypeVar("Value")
Facts = dict[str, Any]

_running: set["subprocess.Popen[str]"] = set()
_lock = threading.Lock()


class EndedError(RuntimeError):
    """A process ended before it had told everything; the message has the last line that it printed."""


def listen(task: str, name: str) -> Iterator[Facts]:
    """Do a task of `oneseed.cli.worker` with a backend in a process of its own, and yield what that tells.

    Parameters
    ----------
    task : str
        The task.
    name : str
        The backend's name.

    Yields
    ------
    dict
        Plain data.

    Raises
    ------
    EndedError
        If the process ends with a status other than 0.
    """
    # The same search path, without the current folder that -m would put before it.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "oneseed.cli.worker", task, name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
            text=True,
            encoding="utf-8",
        )
        with _lock:
            _running.add(process)
        try:
            assert process.stdout is not None
            with process.stdout as lines:
                for line in lines:
                    yield json.loads(line)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
            with _lock:
                _running.discard(process)
        if status:
            raise EndedError(f"The process ended with {_cause(status)}: {_last_line(log)}")


def _cause(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"status {status}"


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"


def each(names: list[str], work: Callable[[str], Value]) -> dict[str, Value]:
    """Call a function with each name, in as many threads as there are processors.

    Parameters
    ----------
    names : list of str
        The names.
    work : callable
        The function. Processes that it listens to are ended where one call raises, or Ctrl-C comes.

    Returns
    -------
    dict
        The results by name.
    """
    if not names:
        return {}
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(min(count, len(names))) as pool:
        waiting = {name: pool.submit(work, name) for name in names}
        try:
            return {name: future.result() for name, future in waiting.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            with _lock:
                for process in _running:
                    process.kill()
            raise


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what a framework's libraries log in this process, past Python, on standard error.

    What Python writes to `sys.stderr`, such as warnings and progress bars, is shown; so is where the process was if a
    library ends it.
    """
    before = sys.stderr
    try:
        shown = os.dup(2)
        before.flush()
    except (AttributeError, OSError):  # the process has no standard error
        yield
        return
    with open(shown, "w", encoding=before.encoding, errors=before.errors, buffering=1) as stream:
        began = not faulthandler.is_enabled()
        if began:
            faulthandler.enable(stream)
        try:
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            if _is_standard(before):
                sys.stderr = stream
            yield
        finally:
            sys.stderr = before
            if began:
                faulthandler.disable()
            os.dup2(shown, 2)


def _is_standard(stream: Any) -> bool:
    try:
        return bool(stream.fileno() == 2)
    except OSError:  # one that writes to no file
        return False


def own(name: str) -> bool:
    """Tell whether another process can find a backend: one that a package declares, not one registered in this one."""
    return registry.is_declared(name) and bool(sys.executable)
