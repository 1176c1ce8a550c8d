"""Whether files hold what they are to hold: by their headers, their fingerprints, or every value."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed.checkpoint import blocks, durable, headers
from oneseed.checkpoint.manifest import BLANK, FINGERPRINTS, PREFIX, File
from oneseed.checkpoint.writing import Workers
from oneseed.digest import Digest
from oneseed.draws import Draw
from oneseed.dtypes import numpy_dtype
from oneseed.models.entry import Entry

ACROSS = 4
"""How many times larger blocks are that lie across their file, and fewer the threads that have one."""

MISSING = "missing"

ROWS = 32
"""As many rows as are transposed together: few enough for the cache."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """What is wrong with a checkpoint.

    Attributes
    ----------
    file : str
        The file.
    reason : str
        What is wrong, in words.
    tensor : str or None
        The tensor, where values differ.
    element : tuple of int or None
        The index of the first element that differs; None where that is not known.
    expected, found : str or None
        The element's values, or fingerprints.
    """

    file: str
    reason: str
    tensor: str | None = None
    element: tuple[int, ...] | None = None
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        """Say it in one sentence."""
        if self.tensor is None:
            return f"{self.file}: {self.reason}"
        where = f" at {self.element}" if self.element is not None else ""
        return f"{self.file}: {self.tensor}{where}: {self.reason}: {self.found}, expected {self.expected}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "file": self.file,
            "tensor": self.tensor,
            "element": None if self.element is None else list(self.element),
            "reason": self.reason,
            "expected": self.expected,
            "found": self.found,
        }


def described(file: File, folder: Path) -> tuple[dict[str, str], Difference | None]:
    """Compare a file's size and header with the plan; return the fingerprints that it tells of itself."""
    try:
        return _told(file, folder / file.name), None
    except FileNotFoundError:
        return {}, Difference(file.name, MISSING)
    except ValueError as error:
        return {}, Difference(file.name, str(error))
    except OSError as error:
        return {}, Difference(file.name, f"cannot be read: {error.strerror}")


def _told(file: File, path: Path) -> dict[str, str]:
    """Return the fingerprints in a file's header; ValueError if it is not the planned file."""
    header = headers.read(path)
    plan, number = header.metadata.get(f"{PREFIX}plan"), header.metadata.get(f"{PREFIX}file")
    if plan is None:
        raise ValueError("not a file of a checkpoint of oneseed")
    if plan != file.metadata[f"{PREFIX}plan"]:
        seed = headers.shortened(header.metadata.get(f"{PREFIX}seed"))
        raise ValueError(f"a file of another plan, whose seed is {seed}")
    if number != file.metadata[f"{PREFIX}file"]:
        raise ValueError(f"another file of the same plan, number {headers.shortened(number)}")
    prints = header.metadata.get(FINGERPRINTS, "").split(" ")[:-1]
    found = dict(zip(file.stored, prints, strict=False))
    with open(path, "rb") as opened:
        data = opened.read(file.begin)
    if len(found) != len(file.stored) or BLANK in prints or data != file.header(found):
        raise ValueError("damaged: its header is not the one that was written")
    if (size := path.stat().st_size) != file.size:
        raise ValueError(f"damaged: it has {size:,} bytes in place of {file.size:,}")
    return found


def values_differ(
    file: File, folder: Path, workers: Workers, prints: Mapping[str, str], by_print: Callable[[Draw], bool]
) -> Difference | None:
    """Compare the values of a file with those that are made again, or the fingerprints of some with the known ones."""
    descriptor = os.open(folder / file.name, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        found = workers.run(
            partial(
                _by_fingerprint if by_print(draw) else _by_value,
                *(file, entry, draw, descriptor, workers, prints[entry.name]),
            )
            for entry, draw in file.tensors
        )
    finally:
        os.close(descriptor)
    return next((difference for difference in found if difference is not None), None)


def _by_value(file: File, entry: Entry, draw: Draw, descriptor: int, workers: Workers, known: str) -> Difference | None:
    place = file.begin + file.stored[entry.name].start
    if blocks.made_whole(draw):
        workers.tick(0)
        with blocks.whole(draw) as tensor:
            at = _first(tensor, descriptor, place, workers)
            return None if at is None else _unlike(file, entry, draw, at, tensor, descriptor, workers, known)
    for offset, block in blocks.pieces(draw.shape, blocks.limit(draw)):
        values = workers.scratch.take(draw.dtype, block)
        blocks.fill(draw._replace(offset=offset, block=block), values)
        at = _first(values, descriptor, place, workers)
        if at is not None:
            within = np.unravel_index(at, block)
            element = tuple(int(first + more) for first, more in zip(offset, within, strict=True))
            found = _element(draw, descriptor, place + at * values.itemsize)
            return Difference(file.name, "another value", entry.name, element, str(values.reshape(-1)[at]), found)
        place += values.nbytes
    return None


def _unlike(
    file: File, entry: Entry, draw: Draw, at: int, values: Array, descriptor: int, workers: Workers, known: str
) -> Difference:
    """Say how a tensor that is made as a whole differs: its last bits may depend on the machine's linear algebra."""
    reason = "another value"
    if _read_print(file, entry, draw, descriptor, workers) == known:
        reason += " than this machine computes, though the fingerprint is as it was when the file was written"
    place = file.begin + file.stored[entry.name].start + at * values.itemsize
    element = tuple(int(index) for index in np.unravel_index(at, draw.shape))
    found = _element(draw, descriptor, place)
    return Difference(file.name, reason, entry.name, element, str(values.reshape(-1)[at]), found)


def _element(draw: Draw, descriptor: int, place: int) -> str:
    value = np.empty(1, numpy_dtype(draw.dtype))
    durable.read_all(descriptor, value.view(np.uint8).data, place)
    return str(value[0])


def _first(values: Array, descriptor: int, place: int, workers: Workers) -> int | None:
    """Return the first element that is another one in the file; None if there is none."""
    expected = values.reshape(-1).view(np.uint8)
    for start in range(0, expected.size, blocks.BLOCK):
        part = expected[start : start + blocks.BLOCK]
        read = workers.scratch.take("uint8", part.shape, which=1)
        if not durable.read_all(descriptor, read.data, place + start):
            read[:] = ~part  # the file has been cut while it is read
        if not _same(part, read):
            return (start + int(np.argmax(part != read))) // values.itemsize
        workers.tick(part.size)
    return None


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    words = one.size & ~7
    return np.array_equal(one[:words].view(np.uint64), other[:words].view(np.uint64)) and np.array_equal(
        one[words:], other[words:]
    )


def _by_fingerprint(
    file: File, entry: Entry, draw: Draw, descriptor: int, workers: Workers, known: str
) -> Difference | None:
    found = _read_print(file, entry, draw, descriptor, workers)
    if found == known:
        return None
    return Difference(file.name, "another fingerprint", entry.name, None, known, found)


def _read_print(file: File, entry: Entry, draw: Draw, descriptor: int, workers: Workers) -> str:
    """Return the fingerprint of a tensor as the file holds it."""
    start = file.begin + file.stored[entry.name].start
    digest = Digest(draw.dtype, blocks.logical_shape(draw))
    size = numpy_dtype(draw.dtype).itemsize
    if blocks.in_order(draw):
        done = 0
        for _, block in blocks.pieces(draw.shape, blocks.BLOCK // size):
            values = workers.scratch.take(draw.dtype, block)
            if not durable.read_all(descriptor, values.reshape(-1).view(np.uint8).data, start + done):
                return "cut off"
            digest.update(values)
            done += values.nbytes
            workers.tick(values.nbytes)
        return digest.hexdigest()
    back = [draw.order.index(axis) for axis in range(len(draw.order))]
    # Each of these blocks reads over the whole tensor, so they are large.
    for offset, block in blocks.pieces(blocks.logical_shape(draw), ACROSS * blocks.BLOCK // size):
        values = workers.scratch.take(draw.dtype, block)
        part = draw._replace(offset=tuple(offset[at] for at in back), block=tuple(block[at] for at in back))
        if not _gather(part, values.transpose(back), descriptor, start, workers):
            return "cut off"
        digest.update(values)
        workers.tick(values.nbytes)
    return digest.hexdigest()


def _gather(draw: Draw, out: Array, descriptor: int, start: int, workers: Workers) -> bool:
    """Read a block of a tensor that lies across its file; tell whether the file reaches as far."""
    kind = np.dtype(f"u{out.itemsize}")  # NumPy moves integers faster than dtypes that it does not know
    for offset, block in blocks.pieces(draw.shape, blocks.BLOCK // out.itemsize):
        count = math.prod(block)
        lows = [max(one, other) for one, other in zip(offset, draw.offset, strict=True)]
        ends = [
            min(one + many, other + more)
            for one, many, other, more in zip(offset, block, draw.offset, draw.block, strict=True)
        ]
        if all(low < end for low, end in zip(lows, ends, strict=True)):
            # Not mapped into memory: where a mapped file is cut off meanwhile, the system ends the process.
            values = workers.scratch.take(kind.name, block, which=1)
            if not durable.read_all(descriptor, values.reshape(-1).view(np.uint8).data, start):
                return False
            source = values[_cuts(lows, ends, offset)]
            into = out.view(kind)[_cuts(lows, ends, draw.offset)]
            for row in range(0, len(into), ROWS):
                into[row : row + ROWS] = source[row : row + ROWS]
        start += count * out.itemsize
        workers.tick(0)
    return True


def _cuts(lows: Sequence[int], ends: Sequence[int], offset: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(low - at, end - at) for low, end, at in zip(lows, ends, offset, strict=True))
