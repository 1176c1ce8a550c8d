"""Rules of language models: scaled by depth or by width."""

import math
from typing import Any

from oneseed import checks
from oneseed.checks import shown
from oneseed.initializers.elementwise.random import RandomNormal, RandomUniform
from oneseed.initializers.elementwise.scaling import VarianceScaling
from oneseed.rules.numbers import MANY, Seed, positive


def scaled_normal(
    num_layers: int, stddev: Any = 0.02, multiplier: Any = 2.0, width_mult: Any = 1.0, seed: Seed = None
) -> RandomNormal:
    """Return the initializer of weights that write into the residual stream, as in GPT-2 and Megatron-LM.

    A normal distribution with standard deviation ``stddev / sqrt(multiplier * num_layers * width_mult)``. `multiplier`
    is the number of such weights in a layer, 2 in a transformer, so that the variance of their sum does not grow with
    depth.

    Parameters
    ----------
    num_layers : int
        The layers of the whole network, 1 or more.
    stddev : float or scalar tensor
        The standard deviation of all other weights, 0 or more.
    multiplier : float or scalar tensor
        How many weights of a layer write into the stream, above 0.
    width_mult : float or scalar tensor
        Megatron-LM's muP: the width over that of the base model, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomNormal
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3; Shoeybi et al.,
    "Megatron-LM: Training multi-billion parameter language models using model parallelism", 2019.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.scaled_normal(num_layers=8, seed=7).stddev
    0.005
    """
    layers = checks.index("num_layers", num_layers, 1, MANY)
    divisor = positive("multiplier", multiplier) * layers * positive("width_mult", width_mult)
    if not 0 < divisor < math.inf:
        raise ValueError(
            "`multiplier * num_layers * width_mult` must lie between the least and the largest float64. Received: "
            f"multiplier={shown(multiplier)}, num_layers={shown(num_layers)}, width_mult={shown(width_mult)}"
        )
    return RandomNormal(0.0, checks.scalar("stddev", stddev) / math.sqrt(divisor), seed)


def depth_scaled_normal(layer: int, stddev: Any = 0.02, seed: Seed = None) -> RandomNormal:
    """Return the initializer of a layer that is scaled by its own depth: ``stddev / sqrt(2 (layer + 1))``.

    Parameters
    ----------
    layer : int
        The layer's number, counted from 0.
    stddev : float or scalar tensor
        The standard deviation before it is scaled, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomNormal
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Zhang, Titov and Sennrich, "Improving deep transformer with depth-scaled initialization and merged attention",
    EMNLP 2019; the form is that of torchtitan, 2024.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.depth_scaled_normal(layer=1, seed=7).stddev
    0.01
    """
    number = checks.index("layer", layer, 0, MANY)
    return RandomNormal(0.0, checks.scalar("stddev", stddev) / math.sqrt(2 * (number + 1)), seed)


def mitchell(layer: int | None = None, seed: Seed = None) -> VarianceScaling:
    """Return OLMo's "mitchell" initializer: variance ``1 / fan_in``, of a layer's outputs ``1 / (2 fan_in (layer+1))``.

    The distribution is normal and cut at three standard deviations, as OLMo cuts it; the variance is that before it is
    cut, which takes 1.3 % off the standard deviation.

    Parameters
    ----------
    layer : int, optional
        The layer's number, counted from 0, for the weights that write into the residual stream; None for all others.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    VarianceScaling
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Groeneveld et al., "OLMo: Accelerating the science of language models", ACL 2024.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mitchell(layer=1, seed=7).scale
    0.25
    """
    scale = 1.0 if layer is None else 1 / (2 * (checks.index("layer", layer, 0, MANY) + 1))
    return VarianceScaling(scale, "fan_in", "truncated_normal", seed, lower=-3.0, upper=3.0, std="before")


def mup_normal(width_mult: Any, stddev: Any = 0.02, infinite_dims: int = 2, seed: Seed = None) -> RandomNormal:
    """Return muP's initializer of a weight: `stddev` at the base width, over ``sqrt(width_mult)`` if both sides grow.

    A weight with one side or none that grows with the width, such as an embedding, an output layer or a bias, keeps
    `stddev`; output layers are divided by `width_mult` in the forward pass, and Adam's learning rate for weights of
    which both sides grow is divided by it too. For a Xavier or He rule, `stddev` is that of the rule at the shape of
    the base model.

    Parameters
    ----------
    width_mult : float or scalar tensor
        The width over that of the base model, above 0.
    stddev : float or scalar tensor
        The standard deviation in the base model, 0 or more.
    infinite_dims : {0, 1, 2}
        How many sides of the weight grow with the width.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomNormal
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Yang and Hu et al., "Tensor programs V: Tuning large neural networks via zero-shot hyperparameter transfer",
    NeurIPS 2021.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mup_normal(width_mult=4, seed=7).stddev
    0.01
    """
    width = positive("width_mult", width_mult)
    both = checks.index("infinite_dims", infinite_dims, 0, 3) == 2
    return RandomNormal(0.0, checks.scalar("stddev", stddev) / (math.sqrt(width) if both else 1.0), seed)


def mamba_output(num_layers: int, residuals: int = 1, seed: Seed = None) -> VarianceScaling:
    """Return Mamba's initializer of output projections: uniform with variance ``1 / (3 fan_in residuals num_layers)``.

    That is PyTorch's default of linear layers, on ``[-1/sqrt(fan_in), 1/sqrt(fan_in))``, over
    ``sqrt(residuals * num_layers)``.

    Parameters
    ----------
    num_layers : int
        The layers of the network, 1 or more.
    residuals : int
        How many weights of a layer write into the residual stream, 1 or more; 2 if layers have an MLP.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    VarianceScaling
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mamba_output(num_layers=4, seed=7).describe((16, 8)).distribution.limit
    0.125
    """
    total = checks.index("num_layers", num_layers, 1, MANY) * checks.index("residuals", residuals, 1, MANY)
    return VarianceScaling(1 / (3 * total), "fan_in", "uniform", seed)


def mamba_dt_weight(dt_rank: int, scale: Any = 1.0, seed: Seed = None) -> RandomUniform:
    """Return Mamba's initializer of the step size's projection: uniform on ``+-scale / sqrt(dt_rank)``.

    Its bias is `oneseed.initializers.MambaDtBias`.

    Parameters
    ----------
    dt_rank : int
        The rank of the projection, 1 or more.
    scale : float or scalar tensor
        The scale, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Returns
    -------
    RandomUniform
        The initializer.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.rules.mamba_dt_weight(dt_rank=16, seed=7).maxval
    0.25
    """
    limit = positive("scale", scale) / math.sqrt(checks.index("dt_rank", dt_rank, 1, MANY))
    return RandomUniform(-limit, limit, seed)
