"""What each parameter of a model will get, before anything is drawn."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from oneseed import checks, config, seeds
from oneseed.checks import Shape
from oneseed.distributions import Distribution, Fill
from oneseed.draws import Draw
from oneseed.dtypes import dtype_name, numpy_dtype
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.composed.blocks import Call
from oneseed.initializers.composed.combination import Partial
from oneseed.models.names import Names, logical_names

if TYPE_CHECKING:
    from oneseed.models.rule import Rule
    from oneseed.models.scheme import Scheme


class Keep(Enum):
    """What stands in the place of an initializer for parameters that are left alone."""

    KEEP = "keep"

    def __repr__(self) -> str:
        """Show the name under which it is exported."""
        return "KEEP"


KEEP = Keep.KEEP


class Parameter(NamedTuple):
    """What a plan has to know of a parameter.

    Attributes
    ----------
    shape : tuple of int
        The shape of the whole tensor.
    dtype : str or dtype
        The dtype, named in any framework's way.
    axes : str, optional
        Names of the axes, as at an initializer's call.

    Examples
    --------
    >>> import oneseed
    >>> scheme = oneseed.Scheme([oneseed.Rule("*kernel", "he_normal")])
    >>> plan = scheme.plan({"dense/kernel": oneseed.Parameter((64, 128), "float32", "i o")})
    >>> plan[0].fan_in
    64
    """

    shape: Sequence[int]
    dtype: Any
    axes: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a plan: a parameter and what it gets.

    Attributes
    ----------
    name : str
        The framework's name.
    logical : str
        The logical name, which rules see and which is the path of the draw.
    tied : tuple of str
        Other names of the same parameter.
    shape : tuple of int
        The shape.
    dtype : str
        The dtype that the parameter gets.
    axes : str or None
        The axes that the initializer is told; None leaves them to it.
    rule : Rule or None
        The rule; None where `otherwise` decides, or nothing does.
    initializer : initializer, KEEP or None
        What fills it; None where nothing does.
    distribution : Distribution or None
        What is drawn; None where nothing is.
    fan_in, fan_out : int or None
        The fans that the initializer sees.
    also : tuple of str
        The patterns of later rules that match as well, with another initializer.
    """

    name: str
    logical: str
    tied: tuple[str, ...]
    shape: Shape
    dtype: str
    axes: str | None
    rule: "Rule | None"
    initializer: Any
    distribution: Distribution | None
    fan_in: int | None
    fan_out: int | None
    also: tuple[str, ...]

    @property
    def matched(self) -> bool:
        """Whether the scheme says what to do."""
        return self.initializer is not None

    @property
    def kept(self) -> bool:
        """Whether the parameter is left alone."""
        return self.matched and self.distribution is None

    @property
    def ambiguous(self) -> bool:
        """Whether a later rule with another initializer matches too."""
        return bool(self.also)

    @property
    def stddev(self) -> float | None:
        """The standard deviation of the values; None where it is not known."""
        if isinstance(self.distribution, Fill):
            return 0.0
        numbers = self.distribution.numbers if self.distribution else {}
        found: float | None = numbers.get("stddev_after_truncation", numbers.get("stddev"))
        return found

    @property
    def bytes(self) -> int:
        """The size of the whole tensor."""
        return math.prod(self.shape) * numpy_dtype(self.dtype).itemsize

    def draw(self, seed: Any) -> Draw:
        """Return the draw at a seed; an initializer with a seed of its own keeps that."""
        return _draw(seeded(self.initializer, seed), self.shape, self.dtype, self.axes, self.logical)

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain data, fit for JSON."""
        return {
            "name": self.name,
            "logical": self.logical,
            "tied": list(self.tied),
            "shape": list(self.shape),
            "dtype": self.dtype,
            "axes": self.axes,
            "rule": self.rule.pattern if self.rule else "otherwise" if self.matched else None,
            "initializer": repr(self.initializer) if self.matched else None,
            "distribution": self.distribution.name if self.distribution else None,
            "stddev": self.stddev,
            "fan_in": self.fan_in,
            "fan_out": self.fan_out,
            "bytes": self.bytes,
            "also": list(self.also),
        }


class Plan(Sequence[Entry]):
    """What a scheme gives each parameter, in their order; `Scheme.plan` makes it. Printed, it is a table.

    Parameters
    ----------
    entries : sequence of Entry
        The rows.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = tuple(entries)

    def __getitem__(self, at: Any) -> Any:
        """Return a row by its number, or by the parameter's name in the framework."""
        if isinstance(at, str):
            for entry in self._entries:
                if at in (entry.name, *entry.tied):
                    return entry
            known = [entry.name for entry in self._entries]
            raise KeyError(f"There is no parameter {at!r}.{checks.nearest(at, known)}")
        return self._entries[at]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Give the rows."""
        return iter(self._entries)

    @property
    def unmatched(self) -> tuple[Entry, ...]:
        """The parameters of which the scheme does not speak."""
        return tuple(entry for entry in self if not entry.matched)

    @property
    def ambiguous(self) -> tuple[Entry, ...]:
        """The parameters for which a later rule has another initializer."""
        return tuple(entry for entry in self if entry.ambiguous)

    def draws(self, seed: Any) -> list[tuple[Entry, Draw]]:
        """Return what is to be drawn, each parameter once and those that are kept not at all.

        Parameters
        ----------
        seed : int or framework's seed
            The seed of all initializers that have none of their own.

        Returns
        -------
        list of tuple
            Rows and their draws, in the order of the parameters.

        Raises
        ------
        TypeError
            If `seed` is neither an integer nor a framework's own.
        ValueError
            If it is out of range, parameters are unmatched, or ``rng="native"`` is in force.
        """
        if not seeds.is_framework_seed(seed):
            seed = seeds.check_seed(seed)
        if config.rng() != "portable":
            raise ValueError(
                "`rng` must be 'portable' for a scheme, whose parameters have streams of their own. "
                f"Received: rng={config.rng()!r}"
            )
        if self.unmatched:
            missing = ", ".join(entry.logical for entry in self.unmatched)
            raise ValueError(
                f"The scheme must have a rule for each parameter, or say what happens to the rest by `otherwise`: an "
                f"initializer, or oneseed.KEEP. Nothing was drawn. Received: no rule for {missing}"
            )
        return [(entry, entry.draw(seed)) for entry in self if not entry.kept]

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, fit for JSON.

        Returns
        -------
        dict
            The rows under "parameters", their number and their size under "count" and "bytes".
        """
        return {
            "parameters": [entry.as_dict() for entry in self],
            "count": len(self),
            "bytes": sum(entry.bytes for entry in self),
        }

    def __repr__(self) -> str:
        """Count, and flag."""
        return f"<Plan of {len(self)} parameters, {len(self.unmatched)} unmatched, {len(self.ambiguous)} ambiguous>"

    def __str__(self) -> str:
        """Write the table."""
        from oneseed.models.plan_table import text

        return text(self)

    def __rich__(self) -> Any:
        """Return rich's table."""
        from oneseed.models.plan_table import table

        return table(self)


def seeded(initializer: Any, seed: Any) -> Any:
    """Return an initializer that draws at `seed` where it has no seed of its own, in its parts too."""
    if not isinstance(initializer, Initializer):
        return initializer
    made = copy.copy(initializer)
    for name, value in vars(initializer).items():
        if isinstance(value, Initializer):
            setattr(made, name, seeded(value, seed))
        elif isinstance(value, list | tuple) and any(isinstance(item, Initializer) for item in value):
            setattr(made, name, type(value)(seeded(item, seed) for item in value))
    if isinstance(made, RandomInitializer) and getattr(made, "_given", made.seed) is None:
        made.seed = seed
    return made


def plan_of(
    scheme: "Scheme",
    params: Mapping[str, Any],
    names: Names = None,
    axes: Mapping[str, str | None] | None = None,
    tied: Mapping[str, str] | None = None,
) -> Plan:
    """Make the plan; what `Scheme.plan` does."""
    if not isinstance(params, Mapping) or not all(isinstance(name, str) for name in params):
        raise TypeError(f"`params` must be a mapping from names to parameters. Received: params={params!r}")
    aliases = _aliases(params, tied)
    patterns = {} if axes is None else dict(axes)
    if unknown := [name for name in patterns if name not in params and name not in (tied or {})]:
        raise ValueError(
            f"`axes` must name parameters.{checks.nearest(str(unknown[0]), params)} Received: axes with {unknown[0]!r}"
        )
    logical = logical_names([*params, *(name for name in tied or {} if name not in params)], names)
    entries: dict[str, Entry] = {}
    for name, parameter in params.items():
        if name in (tied or {}):
            continue
        if logical[name] in entries:
            raise ValueError(
                "`names` must give each parameter a logical name of its own: two with one would get the same values. "
                f"Received: {logical[name]!r} for {entries[logical[name]].name!r} and {name!r}"
            )
        # Arrays of other libraries may have `axes` that mean something else.
        known = parameter.axes if isinstance(parameter, Parameter) else None
        pattern = patterns.get(name, known)
        entries[logical[name]] = _entry(scheme, name, logical, aliases.get(name, ()), parameter, pattern)
    return Plan(tuple(entries.values()))


def _aliases(params: Mapping[str, Any], tied: Mapping[str, str] | None) -> dict[str, tuple[str, ...]]:
    """Return the other names of each parameter."""
    found: dict[str, tuple[str, ...]] = {}
    for alias, name in (tied or {}).items():
        if name not in params or name in (tied or {}):
            raise ValueError(
                "`tied` must map each further name of a parameter to its first, which is one of `params`. "
                f"Received: tied with {alias!r}: {name!r}"
            )
        found[name] = (*found.get(name, ()), alias)
    return found


def _entry(
    scheme: "Scheme", name: str, logical: Mapping[str, str], tied: tuple[str, ...], parameter: Any, axes: str | None
) -> Entry:
    its = logical[name]
    where = f"The parameter {name!r}" + (f", {its!r}," if its != name else "")
    try:
        shape, given = checks.shape(tuple(parameter.shape)), dtype_name(parameter.dtype)
    except AttributeError:
        raise TypeError(f"{where} must have a shape and a dtype. Received: {parameter!r}") from None
    except (TypeError, ValueError) as error:
        raise _told(error, f"{where} cannot be planned") from None
    rule, also = scheme.match(its)
    # A parameter of several names gets what its first one says; that another would say otherwise is worth a flag.
    for alias in tied:
        other, _ = scheme.match(logical[alias])
        if other is not None and (rule is None or not other.agrees(rule)):
            also = (*also, other)
    initializer = rule.initializer if rule else scheme.otherwise
    dtype = dtype_name(rule.dtype) if rule and rule.dtype is not None else given
    layout = rule.axes if rule and rule.axes is not None else None if _knows_axes(initializer) else axes
    draw = None
    if initializer is not None and initializer is not KEEP:
        try:
            draw = _draw(initializer, shape, dtype, layout, its)
        except (TypeError, ValueError) as error:
            by = f"rule {rule.pattern!r}" if rule else "`otherwise`"
            raise _told(error, f"{where} cannot be filled by {by}, {initializer!r}") from None
    return Entry(
        name,
        its,
        tied,
        shape,
        dtype,
        layout,
        rule,
        initializer,
        draw.distribution if draw else None,
        draw.fan_in if draw else None,
        draw.fan_out if draw else None,
        tuple(dict.fromkeys(later.pattern for later in also)),
    )


def _knows_axes(initializer: Any) -> bool:
    """Tell whether axes have been bound to an initializer, which then knows better than the layer."""
    return isinstance(initializer, Partial) and initializer.axes is not None


def _draw(initializer: Any, shape: Shape, dtype: str, axes: str | None, logical: str) -> Draw:
    return Call(dtype, axes, (logical,), False).part(initializer, shape)


def _told(error: Exception, where: str) -> Exception:
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{where}: {error}")
