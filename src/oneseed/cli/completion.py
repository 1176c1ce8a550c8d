"""Completion of commands, options and names in a shell, which asks this command each time."""

from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]

from oneseed import checks, config, schemes
from oneseed.dtypes import NUMERIC
from oneseed.initializers.known import in_order

SHELLS = ("bash", "fish", "powershell", "zsh")
VARIABLE = "_ONESEED_COMPLETE"

prepare = completion_init
"""Has the shell's questions understood; called before the command's arguments are read."""


def script(shell: str) -> str:
    """Return what a shell is to run so that it completes.

    Parameters
    ----------
    shell : str
        The shell.

    Returns
    -------
    str
        The script.

    Raises
    ------
    ValueError
        If the shell is another one.
    """
    known = checks.one_of("SHELL", shell, SHELLS)
    text: str = get_completion_script(prog_name="oneseed", complete_var=VARIABLE, shell=known)
    return text


def initializers(incomplete: str) -> list[str]:
    """Return the names that begin so."""
    return _beginning(incomplete, [entry.name for entry in in_order()])


def ready_schemes(incomplete: str) -> list[str]:
    """Return the names of ready schemes that begin so."""
    return _beginning(incomplete, [name for name in schemes.__all__ if name != "Layer"])


def backends(incomplete: str) -> list[str]:
    """Return the names of backends that begin so; none is loaded."""
    return _beginning(incomplete, list(config.available_backends()))


def dtypes(incomplete: str) -> list[str]:
    """Return the names of dtypes that begin so."""
    return _beginning(incomplete, list(NUMERIC))


def shells(incomplete: str) -> list[str]:
    """Return the names of shells that begin so."""
    return _beginning(incomplete, list(SHELLS))


def _beginning(incomplete: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
