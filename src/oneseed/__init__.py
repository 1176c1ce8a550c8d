"""One seed, the same neural network weights everywhere, bit for bit.

Keras's initializers for NumPy and any framework that has an adapter, drawn from one portable stream
of random values.
"""

from importlib import import_module
from typing import Any

from oneseed import backend, config, distributions, host_arrays, initializers, layouts, random, rules, schemes, testing
from oneseed.config import floatx, set_backend, set_floatx, using
from oneseed.digest import fingerprint
from oneseed.models.entry import Parameter
from oneseed.models.keep import KEEP
from oneseed.models.lsuv import lsuv
from oneseed.models.rule import Rule
from oneseed.models.scheme import Scheme
from oneseed.seeds import SeedGenerator, set_random_seed

__version__: str

__all__ = [
    "KEEP",
    "Parameter",
    "Rule",
    "Scheme",
    "SeedGenerator",
    "__version__",
    "backend",
    "checkpoint",
    "config",
    "distributions",
    "fingerprint",
    "floatx",
    "initializers",
    "layouts",
    "lsuv",
    "random",
    "rules",
    "schemes",
    "set_backend",
    "set_floatx",
    "set_random_seed",
    "testing",
    "using",
]


def __getattr__(name: str) -> Any:
    # Drawing in memory needs no code for files.
    if name == "checkpoint":
        return import_module("oneseed.checkpoint")
    if name == "__version__":  # of the installed package, which has it from the repository's tag
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("oneseed")
        except PackageNotFoundError:  # on the search path, but not installed
            return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# The engine that draws in host memory, for every backend: so the first draw does not wait for it.
import_module(f"oneseed_{host_arrays.HOST}")
