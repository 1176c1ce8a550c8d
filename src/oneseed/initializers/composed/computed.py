"""Initializers that repeat what a model's own code does: other tensors' draws, steps over draws, pieces over a base."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.composites import Composite
from oneseed.draws import Distribution, Draw, Host
from oneseed.fans import parse
from oneseed.host_arrays import numbers
from oneseed.initializers.composed.composite import CompositeInitializer, resolved, several
from oneseed.initializers.known import known
from oneseed.initializers.plain_data import packed, unpacked
from oneseed.initializers.serialization import serialize
from oneseed.initializers.targets import Call, Target, describes
from oneseed.programs import Program, checked_steps
from oneseed.stream.paths import Part, as_path


@known(
    "at",
    group="Made of others",
    formula="another parameter's draw",
    use="Layers that start as copies of one another.",
    example='At(RandomNormal(seed=7), "layers.0.weight")',
    shape=(24, 24),
)
class At(CompositeInitializer):
    """Draw what another parameter draws: at its path, with its axes.

    Layers that a model copies start with equal values, and the magnitudes of weight normalization are computed from the
    draw of their direction. `At` says whose draw is meant, whatever the path of the call is.

    Parameters
    ----------
    initializer : initializer
        What the other parameter is filled by, or whatever `get` makes one of.
    path : str or sequence of str and int, optional
        The other parameter's path. None is that of the call.
    shape : sequence of int, optional
        The other parameter's shape. None is that of the call.
    axes : str, optional
        Names of the other parameter's axes. None is those of the call, or none where `shape` is given.

    Raises
    ------
    TypeError
        If an argument is of another type, or `initializer` is a function, or a custom one with a `__call__` of its own.
    ValueError
        If `path`, `shape` or `axes` is malformed. At the call, if its shape is not `shape`.

    Examples
    --------
    >>> import oneseed
    >>> normal = oneseed.initializers.RandomNormal(seed=7)
    >>> copy = oneseed.initializers.At(normal, "layers.0.weight")
    >>> bool((copy((4, 4), path="layers.1.weight") == normal((4, 4), path="layers.0.weight")).all())
    True
    """

    def __init__(
        self,
        initializer: Any,
        path: str | Sequence[Part] | None = None,
        shape: Sequence[int] | None = None,
        axes: str | None = None,
    ) -> None:
        self.initializer = resolved("initializer", initializer)
        if not describes(self.initializer):
            raise TypeError(
                "`initializer` must take `axes` and `path`, as built-in ones do and those that override "
                f"`distribution_for`. Received: initializer={initializer!r}"
            )
        if axes is not None:
            parse(axes)
        self.path = None if path is None else list(as_path(path))
        self.shape = None if shape is None else list(checks.shape(shape))
        self.axes = axes

    def _draw(self, call: Call) -> Draw:
        if self.shape is not None and tuple(call.shape) != tuple(self.shape):
            raise ValueError(
                f"`shape` must be {tuple(self.shape)}, that of the other tensor. Received: shape={call.shape}"
            )
        axes = self.axes if self.axes is not None or self.shape is not None else call.axes
        found: Draw = self.initializer._draw(
            call._replace(axes=axes, path=call.path if self.path is None else self.path)
        )
        return found

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution of the initializer."""
        found: Distribution = self.initializer.distribution_for(target)
        return found

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the initializer as plain data."""
        return {"initializer": serialize(self.initializer), "path": self.path, "shape": self.shape, "axes": self.axes}


@known(
    "computed",
    group="Made of others",
    formula="a program of steps over draws and constants",
    use="What a model's own code does to its draws; `oneseed_torch.recorded_scheme` finds it.",
    example='Computed([RandomUniform(1.0, 16.0, seed=7)], [("log", [0])])',
    shape=(24, 24),
)
class Computed(CompositeInitializer):
    """Compute a tensor from draws, by a short program of element-wise and other steps.

    The values are numbered: first the draws, then the constants, then the results of the steps, of which the last is
    the tensor. They are computed in float64 and rounded once. If all steps are element-wise and all draws have the
    tensor's shape, a block of the tensor is made alone, and the bits are the same on every machine.

    A draw is made in float64 at the path of the whole, with its number behind it if there are several; one by `At` is
    made where that says. If `At` names another path, the draw is in the dtype of the call, so that it is that of the
    other parameter.

    Parameters
    ----------
    initializers : sequence of initializer
        The draws, at least one, or whatever `get` makes initializers of.
    steps : sequence of tuple
        For each step its operation, the numbers of its operands and, where it needs some, a dict of options.
        Element-wise are abs, add, and, ceil, cos, div, eq, exp, expm1, floor, ge, gt, integer, le, log, log1p, lt,
        maximum, minimum, mul, ne, neg, not, or, pow, remainder, rint, sigmoid, sign, sin, softplus, sqrt, sub, tanh,
        trunc, where. Whole tensors need argsort, broadcast, concatenate, cumsum, diagonal, flip, geqrf, householder,
        inverse, matmul, max, mean, min, norm, put, qr, reshape, slice, sort, sum, svd, take, transpose, tril, triu,
        var.
    constants : sequence of scalar or array_like
        The constants, which are broadcast as NumPy's arrays are.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If a step is malformed. At the call, if the result does not have the shape.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023, whose step sizes are such a
    function of a uniform draw.

    Examples
    --------
    >>> import oneseed
    >>> uniform = oneseed.initializers.RandomUniform(1.0, 16.0, seed=7)
    >>> decay = oneseed.initializers.Computed([uniform], [("log", [0])])((8,))
    >>> bool((decay >= 0).all() and (decay < 2.78).all())
    True
    """

    def __init__(self, initializers: Sequence[Any], steps: Sequence[Any], constants: Sequence[Any] = ()) -> None:
        self.initializers = several("initializers", initializers)
        arrays = [numbers("constants", unpacked(constant)) for constant in _listed("constants", constants)]
        for array in arrays:
            array.flags.writeable = False
        self.constants = arrays
        self.steps = checked_steps(steps, len(self.initializers) + len(arrays))

    def distribution_for(self, target: Target) -> Program:
        """Return the distribution for a tensor."""
        parts = []
        for number, initializer in enumerate(self.initializers):
            at = initializer if isinstance(initializer, At) else None
            shared = at is not None and at.path is not None
            name = number if len(self.initializers) > 1 and not shared else None
            shape = target.shape if at is None or at.shape is None else tuple(at.shape)
            parts.append(target.part(initializer, shape, name, dtype=target.dtype if shared else "float64"))
        return Program(tuple(parts), tuple(self.constants), self.steps)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {
            "initializers": [serialize(initializer) for initializer in self.initializers],
            "steps": [
                [step.operation, list(step.operands), dict(step.options)] if step.options else [step[0], list(step[1])]
                for step in self.steps
            ],
            "constants": [array.item() if array.ndim == 0 else packed(array) for array in self.constants],
        }


Region = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Overlaid(Composite):
    """Parts laid over the first of them, the later ones over the earlier ones."""

    name: ClassVar[str] = "overlaid"

    regions: tuple[Region, ...]
    """For each part but the first, start, stop and step of each axis."""

    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block of the base, and lay over it what of the pieces falls there."""
        base, *pieces = self.parts
        made = np.array(host.draw(base._replace(offset=draw.offset, block=draw.block)))
        for piece, region in zip(pieces, self.regions, strict=True):
            places = []
            for (start, stop, step), low, size in zip(region, draw.offset, draw.block, strict=True):
                first = max(0, -(-(low - start) // step))
                count = len(range(start + first * step, min(stop, low + size), step))
                places.append((first, count, slice(start + first * step - low, None, step)))
            offset, block = tuple(p[0] for p in places), tuple(p[1] for p in places)
            if 0 in block:
                continue
            cuts = tuple(slice(c.start, c.start + (n - 1) * c.step + 1, c.step) for _, n, c in places)
            made[cuts] = host.draw(piece._replace(offset=offset, block=block))
        return made


@known(
    "overlay",
    group="Made of others",
    formula="pieces laid over a base",
    use="A row of zeros for padding in a table, blocks in a matrix.",
    example='Overlay([RandomNormal(seed=7), "zeros"], [[(3, 4, 1)]])',
    shape=(12, 24),
)
class Overlay(CompositeInitializer):
    """Lay pieces over a base: a row of zeros over an embedding, a block over a matrix.

    The base is drawn as if it were alone, so that the pieces change no other value. Each piece is a tensor of the size
    of its region, at the path of the whole with its number behind it, counted from 1.

    Parameters
    ----------
    initializers : sequence of initializer
        The base, and then the pieces, or whatever `get` makes initializers of; later ones lie over earlier ones.
    regions : sequence of sequence
        Where each piece lies: for each axis start, stop and step, with ``0 <= start < stop`` and a positive step. Axes
        at the end that are left out are whole.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there is not one region for each piece, or one is malformed. At the call, if one is not within the shape.

    Examples
    --------
    >>> import oneseed
    >>> normal = oneseed.initializers.RandomNormal(0.0, 1.0, seed=7)
    >>> padded = oneseed.initializers.Overlay([normal, "zeros"], [[(0, 1, 1)]])((3, 4))
    >>> bool((padded[1:] == normal((3, 4))[1:]).all()), padded[0].tolist()
    (True, [0.0, 0.0, 0.0, 0.0])
    """

    def __init__(self, initializers: Sequence[Any], regions: Sequence[Any]) -> None:
        self.initializers = several("initializers", initializers)
        self.regions = [
            [
                [checks.index("regions", n, 0, 2**63) for n in _listed("regions", axis)]
                for axis in _listed("regions", region)
            ]
            for region in _listed("regions", regions)
        ]
        if len(self.regions) != len(self.initializers) - 1:
            raise ValueError(
                f"`regions` must have one entry for each of the {len(self.initializers) - 1} pieces. "
                f"Received: regions={regions!r}"
            )
        if any(len(axis) != 3 or not axis[0] < axis[1] or not axis[2] for region in self.regions for axis in region):
            raise ValueError(
                "`regions` must hold start, stop and step of each axis, with start < stop and a positive step. "
                f"Received: regions={regions!r}"
            )

    def distribution_for(self, target: Target) -> Overlaid:
        """Return the distribution for a tensor."""
        shape = target.shape
        parts, regions = [target.part(self.initializers[0])], []
        for number, (initializer, given) in enumerate(zip(self.initializers[1:], self.regions, strict=True), 1):
            if len(given) > len(shape) or any(axis[1] > size for axis, size in zip(given, shape, strict=False)):
                raise ValueError(f"`regions` must lie within the shape {shape}. Received: {given}")
            region = (*((a, b, c) for a, b, c in given), *((0, size, 1) for size in shape[len(given) :]))
            piece = tuple(math.ceil((stop - start) / step) for start, stop, step in region)
            parts.append(target.part(initializer, piece, number))
            regions.append(region)
        return Overlaid(tuple(parts), tuple(regions))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {
            "initializers": [serialize(initializer) for initializer in self.initializers],
            "regions": [[list(axis) for axis in region] for region in self.regions],
        }


def _listed(argument: str, given: Any) -> list[Any]:
    found = checks.listed(given)
    if found is None:
        raise TypeError(f"`{argument}` must be a sequence. Received: {argument}={checks.shown(given)}")
    return found
