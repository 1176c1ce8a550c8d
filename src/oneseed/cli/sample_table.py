"""What `oneseed sample` shows."""

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from oneseed.cli import statistics
from oneseed.cli.sampling import Result
from oneseed.cli.statistics import Summary
from oneseed.distributions import Complex
from oneseed.draws import Distribution, Draw

PARTS = {"": "statistics", "real": "real part", "imag": "imaginary part"}


def show(result: Result, draw: Draw, console: Console) -> None:
    """Print the statistics beside the theory, the histogram and the fingerprint.

    Parameters
    ----------
    result : Result
        What came of the draw.
    draw : Draw
        What was drawn.
    console : Console
        Where to print.
    """
    whole = draw.distribution
    if result.parts is None:
        console.print("no statistics: " + ("there are no values" if 0 in draw.shape else "not all values are finite"))
    else:
        distributions = {"": whole}
        if len(result.parts) > 1:
            _show_whole(result.parts, whole, console)
            distributions = {"real": whole.real, "imag": whole.imag} if isinstance(whole, Complex) else {}
        for name, part in result.parts.items():
            _show_part(PARTS[name], part, distributions.get(name), console)
    console.print(f"fingerprint  {result.fingerprint}")
    for file in (result.file, result.plot):
        if file:
            console.print(f"written to   {file}")


def _show_whole(parts: dict[str, Summary], whole: Distribution, console: Console) -> None:
    """Print the mean of complex values, and the root of the mean square of their distances from it."""
    real, imag = parts["real"], parts["imag"]
    table = Table("complex values", "sample", "theory")
    known = [statistics.theory(part)["mean"] for part in (whole.real, whole.imag)] if isinstance(whole, Complex) else []
    expected = "-" if not known or None in known else _complex(*known)  # type: ignore[arg-type]
    table.add_row("mean", _complex(real.mean, imag.mean), expected)
    table.add_row("stddev", f"{math.hypot(real.stddev, imag.stddev):.7g}", _number(whole.numbers.get("stddev")))
    console.print(table)


def _show_part(title: str, part: Summary, distribution: Any, console: Console) -> None:
    expected = {} if distribution is None else statistics.theory(distribution)
    table = Table(title, "sample", "theory")
    for name, value in part.statistics().items():
        table.add_row(name, f"{value:.7g}", _number(expected.get(name)))
    console.print(table)
    _histogram(part, console)


def _complex(real: float, imag: float) -> str:
    return f"{real:.7g}{imag:+.7g}j"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.7g}"


def _histogram(summary: Summary, console: Console) -> None:
    block = "#" if console.options.ascii_only else "\u2588"
    rows = list(statistics.lines(summary))
    label = max(12, *(len(name) for name, _ in rows))
    tallest = max(summary.counts)
    width = max(10, min(60, console.width - label - len(str(tallest)) - 3))
    for name, count in rows:
        console.print(
            f"{name:>{label}} {block * round(width * count / tallest)} {count}", overflow="crop", no_wrap=True
        )
