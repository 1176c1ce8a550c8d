"""Draws in host memory: by the host engine, and of tensors that are computed as a whole."""

from typing import Any

from numpy.typing import NDArray

from oneseed.distributions import Structured
from oneseed.draws import Draw
from oneseed.host_arrays import host
from oneseed_jax.drawing.keys import value_of

Array = Any


def sampled(draw: Draw) -> NDArray[Any]:
    """Return the block of a draw from a sampled distribution, with an integer as seed, in memory that JAX takes over.

    Parameters
    ----------
    draw : Draw
        The draw.

    Returns
    -------
    ndarray of the draw's dtype, shape ``draw.block``
        The values.
    """
    out = host().empty(draw.block, draw.dtype)
    host().fill([(draw, out)])
    return out


def computes(draw: Draw) -> bool:
    """Tell whether a draw is of a tensor that is computed as a whole, on the host."""
    return isinstance(draw.distribution, Structured)


def structured(draw: Draw) -> Array:
    """Return the block of a tensor that is computed as a whole: now, or where its seed is traced when the program runs.

    Parameters
    ----------
    draw : Draw
        The draw; its seed may be traced, and those of its parts are integers.

    Returns
    -------
    ndarray or jax.Array, of the draw's dtype, shape ``draw.block``
        The values.
    """
    distribution = draw.distribution
    assert isinstance(distribution, Structured)
    number = None if draw.seed is None else value_of(draw.seed)
    if draw.seed is None or number is not None:
        return distribution.checked_values(draw._replace(seed=number), host())

    from oneseed_jax.drawing.run_time import computed  # with a part of JAX that loads much more

    return computed(distribution, draw)
