"""What a nonlinearity takes from the standard deviation of a signal, and an initializer gives back."""

import math
from typing import Any

from oneseed import checks

SQUARES = {
    **{f"conv{kind}{n}d": 1.0 for kind in ("", "_transpose") for n in (1, 2, 3)},
    "linear": 1.0,
    "relu": 2.0,
    "selu": 9 / 16,
    "sigmoid": 1.0,
    "tanh": 25 / 9,
}
"""The squares of the gains, which are what variances need: kept as such, a gain of sqrt(2) gives the variance of He."""

NONLINEARITIES = (*SQUARES, "leaky_relu")

NEGATIVE_SLOPE = 0.01


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """Return the gain of a nonlinearity, the factor by which weights before it should be wider.

    - linear, sigmoid, conv1d to conv3d, conv_transpose1d to conv_transpose3d: 1
    - tanh: 5 / 3
    - relu: sqrt(2)
    - leaky_relu: sqrt(2 / (1 + param**2))
    - selu: 3 / 4

    The values are those of ``torch.nn.init.calculate_gain``.

    Parameters
    ----------
    nonlinearity : str
        One of these names.
    param : float or scalar tensor, optional
        The negative slope of "leaky_relu"; None is 0.01. The others have no parameter, and do not look at it.

    Returns
    -------
    float
        The gain.

    Raises
    ------
    TypeError
        If `nonlinearity` is not a str, or the negative slope no real number.
    ValueError
        If `nonlinearity` is unknown, or the negative slope NaN, infinite or not a scalar.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015; Klambauer et al., "Self-normalizing neural
    networks", NeurIPS 2017.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.calculate_gain("tanh"), oneseed.initializers.calculate_gain("leaky_relu", 0.2)
    (1.6666666666666667, 1.3867504905630728)
    """
    return math.sqrt(squared_gain("param", nonlinearity, param))


def squared_gain(argument: str, nonlinearity: str, slope: Any) -> float:
    """Return the square of a gain; `argument` is what the slope is called in messages."""
    known = checks.one_of("nonlinearity", nonlinearity, NONLINEARITIES)
    if known != "leaky_relu":
        return SQUARES[known]
    negative = float(NEGATIVE_SLOPE if slope is None else checks.scalar(argument, slope))
    return 2 / (1 + negative * negative)
