"""What a user asks for on the command line, as the library takes it; messages speak of options."""

import inspect
import json
import shlex
from pathlib import Path
from typing import Any

from oneseed.checks import LONGEST, RepeatedKey, nearest, shown, unique
from oneseed.initializers import known as register
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.configs import required
from oneseed.initializers.names import find_registered
from oneseed.models.seeding import seeded

OPTIONS = ("axes", "backend", "dtype", "path", "shape")
"""Arguments of the call, each of which has an option of its own."""


def sizes(text: str) -> tuple[int, ...]:
    """Read a shape, such as "3,3,64,128"."""
    try:
        return tuple(int(size) for size in text.split(",")) if text.strip() else ()
    except ValueError:
        raise ValueError(
            f"--shape must be integers separated by commas, such as 3,3,64,128. Received: {text}"
        ) from None


def seed(text: str | None) -> int | None:
    """Read a seed.

    Raises
    ------
    ValueError
        If it is not an integer, or out of range.
    """
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**64:
        raise ValueError(f"--seed must be an integer in [0, 2**64). Received: --seed {_text(shlex.quote(text))}")
    return value


def folder(text: str | None) -> Path | None:
    """Read the folder to write to; an empty text, as of a variable that is not set, is not the current one.

    Raises
    ------
    ValueError
        If it is empty.
    """
    if text == "":
        raise ValueError("--out must name a folder; the current one is `.`. Received: --out ''")
    return None if text is None else Path(text)


def check_place(option: str, file: Path) -> None:
    """Refuse a file that cannot be written where it is asked for, before anything is drawn.

    Raises
    ------
    ValueError
        If its folder is missing, or a folder has its name.
    """
    if not file.parent.is_dir():
        raise ValueError(f"{option} must lie in a folder that exists. Received: {file}")
    if file.is_dir():
        raise ValueError(f"{option} must name a file, and this is a folder. Received: {file}")


WORDS = {"True": True, "False": False, "None": None}
"""What is not JSON and yet stands for a value, as help and errors write it."""


def settings(given: list[str] | None) -> dict[str, Any]:
    """Read arguments, such as "stddev=0.02"; a value is JSON, one of Python's constants, or else a word.

    Parameters
    ----------
    given : list of str, optional
        What followed each `--set`.

    Returns
    -------
    dict
        The values by name.

    Raises
    ------
    ValueError
        If one is of another form, or a name is given twice.
    """
    arguments: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for setting in given or ():
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise ValueError(f"--set must be of the form argument=value. Received: --set {setting}")
        if key in arguments:
            raise ValueError(f"The argument {key} must be given once. Received: --set {texts[key]} and --set {setting}")
        texts[key] = setting
        try:
            arguments[key] = json.loads(text, object_pairs_hook=unique)
        except RepeatedKey as error:
            raise ValueError(f"In --set {key} {error}; it must come once. Received: --set {_text(setting)}") from None
        except (ValueError, RecursionError):
            arguments[key] = WORDS.get(text, text)
    return arguments


def class_of(name: str) -> Any:
    """Return the class of an initializer by any of its names.

    Raises
    ------
    ValueError
        If nothing has this name.
    """
    cls = register.find(name) or find_registered(name)
    if cls is None or cls is Initializer:
        hint = nearest(name, {*register.aliases()} - {"Initializer", "initializer"})
        raise ValueError(f"Unknown initializer {shown(name)}.{hint} `oneseed list` shows all.")
    return cls


def initializer(name: str, seed: int | None, given: list[str] | None) -> Initializer:
    """Build an initializer.

    Parameters
    ----------
    name : str
        Any of its names.
    seed : int, optional
        The seed, also of the parts of one that is made of others. Zeros and the like take none, and are the same with
        any.
    given : list of str, optional
        What followed each `--set`.

    Returns
    -------
    Initializer
        The initializer.

    Raises
    ------
    ValueError
        If no initializer or argument has such a name, one is missing, or the seed is given twice.
    """
    cls = class_of(name)
    arguments = settings(given)
    known = inspect.signature(cls).parameters
    for key, value in arguments.items():
        if key not in known:
            raise ValueError(f"{_refused(name, key, known)} Received: --set {key}={_text(value)}")
    if missing := [key for key in required(cls) if key not in arguments]:
        raise ValueError(
            f"{name} needs {' '.join(f'--set {key}=...' for key in missing)}; see `oneseed explain {name}`."
        )
    if "seed" in arguments:
        value = arguments["seed"]
        if seed is not None:
            raise ValueError(f"The seed must be given once. Received: --seed {seed} and --set seed={_text(value)}")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ValueError(f"The seed must be an integer in [0, 2**64). Received: --set seed={_text(value)}")
    if seed is not None and issubclass(cls, RandomInitializer):
        arguments["seed"] = seed
    built = _built(cls, arguments)
    if seed is None or isinstance(built, RandomInitializer):
        return built
    whole: Initializer = seeded(built, seed)
    return whole


def _built(cls: Any, arguments: dict[str, Any]) -> Initializer:
    try:
        built: Initializer = cls.from_config(arguments)
    except ValueError as error:
        unknown, names, _ = str(error).partition(" Known ones are ")
        if not names:
            raise
        raise ValueError(f"{unknown} `oneseed list` shows all.") from None  # of a part of it
    return built


def _refused(name: str, key: str, known: Any) -> str:
    if key in OPTIONS:
        return f"{key} is an option of its own, --{key}."
    takes = f"takes {', '.join(sorted(known))}" if known else "takes none"
    return f"{name} has no argument {key}; it {takes}.{nearest(key, known)}"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
