"""Convolution-aware kernels: orthogonal in the frequency domain."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oneseed import checks
from oneseed.distributions import Normal
from oneseed.distributions.fields import field
from oneseed.draws import Draw, Host
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Matrix, RandomKernel, Sides, WholeKernel, check_spatial
from oneseed.initializers.targets import Target
from oneseed.seeds import SeedGenerator


@dataclass(frozen=True, eq=False, slots=True)
class AwareKernel(WholeKernel):
    """Inverse Fourier transforms of orthogonal bases, plus noise, scaled to a variance."""

    name: ClassVar[str] = "convolution_aware"

    sides: Sides
    noise: float
    stddev: float

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"stddev": self.stddev, "noise": self.noise, **self.sides.numbers}

    def whole(self, draw: Draw, host: Host, at: int) -> Matrix:
        """Make a basis for each output, and transform it."""
        sides, spatial = self.sides, self.sides.spatial
        inputs, outputs = sides.fan_in, sides.fan_out
        frequencies = (*spatial[:-1], spatial[-1] // 2 + 1)
        size = math.prod(frequencies)
        several = -(-inputs // size)
        normal = field(host, Normal(), draw, (outputs, several, size, size), at)
        if size > 1:
            # Thousands of small matrices: one call for all. Bases of one frequency would be signs.
            q, r = np.linalg.qr(normal)
            normal = q * np.copysign(1.0, np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
        bases = normal.reshape(outputs, several * size, *frequencies)[:, :inputs]
        filters = np.fft.irfftn(bases, s=spatial, axes=range(2, 2 + len(spatial)))
        taps = filters.reshape(outputs, inputs, -1).transpose(2, 1, 0).reshape(*spatial, inputs, outputs)
        kernel = taps + self.noise * field(host, Normal(), draw, taps.shape, at, "noise")
        scaled: Matrix = kernel * (self.stddev / kernel.std())
        return scaled


@known(
    "convolution_aware",
    group="Kernels of convolutions",
    formula="inverse Fourier transforms of orthogonal rows, `Var w = 2 / fan_in`",
    use="Convolutions whose filters are to differ from the start.",
    example="ConvolutionAware(seed=7)",
    shape=(5, 5, 6, 6),
)
class ConvolutionAware(RandomKernel):
    """Make kernels that are orthogonal in the frequency domain, scaled to the variance of He.

    For each output, the inputs' filters have as their real spectra the rows of orthogonal matrices, uniformly
    distributed, as many as it takes: with F frequencies of a real filter, those of `numpy.fft.rfftn`, each F filters in
    a row are orthogonal there. The inverse transform gives the taps, of a spectrum in 2 or 3 dimensions without the
    part that no real filter has; noise of standard deviation `eps_std` breaks the symmetry that a real spectrum has;
    and one factor makes the variance of all elements ``2 / fan_in``. Kernels of one tap are normal values.

    There are 1, 2 or 3 spatial axes. The shape is (spatial..., inputs, outputs), as in Keras, or what `axes` says; each
    element of the batch axes is such a kernel. It is computed in float64 and rounded; the last bit may differ
    between machines, with their linear algebra. A block is cut out of the whole kernels that it takes part in.

    Parameters
    ----------
    eps_std : float or scalar tensor
        The standard deviation of the noise, before scaling, 0 or more.
    seed : int, SeedGenerator or None
        The seed; see the page "Seeds".

    Raises
    ------
    TypeError
        If `eps_std` is not a real number, or `seed` of another type.
    ValueError
        If `eps_std` is NaN, infinite, negative or not a scalar, or `seed` is out of range. At the call, if there are
        not 1, 2 or 3 spatial axes, a kernel has one element only, which has no variance, or the dtype is not a float.

    References
    ----------
    Aghajanyan, "Convolution aware initialization", 2017.

    Examples
    --------
    >>> import oneseed
    >>> w = oneseed.initializers.ConvolutionAware(seed=7)((3, 3, 8, 16), dtype="float64")
    >>> round(float(w.var()), 12), round(2 / (3 * 3 * 8), 12)
    (0.027777777778, 0.027777777778)
    """

    def __init__(self, eps_std: Any = 0.05, seed: int | SeedGenerator | None = None) -> None:
        self.eps_std = checks.at_least("eps_std", eps_std, 0)
        super().__init__(seed)

    def _distribution_of(self, target: Target, sides: Sides) -> AwareKernel:
        check_spatial(sides, target.shape, (1, 2, 3), "a convolution")
        if sides.taps * sides.fan_in * sides.fan_out == 1:
            raise ValueError(
                "`shape` must have kernels of more than one element, which alone has no variance. "
                f"Received: shape={target.shape}"
            )
        return AwareKernel(sides, float(self.eps_std), math.sqrt(2 / target.fan_in) if target.fan_in else 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "eps_std": self.eps_std}
