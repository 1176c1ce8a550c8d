"""What a module of PyTorch holds: its tensors, where they lie, and their names without what wrappers add to them."""

import re
import sys
from typing import Any, NamedTuple

from torch import nn

Module = Any
Tensor = Any

WRAPPERS = (
    ("torch._dynamo.eval_frame", "OptimizedModule", "_orig_mod"),
    ("torch.nn.parallel.data_parallel", "DataParallel", "module"),
    ("torch.nn.parallel.distributed", "DistributedDataParallel", "module"),
    ("torch.distributed.fsdp.fully_sharded_data_parallel", "FullyShardedDataParallel", "_fsdp_wrapped_module"),
    (
        "torch.distributed.algorithms._checkpoint.checkpoint_wrapper",
        "ActivationWrapper",
        "_checkpoint_wrapped_module",
    ),
    ("torch.optim.swa_utils", "AveragedModel", "module"),
    ("peft.peft_model", "PeftModel", "base_model"),
    ("peft.tuners.tuners_utils", "BaseTuner", "model"),
    ("peft.tuners.tuners_utils", "BaseTunerLayer", "base_layer"),
    ("peft.utils.other", "ModulesToSaveWrapper", "original_module"),
)
"""Modules that run another one: the module and name of the class, and the attribute that holds the other one."""


class Place(NamedTuple):
    """Where a tensor lies, and the layer whose weight it makes: another one where a parametrization holds it."""

    holder: Module
    name: str
    layer: Module
    role: str
    """The name that the tensor has in `layer`; "" of what makes a weight together with another tensor."""


class Held(NamedTuple):
    """A parameter or buffer of a module, and where it lies: in several places if it is tied."""

    tensor: Tensor
    names: tuple[str, ...]
    """Its whole names; the first is that of `named_parameters` or `named_buffers`."""
    logical: tuple[str, ...]
    """The same names in the bare module: without wrappers, and with the name of the weight that a parameter makes."""
    places: tuple[Place, ...]
    state: bool
    """Whether it is a buffer."""
    copies: tuple[Tensor, ...] = ()
    """Other tensors that get the same values, as PyTorch copies a layer that a traced model calls again."""


Layers = list[tuple[str, str, Module]]
"""What `walk` returns: the path of each layer, its path in the bare module, and the layer."""


def check_module(module: Module) -> None:
    """Refuse what is not a module."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"`module` must be a torch.nn.Module. Received: module={module!r}")


def held(module: Module, every: Layers | None = None) -> list[Held]:
    """Return the parameters of a module, each once, in the order of `named_parameters`; `every` is from `walk`."""
    check_module(module)
    return _collected(module, "_parameters", False, walk(module) if every is None else every)


def held_buffers(module: Module, every: Layers | None = None) -> list[Held]:
    """Return the buffers of a module, each once, in the order of `named_buffers`; `every` is from `walk`."""
    return _collected(module, "_buffers", True, walk(module) if every is None else every)


def walk(module: Module) -> Layers:
    """Return each layer as often as it is there, with its path, and its path in the bare module.

    A layer that is inside itself is given once.
    """
    found: Layers = []
    above: set[int] = set()
    classes = _wrappers()

    def below(layer: Module, path: str, logical: str) -> None:
        found.append((path, logical, layer))
        children = layer._modules
        if not children:
            return
        above.add(id(layer))
        inner = _inner(layer, classes)
        for name, child in children.items():
            if child is not None and id(child) not in above:
                whole, own = joined(path, name), _without_call(child, name)
                same = logical is path and own is name and name != inner
                below(child, whole, whole if same else logical if name == inner else joined(logical, own))
        above.discard(id(layer))

    below(module, "", "")
    return found


_CALL = re.compile(r"@\d+(?=$|\.)")


def _without_call(layer: Module, name: str) -> str:
    """Return a layer's name without the number of its call, by which PyTorch tells a traced layer's copies apart."""
    return _CALL.sub("", name) if type(layer).__module__ == "torch.export.unflatten" else name


def wrapped(layer: Module) -> str | None:
    """Return the name of the module that a wrapper runs; None of what is not a known wrapper."""
    return _inner(layer, _wrappers())


def _wrappers() -> list[tuple[type, str]]:
    """Return those classes of `WRAPPERS` that have been imported, and their attributes."""
    known = ((getattr(sys.modules.get(home), name, None), attribute) for home, name, attribute in WRAPPERS)
    return [(cls, attribute) for cls, attribute in known if cls is not None]


def _inner(layer: Module, classes: list[tuple[type, str]]) -> str | None:
    for cls, attribute in classes:
        if attribute in layer._modules and isinstance(layer, cls):
            return attribute
    return None


def bare(module: Module) -> Module:
    """Return the module inside all wrappers."""
    while (inner := wrapped(module)) is not None:
        module = module._modules[inner]
    return module


def _collected(module: Module, attribute: str, state: bool, every: Layers) -> list[Held]:
    found: dict[int, Held] = {}
    layers: dict[str, Module] = {}
    called_again = False
    for path, logical, layer in every:
        layers[path] = layer
        called_again = called_again or "@" in path
        for name, tensor in getattr(layer, attribute).items():
            if tensor is None:
                continue
            whole = called = f"{path}.{name}" if path else name
            if "_" not in name and not name.startswith("original"):
                place = _new(Place, (layer, name, layer, name))
            else:
                place = _place(layer, name, path, layers)
            if logical is not path or place.role != name or place.layer is not layer:
                home = _PARAMETRIZATIONS.sub("", logical) if place.role and place.layer is not layer else logical
                called = joined(home, place.role or name)
            before = found.get(id(tensor))
            if before is None:
                names: tuple[str, ...] = (whole,)
                # The same tuple, as most are equal: fewer objects for Python to look after.
                own = names if called == whole else (called,)
                found[id(tensor)] = _new(Held, (tensor, names, own, (place,), state, ()))
            else:
                names, others = (*before.names, whole), (*before.logical, called)
                found[id(tensor)] = Held(tensor, names, others, (*before.places, place), state)
    if found and not names_by_themselves(module, every):
        shown = {id(t): n for n, t in (module.named_buffers() if state else module.named_parameters())}
        for key, one in found.items():
            found[key] = one._replace(names=(shown.get(key, one.names[0]), *one.names[1:]))
    return _with_copies(list(found.values())) if called_again else list(found.values())


_new = tuple.__new__
"""Makes named tuples, of which there may be thousands, in half the time that their classes take."""


def names_by_themselves(module: Module, every: Layers) -> bool:
    """Tell whether PyTorch names a module's tensors by their places; a wrapper may show the names of those inside."""
    return all(
        all(getattr(cls, name) is getattr(nn.Module, name) for name in _LISTINGS)
        for cls in {type(layer) for _, _, layer in every}
    )


_LISTINGS = ("named_modules", "named_parameters", "named_buffers", "_named_members")
"""The methods by which modules give names."""


def _with_copies(found: list[Held]) -> list[Held]:
    """Put together what lies in copies of one layer, one for each of its calls."""
    homes: dict[str, int] = {}
    result: list[Held] = []
    for one in found:
        home = homes.get(one.logical[0])
        if home is not None and any(_CALL.search(name) for name in (*one.names, *result[home].names)):
            first = result[home]
            result[home] = first._replace(
                names=(*first.names, *one.names),
                logical=(*first.logical, *one.logical),
                places=(*first.places, *one.places),
                copies=(*first.copies, one.tensor),
            )
        else:
            homes.setdefault(one.logical[0], len(result))
            result.append(one)
    return result


_ORIGINAL = re.compile(r"original(\d*)")
_PARAMETRIZATIONS = re.compile(r"(?:^|\.)parametrizations\.[^.]+$")


def _place(holder: Module, name: str, path: str, layers: dict[str, Module]) -> Place:
    """Find the layer whose weight a tensor is, or makes."""
    if isinstance(holder, nn.utils.parametrize.ParametrizationList) and (number := _ORIGINAL.fullmatch(name)):
        above, _, weight = path.rpartition("parametrizations.")
        layer = layers[above.rstrip(".")]
        alone = not number[1]
        # Weight normalization: the norms come first, and then the direction, which has the weight's shape.
        direction = number[1] == "1" and type(holder[0]).__name__ == "_WeightNorm"
        return Place(holder, name, layer, weight if alone or direction else "")
    plain, _, last = name.rpartition("_")
    if last == "orig" and (f"{plain}_mask" in holder._buffers or f"{plain}_u" in holder._buffers):
        return Place(holder, name, holder, plain)  # pruned, or normalized by its spectral norm
    if last in ("v", "g") and f"{plain}_v" in holder._parameters and f"{plain}_g" in holder._parameters:
        return Place(holder, name, holder, plain if last == "v" else "")  # normalized in the way of earlier versions
    return Place(holder, name, holder, name)


def joined(path: str, name: str) -> str:
    """Return the name of what is inside a layer; either part may be empty."""
    return f"{path}.{name}" if path and name else path or name
