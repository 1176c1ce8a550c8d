"""Files that appear under their name when they are complete and on the disk, and not before."""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

ENDING = ".unfinished"


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
            write_all(descriptor, data, 0)
            os.fsync(descriptor)
            first = _linked(unfinished, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(unfinished)
            os.close(descriptor)
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
