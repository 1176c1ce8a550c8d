"""Which scheme `oneseed init` was asked for, with what the parameters themselves tell of the model."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oneseed import checks
from oneseed.checkpoint.sources import Source
from oneseed.cli import scheme_table
from oneseed.models.entry import Parameter
from oneseed.models.scheme import Scheme

OWN = "own"

EMBEDDINGS = r"(?:.*\.)?(?:wte|embed_tokens|tok_embeddings)\.weight"
PATCHES = r"(?:.*\.)?patch_embed\.proj\.weight"


def chosen(asked: str, arguments: Mapping[str, Any], source: Source) -> tuple[Scheme, str]:
    """Return a scheme, and what to call it.

    Parameters
    ----------
    asked : str
        A ready scheme's name, a .toml or .json file, or "own".
    arguments : mapping
        Arguments of a ready scheme. Its numbers of layers, width, patches and channels are those of the parameters
        unless they are given.
    source : Source
        The parameters.

    Returns
    -------
    tuple
        The scheme and its name.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If there is no such scheme, the file is malformed, or an argument does not fit or cannot be told.
    """
    path = Path(asked)
    is_file = path.suffix in (".toml", ".json")
    if arguments and (is_file or asked == OWN):
        raise ValueError(f"--set is for the arguments of a ready scheme. Received: --scheme {asked}")
    if asked == OWN:
        if source.own is None:
            raise ValueError("--scheme own needs a model to ask: a config.json as the source. Received: --scheme own")
        return source.own(), asked
    if is_file:
        read = Scheme.from_toml if path.suffix == ".toml" else Scheme.from_json
        try:
            checks.regular_file(path)
            return read(path.read_text(encoding="utf-8")), path.name
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{asked!r} is not a scheme: {error}") from None
    function = scheme_table.FUNCTIONS[checks.one_of("scheme", asked, (*scheme_table.FUNCTIONS, OWN))]
    given = {**_told(asked, inspect.signature(function).parameters, arguments, source.params), **arguments}
    shown = ", ".join(f"{name}={checks.shown(value)}" for name, value in given.items())
    return scheme_table.build(asked, given), f"{asked}({shown})"


def _told(
    asked: str, wanted: Mapping[str, inspect.Parameter], given: Mapping[str, Any], params: Mapping[str, Parameter]
) -> dict[str, int]:
    """Return those arguments that describe the model and are not given, as the parameters tell them."""
    tell = {
        "layers": lambda: _layers(params),
        "width": lambda: _size(params, EMBEDDINGS, -1),
        "patch_size": lambda: _size(params, PATCHES, -1),
        "channels": lambda: _size(params, PATCHES, 1),
    }
    found = {}
    for name, parameter in wanted.items():
        # The layers of `torch` are not a number.
        if name in tell and name not in given and isinstance(parameter.default, int):
            value = tell[name]()
            if value is None:
                raise ValueError(
                    f"The names and shapes of the parameters do not tell the {name!r} of the scheme {asked!r}; say it "
                    f"by --set {name}=..."
                )
            found[name] = value
    return found


def _layers(params: Mapping[str, Parameter]) -> int | None:
    """Return how many layers are numbered, as in "h.0.ln_1.weight"; None if not all rows of them are as long."""
    rows: dict[str, set[int]] = {}
    for name in params:
        if match := re.match(r"(.*?)\b(\d+)\.", name):
            rows.setdefault(match[1], set()).add(int(match[2]))
    lengths = {len(numbers) for numbers in rows.values()}
    return lengths.pop() if len(lengths) == 1 else None


def _size(params: Mapping[str, Parameter], pattern: str, axis: int) -> int | None:
    """Return the size of an axis of all parameters of a name; None if there is none, or they differ."""
    sizes = {
        param.shape[axis] for name, param in params.items() if re.fullmatch(pattern, name) and len(param.shape) > 1
    }
    return sizes.pop() if len(sizes) == 1 else None
