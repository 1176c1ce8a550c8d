"""What a backend must do."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.draws import Distribution, Draw

Tensor = Any
"""A framework's own array type; oneseed wraps none."""


class Backend(Protocol):
    """A framework's tensors, as far as initializers need them.

    An entry point in the group ``oneseed.backends`` names a callable that returns such an object.
    Everything that comes in has been checked.

    More methods are for those frameworks that have a use for them:

    - ``worker()`` returns, as a path, what tells this process apart from others that load data for the same program,
      and () elsewhere: seeds of objects built without one then differ between them.
    - ``prepared(draw)`` returns a function that makes the tensor of a draw, any number of times, with as little as
      possible beside; or None. A subclass with a ``draw`` of its own does not inherit it.
    - ``records()`` tells whether what runs now becomes a program that runs later: a draw whose seed is the next of a
      sequence then warns.
    - ``reads()`` tells whether a compiler reads the code that calls it, which is then not run. With it go
      ``compiled(decide, initializer, state, call, backend, device, latest)``, which the compiler reads in place of an
      initializer's call, see `oneseed.initializers.followed`, and ``outside(function)``, which calls a function when
      the program runs.
    """

    @property
    def name(self) -> str:
        """The name by which users choose it."""

    def device(self, device: Any) -> Any:
        """Check a device as users name it, None for the default, and return what `draw` takes; else ValueError."""

    def check_dtype(self, dtype: str) -> None:
        """Raise ValueError if the framework cannot make tensors of a dtype, as it is set up now."""

    def draw(self, draw: Draw, device: Any = None) -> Tensor:
        """Execute a draw and return its block, of shape ``draw.block``, on a device that `device` returned."""

    def from_numpy(self, array: NDArray[Any], device: Any = None) -> Tensor:
        """Return an array as a tensor; it may share the memory."""

    def to_numpy(self, x: Tensor) -> NDArray[Any]:
        """Return a tensor or variable of this framework as an array in host memory."""

    def is_tensor(self, x: Any) -> bool:
        """Tell whether `x` is a tensor or variable of this framework."""

    def dtype(self, x: Tensor) -> str:
        """Return the name of a tensor's dtype."""

    def shape(self, x: Tensor) -> Shape:
        """Return a tensor's shape."""

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        """Convert a tensor to another dtype, as the framework converts."""

    def full_like(self, x: Tensor, value: int, dtype: str) -> Tensor:
        """Return a tensor of the shape of `x`, where `x` lies, filled with 0 or 1; sizes may be unknown yet."""

    def identity(self, x: Tensor) -> Tensor:
        """Return a tensor, not a variable, of the values of `x`, which a change of `x` leaves as they are."""

    def sizes(self, x: Tensor) -> Tensor:
        """Return the shape of `x` as a tensor of int32; sizes may be unknown before a function runs."""

    def variable(self, array: NDArray[Any], name: str | None = None) -> Tensor:
        """Return a new variable that holds a copy of `array`."""

    def assign(self, variable: Tensor, array: NDArray[Any]) -> None:
        """Replace the values of a variable in place."""

    def modes(self) -> "dict[str, Callable[[Callable[[], Tensor]], Tensor]]":
        """Return the ways in which this framework can run a function that draws.

        There is "eager", each of its compilers, and each kind of device that it does not take by itself.
        """


class HostBackend(Backend, Protocol):
    """The backend of arrays in host memory, which draws for the others there too; it is a `oneseed.draws.Host`."""

    def draw(self, draw: Draw, device: Any = None) -> NDArray[Any]:
        """Execute a draw and return its block."""

    @property
    def kernel(self) -> str | None:
        """The name of the compiled kernel that draws, or None where NumPy does, more slowly."""

    def fill(self, parts: Sequence[tuple[Draw, NDArray[Any]]]) -> None:
        """Execute draws that are sampled, each into an array of its block's shape and its dtype, of any strides."""

    def orthogonal(self, draw: Draw, out: NDArray[Any], gain: float) -> None:
        """Write the small orthogonal matrices, times `gain`, that a draw of normal values becomes."""

    def empty(self, shape: Shape, dtype: str) -> NDArray[Any]:
        """Return an array, not yet written, aligned as frameworks need it to take it over without a copy."""

    def full(self, shape: Shape, value: Any) -> NDArray[Any]:
        """Return an array of one value, a NumPy scalar, aligned in this way."""

    def prepare(self, address: int, size: int) -> None:
        """Prepare memory of `size` bytes that has not been written yet, so that its pages come sooner."""

    def prepared(self, draw: Draw) -> Callable[[], Tensor] | None:
        """Return a function that executes a draw, any number of times, with as little as possible beside; or None."""

    def filling(self, draw: Draw, strides: Shape) -> Callable[[int, int, int], None] | None:
        """Return a function of an address, a seed and a stream, which writes draws that differ from `draw` in these.

        The memory at the address holds the block of the draw, with `strides` in bytes, and it is the caller's task that
        it does. None where no kernel writes such draws: `fill` or `draw` is then the way.
        """

    def words(self, seed: int, stream: int, first: int, count: int) -> NDArray[Any]:
        """Return random words of 64 bits, uint64, of a stream: those of the elements from `first` on."""

    def packed(self, distribution: Distribution, dtype: str) -> bytes:
        """Return a distribution that is sampled as the kernels read it, also where none are there.

        It is the type ``oneseed_distribution`` of ``native/oneseed.h``.
        """

    def xla_function(self, make: Callable[[bytes, memoryview, memoryview], str | None]) -> Any | None:
        """Return, as a capsule, the function that programs compiled by XLA call to draw; None where NumPy is to draw.

        What no kernel makes, `make` writes: of a name, the seeds in uint64, and the memory; it returns what went wrong.
        RuntimeError where the kernels are missing.
        """
