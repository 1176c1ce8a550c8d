"""Kernels of the short-time Fourier transform."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oneseed import checks
from oneseed.checks import shown
from oneseed.distributions import Structured
from oneseed.draws import Draw, Host
from oneseed.dtypes import COMPLEX, numpy_dtype, overflows
from oneseed.host_arrays import numbers
from oneseed.initializers.base import Initializer
from oneseed.initializers.calls import check_float
from oneseed.initializers.known import known
from oneseed.initializers.plain_data import deserialize_value, serialize_value
from oneseed.initializers.targets import Target
from oneseed.requirements import pip

SIDES = ("imag", "real")
SCALINGS = ("density", "spectrum")

COSINE_WINDOWS = {
    "blackman": (0.42, 0.5, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "boxcar": (1.0,),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
    "hamming": (0.54, 0.46),
    "hann": (0.5, 0.5),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
}
"""Windows that are sums of cosines, by their coefficients, the signs of which alternate."""


@dataclass(frozen=True, eq=False, slots=True)
class FourierBasis(Structured):
    """Cosines or sines of the frequencies of a discrete Fourier transform, under a window."""

    name: ClassVar[str] = "stft"

    side: str
    window: tuple[float, ...] | None
    scaling: str | None

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {"side": self.side, "scaling": self.scaling}

    @property
    def divisor(self) -> float:
        """What the window is divided by."""
        # fsum is exact, so that the order of the terms does not matter.
        if self.window is None or self.scaling is None:
            return 1.0
        if self.scaling == "density":
            return math.sqrt(math.fsum(w * w for w in self.window))
        return math.fsum(map(abs, self.window))

    def check(self, dtype: str) -> None:
        """Raise ValueError if the window cannot be scaled, or `dtype` cannot hold its values."""
        if self.window is None:
            return
        largest, divisor = max(map(abs, self.window), default=0.0), self.divisor
        if self.window and not divisor:
            raise ValueError(
                "`window` must have values other than zero to be scaled; choose another, or scaling=None. "
                f"Received: window={shown(self.window)}"
            )
        if not math.isfinite(divisor) or overflows(largest / (divisor or 1.0), dtype):
            raise ValueError(
                f"`window` is beyond the largest {dtype}; use smaller values. Received: window={shown(self.window)}"
            )

    @np.errstate(all="ignore")
    def values(self, draw: Draw, host: Host) -> NDArray[Any]:
        """Make the block, in float64 and rounded once."""
        if 0 in draw.block:
            return np.empty(draw.block, numpy_dtype(draw.dtype))
        from oneseed.exact.fixed_point import roots_of_unity

        times, _, frequencies = (np.arange(cut.start, cut.stop) for cut in draw.slices)
        period = 2 * (draw.shape[2] - 1)
        cosines, sines = roots_of_unity(period)
        table = np.array(cosines) if self.side == "real" else 0.0 - np.array(sines)
        kernel = table[np.outer(times, frequencies) % period]
        if self.window is not None:
            kernel *= np.array(self.window)[times, None]
            kernel /= self.divisor
        basis: NDArray[Any] = kernel[:, None, :].astype(numpy_dtype(draw.dtype))
        return basis


@known(
    "stft",
    "STFTInitializer",
    group="Kernels of convolutions",
    formula="`cos(2 pi t f / F)` or `-sin(2 pi t f / F)`, times a window",
    use="Spectrograms of sound as the first layer of a network.",
    example="STFT()",
    shape=(64, 1, 33),
)
class STFT(Initializer, repeats=True):
    """Make the kernel of a convolution that computes a short-time Fourier transform.

    Element ``(t, 0, f)`` is ``cos(2 pi t f / F)`` for the real side or ``-sin(2 pi t f / F)`` for the imaginary one,
    times the window; the shape is ``(T, 1, F // 2 + 1)`` with T the length of the window.

    Parameters
    ----------
    side : {"real", "imag"}
        Which part of the complex kernel.
    window : str, array_like or None
        A window's name: blackman, blackmanharris, boxcar, flattop, hamming, hann, nuttall, or any other of
        `scipy.signal.get_window`, which needs SciPy; or its T values; or None for no window.
    scaling : {"density", "spectrum"} or None
        Divide by the root of the sum of squares of the window, by the sum of its absolute values, or by nothing.
    periodic : bool
        Whether a named window is periodic, as spectral analysis uses it, or symmetric.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If one is not an accepted value. At the call, if the shape is not ``(T, 1, F // 2 + 1)`` with ``F >= 2``, the
        window is of another length, or the dtype is not a float.

    References
    ----------
    Allen and Rabiner, "A unified approach to short-time Fourier analysis and synthesis", Proc. IEEE 65, 1977.

    Examples
    --------
    >>> import oneseed
    >>> oneseed.initializers.STFT(window=None)((4, 1, 3))[:, 0]
    array([[ 1.,  1.,  1.],
           [ 1.,  0., -1.],
           [ 1., -1.,  1.],
           [ 1.,  0., -1.]], dtype=float32)
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        self.side = checks.one_of("side", side, SIDES)
        self.scaling = None if scaling is None else checks.one_of("scaling", scaling, SCALINGS)
        self.periodic = checks.boolean("periodic", periodic)
        if window is None or isinstance(window, str):
            self.window: Any = window
            if window is not None:
                named_window(window, 1, periodic)
        else:
            self.window = _array_window(window)
            self._basis(self.window).check("float64")

    def distribution_for(self, target: Target) -> FourierBasis:
        """Return the distribution for a tensor."""
        check_float(target.dtype)
        shape = target.shape
        if len(shape) != 3 or shape[1] != 1 or shape[2] == 1:
            raise ValueError(
                "`shape` must be (T, 1, F // 2 + 1), the length of the window, 1 and the number of frequencies, "
                f"at least 2. Received: shape={shape}"
            )
        window = self.window
        if isinstance(window, str):
            window = named_window(window, shape[0], self.periodic)
        if window is not None and len(window) != shape[0]:
            raise ValueError(
                f"`window` must have as many values as the first axis of the shape {shape}. Received: {len(window)} "
                "values"
            )
        return self._basis(window)

    def _basis(self, window: Any) -> FourierBasis:
        return FourierBasis(self.side, None if window is None else tuple(map(float, window)), self.scaling)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "side": self.side,
            "window": serialize_value(self.window),
            "periodic": self.periodic,
            "scaling": self.scaling,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "STFT":
        """Build an initializer from its configuration; a serialized window is rebuilt."""
        if isinstance(config, dict) and "window" in config:
            config = {**config, "window": deserialize_value(config["window"])}
        return super().from_config(config)


def named_window(name: str, length: int, periodic: bool) -> list[float]:
    """Return the values of a window; the cosine windows to the last bit, on every machine."""
    from oneseed.exact.fixed_point import roots_of_unity

    coefficients = COSINE_WINDOWS.get(name)
    if coefficients is None:
        return _scipy_window(name, length, periodic)
    if length <= 1:
        return [1.0] * length
    period = length if periodic else length - 1
    cosines, _ = roots_of_unity(period)
    return [
        math.fsum((-1) ** j * a * cosines[j * k % period] for j, a in enumerate(coefficients)) for k in range(length)
    ]


def _scipy_window(name: str, length: int, periodic: bool) -> list[float]:
    try:
        from scipy.signal import get_window
    except ImportError:
        raise ValueError(
            f"`window` must be one of {', '.join(map(repr, COSINE_WINDOWS))}; SciPy has more of them, install it "
            f"with: {pip('scipy')}.{checks.nearest(name, COSINE_WINDOWS)} Received: window={shown(name)}"
        ) from None
    try:
        return [float(value) for value in get_window(name, length, fftbins=periodic)]
    except ValueError as error:
        raise ValueError(
            f"`window` must be the name of a window that needs no parameters ({error}). Received: window={shown(name)}"
        ) from None


def _array_window(window: Any) -> NDArray[Any]:
    array = numbers("window", window).copy()
    if array.ndim != 1 or array.dtype.name in (*COMPLEX, "bool"):
        raise ValueError(
            "`window` must be a name, None, or an array of real numbers with one axis. Received: an array of "
            f"dtype {array.dtype} and shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"`window` must hold finite numbers. Received: window={shown(window)}")
    array.flags.writeable = False
    return array
