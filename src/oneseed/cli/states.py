"""Which backends can be used."""

from oneseed import registry
from oneseed.cli import processes
from oneseed.host_arrays import HOST

READY = "ready"


def state(name: str) -> str:
    """Load a backend; return "ready" or what is wrong with it."""
    try:
        registry.load(name)
    except Exception as error:  # a stranger's adapter may fail in any way, which must not hide the others
        return f"{error}" if isinstance(error, ImportError | ValueError) else f"broken: {error!r}"
    return READY


def states() -> dict[str, str]:
    """Return the state of every backend that is known, each loaded in a process of its own."""
    return processes.each(known(), _found)


def known() -> list[str]:
    """Return the names of all backends; that of the host engine also where no entry point declares it."""
    names = registry.available_backends()
    return list(names) if HOST in names else sorted({*names, HOST})


def _found(name: str) -> str:
    if registry.is_loaded(name) or not processes.own(name):
        return state(name)
    try:
        (facts,) = processes.listen("state", name)
    except processes.EndedError as error:
        return f"broken: {error}"
    return str(facts["state"])
