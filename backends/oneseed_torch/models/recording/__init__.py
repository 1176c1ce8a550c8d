"""A model's own start, learned by running its construction once without memory."""

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from oneseed.models.collector import CollectorPaused
from oneseed.models.scheme import Scheme
from oneseed_torch.models.kinds import Kinds
from oneseed_torch.models.layers import patterns_of
from oneseed_torch.models.recording.geometry import Ref
from oneseed_torch.models.recording.log import Log
from oneseed_torch.models.recording.readings import Readings
from oneseed_torch.models.recording.recorder import LIMIT, Recorder, Unreadable, place
from oneseed_torch.models.recording.schemes import Recorded, decide, scheme_of
from oneseed_torch.models.tree import check_module, held, held_buffers, walk

SHOWN = 20
"""As many refused tensors a message speaks of at most."""


def recorded_scheme(build: Callable[[], Any], *, independent: bool = False) -> Scheme:
    """Return the scheme of a model's own start: what its constructor and its code for initialization draw.

    The model is built twice, without its memory and under different seeds, and what is done to its tensors is logged. A
    parameter is recognised where it is normal, uniform, truncated normal, orthogonal, sparse or constant, also when it
    was scaled, shifted, cast or put together of pieces. Tables that are computed, such as frequencies of rotary
    positions, are stored; functions of draws become a program, `oneseed.initializers.Computed`. The scheme draws
    all of them from stream v1 at the parameters' names: on the meta device, sharded, in stages of pipelines, and on any
    device with the same bits. It needs neither the model's code nor its library, and is stored as any scheme is.
    Buffers are part of it.

    The printed plan says for each parameter which line of the model's code it comes from.

    Parameters
    ----------
    build : callable
        Builds the model, without arguments, on PyTorch's default device: ``lambda: LlamaForCausalLM(config)``. What it
        builds must not depend on anything but its own code. A lazy layer must be called once in it.
    independent : bool
        Whether layers that the model copies, as ``torch.nn.TransformerEncoder`` does, get values of their own. They
        start with equal ones otherwise, as in the model itself.

    Returns
    -------
    Scheme
        The scheme, on the names of the bare module; see `initialize_`.

    Raises
    ------
    TypeError
        If `build` is not callable, or does not return a torch.nn.Module.
    ValueError
        If a tensor cannot be recorded, each with the reason and the line: memory that is left as it was, values from
        another generator than PyTorch's or written in another way than by its operations, decisions by random values,
        sparse or quantized tensors, lazy layers, or operations on draws that no step stands for.

    Warns
    -----
    UserWarning
        If the model uses generators or seeds of its own, whose part the scheme does not take over.

    Examples
    --------
    >>> import oneseed_torch
    >>> import torch
    >>> scheme = oneseed_torch.recorded_scheme(lambda: torch.nn.Linear(64, 10))
    >>> scheme.match("bias")[0].initializer
    RandomUniform(seed=None, minval=-0.125, maxval=0.125)
    """
    if not callable(build):
        raise TypeError(f"`build` must be callable. Received: build={build!r}")
    tensors, notes = record(build, independent)
    if refused := [one for one in tensors if one.refused]:
        lines = [f"{one.names[0]}: {one.refused}" for one in refused[:SHOWN]]
        more = [f"and {len(refused) - SHOWN} more"] if len(refused) > SHOWN else []
        raise ValueError(
            "`build` must make a model each of whose tensors can be recorded. Not recorded:\n"
            + "\n".join([*lines, *more])
        )
    _warn(notes)
    return scheme_of(tensors)


def _warn(notes: dict[str, tuple[str, int]]) -> None:
    import warnings

    for what, where in notes.items():
        warnings.warn(f"The model uses {what}, at {place(where)}.", stacklevel=3)


def record(build: Callable[[], Any], independent: bool = False) -> tuple[list[Recorded], dict[str, tuple[str, int]]]:
    """Return the tensors of a model with their initializers, or the reasons why they have none, and notes."""
    with CollectorPaused():
        with _generators():
            first = _run(build, 1)
            second = _run(build, 2)
        tensors = first.tensors
        _check_alike(first, second)
        for one in tensors:
            one.refused = one.refused or _written_elsewhere(first, one)
        decide(tensors, first.recorder.log, Readings(first.recorder.log), independent)
        for one in tensors:
            one.refused = one.refused or _written_unseen(first, one)
        return tensors, first.recorder.notes


class _Run(NamedTuple):
    recorder: Recorder
    tensors: list[Recorded]
    versions: dict[str, int]


@contextmanager
def _generators() -> Iterator[None]:
    """Give Python's and NumPy's generators their states back."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _run(build: Callable[[], Any], seed: int) -> _Run:
    random.seed(seed)
    np.random.seed(seed)
    recorder = Recorder()
    with recorder:
        torch.manual_seed(seed)
        module = None
        try:
            module = build()
        except Unreadable as error:
            if not recorder.looked:
                raise ValueError(f"`build` must not depend on values that are drawn: {error}.") from None
        except Exception:
            if not recorder.looked:  # otherwise this is what became of the look at random values
                raise
        if torch.initial_seed() != seed:
            recorder.notes["a seed of its own, which is not used"] = ("", 0)
    if recorder.looked:
        file, line, how = recorder.looked[0]
        raise ValueError(
            "`build` must do the same whatever the random values are, but looks at them: by "
            f"{how} at {place((file, line))}."
        )
    check_module(module)
    run = _Run(recorder, _tensors(module, recorder), {})
    for one in (*held(module), *held_buffers(module)):
        if not nn.parameter.is_lazy(one.tensor) and not one.tensor.is_inference():
            run.versions[one.logical[0]] = one.tensor._version
        del one
    del module
    gc.collect(0)  # all that the program made is young: the collector has not run meanwhile
    _give_values(recorder)
    return run


def _tensors(module: nn.Module, recorder: Recorder) -> list[Recorded]:
    found = []
    every = walk(module)
    everything = [*held(module, every), *held_buffers(module, every)]
    patterns = patterns_of(everything, Kinds(every))
    strange = {layout: place(where) for layout, where in recorder.strange}
    for one in everything:
        tensor, names = one.tensor, tuple(dict.fromkeys(one.logical))
        nowhere = Ref(0, torch.float32, 0, (), ())
        if nn.parameter.is_lazy(tensor):
            refused = "a lazy layer, which gets its shape by a first call: call it once in `build`"
        elif tensor.layout != torch.strided or tensor.is_quantized:
            where = strange.get(str(tensor.layout), "an unknown place")
            refused = f"a tensor that is sparse or quantized, made at {where}"
        elif tensor.is_meta:
            refused = "a tensor on the meta device, which has no values"
        else:
            refused = ""
        ref = nowhere
        if not refused:
            with recorder.off():
                ref = recorder.seen(tensor) or nowhere
        axes = patterns.get(one.names[0])
        found.append(Recorded(names, ref, axes, one.state, refused=refused))
    return found


def _give_values(recorder: Recorder) -> None:
    """Compute what the program keeps beyond the model, such as tables in a cache: it must not find empty memory."""
    log = recorder.log
    for number in recorder.phantom:
        storage = log.storages[number]
        need = log.needed(number)
        if torch._C._storage_Use_Count(number) <= 1 or log.random(need) or log.size(need) > LIMIT:
            continue
        whole = Ref(number, torch.uint8, 0, (storage.nbytes(),), (1,))
        torch.empty(0, dtype=torch.uint8).set_(storage).copy_(log.value(whole))


def _written_elsewhere(run: _Run, one: Recorded) -> str:
    """Tell whether a tensor was written in a way that the log does not show."""
    log, name = run.recorder.log, one.names[0]
    if run.versions.get(name, 0) > log.written[one.ref.storage]:
        return "a write by another thread, or in another way that PyTorch's operations in this one do not show"
    for at in log.needed(one.ref.storage) if one.ref.storage else ():
        event = log.events[at]
        if event.leaf is None:
            continue
        storage = event.fresh[0].storage
        untouched = log.writers[storage] == [at] and storage not in run.recorder.phantom
        if untouched and not torch.equal(torch.empty(0, dtype=torch.uint8).set_(log.storages[storage]), event.leaf):
            return f"a write to memory that was shared, as with an array of NumPy, made at {place(event.where)}"
    return ""


def _written_unseen(run: _Run, one: Recorded) -> str:
    """Tell whether the memory of a constant holds something else than the log says."""
    log, ref = run.recorder.log, one.ref
    made = one.kind == "constant" and ref.elements and ref.storage not in run.recorder.phantom
    if not made or ref.elements > LIMIT or log.random(log.needed(ref.storage)):
        return ""
    held = torch.empty(0, dtype=ref.dtype).set_(log.storages[ref.storage], ref.offset, ref.size, ref.stride)
    told = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (held, log.value(ref)))
    return "" if torch.equal(*told) else f"a write in another way than PyTorch's operations, after that at {one.source}"


def _check_alike(first: _Run, second: _Run) -> None:
    """Refuse what another run of the same code makes in another way."""
    others = {one.names[0]: one for one in second.tensors}
    for one in first.tensors:
        other = others.get(one.names[0])
        if one.refused:
            continue
        if other is None or other.refused:
            one.refused = "another run of `build` does not make it"
            continue
        mine, theirs = _account(first.recorder.log, one.ref), _account(second.recorder.log, other.ref)
        if mine != theirs and not _same_numbers(first.recorder.log, one.ref, second.recorder.log, other.ref):
            at = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), 0)
            need = first.recorder.log.needed(one.ref.storage)
            where = place(first.recorder.log.events[need[min(at, len(need) - 1)]].where) if need else "an unknown place"
            one.refused = (
                f"values that are others in another run, as from a generator that is not PyTorch's, at {where}"
            )


def _same_numbers(log: Log, ref: Ref, other: Log, theirs: Ref) -> bool:
    """Tell whether two runs compute the same table, in whatever way: a second one may find it in a cache."""
    needs = log.needed(ref.storage), other.needed(theirs.storage)
    if log.random(needs[0]) or other.random(needs[1]) or max(log.size(needs[0]), other.size(needs[1])) > LIMIT:
        return False
    return ref[1:] == theirs[1:] and torch.equal(log.value(ref), other.value(theirs))


def _account(log: Log, ref: Ref) -> list[Any]:
    """Return what made a tensor, in terms that two runs share."""
    numbers: dict[int, int] = {}

    def plain(x: Any) -> Any:
        if isinstance(x, Ref):
            return (numbers.setdefault(x.storage, len(numbers)), str(x.dtype), x.offset, x.size, x.stride)
        if isinstance(x, list | tuple):
            return tuple(map(plain, x))
        return x if isinstance(x, bool | int | float | str | None) else str(x)

    rows: list[Any] = []
    for at in log.needed(ref.storage) if ref.storage else ():
        event = log.events[at]
        data = None if event.leaf is None else bytes(event.leaf.numpy())
        written = plain(event.targets)
        rows.append((event.name, plain(event.args), plain(sorted(event.kwargs.items())), written, data))
    return [*rows, plain(ref)]
