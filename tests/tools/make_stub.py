"""Write the names of the initializers for type checkers: ``python tests/tools/make_stub.py``.

The test of the stub compares it with `text`.
"""

import sys
from pathlib import Path

from oneseed import initializers
from oneseed.initializers import known

STUB = Path(initializers.__file__).with_suffix(".pyi")

HEAD = '''"""Written by tests/tools/make_stub.py from the register of initializers."""

'''

ALWAYS = {
    "oneseed.initializers.base": ["Initializer", "RandomInitializer"],
    "oneseed.initializers.elementwise.gains": ["calculate_gain"],
    "oneseed.initializers.names": ["register"],
    "oneseed.initializers.serialization": ["deserialize", "get", "serialize"],
}
"""What is public beside the classes of the register."""


def text() -> str:
    """Return the stub."""
    homes = {module: list(names) for module, names in ALWAYS.items()}
    for entry in known.entries().values():
        homes.setdefault(entry.cls.__module__, []).append(entry.cls.__name__)
    lines = [
        f"from {module} import {name} as {name}" for module, names in sorted(homes.items()) for name in sorted(names)
    ]
    others = {name: getattr(initializers, name) for name in initializers.__all__}
    aliases = [f"{name} = {item.__name__}" for name, item in others.items() if name != item.__name__]
    # For type checkers, which take from a `*` what is in a list that they can read.
    public = ["__all__ = [", *(f'    "{name}",' for name in initializers.__all__), "]"]
    return HEAD + "\n".join(lines) + "\n\n" + "\n".join(aliases) + "\n\n" + "\n".join(public) + "\n"


if __name__ == "__main__":
    STUB.write_text(text(), encoding="utf-8")
    sys.exit()
