"""From the log of a construction to distributions: what each tensor's values are drawn from."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from oneseed.models.folding import SIMPLE, Simple, affine, cut, limited
from oneseed_torch.models.recording.geometry import Ref, alike, covers, disjoint, repeats, within
from oneseed_torch.models.recording.log import Event, Log


@dataclass(frozen=True)
class Reading:
    """What is known of the values of a view.

    Attributes
    ----------
    kind : str
        "normal", "uniform", "truncated", "orthogonal", "sparse"; "fill" of one number; "computed" without a draw;
        "program" of anything else that depends on draws; "nothing" where memory was left as it was.
    numbers : tuple of float
        The numbers of a simple kind; of "fill" the value.
    draw : int or None
        The event that drew a simple kind.
    window : Ref or None
        What of that draw the view is; None where that is not known.
    at : int
        The event that said so.
    composed : bool
        Whether operations on a draw were folded into the numbers.
    """

    kind: str
    numbers: tuple[Any, ...] = ()
    draw: int | None = None
    window: Ref | None = None
    at: int = 0
    composed: bool = False

    @property
    def random(self) -> bool:
        """Whether the values depend on draws."""
        return self.kind in SIMPLE or self.kind == "program"


NOTHING = Reading("nothing")


class Readings:
    """The readings after all events of a log."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.state: dict[int, list[tuple[Ref, Reading]]] = {}
        self.of_event: dict[int, Reading] = {}
        for at, event in enumerate(log.events):
            self._step(at, event)

    def pieces(self, ref: Ref) -> list[tuple[Ref, Reading]]:
        """Return what lies in a view, the earliest write first: later ones lie over it."""
        found = []
        for held, reading in reversed(self.state.get(ref.storage, [])):
            if disjoint(held, ref):
                continue
            found.append((held, _looked_at(reading, held.dtype, ref.dtype)))
            if covers(held, ref):
                break
        else:
            found.append((ref, NOTHING))
        return self._uncovered(found[::-1])

    def _uncovered(self, pieces: list[tuple[Ref, Reading]]) -> list[tuple[Ref, Reading]]:
        """Leave out a base that equal parts laid over it hide."""
        base, *rest = pieces
        if rest and all(base[0].dtype == piece.dtype for piece, _ in rest):
            apart = (
                all(disjoint(a, b) for n, (a, _) in enumerate(rest) for b, _ in rest[:n]) if len(rest) < 64 else False
            )
            if apart and sum(piece.elements for piece, _ in rest) >= base[0].elements:
                return rest
        return pieces

    def read(self, ref: Ref) -> Reading:
        """Return the reading of a view."""
        found = self.pieces(ref)
        if len(found) == 1:
            held, reading = found[0]
            if reading.window is not None and held != ref:
                return replace(reading, window=within(held, ref, reading.window))
            return reading
        kinds = {reading.kind for _, reading in found}
        if "nothing" in kinds:
            return NOTHING
        if all(reading == found[0][1] for _, reading in found) and kinds == {"fill"}:
            return found[0][1]
        if not any(reading.random for _, reading in found):
            return Reading("computed", at=found[-1][1].at)
        return Reading("program", at=max(reading.at for _, reading in found))

    def is_whole(self, reading: Reading) -> bool:
        """Tell whether the values are one draw, all of it, with each element where it was drawn."""
        return (
            reading.draw is not None
            and reading.window is not None
            and alike(self.log.events[reading.draw].targets[0], reading.window)
        )

    def _write(self, ref: Ref, reading: Reading) -> None:
        if self.log.whole(ref):
            self.state[ref.storage] = [(ref, reading)]
        else:
            held = [one for one in self.state.get(ref.storage, []) if one[0] != ref]
            self.state[ref.storage] = [*held, (ref, reading)]

    def _step(self, at: int, event: Event) -> None:
        reading = self._reading(at, event)
        if reading is None:
            return
        self.of_event[at] = reading
        for ref in event.targets:
            self._write(ref, reading)

    def _reading(self, at: int, event: Event) -> Reading | None:
        """Return what an event's results are; None where they were written piece by piece."""
        name, target = event.name, event.targets[0]
        if event.leaf is not None:
            return Reading("computed", at=at)
        if event.random:
            return _drawn(at, event)
        if name in COPIES:
            return self._copied(at, event, target)
        if name in ("cat", "stack"):
            return self._joined(at, event, target)
        fill = _filled(event)
        if fill is not None:
            return self.read(fill) if isinstance(fill, Ref) else Reading("fill", (fill,), at=at)
        return self._computed(at, event, target)

    def _computed(self, at: int, event: Event, target: Ref) -> Reading:
        if event.name.startswith(("empty", "new_empty")):
            return replace(NOTHING, at=at)
        sources = [self.read(ref) for ref in event.reads]
        if any(source.random for source in sources):
            return self._folded(at, event, target) or Reading("program", at=at)
        left = any(source.kind == "nothing" for source in sources)
        return replace(NOTHING, at=at) if left else Reading("computed", at=at)

    def _copied(self, at: int, event: Event, target: Ref) -> Reading | None:
        source = event.args[1] if event.name == "copy_" else event.args[0]
        pieces = self.pieces(source)
        if len(pieces) > 1:
            # The pieces keep their places where the copy lies as the original does.
            same = source.size == target.size and source.stride == target.stride
            if same and all(covers(source, piece) for piece, _ in pieces[1:]):
                for piece, reading in pieces:
                    inner = source if covers(piece, source) else piece
                    moved = inner._replace(
                        storage=target.storage, dtype=target.dtype, offset=inner.offset - source.offset + target.offset
                    )
                    kept = replace(reading, window=within(piece, inner, reading.window)) if reading.window else reading
                    self._write(moved, kept)
                self.of_event[at] = Reading("program", at=at)
                return None
        reading = self.read(source)
        if reading.random and (source.size != target.size or repeats(source)):
            return Reading("program", at=at)
        return replace(reading, at=at) if reading.kind in ("computed", "program") else reading

    def _joined(self, at: int, event: Event, target: Ref) -> Reading | None:
        """Put the readings of tensors side by side, each in its place."""
        dim = event.args[1] if len(event.args) > 1 else event.kwargs.get("dim", 0)
        axis, start = dim % len(target.size), 0
        found = []
        for ref in event.args[0]:
            count = 1 if event.name == "stack" else ref.size[axis] if len(ref.size) == len(target.size) else 0
            size = (*target.size[:axis], count, *target.size[axis + 1 :])
            part = target._replace(size=size, offset=target.offset + start * target.stride[axis])
            found.append((part, ref, self.read(ref)))
            start += count
        if not any(reading.random for _, _, reading in found):
            return Reading("computed", at=at)
        self._write(target, replace(NOTHING, at=at))
        for part, _, reading in found:
            if part.elements:
                whole = reading.window is None or reading.window.elements == part.elements
                told = (
                    reading if whole and reading.kind not in ("computed", "program") else Reading(reading.kind, at=at)
                )
                self._write(part, told)
        self.of_event[at] = Reading("program", at=at)
        return None

    def _folded(self, at: int, event: Event, target: Ref) -> Reading | None:
        """Fold an operation of one draw and numbers into the numbers of its distribution."""
        draws, others = [], []
        for place, given in enumerate(event.args):
            if isinstance(given, Ref) and self.read(given).random:
                draws.append((place, given, self.read(given)))
            elif isinstance(given, Ref):
                read = self.read(given)
                if read.kind != "fill":
                    return None
                others.append(read.numbers[0])
            else:
                others.append(given)
        if len(draws) != 1 or any(isinstance(ref, Ref) for ref in event.kwargs.values()):
            return None
        place, given, reading = draws[0]
        if reading.kind not in SIMPLE or given.size != target.size or any(not _number(x) for x in others):
            return None
        if repeats(given):
            return None
        fold = _FOLDS.get(event.name.rstrip("_"))
        folded = None if fold is None else fold(reading, others, place, event.kwargs)
        return None if folded is None else replace(folded, at=at, composed=folded.composed or folded != reading)


COPIES = ("copy_", "clone", "_to_copy", "lift_fresh_copy", "_unsafe_view", "detach_copy", "alias_copy", "contiguous")


def _looked_at(reading: Reading, held: torch.dtype, dtype: torch.dtype) -> Reading:
    """Return the reading of values of one dtype that are looked at as another, such as the parts of complex numbers."""
    if held == dtype or not reading.random:
        return reading
    ratio = dtype.itemsize / held.itemsize
    parts = held.is_complex and dtype.is_floating_point and ratio == 0.5
    pairs = held.is_floating_point and dtype.is_complex and ratio == 2
    if not (parts or pairs) or reading.kind != "normal" or reading.numbers[0] != 0:
        return Reading("program", at=reading.at)
    # The variance of a complex normal is that of its two parts together.
    return replace(reading, numbers=(0.0, reading.numbers[1] * math.sqrt(ratio)), window=None, composed=True)


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _filled(event: Event) -> Any:
    """Return the number, or the tensor with it, that an event fills its result with; None where it does not."""
    name = event.name
    if name in ("zero_", "zeros", "zeros_like", "new_zeros"):
        return 0.0
    if name in ("ones", "ones_like", "new_ones"):
        return 1.0
    if name in ("full", "full_like", "new_full", "scalar_tensor", "fill_"):
        at = 0 if name == "scalar_tensor" else 2 if name == "new_full" else 1
        return event.args[at] if len(event.args) > at else event.kwargs.get("fill_value")
    return None


def _arguments(event: Event, names: tuple[str, ...], defaults: tuple[Any, ...]) -> tuple[Any, ...]:
    args = () if names[0] == "-" else event.args[1:]
    given = dict(zip(names, args, strict=False)) | {k: v for k, v in event.kwargs.items() if k in names}
    return tuple(given.get(name, default) for name, default in zip(names, defaults, strict=True))


def _drawn(at: int, event: Event) -> Reading:
    target, name = event.targets[0], event.name

    def simple(kind: str, *numbers: Any) -> Reading:
        if any(isinstance(number, Ref) for number in numbers):
            return Reading("program", at=at)
        return _limited(Reading(kind, tuple(map(float, numbers)), at, target, at))

    if name == "normal" and event.args and not any(isinstance(x, Ref) for x in event.args[:2]):
        return simple("normal", *event.args[:2])
    if name not in _DRAWS:
        return Reading("program", at=at)
    kind, names, defaults = _DRAWS[name]
    return simple(kind, *_arguments(event, names, defaults))


_DRAWS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "normal_": ("normal", ("mean", "std"), (0.0, 1.0)),
    "orthogonal_": ("orthogonal", ("gain",), (1.0,)),
    "rand": ("uniform", ("-", "-"), (0.0, 1.0)),
    "rand_like": ("uniform", ("-", "-"), (0.0, 1.0)),
    "randn": ("normal", ("-", "-"), (0.0, 1.0)),
    "randn_like": ("normal", ("-", "-"), (0.0, 1.0)),
    "sparse_": ("sparse", ("sparsity", "std"), (0.0, 0.01)),
    "trunc_normal_": ("truncated", ("mean", "std", "a", "b"), (0.0, 1.0, -2.0, 2.0)),
    "uniform_": ("uniform", ("from", "to"), (0.0, 1.0)),
}
"""For each operation its distribution, the names of the numbers that decide it, and what they are by default."""


def _limited(reading: Reading) -> Reading:
    """Take a distribution of no width as its number, and bounds that are too far to meet as none."""
    found = limited(Simple(reading.kind, reading.numbers))
    if found.kind == "fill":
        return Reading("fill", found.numbers, at=reading.at)
    return replace(reading, kind=found.kind, numbers=found.numbers)


# Folding --------------------------------------------------------------------------------------------------------------


def _as(reading: Reading, found: Simple | None) -> Reading | None:
    if found is None:
        return None
    if found.kind == "fill":
        return Reading("fill", found.numbers, at=reading.at)
    return replace(reading, kind=found.kind, numbers=found.numbers)


def _affine(reading: Reading, factor: float, shift: float) -> Reading | None:
    return _as(reading, affine(Simple(reading.kind, reading.numbers), factor, shift))


def _scaled(reading: Reading, others: list[Any], place: int, kwargs: Any) -> Reading | None:
    return _affine(reading, others[0], 0.0) if len(others) == 1 else None


def _divided(reading: Reading, others: list[Any], place: int, kwargs: Any) -> Reading | None:
    if len(others) != 1 or place != 0 or not others[0] or kwargs.get("rounding_mode"):
        return None
    return _affine(reading, 1 / others[0], 0.0)


def _shifted(sign: int) -> Callable[..., Reading | None]:
    def fold(reading: Reading, others: list[Any], place: int, kwargs: Any) -> Reading | None:
        if not others:
            return None
        alpha = kwargs.get("alpha", others[1] if len(others) > 1 else 1)
        if place == 0:
            return _affine(reading, 1.0, sign * alpha * others[0])
        return _affine(reading, sign * alpha, others[0])

    return fold


def _clamped(reading: Reading, others: list[Any], place: int, kwargs: Any) -> Reading | None:
    low = kwargs.get("min", others[0] if others else None)
    high = kwargs.get("max", others[1] if len(others) > 1 else None)
    return _cut(reading, -math.inf if low is None else low, math.inf if high is None else high)


def _cut(reading: Reading, low: float, high: float) -> Reading | None:
    return _as(reading, cut(Simple(reading.kind, reading.numbers), low, high))


def _erfinv(reading: Reading, others: list[Any], place: int, kwargs: Any) -> Reading | None:
    n = reading.numbers
    if reading.kind != "uniform" or n[0] < -1 or n[1] > 1:
        return None
    ends = [float(torch.erfinv(torch.tensor(x, dtype=torch.float64))) for x in n]
    return replace(reading, kind="truncated", numbers=(0.0, math.sqrt(0.5), *ends))


_FOLDS: dict[str, Callable[..., Reading | None]] = {
    "add": _shifted(1),
    "clamp": _clamped,
    "clamp_max": lambda reading, others, place, kwargs: _cut(reading, -math.inf, others[0]),
    "clamp_min": lambda reading, others, place, kwargs: _cut(reading, others[0], math.inf),
    "div": _divided,
    "erfinv": _erfinv,
    "mul": _scaled,
    "neg": lambda reading, others, place, kwargs: _affine(reading, -1.0, 0.0),
    "rsub": lambda reading, others, place, kwargs: _affine(reading, -1.0, others[0]),
    "sub": _shifted(-1),
}
