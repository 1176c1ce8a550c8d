"""How much a nonlinearity takes away from the scale of what passes through it."""

import math
from typing import Any

from oneseed import checks

SQUARES = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 25 / 9,
    "relu": 2.0,
    "selu": 9 / 16,
}
"""The squares of the gains, which are what variances need: kept as such, a gain of sqrt(2) gives the variance of He."""

SLOPE = 0.01
"""The slope of a leaky ReLU where none is given."""


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """Return the gain that is recommended for the layer before a nonlinearity.

    Parameters
    ----------
    nonlinearity : str
        One of "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d" and
        "sigmoid" (gain 1), "tanh" (5/3), "relu" (``sqrt(2)``), "leaky_relu" (``sqrt(2 / (1 + param**2))``) and
        "selu" (3/4).
    param : float or scalar tensor, optional
        The negative slope of "leaky_relu", 0.01 unless given; the others read past it.

    Returns
    -------
    float
        The gain.

    Raises
    ------
    ValueError
        If `nonlinearity` is none of these, or `param` no finite real number.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015. The gains of tanh and SELU are PyTorch's, found
    by experiment.

    Examples
    --------
    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    return math.sqrt(squared_gain(nonlinearity, param, "param"))


def squared_gain(nonlinearity: Any, slope: Any, argument: str) -> float:
    """Return the square of a gain; `argument` is what the slope is called in messages."""
    if isinstance(nonlinearity, str) and nonlinearity in SQUARES:
        return SQUARES[nonlinearity]
    if nonlinearity != "leaky_relu":
        known = sorted([*SQUARES, "leaky_relu"])
        hint = checks.nearest(nonlinearity, known) if isinstance(nonlinearity, str) else ""
        raise ValueError(
            f"`nonlinearity` must be one of {', '.join(map(repr, known))}.{hint} "
            f"Received: nonlinearity={nonlinearity!r}"
        )
    try:
        negative = SLOPE if slope is None else float(checks.scalar(argument, slope))
    except TypeError as error:  # a ValueError in PyTorch
        raise ValueError(str(error)) from None
    return 2.0 / (1 + negative**2)
