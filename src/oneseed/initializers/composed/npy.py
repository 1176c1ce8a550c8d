"""Arrays in .npy files, of which no text reaches NumPy's parsers: those are not made for what comes from strangers."""

import math
import os
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.dtypes import NUMERIC

MAGIC = b"\x93NUMPY"
LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
"""The bytes of the header's length, by the version of the format."""

LONGEST = 10_000
"""As many bytes a header has at most; those of arrays of numbers have 118 or 246."""

ENTRIES = {
    "descr": r"""['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|(\[))""",
    "fortran_order": r"""['"]fortran_order['"]\s*:\s*(True|False)\b""",
    "shape": r"""['"]shape['"]\s*:\s*\(([0-9,\s]*)\)""",
}
"""The entries of the header, a dict of Python as text. A list as "descr" is a dtype with fields."""

CODE = r"[<>=|]?(?:b1|c8|c16|f[248]|[iu][1248])"
"""What the format calls a dtype of numbers."""


def mapped(path: str) -> NDArray[Any]:
    """Map the array of a .npy file into memory, to be read.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray
        The array, of one of the dtypes of `NUMERIC`.

    Raises
    ------
    ValueError
        If it is not a .npy file of numbers, or shorter than its header says.
    """
    with open(path, "rb") as file:
        start, text = _header(file.read(LONGEST + 12), path)
    found = {name: re.search(pattern, text) for name, pattern in ENTRIES.items()}
    descr, order, sizes = found.values()
    if descr is None or order is None or sizes is None:
        raise malformed(path, f"its header lacks {', '.join(name for name, entry in found.items() if entry is None)}")
    dtype = _dtype(descr, path)
    try:
        shape = checks.shape(tuple(int(size) for size in sizes[1].replace(",", " ").split()))
    except ValueError as error:
        raise malformed(path, str(error)) from None
    length = math.prod(shape) * dtype.itemsize
    if os.path.getsize(path) < start + length:
        raise malformed(path, f"its header tells of {length} bytes, and there are fewer")
    layout: Any = "F" if order[1] == "True" else "C"
    if not length:  # there is nothing to map
        return np.empty(shape, dtype, layout)
    return np.memmap(path, dtype, "r", start, shape, layout)


def malformed(path: str, why: str) -> ValueError:
    """Return the error of a file that is not one of numbers."""
    return ValueError(f"`path` must name a .npy file of numbers: {why}. Received: path={shown(path)}")


def no_numbers(path: str, dtype: object) -> ValueError:
    """Return the error of a tensor that holds no numbers."""
    return ValueError(
        f"`path` must name a tensor of one of {', '.join(NUMERIC)}, not of {dtype}. Received: path={shown(path)}"
    )


def _header(data: bytes, path: str) -> tuple[int, str]:
    """Return where the elements begin, and the header."""
    width = LENGTHS.get(data[6:8]) if data.startswith(MAGIC) else None
    if width is None:
        raise malformed(path, "it does not begin as one of version 1, 2 or 3")
    start = 8 + width
    end = start + int.from_bytes(data[8:start], "little")
    if len(data) < end or end - start > LONGEST:
        raise malformed(path, f"its header is cut off, or longer than {LONGEST} bytes")
    return end, data[start:end].decode("latin-1")


def _dtype(descr: re.Match[str], path: str) -> np.dtype[Any]:
    text = descr[1] or descr[2] or ""
    if descr[3]:
        raise no_numbers(path, "fields")
    if text.endswith("O"):
        raise malformed(path, "it holds Python objects, which are never loaded")
    if not re.fullmatch(CODE, text):
        raise no_numbers(path, text[:20])
    return np.dtype(text)
