"""Headers of .safetensors files: written for files that are filled piece by piece, and read with no value loaded.

The safetensors library writes a file from whole tensors, which must all be in memory; so the header is written here. It
is the length of a JSON text as 8 little-endian bytes, the text, and then the values of all tensors without gaps.
"""

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple

from oneseed.checks import MAX_SIZE, Shape, regular_file, unique
from oneseed.dtypes import numpy_dtype
from oneseed.initializers.composed.files import DTYPES

NAMES = {**DTYPES, "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
"""Our names of dtypes by those of the format."""

CODES = {name: code for code, name in NAMES.items()}
"""The format's names of dtypes by ours."""

METADATA = "__metadata__"
"""The key beside the tensors' names; no tensor can have it as its name."""

LONGEST = 100_000_000
"""The longest header that the safetensors library reads, in bytes."""

ALIGNMENT = 8
"""The values begin at a multiple of this, so that files can be mapped into memory."""


class Stored(NamedTuple):
    """What a header says of a tensor."""

    dtype: str
    """The format's name of the dtype."""
    shape: Shape
    start: int
    """Where its values begin, in bytes after the header."""
    end: int


class Header(NamedTuple):
    """What a file says of itself."""

    tensors: dict[str, Stored]
    metadata: dict[str, str]
    size: int
    """The bytes before the values."""


class HeaderError(ValueError):
    """A header that is malformed, or missing."""


def written(tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> bytes:
    """Return the bytes that come before the values.

    Parameters
    ----------
    tensors : mapping of str to Stored
        The tensors, in the order of their values.
    metadata : mapping of str to str
        What the file says of itself.

    Returns
    -------
    bytes
        Length and text; the text ends in spaces, up to the alignment.

    Raises
    ------
    ValueError
        If the text would be longer than the safetensors library reads.
    """
    text: dict[str, Any] = {METADATA: dict(metadata)}
    for name, (dtype, shape, start, end) in tensors.items():
        text[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    data = json.dumps(text, separators=(",", ":"), ensure_ascii=False).encode()
    data += b" " * (-len(data) % ALIGNMENT)
    if len(data) > LONGEST:
        raise ValueError(
            f"A file must have a header of at most {LONGEST:,} bytes; use a smaller shard size. "
            f"Received: {len(tensors):,} tensors, whose header has {len(data):,} bytes"
        )
    return len(data).to_bytes(8, "little") + data


def read(path: str | os.PathLike[str]) -> Header:
    """Read the header of a file, and check all that it says; the values need not be there.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Header
        The tensors in the order of their values.

    Raises
    ------
    OSError
        If the file cannot be read.
    HeaderError
        If the header is malformed.
    ValueError
        If it is not a regular file.
    """
    regular_file(path)
    with open(path, "rb") as file:
        try:
            return _read(file)
        except HeaderError as error:
            raise HeaderError(f"{os.fspath(path)!r} is not a .safetensors file: {error}.") from None


def _read(file: BinaryIO) -> Header:
    length = int.from_bytes(start := file.read(8), "little")
    if len(start) < 8 or not 2 <= length <= LONGEST:
        raise HeaderError(f"its header's length must lie between 2 and {LONGEST:,} bytes")
    data = file.read(length)
    if len(data) < length:
        raise HeaderError(f"it ends within its header, which has {length:,} bytes")
    try:
        text = json.loads(data, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"its header is not JSON of unique keys ({shortened(error)})") from None
    if not isinstance(text, dict):
        raise HeaderError("its header is not a JSON object")
    metadata = text.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise HeaderError(f"{METADATA!r} must map names to texts")
    found = {name: _stored(name, row) for name, row in text.items()}
    ordered = dict(sorted(found.items(), key=lambda item: (item[1].start, item[1].end)))
    reached = 0
    for name, stored in ordered.items():
        if stored.start != reached:
            raise HeaderError(f"the values of {shortened(name)!r} do not begin where those before them end")
        reached = stored.end
    return Header(ordered, metadata, 8 + length)


def _stored(name: str, row: Any) -> Stored:
    what = f"{shortened(name)!r}"
    if not isinstance(row, dict) or set(row) != {"dtype", "shape", "data_offsets"}:
        raise HeaderError(f"{what} must have the keys 'dtype', 'shape' and 'data_offsets'")
    dtype, shape, offsets = row["dtype"], row["shape"], row["data_offsets"]
    if not isinstance(dtype, str) or not re.fullmatch(r"\w{1,20}", dtype):
        raise HeaderError(f"{what} has no dtype")
    if not whole_numbers(shape) or math.prod(size or 1 for size in shape) >= MAX_SIZE:
        raise HeaderError(f"{what} must have a shape of fewer than 2**63 elements")
    if not whole_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderError(f"{what} must have two offsets, of which the first is not the larger")
    if dtype in NAMES and offsets[1] - offsets[0] != math.prod(shape) * numpy_dtype(NAMES[dtype]).itemsize:
        raise HeaderError(f"{what} has another number of bytes than its shape and dtype need")
    return Stored(dtype, tuple(shape), *offsets)


def whole_numbers(value: Any) -> bool:
    """Tell whether something is a list of integers in [0, 2**63), and not too long for a shape."""
    return (
        isinstance(value, list)
        and len(value) <= 64
        and all(type(item) is int and 0 <= item < MAX_SIZE for item in value)
    )


def shortened(text: object, longest: int = 100) -> str:
    """Return what a file holds as a message shows it: a long text would bury what is said of it."""
    whole = str(text)
    return whole if len(whole) <= longest else f"{whole[:longest]}..."


def placed(tensors: Iterable[tuple[str, str, Shape]]) -> dict[str, Stored]:
    """Return where the values of tensors lie, given their names, dtypes and shapes in the order of a file."""
    found: dict[str, Stored] = {}
    end = 0
    for name, dtype, shape in tensors:
        start, end = end, end + math.prod(shape) * numpy_dtype(dtype).itemsize
        found[name] = Stored(CODES[dtype], shape, start, end)
    return found


def is_text(name: str) -> bool:
    """Tell whether files can hold a name: a lone surrogate has no form in UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_plain(name: Any) -> bool:
    """Tell whether something is the name of a .safetensors file, with no folder before it."""
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}\.safetensors", name) is not None
