"""Write the tables of the page "Try it" from the package's own: ``python tests/tools/make_try_tables.py``.

`tests/test_javascript.py` compares the files with `source`.
"""

import json
from pathlib import Path

from oneseed.stream.quantile import table

FOLDER = Path(__file__).parents[2] / "docs" / "try"
FILES = {32: FOLDER / "tables.js", 64: FOLDER / "tables64.js"}


def source(bits: int) -> str:
    """Return a table as a module of JavaScript, a row of it on a line; 64 bits are two numbers, the high half first."""
    found = table(bits)
    halves = found.byteswap().view(">u4").tolist() if bits == 64 else found.tolist()
    lines = "".join(f"  {json.dumps(row)[1:-1]},\n" for row in halves)
    rows, columns = found.shape
    return (
        f"// The table of quantile{bits}.npy, {rows} rows of {columns} coefficients, the constant first.\n"
        + "// Each is two numbers: its high and its low half.\n" * (bits == 64)
        + "// Written by tests/tools/make_try_tables.py.\n\n"
        + f"export const QUANTILE{bits} = new Uint32Array([\n{lines}]);\n"
    )


if __name__ == "__main__":
    for bits, file in FILES.items():
        file.write_text(source(bits), encoding="utf-8")
