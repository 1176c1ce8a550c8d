"""A rule of a scheme: for which parameters an initializer is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from oneseed import checks
from oneseed.checks import shown
from oneseed.dtypes import dtype_name
from oneseed.fans import parse
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.serialization import deserialize, get, serialize
from oneseed.models.keep import KEEP, Keep
from oneseed.models.pattern import Expression, check_length


@dataclass(frozen=True, init=False, eq=False, slots=True)
class Rule:
    r"""Which parameters an initializer is for, by their names.

    Parameters
    ----------
    pattern : str
        What the whole name must match: a glob, in which ``*`` stands for any text, separators included, ``?`` for a
        character and ``[...]`` for one of several. Upper and lower case differ.
    initializer : initializer or KEEP
        What fills the parameter, or whatever `oneseed.initializers.get` makes one of. KEEP leaves it alone.
    regex : bool
        Whether the pattern is a regular expression, which must match the whole name too. It may have all that Python's
        have but lookaround, references to groups, flags and possessive repetitions: a match takes a time that grows
        with the name's length and no faster, for schemes may come from strangers.
    axes : str, optional
        Names of the axes, which come before those that a framework's layer gives. None leaves those in force, unless
        the initializer is a `Partial` with axes of its own.
    dtype : str or dtype, optional
        The dtype that the parameter gets; None is its own.
    state : bool
        Whether the rule is for a model's state too: buffers, running statistics and anything else that is not a
        parameter. Other rules are for parameters alone.
    source : str, optional
        Where the rule comes from, such as a line of a model's code; a plan shows it.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `pattern`, `axes` or `dtype` is malformed, or the initializer or a part of it draws from a SeedGenerator or a
        framework's own seed, so that the values would depend on more than the name.

    Examples
    --------
    >>> import oneseed
    >>> rule = oneseed.Rule(r"layers\.\d+\.weight", "he_normal", regex=True, axes="o i")
    >>> rule.matches("layers.11.weight"), rule.matches("layers.11.weight_norm")
    (True, False)
    """

    pattern: str
    initializer: Any
    regex: bool
    axes: str | None
    dtype: str | None
    state: bool
    source: str | None
    _match: Any

    def __init__(
        self,
        pattern: str,
        initializer: Any,
        *,
        regex: bool = False,
        axes: str | None = None,
        dtype: Any = None,
        state: bool = False,
        source: str | None = None,
    ) -> None:
        if not isinstance(pattern, str):
            raise TypeError(f"`pattern` must be a str. Received: pattern={shown(pattern)}")
        if not isinstance(source, str | None):
            raise TypeError(f"`source` must be a str or None. Received: source={shown(source)}")
        checks.boolean("regex", regex)
        checks.boolean("state", state)
        if axes is not None:
            parse(axes)
        chosen = filler("initializer", initializer)
        if chosen is KEEP and (axes is not None or dtype is not None):
            raise ValueError(
                "`axes` and `dtype` must be None where a parameter is kept. "
                f"Received: axes={shown(axes)}, dtype={shown(dtype)}, initializer=KEEP"
            )
        values = {
            "pattern": pattern,
            "initializer": chosen,
            "regex": regex,
            "axes": axes,
            "dtype": None if dtype is None else dtype_name(dtype),
            "state": state,
            "source": source,
            "_match": Expression(pattern, "pattern") if regex else _glob(pattern),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def matches(self, name: str) -> bool:
        """Tell whether the rule is for a parameter.

        Parameters
        ----------
        name : str
            The logical name.

        Returns
        -------
        bool
            Whether the whole name matches.

        Examples
        --------
        >>> import oneseed
        >>> oneseed.Rule("*.bias", "zeros").matches("layers.0.bias")
        True
        """
        if not isinstance(name, str):
            raise TypeError(f"`name` must be a str. Received: name={shown(name)}")
        return self.pattern == name if self._match is None else bool(self._match.fullmatch(name))

    def agrees(self, other: "Rule") -> bool:
        """Tell whether another rule does the same with a parameter.

        Parameters
        ----------
        other : Rule
            The other rule.

        Returns
        -------
        bool
            Whether initializer, axes and dtype are the same.

        Examples
        --------
        >>> import oneseed
        >>> oneseed.Rule("*.bias", "zeros").agrees(oneseed.Rule("*", "zeros"))
        True
        """
        return (self.axes, self.dtype) == (other.axes, other.dtype) and same(self.initializer, other.initializer)

    def same_values(self, other: "Rule") -> bool:
        """Tell whether two rules, for two names of one tensor, do not contradict each other.

        Parameters
        ----------
        other : Rule
            The other rule.

        Returns
        -------
        bool
            Whether initializer and dtype are the same, and the axes too unless one of them leaves those open.

        Examples
        --------
        >>> import oneseed
        >>> oneseed.Rule("embed", "he_normal", axes="b o").same_values(oneseed.Rule("head", "he_normal"))
        True
        """
        axes = self.axes is None or other.axes is None or self.axes == other.axes
        return axes and self.dtype == other.dtype and same(self.initializer, other.initializer)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as plain data.

        Returns
        -------
        dict
            What differs from the defaults; the initializer as `oneseed.initializers.serialize` writes it, without None.

        Raises
        ------
        TypeError
            If the initializer is a function.
        """
        config: dict[str, Any] = {"pattern": self.pattern, "initializer": stored(self.initializer)}
        if self.regex:
            config["regex"] = True
        named = {"axes": self.axes, "dtype": self.dtype, "state": self.state or None, "source": self.source}
        return {**config, **{name: value for name, value in named.items() if value is not None}}

    def __eq__(self, other: object) -> bool:
        """Compare the arguments."""
        return (
            isinstance(other, Rule)
            and (self.pattern, self.regex, self.state) == (other.pattern, other.regex, other.state)
            and self.agrees(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the arguments that differ from the defaults."""
        shown = {"regex": self.regex or None, "axes": self.axes, "dtype": self.dtype, "state": self.state or None}
        more = "".join(f", {name}={value!r}" for name, value in shown.items() if value is not None)
        return f"Rule({self.pattern!r}, {self.initializer!r}{more})"


def filler(argument: str, given: Any) -> Any:
    """Return the initializer that something stands for, or KEEP; what depends on more than the name is refused."""
    if isinstance(given, Keep):
        return given
    chosen = get(given)
    if chosen is None:
        raise TypeError(f"`{argument}` must be an initializer, its name or config, or KEEP. Received: {argument}=None")
    for part in _parts(chosen):
        if isinstance(part, RandomInitializer) and not isinstance(part.seed, int | None):
            raise ValueError(
                f"`{argument}` must have an integer seed, or none, so that a parameter's values depend on its name "
                f"alone. Received: {argument}={shown(given)}"
            )
    return chosen


def _parts(initializer: Any) -> Iterable[Any]:
    yield initializer
    for value in vars(initializer).values() if isinstance(initializer, Initializer) else ():
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, Initializer):
                yield from _parts(part)


def _glob(pattern: str) -> re.Pattern[str] | None:
    """Return what matches a glob; None of one that stands for one name, as most do where there are thousands."""
    from fnmatch import translate

    check_length(pattern, "pattern")
    return None if is_name(pattern) else re.compile(translate(pattern))


def is_name(pattern: str) -> bool:
    """Tell whether a glob stands for one name."""
    return _SPECIAL.search(pattern) is None


_SPECIAL = re.compile(r"[*?[]")


def patterns(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return the patterns of rules, each once."""
    return tuple(dict.fromkeys(rule.pattern for rule in rules))


def beginning(rule: Rule) -> str:
    """Return plain text that all names begin with which a rule is for."""
    if rule.regex:
        text: str = rule._match.beginning
        return text
    return _SPECIAL.split(rule.pattern, maxsplit=1)[0]


def names_one(rule: Rule) -> bool:
    """Tell whether a rule's pattern is one name, which is found in no time among thousands."""
    return rule._match is None


def renamed(rule: Rule, name: str) -> Rule:
    """Return a rule that does the same for one name; what has been checked of the rule is not checked again."""
    check_length(name, "pattern")
    like: Rule = _new(Rule)
    _set_pattern(like, name)
    _set_initializer(like, rule.initializer)
    _set_regex(like, False)
    _set_axes(like, rule.axes)
    _set_dtype(like, rule.dtype)
    _set_state(like, rule.state)
    _set_source(like, rule.source)
    _set_match(like, None)
    return like


_new = object.__new__
(_set_pattern, _set_initializer, _set_regex, _set_axes, _set_dtype, _set_state, _set_source, _set_match) = (
    vars(Rule)[field.name].__set__ for field in fields(Rule)
)
"""What writes the fields of a rule, which is frozen for its users. There may be thousands of rules: a loop takes twice
as long."""


def same(one: Any, other: Any) -> bool:
    """Tell whether two initializers are the same, or of the same configuration."""
    if one is other:
        return True
    if not (hasattr(one, "get_config") and hasattr(other, "get_config")):
        return False
    return bool(stored(one) == stored(other))


def stored(initializer: Any) -> Any:
    """Return an initializer as plain data, the form of the configuration being that of JSON."""
    if isinstance(initializer, Keep):
        return initializer.value
    import json

    full = serialize(initializer)
    built_in = full["module"] is not None
    wanted = ("class_name", "config") if built_in else ("class_name", "config", "registered_name")
    return json.loads(json.dumps({key: full[key] for key in wanted}))


def restored(data: Any) -> Any:
    """Return the initializer, or KEEP, that plain data stands for."""
    if data == KEEP.value:
        return KEEP
    return deserialize(data) if isinstance(data, dict) else get(data)
