"""Write the pages that show every initializer, in the register's order: ``python tests/tools/make_gallery.py``.

The gallery's pictures are those of ``oneseed sample --plot``. Tests compare the text of both pages with `page` and
`reference`.
"""

import contextlib
import inspect
import io
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from oneseed import initializers
from oneseed.cli.plotting import picture
from oneseed.initializers.known import Entry, entries, in_order

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PICTURES, REFERENCE = DOCS / "gallery.md", DOCS / "gallery", DOCS / "api" / "initializers"

RESOLUTION, COLORS = 100, 256
"""Dots per inch, and colors of a picture: enough to see what it shows, small enough for a repository."""

WIDTH = 72
"""As many characters a line of a signature has at most, for what fits beside the table of contents."""

HEAD = """# Gallery

This page shows every initializer: a picture of a tensor, the formula, the paper, and when to use it. If each element is
drawn independently, the picture is a histogram of the tensor, with the distribution's density or probabilities in red.
Otherwise it is a heat map: inputs downwards, outputs across, and for a kernel one such matrix at each position.
`oneseed sample --plot` makes the same pictures, see [Command line](cli.md). [Initializers](api/initializers/index.md)
is the full reference.

`fan_in` and `fan_out` are those of the [layout](layouts.md).
"""

REFERENCE_HEAD = """# Initializers

Every class is in `oneseed.initializers` under its name and in snake case: `he_normal` is `HeNormal`. All are called
like `Initializer`. Each page begins with Keras's classes.

| page | initializers |
|---|---|
{table}

## Base classes

::: oneseed.initializers.base.Initializer
    options: {{heading_level: 3, show_root_full_path: false, filters: ["!^_", "^__call__$"]}}

::: oneseed.initializers.base.RandomInitializer
    options: {{heading_level: 3, show_root_full_path: false, members: false}}

## Names and configurations

::: oneseed.initializers.serialization.get
    options: {{heading_level: 3, show_root_full_path: false}}

::: oneseed.initializers.serialization.serialize
    options: {{heading_level: 3, show_root_full_path: false}}

::: oneseed.initializers.serialization.deserialize
    options: {{heading_level: 3, show_root_full_path: false}}

::: oneseed.initializers.names.register
    options: {{heading_level: 3, show_root_full_path: false}}

::: oneseed.initializers.elementwise.gains.calculate_gain
    options: {{heading_level: 3, show_root_full_path: false}}
"""

REFERENCE_ENTRY = """## {name}

![{call}](../../gallery/{file}.png)

`{call}`

- Formula: {formula}.
- Use: {use}
- Names: {names}

```text
{signature}
```

::: {path}
    options: {{show_root_heading: false, show_root_toc_entry: false, show_bases: false, members: false}}
"""


@contextlib.contextmanager
def folder_with_a_file() -> Iterator[None]:
    """Change to a folder with the file w.npy, for what reads one."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "w.npy"), np.outer(np.hanning(16), np.hanning(24)))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


def built(entry: Entry) -> Any:
    """Return the initializer of an entry."""
    return eval(entry.example, {**vars(initializers), "np": np})


def paper(name: str) -> str | None:
    """Return the references of a docstring on one line."""
    text = inspect.getdoc(getattr(initializers, name)) or ""
    found = re.search(r"References\n-+\n(.*?)(\n\n|$)", text, re.DOTALL)
    return found and " ".join(found[1].split())


def call(entry: Entry) -> str:
    """Return the call that makes the tensor of an entry's picture."""
    shape = ", ".join(map(str, entry.shape)) + ("," if len(entry.shape) == 1 else "")
    return f"{entry.example}(({shape})" + (")" if entry.dtype == "float32" else f', "{entry.dtype}")')


def signature(cls: type) -> str:
    """Return how a class is called, without annotations, on lines that are not too long."""
    called = inspect.signature(cls)
    bare = [parameter.replace(annotation=parameter.empty) for parameter in called.parameters.values()]
    line = f"{cls.__name__}{called.replace(parameters=bare, return_annotation=called.empty)}"
    return line if len(line) <= WIDTH else textwrap.fill(line, WIDTH, subsequent_indent="    ")


def in_brackets(text: str) -> str:
    """Return what may stand in the square brackets of a picture in Markdown."""
    return text.replace("[", "(").replace("]", ")")


def page() -> str:
    """Return the text of the page."""
    parts, group = [HEAD], ""
    for entry in in_order():
        if entry.group != group:
            group = entry.group
            parts.append(f"## {group}\n")
        name = entry.cls.__name__
        source = paper(name)
        parts.append(
            f"### {name}\n\n![{in_brackets(call(entry))}](gallery/{name.lower()}.png)\n\n"
            f"`{call(entry)}`\n\n- Formula: {entry.formula}.\n"
            + (f"- Paper: {source}\n" if source else "")
            + f"- Use: {entry.use}\n"
        )
    return "\n".join(parts)


def reference() -> dict[str, str]:
    """Return the text of each page of the reference, by its file's name."""
    pages: dict[str, list[str]] = {}
    table: dict[str, list[str]] = {}
    for entry in in_order():
        name, file = entry.cls.__name__, "-".join(entry.group.lower().split()) + ".md"
        names = (entry.name, *entry.aliases)
        pages.setdefault(file, [f"# {entry.group}\n"]).append(
            REFERENCE_ENTRY.format(
                name=name,
                file=name.lower(),
                call=in_brackets(call(entry)),
                formula=entry.formula,
                use=entry.use,
                names=", ".join(f"`{name}`" for name in names),
                signature=signature(entry.cls),
                path=f"{entry.cls.__module__}.{name}",
            )
        )
        table.setdefault(f"[{entry.group}]({file})", []).append(f"[{name}]({file}#{name.lower()})")
    rows = "\n".join(f"| {group} | {', '.join(names)} |" for group, names in table.items())
    return {"index.md": REFERENCE_HEAD.format(table=rows), **{file: "\n".join(text) for file, text in pages.items()}}


def draw(name: str, entry: Entry, folder: Path) -> None:
    """Write the picture of an entry."""
    from PIL import Image

    with folder_with_a_file():
        initializer = built(entry)
        array = np.asarray(initializer(entry.shape, entry.dtype, backend="numpy"))
        described = initializer.describe(entry.shape, entry.dtype)
    stream = io.BytesIO()
    picture(array, described, name).savefig(stream, format="png", dpi=RESOLUTION)
    image = Image.open(stream).convert("RGB").quantize(COLORS)
    image.save(folder / f"{name.lower()}.png", optimize=True)


def write_reference() -> None:
    """Write the pages of the reference, and remove those of groups that are no more."""
    REFERENCE.mkdir(exist_ok=True)
    pages = reference()
    for old in REFERENCE.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for file, text in pages.items():
        (REFERENCE / file).write_text(text, encoding="utf-8")


def main() -> None:
    """Write everything, and remove the pictures of what is no more."""
    text = page()
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    for name, entry in entries().items():
        draw(name, entry, PICTURES)
    PAGE.write_text(text, encoding="utf-8")
    write_reference()
    print(f"{len(entries())} pictures, {sum(file.stat().st_size for file in PICTURES.iterdir())} bytes")


if __name__ == "__main__":
    sys.exit(main())
