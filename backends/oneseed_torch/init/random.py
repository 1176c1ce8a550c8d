"""Fixed distributions: uniform, normal, truncated normal."""

import math
import warnings
from functools import partial
from typing import Any

import torch

from oneseed import checks
from oneseed.distributions import Normal, TruncatedNormal, Uniform, check_fits
from oneseed.dtypes import INTEGERS, check_scalar, dtype_name
from oneseed.exact.moments import FARTHEST, in_sigmas
from oneseed.exact.windows import window
from oneseed.initializers import RandomNormal, RandomUniform
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.targets import Target
from oneseed_torch.drawing.recording import note
from oneseed_torch.drawing.writing import no_values, shape_of
from oneseed_torch.init.calls import in_place_again
from oneseed_torch.init.put import PathLike, Seed, Tensor, from_generator, put
from oneseed_torch.init.repeated import drawn


@in_place_again(drawn)
def uniform_(
    tensor: Tensor,
    a: float = 0.0,
    b: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a tensor from the uniform distribution on ``[a, b)``, of variance ``(b - a)**2 / 12``.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype.
    a, b : float or scalar tensor
        The lower bound, which can be drawn, and the upper one, which is never drawn; ``a <= b``.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o", which number the elements; None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If ``a > b``, a bound is not finite or beyond the dtype, the dtype is not a float, or `generator` is not alone.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.uniform_(torch.empty(3), -1.0, 1.0, seed=7)
    tensor([ 0.9092,  0.5003, -0.7716])
    """
    if generator is not None:
        return from_generator(torch.nn.init.uniform_, generator, seed=seed, path=path, axes=axes)(tensor, a, b)
    shape_of(tensor)
    low, high = checks.scalar("a", a), checks.scalar("b", b)
    if low > high:
        raise ValueError(f"`a` must not be above `b`. Received: a={a!r}, b={b!r}")
    if not math.isfinite(float(high) - float(low)):
        raise ValueError(f"`b - a` must be below the largest float64. Received: a={a!r}, b={b!r}")
    dtype = dtype_name(tensor.dtype)
    if dtype in INTEGERS:  # in which oneseed's own initializer would draw whole numbers
        raise ValueError(f"`tensor` must be of a float dtype. Received: a tensor of dtype {dtype}")
    check_scalar(low, dtype, "a")
    check_scalar(high, dtype, "b")
    check_fits(Uniform(float(low), float(high)), dtype, "b", b)
    return put(tensor, partial(RandomUniform, low, high), seed, path, axes)


@in_place_again(drawn)
def normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a tensor from the normal distribution with mean `mean` and variance ``std**2``.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype.
    mean, std : float or scalar tensor
        The mean, and the standard deviation, 0 or more.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o", which number the elements; None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `std` is negative, a number is not finite or too large, the dtype is not a float, or `generator` is not
        alone.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.normal_(torch.empty(2), seed=0)
    tensor([-0.2558,  1.1776])
    """
    if generator is not None:
        return from_generator(torch.nn.init.normal_, generator, seed=seed, path=path, axes=axes)(tensor, mean, std)
    shape_of(tensor)
    centre, stddev = checks.scalar("mean", mean), checks.at_least("std", std, 0)
    check_fits(Normal(float(centre), float(stddev)), dtype_name(tensor.dtype), "std", std)
    return put(tensor, partial(RandomNormal, centre, stddev), seed, path, axes)


@in_place_again(drawn)
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a tensor from a normal distribution cut at the values `a` and `b`.

    The bounds are values, not numbers of standard deviations: with ``std=0.02`` and the default bounds nothing is cut.
    `std` is that of the distribution before it is cut. No value is drawn and thrown away: the uniform random integer is
    mapped into the part of the distribution that is left. Bounds are rounded to the dtype of the tensor.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype.
    mean, std : float or scalar tensor
        Mean and standard deviation of the distribution before it is cut; ``std > 0``.
    a, b : float or scalar tensor
        The smallest and the largest value, either may be infinite; ``a < b``.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o", which number the elements; None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `std` is not above 0, ``a >= b``, less than ``2**-32`` of the distribution (``2**-64`` in float64) lies
        between the bounds, values can be beyond the dtype, the dtype is not a float, or `generator` is not alone.

    Warns
    -----
    UserWarning
        If `mean` is more than ``2 * std`` outside the bounds: few distinct values are then left to draw.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> w = init.trunc_normal_(torch.empty(1000), std=0.02, a=-0.03, b=0.03, seed=7)
    >>> w.abs().max() <= 0.03
    tensor(True)
    """
    if generator is not None:
        own = from_generator(torch.nn.init.trunc_normal_, generator, seed=seed, path=path, axes=axes)
        return own(tensor, mean, std, a, b)
    shape_of(tensor)
    centre, stddev = float(checks.scalar("mean", mean)), float(checks.positive("std", std))
    low, high = _bound("a", a), _bound("b", b)
    if not low < high:
        raise ValueError(f"`a` must be below `b`. Received: a={a!r}, b={b!r}")
    dtype = dtype_name(tensor.dtype)
    distribution = _truncated(centre, stddev, low, high, dtype)
    check_fits(distribution, dtype, "std", std)
    far = centre < low - 2 * stddev or centre > high + 2 * stddev
    if far and not note("warning", None) and not no_values(tensor):
        warnings.warn(
            "mean is more than 2 std from [a, b] in trunc_normal_: all values come from one tail of the distribution, "
            f"where few are distinct. Received: mean={mean!r}, std={std!r}, a={a!r}, b={b!r}",
            stacklevel=3,
        )
    return put(tensor, partial(Cut, distribution), seed, path, axes)


class Cut(RandomInitializer):
    """An initializer with a distribution that is known already."""

    def __init__(self, distribution: TruncatedNormal, seed: Seed) -> None:
        super().__init__(seed)
        self._distribution = distribution

    def distribution_for(self, target: Target) -> TruncatedNormal:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        return self._distribution


def _bound(argument: str, value: Any) -> float:
    """Check a bound; it may be infinite."""
    return value if isinstance(value, float) and math.isinf(value) else float(checks.scalar(argument, value))


def _truncated(mean: float, stddev: float, low: float, high: float, dtype: str) -> TruncatedNormal:
    """Return the distribution between two values: its bounds are in standard deviations."""
    bits = 64 if dtype == "float64" else 32
    farthest = FARTHEST[bits]  # no sample lies as far out, so that all bounds beyond are one
    lower, upper = (max(-farthest, min(bound, farthest)) for bound in in_sigmas(mean, stddev, low, high))
    if lower >= upper or window(lower, upper, bits)[1] <= 0:
        raise ValueError(
            f"More than 2**-{bits} of the normal distribution must lie between `a` and `b`, in {dtype}. "
            f"Received: mean={mean!r}, std={stddev!r}, a={low!r}, b={high!r}"
        )
    return TruncatedNormal(mean, stddev, lower, upper)
