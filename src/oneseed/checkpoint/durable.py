"""Files that appear under their name when they are complete and on the disk, and not before."""

import errno
import os
import socket
import stat
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

ENDING = ".unfinished"

PAGE = 4096
"""The alignment of what goes past the system's cache of files."""


@contextmanager
def complete(path: Path) -> Iterator[int]:
    """Open a file beside a name; when the block ends well it is synced and gets the name, else it is removed.

    Parameters
    ----------
    path : Path
        The name.

    Yields
    ------
    int
        The descriptor, for writing and reading.

    Raises
    ------
    OSError
        If the file cannot be made, written or renamed.
    """
    try:
        unfinished, descriptor = _opened(path)
        try:
            try:
                yield descriptor
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(unfinished, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
        sync_folder(path.parent)
    except OSError as error:  # a write does not know the file's name
        raise OSError(error.errno, error.strerror, str(path)) from error


def _opened(path: Path) -> tuple[Path, int]:
    """Return a new file beside a name, locked for as long as it is open."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        name = f".{path.name}.{socket.gethostname()[:64]}.{os.getpid()}.{uuid.uuid4().hex}{ENDING}"
        unfinished = path.with_name(name)
        descriptor = os.open(unfinished, flags, 0o666)
        if fcntl is None:
            return unfinished, descriptor
        with suppress(OSError):  # a file system without locks, where nobody takes the file for abandoned
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.exists(unfinished):  # nobody has removed it before it was locked
            return unfinished, descriptor
        os.close(descriptor)


def put(path: Path, data: bytes) -> None:
    """Write a whole file that others may write at the same time, with the same content."""
    with complete(path) as descriptor:
        write_all(descriptor, data, 0)


def put_first(path: Path, data: bytes) -> bool:
    """Write a whole file if there is none of that name; tell whether this was the first."""
    if path.exists():
        return False
    try:
        unfinished, descriptor = _opened(path)
        try:
            try:
                write_all(descriptor, data, 0)
                os.fsync(descriptor)
                first = _linked(unfinished, path)
            finally:
                os.close(descriptor)  # Windows does not remove a file that is open
        finally:
            with suppress(FileNotFoundError):
                os.unlink(unfinished)
        sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    return first


def _linked(unfinished: Path, path: Path) -> bool:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        os.replace(unfinished, path)
    return True


def write_all(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write bytes at a place of a file, however many the system takes at once."""
    left = memoryview(data).cast("B")
    while left:
        done = _write_at(descriptor, left, offset)
        left, offset = left[done:], offset + done


def read_all(descriptor: int, into: memoryview, offset: int) -> bool:
    """Read bytes from a place of a file; tell whether there were as many."""
    left = into.cast("B")
    while left:
        done = _read_at(descriptor, left, offset)
        if done == 0:
            return False
        left, offset = left[done:], offset + done
    return True


class Output:
    """The values of a file, written from several threads, past the system's cache of files where that can be.

    The system's cache would copy what is written, keep it in memory that others need, and let the writer wait once it
    is full. Memory and file must be aligned alike for the way past it; the ends of a block, which are not, go through.

    Parameters
    ----------
    descriptor : int
        The file, open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._cached = descriptor
        self._direct: int | None = None
        # Threads that write to one file would wait for each other in the system, and keep processors busy with it.
        self._turn = threading.Lock()

    def __enter__(self) -> "Output":
        with suppress(OSError, AttributeError):  # no such way on this system, or on this file system
            self._direct = os.open(f"/proc/self/fd/{self._cached}", os.O_WRONLY | os.O_DIRECT)
        return self

    def __exit__(self, *error: object) -> None:
        if self._direct is not None:
            os.close(self._direct)

    def write(self, data: NDArray[np.uint8], place: int) -> None:
        """Write bytes at a place of the file."""
        head = -place % PAGE
        middle = head + (data.size - head) // PAGE * PAGE
        with self._turn:
            if self._direct is None or middle <= head or (data.ctypes.data - place) % PAGE:
                write_all(self._cached, data.data, place)
            elif self._past_the_cache(self._direct, data[head:middle].data, place + head):
                write_all(self._cached, data[:head].data, place)
                write_all(self._cached, data[middle:].data, place + middle)
            else:
                write_all(self._cached, data.data, place)

    def _past_the_cache(self, direct: int, data: memoryview, place: int) -> bool:
        try:
            write_all(direct, data, place)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # A file system that wants another alignment, or that was full in the middle.
            return False
        return True


if hasattr(os, "pwrite"):

    def _write_at(descriptor: int, data: memoryview, offset: int) -> int:
        return os.pwrite(descriptor, data, offset)

    def _read_at(descriptor: int, into: memoryview, offset: int) -> int:
        return os.preadv(descriptor, [into], offset)

else:  # Windows: a descriptor has one position, which threads take turns to move
    _turn = threading.Lock()

    def _write_at(descriptor: int, data: memoryview, offset: int) -> int:
        with _turn:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.write(descriptor, data)

    def _read_at(descriptor: int, into: memoryview, offset: int) -> int:
        with _turn:
            os.lseek(descriptor, offset, os.SEEK_SET)
            data = os.read(descriptor, len(into))
        into[: len(data)] = data
        return len(data)


def remove_unfinished(folder: Path, names: set[str]) -> None:
    """Remove what writers that are gone have left of files of these names; those at work hold a lock."""
    for path in folder.iterdir():
        name = path.name.removeprefix(".")
        if path.name.endswith(ENDING) and any(name.startswith(f"{known}.") for known in names):
            with suppress(OSError):
                _remove_abandoned(path)


def _remove_abandoned(path: Path) -> None:
    if not stat.S_ISREG(os.lstat(path).st_mode):  # not what a writer has left
        return
    if fcntl is not None:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(descriptor)
    else:
        os.unlink(path)


def sync_folder(folder: Path) -> None:
    """Have the system write down which names a folder has."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
