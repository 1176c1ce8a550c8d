"""Initializers of `jax.nn.initializers` whose variance depends on the fans."""

from typing import Any

from oneseed_jax.initializers.conventions import AxisSpec, Scaling
from oneseed_jax.initializers.keyed import KeyedInitializer, keyed, number


def variance_scaling(
    scale: Any,
    mode: str,
    distribution: str,
    in_axis: AxisSpec = -2,
    out_axis: AxisSpec = -1,
    batch_axis: AxisSpec = (),
    dtype: Any = None,
) -> KeyedInitializer:
    """Return an initializer that draws with the variance ``scale / n``, where n is a fan of the tensor.

    ``fan_in`` counts the inputs of an output: the product of all axes but those of outputs and batch; ``fan_out`` the
    outputs of an input: that of all axes but those of inputs and batch. With "truncated_normal" the standard deviation
    *after* truncation is ``sqrt(scale / n)``, and the cut is at two standard deviations of the distribution before it;
    "normal" is not truncated; with "uniform" the values lie in ``[-limit, limit)``, ``limit = sqrt(3 * scale / n)``.

    The elements are numbered in the order batch, spatial, inputs, outputs, whatever the order of the axes: an
    ``(out, in)`` weight with ``in_axis=1, out_axis=0`` is the transpose of the ``(in, out)`` one with the default axes.
    Where an axis is input and output at once, there is no such order, and it is row-major.

    Parameters
    ----------
    scale : float
        The variance times the fan, 0 or more.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        What n is: a fan, or the arithmetic or geometric mean of both.
    distribution : {"truncated_normal", "normal", "uniform"}
        The distribution.
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If `scale` is not a real number or has no value yet, or an argument is of another type.
    ValueError
        If `scale` is negative, NaN or infinite, or `mode` or `distribution` unknown. At the call, if the dtype is not
        a float, the shape has a size of 0, an axis is out of range or named twice, a batch axis is an input or output
        too, or the shape has fewer than 2 axes while `in_axis` is -2.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015; Glorot and Bengio, "Understanding the
    difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import jax
    >>> key = jax.random.key(7)
    >>> flax_kernel = variance_scaling(1.0, "fan_in", "truncated_normal")(key, (64, 32))
    >>> equinox_weight = variance_scaling(1.0, "fan_in", "truncated_normal", in_axis=1, out_axis=0)(key, (32, 64))
    >>> bool((flax_kernel.T == equinox_weight).all())
    True
    """
    scaling = Scaling(number("scale", scale), mode, distribution, in_axis, out_axis, batch_axis)
    return keyed(scaling, dtype, scaling.axes_of)


def glorot_uniform(
    in_axis: AxisSpec = -2, out_axis: AxisSpec = -1, batch_axis: AxisSpec = (), dtype: Any = None
) -> KeyedInitializer:
    """Return an initializer that draws uniformly, with the variance of Glorot; also `xavier_uniform`.

    Values lie in ``[-limit, limit)`` with ``limit = sqrt(6 / (fan_in + fan_out))``; their variance is
    ``2 / (fan_in + fan_out)``. It is ``variance_scaling(1.0, "fan_avg", "uniform")``: with default axes `GlorotUniform`
    of `oneseed.initializers`.

    Parameters
    ----------
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        At the call, if an axis is out of range or named twice, or the shape has a size of 0.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> w = glorot_uniform()(jax.random.key(7), (64, 32))
    >>> bool((w == oneseed.initializers.GlorotUniform(seed=7)((64, 32), backend="jax")).all())
    True
    """
    return variance_scaling(1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis, dtype)


xavier_uniform = glorot_uniform


def glorot_normal(
    in_axis: AxisSpec = -2, out_axis: AxisSpec = -1, batch_axis: AxisSpec = (), dtype: Any = None
) -> KeyedInitializer:
    """Return an initializer that draws truncated normal values, with the variance of Glorot; also `xavier_normal`.

    The variance after truncation is ``2 / (fan_in + fan_out)``; values lie within two standard deviations of the
    distribution before truncation. It is ``variance_scaling(1.0, "fan_avg", "truncated_normal")``:
    with default axes `GlorotNormal` of `oneseed.initializers`.

    Parameters
    ----------
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        At the call, if an axis is out of range or named twice, or the shape has a size of 0.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> w = glorot_normal()(jax.random.key(7), (64, 32))
    >>> bool((w == oneseed.initializers.GlorotNormal(seed=7)((64, 32), backend="jax")).all())
    True
    """
    return variance_scaling(1.0, "fan_avg", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


xavier_normal = glorot_normal


def he_uniform(
    in_axis: AxisSpec = -2, out_axis: AxisSpec = -1, batch_axis: AxisSpec = (), dtype: Any = None
) -> KeyedInitializer:
    """Return an initializer that draws uniformly, with the variance of He; also `kaiming_uniform`.

    Values lie in ``[-limit, limit)`` with ``limit = sqrt(6 / fan_in)``; their variance is ``2 / fan_in``.
    It is ``variance_scaling(2.0, "fan_in", "uniform")``: with default axes `HeUniform` of `oneseed.initializers`.

    Parameters
    ----------
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        At the call, if an axis is out of range or named twice, or the shape has a size of 0.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> w = he_uniform()(jax.random.key(7), (64, 32))
    >>> bool((w == oneseed.initializers.HeUniform(seed=7)((64, 32), backend="jax")).all())
    True
    """
    return variance_scaling(2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


kaiming_uniform = he_uniform


def he_normal(
    in_axis: AxisSpec = -2, out_axis: AxisSpec = -1, batch_axis: AxisSpec = (), dtype: Any = None
) -> KeyedInitializer:
    """Return an initializer that draws truncated normal values, with the variance of He; also `kaiming_normal`.

    The variance after truncation is ``2 / fan_in``; values lie within two standard deviations of the
    distribution before truncation. It is ``variance_scaling(2.0, "fan_in", "truncated_normal")``:
    with default axes `HeNormal` of `oneseed.initializers`.

    Parameters
    ----------
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        At the call, if an axis is out of range or named twice, or the shape has a size of 0.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> w = he_normal()(jax.random.key(7), (64, 32))
    >>> bool((w == oneseed.initializers.HeNormal(seed=7)((64, 32), backend="jax")).all())
    True
    """
    return variance_scaling(2.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


kaiming_normal = he_normal


def lecun_uniform(
    in_axis: AxisSpec = -2, out_axis: AxisSpec = -1, batch_axis: AxisSpec = (), dtype: Any = None
) -> KeyedInitializer:
    """Return an initializer that draws uniformly, with the variance of Lecun.

    Values lie in ``[-limit, limit)`` with ``limit = sqrt(3 / fan_in)``; their variance is ``1 / fan_in``.
    It is ``variance_scaling(1.0, "fan_in", "uniform")``: with default axes `LecunUniform` of `oneseed.initializers`.

    Parameters
    ----------
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        At the call, if an axis is out of range or named twice, or the shape has a size of 0.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998; Klambauer et al., "Self-normalizing neural
    networks", NeurIPS 2017.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> w = lecun_uniform()(jax.random.key(7), (64, 32))
    >>> bool((w == oneseed.initializers.LecunUniform(seed=7)((64, 32), backend="jax")).all())
    True
    """
    return variance_scaling(1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def lecun_normal(
    in_axis: AxisSpec = -2, out_axis: AxisSpec = -1, batch_axis: AxisSpec = (), dtype: Any = None
) -> KeyedInitializer:
    """Return an initializer that draws truncated normal values, with the variance of Lecun.

    The variance after truncation is ``1 / fan_in``; values lie within two standard deviations of the
    distribution before truncation. It is ``variance_scaling(1.0, "fan_in", "truncated_normal")``:
    with default axes `LecunNormal` of `oneseed.initializers`.

    Parameters
    ----------
    in_axis, out_axis, batch_axis : int or sequence of int
        The axes of inputs, outputs and batch (experts, heads that are layers of their own), counted from the end
        where negative; all other axes are spatial.
    dtype : dtype, optional
        The dtype of a call that gives none; None is JAX's default, float32 or with 64-bit types float64.

    Returns
    -------
    callable
        ``init(key, shape, dtype=dtype, out_sharding=None)``.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        At the call, if an axis is out of range or named twice, or the shape has a size of 0.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998; Klambauer et al., "Self-normalizing neural
    networks", NeurIPS 2017.

    Examples
    --------
    >>> import jax
    >>> import oneseed
    >>> w = lecun_normal()(jax.random.key(7), (64, 32))
    >>> bool((w == oneseed.initializers.LecunNormal(seed=7)((64, 32), backend="jax")).all())
    True
    """
    return variance_scaling(1.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)
