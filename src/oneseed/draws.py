"""A draw: pure data, everything that decides the values of a tensor."""

from typing import Any, NamedTuple

from oneseed.checks import Shape
from oneseed.distributions import Complex, Distribution
from oneseed.dtypes import part_dtype
from oneseed.stream.paths import Path, stream_number


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
        The first element and the shape of the part that is made; the whole tensor unless asked otherwise.
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
    def parts(self) -> tuple["Draw", "Draw"]:
        """The real and the imaginary part of a complex draw: two draws of a float dtype."""
        law = self.distribution
        assert isinstance(law, Complex)
        real = self._replace(distribution=law.real, dtype=part_dtype(self.dtype))
        return real, real._replace(distribution=law.imag, path=(*self.path, "imag"))

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
