"""What each parameter of a model will get, before anything is drawn."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from oneseed import checks, config, seeds
from oneseed.draws import Draw
from oneseed.initializers.targets import repeats
from oneseed.models.entry import Entry
from oneseed.models.seeding import called
from oneseed.stream.paths import as_path

SHOWN = 20
"""As many parameters a warning names at most."""

_new = tuple.__new__
"""Makes named tuples, of which there may be thousands, in half the time that their classes take."""


class Plan(Sequence[Entry]):
    """What a scheme gives each parameter, in their order; `Scheme.plan` makes it. Printed, it is a table.

    Parameters
    ----------
    entries : sequence of Entry
        The rows.
    """

    __slots__ = ("_entries", "_named")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = tuple(entries)
        self._named: dict[str, Entry] = {}  # when one is asked for

    def __getitem__(self, at: Any) -> Any:
        """Return a row by its number, or by the parameter's name in the framework."""
        if not isinstance(at, str):
            return self._entries[at]
        if not self._named:
            self._named = {name: entry for entry in self._entries for name in (entry.name, *entry.tied)}
        if at not in self._named:
            hint = checks.nearest(at, self._named)
            raise KeyError(f"A row must be asked for by its number or the name of a parameter.{hint} Received: {at!r}")
        return self._named[at]

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
        """Return the draws: one for each parameter, none for those that are kept.

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

        Warns
        -----
        UserWarning
            If the seed, or the axes, do not reach the initializers of some parameters; see `Entry.unreached`.
        """
        if not seeds.is_framework_seed(seed):
            seed = seeds.check_seed(seed)
        if config.rng() != "portable":
            raise ValueError(
                "`rng` must be 'portable' for a scheme, whose parameters have streams of their own. "
                f"Received: rng={config.rng()!r}"
            )
        if unmatched := self.unmatched:
            missing = ", ".join(entry.logical for entry in unmatched)
            raise ValueError(
                f"The scheme must have a rule for each parameter, or say what happens to the rest by `otherwise`: an "
                f"initializer, or oneseed.KEEP. Nothing was drawn. Received: no rule for {missing}"
            )
        drawn = []
        known: dict[int, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}  # like parameters share all but the path
        for entry in self._entries:
            planned = entry.planned
            if planned is None:
                continue
            like = known.get(id(planned))
            if like is not None:
                drawn.append((entry, _new(Draw, (*like[0], as_path(entry.logical), *like[1]))))
                continue
            draw = entry.draw(seed)
            if repeats(entry.initializer):
                known[id(planned)] = draw[:4], draw[5:]
            drawn.append((entry, draw))
        self._warn()
        return drawn

    def _warn(self) -> None:
        """Warn of initializers that are called with a shape and a dtype alone."""
        planned = {id(entry.planned): entry.planned for entry in self._entries}
        calls = {key for key, draw in planned.items() if draw is not None and any(called(draw.distribution))}
        if not calls:
            return
        unreached = [(entry, entry.unreached) for entry in self._entries if id(entry.planned) in calls]
        for what, remedy in (
            ("seed", "their values may be others at each run, and in each framework"),
            ("axes", "their fans are those of Keras's rule, and their values follow the order of the axes"),
        ):
            found = [f"{entry.logical!r} ({entry.initializer!r})" for entry, lacks in unreached if lacks == what]
            if found:
                more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
                warnings.warn(
                    f"The {what} of the scheme {'does' if what == 'seed' else 'do'} not reach initializers that are "
                    f"called with a shape and a dtype alone; {remedy}. Override `distribution_for` instead of "
                    f"`__call__`. The parameters: {', '.join(found[:SHOWN])}{more}.",
                    UserWarning,
                    stacklevel=seeds.level_of_caller(),
                )

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
        from oneseed.models.plan_table import text  # and with it rich, which only those who print need

        return text(self)

    def __rich__(self) -> Any:
        """Return rich's table."""
        from oneseed.models.plan_table import table

        return table(self)
