"""Settings: a default for the whole process, and overrides for the length of a `with` block.

The names are those of `keras.config`. A setter changes the process-wide default, which every thread
sees; `using` changes it for the code inside its block only, in this thread or asyncio task.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oneseed import registry, settings
from oneseed.checks import one_of, shown
from oneseed.registry import available_backends, register_backend
from oneseed.settings import FLOATX, IMAGE_DATA_FORMATS, RNGS, Settings

__all__ = [
    "available_backends",
    "backend",
    "epsilon",
    "floatx",
    "image_data_format",
    "register_backend",
    "rng",
    "set_backend",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_rng",
    "using",
]


def backend() -> str:
    """Return the name of the backend in force.

    Returns
    -------
    str
        In this order: the innermost ``using(backend=...)``, `set_backend`, the environment variable
        ``ONESEED_BACKEND`` as it was at import, "numpy".

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.backend()
    'numpy'
    """
    return settings.in_force().backend


def set_backend(backend: str) -> None:
    """Set the default backend of the process.

    Parameters
    ----------
    backend : str
        One of `available_backends`. It is loaded at once, so that a missing framework shows here.

    Raises
    ------
    ValueError
        If no backend has this name, or two distributions claim it.
    ImportError
        If its framework is not installed.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.set_backend("numpy")
    """
    registry.load(backend)
    settings.change(backend=backend)


def floatx() -> str:
    """Return the dtype of tensors for which none is given.

    Returns
    -------
    str
        "float32" unless set otherwise.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.floatx()
    'float32'
    """
    return settings.in_force().floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype of the process.

    Parameters
    ----------
    value : {"bfloat16", "float16", "float32", "float64"}
        The dtype.

    Raises
    ------
    ValueError
        If it is another one.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.set_floatx("float32")
    """
    settings.change(floatx=one_of("floatx", value, FLOATX))


def epsilon() -> float:
    """Return the fuzz factor.

    Returns
    -------
    float
        1e-7 unless set otherwise.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.epsilon()
    1e-07
    """
    return settings.in_force().epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor of the process.

    Parameters
    ----------
    value : float
        A positive, finite number.

    Raises
    ------
    TypeError
        If `value` is not a number.
    ValueError
        If it is not positive and finite.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.set_epsilon(1e-7)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"`epsilon` must be a positive float. Received: epsilon={shown(value)}")
    if not 0 < value <= sys.float_info.max:
        raise ValueError(f"`epsilon` must be positive and finite. Received: epsilon={shown(value)}")
    settings.change(epsilon=float(value))


def image_data_format() -> str:
    """Return where images have their channels.

    Returns
    -------
    str
        "channels_last" unless set otherwise.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.image_data_format()
    'channels_last'
    """
    return settings.in_force().image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set where images have their channels, for the process.

    Parameters
    ----------
    data_format : {"channels_first", "channels_last"}
        The convention.

    Raises
    ------
    ValueError
        If it is another one.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.set_image_data_format("channels_last")
    """
    settings.change(image_data_format=one_of("data_format", data_format, IMAGE_DATA_FORMATS))


def rng() -> str:
    """Return which generator draws.

    Returns
    -------
    str
        "portable": stream v1, the same bits on every backend. "native": the framework's own generator, seeded as
        Keras 3 seeds it, so that an initializer gives Keras's own numbers on that backend. In order of strength:
        `using`, `set_rng`, the environment variable ``ONESEED_RNG`` as it was at import, "portable".

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.rng()
    'portable'
    """
    return settings.in_force().rng


def set_rng(value: str) -> None:
    """Set which generator draws, for the process.

    Parameters
    ----------
    value : {"portable", "native"}
        The generator.

    Raises
    ------
    ValueError
        If it is another one.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.config.set_rng("portable")
    """
    settings.change(rng=one_of("rng", value, RNGS))


@contextmanager
def using(*, backend: str | None = None, floatx: str | None = None, rng: str | None = None) -> Iterator[Settings]:
    """Change settings inside a `with` block, for this thread or asyncio task alone.

    Parameters
    ----------
    backend : str, optional
        A name of `available_backends`.
    floatx : {"bfloat16", "float16", "float32", "float64"}, optional
        The default float dtype.
    rng : {"portable", "native"}, optional
        The generator.

    Yields
    ------
    Settings
        The settings in force inside the block.

    Raises
    ------
    ValueError
        If a value is not an accepted one; nothing is changed then.
    ImportError
        If the backend's framework is not installed.

    Examples
    --------
    >>> import oneseed
    >>> with oneseed.using(floatx="float16"):
    ...     print(oneseed.initializers.Ones()((2,)).dtype)
    float16
    """
    changes: dict[str, Any] = {}
    if backend is not None:
        registry.load(backend)
        changes["backend"] = backend
    if floatx is not None:
        changes["floatx"] = one_of("floatx", floatx, FLOATX)
    if rng is not None:
        changes["rng"] = one_of("rng", rng, RNGS)
    around = settings.scope.get()
    token = settings.scope.set(settings.Overrides({**around.values, **changes} if around else changes))
    settings.note()
    try:
        yield settings.in_force()
    finally:
        settings.scope.reset(token)
        settings.note()
