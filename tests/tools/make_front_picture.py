"""Draw the first page's picture, a kernel as frameworks print it: ``python tests/tools/make_front_picture.py``.

It needs all four frameworks. `tests/test_pictures.py` compares what it says with what those that are installed print.
"""

import sys
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import oneseed
from oneseed import initializers

PICTURE = Path(__file__).parents[2] / "docs" / "assets" / "frameworks.svg"

# PyTorch is imported before TensorFlow, after which it cannot be.
FRAMEWORKS = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
SEED, SHAPE = 7, (2, 2)

WIDTH, MARGIN, LINE, GAP, TOP = 400, 14, 16, 12, 42
PAGE, PANEL, INK, NAME, MARK = "#123d33", "#0b2a23", "#e6f2ee", "#9fe0cc", "#ffc857"
TILE = 12


def kernel(backend: str) -> Any:
    """Return the kernel of the picture."""
    return initializers.HeNormal(seed=SEED)(SHAPE, backend=backend)


def lines(backend: str) -> list[str]:
    """Return what a framework prints, with the fingerprint."""
    drawn = kernel(backend)
    return [*repr(drawn).splitlines(), f"fingerprint {oneseed.fingerprint(drawn)}"]


def tiles(x: int, y: int) -> list[str]:
    """Return the kernel as colored squares, red above 0 and blue below."""
    values = kernel("numpy")
    parts = []
    for (row, column), value in np.ndenumerate(values):
        color, strength = "#ff6f61" if value > 0 else "#5aa9ff", round(float(abs(value) / abs(values).max()), 2)
        place = f'x="{x + column * TILE}" y="{y + row * TILE}" width="{TILE - 1}" height="{TILE - 1}"'
        parts.append(f'<rect {place} fill="{color}" fill-opacity="{strength}"/>')
    return parts


def picture() -> str:
    """Return the picture as text of SVG."""
    y, body = TOP, []
    for backend, name in FRAMEWORKS.items():
        printed = lines(backend)
        tall = 34 + LINE * len(printed)
        body.append(f'<rect x="8" y="{y}" width="{WIDTH - 16}" height="{tall}" rx="6" fill="{PANEL}"/>')
        body.append(f'<text x="{MARGIN + 4}" y="{y + 19}" fill="{NAME}" font-weight="bold">{name}</text>')
        body += tiles(WIDTH - MARGIN - 4 - SHAPE[1] * TILE, y + 5)
        for k, line in enumerate(printed):
            color = f' fill="{MARK}"' if line.startswith("fingerprint") else ""
            body.append(f'<text x="{MARGIN + 4}" y="{y + 22 + LINE * (k + 1)}"{color}>{escape(line)}</text>')
        y += tall + GAP
    label = f"HeNormal(seed={SEED})({SHAPE}) as NumPy, PyTorch, JAX and TensorFlow print it"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - 2}" width="{WIDTH}" height="{y - 2}" '
        f'role="img" aria-label="{label}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" '
        f'fill="{INK}"><style>text {{ white-space: pre }}</style>'
    )
    title = f'<text x="{MARGIN + 4}" y="27" font-size="14" font-weight="bold">HeNormal(seed={SEED})({SHAPE})</text>'
    return "\n".join([head, f'<rect width="100%" height="100%" rx="8" fill="{PAGE}"/>', title, *body, "</svg>"]) + "\n"


if __name__ == "__main__":
    sys.exit(PICTURE.write_text(picture(), encoding="utf-8") and 0)
