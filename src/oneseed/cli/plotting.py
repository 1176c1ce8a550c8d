"""Pictures of what was drawn, by matplotlib, which is imported here alone and on demand.

The rule: where every element is drawn independently, from one distribution of known density, the picture is a
histogram with the density over it. All else, such as constants, matrices and filters, is shown as a heat map. Values
that are all equal are shown as one too, with the value written on it.
"""

import math
from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed.cli.arguments import check_place
from oneseed.distributions import Complex, Integers, Normal, TruncatedNormal, Uniform
from oneseed.draws import Distribution, Draw
from oneseed.exact.fixed_point import normal_cdf
from oneseed.initializers.elementwise.discrete import Signs, WholeNumbers
from oneseed.initializers.elementwise.truncation import Refined
from oneseed.initializers.sequences.mamba import InverseSoftplus
from oneseed.requirements import of_extra, pip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Reals = NDArray[np.float64]

SUFFIXES = (".jpg", ".pdf", ".png", ".svg", ".webp")
"""The kinds of files that a picture can be written to."""

LARGEST = 2048
"""Rows and columns of a heat map; of more, the first are shown."""

BINS, WHOLE_NUMBERS = 60, 200
"""Bins of a histogram, and up to how many different whole numbers have a bar each."""

TINT, LINE, BLANK = "#9db8d9", "#b3261e", "0.85"


class Bars(NamedTuple):
    """A distribution of few values, each with its probability."""

    values: Reals
    masses: Reals


Density = Callable[[Reals], Reals]


def check_plot(file: Path, draw: Draw) -> None:
    """Refuse a picture that cannot be made, before anything is drawn.

    Parameters
    ----------
    file : Path
        The file to write.
    draw : Draw
        What it is to show.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the suffix is unknown, the file cannot be there, or the tensor has no elements.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--plot must name a file that ends in one of {', '.join(SUFFIXES)}. Received: {file}")
    check_place("--plot", file)
    if 0 in draw.shape:
        raise ValueError(f"--plot must have elements to show; give sizes of 1 or more. Received: shape={draw.shape}")
    _figure()


def picture(array: NDArray[Any], draw: Draw, title: str) -> "Figure":
    """Draw the picture of a tensor: a histogram with the density over it, or a heat map.

    Parameters
    ----------
    array : ndarray
        The whole tensor.
    draw : Draw
        What asked for it; its distribution decides the kind of picture.
    title : str
        What to write above.

    Returns
    -------
    Figure
        The picture, 4.2 by 2.6 inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if array.dtype.kind == "c":
        panels = {"real part": wide.real, "imaginary part": wide.imag}
        whole = draw.distribution
        parts: list[Distribution | None] = [whole.real, whole.imag] if isinstance(whole, Complex) else [None, None]
    else:
        panels, parts = {"": wide}, [draw.distribution]
    figure = _figure()
    figure.suptitle(title, fontsize=9)
    places = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (name, values), part in zip(places, panels.items(), parts, strict=True):
        axes.tick_params(labelsize=7)
        axes.set_title(name, fontsize=8)
        density = None if _equal(values) else density_of(part)
        if density is None:
            _heat_map(figure, axes, values, draw)
        elif isinstance(density, Bars):
            _bars(axes, values, density)
        else:
            _histogram(axes, values, density, array.real.dtype)
    return figure


def _equal(values: Reals) -> bool:
    return bool((values == values.flat[0]).all() or np.isnan(values).all())


def _figure() -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        command = pip(*of_extra("plot", "matplotlib"))
        raise ImportError(f"A picture needs matplotlib; install it with: {command}") from error
    # Made without pyplot, a figure is drawn by Agg and belongs to no window and no global state.
    return Figure(figsize=(4.2, 2.6), layout="constrained")


@singledispatch
def density_of(distribution: object) -> Density | Bars | None:
    """Return a distribution's density, the probabilities of its values, or None where elements differ in distribution.

    Parameters
    ----------
    distribution : Distribution
        What decided the values.

    Returns
    -------
    callable, Bars or None
        What is drawn over a histogram; None asks for a heat map.
    """
    return None


@density_of.register
def _(distribution: Normal) -> Density | None:
    if distribution.stddev == 0:
        return None
    return lambda x: (
        np.exp(-(((x - distribution.mean) / distribution.stddev) ** 2) / 2)
        / (distribution.stddev * math.sqrt(2 * math.pi))
    )


@density_of.register
def _(distribution: TruncatedNormal) -> Density | None:
    whole = density_of(Normal(distribution.mean, distribution.stddev))
    if whole is None:
        return None
    mass = float(normal_cdf(distribution.upper) - normal_cdf(distribution.lower))
    low, high = distribution.ends
    return lambda x: np.where((x >= low) & (x <= high), whole(x) / mass, 0)  # type: ignore[operator]


@density_of.register
def _(distribution: Refined) -> Density | Bars | None:
    return density_of(distribution.base)


@density_of.register
def _(distribution: Uniform) -> Density | None:
    if distribution.low == distribution.high:
        return None
    return lambda x: np.where(
        (x >= distribution.low) & (x < distribution.high), 1 / (distribution.high - distribution.low), 0
    )


@density_of.register
def _(distribution: Integers) -> Density | Bars:
    width = distribution.high - distribution.low
    if width > WHOLE_NUMBERS:
        return lambda x: np.where((x >= distribution.low) & (x < distribution.high), 1 / width, 0)
    return Bars(np.arange(distribution.low, distribution.high, dtype=np.float64), np.full(width, 1 / width))


@density_of.register
def _(distribution: WholeNumbers) -> Density | Bars | None:
    return density_of(distribution.integers)


@density_of.register
def _(distribution: Signs) -> Bars | None:
    return (
        Bars(np.array([-distribution.value, distribution.value]), np.array([1 - distribution.p, distribution.p]))
        if distribution.value
        else None
    )


@density_of.register
def _(distribution: InverseSoftplus) -> Density | None:
    # What lies below the floor is one value, which has no density.
    if distribution.dt_init_floor > distribution.dt_min or distribution.dt_min == distribution.dt_max:
        return None

    def density(x: Reals) -> Reals:
        dt = np.logaddexp(0, x)
        inside = (dt >= distribution.dt_min) & (dt <= distribution.dt_max)
        values: Reals = np.where(inside, -np.expm1(-dt) / (dt * math.log(distribution.dt_max / distribution.dt_min)), 0)
        return values

    return density


def _histogram(axes: Any, values: Reals, density: Density, dtype: np.dtype[Any]) -> None:
    flat = values.reshape(-1)
    axes.hist(flat, bins=edges(flat, dtype), density=True, color=TINT)
    low, high = axes.get_xlim()
    x = np.linspace(low, high, 1001)
    axes.plot(x, density(x), color=LINE, linewidth=1.2)
    axes.set_xlim(low, high)
    axes.set_ylabel("density", fontsize=8)


def edges(values: Reals, dtype: np.dtype[Any]) -> Reals:
    """Return the edges of a histogram's bins, such that each bin has the numbers of the dtype that round into it.

    Parameters
    ----------
    values : ndarray of 1 axis
        Numbers of the dtype, in `float64`.
    dtype : numpy.dtype
        Their dtype. Where its numbers are farther apart than bins of equal width, a bin has one number.

    Returns
    -------
    ndarray of 1 axis
        Edges halfway between two numbers of the dtype.

    Examples
    --------
    >>> edges(np.array([0.5, 1.0, 1.0, 1.5]), np.dtype("float64")).round(1).tolist()
    [0.5, 1.0, 1.5]
    """
    from ml_dtypes import finfo

    even = np.linspace(values.min(), values.max(), max(1, min(BINS, math.isqrt(values.size))) + 1)
    if dtype.kind in "iu":
        return even
    nearest = even.astype(dtype)
    largest = np.asarray(finfo(dtype).max, dtype)  # type: ignore[no-untyped-call]
    below, above = np.nextafter(nearest, -largest), np.nextafter(nearest, largest)
    # The first edge is below the least number, all others are above one.
    halves: Reals = (nearest.astype(np.float64) + above.astype(np.float64)) / 2
    halves[0] = (nearest[0].astype(np.float64) + below[0].astype(np.float64)) / 2
    return np.unique(halves)


def _bars(axes: Any, values: Reals, bars: Bars) -> None:
    share = [np.count_nonzero(values == value) / values.size for value in bars.values]
    width = 0.8 * float(np.min(np.abs(np.diff(bars.values)))) if len(bars.values) > 1 else 0.8
    axes.bar(bars.values, share, width, color=TINT)
    axes.plot(bars.values, bars.masses, "_", color=LINE, markersize=8)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("probability", fontsize=8)


def _heat_map(figure: Any, axes: Any, values: Reals, draw: Draw) -> None:
    logical = values.transpose(draw.order)
    whole = mosaic(logical[(slice(LARGEST),) * logical.ndim])
    shown = whole[:LARGEST, :LARGEST]
    finite = shown[np.isfinite(shown)]
    low, high = min(finite.min(initial=0), 0), max(finite.max(initial=0), 0)
    if low < 0 < high:
        low, high, colors = -max(-low, high), max(-low, high), "RdBu_r"
    else:
        high, colors = (high if low < high else 1), "viridis"
    axes.set_facecolor(BLANK)  # shows through between tiles, and where a value is NaN
    # A picture of few rows is stretched, so that it can be seen.
    aspect = "auto" if max(shown.shape) > 5 * min(shown.shape) else "equal"
    image = axes.imshow(np.ma.masked_invalid(shown), colors, vmin=low, vmax=high, aspect=aspect)
    figure.colorbar(image, ax=axes).ax.tick_params(labelsize=7)
    _label(axes, logical.shape)
    if _equal(values):
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "boxstyle": "round"}
        middle = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        what = "the element is" if values.size == 1 else "all elements are"
        axes.text(0.5, 0.5, f"{what} {values.flat[0]:.6g}", fontsize=9, bbox=box, **middle)
    if max(*logical.shape, *whole.shape) > LARGEST:
        axes.set_title(f"the first {LARGEST} rows and columns", fontsize=8)


def _label(axes: Any, shape: tuple[int, ...]) -> None:
    """Name the axes of a heat map, and number what lies along them: positions of tiles, or else elements."""
    if len(shape) < 2:
        axes.set_yticks([])
        if shape:
            axes.set_xlabel("index", fontsize=8)
            _number(axes.xaxis, shape[0])
        else:
            axes.set_xticks([])
        return
    *positions, rows, columns = shape
    if len(positions) > 2:
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel("inputs by outputs at each position", fontsize=7)
        return
    down, across = (1, 1, *positions)[-2:]
    if len(positions) == 1 and rows == 1:
        down, across = across, down  # as in a mosaic
    for axis, name, size, tiles in (axes.xaxis, "output", columns, across), (axes.yaxis, "input", rows, down):
        if tiles == 1:
            axis.set_label_text(name, fontsize=8)
            _number(axis, size)
            continue
        axis.set_label_text(f"position, {name}s inside" if size > 1 else "position", fontsize=8)
        shown = range(0, tiles, max(1, tiles // 6))
        axis.set_ticks([tile * (size + (size > 1)) + (size - 1) / 2 for tile in shown], shown)


def _number(axis: Any, size: int) -> None:
    if size > 1:
        axis.get_major_locator().set_params(integer=True)
    else:
        axis.set_ticks([0])


def mosaic(tensor: Reals) -> Reals:
    """Lay a tensor out as a matrix: matrices of its last two axes, as tiles in the places of the axes before.

    Parameters
    ----------
    tensor : ndarray
        In logical order: spatial axes, inputs, outputs.

    Returns
    -------
    ndarray of 2 axes
        The tiles, with NaN between the columns, and the rows, of those that have more than one.

    Examples
    --------
    >>> mosaic(np.arange(8.0).reshape(2, 2, 2))
    array([[ 0.,  1., nan,  4.,  5.],
           [ 2.,  3., nan,  6.,  7.]])
    """
    if tensor.ndim <= 2:
        return np.atleast_2d(tensor)
    if tensor.ndim == 3:
        # Single rows are shown one below the other, other matrices side by side.
        tensor = tensor[:, np.newaxis] if tensor.shape[1] == 1 else tensor[np.newaxis]
    *_, down, across, rows, columns = tensor.shape
    below, beside = int(rows > 1), int(columns > 1)
    padding = [(0, 0)] * (tensor.ndim - 2) + [(0, below), (0, beside)]
    tiles = np.pad(tensor, padding, constant_values=np.nan)
    tall, wide = down * (rows + below), across * (columns + beside)
    merged = np.swapaxes(tiles, -3, -2).reshape(*tensor.shape[:-4], tall, wide)
    return mosaic(merged[..., : tall - below, : wide - beside])
