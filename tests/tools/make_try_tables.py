"""Write the table of the page "Try it" from the package's own: ``python tests/tools/make_try_tables.py``.

`tests/test_javascript.py` compares the file with `source`.
"""

import json
import sys
from pathlib import Path

from oneseed.stream.quantile import table

FILE = Path(__file__).parents[2] / "docs" / "try" / "tables.js"


def source() -> str:
    """Return the table as a module of JavaScript, a row of it on a line."""
    rows = [json.dumps(row)[1:-1] for row in table(32).tolist()]
    lines = "".join(f"  {row},\n" for row in rows)
    return (
        f"// The table of quantile32.npy, {len(rows)} rows of {table(32).shape[1]} coefficients, the constant first.\n"
        f"// Written by tests/tools/make_try_tables.py.\n\n"
        f"export const QUANTILE32 = new Uint32Array([\n{lines}]);\n"
    )


if __name__ == "__main__":
    sys.exit(FILE.write_text(source(), encoding="utf-8") and 0)
