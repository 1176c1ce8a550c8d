"""Variances that follow from the fans, after Glorot and He."""

import warnings
from functools import partial
from typing import Any

import torch

from oneseed import checks
from oneseed.distributions import Distribution, check_fits
from oneseed.initializers import RandomNormal, VarianceScaling
from oneseed.initializers.targets import Target
from oneseed_torch.drawing.writing import shape_of
from oneseed_torch.init.calls import in_place_again
from oneseed_torch.init.fans import MODES, check_fans
from oneseed_torch.init.gains import squared_gain
from oneseed_torch.init.put import PathLike, Seed, Tensor, from_generator, put
from oneseed_torch.init.repeated import drawn


@in_place_again(drawn)
def xavier_uniform_(
    tensor: Tensor,
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a weight from a uniform distribution with the variance of Glorot, ``2 * gain**2 / (fan_in + fan_out)``.

    Values lie in ``[-limit, limit)`` with ``limit = gain * sqrt(6 / (fan_in + fan_out))``. With ``gain=1`` they are
    those of `oneseed.initializers.GlorotUniform`.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype and at least 2 axes.
    gain : float or scalar tensor
        The factor, 0 or more.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o h w" for a transposed convolution: they decide the fans and number the elements.
        None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are fewer than 2 axes, `gain` is negative, not finite or too large, the dtype is not a float, or
        `generator` is not alone.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import torch
    >>> import oneseed
    >>> from oneseed_torch import init
    >>> weight = init.xavier_uniform_(torch.empty(5, 3), seed=7)
    >>> bool((weight.numpy() == oneseed.initializers.GlorotUniform(seed=7)((3, 5)).T).all())
    True
    """
    if generator is not None:
        return from_generator(torch.nn.init.xavier_uniform_, generator, seed=seed, path=path, axes=axes)(tensor, gain)
    return _xavier(tensor, gain, "uniform", seed, path, axes)


@in_place_again(drawn)
def xavier_normal_(
    tensor: Tensor,
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a weight from a normal distribution with the variance of Glorot, ``2 * gain**2 / (fan_in + fan_out)``.

    The distribution is not truncated. Keras's ``GlorotNormal`` is, and has other values.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype and at least 2 axes.
    gain : float or scalar tensor
        The factor, 0 or more.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o h w" for a transposed convolution: they decide the fans and number the elements.
        None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are fewer than 2 axes, `gain` is negative, not finite or too large, the dtype is not a float, or
        `generator` is not alone.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.xavier_normal_(torch.empty(400, 400), gain=2.0, seed=7).std()
    tensor(0.0999)
    """
    if generator is not None:
        return from_generator(torch.nn.init.xavier_normal_, generator, seed=seed, path=path, axes=axes)(tensor, gain)
    return _xavier(tensor, gain, "untruncated_normal", seed, path, axes)


@in_place_again(drawn)
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a weight from a uniform distribution with the variance of He, ``gain**2 / n``.

    Values lie in ``[-limit, limit)`` with ``limit = gain * sqrt(3 / n)``, where n is the fan that `mode` names and
    ``gain`` is ``calculate_gain(nonlinearity, a)``. With the default arguments the values are those of
    `oneseed.initializers.HeUniform`. PyTorch's own layers use ``a=sqrt(5)``, which is ``limit = sqrt(1 / fan_in)``.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype and at least 2 axes. One without elements is left as it is, with a warning.
    a : float or scalar tensor
        The negative slope of "leaky_relu"; other nonlinearities ignore it.
    mode : {"fan_in", "fan_out"}
        Whether n is the number of inputs, which keeps the variance on the way forward, or of outputs, for the way back.
    nonlinearity : str
        A name that `calculate_gain` knows.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o h w" for a transposed convolution: they decide the fans and number the elements.
        None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are fewer than 2 axes, `mode` or `nonlinearity` is unknown, `a` is not a finite number, the dtype is
        not a float, or `generator` is not alone.

    Warns
    -----
    UserWarning
        If the tensor has no elements.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import torch
    >>> import oneseed
    >>> from oneseed_torch import init
    >>> kernel = oneseed.initializers.HeUniform(seed=7)((3, 3, 4, 8))
    >>> weight = init.kaiming_uniform_(torch.empty(8, 4, 3, 3), nonlinearity="relu", seed=7)
    >>> bool((weight.numpy() == kernel.transpose(3, 2, 0, 1)).all())
    True
    """
    if generator is not None:
        own = from_generator(torch.nn.init.kaiming_uniform_, generator, seed=seed, path=path, axes=axes)
        return own(tensor, a, mode, nonlinearity)
    return _kaiming(tensor, a, mode, nonlinearity, "uniform", seed, path, axes)


@in_place_again(drawn)
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a weight from a normal distribution with the variance of He, ``gain**2 / n``.

    Here n is the fan that `mode` names and ``gain`` is ``calculate_gain(nonlinearity, a)``. The distribution is not
    truncated. Keras's ``HeNormal`` is, and has other values.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype and at least 2 axes. One without elements is left as it is, with a warning.
    a : float or scalar tensor
        The negative slope of "leaky_relu"; other nonlinearities ignore it.
    mode : {"fan_in", "fan_out"}
        Whether n is the number of inputs, which keeps the variance on the way forward, or of outputs, for the way back.
    nonlinearity : str
        A name that `calculate_gain` knows.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes, such as "i o h w" for a transposed convolution: they decide the fans and number the elements.
        None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are fewer than 2 axes, `mode` or `nonlinearity` is unknown, `a` is not a finite number, the dtype is
        not a float, or `generator` is not alone.

    Warns
    -----
    UserWarning
        If the tensor has no elements.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.kaiming_normal_(torch.empty(400, 200), mode="fan_in", nonlinearity="relu", seed=7).std()
    tensor(0.1001)
    """
    if generator is not None:
        own = from_generator(torch.nn.init.kaiming_normal_, generator, seed=seed, path=path, axes=axes)
        return own(tensor, a, mode, nonlinearity)
    return _kaiming(tensor, a, mode, nonlinearity, "untruncated_normal", seed, path, axes)


class Xavier(VarianceScaling):
    """Draw with the variance of Glorot times the square of a gain, which is named where it is too large."""

    def __init__(self, gain: float, distribution: str, seed: Seed) -> None:
        super().__init__(gain * gain, "fan_avg", distribution, seed)
        self.gain = gain

    def distribution_for(self, target: Target) -> Distribution:
        """Return the distribution for a tensor."""
        distribution = self._scaled(target)
        check_fits(distribution, target.dtype, "gain", self.gain)
        return distribution


def _xavier(tensor: Tensor, gain: Any, distribution: str, seed: Seed, path: PathLike, axes: str | None) -> Tensor:
    check_fans(shape_of(tensor))
    factor = float(checks.at_least("gain", gain, 0))
    if factor == 0:  # zeros, which no variance scales to
        return put(tensor, partial(RandomNormal, 0.0, 0.0), seed, path, axes)
    checks.scalar("gain**2", factor * factor)
    return put(tensor, partial(Xavier, factor, distribution), seed, path, axes)


def _kaiming(
    tensor: Tensor,
    a: Any,
    mode: Any,
    nonlinearity: Any,
    distribution: str,
    seed: Seed,
    path: PathLike,
    axes: str | None,
) -> Tensor:
    shape = shape_of(tensor)
    if 0 in shape:
        warnings.warn(
            f"Initializing zero-element tensors is a no-op. Received: tensor of shape {shape}",
            stacklevel=4,
        )
        return tensor
    check_fans(shape)
    fan = checks.one_of("mode", mode.lower() if isinstance(mode, str) else mode, MODES)
    scale = squared_gain("a", nonlinearity, a)
    return put(tensor, partial(VarianceScaling, scale, fan, distribution), seed, path, axes)
