"""Initializers of `jax.nn.initializers` that make orthogonal matrices."""

from typing import Any

from oneseed.initializers import Orthogonal
from oneseed_jax.initializers.conventions import NO_SEED, Delta, column_axes, delta_axes
from oneseed_jax.initializers.keyed import KeyedInitializer, keyed, number


def orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> KeyedInitializer:
    """Return an initializer of matrices with orthonormal columns, or rows if there are fewer, times `scale`.

    They are uniformly distributed (Haar measure). The columns lie along `column_axis`, all other axes are the rows.
    They are computed whole, on the host, in float64, and rounded once; with `out_sharding` each device keeps its part.

    Parameters
    ----------
    scale : float
        The factor.
    column_axis : int
        The axis of the columns.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If `scale` is not a real number or has no value yet, or `column_axis` is not an integer.
    ValueError
        If `scale` is NaN or infinite. At the call, if the shape has fewer than 2 axes, `column_axis` is out of range,
        or the dtype is not a float.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> q = orthogonal()(jax.random.key(7), (5, 3))
    >>> bool(jnp.allclose(q.T @ q, jnp.eye(3), atol=1e-6))
    True
    """
    return keyed(Orthogonal(number("scale", scale), NO_SEED), dtype, column_axes(column_axis))


def delta_orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> KeyedInitializer:
    """Return an initializer of convolution kernels with an orthogonal matrix at the centre, zeros around it.

    The matrix, of inputs and outputs, is that of `orthogonal` for the last two sizes of the shape, and lies at
    ``(size - 1) // 2`` of each spatial axis. A convolution with such a kernel keeps the norm of its input.

    Parameters
    ----------
    scale : float
        The factor.
    column_axis : int
        The axis of the matrix, in [-2, 2), along which its columns lie.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If `scale` is not a real number or has no value yet, or `column_axis` is not an integer.
    ValueError
        If `scale` is NaN or infinite. At the call, if the shape has not 3, 4 or 5 axes or fewer outputs than inputs,
        `column_axis` is out of range, or the dtype is not a float.

    References
    ----------
    Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington, "Dynamical isometry and a mean field theory of CNNs: how to
    train 10,000-layer vanilla convolutional neural networks", ICML 2018.

    Examples
    --------
    >>> import jax
    >>> key = jax.random.key(7)
    >>> kernel = delta_orthogonal()(key, (3, 3, 4, 8))
    >>> bool((kernel[1, 1] == orthogonal()(key, (4, 8))).all()), int((kernel != 0).sum())
    (True, 32)
    """
    return keyed(Delta(number("scale", scale), NO_SEED), dtype, delta_axes(column_axis))
