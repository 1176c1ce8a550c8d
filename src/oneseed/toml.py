"""Plain data as TOML, which the standard library reads and does not write."""

import json
from collections.abc import Mapping
from typing import Any


def write(config: Mapping[str, Any]) -> str:
    """Return plain data as TOML: lists of tables under headings, all else in one line each; None is left out.

    Parameters
    ----------
    config : mapping
        Strings, numbers, booleans, lists and mappings with str keys.

    Returns
    -------
    str
        The text.

    Raises
    ------
    TypeError
        If it holds anything else.

    Examples
    --------
    >>> print(write({"a": 1, "b": {"c": [0.5, True]}}), end="")
    a = 1
    b = {c = [0.5, true]}
    """
    tables = {key: value for key, value in config.items() if _is_tables(value)}
    text = _lines({key: value for key, value in config.items() if key not in tables})
    for key, rows in tables.items():
        for row in rows:
            text += f"\n[[{_key(key)}]]\n{_lines(row)}"
    return text


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _lines(config: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in config.items() if value is not None)


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):  # TOML writes inf and nan as Python does
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return f"{{{', '.join(pairs)}}}"
    raise TypeError(f"`config` must hold plain data. Received: {value!r}")


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but TOML wants one more.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
