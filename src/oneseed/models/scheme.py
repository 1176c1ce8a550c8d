"""Schemes: from parameters' names to initializers, for whole models."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oneseed import checks
from oneseed.checks import shown
from oneseed.models.names import Names
from oneseed.models.plan import Plan
from oneseed.models.planning import plan_of
from oneseed.models.rule import Rule, beginning, filler, names_one, restored, same, stored

FORMAT, VERSION = "oneseed.scheme", 1


class Scheme:
    """How a whole model is initialized: rules in order, of which the first that matches a parameter's name wins.

    Each parameter draws from a stream of its own, given by its logical name and the seed of the call: adding, removing
    or reordering layers does not change other parameters. An initializer with an integer seed of its own keeps it. A
    function, or a custom initializer with a `__call__` of its own, is called as it is. If the seed or the axes do not
    reach it, the plan says so, and a UserWarning when the scheme runs.

    Parameters
    ----------
    rules : iterable of Rule
        The rules.
    otherwise : initializer, KEEP or None
        What happens to parameters that no rule matches: an initializer, or KEEP, which leaves them alone. With None
        no such parameter may exist: before anything is drawn, a ValueError lists them.

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

    __slots__ = ("_exact", "_lengths", "_patterns", "otherwise", "rules")

    def __init__(self, rules: Iterable[Rule], otherwise: Any = None) -> None:
        given = checks.listed(rules)
        if given is None:
            raise TypeError(f"`rules` must be a sequence of oneseed.Rule. Received: rules={shown(rules)}")
        self.rules: tuple[Rule, ...] = tuple(given)
        if strange := [rule for rule in self.rules if not isinstance(rule, Rule)]:
            raise TypeError(f"`rules` must hold oneseed.Rule. Received: {shown(strange[0])}")
        self.otherwise = None if otherwise is None else filler("otherwise", otherwise)
        # A scheme with rules for each of a thousand layers must not try a thousand patterns on each name.
        self._exact: dict[str, tuple[int, ...]] = {}
        self._patterns: dict[str, list[int]] = {}
        for at, rule in enumerate(self.rules):
            if names_one(rule):
                self._exact[rule.pattern] = (*self._exact.get(rule.pattern, ()), at)
            else:
                self._patterns.setdefault(beginning(rule), []).append(at)
        self._lengths = tuple({len(text) for text in self._patterns})

    def match(self, name: str, *, state: bool = False) -> tuple[Rule | None, tuple[Rule, ...]]:
        """Return the rule for a parameter.

        Parameters
        ----------
        name : str
            The logical name.
        state : bool
            Whether the name is that of state, for which only rules with ``state=True`` are.

        Returns
        -------
        tuple
            The first rule that matches, or None, and the later ones that match and do something else.

        Raises
        ------
        TypeError
            If `name` is not a str.

        Examples
        --------
        >>> import oneseed
        >>> rules = [oneseed.Rule("*.bias", "zeros"), oneseed.Rule("head.*", "ones")]
        >>> rule, later = oneseed.Scheme(rules).match("head.bias")
        >>> rule.pattern, [other.pattern for other in later]
        ('*.bias', ['head.*'])
        """
        if not isinstance(name, str):
            raise TypeError(f"`name` must be a str. Received: name={shown(name)}")
        exact = self._exact.get(name, ())
        if len(exact) == 1 and not self._patterns:
            rule = self.rules[exact[0]]
            return (rule if rule.state or not state else None), ()
        places = list(exact)
        for length in self._lengths:
            if length <= len(name):
                places += [at for at in self._patterns.get(name[:length], ()) if self.rules[at].matches(name)]
        found = [rule for rule in map(self.rules.__getitem__, sorted(places)) if rule.state or not state]
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
            Further names of parameters, each with the parameter's first name, which is in `params` and decides.

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

        Examples
        --------
        >>> import oneseed
        >>> scheme = oneseed.Scheme([oneseed.Rule("*.weight", "glorot_normal")])
        >>> plan = scheme.plan({"fc/kernel": oneseed.Parameter((3, 5), "float32")}, names={"fc/kernel": "fc.weight"})
        >>> plan[0].logical, plan[0].stddev
        ('fc.weight', 0.5)
        """
        return plan_of(self.match, self.otherwise, params, names, axes, tied)

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
        return config if self.otherwise is None else {**config, "otherwise": stored(self.otherwise)}

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
            raise TypeError(f"`config` must be a dict. Received: config={shown(config)}")
        rules = config.get("rules")
        if config.get("format") != FORMAT or config.get("version") != VERSION or not isinstance(rules, list):
            raise ValueError(
                f"`config` must have the keys 'format', {FORMAT!r}, 'version', {VERSION}, and 'rules', a list. "
                f"Received: config={shown(config)}"
            )
        _check_keys(config, ("format", "version", "rules", "otherwise"))
        otherwise = config.get("otherwise")
        return cls([_rule(rule) for rule in rules], None if otherwise is None else restored(otherwise))

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
        import json

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
            If `text` is not a str, or holds no object.
        ValueError
            If it is malformed.

        Examples
        --------
        >>> import oneseed
        >>> text = oneseed.schemes.gpt2().to_json()
        >>> oneseed.Scheme.from_json(text) == oneseed.schemes.gpt2()
        True
        """
        import json

        return cls.from_config(_read(lambda given: json.loads(given, object_pairs_hook=checks.unique), text, "JSON"))

    def to_toml(self) -> str:
        """Return the scheme as TOML.

        Returns
        -------
        str
            The text: a table for each rule, on one line where all are short.

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
        rules = [
            { pattern = "*.bias", initializer = { class_name = "Zeros", config = {} } },
        ]
        otherwise = "keep"
        <BLANKLINE>
        """
        import tomli_w

        text = tomli_w.dumps(_without_none(self.get_config()))
        if Scheme.from_toml(text) != self:
            raise ValueError(
                "The scheme must hold nothing that TOML lacks, such as None inside a list; use `to_json`. "
                f"Received: {shown(self)}"
            )
        return text

    @classmethod
    def from_toml(cls, text: str) -> "Scheme":
        r"""Read a scheme from TOML.

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
        TypeError
            If `text` is not a str.
        ValueError
            If it is malformed.

        Examples
        --------
        >>> import oneseed
        >>> text = 'format = "oneseed.scheme"\nversion = 1\nrules = [{pattern = "*", initializer = "he_normal"}]'
        >>> oneseed.Scheme.from_toml(text).rules
        (Rule('*', HeNormal(seed=None, input_axes=None, output_axes=None)),)
        """
        import tomllib

        return cls.from_config(_read(tomllib.loads, text, "TOML"))

    def __eq__(self, other: object) -> bool:
        """Compare the rules and the rest."""
        return isinstance(other, Scheme) and self.rules == other.rules and same(self.otherwise, other.otherwise)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the rules."""
        rules = "".join(f"\n    {rule!r}," for rule in self.rules)
        return f"Scheme([{rules}\n], otherwise={self.otherwise!r})"


def check_scheme(scheme: Any) -> None:
    """Refuse what is not a scheme."""
    if not isinstance(scheme, Scheme):
        raise TypeError(f"`scheme` must be a oneseed.Scheme. Received: scheme={shown(scheme)}")


def plan_weights(
    scheme: Scheme,
    params: Mapping[str, Any],
    *,
    known: Mapping[str, str],
    names: Names,
    axes: Mapping[str, str | None] | None,
) -> Plan:
    """Return the plan of a model whose layers tell axes.

    Parameters
    ----------
    scheme : Scheme
        The scheme.
    params : mapping of str to Parameter
        Parameters and state by name.
    known : mapping of str to str
        Axes that the layers tell; those of `axes` take precedence.
    names, axes
        See `Scheme.plan`.

    Returns
    -------
    Plan
        The plan, of what belongs to the scheme.
    """
    return scheme.plan(params, names=names, axes={**{n: known[n] for n in params if n in known}, **(axes or {})})


def _read(parse: Callable[[str], Any], text: Any, form: str) -> Any:
    """Parse a text; errors of the parser name what was received."""
    if not isinstance(text, str):
        raise TypeError(f"`text` must be a str. Received: text={shown(text)}")
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"`text` must be {form}: {error}. Received: text={shown(text)}") from None
    except RecursionError:
        raise ValueError(f"`text` must not be nested so deep. Received: text={shown(text)}") from None


def _rule(config: Any) -> Rule:
    if not isinstance(config, dict) or "pattern" not in config or "initializer" not in config:
        raise ValueError(
            f"A rule in `config` must be a dict with the keys 'pattern' and 'initializer'. Received: {shown(config)}"
        )
    _check_keys(config, ("pattern", "initializer", "regex", "axes", "dtype", "state", "source"))
    return Rule(**{**config, "initializer": restored(config["initializer"])})


def _check_keys(config: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in config:
        if key not in known:
            raise ValueError(
                f"`config` must have no keys but {', '.join(map(repr, known))}.{checks.nearest(str(key), known)} "
                f"Received: {shown(key)}"
            )


def _without_none(data: Any) -> Any:
    """Return plain data without what is None, which TOML does not have."""
    if isinstance(data, dict):
        return {key: _without_none(value) for key, value in data.items() if value is not None}
    return [_without_none(value) for value in data if value is not None] if isinstance(data, list) else data
