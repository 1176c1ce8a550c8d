"""What a model's construction did to memory: a log of operations, of which any part can be run again."""

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from oneseed_torch.models.recording.geometry import Ref

Tensor = Any

OVERWRITE = frozenset(
    [
        *("fill_", "zero_", "copy_", "normal_", "uniform_", "exponential_", "log_normal_", "cauchy_", "geometric_"),
        *("random_", "bernoulli_", "trunc_normal_", "orthogonal_", "sparse_"),
    ]
)
"""Operations in place whose result does not depend on what was there."""


@dataclass
class Event:
    """An operation that wrote something, or a tensor that was there with its values."""

    function: Any
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    fresh: list[Ref]
    """The results in new storages."""
    writes: list[Ref]
    """The tensors that were written in place."""
    reads: list[Ref]
    where: tuple[str, int]
    """File and line of the program."""
    random: bool = False
    leaf: Tensor = None
    results: list[Ref] = field(default_factory=list)

    @property
    def targets(self) -> list[Ref]:
        """What the operation wrote."""
        return self.writes or self.fresh


class Log:
    """Events in their order, and the storages that they are about, which stay alive so that their numbers last."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.storages: dict[int, Any] = {}
        self.writers: dict[int, list[int]] = defaultdict(list)
        self.written: dict[int, int] = defaultdict(int)
        """How often each storage was written in place."""

    def ref(self, tensor: Tensor) -> Ref:
        """Return the view that a tensor is."""
        storage = tensor.untyped_storage()
        number = storage._cdata
        self.storages.setdefault(number, storage)
        return Ref(number, tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()))

    def add(self, event: Event) -> int:
        """Append an event."""
        at = len(self.events)
        self.events.append(event)
        for storage in {ref.storage for ref in event.fresh + event.writes}:
            self.writers[storage].append(at)
        for storage in {ref.storage for ref in event.writes}:
            self.written[storage] += 1
        return at

    def whole(self, ref: Ref) -> bool:
        """Tell whether a view is its whole storage."""
        return ref.dense and ref.elements * int(ref.dtype.itemsize) >= self.storages[ref.storage].nbytes()

    def needed(self, storage: int, before: int | None = None) -> list[int]:
        """Return the events that decide what is in a storage, before an event or at the end."""
        need: set[int] = set()
        seen: set[tuple[int, int]] = set()
        todo = [(storage, len(self.events) if before is None else before)]
        while todo:
            number, until = todo.pop()
            writers = self.writers[number]
            for at in reversed(writers[: bisect.bisect_left(writers, until)]):
                event = self.events[at]
                need.add(at)
                for ref in event.reads:
                    own = ref.storage == number and event.name in OVERWRITE
                    if not own and (ref.storage, at) not in seen:
                        seen.add((ref.storage, at))
                        todo.append((ref.storage, at))
                if any(ref.storage == number for ref in event.fresh):
                    break
                if event.name in OVERWRITE and any(self.whole(ref) for ref in event.writes if ref.storage == number):
                    break
        return sorted(need)

    def random(self, events: Iterable[int]) -> bool:
        """Tell whether any of some events drew."""
        return any(self.events[at].random for at in events)

    def size(self, events: Iterable[int]) -> int:
        """Return the number of elements that some events made."""
        return sum(ref.elements for at in events for ref in self.events[at].targets)

    def replay(self, events: Iterable[int] | None = None) -> Callable[[Ref], Tensor]:
        """Run events again with real memory, and return what gives the values of a view."""
        memory: dict[int, Any] = {}

        def real(ref: Any) -> Any:
            if not isinstance(ref, Ref):
                return ref
            if ref.storage not in memory:
                size = self.storages[ref.storage].nbytes()
                memory[ref.storage] = torch.empty(size, dtype=torch.uint8).untyped_storage()
            return torch.empty(0, dtype=ref.dtype).set_(memory[ref.storage], ref.offset, ref.size, ref.stride)

        with torch.no_grad():
            for at in range(len(self.events)) if events is None else events:
                event = self.events[at]
                if event.leaf is not None:
                    tensors = [event.leaf.clone()]
                else:
                    args, kwargs = tree_map(real, (event.args, event.kwargs), is_leaf=lambda x: isinstance(x, Ref))
                    if "device" in kwargs:
                        kwargs["device"] = torch.device("cpu")
                    kwargs.pop("pin_memory", None)
                    out = event.function(*args, **kwargs)
                    results = [tensor for tensor in tree_leaves(out) if isinstance(tensor, torch.Tensor)]
                    tensors = [
                        tensor for tensor, ref in zip(results, event.results, strict=False) if ref in event.fresh
                    ]
                for tensor, ref in zip(tensors, event.fresh, strict=False):
                    same = (tuple(tensor.stride()), tensor.storage_offset()) == (ref.stride, ref.offset)
                    if same and tensor.untyped_storage().nbytes() == self.storages[ref.storage].nbytes():
                        memory[ref.storage] = tensor.untyped_storage()
                    else:
                        memory.pop(ref.storage, None)
                        real(ref).copy_(tensor)
        return real

    def value(self, ref: Ref, before: int | None = None) -> Tensor:
        """Return the values of a view, made again without touching the generator."""
        with torch.random.fork_rng(devices=[]):
            return self.replay(self.needed(ref.storage, before))(ref).clone()
