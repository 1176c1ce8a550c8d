"""Patterns of rules, matched in a time that grows with the name's length alone.

Schemes come from files, and Python's `re` can take a lifetime over one name: it tries the ways in which a pattern could
match one after the other. Here all of them are followed at once, a character at a time (Thompson, "Regular expression
search algorithm", Communications of the ACM 11, 1968). What needs a memory of the way, references to groups and a look
ahead or behind, is refused.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from oneseed.checks import shown

LONGEST = 4096
"""Characters of a pattern at most."""

DEEPEST = 50
"""Groups inside one another at most."""

STATES = 2000
"""States of a machine at most; a repetition counts as many times as it asks for."""

KNOWN = 4096
"""Steps that a machine remembers."""

MACHINES = 32
"""Machines that are kept for further patterns that end alike, as those of the layers of a model do."""

_PLAIN = re.compile(r"\A(?:(?:[^\\.^$*+?{}\[\]()|]|\\\W)(?![*+?{]))*")
"""What a pattern begins with and means as it is written, but for a character that is repeated."""

_COUNT = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|0[0-7]{0,2}|[^\d])", re.S)
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")


class State(NamedTuple):
    """What a state waits for: a character, a place, or nothing; and the states behind it."""

    takes: Callable[[str], object] | None
    holds: Callable[[str, str], bool] | None
    """Whether a place is right, from the characters before and behind it, each empty at an end."""
    after: list[int]


class Expression:
    r"""A regular expression, in the syntax of Python's `re`, that must match a whole name.

    Parameters
    ----------
    pattern : str
        The expression: characters and classes of them, groups, alternatives, repetitions, and the places ``^``, ``$``,
        ``\A``, ``\Z``, ``\b`` and ``\B``.
    argument : str
        The argument's name, for the messages.

    Attributes
    ----------
    beginning : str
        Plain text that all names begin with.

    Raises
    ------
    ValueError
        If it is malformed, too long, or asks for what is left out.
    """

    def __init__(self, pattern: str, argument: str) -> None:
        check_length(pattern, argument)
        self._pattern, self._argument = pattern, argument
        try:
            self.beginning, self._rest = _parted(pattern)
        except ValueError as error:
            raise ValueError(f"`{argument}` {error}. Received: {argument}={shown(pattern)}") from None

    def fullmatch(self, name: str) -> bool:
        """Tell whether the whole name matches.

        Parameters
        ----------
        name : str
            The name.

        Returns
        -------
        bool
            Whether it does.
        """
        return name.startswith(self.beginning) and self._rest.takes(name, len(self.beginning))

    def __reduce__(self) -> tuple[type["Expression"], tuple[str, str]]:
        """Copy and pickle what it was built from."""
        return Expression, (self._pattern, self._argument)


def _parted(pattern: str) -> tuple[str, "_Machine"]:
    """Return the plain text that a pattern begins with, and what reads the rest of a name."""
    behind = _PLAIN.sub("", pattern, count=1)
    with suppress(ValueError):  # raised again below, of the whole pattern
        rest = _machine(behind)
        if not rest.is_divided:  # other alternatives may begin otherwise
            return re.sub(r"\\(.)", r"\1", pattern[: len(pattern) - len(behind)], flags=re.DOTALL), rest
    return "", _machine(pattern)


@lru_cache(MACHINES)
def _machine(pattern: str) -> "_Machine":
    return _Machine(pattern)


class _Machine:
    """Reads names as a regular expression does; its errors say what a pattern must or must not have."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at, self._depth = pattern, 0, 0
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError, FutureWarning) as error:
            raise ValueError(f"must be a regular expression: {error}") from None
        self._states: list[State] = []
        start, ends = self._alternatives()
        self.is_divided = len(self._states[start].after) > 1
        self._last = self._state(None, None)
        self._join(ends, self._last)
        self._start = frozenset({start})
        self._steps: dict[tuple[frozenset[int], str, str], frozenset[int]] = {}

    def takes(self, name: str, first: int) -> bool:
        """Tell whether a name matches from a character on."""
        states, before = self._start, name[first - 1 : first] if first else ""
        for behind in name[first:]:
            key = (states, before, behind)
            found = self._steps.get(key)
            if found is None:
                if len(self._steps) >= KNOWN:
                    self._steps.clear()
                reached = [self._states[at] for at in self._reached(states, before, behind)]
                taken = [state for state in reached if state.takes and state.takes(behind)]
                found = frozenset(at for state in taken for at in state.after)
                self._steps[key] = found
            if not found:
                return False
            states, before = found, behind
        return self._last in self._reached(states, before, "")

    def _reached(self, states: frozenset[int], before: str, behind: str) -> set[int]:
        """Return the states that are reached without a character."""
        seen: set[int] = set()
        waiting = list(states)
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            state = self._states[at]
            if state.takes is None and (state.holds is None or state.holds(before, behind)):
                waiting.extend(state.after)
        return seen

    # Building the machine. Each part is its first state, and the states that are to lead to what follows.

    def _state(
        self, takes: Callable[[str], object] | None, holds: Callable[[str, str], bool] | None, *after: int
    ) -> int:
        if len(self._states) >= STATES:
            raise ValueError(f"must need at most {STATES} states, repetitions written out")
        self._states.append(State(takes, holds, list(after)))
        return len(self._states) - 1

    def _join(self, ends: list[int], to: int) -> None:
        for end in ends:
            self._states[end].after.append(to)

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _alternatives(self) -> tuple[int, list[int]]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"must have at most {DEEPEST} groups inside one another")
        split = self._state(None, None)
        ends: list[int] = []
        while True:
            first, last = self._sequence()
            self._states[split].after.append(first)
            ends += last
            if self._next() != "|":
                break
            self._at += 1
        self._depth -= 1
        return split, ends

    def _sequence(self) -> tuple[int, list[int]]:
        first = self._state(None, None)
        ends = [first]
        while self._next() and self._next() not in "|)":
            start, last = self._repeated()
            self._join(ends, start)
            ends = last
        return first, ends

    def _repeated(self) -> tuple[int, list[int]]:
        begin = self._at
        start, ends = self._atom()
        least, most = self._count()
        if (least, most) == (1, 1):
            return start, ends
        # The part is built once for each time that it is asked for, the first being there already.
        first = self._state(None, None)
        tails, skips = [first], []
        for time in range(max(least, 1 if most is None else most)):
            if time:
                resume, self._at = self._at, begin
                start, ends = self._atom()
                self._at = resume
            if time >= least:
                skips += tails
            self._join(tails, start)
            tails = ends
        if most is None:
            again = self._state(None, None, start)
            self._join(tails, again)
            tails = [again]
        return first, [*tails, *skips]

    def _count(self) -> tuple[int, int | None]:
        """Read what follows an atom: how often it is to come, None without an end."""
        found = _COUNT.match(self._pattern, self._at)
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._next())
        if simple is not None:
            self._at += 1
        elif found and found[0] != "{}":
            self._at = found.end()
            least = int(found[1] or 0)
            simple = (least, least if not found[2] else int(found[3]) if found[3] else None)
        else:
            return 1, 1
        if self._next() == "+":
            raise ValueError("must not have a possessive repetition")
        if self._next() == "?":  # the same for a whole name
            self._at += 1
        return simple

    def _atom(self) -> tuple[int, list[int]]:
        char = self._next()
        if char == "(":
            opened = _GROUP.match(self._pattern, self._at)
            if not opened:
                raise ValueError(
                    "must not look ahead or behind, refer to groups or set flags; the first rule that matches wins, "
                    "so that another may come before this one"
                )
            self._at = opened.end()
            part = self._alternatives()
            self._at += 1
            return part
        if char in "^$":
            self._at += 1
            return self._place(_beginning if char == "^" else _end)
        if char == "[":
            return self._one(self._class_end())
        if char == "\\":
            code = self._pattern[self._at + 1]
            if code in _PLACES:
                self._at += 2
                return self._place(_PLACES[code])
            found = _ESCAPE.match(self._pattern, self._at)
            if not found or code == "N":
                raise ValueError("must not refer to groups or name characters")
            return self._one(found.end())
        return self._one(self._at + 1)

    def _one(self, end: int) -> tuple[int, list[int]]:
        """Return a state that takes one character, of which Python says whether it is right."""
        text, self._at = self._pattern[self._at : end], end
        state = self._state(re.compile(text).fullmatch, None)
        return state, [state]

    def _place(self, holds: Callable[[str, str], bool]) -> tuple[int, list[int]]:
        state = self._state(None, holds)
        return state, [state]

    def _class_end(self) -> int:
        at = self._at + 1
        at += self._pattern.startswith("^", at)
        at += 1 if self._pattern.startswith("]", at) else 0
        while self._pattern[at] != "]":
            at += 2 if self._pattern[at] == "\\" else 1
        return at + 1


def check_length(pattern: str, argument: str) -> None:
    """Refuse what no name needs, and what takes long to translate."""
    if len(pattern) > LONGEST:
        raise ValueError(
            f"`{argument}` must have at most {LONGEST} characters, not {len(pattern)}. "
            f"Received: {argument}={shown(pattern)}"
        )


def _beginning(before: str, behind: str) -> bool:
    return not before


def _end(before: str, behind: str) -> bool:
    return not behind


def _edge(before: str, behind: str) -> bool:
    return bool(re.match(r"\w", before)) != bool(re.match(r"\w", behind))


def _inside(before: str, behind: str) -> bool:
    return not _edge(before, behind)


_PLACES = {"A": _beginning, "Z": _end, "b": _edge, "B": _inside}
