"""A plan as a table."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from oneseed.models.entry import Entry

DOES = {"seed": "does", "axes": "do"}


def table(plan: Sequence[Entry]) -> Table:
    """Return rich's table: a row for each parameter, with a flag where something is to be looked at."""
    shown = Table(
        "parameter", "shape", "dtype", "rule", "distribution", "stddev", "fans", "axes", "bytes", "", box=None
    )
    for entry in plan:
        shown.add_row(*map(_cell, _cells(entry)), style=None if entry.matched else "red")
    shown.caption = _sum(plan)
    shown.caption_justify = "left"
    return shown


def text(plan: Sequence[Entry]) -> str:
    """Return the table as text, as wide as it needs."""
    console = Console(width=10_000, color_system=None, force_terminal=False, record=False)
    with console.capture() as shown:
        console.print(table(plan))
    return "\n".join(line.rstrip() for line in shown.get().splitlines())


def _cell(value: Any) -> Text:
    return Text(str(value))  # names may hold what rich would take for markup


def _cells(entry: Entry) -> tuple[Any, ...]:
    name = entry.name if entry.name == entry.logical else f"{entry.name} -> {entry.logical}"
    flags = [f"tied: {', '.join(entry.tied)}"] if entry.tied else []
    if entry.guessed:
        flags.append("axes guessed")
    if entry.source:
        flags.append(f"from {entry.source}")
    if not entry.matched:
        flags.append("unmatched")
    if entry.unreached:
        flags.append(f"{entry.unreached} {DOES[entry.unreached]} not reach it")
    if entry.also:
        flags.append(f"ambiguous: {', '.join(entry.also)}")
    return (
        name,
        entry.shape,
        entry.dtype,
        entry.rule.pattern if entry.rule else "otherwise" if entry.matched else "-",
        entry.distribution.name if entry.distribution else "kept" if entry.kept else "-",
        "-" if entry.stddev is None else f"{entry.stddev:.4g}",
        "-" if entry.fan_in is None else f"{entry.fan_in}, {entry.fan_out}",
        entry.axes or "-",
        f"{entry.bytes:,}",
        "; ".join(flags),
    )


def _sum(plan: Sequence[Entry]) -> str:
    flags = (
        (sum(not entry.matched for entry in plan), "unmatched"),
        (sum(entry.ambiguous for entry in plan), "ambiguous"),
        (sum(entry.unreached == "seed" for entry in plan), "without the seed"),
    )
    flagged = "".join(f", {count} {what}" for count, what in flags if count)
    return f"{len(plan)} parameters, {sum(entry.bytes for entry in plan):,} bytes{flagged}"
