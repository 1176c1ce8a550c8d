"""Initializers of large language models by name: small init, and Wang init by depth."""

import math
from typing import Any

from oneseed import checks
from oneseed.distributions import Normal, check_fits
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Seed = int | SeedGenerator | None


@known(
    "small_init",
    group="Variance by fans",
    formula="normal, `stddev = sqrt(2 / (5 fan_in))`",
    use="Embeddings and projections in of GPT-NeoX and xLSTM, whose fan_in is the width.",
    example="SmallInit(seed=7)",
    shape=(24, 24),
)
class SmallInit(RandomInitializer, repeats=True):
    """Draw from a normal distribution with standard deviation ``sqrt(2 / (5 fan_in))``.

    Parameters
    ----------
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    ValueError
        At the call, if the dtype is not a float.

    References
    ----------
    Nguyen and Salazar, "Transformers without tears", IWSLT 2019.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.SmallInit().describe((640, 64), axes="i o").distribution
    Normal(mean=0.0, stddev=0.025)
    """

    def distribution_for(self, target: Target) -> Normal:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        return Normal(0.0, math.sqrt(2 / (5 * max(1, target.fan_in))))


@known(
    "wang_init",
    group="Variance by fans",
    formula="normal, `stddev = 2 / (num_layers sqrt(fan_in))`",
    use="Projections out of the residual blocks of GPT-J, GPT-NeoX and xLSTM.",
    example="WangInit(4, seed=7)",
    shape=(24, 24),
)
class WangInit(RandomInitializer, repeats=True):
    """Draw from a normal distribution with standard deviation ``2 / (num_layers sqrt(fan_in))``.

    The width of the residual stream is taken for the fan_in; where a projection leads out of a wider layer, as that of
    an MLP does, give the width as `width`.

    Parameters
    ----------
    num_layers : int
        The layers of the model, 1 or more.
    width : int, optional
        The width of the residual stream, 1 or more. None is the fan_in.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is out of range. At the call, if the dtype is not a float.

    References
    ----------
    Wang, "mesh-transformer-jax", 2021; Black et al., "GPT-NeoX-20B", 2022, section 3.3.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.WangInit(4).describe((64, 16), axes="i o").distribution
    Normal(mean=0.0, stddev=0.0625)
    """

    def __init__(self, num_layers: int, width: int | None = None, seed: Seed = None) -> None:
        self.num_layers = checks.index("num_layers", num_layers, 1, 2**31)
        self.width = None if width is None else checks.index("width", width, 1, 2**31)
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Normal:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        found = Normal(0.0, 2 / (self.num_layers * math.sqrt(self.width or max(1, target.fan_in))))
        check_fits(found, target.dtype, "num_layers", self.num_layers)
        return found

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "num_layers": self.num_layers, "width": self.width}
