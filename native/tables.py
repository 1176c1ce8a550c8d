"""Write the tables of the inverse normal distribution function as C: ``python tables.py > tables.c``."""

import struct
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "src" / "oneseed" / "stream" / "data"
COLUMNS = {32: 4, 64: 8}
LETTERS = {32: "I", 64: "Q"}


def numbers(bits: int) -> tuple[int, ...]:
    """Return the numbers of a table from its `.npy` file; this runs where NumPy may be missing."""
    data = (DATA / f"quantile{bits}.npy").read_bytes()
    if data[:6] != b"\x93NUMPY" or data[6] != 1:
        raise ValueError(f"{DATA}/quantile{bits}.npy must be a .npy file of version 1")
    start = 10 + int.from_bytes(data[8:10], "little")
    header, body = data[10:start].decode("latin-1"), data[start:]
    rows = 8 * len(body) // (bits * COLUMNS[bits])
    if f"'<u{bits // 8}'" not in header or f"({rows}, {COLUMNS[bits]})" not in header or "False" not in header:
        raise ValueError(f"quantile{bits}.npy must hold rows of little-endian integers of {bits} bits: {header!r}")
    return struct.unpack(f"<{rows * COLUMNS[bits]}{LETTERS[bits]}", body)


def source() -> str:
    """Return the C file with both tables, whose rows do not cross the borders of cache lines."""
    lines = ['#include "engine.h"', ""]
    for bits, columns in COLUMNS.items():
        held = numbers(bits)
        suffix = "u" if bits == 32 else "ull"
        lines.append(f"ALIGNED const uint{bits}_t oneseed_table{bits}[{len(held) // columns}][{columns}] = {{")
        for start in range(0, len(held), columns):
            lines.append("    {" + ", ".join(f"{number}{suffix}" for number in held[start : start + columns]) + "},")
        lines += ["};", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(source())
