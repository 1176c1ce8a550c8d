"""What is not random: constants, the identity, and the convolution that changes nothing."""

from typing import Any

import torch

from oneseed import checks
from oneseed.dtypes import NUMERIC, check_scalar
from oneseed.host_arrays import numbers
from oneseed_torch.drawing.recording import note
from oneseed_torch.drawing.shards import count_change, local_parts
from oneseed_torch.drawing.watched import PLAIN, sizes_of
from oneseed_torch.drawing.writing import no_values, shape_of
from oneseed_torch.init.calls import in_place_again
from oneseed_torch.init.put import PathLike, Seed, Tensor, check_unused
from oneseed_torch.init.repeated import (
    filled,
    filled_with,
    filled_with_kernels_that_change_nothing,
    filled_with_ones_on_the_diagonal,
)

UNSIGNED = {getattr(torch, f"uint{bits}"): getattr(torch, f"int{bits}") for bits in (16, 32, 64)}
"""The dtypes that PyTorch knows few operations of, and those of the same bits for 0 and 1."""


@in_place_again(filled_with)
def constant_(tensor: Tensor, val: float, *, seed: Seed = None, path: PathLike = None) -> Tensor:
    """Fill a tensor with a value.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of any dtype.
    val : bool, int, float, complex or scalar tensor
        The value; an integer dtype drops its fraction.
    seed : int, SeedGenerator or None
        Taken as every function here takes it, so that a table of functions can be called in one way; nothing is drawn.
    path : str or sequence of str and int, optional
        Taken, as `seed` is.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `val` is not a scalar, or the dtype cannot hold it.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.constant_(torch.empty(3), 0.3)
    tensor([0.3000, 0.3000, 0.3000])
    """
    return _filled(tensor, val, seed, path)


@in_place_again(filled(1))
def ones_(tensor: Tensor, *, seed: Seed = None, path: PathLike = None) -> Tensor:
    """Fill a tensor with ones.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of any dtype.
    seed : int, SeedGenerator or None
        Taken as every function here takes it, so that a table of functions can be called in one way; nothing is drawn.
    path : str or sequence of str and int, optional
        Taken, as `seed` is.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` or `path` is malformed or out of range.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.ones_(torch.empty(3))
    tensor([1., 1., 1.])
    """
    return _filled(tensor, 1, seed, path)


@in_place_again(filled(0))
def zeros_(tensor: Tensor, *, seed: Seed = None, path: PathLike = None) -> Tensor:
    """Fill a tensor with zeros.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of any dtype.
    seed : int, SeedGenerator or None
        Taken as every function here takes it, so that a table of functions can be called in one way; nothing is drawn.
    path : str or sequence of str and int, optional
        Taken, as `seed` is.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` or `path` is malformed or out of range.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.zeros_(torch.empty(3))
    tensor([0., 0., 0.])
    """
    return _filled(tensor, 0, seed, path)


@in_place_again(filled_with_ones_on_the_diagonal)
def eye_(tensor: Tensor, *, seed: Seed = None, path: PathLike = None) -> Tensor:
    """Fill a matrix with the identity: ones on its main diagonal, square or not.

    A linear layer then passes on as many of its inputs as it has outputs.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of 2 axes and any dtype.
    seed : int, SeedGenerator or None
        Taken as every function here takes it, so that a table of functions can be called in one way; nothing is drawn.
    path : str or sequence of str and int, optional
        Taken, as `seed` is.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the tensor has not 2 axes.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    matrix_shape(tensor)
    check_unused(seed, path)
    if no_values(tensor):
        note("eye", None)
        return tensor
    with torch.no_grad():
        for part, (row, column) in local_parts(tensor):
            part.zero_()
            above = row - column  # where the diagonal of the whole meets the part
            rows, columns = sizes_of(part)
            if -rows < above < columns:
                part.diagonal(above).fill_(1)
        count_change(tensor)
    return tensor


@in_place_again(filled_with_kernels_that_change_nothing)
def dirac_(tensor: Tensor, groups: int = 1, *, seed: Seed = None, path: PathLike = None) -> Tensor:
    """Fill the weight of a convolution so that it passes on its inputs.

    In each group, output k takes input k, at the middle of the kernel, ``size // 2`` on each spatial axis. All other
    elements are 0.

    Parameters
    ----------
    tensor : torch.Tensor
        The tensor, of 3, 4 or 5 axes, outputs and inputs first, and any dtype.
    groups : int
        The groups of the convolution, which divide the outputs.
    seed : int, SeedGenerator or None
        Taken as every function here takes it, so that a table of functions can be called in one way; nothing is drawn.
    path : str or sequence of str and int, optional
        Taken, as `seed` is.

    Returns
    -------
    torch.Tensor
        `tensor` itself.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the tensor has not 3, 4 or 5 axes, or `groups` is below 1 or does not divide the first.

    Examples
    --------
    >>> import torch
    >>> from oneseed_torch import init
    >>> init.dirac_(torch.empty(2, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
    <BLANKLINE>
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    shape = shape_of(tensor)
    check_unused(seed, path)
    if len(shape) not in (3, 4, 5):
        raise ValueError(
            f"`tensor` must have 3, 4 or 5 axes, as the weights of convolutions do. Received: tensor of shape {shape}"
        )
    number = checks.index("groups", groups, 1, checks.MAX_SIZE)
    if shape[0] % number:
        raise ValueError(
            f"`groups` must divide the {shape[0]} outputs, the first axis of `tensor`. Received: groups={groups!r}"
        )
    if no_values(tensor):
        note("values", None)
        return tensor
    each = shape[0] // number
    if type(tensor) in PLAIN:
        with torch.no_grad():
            tensor.zero_()
            if 0 not in shape:
                middle = tensor[(..., *(size // 2 for size in shape[2:]))]
                middle.unflatten(0, (number, each)).diagonal(0, 1, 2).fill_(1)
        return tensor
    passed = min(each, shape[1])
    # Where the ones are in the whole: an output of each group for each input that is passed on.
    inputs = torch.arange(passed, device="cpu").repeat(number)
    outputs = torch.arange(number, device="cpu").repeat_interleave(passed) * each + inputs
    with torch.no_grad():
        for part, at in local_parts(tensor):
            part.zero_()
            middle = [size // 2 - start for size, start in zip(shape[2:], at[2:], strict=True)]
            sizes = sizes_of(part)
            if not all(0 <= place < size for place, size in zip(middle, sizes[2:], strict=True)):
                continue
            rows, columns = outputs - at[0], inputs - at[1]
            here = (rows >= 0) & (rows < sizes[0]) & (columns >= 0) & (columns < sizes[1])
            if part.dtype in UNSIGNED:  # into which PyTorch does not scatter
                part = part.view(UNSIGNED[part.dtype])  # noqa: PLW2901
            part[(rows[here].to(part.device), columns[here].to(part.device), *middle)] = 1
        count_change(tensor)
    return tensor


def matrix_shape(tensor: Tensor) -> checks.Shape:
    """Check that a tensor has two axes and return its shape."""
    shape = shape_of(tensor)
    if len(shape) != 2:
        raise ValueError(f"`tensor` must have 2 axes, not {len(shape)}. Received: tensor of shape {shape}")
    return shape


def _filled(tensor: Tensor, val: Any, seed: Seed, path: PathLike) -> Tensor:
    shape_of(tensor)
    check_unused(seed, path)
    value: Any = val if isinstance(val, bool | int | float | complex) else _scalar(val)
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype in NUMERIC:
        check_scalar(value, dtype, "val")
    if note("fill", value):
        return tensor
    return torch.nn.init.constant_(tensor, value)


def _scalar(val: Any) -> Any:
    array = numbers("val", val)
    if array.ndim:
        raise ValueError(f"`val` must be a scalar. Received: val of shape {array.shape}")
    return array.item()
