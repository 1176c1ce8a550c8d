"""Matrices of a given spectral norm."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oneseed import checks
from oneseed.distributions import Distribution
from oneseed.distributions.fields import drawn
from oneseed.draws import Draw, Host
from oneseed.dtypes import check_scalar
from oneseed.initializers.base import Initializer, RandomInitializer
from oneseed.initializers.composed.composite import CompositeInitializer
from oneseed.initializers.known import known
from oneseed.initializers.matrices.kernels import Matrix, RandomKernel, Sides, WholeKernel
from oneseed.initializers.serialization import get, serialize
from oneseed.initializers.targets import Target, describes
from oneseed.seeds import SeedGenerator

BETA = 0.5
"""Bjoerck's step: with it the error falls to its square."""


@dataclass(frozen=True, eq=False, slots=True)
class SpectralMatrix(WholeKernel):
    """Matrices of another distribution, divided by their spectral norm and made more orthogonal."""

    name: ClassVar[str] = "spectral"

    sides: Sides
    base: Distribution
    norm: float
    iterations: int

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"norm": self.norm, "bjorck_iterations": self.iterations, "base": self.base.name, **self.sides.numbers}

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the norm, which no element exceeds."""
        check_scalar(self.norm, dtype, "k_coef_lip")
        self.base.check("float64")

    def wholes(self, draw: Draw, host: Host, numbers: list[int]) -> Iterator[Matrix]:
        """Draw from the base, once, and yield the kernels."""
        sides = self.sides
        whole = draw._replace(offset=(0,) * len(draw.shape), block=draw.shape)
        logical = drawn(host, whole, self.base, "float64").transpose(draw.order)
        matrices = logical.reshape(sides.matrices, sides.taps * sides.fan_in, sides.fan_out)
        for at in numbers:
            result = orthonormalized(matrices[at], self.iterations) * self.norm
            yield result.reshape(*sides.spatial, sides.fan_in, sides.fan_out)


def orthonormalized(matrix: Matrix, iterations: int) -> Matrix:
    """Divide by the largest singular value, then bring the others closer to 1.

    Parameters
    ----------
    matrix : ndarray of float64
        The matrix.
    iterations : int
        Each takes the singular values s to ``1.5 s - 0.5 s**3``.

    Returns
    -------
    ndarray of float64
        The matrix, of spectral norm 1.

    Raises
    ------
    ValueError
        If it is zero.
    """
    greatest = abs(matrix).max()
    if not greatest > 0:
        raise ValueError("`base` must make matrices that are not zero. Received: base that makes a matrix of zeros")
    result: Matrix = matrix / greatest
    wide = result.shape[0] < result.shape[1]
    # The largest singular value has all its digits in that of the smaller product, which takes far less time.
    gram = result @ result.T if wide else result.T @ result
    result /= math.sqrt(np.linalg.eigvalsh(gram)[-1])
    for _ in range(iterations):
        product = result @ result.T @ result if wide else result @ (result.T @ result)
        result = (1 + BETA) * result - BETA * product
    return result


@known(
    "spectral",
    group="Identities and orthogonal matrices",
    formula="`W = k * B / sigma(B)`, sigma the largest singular value",
    use="Lipschitz networks: critics of Wasserstein GANs, certified robustness.",
    example='Spectral(base="glorot_uniform", bjorck_iterations=0, seed=7)',
    shape=(48, 48),
)
class Spectral(RandomKernel):
    """Draw from another initializer and divide by the largest singular value, for a layer with a Lipschitz constant.

    The matrix W of taps and inputs by outputs becomes ``k_coef_lip * W / sigma``, with sigma its largest singular
    value. Then `bjorck_iterations` times ``W <- 1.5 W - 0.5 W W' W``, before the factor is applied, bring the other
    singular values closer to the largest and leave it: the matrix comes to have orthogonal columns or rows. A dense
    layer with it has the Lipschitz constant `k_coef_lip`; of a convolution it is the norm of the kernel as a matrix
    that has this bound.

    Axes are understood as by `Orthogonal`; each element of the batch axes is a matrix of its own. It is computed in
    float64 and rounded; the last bit may differ between machines, with their linear algebra. A block is cut out of
    the whole matrices that it takes part in.

    Parameters
    ----------
    k_coef_lip : float
        The largest singular value of the result, above 0.
    base : str, dict or Initializer
        What draws: an initializer of this package, by name or as an instance, without a seed of its own, and not
        made of others.
    bjorck_iterations : int
        How many iterations, at least 0, bring the singular values together.
    seed : int, SeedGenerator or None
        The seed, with which the base draws; see the page "Seeds".

    Raises
    ------
    TypeError
        If `k_coef_lip` is not a real number, `bjorck_iterations` not an integer, `base` not an initializer of this
        package, or `seed` of another type.
    ValueError
        If `k_coef_lip` is not positive and finite, `bjorck_iterations` is negative, `base` is unknown or has a seed, or
        `seed` is out of range. At the call, if the shape has fewer than 2 axes, the dtype is not a float, or the base
        refuses or makes zeros only.

    References
    ----------
    Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial networks", ICLR 2018;
    Bjoerck and Bowie, "An iterative algorithm for computing the best estimate of an orthogonal matrix", SIAM J. Numer.
    Anal. 8, 1971; Anil, Lucas and Grosse, "Sorting out Lipschitz function approximation", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import oneseed
    >>> init = oneseed.initializers.Spectral(2.0, "glorot_uniform", bjorck_iterations=0, seed=7)
    >>> round(float(np.linalg.norm(init((30, 20), dtype="float64"), 2)), 12)
    2.0
    """

    def __init__(
        self,
        k_coef_lip: Any = 1.0,
        base: Any = "orthogonal",
        bjorck_iterations: int = 15,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        self.k_coef_lip = checks.positive("k_coef_lip", k_coef_lip)
        self.bjorck_iterations = checks.index("bjorck_iterations", bjorck_iterations, 0, 2**31)
        self.base = _base(base)
        super().__init__(seed)

    def _distribution_of(self, target: Target, sides: Sides) -> SpectralMatrix:
        fans = self.base.fans_for(target.shape, target.layout)
        distribution = self.base.distribution_for(Target(target.shape, "float64", target.layout, *fans))
        return SpectralMatrix(sides, distribution, float(self.k_coef_lip), self.bjorck_iterations)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; the base as plain data."""
        return {
            **super().get_config(),
            "k_coef_lip": self.k_coef_lip,
            "base": serialize(self.base),
            "bjorck_iterations": self.bjorck_iterations,
        }


def _base(base: Any) -> Initializer:
    """Return the initializer that `base` stands for, if it has a distribution and no seed."""
    result = get(base) if isinstance(base, str | dict) else base
    if not describes(result) or isinstance(result, CompositeInitializer):
        raise TypeError(
            "`base` must be an initializer of this package, by name or instance, that is not made of others. "
            f"Received: base={base!r}"
        )
    if isinstance(result, RandomInitializer) and result._given is not None:
        raise ValueError(f"`base` must have no seed; give `seed` to the initializer around it. Received: base={base!r}")
    found: Initializer = result
    return found
