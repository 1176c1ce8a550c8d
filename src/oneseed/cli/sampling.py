"""What `oneseed sample` does: draw block by block, write, sum up, show."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from oneseed import registry
from oneseed.checks import Shape
from oneseed.cli.plotting import check_plot, picture
from oneseed.cli.statistics import Summary, summarize
from oneseed.digest import fingerprint
from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.dtypes import NOT_IN_NUMPY, numpy_dtype
from oneseed.initializers.base import Initializer

BLOCK = 1 << 22
"""Elements drawn at once: few enough for a smooth progress bar, enough to hide the cost of a call."""

LONG = 1 << 25
"""Elements from which on a progress bar is worth its place."""

RESOLUTION = 200
"""Dots per inch of a picture."""


@dataclass(frozen=True)
class Result:
    """What came of a draw."""

    backend: str
    fingerprint: str
    summary: Summary | None
    file: Path | None
    plot: Path | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        summary = self.summary
        return {
            "backend": self.backend,
            "fingerprint": self.fingerprint,
            "statistics": summary
            and {"mean": summary.mean, "stddev": summary.stddev, "min": summary.least, "max": summary.greatest},
            "histogram": summary and {"edges": summary.edges, "counts": summary.counts},
            "file": self.file and str(self.file),
            "plot": self.plot and str(self.plot),
        }


def sample(
    initializer: Initializer,
    draw: Draw,
    axes: str | None,
    path: str | None,
    backend: str,
    file: Path | None,
    plot: Path | None,
) -> Result:
    """Draw a tensor, block by block where it is long; write it, and a picture of it, if asked to.

    Parameters
    ----------
    initializer : Initializer
        What draws.
    draw : Draw
        What it will draw, as it describes it.
    axes, path : str, optional
        Arguments of the call.
    backend : str
        The backend's name.
    file : Path, optional
        The .npy file to write. It appears when it is complete.
    plot : Path, optional
        The picture to write, in the same way.

    Returns
    -------
    Result
        Fingerprint and statistics.

    Raises
    ------
    ValueError
        If the file is not one that can hold the dtype, or the picture's is not of a known kind, or a folder is missing.
    ImportError
        If a picture is asked for and matplotlib is missing.
    """
    engine = registry.load(backend)
    if file is not None:
        _check_file(file, draw)
    if plot is not None:
        check_plot(plot, draw)
    array = np.empty(draw.shape, numpy_dtype(draw.dtype))
    console = Console(stderr=True)
    quiet = array.size < LONG or not console.is_terminal
    for offset, shape in track(list(_blocks(draw)), "drawing", console=console, transient=True, disable=quiet):
        tensor = initializer(
            draw.shape,
            draw.dtype,
            axes=axes,
            path=path,
            backend=backend,
            partition_shape=shape,
            partition_offset=offset,
        )
        block = tuple(slice(at, at + size) for at, size in zip(offset, shape, strict=True))
        array[block] = engine.to_numpy(tensor)
    if file is not None:
        _write(file, lambda stream: np.save(stream, array))
    if plot is not None:
        figure = picture(array, draw, f"{type(initializer).__name__}  {'x'.join(map(str, draw.shape))}  {draw.dtype}")
        _write(plot, lambda stream: figure.savefig(stream, format=plot.suffix[1:].lower(), dpi=RESOLUTION))
    return Result(backend, fingerprint(array, axes), summarize(array), file, plot)


def _blocks(draw: Draw) -> Iterator[tuple[Shape, Shape]]:
    """Cut the tensor along its first axis; one that is computed whole stays whole."""
    shape, whole = draw.shape, isinstance(draw.distribution, Structured)
    if whole or not shape or math.prod(shape) <= BLOCK:
        yield (0,) * len(shape), shape
        return
    rows = max(1, BLOCK // math.prod(shape[1:]))
    for start in range(0, shape[0], rows):
        yield (start, *(0,) * (len(shape) - 1)), (min(rows, shape[0] - start), *shape[1:])


def _check_file(file: Path, draw: Draw) -> None:
    if file.suffix != ".npy":
        raise ValueError(f"--out must name a .npy file. Received: {file}")
    if draw.dtype in NOT_IN_NUMPY:
        raise ValueError(f"--out cannot hold {draw.dtype}, which the .npy format has no name for; add --dtype float32.")
    if not file.parent.is_dir():
        raise ValueError(f"--out must lie in a folder that exists. Received: {file}")


def _write(file: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file that takes its name when it is complete; what had the name stays until then."""
    part = file.with_name(file.name + ".part")
    try:
        with part.open("wb") as stream:
            write(stream)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


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
    summary, numbers = result.summary, draw.distribution.numbers
    if summary is not None:
        table = Table("statistics", "sample", "theory", title_justify="left")
        theory = numbers.get("stddev_after_truncation", numbers.get("stddev"))
        table.add_row("mean", f"{summary.mean:.7g}", _number(numbers.get("mean")))
        table.add_row("stddev", f"{summary.stddev:.7g}", _number(theory))
        limit = numbers.get("limit")
        low, high = (-limit, limit) if limit else (numbers.get("lower"), numbers.get("upper"))
        table.add_row("min", f"{summary.least:.7g}", _number(numbers.get("low", low)))
        table.add_row("max", f"{summary.greatest:.7g}", _number(numbers.get("high", high)))
        console.print(table)
        _histogram(summary, console)
    console.print(f"fingerprint  {result.fingerprint}")
    for file in (result.file, result.plot):
        if file:
            console.print(f"written to   {file}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.7g}"


def _histogram(summary: Summary, console: Console) -> None:
    block = "#" if console.options.ascii_only else "\u2588"
    width = max(10, min(60, console.width - 30))
    tallest = max(summary.counts)
    for left, count in zip(summary.edges, summary.counts, strict=False):
        bar = block * round(width * count / tallest)
        console.print(f"{left:>12.5g} {bar} {count}", overflow="crop", no_wrap=True)
