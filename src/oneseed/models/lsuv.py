"""Initialization that looks at data: layer-sequential unit variance."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.dtypes import FLOATS, narrowed
from oneseed.host_arrays import backend_of, numbers, to_numpy
from oneseed.initializers import Orthogonal
from oneseed.initializers.composed.composite import resolved
from oneseed.initializers.targets import describes
from oneseed.protocol import Backend


class LSUV(NamedTuple):
    """What `lsuv` returns.

    Attributes
    ----------
    weights : dict
        The new weights, by name.
    variances : dict
        The variance of each layer's output with its new weight, when its turn was over.
    """

    weights: dict[str, Any]
    variances: dict[str, float]


def lsuv(
    weights: Mapping[str, Any],
    output: Callable[[dict[str, Any], str], Any],
    *,
    initializer: Any = None,
    axes: str | Mapping[str, str] | None = None,
    tolerance: float = 0.02,
    max_iterations: int = 20,
    seed: int = 0,
) -> LSUV:
    """Initialize a network so that the output of each layer has unit variance: LSUV.

    Layer by layer, from the input to the output, the weight is drawn orthonormal; then it is divided by the standard
    deviation of the layer's output on a batch of data, until the variance is within `tolerance` of 1. The weights of
    earlier layers are final by then, those of later ones untouched.

    It works with any framework, in any form of network: the forward pass is the caller's. Nothing is changed in place.

    Parameters
    ----------
    weights : mapping of str to tensor
        The weights, in the order of the layers. Biases are best left at zero, and out of here.
    output : callable
        ``output(weights, name)`` returns the output of the layer that has the weight `name`, before its nonlinearity,
        on the caller's batch: a tensor or array. `weights` are all weights as they are by then, by name.
    initializer : initializer, optional
        What draws the weights, each at its name as the path; None is `Orthogonal` with `seed`.
    axes : str or mapping of str to str, optional
        The names of the axes of all weights, or of each by its name.
    tolerance : float
        How far from 1 the variance may be, above 0.
    max_iterations : int
        How often a weight is rescaled at most, 0 or more. If that is not enough, its last variance tells.
    seed : int
        The seed of the orthonormal matrices.

    Returns
    -------
    LSUV
        The weights, tensors of the same framework, dtype and device, and the variances.

    Raises
    ------
    TypeError
        If an argument is of another type, or a weight is not a tensor of a backend in use.
    ValueError
        If one is out of range, a weight's dtype is not a float, or the variance of a layer's output is 0, NaN or
        infinite.

    References
    ----------
    Mishkin and Matas, "All you need is a good init", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> x = oneseed.random.normal((256, 30), seed=1)
    >>> def output(weights, name):
    ...     first = x @ weights["first"]
    ...     return first if name == "first" else np.maximum(first, 0) @ weights["second"]
    >>> made = oneseed.lsuv({"first": np.zeros((30, 20)), "second": np.zeros((20, 10))}, output, seed=7)
    >>> bool(abs(output(made.weights, "second").var() - 1) < 0.02)
    True
    """
    if not isinstance(weights, Mapping) or not all(isinstance(name, str) for name in weights):
        raise TypeError(f"`weights` must be a mapping from names to tensors. Received: weights={shown(weights)}")
    if not callable(output):
        raise TypeError(f"`output` must be callable. Received: output={shown(output)}")
    tolerance = checks.positive("tolerance", tolerance)
    most = checks.index("max_iterations", max_iterations, 0, 2**31)
    draw = Orthogonal(seed=seed) if initializer is None else resolved("initializer", initializer)
    if not describes(draw):
        raise TypeError(
            "`initializer` must take `axes` and `path`, as built-in ones do and those that override "
            f"`distribution_for`. Received: initializer={shown(initializer)}"
        )
    layouts = axes if isinstance(axes, Mapping) else dict.fromkeys(weights, axes)
    if unknown := sorted(map(str, set(layouts) - set(weights))):
        raise ValueError(
            f"`axes` must name weights; there is no {', '.join(map(repr, unknown))}. Received: axes={shown(axes)}"
        )
    owners = {name: _owner(name, weight) for name, weight in weights.items()}
    drawn = {
        # In float64, so that rescaling rounds once.
        name: to_numpy(draw(owner.shape(weights[name]), "float64", axes=layouts.get(name), path=name, backend="numpy"))
        for name, owner in owners.items()
    }

    made, variances = dict(weights), {}
    for name, matrix in drawn.items():
        scale = 1.0
        for round_ in range(most + 1):
            made[name] = _like(weights[name], matrix * scale, owners[name])
            variances[name] = _variance(output(dict(made), name), name)
            if abs(variances[name] - 1) < tolerance or round_ == most:
                break
            scale /= math.sqrt(variances[name])
    return LSUV(made, variances)


def _owner(name: str, weight: Any) -> Backend:
    owner = backend_of(weight)
    if owner is None:
        raise TypeError(
            f"`weights` must hold tensors of a backend in use. Received: {shown(name)}: {type(weight).__name__}"
        )
    if owner.dtype(weight) not in FLOATS:
        raise ValueError(
            f"`weights` must be of a float dtype, one of {', '.join(FLOATS)}. Received: {shown(name)} of dtype "
            f"{owner.dtype(weight)}"
        )
    return owner


def _like(weight: Any, values: NDArray[Any], owner: Backend) -> Any:
    """Return values as a tensor of the same framework, dtype and device."""
    return owner.from_numpy(narrowed(values, owner.dtype(weight)), getattr(weight, "device", None))


def _variance(output: Any, name: str) -> float:
    values = numbers("output", output)
    with np.errstate(all="ignore"):  # NaN and infinity are refused below
        variance = float(values.astype(np.result_type(values, np.float64)).var()) if values.size else 0.0
    if not (math.isfinite(variance) and variance > 0):
        raise ValueError(
            f"The output of the layer {name!r} must vary on the batch, and be finite; its variance is {variance}. "
            f"Received: an output of shape {values.shape}"
        )
    return variance
