"""One seed, the same neural network weights everywhere, bit for bit.

Keras's initializers for NumPy and any framework that has an adapter, drawn from one portable stream
of random values.
"""

from oneseed import backend, config, initializers, layouts, random, rules, schemes
from oneseed.config import floatx, set_backend, set_floatx, using
from oneseed.data_dependent import lsuv
from oneseed.digest import fingerprint
from oneseed.plan import KEEP, Parameter
from oneseed.scheme import Scheme
from oneseed.scheme_rule import Rule
from oneseed.seeds import SeedGenerator, set_random_seed

__version__ = "0.1.0"

__all__ = [
    "KEEP",
    "Parameter",
    "Rule",
    "Scheme",
    "SeedGenerator",
    "__version__",
    "backend",
    "config",
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
    "using",
]
