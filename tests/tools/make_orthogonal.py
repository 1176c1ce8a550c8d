"""Write the known answers of small orthogonal matrices, from the definition alone.

    python tests/tools/make_orthogonal.py src/oneseed/stream/data/orthogonal.json

Each case has all elements of its matrix, or some of a larger one: row, column and the bits in float64, of both parts
where `imaginary` names the stream of the imaginary ones. As every element depends on nearly all steps, a few show an
error in any of them.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orthogonal_oracle
import reference

CASES = [
    (7, [], 0, 1, 1, 1.0),
    (0, [], 0, 2, 2, 1.0),
    (7, ["w"], 0, 5, 3, 1.5),
    (2**64 - 1, ["encoder", 3, "kernel"], 2, 3, 5, 0.7),
    (9, [], 0, 37, 41, 1.5),
    (7, [], 1, 64, 64, 1.0),
    (1, ["tall"], 0, 300, 17, 1.0),
    (1, ["wide"], 0, 17, 300, -2.0),
    (7, [], 0, 256, 256, 1.0),
    (7, ["w"], 1, 3, 2, 1.5, True),
    (2**64 - 1, [], 0, 4, 6, 0.7, True),
    (9, [], 0, 33, 20, 1.0, True),
]
"""Seed, path, number in the field, rows, columns, gain, and whether the matrix is complex."""

ALL = 25
"""The most elements of a matrix of which all are kept."""


def places(rows, columns):
    """Return the rows and columns of the elements that are kept."""
    if rows * columns <= ALL:
        return [(i, j) for i in range(rows) for j in range(columns)]
    corners = [(i, j) for i in (0, rows - 1) for j in (0, columns - 1)]
    return corners + [(7919 * k % rows, 104729 * k % columns) for k in range(1, 13)]


def case(seed, path, number, rows, columns, gain, imaginary=False):
    """Return a case as plain data."""
    q = orthogonal_oracle.orthogonal(seed, path, rows, columns, gain, number, imaginary)
    elements = [[i, j, *orthogonal_oracle.patterns(q[i][j])] for i, j in places(rows, columns)]
    return {
        "seed": seed,
        "path": path,
        "stream": reference.stream_of(tuple(path)),
        "imaginary": reference.stream_of((*path, "imag")) if imaginary else None,
        "number": number,
        "rows": rows,
        "columns": columns,
        "gain": gain,
        "elements": elements,
    }


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case(*each)) for each in CASES)
    Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
