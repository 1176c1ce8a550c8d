"""Check the page "Try it" in a headless browser: ``python check_page.py chromium``.

The entries of a draw are in the page's address, and the fingerprint that it shows must be Python's.
"""

import html
import os
import re
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import oneseed
from oneseed import initializers

TRY = Path(__file__).parents[2] / "docs" / "try"

CASES: list[tuple[str, dict[str, Any], tuple[int, ...], dict[str, Any]]] = [
    ("HeNormal", {"seed": 7}, (3, 3, 64, 128), {}),
    ("HeNormal", {"seed": 7}, (128, 64, 3, 3), {"axes": "o i h w", "dtype": "bfloat16"}),
    ("TruncatedNormal", {"mean": 1.0, "lower": -1.0, "upper": 3.0, "seed": 2**64 - 1}, (7,), {"path": 'né/"x'}),
    ("HeUniform", {"seed": 7}, (5, 7), {"dtype": "float64"}),
    ("Identity", {"gain": 0.5, "shift": 1}, (5, 7), {"dtype": "float16"}),
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"initializer": "RandomNormal", "stddev": "-1", "shape": "3"}, "stddev must be 0 or more. Received: -1"),
    ({"seed": 2**64}, f"seed must be in [0, 2**64). Received: {2**64}"),
    ({"shape": "3 3"}, "shape must be sizes separated by commas. Received: 3 3"),
]


class Quiet(SimpleHTTPRequestHandler):
    """A server that logs no requests."""

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def shown(browser: str, address: str, entries: dict[str, Any]) -> str:
    """Return the page that a browser makes of an address."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        options = ["--headless", "--disable-gpu", f"--user-data-dir={profile}", "--virtual-time-budget=20000"]
        command = [browser, *options, *sandbox, "--dump-dom", f"{address}?{urlencode(entries)}"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, encoding="utf-8").stdout


def part(page: str, name: str) -> str:
    """Return the text of a part of the page."""
    found = re.search(rf'data-part="{name}"[^>]*>([^<]*)<', page)
    return html.unescape(found[1]) if found else ""


def main() -> int:
    """Compare all cases; return 1 if one differs."""
    block = re.search(r"<div id=.*</script>", (TRY / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for file in TRY.glob("*.js"):
            Path(folder, file.name).write_bytes(file.read_bytes())
        Path(folder, "index.html").write_text(f"<meta charset=utf-8>{block and block[0]}", encoding="utf-8")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        for name, given, shape, options in CASES:
            known = oneseed.fingerprint(getattr(initializers, name)(**given)(shape, **options, backend="numpy"))
            entries = {"initializer": name, "shape": ",".join(map(str, shape)), **given, **options}
            page = shown(sys.argv[1], address, entries)
            # What the page offers as Python must give the same too.
            held: dict[str, Any] = {}
            exec(part(page, "python").rpartition("\n")[0], held)
            found = part(page, "fingerprint"), oneseed.fingerprint(held["w"]) if "w" in held else None
            failures += found != (known, known)
            print(f"{name}{shape}: {found[0]}" + ("" if found == (known, known) else f", not {known}: {found}"))
        for entries, message in REFUSED:
            refusal = part(shown(sys.argv[1], address, entries), "alert")
            failures += refusal != message
            print(f"refused: {refusal}")
        server.shutdown()
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
