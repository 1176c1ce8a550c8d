"""What `oneseed schemes` shows."""

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from oneseed import checks, schemes
from oneseed.models.scheme import Scheme
from oneseed.schemes import Layer

FUNCTIONS = {name: getattr(schemes, name) for name in schemes.__all__ if name != "Layer"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "deepnorm": {"encoder_layers": 12},
    "torch": {"layers": {"fc": {"kind": "linear", "fan_in": 64}, "embed": "embedding", "norm": "norm"}},
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
        Its arguments, as JSON has them: a `Layer` is its kind, or an object with its fields.

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
            raise ValueError(
                f"{name} has no argument {key}; it takes {', '.join(known) or 'none'}.{checks.nearest(key, known)}"
            )
    if missing := [key for key, item in known.items() if item.default is item.empty and key not in arguments]:
        needed = " ".join(f"--set {key}=..." for key in missing)
        raise ValueError(f"{name} needs {needed}; `oneseed schemes {name}` shows an example.")
    if function is schemes.torch:
        arguments = {"layers": _layers(arguments["layers"])}
    scheme: Scheme = function(**arguments)
    return scheme


def _layers(given: Any) -> dict[str, Layer]:
    if not isinstance(given, dict):
        raise ValueError(
            "`layers` must be a JSON object from the paths of layers to what they are, such as "
            f"{json.dumps(EXAMPLES['torch']['layers'])}. Received: --set layers={checks.shown(given)}"
        )
    return {path: _layer(path, fields) for path, fields in given.items()}


def _layer(path: str, given: Any) -> Layer:
    fields = {"kind": given} if isinstance(given, str) else given
    received = f"Received: {json.dumps(path)}: {checks.shown(given)}"
    known = ", ".join(Layer._fields)
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        raise ValueError(f"A layer must be a kind, such as 'norm', or an object with 'kind'. {received}")
    for key in fields:
        if key not in Layer._fields:
            raise ValueError(f"A layer has {known}, and no {key}.{checks.nearest(key, Layer._fields)} {received}")
    if fields["kind"] in ("linear", "recurrent") and "fan_in" not in fields:
        raise ValueError(f"A layer of the kind {fields['kind']!r} must have a 'fan_in'. {received}")
    padding = fields.get("padding")
    if padding is not None and not (isinstance(padding, list) and [type(size) for size in padding] == [int, int]):
        raise ValueError(f"The 'padding' of a layer must be [ROW, ROWS]: the row that is 0, of how many. {received}")
    return Layer(**{**fields, "padding": padding and tuple(padding)})


def arguments(name: str) -> str:
    """Return the arguments of a scheme with their defaults, as in a call."""
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    shown = (item.name if item.default is item.empty else f"{item.name}={item.default!r}" for item in parameters)
    return f"{name}({', '.join(shown)})"


def rules(name: str, scheme: Scheme, given: dict[str, Any]) -> Iterator[str]:
    """Give the lines that show a scheme: its arguments, and its rules in their order.

    Parameters
    ----------
    name : str
        Its name.
    scheme : Scheme
        The scheme.
    given : dict
        The arguments that it was built with.

    Yields
    ------
    str
        A line. A pattern has one of its own, as it is to be copied.
    """
    yield arguments(name)
    if given:
        yield "with " + ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in given.items())
    yield "A parameter gets the first rule whose pattern matches its whole name:"
    for number, rule in enumerate(scheme.rules, 1):
        yield ""
        yield f"{number}. {'regular expression' if rule.regex else 'glob'}  {rule.pattern}"
        notes = {"axes": rule.axes, "dtype": rule.dtype, "state": rule.state or None}
        extra = "".join(f", {key} {value}" for key, value in notes.items() if value is not None)
        yield f"   {re.sub(r'seed=None(, )?', '', repr(rule.initializer))}{extra}"
