"""What `oneseed list` and `oneseed explain` show: the register of initializers and their docstrings."""

import inspect
import re
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from oneseed.cli.arguments import class_of
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.configs import required
from oneseed.initializers.known import Entry, entries, in_order

SECTION = re.compile(r"^(\w[\w ]*)\n-+$\n", re.MULTILINE)
"""A heading of a docstring."""


def plain(text: str) -> str:
    """Return text of a docstring or of the register without its marks."""
    return re.sub(r"`+", "", text)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "initializer": entry.name,
        "class": entry.cls.__name__,
        "aliases": list(entry.aliases),
        "group": entry.group,
        "formula": plain(entry.formula),
        "use": plain(entry.use),
    }


def listed() -> list[dict[str, Any]]:
    """Return what the register knows of every initializer, by group."""
    return [_entry(entry) for entry in in_order()]


def show_list(found: list[dict[str, Any]], console: Console) -> None:
    """Print the names, with what each is for, by group."""
    widest = max(len(row["initializer"]) for row in found)
    for group in dict.fromkeys(row["group"] for row in found):
        console.print(group)
        grid = Table.grid(padding=(0, 2))
        grid.add_column(min_width=widest, no_wrap=True)
        grid.add_column()
        for row in found:
            if row["group"] == group:
                grid.add_row(row["initializer"], row["use"])
        console.print(Padding(grid, (0, 0, 1, 2), expand=False))
    console.print("oneseed explain NAME tells more of one.")


def explained(name: str) -> dict[str, Any]:
    """Return what there is to know of an initializer as plain data.

    Parameters
    ----------
    name : str
        Any of its names.

    Returns
    -------
    dict
        Its names, formula, use, source and arguments, and what is drawn for an example.

    Raises
    ------
    ValueError
        If no initializer has this name.
    """
    cls = class_of(name)
    text = inspect.getdoc(cls) or ""
    about, *rest = SECTION.split(text)
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    entry = entries().get(cls.__name__)
    facts = _entry(entry) if entry else {"initializer": name, "class": cls.__name__}
    return {
        **facts,
        "about": [plain(" ".join(part.split())) for part in about.split("\n\n") if part.strip()],
        "source": plain(" ".join(sections.get("References", "").split())) or None,
        "arguments": _arguments(cls, sections.get("Parameters", "")),
        "python": f"{entry.example}({entry.shape})" if entry else None,
        "example": _example(cls, entry) if entry else None,
    }


def _arguments(cls: type, text: str) -> list[dict[str, Any]]:
    """Return name, type, default and meaning of each argument."""
    defaults = inspect.signature(cls).parameters
    found = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, _, meaning = block.partition("\n")
        names, _, kind = head.partition(" : ")
        for name in re.split(r",\s*", names):
            if name in defaults:
                default = defaults[name].default
                needed = default is inspect.Parameter.empty
                found.append(
                    {
                        "name": name,
                        "type": plain(kind).removesuffix(", optional"),
                        "default": None if needed else repr(default),
                        "needed": needed,
                        "meaning": plain(" ".join(meaning.split())),
                    }
                )
    return found


def _example(cls: type[Initializer], entry: Entry) -> dict[str, Any] | None:
    """Return what is drawn for an example shape with all arguments as they are by default; None if some are needed."""
    if required(cls):  # type: ignore[arg-type]
        return None
    try:
        built = cls(seed=0) if issubclass(cls, RandomInitializer) else cls()
    except ValueError:  # one of two arguments is needed
        return None
    draw = built.describe(entry.shape, entry.dtype)
    shape = ",".join(map(str, entry.shape))
    return {
        "command": f"oneseed sample {entry.name} --shape {shape}"
        + ("" if entry.dtype == "float32" else f" --dtype {entry.dtype}"),
        "distribution": draw.distribution.name,
        **draw.distribution.numbers,
    }


def show_explained(facts: dict[str, Any], console: Console) -> None:
    """Print what there is to know of an initializer."""
    names = [facts["initializer"], *facts.get("aliases", [])]
    console.print(f"{facts['class']}: {', '.join(names)}")
    for part in facts["about"]:
        console.print(Padding(part, (1, 0, 0, 2), expand=False))
    grid = Table.grid(padding=(0, 2))
    rows = {"formula": facts.get("formula"), "use": facts.get("use"), "source": facts["source"]}
    rows["Python"] = facts["python"]
    example = facts["example"]
    if example is not None:
        numbers = (
            f"{key.replace('_', ' ')} {value:.6g}" for key, value in example.items() if isinstance(value, int | float)
        )
        rows |= {"shell": example["command"], "draws": ", ".join([example["distribution"], *numbers])}
    for key, value in rows.items():
        if value:
            grid.add_row(key, value)
    console.print(Padding(grid, (1, 0, 0, 2), expand=False))
    if facts["arguments"]:
        console.print("\narguments, by --set:")
        for item in facts["arguments"]:
            default = "needed" if item["needed"] else f"by default {item['default']}"
            console.print(Padding(f"{item['name']}: {item['type']}, {default}", (0, 0, 0, 2), expand=False))
            console.print(Padding(item["meaning"], (0, 0, 0, 6), expand=False))
