"""Schemes: from parameters' names to initializers, for whole models."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oneseed import checks
from oneseed.dtypes import dtype_name
from oneseed.fans import parse
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.serialization import deserialize, get, serialize
from oneseed.naming import Names, compiled
from oneseed.plan import KEEP, Keep, Plan, plan_of

FORMAT, VERSION = "oneseed.scheme", 1


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
        Whether the pattern is a regular expression, which must match the whole name too.
    axes : str, optional
        Names of the axes, which come before those that a framework's layer gives. None leaves those in force, unless
        the initializer is a `Partial` with axes of its own.
    dtype : str or dtype, optional
        The dtype that the parameter gets; None is its own.

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
    _match: Any

    def __init__(
        self, pattern: str, initializer: Any, *, regex: bool = False, axes: str | None = None, dtype: Any = None
    ) -> None:
        if not isinstance(pattern, str):
            raise TypeError(f"`pattern` must be a str. Received: pattern={pattern!r}")
        if not isinstance(regex, bool):
            raise TypeError(f"`regex` must be True or False. Received: regex={regex!r}")
        if axes is not None:
            parse(axes)
        made = _filler("initializer", initializer)
        if made is KEEP and (axes is not None or dtype is not None):
            raise ValueError(
                "`axes` and `dtype` must be None where a parameter is kept. "
                f"Received: axes={axes!r}, dtype={dtype!r}, initializer=KEEP"
            )
        fields = {
            "pattern": pattern,
            "initializer": made,
            "regex": regex,
            "axes": axes,
            "dtype": None if dtype is None else dtype_name(dtype),
            "_match": compiled(pattern if regex else _translated(pattern), "pattern").fullmatch,
        }
        for name, value in fields.items():
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
        """
        return self._match(name) is not None

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
        """
        return (self.axes, self.dtype) == (other.axes, other.dtype) and _same(self.initializer, other.initializer)

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
        config: dict[str, Any] = {"pattern": self.pattern, "initializer": _stored(self.initializer)}
        if self.regex:
            config["regex"] = True
        named = {"axes": self.axes, "dtype": self.dtype}
        return {**config, **{name: value for name, value in named.items() if value is not None}}

    def __eq__(self, other: object) -> bool:
        """Compare the arguments."""
        return (
            isinstance(other, Rule)
            and (self.pattern, self.regex) == (other.pattern, other.regex)
            and self.agrees(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the arguments that differ from the defaults."""
        shown = {"regex": self.regex or None, "axes": self.axes, "dtype": self.dtype}
        more = "".join(f", {name}={value!r}" for name, value in shown.items() if value is not None)
        return f"Rule({self.pattern!r}, {self.initializer!r}{more})"


class Scheme:
    """How a whole model is initialized: rules in order, of which the first that matches a parameter's name wins.

    Each parameter draws from a stream of its own, at the path of its logical name and the seed of the call: to add, to
    remove or to reorder layers changes no other parameter. An initializer with an integer seed of its own keeps that. A
    function, or a custom initializer with a `__call__` of its own, is called as it is: its values are its own matter.

    Parameters
    ----------
    rules : iterable of Rule
        The rules.
    otherwise : initializer, KEEP or None
        What happens to parameters that no rule matches: an initializer, or KEEP, which leaves them alone. With None
        there must be no such parameter: before anything is drawn, a ValueError lists them.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `otherwise` names no initializer, or one whose seed is not an integer.

    Examples
    --------
    >>> import oneseed
    >>> scheme = oneseed.Scheme(
    ...     [oneseed.Rule("*.bias", "zeros"), oneseed.Rule("*.weight", "he_normal", axes="o i")],
    ...     otherwise=oneseed.KEEP,
    ... )
    >>> plan = scheme.plan({"fc.weight": oneseed.Parameter((8, 2), "float32"), "step": oneseed.Parameter((), "int64")})
    >>> plan["fc.weight"].stddev, plan["step"].kept
    (1.0, True)
    """

    __slots__ = ("otherwise", "rules")

    def __init__(self, rules: Iterable[Rule], otherwise: Any = None) -> None:
        if isinstance(rules, str | Mapping) or not isinstance(rules, Iterable):
            raise TypeError(f"`rules` must be a sequence of oneseed.Rule. Received: rules={rules!r}")
        self.rules: tuple[Rule, ...] = tuple(rules)
        if strange := [rule for rule in self.rules if not isinstance(rule, Rule)]:
            raise TypeError(f"`rules` must hold oneseed.Rule. Received: {strange[0]!r}")
        self.otherwise = None if otherwise is None else _filler("otherwise", otherwise)

    def match(self, name: str) -> tuple[Rule | None, tuple[Rule, ...]]:
        """Return the rule for a parameter.

        Parameters
        ----------
        name : str
            The logical name.

        Returns
        -------
        tuple
            The first rule that matches, or None, and the later ones that match and do something else.
        """
        found = [rule for rule in self.rules if rule.matches(name)]
        if not found:
            return None, ()
        return found[0], tuple(rule for rule in found[1:] if not rule.agrees(found[0]))

    def plan(
        self,
        params: Mapping[str, Any],
        *,
        names: Names = None,
        axes: Mapping[str, str | None] | None = None,
        tied: Mapping[str, str] | None = None,
    ) -> Plan:
        """Return what each parameter will get; nothing is drawn, and all that can be refused is refused here.

        Parameters
        ----------
        params : mapping of str to Parameter
            The parameters by name: `Parameter`, or tensors of any framework, of which shape and dtype are read.
        names : mapping, callable or sequence of pairs, optional
            From the framework's names to the logical ones, which rules see and streams go by: a mapping, a function, or
            pairs of a regular expression and its replacement, applied in turn. None takes the names as they are.
        axes : mapping of str to str, optional
            Names of the axes, by the framework's name of the parameter.
        tied : mapping of str to str, optional
            Further names of parameters, each with the name in `params` that comes first and decides.

        Returns
        -------
        Plan
            A row for each parameter.

        Raises
        ------
        TypeError
            If an argument is of another type, or an initializer refuses a parameter so.
        ValueError
            If names do not fit one another, or an initializer refuses shape or dtype of a parameter.
        """
        return plan_of(self, params, names, axes, tied)

    def get_config(self) -> dict[str, Any]:
        """Return the scheme as plain data.

        Returns
        -------
        dict
            "format", "version", "rules", and "otherwise" where there is one.

        Raises
        ------
        TypeError
            If an initializer is a function.
        """
        config = {"format": FORMAT, "version": VERSION, "rules": [rule.get_config() for rule in self.rules]}
        return config if self.otherwise is None else {**config, "otherwise": _stored(self.otherwise)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Scheme":
        """Build a scheme from plain data; only built-in and registered initializers are built.

        Parameters
        ----------
        config : dict
            As from `get_config`.

        Returns
        -------
        Scheme
            The scheme.

        Raises
        ------
        TypeError
            If `config` is not a dict.
        ValueError
            If it is malformed, or of a later version.
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"`config` must be a dict. Received: config={config!r}")
        rules = config.get("rules")
        if config.get("format") != FORMAT or config.get("version") != VERSION or not isinstance(rules, list):
            raise ValueError(
                f"`config` must have the keys 'format', {FORMAT!r}, 'version', {VERSION}, and 'rules', a list. "
                f"Received: config={config!r}"
            )
        _check_keys(config, ("format", "version", "rules", "otherwise"))
        otherwise = config.get("otherwise")
        return cls([_rule(rule) for rule in rules], None if otherwise is None else _restored(otherwise))

    def to_json(self) -> str:
        """Return the scheme as JSON.

        Returns
        -------
        str
            The text, indented.

        Raises
        ------
        TypeError
            If an initializer is a function.

        Examples
        --------
        >>> import oneseed
        >>> scheme = oneseed.Scheme([oneseed.Rule("*.bias", "zeros")], otherwise=oneseed.KEEP)
        >>> oneseed.Scheme.from_json(scheme.to_json()) == scheme
        True
        """
        return json.dumps(self.get_config(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Scheme":
        """Read a scheme from JSON.

        Parameters
        ----------
        text : str
            As from `to_json`.

        Returns
        -------
        Scheme
            The scheme.

        Raises
        ------
        TypeError
            If it holds no object.
        ValueError
            If it is malformed.
        """
        return cls.from_config(json.loads(text))

    def to_toml(self) -> str:
        """Return the scheme as TOML.

        Returns
        -------
        str
            The text: a table for each rule.

        Raises
        ------
        TypeError
            If an initializer is a function.
        ValueError
            If an initializer has a None that TOML, which has none, could not give back.

        Examples
        --------
        >>> import oneseed
        >>> print(oneseed.Scheme([oneseed.Rule("*.bias", "zeros")], otherwise=oneseed.KEEP).to_toml())
        format = "oneseed.scheme"
        version = 1
        otherwise = "keep"
        <BLANKLINE>
        [[rules]]
        pattern = "*.bias"
        initializer = {class_name = "Zeros", config = {}}
        <BLANKLINE>
        """
        from oneseed.toml import write

        text = write(self.get_config())
        if Scheme.from_toml(text) != self:
            raise ValueError(
                "The scheme must hold nothing that TOML lacks, such as None inside a list; use `to_json`. "
                f"Received: {self!r}"
            )
        return text

    @classmethod
    def from_toml(cls, text: str) -> "Scheme":
        """Read a scheme from TOML.

        Parameters
        ----------
        text : str
            As from `to_toml`, or written by hand: an initializer may be its name alone.

        Returns
        -------
        Scheme
            The scheme.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        import tomllib

        return cls.from_config(tomllib.loads(text))

    def __eq__(self, other: object) -> bool:
        """Compare the rules and the rest."""
        return isinstance(other, Scheme) and self.rules == other.rules and _same(self.otherwise, other.otherwise)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the rules."""
        rules = "".join(f"\n    {rule!r}," for rule in self.rules)
        return f"Scheme([{rules}\n], otherwise={self.otherwise!r})"


def _filler(argument: str, given: Any) -> Any:
    """Return the initializer that something stands for, or KEEP; what depends on more than the name is refused."""
    if isinstance(given, Keep):
        return given
    made = get(given)
    if made is None:
        raise TypeError(f"`{argument}` must be an initializer, its name or config, or KEEP. Received: {argument}=None")
    for part in _parts(made):
        if isinstance(part, RandomInitializer) and not isinstance(part.seed, int):
            raise ValueError(
                f"`{argument}` must have an integer seed, or none, so that a parameter's values depend on its name "
                f"alone. Received: {argument}={given!r}"
            )
    return made


def _parts(initializer: Any) -> Iterable[Any]:
    yield initializer
    for value in vars(initializer).values() if isinstance(initializer, Initializer) else ():
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, Initializer):
                yield from _parts(part)


def _translated(glob: str) -> str:
    from fnmatch import translate

    return translate(glob)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two initializers are the same, or of the same configuration."""
    if one is other:
        return True
    if not (hasattr(one, "get_config") and hasattr(other, "get_config")):
        return False
    return _stored(one) == _stored(other)


def _stored(initializer: Any) -> Any:
    """Return an initializer as plain data, the form of the configuration being that of JSON."""
    if isinstance(initializer, Keep):
        return initializer.value
    full = serialize(initializer)
    built_in = full["registered_name"] is None
    wanted = ("class_name", "config") if built_in else ("class_name", "config", "registered_name")
    return json.loads(json.dumps({key: full[key] for key in wanted}))


def _restored(stored: Any) -> Any:
    if stored == KEEP.value:
        return KEEP
    return deserialize(stored) if isinstance(stored, dict) else get(stored)


def _rule(config: Any) -> Rule:
    if not isinstance(config, dict) or "pattern" not in config or "initializer" not in config:
        raise ValueError(
            f"A rule in `config` must be a dict with the keys 'pattern' and 'initializer'. Received: {config!r}"
        )
    _check_keys(config, ("pattern", "initializer", "regex", "axes", "dtype"))
    return Rule(**{**config, "initializer": _restored(config["initializer"])})


def _check_keys(config: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in config:
        if key not in known:
            raise ValueError(
                f"`config` must have no keys but {', '.join(map(repr, known))}.{checks.nearest(str(key), known)} "
                f"Received: {key!r}"
            )
