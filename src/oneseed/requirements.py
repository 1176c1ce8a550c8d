"""How to install what is missing, in the one form that all messages have.

A message names the packages themselves, such as ``pip install 'jax>=0.8'``, not an extra of this one. That works
wherever this package came from, an index, a clone or a wheel, and installs nothing over it.
"""

import re
from typing import Any


def pip(*requirements: str) -> str:
    """Return the command that installs packages.

    Parameters
    ----------
    *requirements : str
        Their names, with versions where those matter.

    Returns
    -------
    str
        The command, to be pasted in a shell.

    Examples
    --------
    >>> pip("scipy", "jax>=0.8")
    "pip install scipy 'jax>=0.8'"
    """
    quoted = (item if re.fullmatch(r"[\w.-]+", item) else f"'{item}'" for item in requirements)
    return f"pip install {' '.join(quoted)}"


def of_extra(extra: str, otherwise: str, owner: Any = None) -> tuple[str, ...]:
    """Return what an extra of a distribution stands for.

    Parameters
    ----------
    extra : str
        The extra's name.
    otherwise : str
        The package to name where the distribution or the extra is not known.
    owner : importlib.metadata.Distribution, optional
        The distribution; None is this one.

    Returns
    -------
    tuple of str
        Its requirements, such as "jax>=0.8".
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        requires = (owner or distribution("oneseed")).requires or ()
    except PackageNotFoundError:  # on the search path, but not installed
        requires = ()
    parts = (item.partition(";") for item in requires)
    found = tuple(name.strip() for name, _, marker in parts if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", marker))
    return found or (otherwise,)
