"""Run a model's construction without its memory, and log what it does.

Tensors are real ones on the CPU, whose memory is reserved and not used: what would write a large tensor is skipped, and
logged. So all of torch.nn constructs, which fake tensors and the meta device do not let it. Small tensors are computed
for real, since programs look at them. Where a program asks for a value of a skipped one, the log is run again for it.
"""

import contextlib
import mmap
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from oneseed_torch.models.recording.geometry import Ref
from oneseed_torch.models.recording.hooks import Exchanged
from oneseed_torch.models.recording.log import Event, Log

Tensor = Any

NAMED = (torch.nn.init.trunc_normal_, torch.nn.init.orthogonal_, torch.nn.init.sparse_)
"""The functions that no log of operations can read: PyTorch's truncated normal is a loop that draws until all values
are within the bounds, and its orthogonal and sparse matrices are computed."""

SMALL = 4096
"""Elements up to which a tensor is computed."""
LARGE = 1 << 30
"""Bytes from which on a tensor's memory is reserved by itself, since an allocator would refuse what is not there."""
MAP_NORESERVE = 0x4000
"""Linux's flag, which Python has no name for before 3.13."""
LIMIT = 1 << 26
"""Elements that are computed at most when a program asks for a value."""

RANDOM = frozenset(
    [
        *("normal", "normal_", "normal_functional", "randn", "randn_like", "uniform", "uniform_", "rand", "rand_like"),
        *("randint", "randint_like", "random_", "randperm", "bernoulli", "bernoulli_", "exponential_", "log_normal_"),
        *("cauchy_", "geometric_", "multinomial", "poisson", "binomial", "native_dropout", "_standard_gamma"),
        "_sample_dirichlet",
    ]
)
VALUES = frozenset(["_local_scalar_dense", "equal", "is_nonzero", "allclose"])
"""Operations whose result Python looks at."""
PASSED = frozenset(["lift_fresh", "lift", "detach", "alias", "set_", "resize_", "resize_as_", "_reshape_alias"])
READERS = frozenset(
    ["numpy", "tolist", "item", "__array__", "__reduce_ex__", "__repr__", "__format__", "storage", "_typed_storage"]
)


class Unreadable(Exception):
    """What cannot be recorded at all, with the line that caused it."""


class Recorder(TorchDispatchMode):  # type: ignore[misc]
    """The log of what happens while it is in force, in this thread."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.phantom: set[int] = set()
        """Storages whose values are not there."""
        self.tainted: set[int] = set()
        """Storages whose values depend on random ones."""
        self.looked: list[tuple[str, int, str]] = []
        """Where a program looked at random values, and by what."""
        self.notes: dict[str, tuple[str, int]] = {}
        self.strange: list[tuple[str, tuple[str, int]]] = []
        """Tensors of other layouts, and where they were made."""
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Recorder":
        self._stack.enter_context(torch.random.fork_rng(devices=[]))
        self._stack.enter_context(Exchanged(NAMED, self._hook))
        self._stack.enter_context(Exchanged((torch.random.set_rng_state,), self._state_is_set))
        self._stack.enter_context(_Functions(self))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._stack.__exit__(*error)

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Leave tensors alone for a while."""
        with _disable_current_modes(), torch._C.DisableTorchFunction():
            yield

    def seen(self, tensor: Tensor) -> Ref | None:
        """Return the view that a tensor is, whose values are kept if nothing in the log made them."""
        if tensor.layout != torch.strided or tensor.is_quantized:
            self.strange.append((str(tensor.layout), where()))
            return None
        ref = self.log.ref(tensor)
        if not self.log.writers[ref.storage] and not tensor.is_meta:
            with self.off():
                data = torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage()).clone()
            whole = Ref(ref.storage, torch.uint8, 0, (len(data),), (1,))
            self.log.add(Event(None, "leaf", (), {}, [whole], [], [], where(), leaf=data))
        return ref

    def value(self, tensor: Tensor, how: str) -> Tensor:
        """Return the values of a tensor that a program looks at; where they are random, note it and end the program.

        It might look for ever: code that draws until all values are within bounds would never see others.
        """
        with self.off():
            ref = self.seen(tensor)
            if ref is None:
                return tensor
            need = self.log.needed(ref.storage)
            if self.log.size(need) > LIMIT:
                raise Unreadable(f"the values of a large tensor are looked at, by {how}, at {place(where())}")
            if self.log.random(need):
                self.looked.append((*where(), how))
                raise Unreadable(f"random values are looked at, by {how}, at {place(where())}")
            return self.log.value(ref)

    def moved(self, tensor: Tensor, more: int = 0) -> None:
        """Count what a tensor was written elsewhere, and what is about to be, for the storage that it is in now."""
        if tensor.layout == torch.strided and not tensor.is_inference():
            with self.off():
                number = self.log.ref(tensor).storage
                self.log.written[number] = max(self.log.written[number] + more, tensor._version + more)

    def asked(self, tensor: Tensor) -> bool:
        """Tell whether a tensor's values have to be made, or would be random."""
        if tensor.layout != torch.strided or tensor.is_meta:
            return False
        with self.off():
            return tensor.untyped_storage()._cdata in self.phantom | self.tainted

    def _state_is_set(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Note a call of `torch.random.set_rng_state`, as `fork_rng` makes: draws after it may be those before it."""
        self.notes["a state of the generator that it sets, so that draws may repeat, which is not followed"] = where()
        original(*args, **kwargs)

    def _hook(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else kwargs.pop("tensor")
        rest = args[1:]
        if not isinstance(tensor, torch.Tensor) or tensor.is_meta:
            return original(tensor, *rest, **kwargs)
        if kwargs.pop("generator", None) is not None:
            self.notes["a generator of its own, which is not used"] = where()
        with self.off():
            ref = self.seen(tensor)
        if ref is None:
            return original(tensor, *rest, **kwargs)
        self.log.add(Event(original, original.__name__, (ref, *rest), kwargs, [], [ref], [ref], where(), random=True))
        if ref.elements > SMALL:
            self.phantom.add(ref.storage)
        else:
            with self.off():
                before = tensor._version
                original(tensor, *rest, **kwargs)
                self.log.written[ref.storage] += tensor._version - before
        self.tainted.add(ref.storage)
        return tensor

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        schema = function._schema
        name = schema.name.split("::")[1]
        tensors = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, torch.Tensor)]
        if not tensors and not any("Tensor" in str(one.type) for one in schema.returns):
            return function(*args, **kwargs)
        if name in PASSED or torch.Tag.inplace_view in function.tags:
            result = function(*args, **kwargs)
            if name.endswith("_") and tensors and tensors[0].layout == torch.strided:
                self.moved(tensors[0], 1)
            return result
        if schema.returns and all(one.alias_info and not one.alias_info.is_write for one in schema.returns):
            return function(*args, **kwargs)  # a view, which says itself what it is
        refs = [self.seen(tensor) for tensor in tensors]
        if any(ref is None for ref in refs):
            return function(*args, **kwargs)
        if name in VALUES:
            if {ref.storage for ref in refs if ref} & (self.phantom | self.tainted):
                args = tree_map(lambda x: self.value(x, name) if isinstance(x, torch.Tensor) else x, args)
            with self.off():
                return function(*args, **kwargs)
        return self._run(function, name, args, kwargs, tensors)

    def _run(self, function: Any, name: str, args: Any, kwargs: Any, tensors: list[Tensor]) -> Any:
        """Run an operation that makes or writes tensors, if they are small, and log it."""
        schema = function._schema
        targets = [
            given
            for given, argument in zip(args, schema.arguments, strict=False)
            if argument.alias_info and argument.alias_info.is_write
        ] + [kwargs[a.name] for a in schema.arguments if a.name in kwargs and a.alias_info and a.alias_info.is_write]
        targets = [tensor for tensor in tree_leaves(targets) if isinstance(tensor, torch.Tensor)]
        storages = {self.log.ref(tensor).storage for tensor in tensors}
        ghosts = bool(storages & self.phantom)
        real, looked, out = True, False, None
        if targets:
            if ghosts or any(tensor.numel() > SMALL for tensor in targets):
                real, out = False, targets[0] if len(targets) == 1 else tuple(targets)
                self.phantom |= {self.log.ref(tensor).storage for tensor in targets}
        elif ghosts or not tensors or any(tensor.numel() > SMALL for tensor in tensors) or _grows(name):
            try:
                shapes = self._shapes(function, args, kwargs)
                if ghosts or any(t.numel() > SMALL for t in tree_leaves(shapes) if isinstance(t, torch.Tensor)):
                    real, out = False, self._reserve(shapes)
            except (DataDependentOutputException, DynamicOutputShapeException):
                looked = True
                args, kwargs = tree_map(
                    lambda x: self.value(x, name) if isinstance(x, torch.Tensor) else x, (args, kwargs)
                )
        if real:
            with self.off():
                out = function(*args, **kwargs)
        if not looked:
            self._add(function, name, args, kwargs, targets, out, storages, real)
        return out

    def _add(
        self,
        function: Any,
        name: str,
        args: Any,
        kwargs: Any,
        targets: list[Tensor],
        out: Any,
        storages: set[int],
        real: bool,
    ) -> None:
        schema = function._schema
        writes = [self.log.ref(tensor) for tensor in targets]
        result = [tensor for tensor in tree_leaves(out) if isinstance(tensor, torch.Tensor)]
        for tensor in result:
            if tensor.layout != torch.strided or tensor.is_quantized:
                self.strange.append((str(tensor.layout), where()))
                return
        results = [self.log.ref(tensor) for tensor in result]
        fresh = [ref for ref in results if ref.storage not in storages]
        if not writes and not fresh:
            return
        if not real:
            self.phantom |= {ref.storage for ref in fresh}
        random = name in RANDOM
        if random or storages & self.tainted:
            self.tainted |= {ref.storage for ref in fresh + writes}
        logged_args, logged = tree_map(lambda x: self.log.ref(x) if isinstance(x, torch.Tensor) else x, (args, kwargs))
        if fresh and any(argument.name == "dtype" for argument in schema.arguments):
            logged = {**logged, "dtype": fresh[0].dtype}
        if logged.pop("generator", None) is not None:
            self.notes["a generator of its own, which is not used"] = where()
        outs = {argument.name for argument in schema.arguments if argument.is_out}
        reads = [
            ref
            for ref in tree_leaves((logged_args, {k: v for k, v in logged.items() if k not in outs}), is_leaf=_is_ref)
            if isinstance(ref, Ref)
        ]
        event = Event(function, name, logged_args, logged, fresh, writes, reads, where(), random, results=results)
        self.log.add(event)

    def _shapes(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Return fake results."""
        mode = FakeTensorMode(allow_non_fake_inputs=True)

        def fake(x: Any) -> Any:
            # Detached, since PyTorch warns where it asks a part of a graph for its gradient.
            return mode.from_tensor(x.detach()) if isinstance(x, torch.Tensor) else x

        with self.off():
            faked, named = tree_map(fake, (args, kwargs))
            with mode:
                return function(*faked, **named)

    def _reserve(self, shapes: Any) -> Any:
        with self.off():
            return tree_map(lambda t: _reserved(t) if isinstance(t, torch.Tensor) else t, shapes)


def _reserved(like: Tensor) -> Tensor:
    """Return a tensor whose memory is reserved and not used, also of more bytes than the machine has."""
    shape, stride = tuple(like.shape), tuple(like.stride())
    size = like.dtype.itemsize * (1 + sum((n - 1) * s for n, s in zip(shape, stride, strict=True)))
    if sys.platform == "win32" or like.is_meta or size < LARGE or not like.numel():  # Windows reserves all it promises
        return torch.empty_strided(shape, stride, dtype=like.dtype, device=like.device)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (MAP_NORESERVE if sys.platform == "linux" else 0)
    memory = torch.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=torch.uint8)
    return torch.empty(0, dtype=like.dtype).set_(memory.untyped_storage(), 0, shape, stride)


class _Functions(TorchFunctionMode):  # type: ignore[misc]
    """What Python asks of tensors and no operation shows: their values as arrays, copies by memory."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        tensor: Any = args[0] if args else None
        if type(tensor) in (torch.Tensor, torch.nn.Parameter):
            if name in READERS and self._recorder.asked(tensor):
                tensor = self._recorder.value(tensor, name)
                with self._recorder.off():
                    return _locked(function(tensor, *args[1:], **(kwargs or {})))
            if name == "numpy":
                return _locked(function(*args, **(kwargs or {})))
            if name == "__deepcopy__" and type(tensor) is torch.Tensor and tensor.is_leaf and not tensor.is_meta:
                memo = args[1]
                if id(tensor) not in memo:
                    memo[id(tensor)] = tensor.detach().clone().requires_grad_(tensor.requires_grad)
                return memo[id(tensor)]
        if name == "manual_seed":
            self._recorder.notes["a seed of its own, which is not used"] = where()
        result = function(*args, **(kwargs or {}))
        if name == "__set__" and isinstance(tensor, torch.Tensor) and not torch.nn.parameter.is_lazy(tensor):
            self._recorder.moved(tensor)
        return result


def _locked(result: Any) -> Any:
    """Make an array read-only: what is written to it would go unseen."""
    if hasattr(result, "flags"):
        result.flags.writeable = False
    return result


def _is_ref(x: Any) -> bool:
    return isinstance(x, Ref)


def _grows(name: str) -> bool:
    return name.startswith(("empty", "zeros", "ones", "full", "rand", "arange", "linspace", "eye", "new_"))


def where() -> tuple[str, int]:
    """Return file and line of the program at work: what is neither PyTorch's nor ours, nor a wrapper of init."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not any(part in file for part in _LIBRARIES):
            return file, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return "", 0


_LIBRARIES = (
    "/torch/",
    "/oneseed_torch/models/recording/",
    "/transformers/initialization.py",
    "/contextlib.py",
    "/copy.py",
    "<string>",
    "<frozen",
)


def place(found: tuple[str, int]) -> str:
    """Return file and line as text, without what differs from one machine to another."""
    file, line = found
    for home in sorted(sys.path, key=len, reverse=True):
        if home and file.startswith(home.rstrip("/") + "/"):
            file = file[len(home.rstrip("/")) + 1 :]
            break
    return f"{file}:{line}" if file else "an unknown place"
