"""The compiled kernels, where they were built: which one draws, and what it is told.

``ONESEED_KERNEL`` names a kernel in place of the best that the processor can run, or "numpy" for none. All make the
same bits.
"""

import os
import struct
import warnings
from functools import lru_cache
from importlib import import_module
from typing import Any

from oneseed.checks import one_of
from oneseed.distributions import Distribution
from oneseed.distributions.recipes import recipe

WITHOUT = "numpy"
"""The name for drawing without a kernel."""

KINDS = {"normal": 0, "uniform": 1, "truncated_normal": 2, "integers": 3}
DTYPES = {
    "float32": 0,
    "float64": 1,
    "float16": 2,
    "bfloat16": 3,
    "float8_e4m3fn": 4,
    "float8_e5m2": 5,
    "int8": 6,
    "uint8": 6,
    "int16": 7,
    "uint16": 7,
    "int32": 8,
    "uint32": 8,
    "int64": 9,
    "uint64": 9,
}
DISTRIBUTION = struct.Struct("=4i4d2Q")
"""The type `oneseed_distribution` of ``native/oneseed.h``."""

WORDS = DISTRIBUTION.pack(4, DTYPES["int64"], 0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0)
"""The random words of 64 bits themselves."""


def load() -> Any:
    """Return the module of the kernels, with the one that ``ONESEED_KERNEL`` asks for in use, or None without one.

    Raises
    ------
    ValueError
        If ``ONESEED_KERNEL`` is not one of the kernels that were built and run on this processor.
    """
    module: Any
    try:
        module = import_module("oneseed_numpy._kernel")
    except ModuleNotFoundError:
        module = None
    except ImportError as error:
        module = None
        warnings.warn(
            f"The compiled kernels cannot be loaded ({error}); oneseed draws with NumPy, the same bits more slowly.",
            RuntimeWarning,
            stacklevel=2,
        )
    name = asked()
    if name:
        one_of("ONESEED_KERNEL", name, (*(module.kernels if module else ()), WITHOUT))
        if name == WITHOUT:
            return None
        module.use(name)
    return module


def asked() -> str | None:
    """Return what ``ONESEED_KERNEL`` asks for."""
    return os.environ.get("ONESEED_KERNEL")


@lru_cache(maxsize=1024)
def packed(distribution: Distribution, dtype: str) -> bytes:
    """Return what to draw as the kernels take it.

    Parameters
    ----------
    distribution : Normal, TruncatedNormal, Uniform or Integers
        What to draw.
    dtype : str
        The dtype of the result.

    Returns
    -------
    bytes
        An `oneseed_distribution`.
    """
    numbers = recipe(distribution, dtype)
    given = (numbers.scale, numbers.offset, numbers.low, numbers.high)
    real = [0.0 if number is None else float(number) for number in given]  # a zero keeps its sign
    shifted = numbers.offset is not None
    return DISTRIBUTION.pack(KINDS[numbers.kind], DTYPES[dtype], shifted, 0, *real, numbers.first, numbers.width)
