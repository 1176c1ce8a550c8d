"""Of which class a layer is, also where it was scripted, or traced into a graph that knows operations alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import fx, nn

from oneseed_torch.models.tree import Layers, Module


class Kind(NamedTuple):
    """What a layer is."""

    cls: type
    facts: Mapping[str, Any]
    """What the graph of a traced layer says of the constructor's arguments."""
    layer: Module

    def fact(self, name: str, otherwise: Any = None) -> Any:
        """Return an argument of the constructor, if it can be found."""
        return self.facts[name] if name in self.facts else getattr(self.layer, name, otherwise)


_OPERATIONS = {
    "batch_norm": nn.BatchNorm2d,
    "bilinear": nn.Bilinear,
    "conv1d": nn.Conv1d,
    "conv2d": nn.Conv2d,
    "conv3d": nn.Conv3d,
    "conv_transpose1d": nn.ConvTranspose1d,
    "conv_transpose2d": nn.ConvTranspose2d,
    "conv_transpose3d": nn.ConvTranspose3d,
    "embedding": nn.Embedding,
    "group_norm": nn.GroupNorm,
    "gru": nn.GRU,
    "layer_norm": nn.LayerNorm,
    "linear": nn.Linear,
    "lstm": nn.LSTM,
    "prelu": nn.PReLU,
    "rms_norm": nn.RMSNorm,
    "rnn_relu": nn.RNN,
    "rnn_tanh": nn.RNN,
}
"""The classes of the layers whose weights an operation takes."""


class Kinds:
    """What the layers of a module are.

    Parameters
    ----------
    every : list of tuple
        The layers, as `walk` gives them.
    """

    def __init__(self, every: Layers) -> None:
        self._traced: dict[int, Kind] = {}
        self._plain = plain = dict[type, bool]()
        for _, _, layer in every:
            cls = type(layer)
            if cls not in plain:
                known = cls.__getattr__ is not nn.Module.__getattr__ or hasattr(cls, "graph")
                plain[cls] = not known and not hasattr(cls, "original_name")
            if plain[cls] and "graph" not in layer.__dict__:
                continue
            graph = getattr(layer, "graph", None)
            if isinstance(graph, fx.Graph):
                self._traced |= _traced(layer, graph)

    @property
    def traced(self) -> bool:
        """Whether a graph tells what any of the layers is."""
        return bool(self._traced)

    def __getitem__(self, layer: Module) -> Kind:
        """Return what a layer is."""
        return self._traced.get(id(layer)) or Kind(self._class(layer), _NO_FACTS, layer)

    def class_of(self, layer: Module) -> type:
        """Return the class of a layer alone, in less time."""
        return self[layer].cls if self._traced else self._class(layer)

    def _class(self, layer: Module) -> type:
        cls = type(layer)
        return cls if self._plain.get(cls) and "original_name" not in layer.__dict__ else _scripted(layer) or cls

    def is_exactly(self, layer: Module, cls: type) -> bool:
        """Tell whether a layer is of a class itself, and no graph says otherwise."""
        return type(layer) is cls and id(layer) not in self._traced


_NO_FACTS: Mapping[str, Any] = {}


def _attribute(layer: Module, name: str) -> Any:
    """Return an attribute, None if there is none, of which `torch.nn.Module` takes long to say so."""
    cls = type(layer)
    if cls.__getattr__ is nn.Module.__getattr__ and name not in layer.__dict__ and not hasattr(cls, name):
        return None
    return getattr(layer, name, None)


def _scripted(layer: Module) -> type | None:
    name = _attribute(layer, "original_name")
    cls = getattr(nn, name, None) if isinstance(name, str) else None
    return cls if isinstance(cls, type) else None


def _traced(owner: Module, graph: fx.Graph) -> dict[int, Kind]:
    """Read from a graph what the parameters that it takes are used for."""
    found: dict[int, Kind] = {}
    for node in graph.nodes:
        if node.op != "get_attr":
            continue
        path, _, name = str(node.target).rpartition(".")
        holder = owner
        for part in filter(None, path.split(".")):
            holder = getattr(holder, part)
        for user in node.users:
            schema: Any = getattr(user.target, "_schema", None)
            operation = schema.name.rpartition("::")[2] if schema is not None else ""
            if operation not in _OPERATIONS or not isinstance(holder, nn.Module):
                continue
            facts = {
                argument.name: user.args[at] if at < len(user.args) else user.kwargs.get(argument.name, None)
                for at, argument in enumerate(schema.arguments)
                if at < len(user.args) or argument.name in user.kwargs
            }
            if "padding_idx" in facts and facts["padding_idx"] == -1:
                facts["padding_idx"] = None
            defaults = {a.name: a.default_value for a in schema.arguments if a.has_default_value()}
            cls = _class_on_stack(user, path) or _OPERATIONS[operation]
            if name.startswith(("weight", "bias")) or not path:
                found[id(holder)] = Kind(cls, {**defaults, **facts}, holder)
    return found


def _class_on_stack(node: fx.Node, path: str) -> type | None:
    """Return the class of torch.nn that a node was traced in, if the parameter is that layer's own."""
    stack = node.meta.get("nn_module_stack") or {}
    names = [str(kind if isinstance(kind, str) else getattr(kind, "__qualname__", "")) for _, kind in stack.values()]
    if path or not names:
        return None
    cls = getattr(nn, names[-1].rpartition(".")[2], None)
    return cls if isinstance(cls, type) and issubclass(cls, nn.Module) else None
