"""A draw: pure data, everything that decides the values of a tensor."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.stream.paths import Path, stream_number


class Distribution:
    """What decides the values of a tensor: a name and a few numbers, and no framework.

    The subclasses, frozen dataclasses all, are in `oneseed.distributions`.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name that `describe` shows."""
        return type(self).__name__

    @property
    def in_keras(self) -> bool:
        """Whether Keras has this distribution, so that a framework's own generator can draw it as Keras does."""
        return False

    @property
    def random(self) -> bool:
        """Whether it needs a seed; False where that is not known."""
        return False

    @property
    def numbers(self) -> dict[str, Any]:
        """What `describe` shows."""
        return {}

    @property
    def draws(self) -> "tuple[Draw, ...]":
        """The draws of which this one is made; none unless it is composed of parts."""
        return ()

    def check(self, dtype: str) -> None:
        """Raise ValueError if `dtype` cannot hold the values."""


class Draw(NamedTuple):
    """What an initializer asks a backend for; `describe` returns it.

    Attributes
    ----------
    distribution : Distribution
        The distribution and its numbers.
    shape : tuple of int
        The shape of the whole tensor.
    dtype : str
        The name of the dtype.
    seed : int, tensor or None
        The seed; None where nothing is drawn. A framework's own seed, such as a JAX key, is for that backend alone.
    path : tuple of str and int
        The path; `stream` is the number it stands for.
    order : tuple of int
        Axis ``order[k]`` of the tensor is axis ``k`` in the logical order, which numbers the elements.
    fan_in, fan_out : int
        The fans of the whole tensor.
    offset, block : tuple of int
        The first element and the shape of the part that is drawn; the whole tensor unless asked otherwise.
    rng : {"portable", "native"}
        The generator: stream v1, or the framework's own, seeded as Keras 3 seeds it.
    """

    distribution: Distribution
    shape: Shape
    dtype: str
    seed: Any
    path: Path
    order: tuple[int, ...]
    fan_in: int
    fan_out: int
    offset: Shape
    block: Shape
    rng: str = "portable"

    @property
    def native(self) -> bool:
        """Whether the framework's own generator draws."""
        return self.rng == "native" and self.seed is not None

    @property
    def native_seed(self) -> tuple[int, int]:
        """The two words that Keras 3 seeds a framework's own generator with: a seed, and the number of the draw."""
        # The seed of an initializer built without one has 64 bits; a given one has been checked.
        return self.seed % 2**32, int(self.path[-1]) if self.path else 0

    @property
    def stream(self) -> int:
        """The number of the stream, from the path."""
        return stream_number(self.path)

    @property
    def leaves(self) -> "tuple[Draw, ...]":
        """The draws of which this one is made, down to those that are made of no others; itself if it is one."""
        below = self.distribution.draws
        return tuple(leaf for part in below for leaf in part.leaves) if below else (self,)

    @property
    def strides(self) -> tuple[int, ...]:
        """By how much an element's index grows along each axis of the tensor."""
        strides = [0] * len(self.shape)
        step = 1
        for axis in reversed(self.order):
            strides[axis] = step
            step *= self.shape[axis]
        return tuple(strides)

    @property
    def first(self) -> int:
        """The index of the block's first element."""
        if not any(self.offset):
            return 0
        return sum(at * step for at, step in zip(self.offset, self.strides, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """The block as slices of the whole tensor."""
        return tuple(slice(at, at + size) for at, size in zip(self.offset, self.block, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the draw as plain data, fit for JSON."""
        return {
            "distribution": self.distribution.name,
            **self.distribution.numbers,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "fan_in": self.fan_in,
            "fan_out": self.fan_out,
            "rng": self.rng,
            "seed": self.seed if isinstance(self.seed, int | None) else str(self.seed),
            "path": list(self.path),
            "stream": self.stream,
            "order": list(self.order),
            "offset": list(self.offset),
            "block": list(self.block),
        }


class Host(Protocol):
    """What executes draws in host memory.

    A backend hands it to a distribution that is computed as a whole, which may need random values of its own.
    """

    def draw(self, draw: Draw) -> NDArray[Any]:
        """Execute a draw and return its block, of shape ``draw.block`` and dtype ``draw.dtype``."""

    def fill(self, parts: Sequence[tuple[Draw, NDArray[Any]]]) -> None:
        """Execute draws that are sampled, each into an array of its block's shape and its dtype, of any strides."""

    def orthogonal(self, draw: Draw, out: NDArray[Any], gain: float) -> None:
        """Write the small orthogonal matrices, times `gain`, that a draw of normal values becomes.

        Both are of shape (matrices, rows, columns), and `out` is contiguous. It is of float32 or float64, or complex,
        with imaginary parts from the path with "imag" appended.
        """

    def words(self, seed: int, stream: int, first: int, count: int) -> NDArray[Any]:
        """Return random words of 64 bits, uint64, of a stream: those of the elements from `first` on."""
