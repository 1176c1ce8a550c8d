"""Draw the ratios of a run of `cpu.py` as bars: ``python benchmarks/bars.py [cpu.json] [performance.svg]``.

The picture is as wide as a phone and needs no library: names above their bars, in a scale of logarithms around 1.
"""

import json
import math
import sys
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STORED, PICTURE = HERE / "cpu.json", HERE.parent / "docs" / "performance.svg"

WIDTH, MARGIN, ROW, TOP = 380, 12, 36, 58
LEAST, MOST = 0.05, 100.0
FASTER, SLOWER = "#2f8f76", "#d08a2c"


def place(ratio: float) -> float:
    """Return where a ratio lies from left to right; what is off the scale lies at its end."""
    part = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return round(MARGIN + part * (WIDTH - 2 * MARGIN - 44), 1)


def picture(rows: list[dict[str, Any]]) -> str:
    """Return the picture of rows with the keys "what" and "ratio" as text of SVG."""
    height = TOP + ROW * len(rows) + 6
    one = place(1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        '<rect width="100%" height="100%" rx="6" fill="#fff"/>',
        f'<text x="{MARGIN}" y="22" font-size="14">their time / oneseed&#8217;s time</text>',
    ]
    for ratio in (0.1, 1, 10, 100):
        parts.append(f'<text x="{place(ratio)}" y="{TOP - 14}" text-anchor="middle" fill="#666">{ratio:g}</text>')
    for k, row in enumerate(rows):
        y = TOP + ROW * k
        end = place(row["ratio"])
        left, color = (one, FASTER) if row["ratio"] >= 1 else (end, SLOWER)
        number = f"{row['ratio']:.3g}"
        # Fonts differ in width: a long name is fitted to the picture.
        fit = f' textLength="{WIDTH - 2 * MARGIN}" lengthAdjust="spacingAndGlyphs"' if len(row["what"]) > 54 else ""
        parts += [
            f'<text x="{MARGIN}" y="{y + 12}"{fit}>{escape(row["what"])}</text>',
            f'<rect x="{left}" y="{y + 18}" width="{round(abs(end - one), 1)}" height="12" fill="{color}"/>',
            f'<path d="M{one} {y + 16}v16" stroke="#222"/>',
            f'<text x="{max(end, one) + 5}" y="{y + 28}">{number}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    source, target = (*map(Path, sys.argv[1:3]), *(STORED, PICTURE)[len(sys.argv) - 1 :])
    target.write_text(picture(json.loads(source.read_text(encoding="utf-8"))["rows"]), encoding="utf-8")
