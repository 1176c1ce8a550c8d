"""How much a nonlinearity takes away from the scale of what passes through it."""

import math
from typing import Any

from oneseed.initializers.elementwise import gains


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """Return the gain that is recommended for the layer before a nonlinearity.

    Parameters
    ----------
    nonlinearity : str
        One of "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d" and
        "sigmoid" (gain 1), "tanh" (5/3), "relu" (``sqrt(2)``), "leaky_relu" (``sqrt(2 / (1 + param**2))``) and
        "selu" (3/4).
    param : float or scalar tensor, optional
        The negative slope of "leaky_relu", 0.01 unless given; the others ignore it.

    Returns
    -------
    float
        The gain.

    Raises
    ------
    ValueError
        If `nonlinearity` is not one of these, or `param` is not a finite real number.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015. The gains of tanh and SELU are PyTorch's, found
    by experiment.

    Examples
    --------
    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    return math.sqrt(squared_gain("param", nonlinearity, param))


def squared_gain(argument: str, nonlinearity: Any, slope: Any) -> float:
    """Return the square of a gain; what is of another type is a ValueError, as in PyTorch."""
    try:
        return gains.squared_gain(argument, nonlinearity, slope)
    except TypeError as error:
        raise ValueError(str(error)) from None
