"""From a framework's names of parameters to the logical ones, which decide their streams."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from oneseed import checks
from oneseed.checks import shown

Names = Mapping[str, str] | Callable[[str], str] | Sequence[tuple[str, str]] | None


def logical_names(given: Iterable[str], names: Names, argument: str = "names") -> dict[str, str]:
    """Return the logical name of each name.

    Parameters
    ----------
    given : iterable of str
        The framework's names.
    names : mapping, callable, sequence of pairs, or None
        A mapping from names, all of which must be there, to logical ones; a function of the name; or pairs of a regular
        expression and its replacement, applied one after the other as `re.sub` does. None keeps all names, as a mapping
        keeps those that it lacks.
    argument : str
        The argument's name, for the messages.

    Returns
    -------
    dict of str to str
        The logical names, in the order of the names.

    Raises
    ------
    TypeError
        If `names` is of another type, or its result is not a str.
    ValueError
        If it names what is not there, or a regular expression is malformed.
    """
    found = dict.fromkeys(given)
    if names is None:
        return {name: name for name in found}
    if isinstance(names, Mapping):
        if unknown := [name for name in names if name not in found]:
            raise ValueError(
                f"`{argument}` must map existing names.{checks.nearest(str(unknown[0]), found)} "
                f"Received: {argument} with {shown(unknown[0])}"
            )
        mapped = {name: names.get(name, name) for name in found}
    elif callable(names):
        mapped = {name: names(name) for name in found}
    else:
        rewrites = _rewrites(names, argument)
        mapped = {}
        for name in found:
            logical = name
            for pattern, replacement in rewrites:
                try:
                    logical = pattern.sub(replacement, logical)
                except (re.error, IndexError) as error:
                    raise ValueError(
                        f"`{argument}` must hold replacements that fit their expressions: {error}. "
                        f"Received: {argument} with {shown((pattern.pattern, replacement))}"
                    ) from None
            mapped[name] = logical
    for name, logical in mapped.items():
        if not isinstance(logical, str):
            raise TypeError(f"`{argument}` must give a str for each name. Received: {shown(logical)} for {shown(name)}")
    return mapped


def _rewrites(names: object, argument: str) -> list[tuple[re.Pattern[str], str]]:
    pairs = None if isinstance(names, str) or not isinstance(names, Sequence) else list(names)
    if pairs is None or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in pairs
    ):
        raise TypeError(
            f"`{argument}` must be a mapping, a function, or a sequence of pairs of a regular expression and its "
            f"replacement. Received: {argument}={shown(names)}"
        )
    return [(compiled(pattern, argument), replacement) for pattern, replacement in pairs]


def compiled(pattern: str, argument: str) -> re.Pattern[str]:
    """Compile a regular expression; ValueError if it is malformed."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"`{argument}` must hold regular expressions: {error}. Received: {argument}={shown(pattern)}"
        ) from None
