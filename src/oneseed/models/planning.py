"""From a scheme and a model's parameters to a plan."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from oneseed import checks
from oneseed.checks import Shape, shown
from oneseed.draws import Draw
from oneseed.dtypes import dtype_name
from oneseed.fans import Guess
from oneseed.initializers.targets import decided_once, draw_of, repeats
from oneseed.models.entry import Entry, Parameter
from oneseed.models.keep import KEEP
from oneseed.models.names import Names, logical_names
from oneseed.models.plan import Plan
from oneseed.models.rule import Rule, patterns


class Sizes(NamedTuple):
    """What has been read of a parameter; one object for all that are equal."""

    shape: Shape
    dtype: str
    axes: str | None
    state: bool
    frozen: bool


class Known(NamedTuple):
    """What has been found out for a plan by now."""

    read: dict[int, tuple[Any, Sizes]]
    """Parameters by their identities, as one object may stand for many."""
    sizes: dict[Sizes, Sizes]
    draws: dict[tuple[Any, ...], tuple[Any, Draw]]
    """What has been decided; see `decided_once`."""
    rows: dict[tuple[Any, ...], tuple[tuple[Any, ...], tuple[Any, ...]]]
    """By all that decides a row but the name: what is before the rule, from the shape on, and what is after it."""


Match = Callable[..., tuple[Rule | None, tuple[Rule, ...]]]
"""From a logical name to the rule for it, and the later rules that match too; `Scheme.match`."""


def plan_of(
    match: Match,
    otherwise: Any,
    params: Mapping[str, Any],
    names: Names = None,
    axes: Mapping[str, str | None] | None = None,
    tied: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan of a scheme, given by its `match` and its `otherwise`; what `Scheme.plan` does."""
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        raise TypeError(f"`params` must be a mapping from names to parameters. Received: params={shown(params)}")
    for argument, value in (("axes", axes), ("tied", tied)):
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(
                f"`{argument}` must be a mapping from names of parameters. Received: {argument}={shown(value)}"
            )
    aliases = _aliases(params, tied)
    given = {} if axes is None else dict(axes)
    others = tied or {}
    if unknown := [name for name in given if name not in params and name not in others]:
        raise ValueError(
            f"`axes` must name parameters.{checks.nearest(str(unknown[0]), params)} "
            f"Received: axes with {shown(unknown[0])}"
        )
    logical = logical_names([*params, *(name for name in others if name not in params)], names)
    entries: dict[str, Entry] = {}
    found = Known({}, {}, {}, {})
    for name, parameter in params.items():
        if name in others:
            continue
        called = logical[name]
        if called in entries:
            raise ValueError(
                "`names` must give each parameter a logical name of its own: two with one would get the same values. "
                f"Received: {shown(called)} for {shown(entries[called].name)} and {shown(name)}"
            )
        read = found.read.get(id(parameter))
        sizes = _sizes(parameter, name, called, found) if read is None else read[1]
        tied_to = aliases.get(name, ())
        rule, also = (
            _rule(match, _where(name, called), called, [logical[alias] for alias in tied_to], sizes.state)
            if tied_to
            else match(called, state=sizes.state)
        )
        if rule is None and sizes.state:
            continue
        pattern = given.get(name, sizes.axes)
        alike = None
        usual = rule is not None and not tied_to and not also and (pattern is None or isinstance(pattern, str))
        if rule is not None and usual and called.isascii():
            alike = id(rule.initializer), id(sizes), pattern, type(pattern), rule.axes, rule.dtype
            row = found.rows.get(alike)
            if row is not None:
                entries[called] = _new(Entry, (name, called, (), *row[0], rule, *row[1]))
                continue
        entry = _entry(name, called, tied_to, sizes, pattern, rule, also, otherwise, found)
        entries[called] = entry
        if alike is not None and entry.planned is not None and repeats(entry.initializer):
            found.rows[alike] = entry[3:7], entry[8:]
    return Plan(tuple(entries.values()))


_new = tuple.__new__
"""Makes named tuples, of which there may be thousands, in half the time that their classes take."""


def _aliases(params: Mapping[str, Any], tied: Mapping[str, str] | None) -> dict[str, tuple[str, ...]]:
    """Return the other names of each parameter."""
    found: dict[str, tuple[str, ...]] = {}
    for alias, name in (tied or {}).items():
        if not isinstance(name, str) or name not in params or name in (tied or {}):
            raise ValueError(
                "`tied` must map each further name of a parameter to its first, which is one of `params`. "
                f"Received: tied with {shown(alias)}: {shown(name)}"
            )
        found[name] = (*found.get(name, ()), alias)
    return found


def _entry(
    name: str,
    logical: str,
    tied: tuple[str, ...],
    sizes: Sizes,
    axes: str | None,
    rule: Rule | None,
    also: tuple[Rule, ...],
    otherwise: Any,
    known: Known,
) -> Entry:
    """Decide what a parameter gets."""
    shape = sizes.shape
    initializer = rule.initializer if rule else KEEP if sizes.frozen else otherwise
    dtype = dtype_name(rule.dtype) if rule and rule.dtype is not None else sizes.dtype
    layout = rule.axes if rule and rule.axes is not None else None if _knows_axes(initializer) else axes
    draw, guessed = None, isinstance(layout, Guess)
    if initializer is not None and initializer is not KEEP:
        try:
            asked = initializer, shape, dtype, layout, (logical,)
            draw = decided_once(known.draws, asked, draw_of, *asked)
            if guessed and _needs_axes(draw, initializer):
                raise ValueError(
                    "the axes of this tensor, which its layer's class does not tell, decide what is drawn; name them "
                    f"by `axes`, here or in the rule. Received: shape={shape}, and only the guess axes={str(layout)!r}"
                )
        except (TypeError, ValueError) as error:
            by = f"rule {rule.pattern!r}" if rule else "`otherwise`"
            raise _told(error, f"{_where(name, logical)} cannot be filled by {by}, {initializer!r}") from None
    return Entry(
        name,
        logical,
        tied,
        shape,
        dtype,
        layout,
        guessed,
        rule,
        initializer,
        draw,
        patterns(also),
    )


def _sizes(parameter: Any, name: str, logical: str, known: Known) -> Sizes:
    """Read a parameter."""
    # Arrays of other libraries may have `axes` that mean something else.
    more = (
        (parameter.axes, parameter.state, parameter.frozen)
        if isinstance(parameter, Parameter)
        else (None, False, False)
    )
    try:
        sizes = Sizes(checks.shape(tuple(parameter.shape)), dtype_name(parameter.dtype), *more)
    except AttributeError:
        raise TypeError(
            f"{_where(name, logical)} must have a shape and a dtype. Received: {shown(parameter)}"
        ) from None
    except (TypeError, ValueError) as error:
        raise _told(error, f"{_where(name, logical)} cannot be planned") from None
    if type(sizes.axes) is str or sizes.axes is None:  # a guess is equal to a text that is none
        sizes = known.sizes.setdefault(sizes, sizes)
    known.read[id(parameter)] = parameter, sizes
    return sizes


def _where(name: str, logical: str) -> str:
    return f"The parameter {name!r}" + (f", {logical!r}," if logical != name else "")


def _rule(
    match: Match, where: str, name: str, others: Sequence[str], state: bool
) -> tuple[Rule | None, tuple[Rule, ...]]:
    """Return the rule for a tensor of one name or several, and the later ones that match too."""
    rule, also = match(name, state=state)
    for other in others:
        found, later = match(other, state=state)
        if rule is None:
            rule, also, name = found, later, other
        elif found is not None and not rule.same_values(found):
            raise ValueError(
                f"{where} is tied: it is {other!r} too, and the rules for the two names must agree. Put a rule "
                f"for the tied tensor before them. Received: {name!r} by {rule!r}, and {other!r} by {found!r}"
            )
    return rule, also


def _needs_axes(draw: Draw, initializer: Any) -> bool:
    """Tell whether other axes would give a tensor another distribution, and not only another order of its values."""
    rank = len(draw.shape)
    for axes in (" ".join(f"b{at}" for at in range(rank)), " ".join(f"{'bio'[min(at, 2)]}{at}" for at in range(rank))):
        try:
            other = draw_of(initializer, draw.shape, draw.dtype, axes, draw.path)
        except (TypeError, ValueError):
            return True
        if _distributions(draw) != _distributions(other):
            return True
    return False


def _distributions(draw: Draw) -> list[Any]:
    return [(leaf.distribution, leaf.shape) for leaf in draw.leaves]


def _knows_axes(initializer: Any) -> bool:
    """Tell whether axes have been bound to an initializer, which then knows better than the layer."""
    return getattr(initializer, "_axes", None) is not None


def _told(error: Exception, where: str) -> Exception:
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{where}: {error}")
