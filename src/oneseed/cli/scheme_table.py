"""What `oneseed schemes` shows."""

import inspect
from typing import Any

from rich.table import Table
from rich.text import Text

from oneseed import checks, schemes
from oneseed.models.scheme import Scheme
from oneseed.schemes import Layer

FUNCTIONS = {name: getattr(schemes, name) for name in schemes.__all__ if name != "Layer"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "deepnorm": {"encoder_layers": 12},
    "torch": {"layers": {"linear": Layer("linear", 64), "embedding": Layer("embedding"), "norm": Layer("norm")}},
}
"""Arguments of the schemes that cannot do without, for which the command has an example of its own."""


def listed() -> list[dict[str, str]]:
    """Return name, purpose and source of each scheme, from its docstring."""
    found = []
    for name, function in FUNCTIONS.items():
        text = inspect.getdoc(function) or ""
        source = text.partition("References\n----------\n")[2].partition("\n\n")[0]
        what = text.partition("\n")[0].removeprefix("Return ").replace("`", "")
        found.append({"scheme": name, "what": what, "from": " ".join(source.replace("`", "").split())})
    return found


def build(name: str, arguments: dict[str, Any]) -> Scheme:
    """Return a scheme by its name.

    Parameters
    ----------
    name : str
        The name.
    arguments : dict
        Its arguments.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    ValueError
        If the name or an argument is unknown.
    """
    function = FUNCTIONS[checks.one_of("scheme", name, tuple(FUNCTIONS))]
    known = inspect.signature(function).parameters
    for key in arguments:
        if key not in known:
            accepted = ", ".join(map(repr, known)) or "none"
            raise ValueError(f"The arguments of {name} must be among these: {accepted}. Received: {key!r}")
    scheme: Scheme = function(**arguments)
    return scheme


def rules(name: str, scheme: Scheme) -> Table:
    """Return a table of the rules, in their order."""
    table = Table("pattern", "initializer", "axes", title=name, title_justify="left")
    for rule in scheme.rules:
        table.add_row(Text(rule.pattern), Text(repr(rule.initializer)), rule.axes or "-")
    return table
