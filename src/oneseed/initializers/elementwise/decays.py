"""Decay rates of recurrent and state space models: exact functions of an independent uniform value."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.distributions import Elementwise, Uniform
from oneseed.exact import functions
from oneseed.initializers.base import RandomInitializer
from oneseed.initializers.known import known
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator

Array = NDArray[np.float64]
Seed = int | SeedGenerator | None


class _Between(RandomInitializer):
    """What initializers with a range above 0 share."""

    _most = float("inf")
    """What `high` is at most."""

    def __init__(self, low: Any, high: Any, seed: Seed = None) -> None:
        self.low, self.high = float(checks.positive("low", low)), float(checks.positive("high", high))
        if not self.low < self.high <= self._most:
            raise ValueError(
                f"`low` must be below `high`, which is at most {self._most}. Received: low={low!r}, high={high!r}"
            )
        super().__init__(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@known(
    "log_uniform",
    group="State space models",
    formula="`w = exp(u)`, `u` uniform in `[log(low), log(high))`",
    use="Time scales and step sizes that spread over several powers of ten.",
    example="LogUniform(0.001, 0.1, seed=7)",
    shape=(24, 24),
)
class LogUniform(_Between, repeats=True):
    r"""Draw from a log-uniform distribution: the logarithm of the values is uniform.

    Density ``1 / (w log(high / low))`` on ``[low, high)``.

    Parameters
    ----------
    low, high : float
        The range, with ``0 < low < high``.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the range is empty or not above 0. At the call, if the dtype is not a float.

    References
    ----------
    Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023, section 3.6: step sizes.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.LogUniform(0.001, 0.1, seed=7)((1000,))
    >>> bool((w >= 0.001).all() and (w < 0.1).all())
    True
    """

    def distribution_for(self, target: Target) -> Elementwise:
        """Return the distribution for a tensor."""
        ends = (float(functions.log(np.array(end, np.float64))) for end in (self.low, self.high))
        return Elementwise(Uniform(*ends), functions.exp, "log_uniform")


@known(
    "uniform_log",
    group="State space models",
    formula="`w = log(u)`, `u` uniform in `[low, high)`",
    use="`A_log` of Mamba-2 and gated DeltaNet: minus its exponential is the decay.",
    example="UniformLog(1.0, 16.0, seed=7)",
    shape=(24, 24),
)
class UniformLog(_Between, repeats=True):
    r"""Draw the logarithm of a uniform value, such as Mamba-2's ``A_log = log U(1, 16)``.

    Density ``exp(w) / (high - low)`` on ``[log(low), log(high))``.

    Parameters
    ----------
    low, high : float
        The range of the uniform value, with ``0 < low < high``.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the range is empty or not above 0. At the call, if the dtype is not a float.

    References
    ----------
    Dao and Gu, "Transformers are SSMs", ICML 2024; Yang, Kautz and Hatamizadeh, "Gated delta networks", ICLR 2025.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.UniformLog(1.0, 16.0, seed=7)((1000,))
    >>> bool((w >= 0).all() and (w < 2.78).all())
    True
    """

    def __init__(self, low: Any = 1.0, high: Any = 16.0, seed: Seed = None) -> None:
        super().__init__(low, high, seed)

    def distribution_for(self, target: Target) -> Elementwise:
        """Return the distribution for a tensor."""
        return Elementwise(Uniform(self.low, self.high), functions.log, "uniform_log")


@known(
    "lru_radius",
    group="State space models",
    formula="`w = log(-log(u) / 2)`, `u` uniform in `[low**2, high**2)`",
    use="`nu_log` of linear recurrent units, whose eigenvalues then fill a ring.",
    example="LRURadius(0.4, 0.9, seed=7)",
    shape=(24, 24),
)
class LRURadius(_Between, repeats=True):
    r"""Draw ``nu_log`` of a linear recurrent unit: eigenvalues ``exp(-exp(nu_log) + i theta)`` are uniform on a ring.

    ``nu_log = log(-log(u (high**2 - low**2) + low**2) / 2)`` with ``u`` uniform in [0, 1).

    Parameters
    ----------
    low, high : float
        The radii of the ring, with ``0 < low < high <= 1``.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the radii are out of range. At the call, if the dtype is not a float.

    References
    ----------
    Orvieto et al., "Resurrecting recurrent neural networks for long sequences", ICML 2023, lemma 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> radius = np.exp(-np.exp(oneseed.initializers.LRURadius(0.5, 0.9, seed=7)((1000,), "float64")))
    >>> bool((radius >= 0.5 - 1e-9).all() and (radius <= 0.9 + 1e-9).all())
    True
    """

    _most = 1.0

    def __init__(self, low: Any = 0.9, high: Any = 0.999, seed: Seed = None) -> None:
        super().__init__(low, high, seed)

    def distribution_for(self, target: Target) -> Elementwise:
        """Return the distribution for a tensor."""
        return Elementwise(Uniform(self.low**2, self.high**2), _radius, "lru_radius")


@known(
    "lru_phase",
    group="State space models",
    formula="`w = log(u)`, `u` uniform in `[0, max_phase)`",
    use="`theta_log` of linear recurrent units.",
    example="LRUPhase(6.28, seed=7)",
    shape=(24, 24),
)
class LRUPhase(RandomInitializer, repeats=True):
    r"""Draw ``theta_log`` of a linear recurrent unit: ``log(u max_phase)`` with ``u`` uniform in [0, 1).

    Parameters
    ----------
    max_phase : float
        The largest angle of an eigenvalue, above 0.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `max_phase` is not above 0. At the call, if the dtype is not a float.

    References
    ----------
    Orvieto et al., "Resurrecting recurrent neural networks for long sequences", ICML 2023, appendix A.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.LRUPhase(6.28, seed=7)((1000,))
    >>> bool((w < 1.838).all() and (w > -40).all())
    True
    """

    def __init__(self, max_phase: Any = 6.283185307179586, seed: Seed = None) -> None:
        self.max_phase = float(checks.positive("max_phase", max_phase))
        super().__init__(seed)

    def distribution_for(self, target: Target) -> Elementwise:
        """Return the distribution for a tensor."""
        # A uniform value of 0 has no logarithm; it is taken for half of the smallest other one.
        return Elementwise(Uniform(0.0, self.max_phase), partial(_log, least=self.max_phase * 2.0**-54), "lru_phase")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "max_phase": self.max_phase}


@known(
    "rg_lru",
    group="State space models",
    formula="`w = log(exp(-log(u) / 2) - 1)`, `u` uniform in `[low**2, high**2)`",
    use="The recurrence parameter of Griffin's real-gated linear recurrent unit.",
    example="RGLRU(0.9, 0.999, seed=7)",
    shape=(24, 24),
)
class RGLRU(_Between, repeats=True):
    r"""Draw the recurrence parameter of an RG-LRU, whose decays ``exp(-softplus(w))`` lie in a ring.

    The squares of the decays are uniform in ``[low**2, high**2)``; ``w`` is the inverse softplus of minus their
    logarithms.

    Parameters
    ----------
    low, high : float
        The range of the decays, with ``0 < low < high < 1``.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If the range is out of order. At the call, if the dtype is not a float.

    References
    ----------
    De et al., "Griffin: Mixing gated linear recurrences with local attention for efficient language models", 2024,
    section 2.4 and RecurrentGemma's code.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> w = oneseed.initializers.RGLRU(0.9, 0.999, seed=7)((1000,), "float64")
    >>> decay = np.exp(-np.log1p(np.exp(w)))
    >>> bool((decay > 0.9 - 1e-9).all() and (decay < 0.999 + 1e-9).all())
    True
    """

    _most = float(np.nextafter(1.0, 0.0))

    def __init__(self, low: Any = 0.9, high: Any = 0.999, seed: Seed = None) -> None:
        super().__init__(low, high, seed)

    def distribution_for(self, target: Target) -> Elementwise:
        """Return the distribution for a tensor."""
        return Elementwise(Uniform(self.low**2, self.high**2), _inverse_softplus, "rg_lru")


def _radius(u: Array) -> Array:
    return functions.log(-functions.log(u) / 2)


def _log(u: Array, least: float) -> Array:
    return functions.log(np.maximum(u, least))


def _inverse_softplus(u: Array) -> Array:
    return functions.log(functions.expm1(-functions.log(u) / 2))
