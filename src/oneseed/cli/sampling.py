"""What `oneseed sample` does: draw block by block, write, sum up."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from oneseed import registry
from oneseed.checks import Shape
from oneseed.cli.arguments import check_place
from oneseed.cli.plotting import check_plot, picture
from oneseed.cli.processes import quiet
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
    """What came of a draw.

    Attributes
    ----------
    backend, fingerprint : str
        Where it was drawn, and its digest.
    parts : dict or None
        The statistics: of the "real" and the "imag" part of complex values, and else under "". None where there are
        none, since there are no values or some are not finite.
    file, plot : Path or None
        What was written.
    """

    backend: str
    fingerprint: str
    parts: dict[str, Summary] | None
    file: Path | None
    plot: Path | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        parts = self.parts
        return {
            "backend": self.backend,
            "fingerprint": self.fingerprint,
            "statistics": parts and _joined({name: part.statistics() for name, part in parts.items()}),
            "histogram": parts and _joined({name: part.histogram() for name, part in parts.items()}),
            "file": self.file and str(self.file),
            "plot": self.plot and str(self.plot),
        }


@quiet()
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
        If the file is not one that can hold the dtype, or the picture's is not of a known kind, or cannot be there.
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
    return Result(backend, fingerprint(array, axes), _parts(array), file, plot)


def _parts(array: NDArray[Any]) -> dict[str, Summary] | None:
    parts = {"real": array.real.copy(), "imag": array.imag.copy()} if array.dtype.kind == "c" else {"": array}
    found = {name: summarize(part) for name, part in parts.items()}
    return None if None in found.values() else {name: part for name, part in found.items() if part is not None}


def _joined(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return parts.get("") or parts


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
    check_place("--out", file)


def _write(file: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file that takes its name when it is complete; what had the name stays until then."""
    part = file.with_name(file.name + ".part")
    try:
        with part.open("wb") as stream:
            write(stream)
        part.replace(file)
    except OSError as error:
        if error.strerror is None:
            raise
        raise OSError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
