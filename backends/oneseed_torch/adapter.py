"""PyTorch tensors as oneseed's."""

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from numpy.typing import NDArray

from oneseed.checks import Shape
from oneseed.composites import Concatenated
from oneseed.distributions import Distribution, Fill
from oneseed.draws import Draw
from oneseed.stream.paths import Path
from oneseed_torch.compiling import keep_out, outside
from oneseed_torch.drawing.devices import ACCELERATORS, device_of, is_usable
from oneseed_torch.drawing.filling import check_device, check_native, check_seed, filled, made, native_values, prepared
from oneseed_torch.drawing.memory import copied, from_numpy, shared
from oneseed_torch.drawing.watched import has_no_values, is_abstract, is_recorded

Array = NDArray[Any]
Tensor = Any


class TorchBackend:
    """Implements `oneseed.protocol.Backend`."""

    name = "torch"

    def device(self, device: Any) -> Any:
        """Return a torch.device that can be used here; None leaves the choice to PyTorch."""
        if torch.compiler.is_dynamo_compiling():  # a call that began before this backend was loaded
            keep_out()
        return device_of(device)

    def check_dtype(self, dtype: str) -> None:
        """Refuse what the default device lacks; of others, a draw tells."""
        if dtype in ("float64", "complex128"):
            check_device(torch.get_default_device(), dtype)

    def draw(self, draw: Draw, device: Any = None) -> Tensor:
        """Execute a draw; a function that PyTorch compiles calls it, and does not look inside."""
        distribution = draw.distribution
        if device is None and isinstance(distribution, Fill) and distribution.zero:
            return filled(distribution, draw)()  # PyTorch knows the default device sooner than it tells
        return self._draw(draw, device)

    def _draw(self, draw: Draw, device: Any) -> Tensor:
        distribution, dtype = draw.distribution, getattr(torch, draw.dtype)
        check_seed(draw.seed)
        where = torch.get_default_device() if device is None else device
        check_device(where, draw.dtype)
        nothing = torch.empty(0, dtype=dtype, device=where)
        if has_no_values(nothing):
            return nothing.new_empty(draw.block)
        if draw.native:
            check_native(draw)
            return native_values(draw, where)
        return self._made(distribution, draw, where)

    def _made(self, distribution: Distribution, draw: Draw, where: Any) -> Tensor:
        if isinstance(distribution, Fill):
            return filled(distribution, draw)(device=where)
        if isinstance(distribution, Concatenated):
            return torch.cat([self._draw(part, where) for part in distribution.within(draw)], dim=distribution.axis)
        return made(draw, where)

    def prepared(self, draw: Draw) -> Callable[[], Tensor] | None:
        """Return a function that makes a tensor in memory with the kernels, and elsewhere what `draw` makes."""

        def otherwise() -> Tensor:
            self.check_dtype(draw.dtype)
            return self.draw(draw, None)

        return prepared(draw, otherwise)

    def from_numpy(self, array: Array, device: Any = None) -> Tensor:
        """Return an array as a tensor; on the CPU in the array's own memory, if that may be written to."""
        return from_numpy(array).to(torch.get_default_device() if device is None else self.device(device))

    def to_numpy(self, x: Tensor) -> Array:
        """Return a tensor as an array in host memory, its own where it is there already."""
        if is_abstract(x):
            raise ValueError(
                f"A tensor must hold values; one on the meta device, or a fake one, does not. Received: {x}"
            )
        return shared(x.detach().cpu().resolve_conj().resolve_neg())

    def is_tensor(self, x: Any) -> bool:
        """Tell whether `x` is a tensor; a parameter is one."""
        return isinstance(x, torch.Tensor)

    def dtype(self, x: Tensor) -> str:
        """Return the name of the dtype."""
        return str(x.dtype).removeprefix("torch.")

    def shape(self, x: Tensor) -> Shape:
        """Return the shape."""
        return tuple(x.shape)

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        """Convert to another dtype."""
        return x.to(getattr(torch, dtype))

    def full_like(self, x: Tensor, value: int, dtype: str) -> Tensor:
        """Fill a tensor of the same shape, on its device."""
        return torch.full_like(x, value, dtype=getattr(torch, dtype), requires_grad=False)

    def identity(self, x: Tensor) -> Tensor:
        """Return a copy, through which gradients flow."""
        return x.clone()

    def sizes(self, x: Tensor) -> Tensor:
        """Return the shape, on the device of `x`."""
        return torch.tensor(x.shape, dtype=torch.int32, device=x.device)

    def variable(self, array: Array, name: str | None = None) -> Tensor:
        """Return a parameter on the default device, trainable if its dtype can be; PyTorch's have no names."""
        values = copied(array).to(torch.get_default_device())
        return torch.nn.Parameter(values, requires_grad=values.is_floating_point() or values.is_complex())

    def assign(self, variable: Tensor, array: Array) -> None:
        """Copy the values in."""
        with torch.no_grad():
            variable.copy_(self.from_numpy(array, "cpu"))

    def worker(self) -> Path:
        """Return what tells a worker process of a DataLoader apart: the seed of the epoch, and its own number."""
        info = torch.utils.data.get_worker_info()
        return () if info is None else ("worker", (info.seed - info.id) % 2**64, info.id)

    def records(self) -> bool:
        """Tell whether PyTorch traces or exports what runs now."""
        return is_recorded()

    def reads(self) -> bool:
        """Tell whether `torch.compile` reads what calls this."""
        return bool(torch.compiler.is_dynamo_compiling())

    def compiled(self, *call: Any) -> Tensor:
        """Make an initializer's tensor in a graph."""
        from oneseed_torch.in_graph import in_graph

        return in_graph(*call)

    def outside(self, function: Callable[[], Any]) -> Any:
        """Call a function between two graphs."""
        return outside(function)

    def modes(self) -> dict[str, Callable[[Callable[[], Tensor]], Tensor]]:
        """Return eager execution, the capture of `torch.compile`, and eager execution on each kind of accelerator."""
        # A draw is not part of the captured graph: a backend that compiles more than "eager" would do no more for it.
        modes: dict[str, Any] = {"eager": lambda make: make(), "compile": _compiled}
        return modes | {kind: partial(_made_on, kind) for kind in ACCELERATORS if is_usable(torch.device(kind))}


def _compiled(make: Callable[[], Tensor]) -> Tensor:
    if "tensorflow" in sys.modules and "triton" not in sys.modules and find_spec("triton") is not None:
        raise RuntimeError(
            "PyTorch's compiler would import Triton, which ends a process that TensorFlow has been imported in; import "
            "`torch` and `triton` before TensorFlow"
        )

    def fresh() -> Tensor:
        return make()

    # Code of its own for each call: PyTorch runs the same code as it is after it has compiled it eight times.
    fresh.__code__ = fresh.__code__.replace()
    return torch.compile(fresh, backend="eager")()


def _made_on(kind: str, make: Callable[[], Tensor]) -> Tensor:
    with torch.device(kind):
        return make()
