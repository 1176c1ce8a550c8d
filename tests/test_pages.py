"""The Python of each page of the docs runs as a reader pastes it: block after block, in a new interpreter."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import installed

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FRAMEWORKS = ("torch", "jax", "tensorflow")
OWN = {"oneseed_torch": "torch", "oneseed_jax": "jax", "oneseed_tensorflow": "tensorflow", "oneseed_keras": "keras"}
OTHERS = ("keras", "tf_keras", "flax", "haiku", "equinox", "transformers", "safetensors")

WARNINGS = ("-W", "error", "-W", "ignore:__array__ implementation:DeprecationWarning")
"""A warning is an error, but for one that Keras causes on TensorFlow."""


def program(page):
    """Return the page's Python, each line at its place in the page, so that a traceback has the page's line."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for found in BLOCK.finditer(text):
        start = text.count("\n", 0, found.start(1))
        code = found[1].splitlines()
        lines[start : start + len(code)] = code
    return "\n".join(lines)


def needs(code):
    """Return what a program imports or draws with, among what may be missing."""
    names = set(re.findall(r'backend="(\w+)"', code))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    names = {OWN.get(name, name) for name in names}
    if "keras" in names:
        chosen = re.search(r'\["KERAS_BACKEND"\] = "(\w+)"', code)
        names.add(chosen[1] if chosen else "tensorflow")  # which is the default of Keras
    return names & {*FRAMEWORKS, *OTHERS}


def name_of(page):
    return page.relative_to(ROOT).as_posix()


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = {name_of(page): program(page) for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", PROGRAMS)
def test_a_page_runs(page, tmp_path):
    code = PROGRAMS[page]
    if missing := sorted(name for name in needs(code) if not installed(name)):
        pytest.skip(f"{missing[0]} is not installed")
    file = tmp_path / "page.py"
    file.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *WARNINGS, str(file)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, f"{page}:\n{done.stderr}"
    if shown := set(re.findall(r"^ *print\(.*#.*?\b([0-9a-f]{16})\b", code, re.MULTILINE)):
        assert set(re.findall(r"\b[0-9a-f]{16}\b", done.stdout)) == shown


def test_all_blocks_are_run():
    """No page has Python that is indented, marked in another way, or skipped."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        python = re.findall(r"^\s*(?:```|~~~)\s*(?:py\b|python|pycon)", text, re.MULTILINE)
        assert len(python) == len(BLOCK.findall(text)), page
        # What is skipped is one command, which conftest.py would run.
        skipped = re.findall(r"<!-- skip: next .* -->\s*```(\w+)", text)
        assert skipped == ["console"] * text.count("<!-- skip"), page


def test_the_first_page_guarantees_what_the_readme_does():
    readme, first = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/index.md"))
    table = re.search(r"^\| guarantee .*?\n\n.*?\n\n", readme, re.DOTALL | re.MULTILINE)[0]
    assert table.replace("(docs/", "(") in first
