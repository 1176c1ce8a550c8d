"""Matrices: orthogonal ones, sparse ones."""

from functools import partial

import torch

from oneseed import checks
from oneseed.distributions import Normal, check_fits
from oneseed.dtypes import dtype_name
from oneseed.initializers import Orthogonal
from oneseed.initializers.matrices.sparse import Sparse
from oneseed_torch.drawing.writing import shape_of
from oneseed_torch.init.calls import in_place_again
from oneseed_torch.init.constants import matrix_shape
from oneseed_torch.init.put import PathLike, Seed, Tensor, from_generator, put
from oneseed_torch.init.repeated import drawn


@in_place_again(drawn)
def orthogonal_(
    tensor: Tensor,
    gain: float = 1,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a weight with a matrix of orthonormal rows, or columns if it has fewer of them, times `gain`.

    The rows are the outputs, and the columns the inputs and spatial axes. The matrix is uniformly distributed (Haar
    measure), computed in float64 and rounded once, in half precision too. The values are those of
    `oneseed.initializers.Orthogonal`.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float dtype and at least 2 axes.
    gain : float or scalar tensor
        The factor.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes: outputs are the rows, inputs and spatial axes the columns, and each element of the batch axes
        a matrix of its own. None is PyTorch's layout, "o i" and spatial axes.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are fewer than 2 axes beside the batch axes, `gain` is not finite or beyond the dtype, the dtype is
        not a float, or `generator` is not alone.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> q = init.orthogonal_(torch.empty(3, 5), seed=7)
    >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-6)
    True
    """
    if generator is not None:
        return from_generator(torch.nn.init.orthogonal_, generator, seed=seed, path=path, axes=axes)(tensor, gain)
    shape = shape_of(tensor)
    if len(shape) < 2:
        raise ValueError(f"`tensor` must have at least 2 axes. Received: tensor of shape {shape}")
    return put(tensor, partial(Orthogonal, checks.scalar("gain", gain)), seed, path, axes)


@in_place_again(drawn)
def sparse_(
    tensor: Tensor,
    sparsity: float,
    std: float = 0.01,
    generator: torch.Generator | None = None,
    *,
    seed: Seed = None,
    path: PathLike = None,
    axes: str | None = None,
) -> Tensor:
    """Fill a matrix from a normal distribution of variance ``std**2``, with zeros in each column.

    Each column, which holds the weights of one input, has ``ceil(sparsity * rows)`` zeros at places of its own; all
    choices of places are equally likely.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of a float or complex dtype and 2 axes.
    sparsity : float or scalar tensor
        The fraction of each column that is 0, in [0, 1].
    std : float or scalar tensor
        The standard deviation of the others, 0 or more.
    generator : torch.Generator, optional
        Asks for PyTorch's own numbers from this generator; then `seed`, `path` and `axes` must be None. PyTorch draws
        the places from its default generator all the same.
    seed : int, SeedGenerator or None
        The seed; None takes a new one at each call.
    path : str or sequence of str and int, optional
        The parameter's name: each path has a stream of its own.
    axes : str, optional
        Names of the axes: "i o" for a matrix whose rows hold the weights of an input. None is PyTorch's layout, "o i".

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the tensor has not 2 axes, `sparsity` lies outside [0, 1], `std` is negative or too large, the dtype is
        neither float nor complex, or `generator` is not alone.

    References
    ----------
    Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> (init.sparse_(torch.empty(10, 4), sparsity=0.25, seed=7) == 0).sum(0)
    tensor([3, 3, 3, 3])
    """
    if generator is not None:
        return from_generator(torch.nn.init.sparse_, generator, seed=seed, path=path, axes=axes)(tensor, sparsity, std)
    matrix_shape(tensor)
    fraction, stddev = checks.probability("sparsity", sparsity), float(checks.at_least("std", std, 0))
    check_fits(Normal(0.0, stddev), dtype_name(tensor.dtype), "std", std)
    return put(tensor, partial(Sparse, fraction, stddev, per="input"), seed, path, axes)
