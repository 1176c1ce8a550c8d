"""The named cases of VarianceScaling: Glorot, He and Lecun."""

from typing import Any

from oneseed.initializers.elementwise.scaling import Axes, Seed, VarianceScaling
from oneseed.initializers.known import known


class _Named(VarianceScaling, repeats=True):
    """A VarianceScaling whose first three arguments are fixed."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config()
        return {key: config[key] for key in ("seed", "input_axes", "output_axes")}


@known(
    "glorot_normal",
    "xavier_normal",
    "XavierNormal",
    "GlorotNormalV2",
    "glorot_normalV2",
    group="Variance by fans",
    formula="truncated normal, `Var w = 2 / (fan_in + fan_out)`",
    use="As GlorotUniform, where a normal distribution is wanted.",
    example="GlorotNormal(seed=7)",
    shape=(100, 200),
)
class GlorotNormal(_Named):
    """Draw from a truncated normal distribution with the variance of Glorot, also called Xavier normal.

    The standard deviation after truncation is ``sqrt(2 / (fan_in + fan_out))``; values lie within two standard
    deviations of the distribution before truncation. Fans below 1 count as 1.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. `axes` at the call is the other way.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` is out of range, or one of `input_axes` and `output_axes` is given without the other.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import oneseed
    >>> draw = oneseed.initializers.GlorotNormal(seed=7).describe((50, 100))
    >>> draw.distribution.stddev_after_truncation
    0.11547005383792518
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


@known(
    "glorot_uniform",
    "xavier_uniform",
    "XavierUniform",
    "GlorotUniformV2",
    "glorot_uniformV2",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = sqrt(6 / (fan_in + fan_out))`",
    use="Linear layers, tanh and attention; the default of Keras.",
    example="GlorotUniform(seed=7)",
    shape=(100, 200),
)
class GlorotUniform(_Named):
    """Draw from a uniform distribution with the variance of Glorot, also called Xavier uniform.

    Values lie in ``[-limit, limit)`` with ``limit = sqrt(6 / (fan_in + fan_out))``; fans below 1 count as 1.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. `axes` at the call is the other way.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` is out of range, or one of `input_axes` and `output_axes` is given without the other.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.GlorotUniform(seed=7).describe((50, 100)).distribution.limit
    0.2
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


@known(
    "he_normal",
    "kaiming_normal",
    "KaimingNormal",
    "HeNormalV2",
    "he_normalV2",
    group="Variance by fans",
    formula="truncated normal, `Var w = 2 / fan_in`",
    use="Convolutions and dense layers before ReLU and similar functions.",
    example="HeNormal(seed=7)",
    shape=(100, 200),
)
class HeNormal(_Named):
    """Draw from a truncated normal distribution with the variance of He, also called Kaiming normal.

    The standard deviation after truncation is ``sqrt(2 / fan_in)``; values lie within two standard deviations of
    the distribution before truncation. Fans below 1 count as 1.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. `axes` at the call is the other way.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` is out of range, or one of `input_axes` and `output_axes` is given without the other.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import oneseed
    >>> draw = oneseed.initializers.HeNormal(seed=7).describe((50, 100))
    >>> draw.distribution.stddev_after_truncation
    0.2
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


@known(
    "he_uniform",
    "kaiming_uniform",
    "KaimingUniform",
    "HeUniformV2",
    "he_uniformV2",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = sqrt(6 / fan_in)`",
    use="Layers before ReLU and similar functions.",
    example="HeUniform(seed=7)",
    shape=(100, 200),
)
class HeUniform(_Named):
    """Draw from a uniform distribution with the variance of He, also called Kaiming uniform.

    Values lie in ``[-limit, limit)`` with ``limit = sqrt(6 / fan_in)``; fans below 1 count as 1.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. `axes` at the call is the other way.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` is out of range, or one of `input_axes` and `output_axes` is given without the other.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.HeUniform(seed=7).describe((50, 100)).distribution.limit
    0.34641016151377546
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


@known(
    "lecun_normal",
    "LecunNormalV2",
    "lecun_normalV2",
    group="Variance by fans",
    formula="truncated normal, `Var w = 1 / fan_in`",
    use="SELU networks; the default of Flax.",
    example="LecunNormal(seed=7)",
    shape=(100, 200),
)
class LecunNormal(_Named):
    """Draw from a truncated normal distribution with the variance of Lecun.

    The standard deviation after truncation is ``sqrt(1 / fan_in)``; values lie within two standard deviations of
    the distribution before truncation. Fans below 1 count as 1.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. `axes` at the call is the other way.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` is out of range, or one of `input_axes` and `output_axes` is given without the other.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998; Klambauer et al., "Self-normalizing neural
    networks", NeurIPS 2017.

    Examples
    --------
    >>> import oneseed
    >>> draw = oneseed.initializers.LecunNormal(seed=7).describe((50, 100))
    >>> draw.distribution.stddev_after_truncation
    0.1414213562373095
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


@known(
    "lecun_uniform",
    "LecunUniformV2",
    "lecun_uniformV2",
    group="Variance by fans",
    formula="`w ~ U[-l, l)`, `l = sqrt(3 / fan_in)`",
    use="Linear layers that keep the variance, and SELU.",
    example="LecunUniform(seed=7)",
    shape=(100, 200),
)
class LecunUniform(_Named):
    """Draw from a uniform distribution with the variance of Lecun.

    Values lie in ``[-limit, limit)`` with ``limit = sqrt(3 / fan_in)``; fans below 1 count as 1.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".
    input_axes, output_axes : int or sequence of int, optional
        The axes whose product is fan_in, and fan_out; both or neither. `axes` at the call is the other way.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `seed` is out of range, or one of `input_axes` and `output_axes` is given without the other.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998; Klambauer et al., "Self-normalizing neural
    networks", NeurIPS 2017.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.LecunUniform(seed=7).describe((50, 100)).distribution.limit
    0.2449489742783178
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)
