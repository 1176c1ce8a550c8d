"""From readings to a scheme: an initializer for each tensor of a recorded model, or why there is none."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from oneseed.initializers import Zeros
from oneseed.initializers.composed.computed import At, Overlay
from oneseed.initializers.elementwise.stored import Stored
from oneseed.models.folding import SIMPLE, Simple, filled
from oneseed.models.folding import initializer as drawn_by
from oneseed.models.graphs import Node, elementwise, nodes, program, simple
from oneseed.models.rule import Rule, is_name, stored
from oneseed.models.scheme import Scheme
from oneseed_torch.drawing.writing import layout_of_weights
from oneseed_torch.models.recording.generators import Untranslated
from oneseed_torch.models.recording.geometry import Box, Ref, box, covers, disjoint, within
from oneseed_torch.models.recording.log import Log
from oneseed_torch.models.recording.readings import Reading, Readings
from oneseed_torch.models.recording.recorder import place
from oneseed_torch.models.recording.translation import Translation, to_numpy

TABLE = 1 << 28
"""Elements of a computed table that a scheme holds at most."""

MATRICES = ("orthogonal", "sparse")


@dataclass
class Recorded:
    """A parameter or buffer of a recorded model.

    Attributes
    ----------
    names : tuple of str
        Its logical names; the first is where it draws.
    ref : Ref
        Its place in memory.
    axes : str or None
        The axes that its layer tells.
    state : bool
        Whether it is a buffer.
    kind : str
        How it was read: "exact", "composed", "constant", "elementwise", "program", or "shared".
    initializer : initializer or None
        What draws it.
    refused : str
        Why nothing does.
    source : str
        The line that decided its values.
    """

    names: tuple[str, ...]
    ref: Ref
    axes: str | None
    state: bool
    kind: str = ""
    initializer: Any = None
    refused: str = ""
    source: str = ""
    pieces: list[tuple[Ref, Reading]] = field(default_factory=list)
    node: Node | None = None

    @property
    def layout(self) -> str | None:
        """The axes that its draw is told: matrices of PyTorch have the first axis as rows, whatever the layer is."""
        if any(reading.kind in MATRICES for _, reading in self.pieces):
            return layout_of_weights(len(self.ref.size))
        return None if self.axes is None else str(self.axes)


def decide(tensors: list[Recorded], log: Log, readings: Readings, independent: bool) -> None:
    """Give each tensor its initializer, or the reason why it has none."""
    for one in tensors:
        if one.refused:
            continue
        if not one.ref.elements:
            one.kind, one.initializer = "constant", Zeros()
            continue
        one.pieces = readings.pieces(one.ref)
        last = max((reading.at for _, reading in one.pieces), default=0)
        one.source = place(log.events[last].where) if log.events else ""
        if any(reading.kind == "nothing" for _, reading in one.pieces):
            one.refused = f"memory that was left as it was, at {one.source}"
    _Decisions([one for one in tensors if not one.refused and one.ref.elements], log, readings, independent).run()


class _Decisions:
    def __init__(self, tensors: list[Recorded], log: Log, readings: Readings, independent: bool) -> None:
        self.tensors, self.log, self.readings, self.independent = tensors, log, readings, independent
        self.uses: dict[int, list[tuple[Recorded, Ref | None]]] = defaultdict(list)
        self.owners: dict[int, Recorded] = {}
        self.shared: dict[int, tuple[str, int]] = {}

    def run(self) -> None:
        for one in self.tensors:
            for held, reading in one.pieces:
                if reading.draw is not None:
                    window = self._window(one, held, reading)
                    self.uses[reading.draw].append((one, window))
                    if window is not None and self._is_whole(one, replace(reading, window=window)):
                        self.owners.setdefault(reading.draw, one)
        for one in self.tensors:
            one.initializer = self._plainly(one)
        # What could not be told plainly depends on draws that may be those of others.
        rest = [one for one in self.tensors if one.initializer is None]
        for one in rest:
            try:
                one.node = Translation(self.log, self.readings).of(one.ref)
            except Untranslated as error:
                one.refused = str(error)
        users: dict[int, set[int]] = defaultdict(set)
        for one in rest:
            for node in nodes(one.node):
                if node.kind == "draw":
                    users[node.value.draw].add(id(one))
        for one in rest:
            if one.node is not None:
                self._program(one, users)

    def _window(self, one: Recorded, held: Ref, reading: Reading) -> Ref | None:
        if reading.window is None:
            return None
        if held == one.ref or covers(one.ref, held):
            return reading.window
        return within(held, one.ref, reading.window)

    def _is_whole(self, one: Recorded, reading: Reading) -> bool:
        return reading.window is not None and reading.window.size == one.ref.size and self.readings.is_whole(reading)

    # Plain distributions ----------------------------------------------------------------------------------------------

    def _plainly(self, one: Recorded) -> Any:
        """Return an initializer of constants, of one distribution, or of pieces; None if there is none."""
        pieces = one.pieces
        if not any(reading.random for _, reading in pieces):
            one.kind = "constant"
            return self._constant(one, one.ref)
        if any(reading.kind == "program" for _, reading in pieces):
            return None
        first = pieces[0][1]
        if len(pieces) == 1:
            one.kind = "composed" if first.composed else "exact"
            return self._simple(one, *pieces[0])
        alike = all((r.kind, r.numbers) == (first.kind, first.numbers) for _, r in pieces)
        apart = all(disjoint(a, b) for n, (a, _) in enumerate(pieces) for b, _ in pieces[:n])
        one.kind = "composed"
        if alike and apart and first.kind not in MATRICES and all(self._alone(one, r) for _, r in pieces):
            return initializer(first)
        return self._overlay(one)

    def _alone(self, one: Recorded, reading: Reading) -> bool:
        """Tell whether no other tensor, and no other piece, has to do with a draw."""
        return reading.draw is not None and len(self.uses[reading.draw]) == 1

    def _simple(self, one: Recorded, held: Ref, reading: Reading) -> Any:
        assert reading.draw is not None
        uses, owner = self.uses[reading.draw], self.owners.get(reading.draw)
        if owner is one or self.independent or self._alone(one, reading):
            return initializer(reading)
        window = self._window(one, held, reading)
        if owner is not None and window is not None and one.ref.size == owner.ref.size:
            theirs = next(w for user, w in uses if user is owner)
            if theirs is not None and (theirs.offset, theirs.size, theirs.stride) == (
                window.offset,
                window.size,
                window.stride,
            ):
                one.kind = "shared"
                return At(initializer(reading), owner.names[0], axes=owner.layout)
        if owner is None and all(w is not None for _, w in uses):
            windows = [w for _, w in uses if w is not None]
            if all(disjoint(a, b) for n, a in enumerate(windows) for b in windows[:n]):
                return initializer(reading)  # each has a part of the draw to itself
        return None

    def _overlay(self, one: Recorded) -> Any:
        """Return pieces over a base; None where they are not slices, or their draws are not theirs alone."""
        pieces = list(one.pieces)
        base: Any = Zeros()
        if covers(pieces[0][0], one.ref):
            held, reading = pieces.pop(0)
            base = self._simple(one, held, reading) if reading.random else self._constant_piece(one, held, one.ref)
        found, regions = [base], []
        for held, reading in pieces:
            part = box(one.ref, held)
            if base is None or part is None:
                return None
            piece = self._piece(one, held, reading, part)
            if piece is None:
                return None
            found.append(piece)
            regions.append([list(axis) for axis in part.ranges])
        return Overlay(found, regions)

    def _piece(self, one: Recorded, held: Ref, reading: Reading, part: Box) -> Any:
        straight = tuple(part.order) == tuple(range(len(part.order)))
        if reading.kind in SIMPLE:
            if reading.kind in MATRICES and not (straight and len(held.size) == len(one.ref.size)):
                return None
            return initializer(reading) if self._alone(one, reading) else None
        return self._constant_piece(one, held, held) if straight or reading.kind == "fill" else None

    def _constant_piece(self, one: Recorded, held: Ref, ref: Ref) -> Any:
        array = to_numpy(self.log.value(ref))
        if _uniform(array):
            return filled(array.flat[0].item() if array.size else 0)
        part = box(one.ref, ref) if ref != one.ref else None
        shape = array.shape if part is None else tuple(len(range(*axis)) for axis in part.ranges)
        return Stored(array.reshape(shape))

    def _constant(self, one: Recorded, ref: Ref) -> Any:
        fills = [reading for _, reading in one.pieces if reading.kind == "fill"]
        if len(one.pieces) == len(fills) == 1 and isinstance(fills[0].numbers[0], bool | int | float):
            return filled(fills[0].numbers[0])
        if ref.elements > TABLE:
            one.refused = f"a table of {ref.elements} numbers, computed at {one.source}"
            return None
        array = to_numpy(self.log.value(ref))
        return filled(array.flat[0].item() if array.size else 0) if _uniform(array) else Stored(array)

    # Programs ---------------------------------------------------------------------------------------------------------

    def _program(self, one: Recorded, users: dict[int, set[int]]) -> None:
        found = nodes(one.node)
        draws = [node for node in found if node.kind == "draw"]
        events = list(dict.fromkeys(node.value.draw for node in draws))
        sources = []
        for node in draws:
            number, source = node.value.draw, initializer(node.value)
            owner = self.owners.get(number)
            layout = layout_of_weights(len(node.shape)) if node.value.kind in MATRICES else None
            if owner is not None and owner.initializer is not None and node.shape == owner.ref.size:
                source = At(source, owner.names[0], node.shape, owner.layout)
            elif len(users[number]) > 1 or (owner is not None and node.shape != owner.ref.size):
                name, at = self.shared.setdefault(number, (one.names[0], events.index(number)))
                source = At(source, (*as_parts(name), at), node.shape, layout)
            elif node.shape != one.ref.size or layout is not None or len(events) < len(draws):
                source = At(source, None, node.shape, layout)
                if len(events) < len(draws):  # two forms of one draw
                    source = At(source.initializer, (one.names[0], events.index(number)), node.shape, layout)
            sources.append(source)
        if found[-1].kind != "step":
            one.initializer, one.kind = sources[0], "shared" if type(sources[0]) is At else "composed"
            return
        assert one.node is not None
        folded = simple(one.node)
        if folded is not None and type(sources[0]) is not At:
            one.initializer, one.kind = drawn_by(Simple(folded[0].kind, folded[0].numbers)), "composed"
            return
        one.initializer = program(one.node, draws, sources)
        one.kind = "elementwise" if elementwise(one.node) else "program"


def as_parts(name: str) -> tuple[str, ...]:
    """Return the path of a parameter."""
    return (name,)


def _uniform(array: Any) -> bool:
    raw = np.ascontiguousarray(array).reshape(-1, 1).view(np.uint8).reshape(array.size, -1)
    return array.size == 0 or bool((raw == raw[0]).all())


def initializer(reading: Reading) -> Any:
    """Return the initializer of a simple distribution."""
    return drawn_by(Simple(reading.kind, reading.numbers))


# Rules ----------------------------------------------------------------------------------------------------------------


def scheme_of(tensors: Iterable[Recorded]) -> Scheme:
    """Return the scheme: a rule for each tensor, or for several whose names differ in their numbers alone."""
    rows: list[tuple[str, Rule]] = []
    for one in tensors:
        drawn = one.initializer
        if len(one.names) > 1 and not isinstance(drawn, At):
            # In a stage of a pipeline a tied tensor may have its other names alone.
            drawn = At(drawn, one.names[0], axes=one.layout)
        for name in one.names:
            rows.append((name, Rule(name, drawn, axes=one.layout, state=one.state, source=one.source or None)))
    groups: dict[str, list[tuple[str, Rule]]] = defaultdict(list)
    for name, rule in rows:
        key = (re.sub(r"(?<![^.])\d+(?![^.])", "#", name), stored(rule.initializer), rule.axes, rule.state, rule.source)
        groups[json.dumps(key)].append((name, rule))
    names = [name for name, _ in rows]
    rules: list[Rule] = []
    for group in groups.values():
        pattern = _pattern([name for name, _ in group])
        if len(group) > 1 and {n for n in names if re.fullmatch(pattern, n)} == {n for n, _ in group}:
            rules.append(_as_regex(group[0][1], pattern))
        else:
            rules += [_literal(rule) for _, rule in group]
    return Scheme(rules)


def _pattern(names: list[str]) -> str:
    """Return the regular expression of names that differ in some of their numbers."""
    columns = zip(*(name.split(".") for name in names), strict=True)
    return r"\.".join(re.escape(column[0]) if len(set(column)) == 1 else r"\d+" for column in columns)


def _as_regex(rule: Rule, pattern: str) -> Rule:
    return Rule(pattern, rule.initializer, regex=True, axes=rule.axes, state=rule.state, source=rule.source)


def _literal(rule: Rule) -> Rule:
    return rule if is_name(rule.pattern) else _as_regex(rule, re.escape(rule.pattern))
